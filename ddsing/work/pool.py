"""The worker processes of a server: started, watched, and started again when one has died.

Public: `Pool`, `default_processes`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

from ddsing import process
from ddsing.hardware import n_cores
from ddsing.work.queue import Queue, QueueError

_WATCH_S = 0.5
_RECOVER_S = 1.0
_SHORT_LIFE_S, _PAUSE_S = 10.0, 5.0  # one that dies so soon is started again after a pause
_logger = logging.getLogger("ddsing")


def default_processes() -> int:
    """One worker for two cores: each uses both to find a pitch."""
    return max(1, n_cores() // 2)


class Pool:
    """Worker processes for a queue.

    Parameters
    ----------
    redis : str
        As the queue has it.
    processes : int
        How many; none are started for 0, where other servers do the work.
    """

    def __init__(self, queue: Queue, *, redis: str = "", processes: int = 1):
        self._queue, self._redis = queue, redis
        self._running: list[_Process] = [_Process() for _ in range(processes)]
        self._cores = max(1, n_cores() // max(1, processes))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="workers", daemon=True)

    def start(self) -> Pool:
        """Start the workers, and find what was accepted before; returns at once."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the workers; what they were at is done when some are started again."""
        self._ended.set()
        self._thread.join()

    @property
    def pids(self) -> list[int]:
        """Of the workers that run."""
        return [one.popen.pid for one in self._running if one.popen is not None and one.popen.poll() is None]

    def _watch(self) -> None:
        restored, recovered_s = False, 0.0
        try:
            while not self._ended.is_set():
                for one in self._running:
                    self._keep(one)
                if time.monotonic() - recovered_s > _RECOVER_S:
                    recovered_s = time.monotonic()
                    restored = self._find_lost(restored)
                self._ended.wait(_WATCH_S)
        finally:
            for one in self._running:
                one.end()

    def _find_lost(self, restored: bool) -> bool:
        """Give out what was lost; returns whether all workspaces have been looked through."""
        try:
            if not restored:
                self._queue.restore()
            self._queue.recover()
        except QueueError:
            return restored
        except Exception:
            _logger.exception("Orders can't be looked after")
            return restored
        return True

    def _keep(self, one: _Process) -> None:
        now = time.monotonic()
        if (one.popen is not None and one.popen.poll() is None) or now < one.not_before_s:
            return
        if one.popen is not None:
            _logger.warning("A worker ended with status %s and is started again", one.popen.returncode)
            one.end()
        if one.started_s is not None and now - one.started_s < _SHORT_LIFE_S and one.popen is not None:
            one.popen, one.not_before_s = None, now + _PAUSE_S
            return
        one.popen, one.started_s = self._started(), now

    def _started(self) -> subprocess.Popen:
        cores = dict.fromkeys(process.core_variables(), str(self._cores))
        started = subprocess.Popen(
            [sys.executable, "-m", "ddsing.work.worker"],
            stdin=subprocess.PIPE,
            cwd=process.PROJECT,
            env=process.environment() | cores,
            start_new_session=True,
            creationflags=process.new_group(),
        )
        assert started.stdin is not None
        about = {"root": str(Path(self._queue.root).absolute()), "redis": self._redis}
        with contextlib.suppress(OSError):  # it has died already
            started.stdin.write(json.dumps(about).encode() + b"\n")
            started.stdin.flush()
        return started


class _Process:
    """A worker, or the place for one."""

    def __init__(self) -> None:
        self.popen: subprocess.Popen | None = None
        self.started_s: float | None = None
        self.not_before_s = 0.0

    def end(self) -> None:
        """Kill it."""
        if self.popen is None:
            return
        self.popen.kill()
        self.popen.wait()
        if self.popen.stdin is not None:
            with contextlib.suppress(OSError):
                self.popen.stdin.close()
