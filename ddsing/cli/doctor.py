"""``doctor``: what is installed, on which device, and whether a second of sound can be rendered."""

import platform
import shutil
import time
from importlib import metadata

import numpy as np

from ddsing.errors import DdsingError
from ddsing.units import format_bytes
from ddsing.workspace import open_workspace

_PACKAGES = ("streamlit", "ddsp", "tensorflow", "tf-keras", "gin-config", "numpy", "scipy", "soundfile", "soxr", "plotly")
_LEAST_FREE_BYTES = 1e9


def add_parser(commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("doctor", help="what is installed, and whether it works")
    parser.set_defaults(func=run, text=text)


def run(args) -> dict:
    """Look at everything; ``status`` is 0 if all is well, else 2."""
    problems: list[str] = []
    workspace = open_workspace(args.workspace)
    versions = {name: _version(name, problems) for name in _PACKAGES}
    free = shutil.disk_usage(workspace.root).free
    if free < _LEAST_FREE_BYTES:
        problems.append(f"Only {format_bytes(free)} are free on the disk of the workspace; free at least 1 GB.")
    document = {
        "python": platform.python_version(),
        "packages": versions,
        "device": _device(problems),
        "weights": _weights(problems),
        "workspace": str(workspace.root),
        "disk_free_bytes": free,
        "render": _self_test(problems),
    }
    return document | {"problems": problems, "ok": not problems, "status": 2 if problems else 0}


def text(document: dict) -> str:
    """The document for a person."""
    lines = [f"Python      {document['python']}"]
    lines += [f"{name:<12}{version or 'missing'}" for name, version in document["packages"].items()]
    device, render = document["device"], document["render"]
    lines.append(f"device      {device['name'] if device else 'unknown'}")
    lines += [f"CREPE {name:<6}{'there' if there else 'missing'}" for name, there in document["weights"].items()]
    lines.append(f"workspace   {document['workspace']}, {format_bytes(document['disk_free_bytes'])} free")
    if render:
        lines.append(f"self-test   one second rendered in {render['seconds']:.2f} s")
    return "\n".join(lines + (document["problems"] or ["All is well."]))


def _version(name, problems):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        problems.append(f"{name} is not installed; run: pip install --no-deps -r requirements.txt")
        return None


def _device(problems):
    from ddsing.engine import runtime

    try:
        device = runtime.device()
        runtime.ddsp()
    except Exception as error:  # whatever keeps TensorFlow or ddsp from loading is what the user asked for
        problems.append(f"TensorFlow or ddsp can't be loaded: {type(error).__name__}: {error}")
        return None
    return {"kind": device.kind, "name": device.name}


def _weights(problems):
    from ddsing.pitch import weights

    found = {}
    for capacity in ("full", "tiny"):
        try:
            weights.path(capacity)
            found[capacity] = True
        except DdsingError as error:
            problems.append(str(error))
            found[capacity] = False
    return found


def _self_test(problems):
    from ddsing.engine import model, render
    from ddsing.model_config import ModelConfig

    config = ModelConfig(rnn_channels=64, ch=64, layers_per_stack=2)
    began = time.monotonic()
    loaded = render.load(config, model.random_weights(config))
    sound = render.render(loaded, np.full(251, 220.0), np.full(251, -30.0), n_samples=16_000).audio
    if len(sound) != 16_000 or not np.isfinite(sound).all() or not np.abs(sound).max() > 0:
        problems.append("The self-test rendered no sound.")
        return None
    return {"n_samples": len(sound), "seconds": round(time.monotonic() - began, 3)}
