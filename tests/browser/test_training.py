"""The two-minute tutorial from its first press to a take of the new instrument, in a real browser, with real training.

And what only a browser can show of the Datasets and Training pages: curves that keep still, players that play on,
windows chosen by drawing a box.
"""

import contextlib
import io
import re
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from ddsing.dataset import adding, prepare, voices, windows
from ddsing.instrument.library import Library
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.order import Order
from ddsing.jobs.store import JobStore
from ddsing.sound.audio import encode
from ddsing.training import history
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import open_workspace
from tests.support import tiny_runs, tiny_workspace
from tests.support.dashboard import settled
from tests.support.patience import PATIENCE_S, until

pytestmark = pytest.mark.browser

RUNS = """() => { window.runs = 0;
    new MutationObserver(changes => { window.runs += changes.length; }).observe(
        document.querySelector('[data-testid="stApp"]'), {attributes: true, attributeFilter: ['data-test-script-state']}
    ); }"""
PLACE_OF = "(e, s) => e._fullLayout.xaxis.l2p(s) + e._fullLayout.xaxis._offset"
MIDDLE = "e => e._fullLayout.yaxis.l2p(0) + e._fullLayout.yaxis._offset"
LOSS = '[class*="st-key-train-loss"] .js-plotly-plot'


def heard(tab, server, player):
    """The sound behind a player."""
    player.wait_for(state="attached")
    address = player.get_attribute("src")
    body = tab.request.get(address if address.startswith("http") else server.url + address).body()
    return soundfile.read(io.BytesIO(body), dtype="float32")[0]


def steps_described(tab):
    """Over how many steps the loss curve goes, by its own description."""
    said = tab.get_by_role("figure", name=re.compile("^Loss over")).first.get_attribute("aria-label")
    return int(re.match(r"Loss over ([\d,]+) steps", said)[1].replace(",", ""))


DRAWN = """where => {
    const {_fullLayout: layout, _fullData: data} = document.querySelector(where) ?? {};
    return layout && data?.length && layout.xaxis.range;
}"""


def steps_shown(tab):
    """First and last step on the axis of the loss curve, once it is drawn."""
    return tab.wait_for_function(DRAWN, arg=LOSS).json_value()


def choose_stretch(tab):
    """Drag over the loss curve; again if new points came just then."""
    from playwright.sync_api import TimeoutError as NotChosen

    chosen = tab.get_by_role("button", name="Show all steps")
    for _ in range(6):
        tab.locator(LOSS).first.scroll_into_view_if_needed()
        curve = tab.locator(LOSS).first.bounding_box()
        if curve is not None:
            tab.mouse.move(curve["x"] + 120, curve["y"] + 150)
            tab.mouse.down()
            tab.mouse.move(curve["x"] + 320, curve["y"] + 160, steps=5)
            tab.mouse.up()
        with contextlib.suppress(NotChosen):
            chosen.wait_for(timeout=4000)
            return
    raise AssertionError("no stretch was chosen")


def press(tab, name):
    button = tab.get_by_role("button", name=name, exact=True)
    button.click()


def test_the_tutorial_from_its_first_press_to_a_take(dashboard, tmp_path):
    workspace = open_workspace(tmp_path / "ws")
    tab, server = dashboard(workspace, "training")
    press(tab, "Prepare Mira")
    press(tab, "Train Mira")

    # A voice forms, step by step, without a reload and without a rerun of the page.
    tab.evaluate("() => { window.never_reloaded = true; }")
    previews = tab.locator('[class*="st-key-preview-"] audio')
    previews.nth(1).wait_for(state="attached")
    assert tab.evaluate("() => window.never_reloaded")
    for index in range(2):
        sound = heard(tab, server, previews.nth(index))
        assert len(sound) > 3 * 16_000 and np.sqrt(np.mean(sound**2)) > 1e-3

    # The curve keeps the stretch that was chosen, and a player plays on, while points come.
    choose_stretch(tab)
    shown = steps_shown(tab)
    previews.first.evaluate("e => { e.loop = true; e.muted = true; e.play(); window.player = e; }")
    before = steps_described(tab)
    until(lambda: steps_described(tab) > before)
    assert steps_shown(tab) == shown
    assert tab.evaluate("() => window.player.isConnected && !window.player.paused")
    tab.reload()
    tab.locator('[class*="st-key-train-stop"] button').first.click()
    tab.get_by_role("button", name="Resume").wait_for()
    stopped = history.read(workspace.audio / "Mira_checkpoints")
    assert stopped.checkpoints and stopped.steps[-1] == stopped.checkpoints[-1]

    # Nothing runs any more, so the page asks for nothing.
    settled(tab)
    tab.evaluate(RUNS)
    tab.wait_for_timeout(6000)
    assert tab.evaluate("() => window.runs") == 0

    press(tab, "Export Mira")
    press(tab, "Sing with Mira")
    tab.get_by_text("Tutorial, last step").wait_for()
    assert Library(workspace).get("Mira").provenance.step == stopped.checkpoints[-1]
    settled(tab)
    tab.get_by_role("button", name="Transfer timbre").click()
    tab.get_by_text("the voice you trained").wait_for()
    take = TakeStore(workspace).list()[0]
    assert take.instrument == "Mira"
    sound = soundfile.read(take.folder / "result.wav")[0]
    assert np.sqrt(np.mean(sound**2)) > 1e-3


