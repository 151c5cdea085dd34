"""The dashboard in a real browser: Chromium through Playwright, against a server of its own."""

import io
import re
import socket
from pathlib import Path

import numpy as np
import pytest
import soundfile
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from ddsing.sound import features
from ddsing.sound.audio import decode, encode, read_recipe
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.dashboard import Server, foreign, new_context, settled
from tests.support.encoders import ffmpeg
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium_path):
    started = Server(tiny_workspace.fill(tmp_path_factory.mktemp("browser") / "ws"))
    started.wait()
    yield started
    started.stop()


@pytest.fixture
def page(tabs, server):
    """A tab on the first page, with the motion that most people have; it asks for nothing outside this computer."""
    asked = []
    with tabs.lent(permissions=["microphone"]) as tab:
        tab.on("request", lambda request: asked.append(request.url) if foreign(request.url, server) else None)
        _visit(tab, server)
        yield tab
        assert asked == []


def _visit(tab, server) -> None:
    tab.goto(server.url)
    tab.get_by_role("button", name="Transfer timbre").wait_for()
    tab.get_by_role("radio", name="Draft").click()
    settled(tab)


COUNT = """() => [...document.querySelectorAll('h2')].map(e => e.innerText.match(/Takes \\((\\d+)\\)/))
    .filter(Boolean).map(found => +found[1])[0] || 0"""  # of the takes, as the page's heading says


def _n_takes(tab) -> int:
    return tab.evaluate(COUNT)


def _wait_for_takes(tab, more_than: int) -> None:
    tab.wait_for_function(f"n => ({COUNT})() > n", arg=more_than)
    settled(tab)


def _transfer(tab) -> None:
    before = _n_takes(tab)
    tab.get_by_role("button", name="Transfer timbre").click()
    _wait_for_takes(tab, before)


def _heard(tab, server, index: int = 0):
    """The n-th sound of the newest take's player: float32 samples, sample rate."""
    take = tab.locator('[class*="st-key-take-2"]').first
    take.locator(".play:not([disabled])").wait_for()
    asked = "([id, index]) => ddsingPlayers.players.get(id).data.tracks[index].url"
    address = tab.evaluate(asked, [f"player.{TakeStore(Workspace(server.workspace)).newest().id}", index])
    response = tab.request.get(address if address.startswith("http") else server.url + address)
    return soundfile.read(io.BytesIO(response.body()), dtype="float32")


def _drop(tab, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "audio/flac", "buffer": data}
    tab.locator('input[type="file"]').first.set_input_files(file)


def _wait_for_octave_shift(tab, value: int) -> None:
    shown = tab.locator('[class*="st-key-setting-octave_shift"] [data-testid="stSliderThumbValue"]')
    shown.filter(has_text=re.compile(rf"^\s*{value}\s*$")).wait_for()


def _download(tab, file_format: str) -> bytes:
    take = tab.locator('[class*="st-key-take-2"]').first
    take.locator('[class*="st-key-take_download"] button').first.click()
    with tab.expect_download() as started:
        tab.get_by_role("button", name=file_format, exact=True).click()
    data = Path(started.value.path()).read_bytes()
    tab.keyboard.press("Escape")
    return data


def test_first_page_is_painted_by_one_run_of_its_script(browser, server):
    """Its recording is analysed already: else the page is run again once the fit is read."""
    audio = decode(server.workspace / "examples" / f"{tiny_workspace.EXAMPLE}.wav")
    features.extract(audio, tracker="tiny", cache=features.FeatureCache(server.workspace / ".cache" / "features"))
    tab, received = new_context(browser).new_page(), []
    tab.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(frame)))
    tab.goto(server.url)
    tab.get_by_role("heading", name="Timbre transfer").wait_for()
    settled(tab)
    tab.close()
    messages = [ForwardMsg.FromString(frame) for frame in received if isinstance(frame, bytes)]
    ended = [message.script_finished for message in messages if message.WhichOneof("type") == "script_finished"]
    whole = [how for how in ended if how != ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY]
    assert whole == [ForwardMsg.FINISHED_SUCCESSFULLY]


def test_transfer_sounds_and_downloads_with_its_recipe(page, server):
    _transfer(page)
    sound, rate = _heard(page, server)
    assert rate == 16_000 and len(sound) == round(tiny_workspace.DURATION_S * 16_000)
    assert np.sqrt(np.mean(sound**2)) > 1e-3
    for file_format in ("WAV", "FLAC"):
        data = _download(page, file_format)
        downloaded, rate = soundfile.read(io.BytesIO(data))
        assert len(downloaded) == len(sound) and rate == 16_000 and np.abs(downloaded).max() > 1e-3
        assert read_recipe(data) is not None


