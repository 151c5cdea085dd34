"""Makes ``singing_2021.npz`` and ``singing_z_2021.npz`` again with ddsp 1.6.3's own code, and says how far they are.

Runs in an environment of its own, see README.md here::

    python tests/golden/make/singing_1_6_3.py FOLDER_WITH_CREPE [--out FOLDER]

The zips beside them are taken as they are: their weights are random ones after three steps of training and can't be
had again. ddsp builds the model of their gin text, restores their checkpoint, and sings the committed inputs.
"""

import argparse
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parents[1]
GIVEN = ("in/audio", "in/f0_hz", "in/f0_confidence", "mean_pitch")  # taken over; the pitch is of the zip's statistics
NAMES = ("singing_2021", "singing_z_2021")
CHECKPOINT = "ckpt-3"


def main():
    """Compute both files, compare, and write them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the unpacked crepe-0.0.16.tar.gz, which ddsp imports")
    parser.add_argument("--out", type=Path, help="also write the files there")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.folder))
    for name in NAMES:
        with np.load(GOLDEN / f"{name}.npz") as golden:
            given = {key: golden[key] for key in golden.files if key.startswith("in/")}
            made = {**given, "mean_pitch": golden["mean_pitch"], **sung(name, given)}
            for key in (key for key in golden.files if key not in GIVEN):
                print(name, key, said(golden[key], made[key]))
        if arguments.out:
            np.savez_compressed(arguments.out / f"{name}.npz", **made)


def sung(name, given):
    """What ddsp makes of the inputs: their loudness, the controls, and the harmonic signal."""
    import ddsp
    import ddsp.training
    import gin
    import tensorflow as tf

    assert ddsp.__version__ == "1.6.3", ddsp.__version__
    gin.clear_config()
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(GOLDEN / f"{name}.zip") as archive:
            archive.extractall(folder)
        with gin.unlock_config():
            gin.parse_config_file(str(Path(folder) / "operative_config-0.gin"), skip_unknown=True)
        model = ddsp.training.models.get_model()
        features = {key[3:]: tf.constant(value) for key, value in given.items()}
        model(dict(features), training=False)  # builds the weights
        tf.train.Checkpoint(model=model).restore(str(Path(folder) / CHECKPOINT)).expect_partial()
        heard = model(dict(features), training=False)
    loudness_db = ddsp.spectral_ops.compute_loudness(given["in/audio"][0])[:1000]
    return {
        "in/loudness_db": np.asarray(loudness_db, np.float32)[np.newaxis],
        "harmonic/amplitudes": heard["harmonic"]["controls"]["amplitudes"].numpy(),
        "harmonic/harmonic_distribution": heard["harmonic"]["controls"]["harmonic_distribution"].numpy(),
        "harmonic/f0_hz": heard["harmonic"]["controls"]["f0_hz"].numpy(),
        "filtered_noise/magnitudes": heard["filtered_noise"]["controls"]["magnitudes"].numpy(),
        "harmonic/signal": heard["harmonic"]["signal"].numpy(),
    }


def said(golden, made):
    """How far two arrays are apart."""
    if golden.dtype == made.dtype and golden.tobytes() == made.tobytes():
        return "bit for bit"
    assert golden.shape == made.shape, (golden.shape, made.shape)
    return f"at most {np.abs(golden - made).max():.3g} apart, values up to {np.abs(golden).max():.3g}"


if __name__ == "__main__":
    main()
