"""A dashboard on a server of its own, and tabs that look at it, for the tests in a browser."""

import contextlib
import os
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S, until

EMPTY = "/_stcore/health"  # a page of every server with nothing on it
ENDED = {ForwardMsg.FINISHED_SUCCESSFULLY: "page", ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY: "fragment"}
QUIET = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}  # waiting threads spin on a busy machine


class Server:
    """A dashboard on a free port, if possible on that of another that has been stopped: `before`."""

    def __init__(self, workspace: Path, *, before: int = 0):
        self.port = _free_port(before)
        self.url = f"http://127.0.0.1:{self.port}"
        self.workspace = workspace
        self.log = workspace.with_suffix(".log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={self.port}"],
                cwd=ROOT,
                env={**os.environ, **QUIET, "DDSING_WORKSPACE": str(workspace)},
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Until it answers."""
        until(self._answers, told=self.log.read_text)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(self.url + EMPTY, timeout=PATIENCE_S):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


def _free_port(wanted: int) -> int:
    """The wanted one, or another if somebody has taken it."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", port))
            return free.getsockname()[1]
    raise OSError("no port is free")


def new_context(browser, **options):
    """One of the browser's contexts, which waits with the patience of these tests."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_S * 1000)
    return context


class Tabs:
    """Tabs to lend, each in a context of its own; what is given back is emptied and lent again.

    The process behind a tab knows the scripts that it has run: a page takes 2 s of processor time in a tab that has
    shown one before, 5 to 8 s in a new one.
    """

    def __init__(self, browser):
        self._browser = browser
        self._free: dict[str, list] = {}

    @contextlib.contextmanager
    def lent(self, *, script: str = "", **options) -> Iterator:
        """A tab whose context has these options and nothing of anybody's; `script` runs before a page's own."""
        free = self._free.setdefault(repr((script, sorted(options.items()))), [])
        tab = free.pop() if free else self._new(script, options)
        yield tab
        if _emptied(tab, options):
            free.append(tab)

    def _new(self, script: str, options: dict):
        tab = new_context(self._browser, **options).new_page()
        if script:
            tab.add_init_script(script)
        return tab


def _emptied(tab, options: dict) -> bool:
    """Leave nothing of those who had a tab; whether that was possible, else it is closed."""
    from playwright.sync_api import Error

    for other in tab.context.pages:
        if other is not tab:
            other.close()
    address = urllib.parse.urlsplit(tab.url)
    try:
        tab.unroute_all()
        tab.goto(f"{address.scheme}://{address.netloc}{EMPTY}")  # a page of the same site keeps the process
        tab.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    except Error:  # its server has been stopped
        tab.context.close()
        return False
    tab.context.clear_cookies()
    tab.set_viewport_size(options.get("viewport", {"width": 1280, "height": 720}))
    motion = options.get("reduced_motion", "no-preference")
    tab.emulate_media(color_scheme=options.get("color_scheme", "light"), reduced_motion=motion)
    return True


def foreign(url: str, server: Server) -> bool:
    """Whether an address is outside what a server and its page give themselves."""
    return not url.startswith((server.url, "blob:", "data:", server.url.replace("http", "ws")))


@contextlib.contextmanager
def runs(tab) -> Iterator[list[str]]:
    """How the runs of a tab's script ended since its page was loaded: "page", "fragment" or "stopped"."""
    seen: list[str] = []

    def listen(socket) -> None:
        socket.on("framereceived", lambda received: _note(seen, received))

    tab.on("websocket", listen)
    try:
        yield seen
    finally:
        tab.remove_listener("websocket", listen)


def _note(seen: list[str], received: bytes) -> None:
    message = ForwardMsg.FromString(received)
    if message.WhichOneof("type") == "script_finished":
        seen.append(ENDED.get(message.script_finished, "stopped"))


def settled(tab) -> None:
    """Wait until the page's script has ended."""
    tab.wait_for_timeout(250)
    tab.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
