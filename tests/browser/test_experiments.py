"""The Experiments page in a real browser: players that switch in place, a blind test by keyboard, matrix and links.

What reaches the loudspeaker is read from the page's own audio graph, at its destination.
"""

import io
import json
import urllib.parse

import numpy as np
import pytest
import soundfile

from ddsing.experiments.comparison import blind, matching, results, selection
from ddsing.sound.audio import encode
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import loudspeaker, tiny_workspace
from tests.support.dashboard import Server, settled
from tests.support.patience import until

pytestmark = pytest.mark.browser

SETTINGS = (Settings(), Settings(loudness_shift_db=-25.0), Settings(octave_shift=1))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A workspace with three takes of one recording, the first turned down by 14 dB after it was made."""
    workspace = Workspace(tiny_workspace.fill(tmp_path_factory.mktemp("experiments") / "ws"))
    source = workspace.examples / "song.wav"
    source.write_bytes(encode(loudspeaker.gliding()))
    for number, settings in enumerate(SETTINGS):
        take = pipeline.run(workspace, source, tiny_workspace.NAMES[0], settings, tracker="tiny")
        TakeStore(workspace).rename(take.id, f"take {number}")
        if number == 0:
            for name in ("result", "harmonic", "noise"):
                sound, rate = soundfile.read(take.folder / f"{name}.wav", dtype="float32")
                soundfile.write(take.folder / f"{name}.wav", 0.2 * sound, rate, subtype="FLOAT")
    return workspace


@pytest.fixture(scope="module")
def server(filled, chromium_path):
    started = Server(filled.root)
    started.wait()
    yield started
    started.stop()


@pytest.fixture
def page(tabs, server):
    """A tab that asks for nothing outside this computer."""
    foreign = []
    allowed = (server.url, "blob:", "data:", server.url.replace("http", "ws"))
    with tabs.lent(script=loudspeaker.TAP, permissions=["clipboard-read", "clipboard-write"]) as tab:
        tab.on("request", lambda request: None if request.url.startswith(allowed) else foreign.append(request.url))
        yield tab
        assert foreign == []


def _open(tab, server, query: str) -> None:
    tab.goto(f"{server.url}/experiments?{query}")
    tab.get_by_role("heading", name="Experiments").wait_for()
    settled(tab)


def _compare(tab, server, filled) -> list:
    takes = TakeStore(filled).list()[::-1]
    _open(tab, server, "view=takes&" + "&".join(f"take={take.id.replace(' ', '+')}" for take in takes))
    tab.locator(".track").nth(3).wait_for()
    _ready(tab)
    return takes


def _ready(tab) -> None:
    tab.wait_for_function("() => true")
    tab.locator(".play:not([disabled])").first.wait_for()


def _position(tab) -> float:
    return float(tab.locator(".seek").first.input_value())


def _heard(tab) -> np.ndarray:
    """The last half second that was heard, float64 [shape=(8192,)] at 16 kHz."""
    return np.array(tab.evaluate("() => window.heard()")[0])


def _current(tab) -> str:
    return tab.locator('.track[aria-checked="true"] .name').inner_text()


def test_switching_keeps_the_position_and_the_sound_is_that_of_the_take(page, server, filled):
    """What reaches the loudspeaker is found in each take's file, always at the same distance from the audio clock."""
    takes = _compare(page, server, filled)
    page.get_by_role("heading", name="Experiments").click()
    page.keyboard.press(" ")
    started = []
    for number in (1, 2, 3):
        page.keyboard.press(str(number))
        at_s, position_s, _ = loudspeaker.heard_of(page, takes[number - 1].folder / "result.wav")
        assert _current(page) == takes[number - 1].name
        started.append(at_s - position_s)
    assert max(started) - min(started) < 0.05, started
    page.keyboard.press(" ")
    held = _position(page)
    page.wait_for_timeout(200)
    assert _position(page) == held > 1.5  # paused
    page.keyboard.press("ArrowLeft")
    assert _position(page) == pytest.approx(max(0.0, held - 2.0), abs=0.011)


