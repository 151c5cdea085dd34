"""A training step, ours beside ddsp's own Trainer: steps per second, losses, memory.

    python -m benchmarks.training [--models small singing] [--steps 20] [--memory 4 32] [--json]

Both train the same model from the same weights on the same windows in one process, a step of one, then a step of the
other, so that whatever else the machine does slows both. The ratio is that of the median times of a step, the first of
each left out: it traces the graph. Memory is the peak of a process that takes three of our steps on that many windows
of `singing`.

How far the losses of a step are apart, as a share, is told three times. *At its weights*: each step of ours from the
weights that ddsp has before the same step. *Ours*: each training on its own. *Its own*: ddsp beside itself, the other
time without oneDNN, so that only rounding differs. The gradient of a log magnitude is one over the magnitude: the last
bit of a bin near zero decides where a step goes, and no two trainings of ddsp that round otherwise stay together.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.memory import peak_memory_bytes
from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights

MODELS = {  # configuration, windows in a batch, frames in a window
    "small": (ModelConfig(rnn_channels=128, ch=128, n_harmonics=60), 8, 500),
    "singing": (ModelConfig(), 4, 1000),
}
N_BATCHES, SEED = 4, 1


def batch(seed: int, batch_size: int, n_frames: int) -> dict[str, np.ndarray]:
    """Windows of a sung tone, roughly: harmonics that fall, vibrato, dynamics, breath."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_frames) * HOP_SAMPLES / SAMPLE_RATE
    f0_hz = 220.0 * 2.0 ** (rng.uniform(-1, 1, (batch_size, 1)) + 0.02 * np.sin(2 * np.pi * 5.5 * t))
    loudness_db = -35.0 + 15.0 * np.sin(2 * np.pi * t * rng.uniform(0.3, 1.0, (batch_size, 1)))
    f0_samples = np.repeat(f0_hz, HOP_SAMPLES, axis=1)
    cycles = np.cumsum(f0_samples, axis=1) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * k * cycles) / k * (k * f0_samples < SAMPLE_RATE / 2) for k in range(1, 20))
    gain = 0.1 * 10.0 ** ((np.repeat(loudness_db, HOP_SAMPLES, axis=1) + 35.0) / 20.0)
    sound = {"audio": tone * gain + rng.normal(0, 0.003, tone.shape), "f0_hz": f0_hz, "loudness_db": loudness_db}
    return {name: x.astype(np.float32) for name, x in sound.items()}


def compare(name: str, n_steps: int) -> dict:
    """Train both in turns."""
    from ddsing.engine.tf import autoencoder as ddsp_model
    from ddsing.engine.tf.step import Step

    config, batch_size, n_frames = MODELS[name]
    weights = random_weights(config, seed=SEED)
    autoencoder, train_step = _ddsp(name, weights)
    step, probe = (Step(config, weights, batch_size=batch_size, window_frames=n_frames, seed=SEED) for _ in range(2))
    ways = {"ddsp": train_step, "ours": step.run}
    batches = [batch(seed, batch_size, n_frames) for seed in range(N_BATCHES)]
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    losses: dict[str, list[float]] = {way: [] for way in ways}
    at_its_weights = []
    for number in range(n_steps + 1):
        probe.set_state(ddsp_model.read_weights(autoencoder, config), probe.slots(), number)
        at_its_weights.append(probe.run(batches[number % N_BATCHES]))
        for way, run in ways.items():
            start = time.perf_counter()
            losses[way].append(run(batches[number % N_BATCHES]))
            seconds[way].append(time.perf_counter() - start)
    step_s = {way: float(np.median(times[1:])) for way, times in seconds.items()}
    otherwise = _in_child("--child", f"{name} alone", "--steps", str(n_steps), TF_ENABLE_ONEDNN_OPTS="0")
    found = {"at its weights": at_its_weights, "ours": losses["ours"], "its own": otherwise}
    deviations = {
        way: [abs(loss / theirs - 1.0) for loss, theirs in zip(found[way], losses["ddsp"])][:n_steps] for way in found
    }
    return {
        "model": name,
        "batch_size": batch_size,
        "step_s": step_s,
        "first_step_s": {way: times[0] for way, times in seconds.items()},
        "steps_per_s": {way: 1.0 / time_s for way, time_s in step_s.items()},
        "ratio": step_s["ddsp"] / step_s["ours"],
        "deviations": deviations,
        "losses": losses,
    }


