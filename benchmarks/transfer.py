"""Transfer after features, ours beside ddsp's own: seconds and peak memory, each run in a process of its own.

    python -m benchmarks.transfer [--seconds 23] [--long 600] [--repeats 3] [--json]

The model is full size (GRU 512, stacks of 512, 100 harmonics, 65 noise bands) with random weights, the features are
synthetic. ddsp's own path is what the original notebook runs: its `Autoencoder`, built for the clip's length, called
eagerly once, ``model(features, training=False)``. *First* is what a user waits for after the model is loaded, *best*
the fastest of the repeats. The ratio compares first with first and best with best; that both make the same controls is
checked and printed. A row for each tells the ratio and the share of the limit; the last is of a small model (GRU and
stacks of 128, 60 harmonics), ours alone.
"""

import argparse
import functools
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import limits
from benchmarks.memory import peak_memory_bytes
from ddsing import hardware
from ddsing.constants import FRAME_RATE, HOP_SAMPLES, SAMPLE_RATE
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights

CONFIG = ModelConfig()
SMALL = ModelConfig(rnn_channels=128, ch=128, n_harmonics=60)
_CONTROLS = {
    "amps": ("harmonic", "amplitudes"),
    "harmonic_distribution": ("harmonic", "harmonic_distribution"),
    "noise_magnitudes": ("filtered_noise", "magnitudes"),
}


