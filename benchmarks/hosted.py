"""A hosted dashboard for `benchmarks.load`: the site, what its processes take, and what its guests have made.

Public: `Hosted`, `Song`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.visitors import Visitor
from ddsing.hosting import cookies, guests, house
from ddsing.sound import features
from ddsing.sound.audio import decode, encode
from ddsing.sound.features import FeatureCache
from ddsing.sound.recording import read
from ddsing.transfer.takes import TakeStore
from ddsing.work import folder
from ddsing.work.folder import OrderFolder
from ddsing.workspace import Workspace, open_workspace
from tests.support.hosting import Site

RATE = 16_000
TABLES = """
[guests]
allowed = true
most = 1000
hours = 24
transfer_seconds = 600
[rates]
transfers = "100000 per hour"
uploads = "100000 per hour"
guests = "100000 per hour"
people_per_address = 1000
[limits]
workspace_gb = 100
"""
WORKER = "ddsing.work.worker"


@dataclass(frozen=True)
class Song:
    """A recording that is made: notes with vibrato, other ones with each seed."""

    name: str
    duration_s: float
    seed: int = 0

    def audio(self) -> np.ndarray:
        """The sound [shape=(n_samples,), float32]."""
        time_s = np.arange(round(self.duration_s * RATE)) / RATE
        notes = np.random.default_rng(self.seed).integers(57, 70, len(time_s) // 8000 + 1).repeat(8000)[: len(time_s)]
        hz = 440.0 * 2.0 ** ((notes + 0.3 * np.sin(2 * np.pi * 5.5 * time_s) - 69.0) / 12.0)
        phase = 2 * np.pi * np.cumsum(hz) / RATE
        swell = 0.1 + 0.9 * np.abs(np.sin(2 * np.pi * 0.4 * time_s))
        return (0.1 * swell * sum(np.sin(k * phase) / k for k in range(1, 9))).astype(np.float32)


class Hosted:
    """A site with guests, below a folder."""

    def __init__(self, place: Path):
        self._site = Site(place)
        self._site.write(TABLES)
        self.url, self.root = self._site.url, self._site.root
        self.house = Workspace(self.root / house.FOLDER)

    def start(self) -> None:
        """Start the server and wait until it answers; also after `kill`."""
        self._site.start()

    def stop(self) -> None:
        """End it."""
        self._site.stop()

    def kill(self) -> None:
        """SIGKILL, to the server alone."""
        process = self._site.process
        assert process is not None
        process.kill()
        process.wait()

    # Its recordings

    def add(self, song: Song) -> None:
        """Put a recording among the examples of the house."""
        open_workspace(self.house.root)  # made if nobody has come yet
        (self.house.examples / song.name).write_bytes(encode(song.audio()))

    def known(self, song: Song) -> None:
        """The same, with its pitch."""
        self.add(song)
        found = read(self.house.examples / song.name)
        features.extract(found.audio, tracker="full", cache=FeatureCache(self.house.cache / "features"))

    # What was made

    def workspace(self, one: Visitor) -> Workspace:
        """Of a guest."""
        token = cookies.Signer(self.root).guest(one.cookie)
        assert token is not None
        return Workspace(self.root / "guests" / guests.name(token))

    def made(self, one: Visitor) -> list[float]:
        """Loudness shift of each take of a guest."""
        return [take.settings.loudness_shift_db for take in TakeStore(self.workspace(one)).list_all()]

    def results(self, one: Visitor, *, since: int = 0) -> list[tuple[float, str]]:
        """Loudness shift and hash of each take of a guest, the oldest first, from one on."""
        takes = TakeStore(self.workspace(one)).list_all()[::-1][since:]
        return [(take.settings.loudness_shift_db, _hash(take.folder)) for take in takes]

    def at_work(self) -> list[str]:
        """Ids of the guests' orders that a worker has begun."""
        found = [OrderFolder(path) for path in self.root.glob(f"guests/*/{folder.NAME}/*")]
        return [one.id for one in found if one.about().get("label") and one.status() and one.ended() is None]

    # What it takes

    @property
    def server(self) -> psutil.Process:
        """The server's process."""
        assert self._site.process is not None
        return psutil.Process(self._site.process.pid)

    def workers(self) -> list[psutil.Process]:
        """Those that run."""
        return list(_running(self.server, WORKER))

    def memory(self) -> dict[str, float]:
        """Bytes of the server and of all workers: their share of what they hold (PSS) on Linux, else all of it."""
        return {"server": _bytes(self.server), "workers": sum(map(_bytes, self.workers()))}

    def spent_s(self) -> dict[str, float]:
        """Seconds of processor time so far."""
        return {"server": _spent_s(self.server), "workers": sum(map(_spent_s, self.workers()))}


def _running(server: psutil.Process, module: str) -> Iterator[psutil.Process]:
    for one in server.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended
            if module in one.cmdline():
                yield one


def _bytes(process: psutil.Process) -> float:
    full = process.memory_full_info()
    return float(getattr(full, "pss", 0) or full.rss)


def _spent_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _hash(take: Path) -> str:
    """Of all samples of a take; the files' own bytes have the time in them."""
    found = hashlib.sha256()
    for name in ("result", "harmonic", "noise"):
        found.update(decode(take / f"{name}.wav").tobytes())
    return found.hexdigest()
