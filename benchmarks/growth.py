"""How costs grow: with the length of the sound, of a dataset, with the number of things on a page, with threads.

    python -m benchmarks.growth [--only render prepare ...] [--full] [--within MINUTES] [--lengths 5 20 80]
                                [--threads 1 2 4] [--svg OUT.svg] [--json]

Each point is a process of its own, which does a small piece of the same work first, so that nothing is counted that is
loaded or built once; then its processor time is taken, of all threads, and by how much the peak of its memory rises.
The default takes less than ten minutes on two cores. ``--full`` goes up to an hour of sound, for which CREPE full takes
about twenty minutes there, and the rest together fifteen; ``--only`` makes turns of it. With ``--within`` no size is
begun that would take longer, by what the one before it took.

Of each kind of work two slopes are printed, fitted to the points in log-log form: of processor time, where 1 is linear
(what a work takes however short it is makes it less), and of memory. With what is said of it:

- ``pitch instant``, ``pitch full``: `ddsing.sound.pitch.track` of so much sound;
- ``render``: a full-size instrument, block by block, of known pitch and loudness, nothing kept;
- ``prepare``: a recording of that length to a dataset, with the tracker *instant*, from the file to the records;
- ``train``: thirty steps of a tiny model on a dataset of so much sound, the file of records opened first;
- ``pages``: the script of Timbre transfer run once more, with so many takes and instruments in the workspace.

With ``--threads`` each kind is done at one length with so many threads, and the clock is told and drawn as well: it
means something on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks import charts, transfer
from benchmarks.memory import peak_memory_bytes
from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE

ROOT = Path(__file__).resolve().parents[1]
HOUR_S = 3600.0
Work = Callable[[float], object]


@dataclass(frozen=True)
class Kind:
    """A kind of work: what it grows with, at which sizes it is measured, and what of it may grow."""

    unit: str
    sizes: tuple[float, ...]
    full_sizes: tuple[float, ...]
    why: str
    flat: bool = False  # whether its time should not grow at all


KINDS = {
    "pitch instant": Kind(
        "s of sound",
        (10, 40, 160, 640),
        (5, 30, 180, 900, HOUR_S),
        "beside the recording, its curves; the network hears 7.5 s at a time",
    ),
    "pitch full": Kind(
        "s of sound",
        (5, 15, 45),
        (5, 30, 180, 900, HOUR_S),
        "beside the recording, the way back of the decoding, 90 kB for each second",
    ),
    "render": Kind("s of sound", (10, 40, 160, 640), (5, 30, 180, 900, HOUR_S), "nothing but two curves of 1 kB each"),
    "prepare": Kind(
        "s of sound",
        (30, 120, 480),
        (30, 180, 900, HOUR_S),
        "one recording while it is heard, 64 kB for each second, and the room in which it grows",
    ),
    "train": Kind(
        "s of sound",
        (60, 240, 960),
        (60, 900, HOUR_S, 3 * HOUR_S),
        "16 bytes for each window, where its record begins",
        flat=True,
    ),
    "pages": Kind(
        "takes and instruments",
        (5, 50, 500),
        (5, 50, 500, 2000),
        "what a list holds of each",
    ),
}
AT = {"pitch instant": 120.0, "pitch full": 15.0, "render": 60.0, "prepare": 120.0, "train": 60.0}  # with threads
STEPS, WINDOWS = 30, 4  # of a training
_SIZES, _MEMORY = "seconds of sound, or items", "MB at the peak, beside what it is given"
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Point:
    """What one size takes."""

    size: float
    cpu_s: float
    clock_s: float
    memory_bytes: float
    n_threads: int = 0


def song(duration_s: float) -> np.ndarray:
    """A sung tone, roughly, which never repeats itself [shape=(n_samples,), float32]; made in no more memory."""
    audio = np.empty(round(duration_s * SAMPLE_RATE), np.float32)
    for first in range(0, len(audio), SAMPLE_RATE):
        part = audio[first : first + SAMPLE_RATE]
        part[:] = _sung(np.arange(first, first + len(part)) / SAMPLE_RATE)
    return audio


def _sung(time_s: np.ndarray) -> np.ndarray:
    cycles = 220.0 * time_s + 3.0 * np.sin(2 * np.pi * 0.11 * time_s) + 0.3 * np.sin(2 * np.pi * 5.5 * time_s)
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 0.37 * time_s)
    return (0.15 * swell * sum(np.sin(2 * np.pi * k * cycles) / k for k in range(1, 5))).astype(np.float32)


# What is measured: each makes what it needs, and returns what does the work at a size


def pitch_by(tracker: str) -> Callable[[Path, float], Callable[[], object]]:
    """Of a tracker."""

    def made(folder: Path, size: float) -> Callable[[], object]:
        from ddsing.sound import pitch

        audio = song(size)
        return lambda: pitch.track(audio, tracker=tracker)

    return made


def render(folder: Path, size: float) -> Callable[[], object]:
    """A full-size instrument; blocks are counted and dropped."""
    from ddsing.engine import render as engine
    from ddsing.model.weights import random_weights

    n_samples = round(size * SAMPLE_RATE) // HOP_SAMPLES * HOP_SAMPLES
    loaded = engine.load(transfer.CONFIG, random_weights(transfer.CONFIG, seed=0))
    f0_hz, loudness_db = transfer.features(n_samples)
    return lambda: sum(len(one.audio) for one in engine.render_blocks(loaded, f0_hz, loudness_db, n_samples=n_samples))


def prepare(folder: Path, size: float) -> Callable[[], object]:
    """From a file to a dataset."""
    from ddsing.dataset import prepare as preparing

    voice = _voice(folder, size)
    return lambda: preparing.prepare(voice, tracker="instant")


def train(folder: Path, size: float) -> Callable[[], object]:
    """Steps of a tiny model, on a dataset of that length."""
    from ddsing.engine.tf.step import Step
    from ddsing.formats import tfrecord
    from ddsing.model.config import ModelConfig
    from ddsing.model.weights import random_weights
    from ddsing.training.batches import Batches
    from ddsing.training.listening import Listening

    records = folder / f"records {size:g}"
    records.mkdir()
    n_windows = max(WINDOWS, round(size / 4))
    window = {"audio": song(4.0), "f0_hz": np.full(1000, 220.0), "loudness_db": np.full(1000, -30.0)}
    window = {name: values.astype(np.float32) for name, values in window.items()}
    tfrecord.write(records / "train.tfrecord-00000-of-00001", (window for _ in range(n_windows)))
    config = ModelConfig(rnn_channels=16, ch=16, layers_per_stack=1, n_harmonics=8, n_noise_bands=9)
    step = Step(config, random_weights(config, seed=0), batch_size=WINDOWS, window_frames=100, n_parts=1)

    def steps() -> None:
        with tfrecord.open_all(records) as opened:
            batches = Batches(opened, WINDOWS, 100, 0, Listening(3, 3))
            for number in range(1, STEPS + 1):
                step.run(batches.get(number))
            batches.close()

    steps()  # builds the graph of this model
    return steps


def pages(folder: Path, size: float) -> Callable[[], object]:
    """The page Timbre transfer once more, in a tab that has shown it."""
    from streamlit.testing.v1 import AppTest

    from benchmarks.pages import MANY, furnish

    number = round(size)
    workspace = furnish(
        folder / f"workspace {size:g}", dict.fromkeys(MANY, 0) | {"takes": number, "instruments": number}
    )
    os.environ["DDSING_WORKSPACE"] = str(workspace.root)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600).run()
    for _ in range(3):
        app.run()
    return app.run


WORKS: dict[str, Callable[[Path, float], Callable[[], object]]] = {
    "pitch instant": pitch_by("instant"),
    "pitch full": pitch_by("full"),
    "render": render,
    "prepare": prepare,
    "train": train,
    "pages": pages,
}


def _voice(folder: Path, size: float):
    from ddsing.dataset import voices
    from ddsing.sound.audio import AudioWriter
    from ddsing.workspace import Workspace

    workspace = Workspace(folder / f"w {size:g}")
    (workspace.audio / "alto").mkdir(parents=True)
    with AudioWriter(workspace.audio / "alto" / "song.wav") as writer:
        for first_s in np.arange(0.0, size, 30.0):  # written piece by piece: the peak of memory is that of the work
            time_s = first_s + np.arange(round(min(30.0, size - first_s) * SAMPLE_RATE)) / SAMPLE_RATE
            writer.write(_sung(time_s).astype(np.float32))
    return voices.get(workspace, "alto")


def measured(kind: str, size: float) -> Point:
    """In this process: a small piece first, then the work."""
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as temporary:
        folder = Path(temporary)
        made, smallest = WORKS[kind], min(KINDS[kind].sizes)
        if kind != "pages":  # a tab is opened for one workspace
            made(folder, min(smallest, size) * 0.9)()
        work = made(folder, size)
        before, began, began_cpu = peak_memory_bytes(), time.perf_counter(), time.process_time()
        work()
        return Point(size, time.process_time() - began_cpu, time.perf_counter() - began, peak_memory_bytes() - before)


def in_child(kind: str, size: float, n_threads: int = 0) -> Point:
    """In a process of its own; `n_threads` of 0 leaves the threads as they are, but for those of BLAS."""
    command = [sys.executable, "-m", "benchmarks.growth", "--child", kind, str(size)]
    threads = {"DDSING_CORES": str(n_threads), "OMP_NUM_THREADS": str(n_threads)} if n_threads else ONE_THREAD
    environment = {**os.environ, **threads}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, cwd=ROOT, env=environment)
    return Point(**json.loads(done.stdout.splitlines()[-1]) | {"n_threads": n_threads})


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Of a straight line through the points in log-log form: 1 is linear, 0 is flat."""
    at, what = np.log(sizes), np.log(np.maximum(values, 1e-9))
    return float(np.polyfit(at, what, 1)[0])