def test_equal_loudness_holds_at_the_loudspeaker_and_can_be_turned_off(page, server, filled):
    takes = _compare(page, server, filled)
    sounds = [soundfile.read(take.folder / "result.wav", dtype="float32")[0] for take in takes]
    levels = [matching.integrated_lufs(sound) for sound in sounds]
    assert max(levels) - min(levels) > 8.0
    page.get_by_role("heading", name="Experiments").click()
    heard = [level + gain for level, gain in zip(levels, _gains_db(page, takes))]
    assert max(heard) - min(heard) < 0.3, heard
    page.keyboard.press("m")
    page.wait_for_function("() => location.search.includes('matched=0')")
    gains = _gains_db(page, takes)
    assert max(gains) - min(gains) < 0.05, gains
    page.keyboard.press("m")
    page.wait_for_function("() => !location.search.includes('matched')")


def _gains_db(tab, takes) -> list[float]:
    tab.get_by_role("heading", name="Experiments").click()
    tab.keyboard.press(" ")
    found = []
    for number, take in enumerate(takes, start=1):
        tab.keyboard.press(str(number))
        tab.locator(".seek").first.fill("0.5")
        found.append(loudspeaker.heard_of(tab, take.folder / "result.wav")[2])
    tab.keyboard.press(" ")
    return found


def test_a_link_brings_the_same_takes_back(page, server, filled):
    takes = _compare(page, server, filled)[:2]
    _open(
        page, server, f"view=takes&take={takes[1].id.replace(' ', '+')}&take={takes[0].id.replace(' ', '+')}&matched=0"
    )
    page.locator(".track").nth(2).wait_for()
    assert page.locator(".track .name").all_inner_texts() == [takes[1].name, takes[0].name, "Original"]
    assert not page.locator(".matched").is_checked()
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Link copied").wait_for()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    said = urllib.parse.parse_qs(urllib.parse.urlsplit(copied).query)
    assert said == {"view": ["takes"], "take": [takes[1].id, takes[0].id], "matched": ["0"]}
    page.get_by_role("radio", name="Voice matrix").click()
    page.get_by_role("button", name="Render").wait_for()
    settled(page)
    assert "view=matrix" in page.url and "take=" not in page.url
    page.go_back()
    page.locator(".track").first.wait_for()


def test_a_blind_test_by_keyboard_from_begin_to_result(page, server, filled):
    takes = TakeStore(filled).list()[::-1]
    _open(page, server, "view=blind&" + "&".join(f"take={take.id.replace(' ', '+')}" for take in takes[1:]))
    page.get_by_role("spinbutton", name="Trials").fill("5")
    page.get_by_role("textbox", name="Listener").fill("Ear")
    page.keyboard.press("Enter")
    settled(page)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("heading", name="Trial 1 of 5").wait_for()
    test = blind.BlindTests(filled).list()[0]
    assert len(test.trials) == 5 and "test=" in page.url and "take=" not in page.url
    for trial in range(5):
        page.get_by_role("heading", name=f"Trial {trial + 1} of 5").wait_for()
        _ready(page)
        _nothing_leaks(page, test, takes, trial)
        page.keyboard.press("1")  # not before all were heard
        sounds = {}
        for key in "abx":
            page.keyboard.press(key)
            page.wait_for_timeout(600)
            sounds[key] = _heard(page)
        assert len(blind.BlindTests(filled).get(test.id).answers) == trial
        # this listener hears well
        who = {
            key: max(takes[1:], key=lambda take: loudspeaker.located(sounds[key], take.folder / "result.wav")[1]).id
            for key in "abx"
        }
        assert who["a"] != who["b"]
        assert not _answered_and_heard_on(page, "1" if who["x"] == who["a"] else "2")
    page.get_by_text("5 of 5 right").first.wait_for()
    done = blind.BlindTests(filled).get(test.id)
    assert results.score(done).n_right == 5 and done.listener == "Ear"
    assert page.get_by_text("0.031").first.is_visible()  # one in 32
    with page.expect_download() as started:
        page.get_by_role("button", name="CSV").click()
    with open(started.value.path(), encoding="utf-8") as file:
        assert len(file.readlines()) == 6


