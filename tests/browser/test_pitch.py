"""The pitch editor in a real browser: a stretch is selected, moved, undone, and all is as it was after a reload."""

import pytest

from ddsing.sound import audio, features
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.browser.test_accessibility import EXEMPT, still
from tests.support import tiny_workspace
from tests.support.accessible import findings
from tests.support.dashboard import settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SUNG = "() => [...ddsingRolls.values()][0].selected"


@pytest.fixture
def workspace(tmp_path):
    made = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    sound = audio.decode(made.examples / f"{tiny_workspace.EXAMPLE}.wav")
    features.extract(sound, tracker="tiny", cache=features.FeatureCache(made.cache / "features"))
    return made


def unfold(tab):
    tab.get_by_text("Edit the pitch").first.click()
    tab.locator(".stage").wait_for()
    settled(tab)


def changes(tab, n):
    tab.get_by_text("1 change of the pitch is" if n == 1 else f"{n} changes of the pitch are").wait_for()
    settled(tab)


def drag(tab, start, end, steps=6):
    """Across the roll, by shares of its width and height."""
    box = tab.locator(".stage").bounding_box()
    (x0, y0), (x1, y1) = ((box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (start, end))
    tab.mouse.move(x0, y0)
    tab.mouse.down()
    tab.mouse.move(x1, y1, steps=steps)
    tab.mouse.up()


def accessible(tab):
    """Nothing that axe-core holds against the open panel, light and dark, wide and narrow."""
    before = tab.viewport_size
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in (1400, 390):
            tab.set_viewport_size({"width": width, "height": 1000})
            still(tab)
            assert findings(tab, EXEMPT) == [], (scheme, width)
    tab.emulate_media(color_scheme="light")
    tab.set_viewport_size(before)
    settled(tab)


def test_a_stretch_is_selected_moved_undone_and_found_again_after_a_reload(dashboard, workspace):
    tab, _ = dashboard(workspace, "")
    tab.get_by_role("radio", name="Draft").click()
    settled(tab)
    unfold(tab)
    up, undo, redo = (tab.get_by_role("button", name=name, exact=True) for name in ("Octave up", "Undo", "Redo"))
    assert up.is_disabled() and undo.is_disabled() and redo.is_disabled()
    tab.locator(".stage").scroll_into_view_if_needed()
    drag(tab, (0.25, 0.5), (0.45, 0.5))
    start, end = tab.evaluate(SUNG)
    assert 0.4 < start < end < 1.4 and up.is_enabled()
    assert tab.locator(".foot .status").inner_text().startswith(f"{start:.2f} to {end:.2f} s: A3")
    up.click()
    changes(tab, 1)
    assert tab.evaluate(SUNG) == [start, end] and undo.is_enabled()

    tab.locator(".stage").focus()
    tab.keyboard.press("ArrowDown")
    changes(tab, 2)
    tab.keyboard.press("Control+z")
    changes(tab, 1)
    tab.get_by_role("button", name="Draw").click()
    drag(tab, (0.6, 0.3), (0.8, 0.6))
    changes(tab, 2)
    undo.click()
    changes(tab, 1)
    tab.reload()
    settled(tab)
    changes(tab, 1)
    tab.locator(".stage").wait_for()
    assert redo.is_enabled(), "what was undone is kept, too"
    redo.click()
    changes(tab, 2)
    undo.click()
    changes(tab, 1)
    accessible(tab)

    tab.locator(".from").select_text()
    for keys in ("0.5", "Tab", "0.9", "Enter"):
        (tab.keyboard.press if keys.isalpha() else tab.keyboard.type)(keys)
    assert tab.evaluate(SUNG) == [0.5, 0.9]
    tab.get_by_role("button", name="Transfer timbre").click()
    tab.get_by_text("pitch edited").wait_for()
    (step,) = TakeStore(workspace).newest().edit.steps
    assert (step.name, step.cents) == ("shift", 1200.0)
    assert abs(step.start - start * 250) <= 1 and abs(step.end - end * 250) <= 1
