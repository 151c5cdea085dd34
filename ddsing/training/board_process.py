"""TensorBoard for the dashboard: a process of its own, one per server at most, started when somebody asks for it.

It ends when it is closed, when nobody has looked at it for two hours, and with the server, however that ends: its
standard input is a pipe that only the server holds.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import ddsing
from ddsing.errors import TrainingError
from ddsing.training import board
from ddsing.workspace import Workspace

IDLE_S = 2 * 3600.0
CLOSING_S = 5.0
_PROJECT = Path(ddsing.__file__).resolve().parents[1]
_lock = threading.Lock()
_running: BoardProcess | None = None


class BoardProcess:
    """A TensorBoard that was started.

    Attributes
    ----------
    root : Path
        Of its workspace.
    address : str
        Where it listens, once it does; "" before.
    failure : str
        Why it could not start, as a sentence; "" otherwise.
    """

    def __init__(self, workspace: Workspace, idle_s: float):
        self.root = workspace.root
        self.address = self.failure = ""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")}
        root = str(workspace.root.absolute())
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ddsing.training.board", root, "--idle-s", str(idle_s)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=_PROJECT,
                env=environment,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise TrainingError(f"TensorBoard can't be started: {error.strerror}.") from None
        threading.Thread(target=self._listen, name="TensorBoard", daemon=True).start()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it is there, listening or about to."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it, and wait until it has ended."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]  # it has one
        for end in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(CLOSING_S)
                return
            except subprocess.TimeoutExpired:
                end()
        self._process.wait(CLOSING_S)

    def _listen(self) -> None:
        """Note what it says of itself; what it says besides is kept in case it fails."""
        last: collections.deque[str] = collections.deque(maxlen=1)
        for line in self._process.stdout or ():
            said = _document(line)
            self.address = said.get("address", self.address)
            self.failure = said.get("error", self.failure)
            last.append(line.strip())
        status = self._process.wait()
        if status and not self.address and not self.failure:
            self.failure = f"TensorBoard failed to start: {' '.join(last)[-200:] or f'exit status {status}'}."


def start(workspace: Workspace, *, idle_s: float = IDLE_S) -> BoardProcess:
    """The server's TensorBoard for a workspace, started unless it runs; one for another workspace is closed.

    Raises `DatasetError` if nothing has been trained.
    """
    global _running
    board.chosen(workspace, ())
    with _lock:
        if _running is not None and _running.running:
            if _running.root == workspace.root:
                return _running
            _running.close()
        _running = BoardProcess(workspace, idle_s)
        return _running


def current(workspace: Workspace) -> BoardProcess | None:
    """The one that was started for a workspace last, running or not; None where none was or it was closed."""
    found = _running
    return found if found is not None and found.root == workspace.root else None


def close(workspace: Workspace) -> None:
    """End the one of a workspace; harmless where there is none."""
    global _running
    with _lock:
        if _running is not None and _running.root == workspace.root:
            _running.close()
            _running = None


def _document(line: str) -> dict[str, str]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return {name: value for name, value in said.items() if isinstance(value, str)} if isinstance(said, dict) else {}
