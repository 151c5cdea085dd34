"""What one of each costs: a transfer, a minute prepared, a training run, a session, in processor time, memory and disk.

    python -m benchmarks.costs [--only transfer preparing training sessions database] [--out benchmarks/costs.json]
    python -m benchmarks.costs --trackers instant        # adds what transfers and preparing take with these trackers

`benchmarks.scale` reckons with these figures; they are kept in ``costs.json`` with the processor, the date and the
command. Times are seconds of processor time of all threads together, since a busy machine stretches the clock; each
part runs in a process of its own. Transfers and preparing get one thread for their matrices, as a worker of a pool
would that has one core; training takes what it takes. A part that is measured again replaces only itself in the file.
"""

import argparse
import datetime
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from benchmarks.memory import peak_memory_bytes
from ddsing.constants import SAMPLE_RATE, TRACKERS
from ddsing.instrument import Instrument
from ddsing.instrument import models as stores
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
from ddsing.sound.audio import decode, encode
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace, open_workspace

ROOT = Path(__file__).resolve().parents[1]
COSTS = Path(__file__).with_name("costs.json")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
LENGTHS_S = (10.0, 20.0)  # of the recordings that are transferred; the difference gives the cost of a second of sound
REPEATS = 5
STEPS = {"singing_small": 30, "singing": 8}  # that are measured
WINDOWS = {"singing_small": 8, "singing": 4}  # in a step; a step of singing's own 32 would take half a minute here
WARM_UP_STEPS = 3  # the first of them builds the model
N_TRANSACTIONS = 2000
PARTS = {  # by name: what each of its processes measures
    "transfer": ("small", "full size"),
    "preparing": TRACKERS,
    "training": tuple(STEPS),
    "sessions": ("",),
    "database": ("",),
}


def spent() -> float:
    """Seconds of the processor that this process has taken, with its children that have ended."""
    times = psutil.Process().cpu_times()
    return sum(getattr(times, name, 0.0) for name in ("user", "system", "children_user", "children_system"))


