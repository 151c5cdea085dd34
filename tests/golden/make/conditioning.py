"""Makes ``conditioning_80.npz`` and ``conditioning_120.npz`` again with ddsp's own functions; says how far they are.

Runs with the packages of the lock (ddsp 3.7.0)::

    python tests/golden/make/conditioning.py [--out FOLDER]

The features, the quantiles of an invented voice and the least loudness (-80 dB, and -120 dB as in ddsp 1.x) are those
of the committed files; the rest is what ddsp's timbre transfer notebook does with them.
"""

import argparse
import functools
import sys
import types
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden"
SCALES = (80, 120)  # dB
THRESHOLDS, ATTENUATIONS_DB, AMOUNTS = (1.0, 1.4), (0, 20), (0.5, 1.0)
INPUTS = ("f0_hz", "f0_confidence", "loudness_db", "quantiles", "references", "min_db")
sys.path.insert(0, str(ROOT))


def main() -> None:
    """Compute both files, compare, and write them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="also write the files there")
    arguments = parser.parse_args()
    for scale in SCALES:
        name = f"conditioning_{scale}.npz"
        made = conditioned(scale)
        for key, line in compared(scale, made).items():
            print(name, key, line)
        if arguments.out:
            np.savez_compressed(arguments.out / name, **made)


def conditioned(scale: int) -> dict[str, np.ndarray]:
    """All arrays of a file, computed from its inputs by ddsp."""
    with np.load(GOLDEN / f"conditioning_{scale}.npz") as golden:
        made = {name: golden[name] for name in INPUTS}
    made |= {key: value for threshold in THRESHOLDS for key, value in _matched(made, threshold).items()}
    return made | _tuned(made, made["mask_t1.0"]) | {"f0_hz_up_1_octave": _up(made["f0_hz"])}


def compared(scale: int, made: dict[str, np.ndarray]) -> dict[str, str]:
    """How far each array is from the committed one, in words."""
    with np.load(GOLDEN / f"conditioning_{scale}.npz") as golden:
        assert set(golden.files) == set(made), set(golden.files) ^ set(made)
        computed = [key for key in golden.files if key not in INPUTS]
        return {key: _said(golden[key], np.asarray(made[key])) for key in computed}


def _said(golden, made):
    if golden.dtype == made.dtype and golden.tobytes() == made.tobytes():
        return "bit for bit"
    apart = np.abs(golden.astype(np.float64) - made.astype(np.float64)).max()
    return f"at most {apart:.3g} apart ({made.dtype} for {golden.dtype})"


@functools.cache
def _ddsp():
    """ddsp and its notebook's functions, whose module asks for what only a browser's notebook has."""
    from ddsing.engine.tf import runtime

    ddsp = runtime.ddsp()
    for name in ("google", "google.colab", "IPython", "note_seq"):
        sys.modules.setdefault(name, types.ModuleType(name))
    colab = sys.modules["google.colab"]
    colab.files, colab.output = types.SimpleNamespace(download=None), None
    sys.modules["IPython"].display = None
    from ddsp.colab import colab_utils
    from ddsp.training import postprocessing

    return ddsp, postprocessing, colab_utils


def _matched(inputs, threshold):
    """Notes, and the loudness of notes matched to the voice, what is none turned down."""
    _, postprocessing, _ = _ddsp()
    loudness_db = inputs["loudness_db"]
    mask_on, ratio = postprocessing.detect_notes(
        loudness_db, inputs["f0_confidence"], threshold, min_db=float(inputs["min_db"])
    )
    voice = postprocessing.QuantileTransformer()
    voice.quantiles_, voice.references_ = inputs["quantiles"], inputs["references"]
    voice.n_quantiles_ = len(inputs["references"])
    found = {f"mask_t{threshold}": mask_on, f"ratio_t{threshold}": ratio}
    for attenuation_db in ATTENUATIONS_DB:
        _, matched = postprocessing.fit_quantile_transform(loudness_db, mask_on, inv_quantile=voice)
        mask_off = np.logical_not(mask_on)
        matched[mask_off] -= attenuation_db * (1.0 - ratio[mask_off][:, np.newaxis])
        found[f"loudness_norm_t{threshold}_a{attenuation_db}"] = np.reshape(matched, loudness_db.shape)
    return found


def _tuned(inputs, mask_on):
    ddsp, _, colab_utils = _ddsp()
    f0_midi = np.array(ddsp.core.hz_to_midi(inputs["f0_hz"]))
    tuning_factor = colab_utils.get_tuning_factor(f0_midi, inputs["f0_confidence"], mask_on)
    tuned = {
        f"f0_midi_autotune_{amount}": colab_utils.auto_tune(f0_midi, tuning_factor, mask_on, amount, chromatic=True)
        for amount in AMOUNTS
    }
    return {"tuning_factor": np.array(tuning_factor), **tuned}


def _up(f0_hz):
    """As the notebook shifts an octave: no higher than MIDI 110."""
    import librosa

    return np.clip(f0_hz * 2.0, 0.0, librosa.midi_to_hz(110.0))


if __name__ == "__main__":
    main()
