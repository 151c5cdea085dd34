"""A setting that nothing else on the page shows is changed without the page, which follows all others."""

import pytest

from ddsing.transfer.presets import Preset, Presets
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.dashboard import runs, settled

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FULL_OUTPUT = ".st-key-setting-show_full_output"
FIT = "of the singing is inside"
SET_TO = "Set to"


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "ws"))


@pytest.fixture
def tab(dashboard, workspace):
    tab, _ = dashboard(workspace, "")
    return tab


def _loaded(tab) -> None:
    """Load the page, and wait until it asks for no more runs by itself."""
    tab.reload()
    tab.get_by_text("best fit").first.wait_for()  # all of the recording has been read
    tab.get_by_text("Measuring how fast").wait_for(state="detached")
    settled(tab)


def _press(tab, switch: str) -> None:
    tab.locator(f"{switch} label").first.click()
    settled(tab)


def _is_on(tab, switch: str) -> bool:
    return tab.locator(f"{switch} input").is_checked()


def test_the_page_is_not_drawn_and_a_reload_shows_what_was_set(tab):
    with runs(tab) as seen:
        _loaded(tab)
        seen.clear()
        _press(tab, FULL_OUTPUT)
        assert seen == ["fragment"] and _is_on(tab, FULL_OUTPUT)
        _loaded(tab)
    assert _is_on(tab, FULL_OUTPUT)


def test_the_fit_follows_what_it_reads(tab):
    with runs(tab) as seen:
        _loaded(tab)
        said = tab.get_by_text(FIT).inner_text()
        seen.clear()
        tab.get_by_role("slider", name="Octave shift").press("ArrowRight")
        tab.wait_for_function(
            "([said, words]) => ![...document.querySelectorAll('p')].some("
            "(one) => one.innerText === said && one.innerText.includes(words))",
            arg=[said, FIT],
        )
        settled(tab)
        assert seen == ["stopped", "page"]  # the fragment's own, before it has drawn anything


def test_the_page_says_which_preset_is_set(tab, workspace):
    Presets(workspace).save(Preset("As it was", Settings(), "full"))
    _loaded(tab)
    tab.get_by_text(SET_TO).wait_for()
    _press(tab, FULL_OUTPUT)
    tab.get_by_text(SET_TO).wait_for(state="detached")
    _press(tab, FULL_OUTPUT)
    tab.get_by_text(SET_TO).wait_for()


def test_a_take_is_made_with_what_was_set(tab, workspace):
    from ddsing.transfer.takes import TakeStore

    _loaded(tab)
    tab.get_by_role("radio", name="Draft").click()
    settled(tab)
    _press(tab, FULL_OUTPUT)
    tab.get_by_role("button", name="Transfer timbre").click()
    tab.get_by_role("heading", name="Takes (1)").wait_for()
    assert TakeStore(workspace).newest().settings == Settings(show_full_output=True)
