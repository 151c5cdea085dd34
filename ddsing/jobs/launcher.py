"""Where jobs run."""

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ddsing.process import PROJECT, environment, new_group


class Launcher(Protocol):
    """Starts the process that runs a job's folder."""

    def start(self, folder: Path) -> None:
        """Start it and return at once; starting one twice is harmless. Raises OSError."""


class LocalLauncher:
    """Starts a process on this computer, in a session of its own: it ends neither with its parent nor by its Ctrl-C.

    Parameters
    ----------
    program : Sequence[str]
        What is run, with the folder as its last argument.
    """

    def __init__(self, program: Sequence[str] = (sys.executable, "-m", "ddsing.jobs.run")) -> None:
        self.program = tuple(program)

    def start(self, folder: Path) -> None:
        """See `Launcher`."""
        with open(folder / "log.txt", "ab") as log, _signals_held_back():
            process = subprocess.Popen(
                [*self.program, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=PROJECT,
                env=environment(),
                start_new_session=True,  # Windows passes over it, and has the flags instead
                creationflags=new_group(),
            )
        threading.Thread(target=process.wait, name=f"wait for {folder.name}", daemon=True).start()  # no zombie stays


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """The new process inherits the blocked signals and unblocks them once it listens: none kills it before that."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