def per_unit_bytes(points: Sequence[Point]) -> float:
    """How much more memory one unit more takes: of a straight line through the points, not less than 0."""
    return max(0.0, float(np.polyfit([one.size for one in points], [one.memory_bytes for one in points], 1)[0]))


def text(document: dict[str, list[Point]]) -> str:
    """A table for people."""
    lines = [f"{'':<15}{'size':>8}{'processor':>12}{'for each':>12}{'memory':>10}"]
    for kind, points in document.items():
        for one in points:
            each_ms = 1000 * one.cpu_s / one.size
            lines.append(
                f"{kind:<15}{one.size:>8.0f}{one.cpu_s:>10.2f} s{each_ms:>9.2f} ms{one.memory_bytes / 1e6:>7.1f} MB"
            )
        about, sizes = KINDS[kind], [one.size for one in points]
        if len(points) > 1:
            grown = slope(sizes, [one.cpu_s for one in points])
            wanted = "flat" if about.flat else "linear"
            fair = grown <= (0.05 if about.flat else 1.05)
            lines.append(
                f"{'':<15}slope of time {grown:.2f} ({wanted if fair else f'more than {wanted}'}); memory "
                f"{per_unit_bytes(points) / 1e3:.1f} kB for each of the {about.unit}: {about.why}"
            )
    return "\n".join(lines)


