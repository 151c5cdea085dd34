"""The code that XLA has compiled for training steps, kept between processes: compiling takes longer than many steps.

XLA keeps it itself, if it is told where. What it does not do is done here: an entry that is not what was written is
never read, code is kept for one processor and one version of TensorFlow, a process that dies over kept code takes it
along, and where XLA does not take its own code back, none is kept. Machine code lies where only this user can write,
never in a workspace, which may come from someone else.
"""

import atexit
import contextlib
import hashlib
import importlib.metadata
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from ddsing import hardware
from ddsing.files import write_atomic

KNOWN_TO_WORK = "2.21."  # an unknown flag would end the process
MAX_BYTES = 16 * 2**20  # a step's is half a megabyte; all of a processor's is read at each start
_FLAGS, _OTHER_FLAGS = "TF_XLA_FLAGS", ("XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS")
_REFUSED = "refused"
_LEAST_ROOM_BYTES = 256 * 2**20  # on the disk: XLA fails where it can't write
_DIGITS = 64


class CompiledCode:
    """What is kept for this processor, while this process uses it.

    Parameters
    ----------
    store : Path
        Where it is kept; made if it is not there.
    """

    def __init__(self, store: Path):
        self.store = store
        _forget_after_a_crash(store)
        self.own = Path(
            tempfile.mkdtemp(prefix=f"process-{os.getpid()}-{psutil.Process().create_time():.2f}-", dir=store)
        )
        self._taken: dict[str, int] = {}
        for entry in _entries(store):
            name = entry.name[_DIGITS + 1 :]
            data = entry.read_bytes()
            if hashlib.sha256(data).hexdigest() != entry.name[:_DIGITS]:
                entry.unlink(missing_ok=True)
                continue
            (self.own / name).write_bytes(data)
            os.utime(entry)
            self._taken[name] = (self.own / name).stat().st_ino

    @property
    def flags(self) -> str:
        """For XLA, before TensorFlow is imported."""
        return f"--tf_xla_persistent_cache_directory={self.own} --tf_xla_persistent_cache_device_types=CPU"

    def check(self) -> None:
        """Have XLA take back a small piece of its code; where it refuses, do without, now and from now on."""
        from ddsing.engine.tf import runtime

        tf = runtime.tensorflow()

        def probe(x: object) -> object:
            return tf.tanh(x) * 2.0

        try:
            tf.function(probe, jit_compile=True, autograph=False)(tf.ones([64]))
        except tf.errors.OpError:
            for path in self.own.iterdir():
                path.unlink(missing_ok=True)
            for entry in _entries(self.store):
                entry.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                write_atomic(self.store / _REFUSED, b"")

    def keep(self) -> int:
        """Keep what was compiled here, after a step has shown that it works; returns how many pieces that were.

        Where that can't be written, the next process compiles again.
        """
        new = [path for path in sorted(self.own.glob("*.pb")) if path.stat().st_ino != self._taken.get(path.name)]
        if not (self.store / _REFUSED).exists():
            with contextlib.suppress(OSError):
                for path in new:
                    self._put(path)
                _prune(self.store.parent)
        self.close()
        return len(new)

    def _put(self, path: Path) -> None:
        data = path.read_bytes()
        for before in self.store.glob(f"*-{path.name}"):
            before.unlink(missing_ok=True)
        write_atomic(self.store / f"{hashlib.sha256(data).hexdigest()}-{path.name}", data, durable=False)

    def close(self) -> None:
        """Leave no trace of this process."""
        shutil.rmtree(self.own, ignore_errors=True)


def use() -> CompiledCode | None:
    """Let this process use what is kept; None where it can't: TensorFlow is imported already, or is another one."""
    if sys.platform != "linux" or "tensorflow" in sys.modules or "persistent_cache" in os.environ.get(_FLAGS, ""):
        return None
    try:
        if not importlib.metadata.version("tensorflow").startswith(KNOWN_TO_WORK):
            return None
        store = folder() / _key()
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours_alone(store) or (store / _REFUSED).exists():
            return None
        if shutil.disk_usage(store).free < _LEAST_ROOM_BYTES:
            return None
        made = CompiledCode(store)
    except (OSError, RuntimeError, ValueError, ImportError):  # no home, no such package, or none of our folders
        return None
    os.environ[_FLAGS] = f"{os.environ.get(_FLAGS, '')} {made.flags}".strip()
    atexit.register(made.close)
    return made


def folder() -> Path:
    """Where code is kept: ``DDSING_COMPILED``, or among this user's caches."""
    named = os.environ.get("DDSING_COMPILED")
    return (
        Path(named)
        if named
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ddsing" / "compiled"
    )


def _key() -> str:
    """What code depends on beside what it computes: the processor, its cores, the version, and settings."""
    wanted = ("vendor_id", "model name", "flags", "Features", "CPU implementer", "CPU part")
    about = {line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(wanted)}
    facts = [*sorted(about), str(hardware.n_cores()), importlib.metadata.version("tensorflow")]
    facts += [os.environ.get(name, "") for name in (_FLAGS, *_OTHER_FLAGS)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]


def _is_ours_alone(store: Path) -> bool:
    about = store.stat()
    return hasattr(os, "getuid") and about.st_uid == os.getuid() and not about.st_mode & 0o022


def _entries(store: Path) -> Iterator[Path]:
    return (path for path in sorted(store.glob("*.pb")) if path.name[_DIGITS : _DIGITS + 1] == "-")


def _forget_after_a_crash(store: Path) -> None:
    """Where a process ended without a word while it used kept code, keep none of it: it may have been the reason."""
    for left in store.glob("process-*"):
        _, pid, created, *_ = left.name.split("-")
        if not _lives(int(pid), float(created)):
            shutil.rmtree(left, ignore_errors=True)
            for entry in _entries(store):
                entry.unlink(missing_ok=True)


def _lives(pid: int, created: float) -> bool:
    try:
        return abs(psutil.Process(pid).create_time() - created) < 1.0
    except psutil.Error:
        return False


def _prune(kept: Path) -> None:
    """Let what was not used for longest go, whatever processor it is for, where all is more than `MAX_BYTES`."""
    entries = sorted(kept.glob("*/*.pb"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for entry in entries:
        total += entry.stat().st_size
        if total > MAX_BYTES:
            entry.unlink(missing_ok=True)
