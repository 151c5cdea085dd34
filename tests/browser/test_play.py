"""The page Play in a real browser: it sounds as Python does, at the pitch of the key, and is silent when let go."""

import base64
import re

import numpy as np
import pytest

from ddsing import instrument
from ddsing.engine import full_band, render
from ddsing.play import browser as packing
from ddsing.transfer.takes import TakeStore
from ddsing.ui.play import scripts
from ddsing.ui.shell import errors
from ddsing.workspace import Workspace, open_workspace
from tests.support import loudspeaker, playing, tops, z_models
from tests.support.accessible import jumps
from tests.support.dashboard import Server, new_context, settled
from tests.support.patience import until

pytestmark = pytest.mark.browser

SITE = "https://play.test/"  # nothing is asked of it: only such an address may have an audio thread
OFFLINE = """async ({ pack, f0Hz, loudnessDb, script, rate = 16000 }) => {
  const buffer = Uint8Array.from(atob(pack), (letter) => letter.charCodeAt(0)).buffer;
  const context = new OfflineAudioContext(2, rate / 250 * (f0Hz.length - 2), rate);
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  const node = new AudioWorkletNode(context, "ddsing-play", {
    numberOfInputs: 0, outputChannelCount: [2], processorOptions: { pack: buffer, curves: { f0Hz, loudnessDb } },
  });
  node.connect(context.destination);
  const sound = await context.startRendering();
  return [0, 1].map((channel) => Array.from(sound.getChannelData(channel)));
}"""

FOUR_MORE = """() => {
  const [one] = JSON.parse(sessionStorage.getItem("ddsing.play.kept"));
  const more = [1, 2, 3, 4].map((number) => ({ ...one, id: `${one.id}${number}` }));
  sessionStorage.setItem("ddsing.play.kept", JSON.stringify([one, ...more]));
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


def test_the_audio_thread_of_a_48_khz_device_plays_the_top(blank):
    """A tone's harmonics up to 12 kHz are within -80 dB; of the noise above 8 kHz, the power."""
    voice = playing.demo("aria full band")
    f0_hz, loudness_db = np.full(502, 220.0, np.float32), np.full(502, -25.0, np.float32)
    part = render.solo(render.load(voice.config, voice.weights, voice.top), f0_hz, loudness_db, n_samples=32_000)
    blocks = list(full_band.blocks(part, n_samples=32_000))
    ours, hiss = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("harmonic", "noise"))
    given = {"pack": base64.b64encode(packing.pack(voice)).decode(), "rate": 48_000}
    given |= {"f0Hz": f0_hz.tolist(), "loudnessDb": loudness_db.tolist(), "script": scripts.text_of(*scripts.WORKLET)}
    harmonic, noise = map(np.array, blank.evaluate(OFFLINE, given))
    assert playing.apart_db(harmonic[4_800:-4_800], ours[4_800:-4_800]) < -80.0
    for low_hz, high_hz in ((8_500, 11_300), (11_300, 22_600)):
        off = tops.band_density(noise[4_800:], low_hz, high_hz) / tops.band_density(hiss, low_hz, high_hz)
        assert 10 * np.log10(off) == pytest.approx(0.0, abs=0.3)


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium_path):
    workspace = open_workspace(tmp_path_factory.mktemp("play") / "ws")
    instrument.write(z_models.z_instrument(latent=z_models.some_space()), workspace.instruments / "Listener.zip")
    started = Server(workspace.root)
    started.wait()
    yield started
    started.stop()


@pytest.fixture
def page(browser, server):
    context = new_context(browser, viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    tab = context.new_page()
    tab.add_init_script(loudspeaker.TAP)
    _open(tab, server)
    yield tab
    context.close()


def _open(tab, server, state: str = "ready") -> None:
    tab.goto(f"{server.url}/play")
    tab.get_by_role("radio", name="Plain").click()
    settled(tab)
    tab.locator(f'.play[data-state="{state}"]').wait_for()


def test_a_key_is_heard_at_its_pitch_until_it_is_let_go(page):
    assert page.evaluate("() => window.taps.length") == 0  # no sound before a gesture
    key = page.get_by_role("button", name="A3")
    box = key.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.8 * box["height"])
    page.mouse.down()
    page.locator('.play[data-state="playing"]').wait_for()
    signal, rate_hz = loudspeaker.heard(page)
    assert 20 * np.log10(np.abs(signal).max()) > -40
    assert loudspeaker.pitch(signal, rate_hz) == pytest.approx(57.0, abs=0.15)
    page.locator(".note", has_text=re.compile("^A3")).wait_for()
    loud = np.square(signal).mean()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.7 * box["height"])
    page.mouse.move(
        box["x"] + box["width"] / 2 + 1.25 * 7 / 12 * box["width"] + 0.25 * box["width"], box["y"] + 0.7 * box["height"]
    )
    signal, rate_hz = loudspeaker.heard(page)
    assert loudspeaker.pitch(signal, rate_hz) == pytest.approx(57.0 + 1.25, abs=0.3)
    page.mouse.up()
    page.wait_for_timeout(900)
    assert np.square(loudspeaker.heard(page)[0]).mean() < 1e-4 * loud