def test_upload_and_a_file_of_ours_restores_its_controls(page, server):
    page.get_by_role("radio", name="Upload").click()
    settled(page)
    stereo = np.stack([tiny_workspace.sung(2.0, hz=196.0)] * 2, axis=1)
    buffer = io.BytesIO()
    soundfile.write(buffer, stereo, 16_000, format="FLAC")
    name = "my *own* song.flac"
    _drop(page, name, buffer.getvalue())
    page.get_by_text("my *own* song").first.wait_for()
    settled(page)
    slider = page.locator('[class*="st-key-setting-octave_shift"]').get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    _wait_for_octave_shift(page, 1)
    settled(page)
    _transfer(page)
    sound, _ = _heard(page, server)
    assert len(sound) == 2 * 16_000 and np.abs(sound).max() > 1e-3
    made = _download(page, "FLAC")
    slider.focus()
    slider.press("ArrowLeft")
    _wait_for_octave_shift(page, 0)
    settled(page)
    _drop(page, "made.flac", made)
    page.get_by_text("all controls and its recording are restored").wait_for()
    _wait_for_octave_shift(page, 1)
    settled(page)
    assert page.get_by_role("group", name=f"Player: the recording {name}").is_visible(), "not the take's result"


def _place(element) -> dict:
    """Where something is on the page, however far that is scrolled."""
    return element.evaluate(
        """element => {
          const place = element.getBoundingClientRect();
          let scrolled = window.scrollY;
          for (let each = element; each !== document.documentElement; each = each.parentElement)
            scrolled += each.scrollTop;
          return { x: place.x, y: Math.round(place.y + scrolled), width: place.width, height: place.height };
        }"""
    )


def test_the_fit_of_an_upload_is_read_without_a_press_and_refined_in_place(page, server):
    page.get_by_role("radio", name="Best").click()
    page.get_by_role("radio", name="Upload").click()
    settled(page)
    _drop(page, "mine.wav", encode(tiny_workspace.sung(12.0, hz=233.0)))
    page.get_by_text("mine.wav ·").first.wait_for()
    panel = page.locator('[class*="st-key-fit"]').first
    panel.get_by_text("of the singing is inside").wait_for()
    panel.get_by_text("Pitch found by the tracker Instant").wait_for()
    settled(page)
    button = page.get_by_role("button", name="Transfer timbre")
    place = _place(button)
    page.get_by_role("switch", name="Loudness statistics").focus()
    page.keyboard.press("Space")
    settled(page)
    assert _place(button) == place, "what is said under the controls moves nothing"
    before, slider = _n_takes(page), page.locator('[class*="st-key-setting-octave_shift"]')
    beside = _place(slider)
    button.click()
    bar = page.get_by_role("progressbar").first
    bar.wait_for()
    button.wait_for(state="detached")  # what a run leaves out stays on the page until that run has ended
    assert button.count() == 0 and abs(_place(bar)["y"] - place["y"]) < place["height"]
    assert abs(_place(slider)["y"] - beside["y"]) < 2, "the bar takes the button's room"
    _wait_for_takes(page, before)
    settled(page)
    assert _place(button) == place
    assert abs(_place(slider)["y"] - beside["y"]) < 2, "nor do the tracker's times move them"
    panel.get_by_text("of the singing is inside").wait_for()
    assert panel.get_by_text("Pitch found by").count() == 0


def test_the_bar_has_one_line_and_the_time_left_whatever_the_name(page, server):
    name = "The third verse of a very long song, once more and slower, " * 3
    page.get_by_role("radio", name="Best").click()
    page.get_by_role("radio", name="Upload").click()
    settled(page)
    _drop(page, f"{name}.wav", encode(tiny_workspace.sung(2.0, hz=207.0)))
    page.get_by_text("The third verse").first.wait_for()
    settled(page)
    button, before = page.get_by_role("button", name="Transfer timbre"), _n_takes(page)
    place = _place(button)
    button.click()
    seen = page.wait_for_function(
        """() => {
          const row = document.querySelector(".st-key-work-progress");
          const text = row?.querySelector('[data-testid="stProgress"] p');
          if (!text || document.querySelector(".st-key-transfer-start button")) return null;
          const { height } = row.getBoundingClientRect();
          return { height, room: text.clientWidth, all: text.scrollWidth, name: text.firstElementChild.clientWidth };
        }"""
    ).json_value()
    assert seen["height"] <= place["height"]
    assert seen["all"] <= seen["room"] and 0 < seen["name"] < seen["room"], "the name is cut, and nothing else"
    _wait_for_takes(page, before)


