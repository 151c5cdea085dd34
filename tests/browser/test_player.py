"""The player of a take: switched in place, by mouse and by key; one thing plays at a time; a new result is in view."""

import re

import pytest

from ddsing.files import write_json
from ddsing.sound.audio import encode
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.ui.shell import values
from ddsing.workspace import Workspace
from tests.support import loudspeaker, tiny_workspace
from tests.support.dashboard import Server, new_context, settled

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Two takes of a long glide with one name, the second an octave higher."""
    workspace = Workspace(tiny_workspace.fill(tmp_path_factory.mktemp("player") / "ws"))
    source = workspace.examples / "song.wav"
    source.write_bytes(encode(loudspeaker.gliding()))
    for settings in (Settings(), Settings(octave_shift=1)):
        pipeline.run(workspace, source, tiny_workspace.NAMES[0], settings, tracker="tiny")
    write_json(workspace.cache / values.NAME, {"version": 1, "values": {"transfer.play_at_once": False}})
    return workspace


@pytest.fixture(scope="module")
def server(filled, chromium_path):
    started = Server(filled.root)
    started.wait()
    yield started
    started.stop()


@pytest.fixture
def page(tabs, server):
    viewport = {"width": 1366, "height": 768}
    with tabs.lent(script=loudspeaker.TAP, viewport=viewport, reduced_motion="reduce") as tab:
        _open(tab, server)
        yield tab


def _open(tab, server) -> None:
    tab.goto(server.url)
    tab.get_by_role("button", name="Transfer timbre").wait_for()
    tab.get_by_role("radio", name="Draft").click()
    settled(tab)
    _card(tab, 0).locator(".track").first.wait_for()


def _card(tab, index: int):
    return tab.locator('[class*="st-key-take-2"]').nth(index)


def _newest(filled) -> list:
    return [take for take in TakeStore(filled).list() if take.source == "song.wav"]


def test_a_take_is_switched_in_place_between_its_sounds_and_the_take_before(page, filled):
    """By mouse, then by key, wherever it is: always at the same distance from the audio clock."""
    take, before = _newest(filled)
    files = [take.folder / f"{name}.wav" for name in ("result", "original", "harmonic", "noise")]
    files.append(before.folder / "result.wav")
    card = _card(page, 0)
    labels = card.locator(".track .name").all_inner_texts()
    assert labels == ["Result", "Original", "Harmonic", "Noise", "Previous take"]
    assert card.locator(".track .detail").nth(4).inner_text() == "octave shift 0"
    card.get_by_role("button", name="Play").click()
    card.locator('.play[data-playing="true"]').wait_for()
    started = []
    for number, file in enumerate(files, start=1):
        if number < 3:
            card.get_by_role("radio", name=labels[number - 1]).click()
        else:
            page.keyboard.press(str(number))
        at_s, position_s, _ = loudspeaker.heard_of(page, file)
        assert card.locator('.track[aria-checked="true"] .name').inner_text() == labels[number - 1]
        assert card.locator(".status").text_content() == f"{labels[number - 1]} is heard."
        started.append(at_s - position_s)
    assert max(started) - min(started) < 0.05, started
    page.keyboard.press(" ")
    held = float(card.locator(".seek").input_value())
    page.keyboard.press("ArrowLeft")
    assert float(card.locator(".seek").input_value()) == pytest.approx(max(0.0, held - 2.0), abs=0.011)


def test_its_waveform_is_drawn_before_any_sound_is_fetched(page):
    players = "[...ddsingPlayers.players.values()]"
    page.wait_for_function(f"() => {players}.length && {players}.every(one => one.wave.drawn)")
    assert page.evaluate(f"() => {players}.every(one => one.mixer.tracks.every(track => !track.buffer))")
    canvas = "one.root.querySelector('.wave > *').shadowRoot.querySelector('canvas')"
    pixels = f"(canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)({canvas})"
    assert min(page.evaluate(f"() => {players}.map(one => {pixels}.filter(value => value).length)")) > 5000


def test_one_thing_plays_at_a_time(page, filled):
    _, before = _newest(filled)
    for index in (0, 1):
        _card(page, index).get_by_role("button", name="Play").click()
    _card(page, 1).locator('.play[data-playing="true"]').wait_for()
    loudspeaker.heard_of(page, before.folder / "result.wav")  # nothing else is mixed in
    assert _playing(page) == [False, True]
    page.evaluate("() => { window.other = new Audio(ddsingPlayers.players.values().next().value.data.tracks[0].url); }")
    page.evaluate("() => other.play()")  # as the microphone's player does, outside the document
    assert _playing(page) == [False, False]
    _card(page, 0).get_by_role("button", name="Play").click()
    page.wait_for_function("() => other.paused")
    assert _playing(page) == [True, False]


def _playing(tab) -> list[bool]:
    return [_card(tab, index).locator(".play").get_attribute("data-playing") == "true" for index in (0, 1)]


def test_a_playing_take_goes_on_over_a_rerun_and_a_new_take(page, filled):
    name = _card(page, 0).get_by_role("heading").inner_text()
    _card(page, 0).get_by_label("Loop").check()
    _card(page, 0).get_by_role("button", name="Play").click()
    page.get_by_text("Show full output", exact=True).click()
    settled(page)
    assert _playing(page)[0]
    n_takes = len(TakeStore(filled).list())
    page.get_by_role("button", name="Transfer timbre").click()
    _card(page, n_takes).wait_for()
    settled(page)
    assert _card(page, 1).get_by_role("heading").inner_text() == name
    assert _playing(page) == [False, True]
    place = float(_card(page, 1).locator(".seek").input_value())
    page.wait_for_timeout(300)
    assert float(_card(page, 1).locator(".seek").input_value()) != place


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_a_new_take_is_in_view_and_told(page, server, filled, width, height):
    page.set_viewport_size({"width": width, "height": height})
    n_takes = len(TakeStore(filled).list())
    page.get_by_role("button", name="Transfer timbre").click()
    page.get_by_role("heading", name=f"Takes ({n_takes + 1})").wait_for()
    page.wait_for_function("() => document.activeElement?.shadowRoot?.activeElement?.matches('.play')")
    settled(page)
    box = _card(page, 0).locator(".play").bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= height
    assert re.search("is ready. Space plays it.$", _card(page, 0).locator(".status").text_content())
    page.locator('[data-testid="stToast"]').get_by_text("is ready").first.wait_for()
    page.keyboard.press(" ")
    _card(page, 0).locator('.play[data-playing="true"]').wait_for()


def test_the_transfer_button_stays_where_it_is(page):
    button = page.get_by_role("button", name="Transfer timbre")
    before = button.bounding_box()
    page.get_by_text("Loudness statistics", exact=True).click()
    settled(page)
    assert button.bounding_box() == before
    assert before["y"] + before["height"] < 768


def test_takes_of_one_name_are_told_apart(page, filled):
    headings = [
        _card(page, index).get_by_role("heading").inner_text()
        for index in range(page.locator('[class*="st-key-take-2"]').count())
    ]
    assert len(set(headings)) == len(headings)
    assert {"song → First voice", "song → First voice · octave shift +1"} <= set(headings)
    players = page.locator('.player[role="group"]').evaluate_all("all => all.map(one => one.ariaLabel)")
    assert len(set(players)) == len(players)


def test_an_audition_plays_at_the_first_press_and_again_at_the_next(page, server):
    page.goto(f"{server.url}/instruments")
    page.get_by_role("button", name="Audition").first.click()
    playing = page.locator('.play[data-playing="true"]')
    playing.wait_for()
    assert "sings a short phrase" in playing.get_attribute("aria-label")
    page.keyboard.press("Escape")
    page.get_by_role("button", name=playing.get_attribute("aria-label")).click()
    playing.wait_for(state="detached")
    page.get_by_role("button", name="Audition").first.click()
    playing.wait_for()


def test_one_player_for_what_the_microphone_recorded(browser, server):
    context = new_context(browser, viewport={"width": 1366, "height": 768}, permissions=["microphone"])
    tab = context.new_page()
    _open(tab, server)
    tab.get_by_role("radio", name="Microphone").click()
    settled(tab)
    tab.get_by_role("button", name="Record", exact=True).click()
    tab.wait_for_timeout(1500)
    tab.get_by_role("button", name="Stop recording").click()
    tab.get_by_text("microphone.wav ·").wait_for()
    settled(tab)
    ours = ('[data-testid="stAudio"]', '.player[data-single="true"]')
    assert [tab.locator(player).count() for player in (*ours, '[data-testid="stAudioInput"]')] == [0, 0, 1]
    tab.get_by_role("button", name="Add to a voice").click()
    tab.get_by_role("button", name="Add it").click()
    tab.get_by_text("was added to the voice").wait_for()
    assert len(list((server.workspace / "audio" / "alto").glob("Microphone *.wav"))) == 1
    context.close()
