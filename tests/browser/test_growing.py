"""A take plays by itself while it is rendered, unless that is switched off, and goes on in its own player."""

import os
import time

import numpy as np
import pytest

from ddsing import instrument
from ddsing.sound import features
from ddsing.sound.audio import decode, encode
from ddsing.sound.features import FeatureCache
from ddsing.transfer import first_sound
from ddsing.transfer.takes import TakeStore
from ddsing.ui.transfer import play_at_once
from ddsing.workspace import Workspace
from tests.support import loudspeaker, playing, tiny_workspace
from tests.support.dashboard import Server, settled
from tests.support.patience import until

pytestmark = pytest.mark.browser

GROWING = ".st-key-takes-first_version"
SONG, SHORT = "aa long.wav", "ab short.wav"  # the other one plays longer than a busy computer takes to say so
# The places of the players that begin to play from now on.
STARTED = """() => {
    if (!window.ddsingPlayers) return false;
    window.started = [];
    const { starts } = ddsingPlayers;
    ddsingPlayers.starts = (owner, stop) => {
        const one = [...ddsingPlayers.players.values()].find((one) => one.mixer === owner);
        started.push(one ? one.place : "another");
        starts(owner, stop);
    };
    return true;
}"""
# Pauses what plays while it is rendered; whether it did.
PAUSED = """() => {
    const growing = (one) => one.place.startsWith("player.first_version");
    const one = [...(window.ddsingPlayers?.players.values() ?? [])].find((one) => growing(one) && one.mixer.playing);
    one?.play.click();
    return Boolean(one);
}"""
# Of the wave that is drawn; without end once the take has come in its place.
PIXELS = """(place) => {
    const player = [...document.querySelectorAll(place + " *")].map((one) => one.shadowRoot ?? one)
        .map((one) => one.querySelector(".player")).find(Boolean);
    if (!player) return Infinity;
    const canvases = player.querySelector(".wave > *").shadowRoot.querySelectorAll(".canvases canvas");
    const all = [...canvases].map((one) => one.getContext("2d").getImageData(0, 0, one.width, one.height).data);
    return all.flatMap((data) => [...data]).filter((value) => value).length;
}"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """An instrument of the full size, and five minutes whose pitch is known."""
    made = Workspace(tiny_workspace.fill(tmp_path_factory.mktemp("growing") / "ws"))
    instrument.write(playing.full_size(), made.instruments / "Big.zip")
    song = np.tile(loudspeaker.gliding(), 15)
    (made.examples / SONG).write_bytes(encode(song))
    (made.examples / SHORT).write_bytes(encode(loudspeaker.gliding()))
    read = decode(made.examples / SONG)
    features.extract(read, tracker="instant", cache=FeatureCache(made.cache / "features"))
    return made


@pytest.fixture(scope="module")
def server(workspace, chromium_path):
    started = Server(workspace.root)
    started.wait()
    yield started
    started.stop()


def mixers(tab, what: str) -> list:
    """Of what plays, or waits for what is still to come of it."""
    plays = "(one) => one.mixer.playing || one.mixer.wanted"
    return tab.evaluate(f"() => [...ddsingPlayers.players.values()].filter({plays}).map({what})")


def asked(tab, server, *, instrument: str = "Big", song: str = SONG) -> None:
    """The page with its choices made."""
    tab.goto(server.url)
    tab.get_by_role("button", name="Transfer timbre").wait_for()
    settled(tab)
    for field, option in (("Instrument", instrument), ("Example", song)):
        box, found = tab.get_by_role("combobox", name=field), tab.get_by_role("option", name=option)
        until(found.is_visible, again=box.click, every_s=1.0)  # what the page learns meanwhile closes the list again
        found.click()
        settled(tab)
    tab.get_by_role("radio", name="Instant", exact=True).click()
    settled(tab)


def press(tab) -> None:
    tab.get_by_role("button", name="Transfer timbre").click()


def made(tab, workspace, n_before: int):
    """The new take, once the page shows it."""
    store = TakeStore(workspace)
    until(lambda: len(store.list()) > n_before, again=lambda: tab.wait_for_timeout(100))
    take = store.newest()
    tab.locator(f'[class*="st-key-take-{take.id.replace(" ", "-")}"]').first.wait_for()
    settled(tab)
    return take


def sounding(tab) -> list:
    """The places of the players that play, or will as soon as they can, on a page with takes."""
    tab.locator('[class*="st-key-take-2"] .play:not([disabled])').first.wait_for()
    return tab.evaluate(
        "() => [...ddsingPlayers.players.values()].filter((one) => one.mixer.playing || one.mixer.wanted)"
        ".map((one) => one.place)"
    )


def test_it_plays_while_it_is_rendered_and_goes_on_as_the_take(tabs, server, workspace, tmp_path):
    with tabs.lent(script=loudspeaker.TAP, viewport={"width": 1366, "height": 900}) as tab:
        asked(tab, server)
        press(tab)
        tab.get_by_role("heading", name="The new take").wait_for()
        tab.locator(f'{GROWING} .play[data-playing="true"]').wait_for()
        drawn = tab.evaluate(PIXELS, GROWING)
        assert mixers(tab, "(one) => one.mixer.whole") == [False]
        (place,) = (workspace.cache / first_sound.FOLDER).glob("*.wav")
        os.link(place, tmp_path / "first.wav")  # it is gone once the take is there
        until(lambda: tab.evaluate(PIXELS, GROWING) > 1.5 * drawn, again=lambda: tab.wait_for_timeout(100))
        loudspeaker.heard_of(tab, tmp_path / "first.wav")
        take = made(tab, workspace, 0)
        until(
            lambda: mixers(tab, "(one) => one.place") == [f"player.{take.id}"],
            again=lambda: tab.wait_for_timeout(100),
            told=lambda: str(mixers(tab, "(one) => one.place")),
        )
        assert mixers(tab, "(one) => one.mixer.position")[0] > 0.5, "it has not begun anew"
        _, _, gain_db = loudspeaker.heard_of(tab, take.folder / "result.wav")
        assert abs(gain_db) < 0.1
        assert not list((workspace.cache / first_sound.FOLDER).iterdir())


def test_what_was_paused_meanwhile_stays_silent(tabs, server, workspace):
    with tabs.lent(viewport={"width": 1366, "height": 900}) as tab:
        asked(tab, server)
        while not paused_after_a_press(tab, workspace):
            pass
        assert sounding(tab) == []


def paused_after_a_press(tab, workspace) -> bool:
    """Whether the take that is pressed for began to play and was paused; not where it came too late to begin."""
    n_before, store, paused = len(TakeStore(workspace).list()), TakeStore(workspace), []
    press(tab)

    def found() -> bool:
        paused.append(tab.evaluate(PAUSED))
        return paused[-1] or len(store.list()) > n_before

    until(found, again=lambda: tab.wait_for_timeout(50))
    made(tab, workspace, n_before)
    return paused[-1]


def test_a_take_that_is_there_in_a_moment_plays_too_and_the_next_one_in_its_place(tabs, server, workspace):
    with tabs.lent(viewport={"width": 1366, "height": 900}) as tab:
        asked(tab, server, instrument=tiny_workspace.NAMES[0], song=SHORT)
        for _ in range(2):
            while not plays_after_a_press(tab, workspace):
                pass


def plays_after_a_press(tab, workspace) -> bool:
    """Whether the take that is pressed for plays; False only where it came too late, as on a busy computer it may."""
    n_before = len(TakeStore(workspace).list())
    tab.wait_for_function(STARTED)
    tab.evaluate("() => ddsingPlayers.players.forEach((one) => one.mixer.pause())")
    pressed_s = time.monotonic()
    press(tab)
    place = f"player.{made(tab, workspace, n_before).id}"
    late = time.monotonic() - pressed_s > play_at_once.WITHIN_S

    def began() -> str:
        return tab.evaluate("() => started.at(-1) ?? ''")

    def plays() -> bool:
        return began() == place or began().startswith("player.first_version")  # which goes on as the take

    if not late:
        until(plays, again=lambda: tab.wait_for_timeout(100), told=lambda: tab.evaluate("() => String(started)"))
    if plays():
        tab.get_by_text("is ready, and plays.").first.wait_for(state="attached")
    return plays()


def test_what_plays_already_is_left_alone(tabs, server, workspace):
    with tabs.lent(viewport={"width": 1366, "height": 900}) as tab:
        asked(tab, server)
        tab.get_by_role("group", name=f"Player: the recording {SONG}").get_by_role("button", name="Play").click()
        before = sounding(tab)
        n_before = len(TakeStore(workspace).list())
        press(tab)
        made(tab, workspace, n_before)
        assert len(before) == 1 and sounding(tab) == before


def test_with_the_switch_off_nothing_plays_also_after_a_reload(tabs, server, workspace):
    n_before = len(TakeStore(workspace).list())
    with tabs.lent(viewport={"width": 1366, "height": 900}) as tab:
        asked(tab, server)
        tab.get_by_text("Play at once", exact=True).click()
        settled(tab)
        tab.reload()
        settled(tab)
        tab.wait_for_function(STARTED)
        press(tab)
        made(tab, workspace, n_before)
        assert tab.evaluate("() => started") == []


@pytest.fixture
def switched_on(workspace):
    """The switch as it is at first."""
    (workspace.cache / "choices.json").unlink(missing_ok=True)


def test_only_the_tab_that_asked_plays_and_only_if_it_stayed(tabs, server, workspace, switched_on):
    n_before = len(TakeStore(workspace).list())
    viewport = {"width": 1366, "height": 900}
    with tabs.lent(viewport=viewport) as left, tabs.lent(viewport=viewport) as other:
        asked(left, server)
        press(left)
        left.locator(GROWING).wait_for()
        left.get_by_role("link", name="Instruments").click()
        other.goto(server.url)
        made(other, workspace, n_before)
        assert sounding(other) == []
        left.get_by_role("link", name="Timbre transfer").click()
        made(left, workspace, n_before)
        assert sounding(left) == []