def test_a_voice_memo_is_taken_and_transferred(page, server, tmp_path):
    (tmp_path / "memo.wav").write_bytes(encode(tiny_workspace.sung(2.0, hz=196.0)))
    memo = ffmpeg(tmp_path / "memo.wav", tmp_path / "New Recording 7.m4a", "-c:a", "aac")
    page.get_by_role("radio", name="Upload").click()
    settled(page)
    _drop(page, memo.name, memo.read_bytes())
    page.get_by_text("New Recording 7.m4a · 2.0 s · MP4, 16 kHz, mono").wait_for()
    settled(page)
    assert not page.get_by_text("not allowed").count()
    _transfer(page)
    sound, rate = _heard(page, server)
    assert abs(len(sound) / rate - 2.0) < 0.1 and np.abs(sound).max() > 1e-3


def test_microphone(page, server):
    page.get_by_role("radio", name="Microphone").click()
    settled(page)
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2500)
    page.get_by_role("button", name="Stop recording").click()
    page.get_by_text("microphone.wav ·").wait_for()
    settled(page)
    _transfer(page)
    sound, rate = _heard(page, server)
    assert 1.0 < len(sound) / rate < 6.0 and np.abs(sound).max() > 1e-3


def test_reload_keeps_the_takes(page, server):
    _transfer(page)
    before = _n_takes(page)
    page.reload()
    _wait_for_takes(page, before - 1)
    assert _n_takes(page) == before


def test_two_tabs_with_different_instruments_do_not_disturb_each_other(page, server):
    other = page.context.new_page()
    _visit(other, server)
    box = other.get_by_role("combobox", name="Instrument")
    box.click()
    other.get_by_role("option", name=tiny_workspace.NAMES[1]).click()
    settled(other)
    before = _n_takes(page)
    page.get_by_role("button", name="Transfer timbre").click()
    other.get_by_role("button", name="Transfer timbre").click()
    for tab in (page, other):
        _wait_for_takes(tab, before)
    page.reload()
    _wait_for_takes(page, before + 1)
    text = " ".join(page.locator('[class*="st-key-take-2"]').nth(index).inner_text() for index in range(2))
    assert tiny_workspace.NAMES[0] in text and tiny_workspace.NAMES[1] in text


def test_keyboard_shortcut_starts_a_transfer(page, server):
    """The wait for one take more fails in time if none comes."""
    before = _n_takes(page)
    page.get_by_role("heading", name="Timbre transfer").click()
    page.keyboard.press("Control+Enter")
    _wait_for_takes(page, before)
    assert _n_takes(page) == before + 1


OVERHANGING = """() => [...document.querySelectorAll('[data-testid="stMain"] *')]
    .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1
        && !e.closest('[data-testid="stDataFrame"], [data-testid="stDataFrameGlideDataEditor"]'))
    .map(e => e.className || e.tagName).slice(0, 3)"""


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_nothing_hangs_over_the_edge(browser, server, width, scheme):
    context = new_context(browser, viewport={"width": width, "height": 1200}, color_scheme=scheme)
    tab = context.new_page()
    background = {}
    for address in ("", "datasets", "training", "instruments", "experiments"):
        tab.goto(f"{server.url}/{address}")
        tab.get_by_role("heading", level=1).wait_for()
        settled(tab)
        assert tab.evaluate(OVERHANGING) == [], address
        background[address] = tab.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert set(background.values()) == {"rgb(20, 25, 28)" if scheme == "dark" else "rgb(253, 252, 249)"}
    context.close()


def test_storage_is_cleared_when_asked(page, server):
    _transfer(page)
    cache = server.workspace / ".cache" / "features"
    assert list(cache.glob("*.npz"))
    page.get_by_role("button", name="Storage").click()
    page.get_by_role("button", name="Clear the cache").click()
    page.get_by_text("Freed").wait_for()
    assert not list(cache.glob("*.npz"))
    settled(page)
    _transfer(page)  # as if never analysed before
    assert list(cache.glob("*.npz"))


def test_listens_on_loopback_only_and_checks_the_host(server):
    import psutil

    connections = psutil.Process(server.process.pid).net_connections("tcp")
    assert {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
    for address in _own_addresses():  # this machine as the network knows it
        with (
            pytest.raises(ConnectionRefusedError),
            socket.create_connection((address, server.port), PATIENCE_S),
        ):
            pass
    assert _handshake(server, "localhost") == 101
    assert _handshake(server, "evil.example") == 403


def _own_addresses() -> set[str]:
    import psutil

    found = {a.address for card in psutil.net_if_addrs().values() for a in card if a.family == socket.AF_INET}
    return {address for address in found if not address.startswith("127.")}


def _handshake(server: Server, host: str) -> int:
    """The status with which the server answers a WebSocket that names a host."""
    request = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
        connection.sendall(request.encode())
        return int(connection.recv(200).split()[1])
