"""What this machine can do at most, and one form in which figures are told beside a peer and beside that limit.

    python -m benchmarks.limits [--threads 2] [--json]

The peaks are measured, not read from a data sheet: a large square product of matrices by NumPy's BLAS, of real and of
complex numbers, and what memory gives, from the second and third cache and from RAM. On one thread they are reckoned in
processor time, which a busy machine stretches least; on several by the clock, which needs a quiet machine. Each is the
best of several.

Other benchmarks import this: `peaks` gives all of them, measured once in a process; `Part` and `Limit` say with what
arithmetic something can't be faster, and `Row` prints it::

    own = limits.peaks()
    limit = limits.Limit((
        limits.Part("CREPE's products", own.product_flops, multiply_adds=1.1e9),
        limits.Part("the weights, once a second", own.read_bytes_per_s["RAM"], n_bytes=89e6),
    ))
    print(limits.Row("CREPE full", 0.31, per="second of audio", peer="Keras", peer_s=4.1, limit=limit).text())

A multiply-add of real numbers is two operations, one of complex numbers eight: all peaks are operations on real numbers
in a second. A copy of n bytes moves 2 n.
"""

from __future__ import annotations

import argparse
import functools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from ddsing import hardware

SIZE, REPEATS = 1536, 7  # rows of the square matrices; of which the best counts
LEVELS = ("L2", "L3", "RAM")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_USUAL_BYTES = {"L2": 2**20, "L3": 2**25}  # where the system does not tell
_MOVED_BYTES = 2**28  # at least, for one look at the clock


def matrix_product_flops(n_threads: int = 1, *, complex_numbers: bool = False, size: int = SIZE) -> float:
    """Operations in a second of a square matrix product in single precision, a multiply-add being two of them.

    Parameters
    ----------
    n_threads : int
        Of BLAS. One is measured in processor time, several by the clock.
    complex_numbers : bool
        Of complex64, where a multiply-add is eight operations on real numbers.
    size : int
        Rows of the matrices.
    """
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size), np.float32) for _ in range(2))
    if complex_numbers:
        a, b = a + 1j * b, b - 1j * a
    out = np.empty_like(a)
    with threadpool_limits(n_threads, user_api="blas"):
        took_s = _least_s(lambda: np.matmul(a, b, out=out), alone=n_threads == 1)
    return (8.0 if complex_numbers else 2.0) * size**3 / took_s


