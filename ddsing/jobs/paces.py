"""How fast works go on this computer: seconds for a unit of each part, kept in the workspace's cache.

By machine, and under a key that says kind of work, part and model. Of each the last few are kept, and the middle one
counts. A busy computer is slower: what was measured beside others is kept as it would have been alone, and what is
expected is what it takes beside those of now (`ddsing.hardware.crowd`). A cache that can't be read or written is no
harm.
"""

import hashlib
import math
import os
import platform
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ddsing import hardware
from ddsing.files import read_json, write_json
from ddsing.jobs.time_left import Part

NAME = "paces.json"
KEPT = 7  # of each
MAX_KEYS = 400


class Paces:
    """The paces of a workspace on this computer; `crowd` is how busy it is now, see `hardware.crowd`."""

    def __init__(self, path: Path, *, machine: str = "", crowd: float | None = None):
        self._path, self._machine = path, machine or machine_name()
        self._slower = slower(hardware.crowd() if crowd is None else crowd)
        self._known = _read(path).get(self._machine, {})

    def unit_s(self, key: str) -> float | None:
        """Seconds for a unit as the computer is now; None where nothing was measured."""
        found = self._known.get(key)
        return statistics.median(found["alone_s"]) * self._slower if found else None

    def part(self, stage: str, amount: float, key: str, *, guess_s: float, turn: int) -> Part:
        """A part of a work, with what it is expected to take; `guess_s` is for a unit, where nothing was measured."""
        known = self.unit_s(key)
        unit_s = guess_s * self._slower if known is None else known
        return Part(stage, unit_s * amount, key, amount, turn, known is not None)

    def learn(self, took_s: Mapping[str, float]) -> None:
        """Keep what a unit of each part took."""
        machines = _read(self._path)
        entries = machines.setdefault(self._machine, {})
        for key, unit_s in took_s.items():
            if math.isfinite(unit_s) and unit_s > 0.0:
                before = entries.get(key, {}).get("alone_s", [])
                entries[key] = {"alone_s": [*before, unit_s / self._slower][-KEPT:], "date": time.time()}
        while len(entries) > MAX_KEYS:
            entries.pop(min(entries, key=lambda key: entries[key]["date"]))
        self._known = entries
        try:
            write_json(self._path, machines, indent=None)
        except OSError:
            return


class Cached(Protocol):
    """A workspace, or what lies in one and knows its cache."""

    @property
    def cache(self) -> Path:
        """The workspace's folder of what can be computed again."""


def of(workspace: Cached) -> Paces:
    """Those of a workspace."""
    return Paces(workspace.cache / NAME)


def slower(crowd: float) -> float:
    """How many times as long everything takes beside so many others for each core.

    More than in proportion, since caches and memory are shared as well: on two cores a transfer took 6 s beside three
    for each core, 30 s beside nine.
    """
    return (1.0 + max(0.0, crowd)) ** 1.5


def machine_name() -> str:
    """The computer, without its name: the cache may travel with the workspace."""
    told = (platform.node(), platform.machine(), os.cpu_count(), device_name())
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def device_name() -> str:
    """What computes here: the dashboard, which sees all devices, and a job, which sees its own, say the same."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    found = {str(gpu.index): gpu.name for gpu in hardware.gpus()}
    if not found or visible in ("", "-1"):
        return "cpu"
    return found.get((visible or "").split(",")[0], next(iter(found.values())))


def _read(path: Path) -> dict:
    machines = read_json(path) or {}
    try:
        for entries in machines.values():
            for entry in entries.values():
                float(entry["date"])
                if not entry["alone_s"] or not all(0.0 < float(unit_s) < 1e7 for unit_s in entry["alone_s"]):
                    return {}
    except (ValueError, AttributeError, KeyError, TypeError):
        return {}
    return machines
