"""Where jobs run."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import ddsing
from ddsing.engine.tf.runtime import ENVIRONMENT
from ddsing.hardware import n_cores

_PROJECT = Path(ddsing.__file__).resolve().parents[1]
_NOT_INHERITED = ("STREAMLIT_", "PYTEST_", "COV_", "PYTHON")
_INHERITED = {"PYTHONPATH", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE"}
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "DDSING_CORES")


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
                cwd=_PROJECT,
                env=environment(),
                start_new_session=True,  # Windows passes over it, and has the flags instead
                creationflags=_flags(),
            )
        threading.Thread(target=process.wait, name=f"wait for {folder.name}", daemon=True).start()  # no zombie stays


def _flags() -> int:
    """On Windows: neither the Ctrl-C nor the end of the dashboard's console reaches the process."""
    names = ("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW")
    return sum(getattr(subprocess, name, 0) for name in names)


def environment() -> dict[str, str]:
    """What a job's process inherits, and TensorFlow's settings; of more than two cores one is left to the dashboard."""
    kept = {
        name: value for name, value in os.environ.items() if name in _INHERITED or not name.startswith(_NOT_INHERITED)
    }
    cores = n_cores()
    return kept | ENVIRONMENT | dict.fromkeys(_THREADS, str(cores if cores <= 2 else cores - 1))


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