def test_a_page_asks_nothing_by_itself(dashboard, tmp_path):
    tab, _ = dashboard(open_workspace(tiny_workspace.fill(tmp_path / "ws")), "training")
    tab.wait_for_timeout(2000)
    settled(tab)
    tab.evaluate(RUNS)
    tab.wait_for_timeout(6000)
    assert tab.evaluate("() => window.runs") == 0


def test_the_page_falls_still_when_the_last_job_of_another_voice_ends(dashboard, tmp_path):
    workspace = open_workspace(tiny_workspace.fill(tmp_path / "ws"))
    store = JobStore(workspace, launcher=SimpleNamespace(start=lambda folder: None))
    job = store.submit(Order("prepare", "Prepare bass", {"voice": "bass"}, key="prepare:bass", needs_bytes=0))
    place = JobFolder(workspace.jobs / job.id)
    lock = place.take()
    place.write_record({"state": "running"})
    tab, _ = dashboard(workspace, "training")
    tab.get_by_text("Running", exact=True).wait_for()
    settled(tab)
    tab.evaluate(RUNS)
    tab.wait_for_timeout(6000)
    assert tab.evaluate("() => window.runs") > 0
    place.write_record({"state": "done"})
    lock.release()
    tab.get_by_text("Running", exact=True).wait_for(state="hidden")
    settled(tab)
    tab.wait_for_timeout(2000)
    tab.evaluate(RUNS)
    tab.wait_for_timeout(6000)
    assert tab.evaluate("() => window.runs") == 0


def test_windows_are_left_out_by_drawing_a_box_over_them(dashboard, tmp_path):
    workspace = open_workspace(tiny_workspace.empty(tmp_path / "ws"))
    voice = voices.create(workspace, "alto")
    adding.add(voice, [("one.wav", encode(tiny_workspace.sung(16.0)))])
    prepare.prepare(voice, tracker="tiny")
    tab, _ = dashboard(workspace, "datasets")
    tab.get_by_text("Browse the windows").click()
    plot = tab.locator('[class*="st-key-windows-coverage"] .js-plotly-plot')
    plot.wait_for()
    settled(tab)
    box = plot.bounding_box()
    at = [plot.evaluate(PLACE_OF, time_s) for time_s in (2.2, 6.2)]
    middle = plot.evaluate(MIDDLE)
    tab.mouse.move(box["x"] + at[0], box["y"] + middle - 8)
    tab.mouse.down()
    tab.mouse.move(box["x"] + at[1], box["y"] + middle + 8, steps=6)
    tab.mouse.up()
    tab.get_by_text("4 windows in the box").wait_for()

    # The box stays while the page is drawn again, and in other colours.
    tab.keyboard.press("r")
    settled(tab)
    tab.get_by_text("Confidence", exact=True).click()
    plot.locator("text", has_text="confidence of the pitch").wait_for()
    settled(tab)
    press(tab, "Exclude them")
    tab.get_by_text("changed since the dataset was prepared").first.wait_for()
    table = windows.load(voice)
    chosen = table.start_s[table.excluded]
    assert list(chosen) == [2.0, 3.0, 4.0, 5.0] and not prepare.is_current(voice)
    tab.get_by_text("changed since the dataset was prepared").first.wait_for()

    # A click on a cell chooses its window.
    settled(tab)
    plot = plot.last  # the one before it may still be there
    box = plot.bounding_box()
    tab.mouse.click(box["x"] + plot.evaluate(PLACE_OF, 7.5), box["y"] + plot.evaluate(MIDDLE))
    tab.get_by_text("from 7 s").first.wait_for()


def test_tensorboard_opens_from_the_page_asks_nobody_outside_and_is_closed(dashboard, workspace):
    for number, name in enumerate(("Aria", "Bruno")):
        tiny_runs.run(workspace, name, end=5.0 - number)
    tab, _ = dashboard(workspace, "training")
    tab.get_by_role("button", name="Open TensorBoard").click()
    link = tab.get_by_role("link", name="TensorBoard: http://localhost:")
    link.wait_for()
    tab.reload()
    link.wait_for()
    address, asked, failed = link.get_attribute("href"), [], []
    tab.context.on("request", lambda request: asked.append(request.url))
    tab.context.on("response", lambda response: failed.append(response.url) if response.status >= 400 else None)
    with tab.context.expect_page() as opened:
        link.click()
    board = opened.value
    board.get_by_text("losses/total_loss").first.wait_for()
    for name in ("Aria", "Bruno"):
        board.get_by_text(name, exact=True).first.wait_for()
    board.close()
    theirs = [url for url in asked if url.startswith(address)]
    own = link.evaluate("() => location.origin")
    assert len(theirs) > 5 and failed == []
    assert [url for url in asked if url.startswith("http") and not url.startswith((address, own))] == []
    tab.get_by_role("button", name="Close TensorBoard").click()
    tab.get_by_role("button", name="Open TensorBoard").wait_for()
    with pytest.raises(OSError):
        urllib.request.urlopen(address, timeout=PATIENCE_S)
