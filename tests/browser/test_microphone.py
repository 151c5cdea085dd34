"""The microphone of the page Play in a real browser: the instrument follows it, and lets go of it when not used."""

import numpy as np
import pytest

from ddsing.transfer.takes import TakeStore
from ddsing.ui.play import scripts
from ddsing.workspace import Workspace, open_workspace
from tests.browser.conftest import ARGUMENTS
from tests.support import loudspeaker
from tests.support.accessible import jumps
from tests.support.dashboard import Server, new_context
from tests.support.patience import until

pytestmark = pytest.mark.browser

PLAIN = "0.0.0.0"  # this computer, by an address that the browser does not know as such
OPENED = """
const made = AudioContext.prototype.createMediaStreamSource;
window.opened = [];
AudioContext.prototype.createMediaStreamSource = function (stream) {
  window.opened.push(...stream.getTracks());
  return made.call(this, stream);
};
"""
STATES = "() => window.opened.map((one) => one.readyState)"
UNPLUG = """() => {
  window.opened.at(-1).stop(); // as a device that is gone does, which tells the page besides
  window.opened.at(-1).dispatchEvent(new Event("ended"));
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium_path):
    workspace = open_workspace(tmp_path_factory.mktemp("microphone") / "ws")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMLIT_SERVER_ALLOWED_HOSTS", f"localhost 127.0.0.1 {PLAIN}")
        started = Server(workspace.root)
    started.wait()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def asking(playwright, chromium_path, microphone_file):
    """A browser that has a microphone, and asks before a page may use it: nobody answers, which is no."""
    arguments = [one for one in ARGUMENTS if one != "--use-fake-ui-for-media-stream"]
    launched = playwright.chromium.launch(
        executable_path=chromium_path, args=[*arguments, f"--use-file-for-fake-audio-capture={microphone_file}"]
    )
    yield launched
    launched.close()


@pytest.fixture
def singer(asking, server):
    context = new_context(asking, viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    tab = context.new_page()
    tab.add_init_script(loudspeaker.TAP + OPENED)
    tab.goto(f"{server.url}/play?instrument=cello")
    tab.locator('.play[aria-label="Play cello"][data-state="ready"]').wait_for()
    yield tab
    context.close()


def _switched_on(tab):
    """The switch, once the microphone is heard."""
    switch = tab.get_by_role("switch", name="Microphone")
    switch.click()
    tab.get_by_text("Wear headphones").wait_for()
    tab.locator('.play[data-state="playing"]').wait_for()  # and plugged in
    assert switch.get_attribute("aria-checked") == "true"
    return switch


def test_the_instrument_follows_a_voice_at_the_microphone(singer, server):
    """It sings the two notes of the microphone, kept as a take; switched off, it is silent and lets go of it."""
    switch = singer.get_by_role("switch", name="Microphone")
    switch.click()
    singer.get_by_text("The browser does not allow the microphone.").wait_for()
    assert switch.get_attribute("aria-checked") == "false"
    singer.context.grant_permissions(["microphone"])
    _switched_on(singer)
    assert jumps(singer) == []
    notes, heard = {57.0: [], 64.02: []}, []

    def both() -> bool:
        signal, rate_hz = loudspeaker.heard(singer)
        if np.abs(signal).max() > 1e-3:
            heard.append(loudspeaker.pitch(signal, rate_hz))
            for note, found in notes.items():
                found += [heard[-1]] if abs(heard[-1] - note) < 0.15 else []
        return all(notes.values())

    until(both, told=lambda: heard)
    store = TakeStore(Workspace(server.workspace))
    singer.get_by_role("button", name="Record").click()
    singer.get_by_role("button", name="Stop and render, 0:04").click()
    until(lambda: len(store.list()) == 1)
    with np.load(store.list()[0].folder / "features.npz") as curves:
        midi, loudness_db = 69 + 12 * np.log2(curves["f0_hz_used"] / 440), curves["loudness_db_used"]
    sounding = midi[loudness_db > -70]
    off = np.abs(sounding[:, None] - [57.0, 64.02]).min(axis=1)
    assert len(sounding) > 500 and np.mean(off < 0.1) > 0.9
    assert singer.evaluate(STATES) == ["live"]
    switch.click()
    singer.get_by_text("Wear headphones").wait_for(state="hidden")
    assert singer.evaluate(STATES) == ["ended"]
    until(lambda: np.abs(loudspeaker.heard(singer)[0]).max() < 1e-4)


def test_nobody_holds_the_microphone_once_it_is_unplugged_or_the_page_is_left(singer):
    singer.context.grant_permissions(["microphone"])
    switch = _switched_on(singer)
    singer.evaluate(UNPLUG)
    singer.get_by_text("The microphone is gone. Plug it in and press Microphone again.").wait_for()
    assert switch.get_attribute("aria-checked") == "false"
    _switched_on(singer)
    singer.get_by_role("combobox", name="Instrument").click()
    singer.get_by_role("option", name="aria", exact=True).click()
    singer.get_by_text("Sing, and aria follows").wait_for()
    singer.locator('.play[aria-label="Play aria"][data-state="playing"]').wait_for()  # without another press
    until(lambda: np.abs(loudspeaker.heard(singer)[0]).max() > 1e-3)
    assert singer.evaluate(STATES)[-1] == "live"
    singer.get_by_role("link", name="Instruments").click()
    singer.get_by_role("heading", name="Instruments").wait_for()
    until(lambda: set(singer.evaluate(STATES)) == {"ended"})
    singer.get_by_role("link", name="Play", exact=True).click()
    singer.locator('.play[data-state="ready"]').wait_for()
    assert switch.get_attribute("aria-checked") == "false"


NO_MICROPHONE = """async (script) => {
  const Microphone = new Function(`${script}; return Microphone;`)();
  const one = new Microphone(() => null);
  return one.open().then(() => one.why);
}"""


def test_a_computer_without_a_microphone_says_so(playwright, chromium_path):
    launched = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"])
    tab = new_context(launched).new_page()
    tab.route("**/*", lambda route: route.fulfill(body="<!doctype html><title>blank</title>", content_type="text/html"))
    tab.goto("https://play.test/")
    assert tab.evaluate(NO_MICROPHONE, scripts.text_of("microphone.js")).startswith("No microphone was found.")
    launched.close()


def test_over_http_the_page_says_where_it_plays(asking, server):
    tab = new_context(asking, viewport={"width": 1366, "height": 768}, reduced_motion="reduce").new_page()
    tab.goto(f"http://{PLAIN}:{server.port}/play?instrument=cello")
    tab.get_by_text("The browser plays live on this computer or over https only. Open the dashboard there.").wait_for()
    assert tab.evaluate("() => navigator.mediaDevices === undefined")
    assert tab.get_by_role("switch", name="Microphone").is_disabled()
    tab.context.close()