def text_of_threads(document: dict[str, list[Point]]) -> str:
    """What more threads gain, by the clock."""
    lines = [f"{'':<15}{'threads':>8}{'clock':>10}{'processor':>12}{'times as fast':>15}"]
    for kind, points in document.items():
        for one in points:
            gain = points[0].clock_s / one.clock_s
            lines.append(f"{kind:<15}{one.n_threads:>8}{one.clock_s:>8.2f} s{one.cpu_s:>10.2f} s{gain:>15.2f}")
    return "\n".join(lines)


def figure(document: dict[str, list[Point]]) -> str:
    """Two charts, time and memory over size, both logarithmic."""
    return charts.svg(
        [
            _chart(document, "Time", _SIZES, "seconds of processor time", lambda one: (one.size, one.cpu_s), 0.01),
            _chart(document, "Memory", _SIZES, _MEMORY, lambda one: (one.size, one.memory_bytes / 1e6), 0.1),
        ],
        "How time and memory grow with the length of the sound",
    )


def figure_of_threads(document: dict[str, list[Point]]) -> str:
    """Two charts, clock and processor time over the number of threads, both logarithmic."""
    return charts.svg(
        [
            _chart(document, "Clock", "threads", "seconds", lambda one: (one.n_threads, one.clock_s), 0.01),
            _chart(document, "Processor", "threads", "seconds of all", lambda one: (one.n_threads, one.cpu_s), 0.01),
        ],
        "What more threads gain",
    )