def memory_bandwidth(level: str = "RAM", *, copy: bool = False) -> float:
    """Bytes in a second that one thread reads, or reads and writes, of what lies in a cache or in memory.

    Parameters
    ----------
    level : str
        ``L2``, ``L3`` or ``RAM``.
    copy : bool
        Of a copy, read and written bytes together; else of a dot product of two halves, which only reads.
    """
    half = working_set_bytes(level) // 8  # float32 in each half
    first, second = np.ones(half, np.float32), np.ones(half, np.float32)
    n_times = max(1, _MOVED_BYTES // (8 * half))

    def move() -> None:
        for _ in range(n_times):
            if copy:
                np.copyto(first, second)
            else:
                np.dot(first, second)

    with threadpool_limits(1, user_api="blas"):
        return 8.0 * half * n_times / _least_s(move, alone=True)


def working_set_bytes(level: str) -> int:
    """How much is moved to measure a level: half of the second cache, a quarter of the third, far more than both."""
    sizes = cache_bytes()
    return {"L2": sizes["L2"] // 2, "L3": max(sizes["L3"] // 4, 2 * sizes["L2"]), "RAM": max(4 * sizes["L3"], 2**27)}[
        level
    ]


def cache_bytes() -> dict[str, int]:
    """How large the caches of the first core are, ``L2`` and ``L3``."""
    found = dict(_USUAL_BYTES)
    for index in _CACHES.glob("index*"):
        level, told = (index / "level").read_text().strip(), (index / "size").read_text().strip()
        if f"L{level}" in found and told.endswith("K") and told[:-1].isdecimal():
            found[f"L{level}"] = 1024 * int(told[:-1])
    return found


def _least_s(work: Callable[[], object], *, alone: bool) -> float:
    """Seconds of the quickest of several runs: of this thread's processor time, or of the clock."""
    clock, took_s = time.thread_time if alone else time.perf_counter, []
    work()  # fetches the pages, wakes the threads
    for _ in range(REPEATS):
        began_s = clock()
        work()
        took_s.append(clock() - began_s)
    return max(min(took_s), 1e-9)


@dataclass(frozen=True)
class Peaks:
    """What the machine can do at most: operations and bytes in a second."""

    n_threads: int
    product_flops: float
    complex_product_flops: float
    read_bytes_per_s: dict[str, float]
    copy_bytes_per_s: dict[str, float]


@functools.cache
def peaks(n_threads: int = 1) -> Peaks:
    """All of them, measured at the first call, which takes about three seconds."""
    return Peaks(
        n_threads,
        matrix_product_flops(n_threads),
        matrix_product_flops(n_threads, complex_numbers=True, size=SIZE // 2),
        {level: memory_bandwidth(level) for level in LEVELS},
        {level: memory_bandwidth(level, copy=True) for level in LEVELS},
    )


@dataclass(frozen=True)
class Part:
    """A piece of arithmetic at one of the machine's peaks: `multiply_adds` of real numbers, or `n_bytes` moved."""

    what: str
    peak_per_s: float
    multiply_adds: float = 0.0
    n_bytes: float = 0.0

    @property
    def seconds(self) -> float:
        """The least that it takes."""
        return (2.0 * self.multiply_adds + self.n_bytes) / self.peak_per_s

    def text(self) -> str:
        """The arithmetic, such as ``2 × 1.1 G / 103 G/s CREPE's products``."""
        amount = f"2 × {_short(self.multiply_adds)}" if self.multiply_adds else f"{_short(self.n_bytes)}B"
        return f"{amount} / {_short(self.peak_per_s)}{'' if self.multiply_adds else 'B'}/s {self.what}"


@dataclass(frozen=True)
class Limit:
    """The least time that something can take: its parts, one after the other."""

    parts: Sequence[Part]

    @property
    def seconds(self) -> float:
        """Of all parts together."""
        return sum(part.seconds for part in self.parts)

    def text(self) -> str:
        """The whole arithmetic."""
        return f"{' + '.join(part.text() for part in self.parts)} = {self.seconds:.3g} s"


@dataclass(frozen=True)
class Row:
    """One figure: what it takes, what a peer takes in the same run, and the limit; the last two may be missing."""

    what: str
    seconds: float
    per: str = ""  # such as "second of audio"
    peer: str = ""
    peer_s: float | None = None
    limit: Limit | None = None

    @property
    def ratio(self) -> float | None:
        """How many times as long the peer takes."""
        return None if self.peer_s is None else self.peer_s / self.seconds

    @property
    def share(self) -> float | None:
        """How much of the time is what the limit asks for: 1 is the limit itself."""
        return None if self.limit is None else self.limit.seconds / self.seconds

    def text(self) -> str:
        """One line: figure; peer, ratio; share of the limit with its arithmetic."""
        told = [f"{self.what}: {self.seconds:.3g} s{f' per {self.per}' if self.per else ''}"]
        if self.peer_s is not None:
            told.append(f"{self.peer} {self.peer_s:.3g} s, {self.ratio:.1f} times as long")
        if self.limit is not None:
            told.append(f"{self.share:.0%} of the limit ({self.limit.text()})")
        return "; ".join(told)

    def to_json(self) -> dict:
        """The same, with ratio and share."""
        return asdict(self) | {"ratio": self.ratio, "share": self.share}


def _short(value: float) -> str:
    """``103 G`` for 1.03e11."""
    power = next((power for power in (12, 9, 6, 3) if value >= 10.0**power), 0)
    return f"{value / 10.0**power:.3g} {dict(zip((12, 9, 6, 3, 0), ('T', 'G', 'M', 'k', '')))[power]}"


def text(own: Peaks) -> str:
    """The peaks for people."""
    threads = f"{own.n_threads} thread{'s' if own.n_threads > 1 else ''}"
    lines = [
        f"{hardware.processor()}, {hardware.n_cores()} cores",
        f"matrix product, {threads}: {_short(own.product_flops)}FLOP/s, complex {_short(own.complex_product_flops)}"
        "FLOP/s (on real numbers)",
    ]
    for level in LEVELS:
        size_mb = working_set_bytes(level) / 1e6
        read, copy = own.read_bytes_per_s[level], own.copy_bytes_per_s[level]
        lines.append(f"{level}, {size_mb:.1f} MB: reads {_short(read)}B/s, copies {_short(copy)}B/s (read and written)")
    return "\n".join(lines)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="of matrix products (1)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    args = parser.parse_args()
    own = peaks(args.threads)
    print(json.dumps(asdict(own), indent=2) if args.json else text(own))


if __name__ == "__main__":
    main()