def _ddsp(name: str, weights):
    """ddsp's model, and what takes a step of its Trainer and returns the loss."""
    from ddsing.engine.tf import autoencoder as ddsp_model
    from ddsing.engine.tf import runtime

    tf, (config, _, n_frames) = runtime.tensorflow(), MODELS[name]
    autoencoder = ddsp_model.autoencoder(config, n_samples=n_frames * HOP_SAMPLES)
    ddsp_model.assign_weights(autoencoder, config, weights)
    tf.random.set_seed(SEED)
    trainer = runtime.ddsp().training.trainers.Trainer(autoencoder, tf.distribute.get_strategy())

    def train_step(x):
        return float(trainer.train_step({key: tf.constant(value) for key, value in x.items()})["total_loss"])

    return autoencoder, train_step


def losses_alone(name: str, n_steps: int) -> list[float]:
    """The losses of ddsp's first steps, in a process of their own."""
    config, batch_size, n_frames = MODELS[name]
    _, train_step = _ddsp(name, random_weights(config, seed=SEED))
    batches = [batch(seed, batch_size, n_frames) for seed in range(N_BATCHES)]
    return [train_step(batches[number % N_BATCHES]) for number in range(n_steps)]


def peak_bytes(batch_size: int) -> int:
    """The peak memory of this process after three steps of `singing`."""
    from ddsing.engine.tf.step import Step

    config, _, n_frames = MODELS["singing"]
    step = Step(config, random_weights(config, seed=SEED), batch_size=batch_size, n_parts=1)
    for seed in range(3):
        step.run(batch(seed, batch_size, n_frames))
    return peak_memory_bytes()


def _in_child(*arguments: str, **environment: str):
    command = [sys.executable, "-m", "benchmarks.training", *arguments]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env=os.environ | environment,
    )
    return json.loads(done.stdout.splitlines()[-1])


def text(document: dict) -> str:
    """A table for people."""
    lines = [f"{'model':<10}{'batch':>6}{'ddsp':>10}{'ours':>10}{'ratio':>8}"]
    for row in document["speed"]:
        times = "".join(f"{row['step_s'][way]:>8.3f} s" for way in ("ddsp", "ours"))
        lines.append(f"{row['model']:<10}{row['batch_size']:>6}{times}{row['ratio']:>7.1f}x")
    lines.append(f"{'losses apart from ddsp':<32}{'largest':>12}{'median':>12}")
    for row in document["speed"]:
        for way, shares in row["deviations"].items():
            lines.append(f"{row['model']:<10}{way:<22}{max(shares):>12.4%}{np.median(shares):>12.4%}")
    for batch_size, peak in document["memory"].items():
        lines.append(f"singing, {batch_size} windows: {peak / 1e9:.1f} GB at the peak")
    return "\n".join(lines)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", choices=tuple(MODELS), default=list(MODELS), help="which (both)")
    parser.add_argument("--steps", type=int, default=20, help="steps of each (20)")
    parser.add_argument("--memory", type=int, nargs="*", default=[4, 32], help="batch sizes (4 32)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        name, *alone = args.child.split()
        found = peak_bytes(int(name)) if name.isdigit() else (losses_alone if alone else compare)(name, args.steps)
        print(json.dumps(found))
        return
    speed = [_in_child("--child", name, "--steps", str(args.steps)) for name in args.models]
    document = {"speed": speed, "memory": {size: _in_child("--child", str(size)) for size in args.memory}}
    print(json.dumps(document, indent=2) if args.json else text(document))


if __name__ == "__main__":
    main()
