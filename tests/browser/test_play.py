"""The page Play in a real browser: it sounds as Python does, at the pitch of the key, and is silent when let go."""

import base64

import numpy as np
import pytest

from ddsing.play import browser as packing
from ddsing.ui.play import scripts
from ddsing.workspace import open_workspace
from tests.support import loudspeaker, playing
from tests.support.dashboard import Server, new_context, settled

pytestmark = pytest.mark.browser

SITE = "https://play.test/"  # nothing is asked of it: only such an address may have an audio thread
OFFLINE = """async ({ pack, f0Hz, loudnessDb, script }) => {
  const buffer = Uint8Array.from(atob(pack), (letter) => letter.charCodeAt(0)).buffer;
  const context = new OfflineAudioContext(2, 64 * (f0Hz.length - 2), 16000);
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  const node = new AudioWorkletNode(context, "ddsing-play", {
    numberOfInputs: 0, outputChannelCount: [2], processorOptions: { pack: buffer, curves: { f0Hz, loudnessDb } },
  });
  node.connect(context.destination);
  const sound = await context.startRendering();
  return [0, 1].map((channel) => Array.from(sound.getChannelData(channel)));
}"""


@pytest.fixture(scope="module")
def blank(browser):
    context = new_context(browser)
    tab = context.new_page()
    tab.route("**/*", lambda route: route.fulfill(body="<!doctype html><title>blank</title>", content_type="text/html"))
    tab.goto(SITE)
    yield tab
    context.close()


@pytest.mark.parametrize("name", playing.VOICES)
def test_the_audio_thread_sounds_as_python_does(blank, name):
    """The harmonic part within -80 dB; of the noise, which has draws of its own, the power."""
    voice = playing.VOICES[name]()
    f0_hz, loudness_db, ours = playing.rendered(voice)
    pack = base64.b64encode(packing.pack(voice)).decode()
    given = {"pack": pack, "f0Hz": f0_hz.tolist(), "loudnessDb": loudness_db.tolist()}
    harmonic, noise = blank.evaluate(OFFLINE, given | {"script": scripts.text_of(*scripts.WORKLET)})
    assert playing.apart_db(np.array(harmonic), ours.harmonic) < -80.0
    power = [10 * np.log10(np.mean(np.square(sound[3200:-6400]))) for sound in (np.array(noise), ours.noise)]
    assert power[0] == pytest.approx(power[1], abs=1.0)


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium_path):
    workspace = open_workspace(tmp_path_factory.mktemp("play") / "ws")
    started = Server(workspace.root)
    started.wait()
    yield started
    started.stop()


@pytest.fixture
def page(browser, server):
    context = new_context(browser, viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    tab = context.new_page()
    tab.add_init_script(loudspeaker.TAP)
    tab.goto(f"{server.url}/play")
    tab.get_by_role("radio", name="Plain").click()
    settled(tab)
    tab.locator('.play[data-state="ready"]').wait_for()
    yield tab
    context.close()


def _heard(tab) -> tuple[np.ndarray, float]:
    tab.wait_for_timeout(400)
    signal, _ = tab.evaluate("() => window.heard()")
    return np.array(signal), float(tab.evaluate("() => window.taps.at(-1)?.at.sampleRate ?? 16000"))


def _pitch(signal: np.ndarray, rate_hz: float) -> float:
    """MIDI number of the period at which a sound repeats best, between 80 and 800 Hz."""
    size = 4 * len(signal)
    likeness = np.fft.irfft(np.abs(np.fft.rfft(signal - signal.mean(), size)) ** 2)
    likeness = likeness[: len(signal)] / np.arange(len(signal), 0, -1)
    lags = np.arange(int(rate_hz / 800), int(rate_hz / 80))
    best = lags[np.argmax(likeness[lags] > 0.95 * likeness[lags].max())]
    while likeness[best + 1] > likeness[best]:
        best += 1
    left, middle, right = likeness[best - 1 : best + 2]
    return 69 + 12 * np.log2(rate_hz / (best + 0.5 * (left - right) / (left - 2 * middle + right)) / 440)


def test_a_key_is_heard_at_its_pitch_until_it_is_let_go(page):
    assert page.evaluate("() => window.taps.length") == 0  # no sound before a gesture
    key = page.get_by_role("button", name="A3")
    box = key.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.8 * box["height"])
    page.mouse.down()
    page.locator('.play[data-state="playing"]').wait_for()
    signal, rate_hz = _heard(page)
    assert 20 * np.log10(np.abs(signal).max()) > -40
    assert _pitch(signal, rate_hz) == pytest.approx(57.0, abs=0.15)
    assert page.locator(".note").text_content().startswith("A3")
    loud = np.square(signal).mean()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.7 * box["height"])
    page.mouse.move(
        box["x"] + box["width"] / 2 + 1.25 * 7 / 12 * box["width"] + 0.25 * box["width"], box["y"] + 0.7 * box["height"]
    )
    signal, rate_hz = _heard(page)
    assert _pitch(signal, rate_hz) == pytest.approx(57.0 + 1.25, abs=0.3)
    page.mouse.up()
    page.wait_for_timeout(900)
    assert np.square(_heard(page)[0]).mean() < 1e-4 * loud


def test_computer_keys_play_while_the_page_reruns(page):
    """The last key sounds, then the one before it again; a style chosen meanwhile stops nothing."""
    page.keyboard.down("a")
    page.locator('.play[data-state="playing"]').wait_for()
    first = _pitch(*_heard(page))
    page.keyboard.down("d")
    assert _pitch(*_heard(page)) == pytest.approx(first + 4, abs=0.2)
    page.keyboard.up("d")
    page.get_by_role("radio", name="Pop").click()
    settled(page)
    assert _pitch(*_heard(page)) == pytest.approx(first, abs=0.9)  # its vibrato
    assert page.locator('[data-down="true"]').count() == 1
    page.keyboard.up("a")


def test_another_instrument_takes_its_place(page):
    page.get_by_role("combobox", name="Instrument").click()
    page.get_by_role("option", name="cello").click()
    page.locator('.play[aria-label="Play cello"][data-state="ready"]').wait_for()
    page.get_by_role("heading", name="Play").click()  # letters belong to the box that was typed into
    page.keyboard.down("a")
    page.locator('.play[data-state="playing"]').wait_for()
    assert 20 * np.log10(np.abs(_heard(page)[0]).max()) > -50
    page.keyboard.up("a")
