"""A site below a folder with a queue and real worker processes, for tests of the work of a hosted dashboard's pages."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from ddsing.instrument.library import Library
from ddsing.sound import recording as recordings
from ddsing.sound.audio import encode
from ddsing.sound.recording import Recording
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.work import order_options
from ddsing.work.folder import OrderFolder
from ddsing.work.order import Order
from ddsing.work.pool import Pool
from ddsing.work.queue import Queue
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.hosting import free_port
from tests.support.patience import until


class Redis:
    """A real Redis on loopback, without a disk."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.process: subprocess.Popen | None = None

    def start(self) -> Redis:
        program = shutil.which("redis-server")
        assert program is not None
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        until(self._answers)
        return self

    def _answers(self) -> bool:
        from redis import Redis as Client
        from redis.exceptions import RedisError

        try:
            return bool(Client.from_url(self.url).ping())
        except RedisError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Site:
    """Workspaces of some people below a root, and the queue of their work."""

    def __init__(self, folder: Path, redis: str = "", *, processes: int = 1):
        self.root, self.redis, self.processes = folder / "hosted", redis, processes
        self.queue = Queue(self.root, redis, processes=processes)
        self.pool: Pool | None = None

    def person(self, name: str) -> Workspace:
        root = self.root / "people" / name[:2] / name
        if not root.is_dir():
            root.parent.mkdir(parents=True, exist_ok=True)
            tiny_workspace.fill(root)
        return Workspace(root)

    def work(self) -> Site:
        """Let worker processes begin."""
        self.pool = Pool(self.queue, redis=self.redis, processes=self.processes).start()
        return self

    def rest(self) -> None:
        if self.pool is not None:
            self.pool.stop()
            self.pool = None

    def submit(self, workspace: Workspace, sound: Recording, **settings) -> OrderFolder:
        return self.queue.submit(workspace.root, transfer(workspace, sound, **settings))


def sung(duration_s: float = 1.0, *, name: str = "song.wav", hz: float = 220.0) -> Recording:
    return recordings.read(encode(tiny_workspace.sung(duration_s, hz=hz)), name=name)


def transfer(workspace: Workspace, sound: Recording, *, instrument: str = tiny_workspace.NAMES[0], **settings) -> Order:
    options = order_options.transfer([Library(workspace).get(instrument)], Settings(**settings), "tiny")
    return Order("transfer", f"Transferring {sound.name}", options, sound)


def ended(order: OrderFolder):
    """Wait for an order's end."""
    return until(order.ended, told=lambda: f"{order.status()} {list(order.path.iterdir())}")


def at_work(order: OrderFolder, stage: str) -> int:
    """Wait until a worker is in a stage of an order; returns the worker's process."""

    def worker() -> int | None:
        status = order.status()
        return status["process"] if stage in status.get("stage", "") else None

    return until(worker, told=lambda: f"{order.status()} {order.ended()}", every_s=0.01)


def takes(workspace: Workspace) -> list:
    return TakeStore(workspace).list_all()


def sounds(take) -> dict[str, np.ndarray]:
    """All numbers of a take: its sounds sample by sample, and its curves."""
    from ddsing.sound import audio

    found = {name: audio.decode(take.folder / f"{name}.wav") for name in ("result", "harmonic", "noise", "original")}
    with np.load(take.folder / "features.npz") as curves:
        return found | {name: curves[name] for name in curves.files}