def features(n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """A melody with vibrato and dynamics: f0 in Hz and loudness in dB, each [shape=(n_samples // 64,), float32]."""
    t = np.arange(n_samples // HOP_SAMPLES) * HOP_SAMPLES / SAMPLE_RATE
    note = np.random.default_rng(0).integers(48, 72, len(t) // 100 + 1).repeat(100)[: len(t)]
    midi = note + 0.3 * np.sin(2.0 * np.pi * 5.5 * t)
    loudness_db = -35.0 + 15.0 * np.sin(2.0 * np.pi * 0.4 * t)
    return (440.0 * 2.0 ** ((midi - 69.0) / 12.0)).astype(np.float32), loudness_db.astype(np.float32)


def run_ours(n_samples: int, repeats: int, controls_path: Path | None, config: ModelConfig = CONFIG) -> dict:
    """Load and render block by block, as a transfer does; the sound is counted and dropped."""
    from ddsing.engine import render

    weights = random_weights(config, seed=0)
    f0_hz, loudness_db = features(n_samples)
    start = time.perf_counter()
    loaded = render.load(config, weights)
    load_s = time.perf_counter() - start

    def once():
        blocks = render.render_blocks(loaded, f0_hz, loudness_db, n_samples=n_samples)
        assert sum(len(block.audio) for block in blocks) == n_samples

    result = _timed(once, repeats) | {"load_s": load_s}
    if controls_path:
        rendering = render.render(loaded, f0_hz, loudness_db, n_samples=n_samples, keep_controls=True)
        np.savez(controls_path, **rendering.controls)
    return result


def run_ddsp(n_samples: int, repeats: int, controls_path: Path | None) -> dict:
    """ddsp's `Autoencoder` with the clip's length in its preprocessor and synthesisers, as the notebook sets it."""
    from ddsing.engine.tf import autoencoder as ddsp_model
    from ddsing.engine.tf import runtime

    tf = runtime.tensorflow()
    weights = random_weights(CONFIG, seed=0)
    f0_hz, loudness_db = features(n_samples)
    start = time.perf_counter()
    autoencoder = ddsp_model.autoencoder(CONFIG, n_samples=n_samples)
    ddsp_model.assign_weights(autoencoder, CONFIG, weights)
    load_s = time.perf_counter() - start  # building calls the model once, as the notebook's restoring does
    inputs = {"audio": tf.zeros([1, n_samples]), "f0_hz": f0_hz[None], "loudness_db": loudness_db[None]}
    last = {}

    def once():
        last["out"] = autoencoder(inputs, training=False)
        assert autoencoder.get_audio_from_outputs(last["out"]).numpy().shape == (1, n_samples)

    result = _timed(once, repeats) | {"load_s": load_s}
    if controls_path:
        out = last["out"]
        np.savez(
            controls_path, **{name: out[part]["controls"][key].numpy()[0] for name, (part, key) in _CONTROLS.items()}
        )
    return result


def _timed(once, repeats):
    seconds, cpu_seconds = [], []
    for _ in range(repeats):
        start, start_cpu = time.perf_counter(), time.process_time()
        once()
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - start_cpu)
    timed = {"first_s": seconds[0], "best_s": min(seconds), "best_cpu_s": min(cpu_seconds)}
    return timed | {"peak_bytes": peak_memory_bytes()}


def _in_child(way: str, seconds: float, repeats: int, controls_path: Path | None = None) -> dict:
    command = [
        sys.executable,
        "-m",
        "benchmarks.transfer",
        "--child",
        way,
        "--seconds",
        str(seconds),
        "--repeats",
        str(repeats),
    ]
    command += ["--controls", str(controls_path)] if controls_path else []
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, cwd=Path(__file__).parents[1])
    return json.loads(done.stdout.splitlines()[-1]) | {"audio_s": seconds}


def measure(seconds: float, long_seconds: float, repeats: int) -> dict:
    """Run all of it, one process after the other."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {way: Path(folder) / f"{way}.npz" for way in ("ours", "ddsp")}
        ours, ddsp = (_in_child(way, seconds, repeats, paths[way]) for way in paths)
        first, second = np.load(paths["ours"]), np.load(paths["ddsp"])
        difference = max(float(np.abs(first[name] - second[name]).max()) for name in _CONTROLS)
    document = {
        "ours": ours,
        "ddsp": ddsp,
        "ratio_first": ddsp["first_s"] / ours["first_s"],
        "ratio_best": ddsp["best_s"] / ours["best_s"],
        "controls_max_difference": difference,
    }
    document["ours_small"] = _in_child("small", seconds, repeats)
    if long_seconds:
        document["ours_long"] = _in_child("ours", long_seconds, 1)
    return document


def limit(config: ModelConfig) -> limits.Limit:
    """The least that a second of sound takes, if the work of all stages was shared out over all cores.

    Every kernel but the recurrent one meets many frames at once, which is arithmetic; that one is read anew for each
    frame, from the cache that holds it. The synthesis, which is sines, is left out.
    """
    shapes = {name: shape for name, shape in config.weight_shapes().items() if name.endswith("kernel")}
    recurrent = sum(math.prod(shape) for name, shape in shapes.items() if "recurrent" in name)
    others = sum(math.prod(shape) for name, shape in shapes.items()) - recurrent
    level, n_cores = "L2" if 4 * recurrent < limits.working_set_bytes("L2") else "L3", hardware.n_cores()
    return limits.Limit(
        (
            limits.Part("products", limits.matrix_product_flops(n_cores), multiply_adds=float(FRAME_RATE * others)),
            limits.Part(
                f"recurrent weights from {level}",
                n_cores * limits.memory_bandwidth(level),
                n_bytes=4.0 * FRAME_RATE * recurrent,
            ),
        )
    )


def rows(document: dict) -> list[limits.Row]:
    """What a second of sound takes, beside ddsp and the limit: the first time, at best, and of the small model."""
    found = []
    for name, config in (("", CONFIG), ("_small", SMALL)):
        ours, ddsp = document[f"ours{name}"], document.get(f"ddsp{name}")
        for key in ("first_s", "best_s") if ddsp else ("best_s",):
            found.append(
                limits.Row(
                    f"Rendering, {'small' if name else 'full size'}, {key[:-2]}",
                    ours[key] / ours["audio_s"],
                    per="second of audio",
                    peer="ddsp" if ddsp else "",
                    peer_s=ddsp[key] / ddsp["audio_s"] if ddsp else None,
                    limit=limit(config),
                )
            )
    return found


def text(document: dict) -> str:
    """A table for people."""
    lines = [f"{'':<10}{'audio':>8}{'load':>9}{'first':>9}{'best':>9}{'per s':>9}{'CPU':>9}{'memory':>10}"]
    for name, label in (("ddsp", "ddsp"), ("ours", "ours"), ("ours_small", "small"), ("ours_long", "ours")):
        if row := document.get(name):
            times = "".join(f"{row[key]:>7.2f} s" for key in ("load_s", "first_s", "best_s"))
            per_second = row["best_s"] / row["audio_s"]
            memory = row["peak_bytes"] / 1e6
            lines.append(
                f"{label:<10}{row['audio_s']:>6.0f} s{times}{per_second:>7.3f} s{row['best_cpu_s']:>7.1f} s"
                f"{memory:>7.0f} MB"
            )
    lines.append(
        f"ours is {document['ratio_first']:.1f} times as fast on the first run, "
        f"{document['ratio_best']:.1f} times at best;"
    )
    lines += [row.text() for row in rows(document)]
    lines.append(f"the controls differ by at most {document['controls_max_difference']:.1e}.")
    return "\n".join(lines)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=23.0, help="length of the clip (23)")
    parser.add_argument(
        "--long", type=float, default=600.0, help="length of the long recording, ours only; 0 leaves it out (600)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs in each process (3)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--child", choices=("ours", "ddsp", "small"), help=argparse.SUPPRESS)
    parser.add_argument("--controls", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        n_samples = round(args.seconds * 250) * HOP_SAMPLES
        small = functools.partial(run_ours, config=SMALL)
        way = {"ours": run_ours, "ddsp": run_ddsp, "small": small}[args.child]
        print(json.dumps(way(n_samples, args.repeats, args.controls)))
        return
    document = measure(args.seconds, args.long, args.repeats)
    if args.json:
        print(json.dumps(document | {"rows": [row.to_json() for row in rows(document)]}, indent=2))
    else:
        print(text(document))


if __name__ == "__main__":
    main()