def test_computer_keys_play_while_the_page_reruns(page):
    """The last key sounds, then the one before it again; a style chosen meanwhile stops nothing."""
    page.keyboard.down("a")
    page.locator('.play[data-state="playing"]').wait_for()
    first = loudspeaker.pitch(*loudspeaker.heard(page))
    page.keyboard.down("d")
    assert loudspeaker.pitch(*loudspeaker.heard(page)) == pytest.approx(first + 4, abs=0.2)
    page.keyboard.up("d")
    page.get_by_role("radio", name="Pop").click()
    settled(page)
    assert loudspeaker.pitch(*loudspeaker.heard(page)) == pytest.approx(first, abs=0.9)  # its vibrato
    assert page.locator('[data-down="true"]').count() == 1
    page.keyboard.up("a")


def test_another_instrument_takes_its_place(page):
    page.get_by_role("combobox", name="Instrument").click()
    page.get_by_role("option", name="cello").click()
    page.locator('.play[aria-label="Play cello"][data-state="ready"]').wait_for()
    page.get_by_role("heading", name="Play").click()  # letters belong to the box that was typed into
    page.keyboard.down("a")
    page.locator('.play[data-state="playing"]').wait_for()
    assert 20 * np.log10(np.abs(loudspeaker.heard(page)[0]).max()) > -50
    assert page.get_by_text(errors.SORRY).count() == 0
    page.keyboard.up("a")


MIDI = """
const port = { name: "Grand", onmidimessage: null };
navigator.requestMIDIAccess = async () => ({ inputs: new Map([["one", port]]), onstatechange: null });
window.midi = (...data) => port.onmidimessage({ data: Uint8Array.from(data) });
"""


def test_a_midi_keyboard_plays_bends_and_holds(browser, server):
    context = new_context(browser, viewport={"width": 390, "height": 844})
    tab = context.new_page()
    tab.add_init_script(loudspeaker.TAP + MIDI)
    _open(tab, server)
    tab.get_by_role("button", name="Connect MIDI keyboard").click()
    tab.get_by_role("button", name="MIDI: Grand").wait_for()
    tab.evaluate("() => midi(0x90, 60, 100)")
    tab.locator('.play[data-state="playing"]').wait_for()
    assert tab.locator('[data-down="true"]').get_attribute("aria-label") == "C4"
    assert loudspeaker.pitch(*loudspeaker.heard(tab)) == pytest.approx(60.0, abs=0.15)
    tab.evaluate("() => { midi(0xE0, 0, 96); midi(0xB0, 64, 127); midi(0x80, 60, 0); }")
    assert loudspeaker.pitch(*loudspeaker.heard(tab)) == pytest.approx(61.0, abs=0.15)  # held by the pedal, and bent
    held = np.square(loudspeaker.heard(tab)[0]).mean()
    tab.evaluate("() => midi(0xB0, 64, 0)")
    tab.wait_for_timeout(900)
    assert np.square(loudspeaker.heard(tab)[0]).mean() < 1e-4 * held
    context.close()


def test_what_is_recorded_becomes_a_take(page, server):
    chosen = page.locator(".play").get_attribute("aria-label").removeprefix("Play ")  # as an earlier tab has left it
    page.get_by_role("button", name="Record").click()
    page.locator('.play[data-state="playing"]').wait_for()
    page.keyboard.down("g")
    page.wait_for_timeout(1000)
    page.keyboard.up("g")
    page.wait_for_timeout(300)
    page.get_by_role("button", name="Stop and render").click()
    page.get_by_role("heading", name=f"Played → {chosen}").wait_for()
    page.locator(".player").wait_for()
    assert jumps(page) == []
    (take,) = TakeStore(Workspace(server.workspace)).list()
    with np.load(take.folder / "features.npz") as curves:
        midi, loudness_db = 69 + 12 * np.log2(curves["f0_hz_used"] / 440), curves["loudness_db_used"]
    sounding = loudness_db > -70
    shown = page.locator('[data-letter="G"]').get_attribute("data-midi")
    assert np.median(midi[sounding]) == pytest.approx(int(shown), abs=0.02)
    assert 0.9 < sounding.sum() / 250 < 4.0


