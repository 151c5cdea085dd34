"""People at a hosted dashboard, without their browsers: guests who speak Streamlit's own messages over its websocket.

A visitor does what a browser's page does: it comes in by the button and the cookie, runs the page, sends what was
chosen and pressed, runs again what asks to be run every so often, and comes back as the same guest after a reload. It
does not draw, and fetches neither scripts nor sounds.

Public: `Visitor`, `Gone`, and `browse`, which is a real browser.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.cookies
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.first_page import CHROMIUMS
from ddsing.hosting import cookies

PATIENCE_S = 900.0
_GUEST_BUTTON = "entrance.guest"
_CONTROL = ".st-key-setting-show_full_output label"
_DRAWN = "() => new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn)))"


class Gone(Exception):
    """The server has closed the connection."""


class Visitor:
    """A guest with one tab; `url` is the site's.

    Attributes
    ----------
    cookie : str
        What the site gave; "" before `come`.
    widgets : dict[str, str]
        Ids of what the last run of the whole page drew, by their keys.
    reruns : int
        How often something on the page asked to be run again by itself.
    """

    def __init__(self, url: str):
        self.url = url
        self.cookie = ""
        self.widgets: dict[str, str] = {}
        self.reruns = 0
        self.errors: list[str] = []
        self._values: dict[str, WidgetState] = {}
        self._redirect: asyncio.Future[str] | None = None
        self._whole = True  # the run that goes on is of the whole page
        self._drawn: dict[str, str] = {}
        self._ended = asyncio.Condition()
        self._n_ended, self.gone = 0, True
        self._again: dict[str, asyncio.Task] = {}  # by the fragment
        self._reading: asyncio.Task | None = None
        self._socket: websockets.ClientConnection | None = None

    # Coming and going

    async def come(self) -> Visitor:
        """Press the guests' button, and open the first page as a guest."""
        await self.open()
        self._redirect = asyncio.get_running_loop().create_future()
        await self.press(_GUEST_BUTTON, wait=False)
        address = await asyncio.wait_for(self._redirect, PATIENCE_S)
        self.cookie = await asyncio.to_thread(_cookie, self.url, address)
        await self.close()
        return await self.open()

    async def open(self) -> Visitor:
        """Open a tab on the first page."""
        parts = urlsplit(self.url)
        headers = {"Cookie": f"{cookies.GUEST}={self.cookie}"} if self.cookie else {}
        self._socket = await websockets.connect(
            f"ws://{parts.netloc}{parts.path}/_stcore/stream",
            subprotocols=[websockets.Subprotocol("streamlit")],
            additional_headers=headers,
            origin=websockets.Origin(self.url),
            max_size=None,
            open_timeout=PATIENCE_S,
            ping_interval=None,
        )
        self._values, self.widgets, self.gone = {}, {}, False
        self._reading = asyncio.create_task(self._read(self._socket))
        await self.rerun()
        return self

    async def close(self) -> None:
        """Close the tab; the guest may come back."""
        self._stop_again()
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            await self._reading

    # What people do

    async def choose(self, key: str, **value: Any) -> None:
        """Set a control to a value, by the field of the message that has it, and wait for the page."""
        state = WidgetState(id=self.widgets[key])
        for field, given in value.items():
            if isinstance(given, list):
                getattr(state, field).data.extend(given)
            else:
                setattr(state, field, given)
        self._values[key] = state
        await self.rerun()

    async def press(self, key: str, *, wait: bool = True) -> None:
        """Press a button, and wait for the page if asked to."""
        await self.rerun(WidgetState(id=self.widgets[key], trigger_value=True), wait=wait)

    async def rerun(self, *more: WidgetState, wait: bool = True) -> None:
        """Run the page and wait for the end of it."""
        before = self._n_ended
        await self._send("", *more)
        if wait:
            await self.until(lambda: self._n_ended > before)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is so at the end of a run of the whole page; `Gone` if the server ends before that."""
        async with asyncio.timeout(PATIENCE_S), self._ended:
            await self._ended.wait_for(lambda: self.gone or true())
        if not true():
            raise Gone

    @property
    def asks_again(self) -> bool:
        """Whether something on the page asks to be run again by itself."""
        return bool(self._again)

    def sees(self, key: str) -> bool:
        """Whether the page had a control at the end of its last run."""
        return key in self.widgets

    # Messages

    async def _send(self, fragment: str, *more: WidgetState) -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.fragment_id, asked.is_auto_rerun = "", fragment, bool(fragment)
        asked.widget_states.widgets.extend([*self._values.values(), *more])
        assert self._socket is not None
        try:
            await self._socket.send(message.SerializeToString())
        except websockets.ConnectionClosed:
            raise Gone from None

    async def _read(self, socket: websockets.ClientConnection) -> None:
        try:
            async for data in socket:
                assert isinstance(data, bytes)
                await self._hear(ForwardMsg.FromString(data))
        except websockets.ConnectionClosed:
            pass
        finally:
            self._stop_again()
            async with self._ended:
                self.gone = True
                self._ended.notify_all()

    async def _hear(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._whole = not message.metadata.run.fragment_ids
            if self._whole:
                self._stop_again()
                self._drawn = {}
        elif kind == "delta":
            self._draw(message.delta)
        elif kind == "auto_rerun":
            told = message.auto_rerun
            self._stop_again(told.fragment_id)
            again = self._run_again(told.fragment_id, told.interval)
            self._again[told.fragment_id] = asyncio.create_task(again)
        elif kind == "stop_auto_rerun":
            self._stop_again(*message.stop_auto_rerun.fragment_ids)
        elif kind == "auth_redirect" and self._redirect is not None and not self._redirect.done():
            self._redirect.set_result(message.auth_redirect.url)
        elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            async with self._ended:
                self.widgets = dict(self._drawn)
                self._n_ended += 1
                self._ended.notify_all()

    def _draw(self, delta: Any) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        kind = delta.new_element.WhichOneof("type")
        drawn = getattr(delta.new_element, kind) if kind else None
        parts = getattr(drawn, "id", "").split("-", 2)
        if self._whole and len(parts) == 3 and not getattr(drawn, "disabled", False):
            self._drawn[parts[2]] = drawn.id
        if kind == "exception" or (kind == "alert" and drawn.format == drawn.ERROR):
            self.errors.append(getattr(drawn, "body", "") or drawn.message)

    async def _run_again(self, fragment: str, interval_s: float) -> None:
        with contextlib.suppress(Gone):
            while True:
                await asyncio.sleep(interval_s)
                self.reruns += 1
                await self._send(fragment)

    def _stop_again(self, *fragments: str) -> None:
        """Ask for these no more, or for none."""
        for fragment in fragments or tuple(self._again):
            if fragment in self._again:
                self._again.pop(fragment).cancel()


async def browse(url: str, looked_s: list[float], over: asyncio.Event, *, every_s: float) -> None:
    """A guest in Chromium, who changes a control now and then; adds how long the page took each time."""
    from playwright.async_api import async_playwright

    path = next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
    if path is None:
        sys.exit("This needs Chromium, on the PATH as chromium or google-chrome; or --browsers 0.")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        tab = await browser.new_page(viewport={"width": 1366, "height": 768})
        tab.set_default_timeout(PATIENCE_S * 1000)
        ended = asyncio.Event()  # a run of the page: what it says of itself can be too quick to be seen
        tab.on("websocket", lambda socket: socket.on("framereceived", functools.partial(_hear_end, ended)))
        await tab.goto(url)
        await tab.get_by_role("button", name="Try it as a guest").click()
        await tab.locator(_CONTROL).wait_for()
        await asyncio.sleep(every_s)
        while not over.is_set():
            began_s = time.monotonic()
            ended.clear()
            await tab.locator(_CONTROL).click()
            await asyncio.wait_for(ended.wait(), PATIENCE_S)
            await tab.evaluate(_DRAWN)
            looked_s.append(time.monotonic() - began_s)
            await asyncio.sleep(every_s)
        await browser.close()


def _hear_end(ended: asyncio.Event, frame: str | bytes) -> None:
    if isinstance(frame, bytes) and ForwardMsg.FromString(frame).WhichOneof("type") == "script_finished":
        ended.set()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _cookie(url: str, address: str) -> str:
    """The guest's cookie that the site gives at an address."""
    try:
        answer = urllib.request.build_opener(_Stay).open(url + address, timeout=PATIENCE_S)
    except urllib.error.HTTPError as error:
        answer = error
    found = http.cookies.SimpleCookie(answer.headers.get("Set-Cookie", ""))
    return found[cookies.GUEST].value