def _chart(
    document: dict[str, list[Point]],
    title: str,
    x_label: str,
    y_label: str,
    place: Callable[[Point], tuple[float, float]],
    least: float,
) -> charts.Chart:
    """A line for each kind, in axes that end at powers of ten; nothing lies lower than `least`."""
    at = {kind: [place(one) for one in points] for kind, points in document.items()}
    lines = [
        charts.Line(kind, tuple((x, max(y, least), 0.0) for x, y in points), KINDS[kind].flat)
        for kind, points in at.items()
    ]
    x, y = ([point[axis] for line in lines for point in line.points] for axis in (0, 1))
    first = 10.0 ** math.floor(math.log10(min(x)))
    last = max(10.0 ** math.ceil(math.log10(max(x))), 10.0 * first)
    most = max(10.0 ** math.ceil(math.log10(max(y))), 10.0 * least)
    return charts.Chart(title, x_label, y_label, lines, last, most, first, least)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=tuple(KINDS), default=list(KINDS), metavar="KIND")
    parser.add_argument("--full", action="store_true", help="up to an hour of sound")
    parser.add_argument("--within", type=float, metavar="MINUTES", help="begin nothing that would take longer")
    parser.add_argument("--lengths", nargs="+", type=float, metavar="SIZE", help="other sizes for all")
    parser.add_argument(
        "--threads", nargs="*", type=int, help="so many threads each, instead of sizes (1 to all cores)"
    )
    parser.add_argument("--svg", type=Path, help="where the figure is written")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(asdict(measured(args.child[0], float(args.child[1])))))
        return
    if args.threads is not None:
        counts = args.threads or [n for n in (1, 2, 4, 8, 16, 32) if n <= (os.cpu_count() or 1)]
        document = {kind: [in_child(kind, AT[kind], n) for n in counts] for kind in args.only if kind in AT}
    else:
        document = {
            kind: _told(kind, args.lengths or (KINDS[kind].full_sizes if args.full else KINDS[kind].sizes), args.within)
            for kind in args.only
        }
    if args.svg:
        drawn = figure(document) if args.threads is None else figure_of_threads(document)
        args.svg.write_text(drawn, encoding="utf-8", newline="\n")
    if args.json:
        print(json.dumps({kind: [asdict(one) for one in points] for kind, points in document.items()}, indent=2))
    else:
        print(text(document) if args.threads is None else text_of_threads(document))


def _told(kind: str, sizes: Sequence[float], within_minutes: float | None = None) -> list[Point]:
    """The points of a kind, as far as they were reached."""
    found: list[Point] = []
    for size in sizes:
        minutes = expected_minutes(found, size)
        expected = "" if minutes is None else f", about {minutes:.2g} min"
        print(f"{kind}, {size:g} {KINDS[kind].unit}{expected}", file=sys.stderr, flush=True)
        if within_minutes is not None and minutes is not None and minutes > within_minutes:
            print(f"  left out: more than {within_minutes:g} min", file=sys.stderr, flush=True)
            break
        try:
            found.append(in_child(kind, size))
        except subprocess.CalledProcessError:  # it has said why
            break
    return found


def expected_minutes(points: Sequence[Point], size: float) -> float | None:
    """How long a size takes by the one before it, if that was measured: its cost may grow in proportion."""
    return points[-1].clock_s / 60.0 * max(1.0, size / points[-1].size) if points else None


if __name__ == "__main__":
    main()