def test_what_is_recorded_is_kept_until_it_is_rendered(browser, server):
    """Another instrument is chosen while it is recorded, the page is left and loaded again, and it is rendered then."""
    context = new_context(browser, viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    tab = context.new_page()
    tab.add_init_script(loudspeaker.TAP)
    tab.goto(f"{server.url}/play?instrument=cello")
    tab.locator('.play[aria-label="Play cello"][data-state="ready"]').wait_for()
    store = TakeStore(Workspace(server.workspace))
    n_before = len(store.list())
    tab.get_by_role("button", name="Record").click()
    tab.locator('.play[data-state="playing"]').wait_for()
    tab.keyboard.down("g")
    tab.get_by_role("button", name="Stop and render, 0:01").wait_for()
    tab.keyboard.up("g")
    tab.get_by_role("combobox", name="Instrument").click()
    tab.get_by_role("option", name="aria", exact=True).click()
    kept = tab.get_by_text("Recorded with cello")
    kept.wait_for()
    assert jumps(tab) == []
    tab.get_by_role("link", name="Instruments").click()
    tab.get_by_role("heading", name="Instruments").wait_for()
    tab.get_by_role("link", name="Play", exact=True).click()
    kept.wait_for()
    assert tab.get_by_text("At most 5 recordings are kept").count() == 0
    tab.evaluate(FOUR_MORE)
    tab.reload()
    tab.locator('.play[aria-label="Play aria"]').wait_for()
    tab.get_by_text("At most 5 recordings are kept, of all instruments").wait_for()
    for left in (5, 4, 3, 2):
        discard = tab.get_by_role("button", name="Discard")
        assert discard.count() == left
        discard.last.click()
    assert tab.get_by_text("At most 5 recordings are kept").count() == 0
    kept.wait_for()
    tab.get_by_role("button", name="Render", exact=True).click()
    tab.get_by_role("heading", name="Played → cello").wait_for()
    kept.wait_for(state="hidden")
    until(lambda: len(store.list()) == n_before + 1)
    assert store.list()[0].instrument == "cello"
    tab.reload()
    tab.locator('.play[aria-label="Play aria"]').wait_for()
    assert not kept.is_visible()
    context.close()


def test_what_is_too_large_for_the_device_is_a_plain_tone(browser, server):
    """On a device that is a thousand times as slow."""
    context = new_context(browser)
    tab = context.new_page()
    slow = "const now = performance.now.bind(performance); performance.now = () => 1000 * now();"
    tab.add_init_script(loudspeaker.TAP + slow)
    _open(tab, server, "slow")
    assert "too large to be played live" in tab.locator(".status").first.text_content()
    tab.keyboard.down("g")
    tab.locator('.play[data-state="playing"]').wait_for()
    shown = int(tab.locator('[data-letter="G"]').get_attribute("data-midi"))
    assert loudspeaker.pitch(*loudspeaker.heard(tab)) == pytest.approx(shown, abs=0.1)
    context.close()


BUSY = """
    const now = performance.now.bind(performance);
    let [last, shown, measured] = [now(), 0, 0];
    performance.now = () => {
        const [at, measures] = [now(), new Error().stack.includes("paceOf")];
        shown += (at - last) * (measures && measured < 20 ? 1000 : 1);
        [last, measured] = [at, measured + measures];
        return shown;
    };"""  # while its first two measurements are made, a thousand times as slow


def test_a_device_that_was_busy_when_it_was_measured_plays_all_the_same(browser, server):
    context = new_context(browser)
    tab = context.new_page()
    tab.add_init_script(loudspeaker.TAP + BUSY)
    _open(tab, server)
    context.close()


def test_timbre_is_moved_on_the_pad_and_its_sliders_follow(page):
    assert not page.locator(".pad").is_visible()
    page.get_by_role("combobox", name="Instrument").click()
    page.get_by_role("option", name="Listener").click()
    page.locator('.play[aria-label="Play Listener"][data-state="ready"]').wait_for()
    box = page.locator(".pad").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.75 * box["height"])
    page.mouse.up()
    page.get_by_text("+1.5", exact=True).wait_for()
    page.get_by_text("-1.5", exact=True).wait_for()