def _has_keyboard(tab, name: str) -> bool:
    return tab.locator(name).evaluate("element => element.getRootNode().activeElement === element")


def _answered_and_heard_on(tab, answer: str) -> bool:
    """Answer, press b, x and space in the same moment, and tell whether a sound of the trial that is over goes on."""
    return tab.locator(".play").evaluate(
        """(play, answer) => {
            for (const key of [answer, "b", "x", " "]) document.dispatchEvent(new KeyboardEvent("keydown", { key }));
            return play.dataset.playing === "true";
        }""",
        answer,
    )


def _nothing_leaks(tab, test, takes, trial_number: int) -> None:
    """The trial's markup, its data and its sounds' addresses tell no names, and X has no address of A's or B's."""
    trial = tab.locator('[class*="st-key-blind-trial"]')
    inside = "[...box.querySelectorAll('*')].map(e => e.shadowRoot ? e.shadowRoot.innerHTML : '').join()"
    shown = trial.evaluate(f"box => {inside} + box.outerHTML")
    fetched = tab.evaluate("() => performance.getEntriesByType('resource').map(one => one.name)")
    sounds = [address for address in fetched if address.endswith(".wav")]
    assert len(set(sounds)) == len(sounds) == 3 * (trial_number + 1)
    for take in takes:
        assert take.id not in shown and take.name not in shown and str(test.seed) not in shown
        assert not [address for address in fetched if take.id in address]


def test_ratings_by_keyboard(page, server, filled):
    takes = TakeStore(filled).list()[::-1]
    _open(page, server, "view=blind&" + "&".join(f"take={take.id.replace(' ', '+')}" for take in takes[:2]))
    page.get_by_role("radio", name="Rating").click()
    settled(page)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("heading", name="Trial 1 of 1").wait_for()
    _ready(page)
    page.set_viewport_size({"width": 480, "height": 900})
    reference = page.locator('.slot[data-slot="R"]')
    assert reference.evaluate("button => button.scrollWidth <= button.clientWidth"), "its word is inside the button"
    assert _has_keyboard(page, ".trial"), "the button that began it is gone, and no key is for it"
    for key in "r123":
        page.keyboard.press(key)
        page.locator(f'.slot[data-slot="{key.upper()}"][aria-checked="true"]').wait_for()
        page.locator('.play[data-playing="true"]').wait_for()
        for _ in range("123".find(key) + 1):
            page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_text("hidden reference").first.wait_for()
    test = blind.BlindTests(filled).list()[0]
    assert test.kind == "rating" and test.answers[0]["answer"] == [60, 70, 80]


def test_a_key_pressed_while_sounds_load_plays_as_soon_as_they_are_there(page, server, filled):
    held = []
    page.route("**/media/*.wav*", lambda route: held.append(route))
    takes = TakeStore(filled).list()[::-1]
    _open(page, server, "view=blind&" + "&".join(f"take={take.id.replace(' ', '+')}" for take in takes[:2]))
    page.get_by_role("radio", name="A/B/X").click()
    settled(page)
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator('.slot[data-slot="B"]').wait_for()
    settled(page)
    until(lambda: len(held) == 3, again=lambda: page.wait_for_timeout(50), told=lambda: str(held))
    assert _has_keyboard(page, ".trial") and page.locator(".play").is_disabled()
    page.keyboard.press("b")
    page.get_by_text("B plays once the sounds have loaded.").wait_for(state="attached")
    assert page.locator(".play").get_attribute("data-playing") == "false"
    for route in held:
        route.continue_()
    page.locator('.play[data-playing="true"]').wait_for()
    page.get_by_text("Still to listen to: A, X").wait_for()