def cost_of(work: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    before = spent()
    work()
    return spent() - before


def disk(path: Path) -> dict[str, int]:
    """Bytes and number of the files below a folder."""
    sizes = [found.stat().st_size for found in path.rglob("*") if found.is_file()]
    return {"bytes": sum(sizes), "files": len(sizes)}


def transfer(size: str, trackers: Sequence[str] = TRACKERS) -> dict:
    """Of an instrument of a size: seconds by the length of the sound, with known pitch and, by tracker, without."""
    from ddsing.transfer import pipeline

    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as folder:
        workspace = open_workspace(Path(folder) / "workspace")
        instrument = stores.shared().open(workspace, "aria")
        if size == "full size":
            instrument = full_size(instrument)
        takes = []

        def cost(audio: np.ndarray, tracker: str, octaves: int = 0) -> float:
            settings = Settings(octave_shift=octaves)
            return cost_of(
                lambda: takes.append(pipeline.run(workspace, audio, instrument, settings, tracker=tracker).folder)
            )

        first_s = cost(_song(workspace, LENGTHS_S[0], 99), "tiny")
        known: dict[str, float] = {}
        unknown: dict[str, dict[str, float]] = {}
        for number, tracker in enumerate(trackers):
            cost(_song(workspace, 1.0, number), tracker)  # loads the tracker's network
            unknown[tracker] = {
                f"{length_s:g}": min(cost(_song(workspace, length_s, 10 * number + n), tracker) for n in (1, 2))
                for length_s in LENGTHS_S
            }
        for length_s in LENGTHS_S:
            audio = _song(workspace, length_s, 1)
            known[f"{length_s:g}"] = statistics.median(cost(audio, trackers[0], n % 3 - 1) for n in range(REPEATS))
        longest = disk(takes[-1]) | {"seconds": LENGTHS_S[-1]}
    times = {"first_of_a_process_s": first_s, "known_s": known, "unknown_s": unknown}
    return times | {"take": longest, "peak_bytes": peak_memory_bytes()}


def preparing(tracker: str) -> dict:
    """A minute of recordings, analysed and written as a dataset."""
    from ddsing.dataset import prepare

    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as folder:
        workspace = Workspace(Path(folder))
        voice = _minute_of_a_voice(workspace)
        cpu_s = cost_of(lambda: prepare.prepare(voice, tracker=tracker))
        return {"cpu_s": cpu_s, "dataset": disk(voice.dataset_folder), "peak_bytes": peak_memory_bytes()}


def training(model: str) -> dict:
    """A few steps of a run: what its start, a step and a checkpoint take, and what is left on disk."""
    from ddsing.dataset import prepare
    from ddsing.training import run
    from ddsing.training.recipe import Recipe, config_file

    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as folder:
        workspace = Workspace(Path(folder))
        voice = _minute_of_a_voice(workspace)
        prepare.prepare(voice, tracker="tiny")
        steps, seen, before = STEPS[model], [], spent()
        recipe = Recipe(config=model, steps=steps, save_every=steps, batch_size=WINDOWS[model])
        run.train(workspace, voice.name, recipe, report=lambda found: seen.append((found.stage, found.step, spent())))
        reached = {step: at for stage, step, at in reversed(seen) if stage == "training"}  # the first report of each
        saving = next(at for stage, _, at in seen if stage == "saving")
        saved = max(at for stage, step, at in seen if stage == "training" and step == steps)
        own = config_file(model)
        return {
            "start_cpu_s": reached[1] - before,
            "step_cpu_s": (reached[steps] - reached[WARM_UP_STEPS]) / (steps - WARM_UP_STEPS),
            "save_cpu_s": saved - saving,
            "steps_measured": steps,
            "windows": WINDOWS[model],
            "own_windows": own.batch_size,
            "own_steps": own.steps,
            "own_save_every": own.save_every,
            "checkpoint": disk(voice.checkpoints_folder),
            "instrument": disk(workspace.instruments),
            "peak_bytes": peak_memory_bytes(),
        }


def sessions(_: str) -> dict:
    """See `benchmarks.sessions`."""
    from benchmarks import sessions

    return sessions.run()


def database(_: str) -> dict:
    """What a small transaction takes in SQLite as a server would use it: a write-ahead log, each commit on disk."""
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-", dir=ROOT) as folder:
        connection = sqlite3.connect(Path(folder) / "people.sqlite", isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE audit (id INTEGER PRIMARY KEY, at_s REAL, who TEXT, what TEXT, about TEXT)")
        took_s, before = [], spent()
        for number in range(N_TRANSACTIONS):
            began = time.perf_counter()
            values = (float(number), f"{number % 97:040x}", "transfer", "10 s")
            connection.execute("INSERT INTO audit (at_s, who, what, about) VALUES (?, ?, ?, ?)", values)
            took_s.append(time.perf_counter() - began)
        cpu_s = (spent() - before) / N_TRANSACTIONS
        connection.close()
    return {"transactions": N_TRANSACTIONS, "cpu_s": cpu_s, "median_s": statistics.median(took_s)}


def _song(workspace: Workspace, seconds: float, number: int) -> np.ndarray:
    """The first seconds of an example, as a recording that no cache knows [shape=(n_samples,), float32]."""
    (path,) = workspace.examples.glob("ode*")
    whole, n_samples = decode(path), round(seconds * SAMPLE_RATE)
    return (np.resize(whole, n_samples) * (1.0 - 0.001 * number)).astype(np.float32)


def full_size(instrument: Instrument) -> Instrument:
    """An instrument of the notebooks' size; its weights are random, which costs the same."""
    weights = random_weights(ModelConfig(), seed=0)
    return replace(instrument, name="full size", config=ModelConfig(), weights=weights)


def _minute_of_a_voice(workspace: Workspace):
    from ddsing.dataset import voices

    (recording,) = (ROOT / "demo" / "assets" / "audio" / "Mira").glob("*.flac")
    folder = workspace.audio / "Mira"
    folder.mkdir(parents=True)
    workspace.instruments.mkdir()
    (folder / "minute.wav").write_bytes(encode(np.resize(decode(recording), 60 * SAMPLE_RATE)))
    return voices.get(workspace, "Mira")


def measured(part: str) -> dict:
    """A part, each of its rows in a process of its own."""
    one_thread = ONE_THREAD if part in ("transfer", "preparing") else {}
    found = {}
    for row in PARTS[part]:
        found[row] = _child(part, row, one_thread)
    return found[""] if tuple(found) == ("",) else found


def _child(part: str, row: str, environment: Mapping[str, str], *trackers: str) -> dict:
    command = [sys.executable, "-m", "benchmarks.costs", "--child", part, row, *trackers]
    print(f"{part} {row}".strip(), file=sys.stderr, flush=True)
    done = subprocess.run(
        command, stdout=subprocess.PIPE, check=True, text=True, cwd=ROOT, env={**os.environ, **environment}
    )
    return json.loads(done.stdout.splitlines()[-1])


def provenance() -> dict:
    """Where and how it was measured."""
    cpuinfo = Path("/proc/cpuinfo")
    names = (
        [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")] if cpuinfo.exists() else []
    )
    return {
        "processor": names[0].partition(":")[2].strip() if names else platform.processor(),
        "machine": platform.machine(),
        "avx512": cpuinfo.exists() and "avx512f" in cpuinfo.read_text(),
        "cores": psutil.cpu_count(),
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load": round(psutil.getloadavg()[0], 1),
    }


def rounded(value):
    """Four digits of every number that is not whole."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def with_trackers(document: dict, trackers: Sequence[str]) -> dict:
    """The document with what some trackers cost, measured later than its other figures."""
    for part in ("transfer", "preparing"):
        about = provenance() | {"command": f"python -m benchmarks.costs --trackers {' '.join(trackers)}"}
        found = document[part]["found"]
        if part == "preparing":
            found |= {name: rounded(_child(part, name, ONE_THREAD)) for name in trackers}
        else:
            for size in PARTS[part]:
                found[size]["unknown_s"] |= rounded(_child(part, size, ONE_THREAD, *trackers))["unknown_s"]
        document[part].setdefault("later", {}).update(dict.fromkeys(trackers, about))
    return document


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), default=list(PARTS))
    parser.add_argument("--out", type=Path, default=COSTS)
    parser.add_argument("--trackers", nargs="+", choices=TRACKERS)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        part, row, *trackers = asked.child
        print(json.dumps(globals()[part](row, trackers) if trackers else globals()[part](row)))
        return
    document = json.loads(asked.out.read_text("utf-8")) if asked.out.exists() else {}
    if asked.trackers:
        _write(asked.out, with_trackers(document, asked.trackers))
        return
    for part in asked.only:
        about = provenance() | {"command": f"python -m benchmarks.costs --only {part}"}
        document[part] = {"measured": about, "found": rounded(measured(part))}
        _write(asked.out, document)


def _write(path: Path, document: dict) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
