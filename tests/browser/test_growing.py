"""A take is heard while it is rendered, and plays on in its own player when it is complete."""

import numpy as np
import pytest

from ddsing import instrument
from ddsing.sound import features
from ddsing.sound.audio import decode, encode
from ddsing.sound.features import FeatureCache
from ddsing.transfer import first_sound
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import loudspeaker, playing, tiny_workspace
from tests.support.dashboard import Server, settled
from tests.support.patience import until

pytestmark = pytest.mark.browser

GROWING = ".st-key-takes-first_version"
SONG = "aa long.wav"
PIXELS = """(player) => {
    const canvases = player.querySelector(".wave > *").shadowRoot.querySelectorAll(".canvases canvas");
    const all = [...canvases].map((one) => one.getContext("2d").getImageData(0, 0, one.width, one.height).data);
    return all.flatMap((data) => [...data]).filter((value) => value).length;
}"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """An instrument of the full size, and two minutes whose pitch is known."""
    made = Workspace(tiny_workspace.fill(tmp_path_factory.mktemp("growing") / "ws"))
    instrument.write(playing.full_size(), made.instruments / "Big.zip")
    song = np.tile(loudspeaker.gliding(), 6)
    (made.examples / SONG).write_bytes(encode(song))
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
    return tab.evaluate(f"() => [...ddsingPlayers.players.values()].filter((one) => one.mixer.playing).map({what})")


def test_it_plays_while_it_is_rendered_and_goes_on_as_the_take(tabs, server, workspace):
    with tabs.lent(script=loudspeaker.TAP, viewport={"width": 1366, "height": 900}) as tab:
        tab.goto(server.url)
        tab.get_by_role("combobox", name="Instrument").click()
        tab.get_by_role("option", name="Big").click()
        settled(tab)
        tab.get_by_role("combobox", name="Example").click()
        tab.get_by_role("option", name=SONG).click()
        settled(tab)
        tab.get_by_role("radio", name="Instant").click()
        tab.get_by_role("button", name="Transfer timbre").click()
        tab.get_by_role("heading", name="The new take").wait_for()
        player = tab.locator(f"{GROWING} .player")
        player.locator(".play:not([disabled])").click()
        player.locator('.play[data-playing="true"]').wait_for()
        drawn = player.evaluate(PIXELS)
        (place,) = (workspace.cache / first_sound.FOLDER).glob("*.wav")
        assert mixers(tab, "(one) => one.mixer.whole") == [False]
        loudspeaker.heard_of(tab, place)
        until(lambda: player.evaluate(PIXELS) > 1.5 * drawn, again=lambda: tab.wait_for_timeout(100))
        tab.locator('[class*="st-key-take-2"]').first.wait_for()
        (take,) = TakeStore(workspace).list()
        until(
            lambda: mixers(tab, "(one) => one.place") == [f"player.{take.id}"],
            again=lambda: tab.wait_for_timeout(100),
            told=lambda: str(mixers(tab, "(one) => one.place")),
        )
        assert mixers(tab, "(one) => one.mixer.position")[0] > 0.5, "it has not begun anew"
        _, _, gain_db = loudspeaker.heard_of(tab, take.folder / "result.wav")
        assert abs(gain_db) < 0.1
        assert not list((workspace.cache / first_sound.FOLDER).iterdir())
