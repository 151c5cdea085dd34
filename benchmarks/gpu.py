"""What a graphics card makes of it all, in one command and under ten minutes: a table to send in.

    python -m benchmarks.gpu [--device cpu] [--only steps devices crepe] [--small] [--json]

**It has never run on a GPU**: nobody who works on ddsing has had one. Every branch is run on a processor in the tests
(``--device cpu --small``), where the figures mean nothing; whoever has a card with TensorFlow's CUDA packages, please
run it and send the table. What it asks:

- *machine*: what NVML tells of the cards, as the tile on the page Training shows it, and what TensorFlow sees;
- *steps*: steps per second of ``singing.gin``, 32 windows of 4 s, by ddsp's own Trainer (the notebooks of 2021 made 0.8
  on Colab), by ours with Keras's GRU, which on a GPU is cuDNN's, and with our own, in float32, bfloat16 and float16;
  the loss of the first step of each, which has to be ddsp's, and the most memory that each held;
- *devices*: the same with the batch shared by two cards, by four, by all;
- *crepe*: CREPE full in Keras by plain convolution, with batches on the card, beside ours on the processor.

Each part is a process of its own; what fails, or finds no time left, says so in the table and takes nothing else along.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks import training
from ddsing import hardware
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights

ROOT = Path(__file__).resolve().parents[1]
MOST_S = 570.0  # for all of it
STEPS, STEPS_S = 20, 20.0  # of each way: so many, or as many as go into that time
SEED_STEPS_PER_S = 0.8  # of ddsp's Trainer on Colab, as the notebooks of 2021 ran it
SINGING = (ModelConfig(), 32, 1000)  # as gin/models/singing.gin: model, windows, frames in each
SMALL = (ModelConfig(rnn_channels=8, ch=8, layers_per_stack=1, n_harmonics=12, n_noise_bands=9), 2, 32)
WAYS = {  # by name: which GRU, and the precision of matrix products
    "ours, Keras's GRU (cuDNN's)": ("keras", "float32"),
    "ours, own GRU": ("own", "float32"),
    "ours, Keras's GRU, bfloat16": ("keras", "bfloat16"),
    "ours, own GRU, bfloat16": ("own", "bfloat16"),
    "ours, Keras's GRU, float16": ("keras", "float16"),
}
DDSP = "ddsp's Trainer"
PARTS = ("machine", *(f"steps: {name}" for name in (DDSP, *WAYS)), "devices", "crepe")
_LOOK_S = 0.5  # between two looks at the cards


# What each part finds


def machine(small: bool) -> dict[str, Any]:
    """The cards, and what TensorFlow sees of them."""
    from ddsing.engine.tf import runtime

    tf = runtime.tensorflow()
    build = tf.sysconfig.get_build_info()
    seen = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(one) for one in seen]
    return {
        "processor": f"{hardware.processor()}, {hardware.n_cores()} cores",
        "system": f"{platform.platform()}, Python {platform.python_version()}",
        "TensorFlow": f"{tf.__version__}, CUDA {build.get('cuda_version', 'none')}, cuDNN {build.get('cudnn_version')}",
        "TensorFlow sees": [f"{one.get('device_name')} {one.get('compute_capability')}" for one in details],
        "ddsing trains on": runtime.device().name,
        "NVML": [_tile(one) for one in hardware.gpus()],
    }


def _tile(gpu: hardware.Gpu) -> str:
    used, total = (None if n is None else n / 2**30 for n in (gpu.memory_used_bytes, gpu.memory_total_bytes))
    busy = "?" if gpu.utilisation is None else f"{gpu.utilisation:.0%}"
    memory = "?" if used is None or total is None else f"{used:.1f} of {total:.1f} GB"
    heat = "?" if gpu.temperature_c is None else f"{gpu.temperature_c} °C"
    return f"{gpu.name}: {busy} busy, {memory}, {heat}"


def steps(way: str, small: bool) -> dict[str, Any]:
    """Steps per second of one way to train."""
    if way == DDSP:
        with mock.patch.dict(training.MODELS, {"here": SMALL if small else SINGING}):
            _, train_step = training._ddsp("here", random_weights(training.MODELS["here"][0], seed=training.SEED))
        return _timed(train_step, small)
    gru, dtype = WAYS[way]
    return _timed(_step(gru, dtype, small).run, small)


def _step(gru: str, dtype: str, small: bool, devices: list[str] | None = None) -> Any:
    """Our step with a GRU and a precision that it may not choose by itself here."""
    from ddsing.engine.tf import precision
    from ddsing.engine.tf.step import Step

    config, batch_size, n_frames = SMALL if small else SINGING
    weights, options = random_weights(config, seed=training.SEED), {"batch_size": batch_size, "devices": devices}
    options["keras_gru"] = gru == "keras"
    with mock.patch.object(precision, "dtype", return_value=dtype):
        return Step(config, weights, window_frames=n_frames, seed=training.SEED, mixed_precision=True, **options)


def _timed(run: Callable[[dict], float], small: bool) -> dict[str, Any]:
    """The first step, which traces the graph, then those that count."""
    _, batch_size, n_frames = SMALL if small else SINGING
    batch = training.batch(0, batch_size, n_frames)
    began = time.perf_counter()
    loss, first_s = run(batch), time.perf_counter() - began
    took_s: list[float] = []
    with watched() as seen:
        while len(took_s) < (2 if small else STEPS) and (len(took_s) < 3 or sum(took_s) < STEPS_S):
            began = time.perf_counter()
            run(batch)
            took_s.append(time.perf_counter() - began)
    told = {"first_s": first_s, "step_s": statistics.median(took_s), "loss": loss, "memory_bytes": _memory_bytes()}
    return told | seen


@contextlib.contextmanager
def watched() -> Iterator[dict[str, Any]]:
    """What NVML tells meanwhile: how busy the first card was, in the mean, and its most memory; empty without one."""
    seen: dict[str, Any] = {}
    looks: list[hardware.Gpu] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            looks.extend(hardware.gpus()[:1])
            over.wait(_LOOK_S)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
        busy = [one.utilisation for one in looks if one.utilisation is not None]
        used = [one.memory_used_bytes for one in looks if one.memory_used_bytes is not None]
        seen.update({"busy": statistics.mean(busy)} if busy else {}, **({"nvml_bytes": max(used)} if used else {}))


def _memory_bytes() -> int | None:
    """The most that TensorFlow has held on the first card."""
    from ddsing.engine.tf import runtime

    tf = runtime.tensorflow()
    if not tf.config.list_physical_devices("GPU"):
        return None
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def devices(small: bool) -> dict[str, Any]:
    """Seconds of a step, with the batch shared by one device and by more."""
    from ddsing.engine.tf import runtime

    tf = runtime.tensorflow()
    names = [one.name for one in tf.config.list_logical_devices("GPU")] or ["/device:CPU:0"] * 2
    if len(names) == 1:
        return {"said": "one card, nothing to share"}
    found = {}
    for number in sorted({1, 2, 4, len(names)} & set(range(1, len(names) + 1))):
        found[str(number)] = _timed(_step("keras", "float32", small, names[:number]).run, small)
    return found


def crepe(small: bool) -> dict[str, Any]:
    """Seconds for a second of sound by CREPE in Keras, and by ours on the processor; and how far they are apart."""
    from benchmarks.keras_crepe import keras_crepe
    from ddsing.sound.pitch import activation

    capacity, heard_s, ours_s = ("tiny", 0.5, 0.5) if small else ("full", 60.0, 4.0)
    rng = np.random.default_rng(0)
    time_s = np.arange(round(heard_s * 16_000)) / 16_000
    audio = (0.2 * np.sin(2 * np.pi * 220 * time_s) + rng.normal(0, 0.01, time_s.size)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(audio, 512), 1024)[::64].copy()
    frames -= frames.mean(axis=1, keepdims=True)
    frames /= np.maximum(frames.std(axis=1, keepdims=True), 1e-8)
    model, found = keras_crepe(capacity), {}
    for batch_size in (32, 256, 2048):
        took_s = []
        for _ in range(2):  # the first builds the function
            began = time.perf_counter()
            theirs = model.predict(frames, batch_size=batch_size, verbose=0)
            took_s.append(time.perf_counter() - began)
        found[f"Keras, batches of {batch_size}"] = min(took_s) / heard_s
    part = audio[: round(ours_s * 16_000)]
    activation(part, capacity=capacity)
    began = time.perf_counter()
    ours = activation(part, capacity=capacity)
    found["ours, on the processor"] = (time.perf_counter() - began) / ours_s
    inner = len(ours) - 8  # whose windows end before the part does
    return {"s_per_s": found, "most apart": float(np.abs(ours[:inner] - theirs[:inner]).max())}


# All of them


def part(name: str, small: bool) -> dict[str, Any]:
    """One part, in this process; what it fails with is what it found."""
    try:
        kind, _, way = name.partition(": ")
        return steps(way, small) if kind == "steps" else globals()[kind](small)
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


def in_child(name: str, device: str, small: bool, left_s: float) -> dict[str, Any]:
    """One part in a process of its own, of which no more than an answer or its end is expected."""
    command = [sys.executable, "-m", "benchmarks.gpu", "--child", name, *(["--small"] if small else [])]
    environment = os.environ | ({"CUDA_VISIBLE_DEVICES": "-1"} if device == "cpu" else {})
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=left_s)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done within {left_s:.0f} s"}
    if done.returncode:
        return {"failed": f"its process ended with {done.returncode}: {done.stderr.strip()[-300:]}"}
    return json.loads(done.stdout.splitlines()[-1])


def measure(names: list[str], device: str, small: bool) -> dict[str, dict[str, Any]]:
    """All parts, one after the other, for as long as there is time."""
    until, found = time.monotonic() + MOST_S, {}
    for name in names:
        left_s = until - time.monotonic()
        print(f"{name}, {left_s:.0f} s left", file=sys.stderr, flush=True)
        found[name] = in_child(name, device, small, left_s) if left_s > 5.0 else {"failed": "no time left"}
    return found


def text(document: dict[str, dict[str, Any]]) -> str:
    """The table to send in."""
    lines = []
    theirs = document.get(f"steps: {DDSP}", {})
    for name, found in document.items():
        if "failed" in found:
            lines.append(f"{name}: {found['failed']}")
        elif name == "machine":
            lines += [
                f"{key}: {'; '.join(value) or 'none' if isinstance(value, list) else value}"
                for key, value in found.items()
            ]
        elif name == "crepe":
            lines += [f"crepe, {way}: {took:.4f} s for each second of sound" for way, took in found["s_per_s"].items()]
            lines.append(f"crepe, both apart by at most {found['most apart']:.1e}")
        elif name == "devices" and "said" in found:
            lines.append(f"devices: {found['said']}")
        elif name == "devices":
            lines += [
                _line(f"{number} device{'s' if number != '1' else ''}", one, found["1"], "one")
                for number, one in found.items()
            ]
        else:
            lines.append(_line(name.partition(": ")[2], found, theirs, "ddsp's"))
    return "\n".join(lines)


def _line(name: str, found: dict[str, Any], other: dict[str, Any], whose: str) -> str:
    told = [f"{1.0 / found['step_s']:.2f} steps/s (first after {found['first_s']:.0f} s)"]
    if name == DDSP:
        told.append(f"the notebooks of 2021 made {SEED_STEPS_PER_S} on Colab")
    elif "step_s" in other:
        told.append(f"{other['step_s'] / found['step_s']:.1f} times {whose}")
        told.append(f"loss of the first step off by {abs(found['loss'] / other['loss'] - 1.0):.1e}")
    if found.get("memory_bytes"):
        told.append(f"{found['memory_bytes'] / 2**30:.1f} GB")
    if "busy" in found:
        told.append(f"card {found['busy']:.0%} busy")
    return f"{name}: {', '.join(told)}"


def main(arguments: list[str] | None = None) -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu", help="cpu hides the cards, to try it out")
    parser.add_argument("--only", nargs="+", choices=("machine", "steps", "devices", "crepe"), help="parts (all)")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try it out")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.child:
        print(json.dumps(part(args.child[0], args.small)))
        return
    if args.device == "gpu" and not hardware.gpus():
        sys.exit("NVML tells of no GPU here. To see whether this runs, use --device cpu --small.")
    names = [name for name in PARTS if args.only is None or name.partition(":")[0] in args.only]
    document = measure(names, args.device, args.small)
    print(json.dumps(document, indent=2) if args.json else text(document))


if __name__ == "__main__":
    main()
