"""The dashboard's scripts run as its server runs them, without a browser or a port, and what each run takes as counts.

Streamlit's own runtime in this process; one in a process at a time, and none beside ``AppTest``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime, RuntimeConfig, SessionClient
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import ScriptRunner

from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

READS = {"open", "os.listdir", "os.scandir"}  # what Python tells of reading files and folders


@dataclass
class Taken:
    """What the runs since a press, or since a page was asked for, have taken.

    Attributes
    ----------
    n_runs : int
        Of the script, or of a part of it.
    cpu_s : float
        The script's own processor time.
    read : list of str
        The files and folders that were opened meanwhile, by the script.
    sent : dict of Message
        The elements that the browser shows in the end, by place.
    n_bytes : int
        What goes to the browser, but for larger elements that it has already.
    """

    n_runs: int = 0
    cpu_s: float = 0.0
    read: list[str] = field(default_factory=list)
    sent: dict[tuple[int, ...], Message] = field(default_factory=dict)
    n_bytes: int = 0


_now: Taken | None = None
_of_scripts: set[int] = set()  # the threads in which one runs


@functools.cache
def _listen() -> None:
    """Hear of what is read, from now on; what is heard of can't be left again."""
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple) -> None:
    if _now is not None and event in READS and threading.get_ident() in _of_scripts:
        _now.read.append(str(arguments[0]))


def _counted(run):
    def counting(self, rerun_data):
        me, began_s = threading.get_ident(), time.thread_time()
        _of_scripts.add(me)
        try:
            return run(self, rerun_data)
        finally:
            _of_scripts.discard(me)
            if _now is not None:
                _now.n_runs += 1
                _now.cpu_s += time.thread_time() - began_s

    return counting


class Tab(SessionClient):
    """A tab of a browser that shows what it is sent to nobody."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime, self._page, self._query = runtime, "", ""
        self._hash = ""
        self._held: dict[str, Message] = {}  # larger elements, by hash, which need not be sent again
        self._id = runtime.connect_session(self, {})
        self._session = runtime.get_app_session(self._id)
        self._session.track_settling()

    def write_forward_msg(self, msg: ForwardMsg) -> None:
        """What Streamlit sends."""
        if msg.HasField("navigation"):
            self._hash = msg.navigation.page_script_hash
        if _now is not None:
            _now.n_bytes += msg.ByteSize()
            element = self._held.get(msg.ref_hash)
            if msg.HasField("delta") and msg.delta.HasField("new_element"):
                element = msg.delta.new_element
            if element is not None:
                _now.sent[tuple(msg.metadata.delta_path)] = element
                if msg.metadata.cacheable:
                    self._held[msg.hash] = element

    async def open(self, page: str, query: str = "") -> Taken:
        """Go to a page by its address; until it stands still."""
        self._page, self._query, self._hash = page, query, ""
        return await self.rerun()

    async def rerun(self) -> Taken:
        """Run the page's script again, as any press does."""
        global _now
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._hash
        state.cached_message_hashes.extend(self._held)
        if not self._hash:
            state.page_name = self._page
        taken = _now = Taken()
        self._runtime.handle_backmsg(self._id, message)
        async with asyncio.timeout(PATIENCE_S):
            await self._session.wait_until_settled()
        _now = None
        return taken


@contextlib.asynccontextmanager
async def dashboard() -> AsyncIterator[Runtime]:
    """The server's inside, on the workspace that DDSING_WORKSPACE names; `Tab(runtime)` opens a tab."""
    runtime = Runtime(
        RuntimeConfig(str(ROOT / "app.py"), MemoryMediaFileStorage("/media"), MemoryUploadedFileManager("/upload"))
    )
    _listen()
    plain = ScriptRunner._run_script
    ScriptRunner._run_script = _counted(plain)
    await runtime.start()
    try:
        yield runtime
    finally:
        ScriptRunner._run_script = plain
        runtime.stop()
        await runtime.stopped
        Runtime._instance = None
