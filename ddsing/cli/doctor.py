"""``doctor``: what is installed and whether it works, with a self-test that renders one second of sound."""

import argparse
import functools
import platform
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

import ddsing
from ddsing.cli import Failed
from ddsing.cli.quiet import native_messages_hidden
from ddsing.constants import FRAME_RATE, SAMPLE_RATE
from ddsing.errors import DdsingError
from ddsing.resources import resource
from ddsing.units import format_bytes

PACKAGES = (
    "tensorflow",
    "tf-keras",
    "tensorflow-probability",
    "ddsp",
    "gin-config",
    "streamlit",
    "plotly",
    "numpy",
    "scipy",
    "soundfile",
    "av",
    "soxr",
    "safetensors",
    "h5py",
    "google-crc32c",
    "mir_eval",
    "pyloudnorm",
    "swift-f0",
    "onnxruntime",
    "tensorboard",
)
PYTHONS = ((3, 11), (3, 13))  # oldest and newest that the lock is made for
LOCK = resource("requirements.txt")
MIN_FREE_BYTES = 2e9
INSTALL = f"make app installs it, or pip install --no-deps -r {LOCK}"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command."""
    command = subparsers.add_parser(
        "doctor", help="check what is installed and which device is used, and run a one-second self-test"
    )
    command.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Examine everything; raises `Failed` with the whole report if something is wrong."""
    problems: list[str] = []
    document = {
        "ddsing": ddsing.__version__,
        "python": _python(problems),
        "platform": platform.platform(),
        "packages": _packages(problems),
        "device": _examine(_device, problems),
        "weights": {
            capacity: bool(_examine(functools.partial(_weights, capacity), problems)) for capacity in ("full", "tiny")
        },
        "instant": bool(_examine(_instant, problems)),
        "workspace": _examine(lambda: _workspace(args.workspace, problems), problems),
        "render": _examine(_self_test, problems),
        "problems": problems,
        "ok": not problems,
    }
    if problems:
        more = f" ({len(problems) - 1} more above.)" if len(problems) > 1 else ""
        raise Failed(f"{problems[0]}{more}", document)
    return document


def text(document: dict) -> str:
    """The report for people."""
    device, test, workspace = document["device"], document["render"], document["workspace"]
    place = f"{workspace['path']}, {format_bytes(workspace['free_bytes'])} free" if workspace else "can't be used"
    rows = [
        ("ddsing", document["ddsing"]),
        ("Python", f"{document['python']}, {document['platform']}"),
        *((name, version or "absent") for name, version in document["packages"].items()),
        ("device", device["name"] if device else "TensorFlow or ddsp can't be loaded"),
        *(
            (f"CREPE {name}", "weights installed" if there else "weights missing")
            for name, there in document["weights"].items()
        ),
        ("SwiftF0", "the instant tracker works" if document["instant"] else "the instant tracker can't be used"),
        ("workspace", place),
        ("self-test", f"one second rendered in {test['seconds']:.2f} s" if test else "failed"),
    ]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {value}" for name, value in rows]
    return "\n".join([*lines, "", *(document["problems"] or ["Everything is fine."])])


def _examine(examination: Callable[[], Any], problems: list[str]) -> Any:
    """The examination's result, or None and one more problem."""
    try:
        return examination()
    except DdsingError as error:
        problems.append(str(error))
    except Exception as error:  # whatever is broken here is what the user asks about
        problems.append(f"{type(error).__name__}: {error}")
    return None


def _python(problems: list[str]) -> str:
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        names = " to ".join(".".join(map(str, version)) for version in PYTHONS)
        problems.append(f"This is Python {platform.python_version()}; ddsing needs {names}.")
    return platform.python_version()


def _packages(problems: list[str]) -> dict[str, str | None]:
    from importlib import metadata

    locked = _locked_versions()
    versions: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
            problems.append(f"{name} is not installed: {INSTALL}.")
            continue
        if versions[name] != locked.get(name, versions[name]):
            problems.append(f"{name} is {versions[name]}, but ddsing is tested with {locked[name]}: {INSTALL}.")
    return versions


def _locked_versions() -> dict[str, str]:
    """What requirements.txt names; nothing if it is not there."""
    lines = LOCK.read_text(encoding="utf-8").splitlines() if LOCK.is_file() else []
    pins = (line.split(";")[0].split("==") for line in lines if "==" in line and not line.lstrip().startswith("#"))
    return {name.strip(): version.strip() for name, version in pins}


def _device() -> dict:
    from ddsing import hardware
    from ddsing.engine.tf import runtime

    with native_messages_hidden():
        runtime.ddsp()
        device = runtime.device()
    return {"kind": device.kind, "name": device.name, "cores": hardware.n_cores()}


def _weights(capacity: str) -> bool:
    from ddsing.sound.pitch import weights

    return weights.path(capacity).stat().st_size > 0


def _instant() -> bool:
    from ddsing.sound.pitch import instant

    with native_messages_hidden():
        return instant.network() is not None


def _workspace(root: str | None, problems: list[str]) -> dict:
    from ddsing.workspace import open_workspace

    path = open_workspace(root).root
    free = shutil.disk_usage(path).free
    if free < MIN_FREE_BYTES:
        problems.append(
            f"Only {format_bytes(free)} are free on the disk of the workspace {str(path)!r}; "
            f"make it at least {format_bytes(MIN_FREE_BYTES)}."
        )
    return {"path": str(path), "free_bytes": free}


def _self_test() -> dict:
    """Render one second of A4 with an untrained small model."""
    import numpy as np

    from ddsing.engine import render
    from ddsing.model.config import ModelConfig
    from ddsing.model.weights import random_weights

    start = time.perf_counter()
    config = ModelConfig(rnn_channels=32, ch=32, layers_per_stack=1, n_harmonics=20, n_noise_bands=17)
    model = render.load(config, random_weights(config))
    f0_hz, loudness_db = np.full(FRAME_RATE + 1, 440.0, np.float32), np.full(FRAME_RATE + 1, -20.0, np.float32)
    audio = render.render(model, f0_hz, loudness_db, n_samples=SAMPLE_RATE).audio
    if len(audio) != SAMPLE_RATE or not np.isfinite(audio).all() or not np.any(audio):
        raise DdsingError("The self-test's sound is silent or broken: please report this with the list above.")
    return {"n_samples": len(audio), "seconds": round(time.perf_counter() - start, 3)}
