"""Reading and writing TensorBoard's event files: ours beside TensorBoard's own package, on the same files.

    python -m benchmarks.event_files [--runs 200] [--points 10000] [--library-runs 20] [--json]

A run is one event file with a loss and a speed at every step, as a training writes it. Each reader goes through them in
a process of its own, and makes arrays of steps and values of what it reads; the library is given fewer runs, and its
time is scaled up. It is read in both of its ways: with its stub in place of TensorFlow, which is how a server without
TensorFlow would use it, and with TensorFlow. Writing is of one run. Exit status 1 if ours reads no faster than either,
or they read something else.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

import numpy as np

from ddsing.formats import event_log

ROOT = Path(__file__).resolve().parents[1]
READERS = ("ddsing", "tensorboard, its stub", "tensorboard, TensorFlow")
TAG = "losses/total_loss"


def without_tensorflow() -> None:
    """Let this process's TensorBoard use its stub, as its own build without TensorFlow does."""
    sys.modules["tensorboard.compat.notf"] = types.ModuleType("tensorboard.compat.notf")


def write_ours(folder: Path, values: np.ndarray) -> None:
    """One run, by our writer."""
    writer = event_log.EventWriter(folder)
    for step, value in enumerate(values.tolist(), start=1):
        writer.add(step, {TAG: value, "steps_per_sec": 2.5})
    writer.close()


def write_theirs(folder: Path, values: np.ndarray) -> None:
    """One run, by TensorBoard's."""
    from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="scalars")
    metadata = summary_pb2.SummaryMetadata(plugin_data=plugin, data_class=summary_pb2.DATA_CLASS_SCALAR)
    writer = EventFileWriter(str(folder))
    for step, value in enumerate(values.tolist(), start=1):
        named = [
            summary_pb2.Summary.Value(
                tag=tag, metadata=metadata, tensor=tensor_pb2.TensorProto(dtype=1, float_val=[one])
            )
            for tag, one in ((TAG, value), ("steps_per_sec", 2.5))
        ]
        summary = summary_pb2.Summary(value=named)
        writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))
    writer.close()


def read_theirs(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(steps, values) by tag, by TensorBoard's loader and nothing that could be left out."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto import event_pb2

    found: dict[str, tuple[list[int], list[float]]] = {}
    for path in sorted(folder.iterdir()):
        for data in RawEventFileLoader(str(path)).Load():
            event = event_pb2.Event.FromString(data)
            for value in event.summary.value:
                steps, values = found.setdefault(value.tag, ([], []))
                steps.append(event.step)
                values.append(value.tensor.float_val[0])
    return {tag: (np.array(steps), np.array(values, np.float32)) for tag, (steps, values) in found.items()}


def run_reader(reader: str, folders: list[Path]) -> dict:
    """Read some runs, in this process."""
    if reader == READERS[1]:
        without_tensorflow()
    began = time.perf_counter()
    if reader != READERS[0]:
        from tensorboard.backend.event_processing import event_file_loader

        event_file_loader.RawEventFileLoader(str(next(folders[0].iterdir())))  # loads TensorFlow, or the stub
    import_s = time.perf_counter() - began
    began, total = time.perf_counter(), 0.0
    for folder in folders:
        if reader == READERS[0]:
            series = event_log.read(folder)[TAG]
            steps, values = series.steps, series.values
        else:
            steps, values = read_theirs(folder)[TAG]
        total += float(steps.sum()) + float(values.sum(dtype=np.float64))
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "import_s": import_s, "total": total, "tensorflow": "tensorflow" in sys.modules}


def measure(n_runs: int, n_points: int, n_library_runs: int) -> dict:
    """Write one run with both writers, copy it, and read the copies with every reader."""
    values = (
        5.0 + 5.0 * np.exp(-np.arange(n_points) / (n_points / 5)) + np.random.default_rng(0).normal(0, 0.15, n_points)
    )
    without_tensorflow()
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as temporary:
        write_theirs(Path(temporary) / "imports", values[:2])
        folder, written = Path(temporary), {}
        for name, write in (("ddsing", write_ours), ("tensorboard", write_theirs)):
            began = time.perf_counter()
            write(folder / f"written by {name}", values)
            written[name] = time.perf_counter() - began
        (source,) = (folder / "written by ddsing").iterdir()
        for number in range(n_runs):
            (folder / f"run {number:03d}").mkdir()
            (folder / f"run {number:03d}" / source.name).write_bytes(source.read_bytes())
        found = {}
        for reader in READERS:
            count = n_runs if reader == READERS[0] else n_library_runs
            child = [
                sys.executable,
                "-m",
                "benchmarks.event_files",
                "--child",
                reader,
                "--runs",
                str(count),
                str(folder),
            ]
            done = subprocess.run(child, cwd=ROOT, check=True, text=True, capture_output=True)
            found[reader] = json.loads(done.stdout.splitlines()[-1]) | {"n_runs": count}
            found[reader]["seconds_for_all"] = found[reader]["seconds"] / count * n_runs
    totals = [one["total"] / one["n_runs"] for one in found.values()]
    same = bool(np.allclose(totals, totals[0], rtol=1e-9))
    return {"runs": n_runs, "points": n_points, "written_s": written, "read": found, "same": same}


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.event_files")
    parser.add_argument("folder", nargs="?", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--child", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--library-runs", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    if args.child:
        print(json.dumps(run_reader(args.child, sorted(args.folder.glob("run *"))[: args.runs])))
        return 0
    found = measure(args.runs, args.points, min(args.library_runs, args.runs))
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        print(
            f"Writing a run of {found['points']:,} steps: "
            + ", ".join(f"{k} {v:.2f} s" for k, v in found["written_s"].items())
        )
        print(f"Reading {found['runs']} runs of {found['points']:,} steps:")
        for reader, one in found["read"].items():
            print(f"  {reader:<24} {one['seconds_for_all']:7.2f} s, after {one['import_s']:.2f} s of imports")
    ours, *theirs = (one["seconds_for_all"] for one in found["read"].values())
    return 0 if found["same"] and ours < min(theirs) else 1


if __name__ == "__main__":
    sys.exit(main())