def test_where_a_sound_is_missing_none_seems_to_be_heard(page, server, filled):
    """Else an answer could be about another sound than the one that was asked for."""
    lost = []

    def lose_one(route):
        lost.append(route.request.url)
        route.abort() if route.request.url == lost[0] else route.continue_()

    page.route("**/media/*.wav*", lose_one)
    takes = TakeStore(filled).list()[::-1]
    _open(page, server, "view=blind&" + "&".join(f"take={take.id.replace(' ', '+')}" for take in takes[:2]))
    page.get_by_role("radio", name="A/B/X").click()
    settled(page)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("A sound could not be loaded").wait_for()
    assert page.locator(".play").is_disabled()
    for key in "abx":
        page.keyboard.press(key)
        page.locator(f'.slot[data-slot="{key.upper()}"][aria-checked="true"]').wait_for()
        page.wait_for_timeout(300)
        assert page.locator(".play").get_attribute("data-playing") == "false"
    page.keyboard.press("1")
    page.get_by_text("Listen to each sound first.").wait_for(state="attached")


def test_an_answer_that_is_lost_on_its_way_is_sent_again(page, server, filled):
    sent = []

    def lose_the_first(route):
        connected = route.connect_to_server()

        def on(message):
            if b'"plays"' in message:
                sent.append(message)
            if len(sent) != 1 or message is not sent[0]:
                connected.send(message)

        route.on_message(on)

    page.route_web_socket("**/_stcore/stream", lose_the_first)
    takes = TakeStore(filled).list()[::-1]
    _open(page, server, "view=blind&" + "&".join(f"take={take.id.replace(' ', '+')}" for take in takes[:2]))
    page.get_by_role("radio", name="A/B/X").click()
    page.get_by_role("spinbutton", name="Trials").fill("4")
    page.keyboard.press("Enter")
    settled(page)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("heading", name="Trial 1 of 4").wait_for()
    _ready(page)
    for key in "abx":
        page.keyboard.press(key)
        page.locator(f'.slot[data-slot="{key.upper()}"][aria-checked="true"]').wait_for()
        page.locator('.play[data-playing="true"]').wait_for()
    page.keyboard.press("1")
    page.get_by_role("heading", name="Trial 2 of 4").wait_for()
    assert len(sent) > 1 and len(blind.BlindTests(filled).list()[0].answers) == 1


def test_matrix_cells_appear_and_play(page, server, filled):
    short = urllib.parse.quote_plus(f"{tiny_workspace.EXAMPLE}.wav")
    _open(page, server, f"view=matrix&recordings={short}")
    page.get_by_role("button", name="Render").click()
    page.locator(".cell").nth(1).wait_for()
    page.locator('[class*="st-key-matrix-stop"]').wait_for(state="detached")
    settled(page)
    assert len(selection.cells(filled).list()) == 2 and len(TakeStore(filled).list()) == len(SETTINGS)
    for index in range(2):
        page.locator(".cell").nth(index).click()
        page.wait_for_function("() => window.taps.length && Math.hypot(...window.heard()[0]) > 0.1")
        playing = page.locator('.cell[data-playing="true"]')
        assert playing.get_attribute("data-place") == f"0.{index}" and playing.get_attribute("aria-pressed") == "true"
    page.keyboard.press(" ")
    page.locator('.cell[data-playing="true"]').wait_for(state="detached")
    page.get_by_role("button", name="Compare the instruments on").click()
    page.locator(".track").nth(2).wait_for()
    assert page.locator(".track").count() == 3 and "view=takes" in page.url


def test_the_session_downloads_as_a_zip(page, server, filled):
    import zipfile

    takes = _compare(page, server, filled)
    with page.expect_download() as started:
        page.get_by_role("button", name="Export").click()
    with open(started.value.path(), "rb") as file, zipfile.ZipFile(io.BytesIO(file.read())) as archive:
        text = archive.read("index.html").decode()
        assert archive.testzip() is None and all(take.name in text for take in takes)
        assert len(json.loads(archive.read("takes.json"))["takes"]) == 3
