"""ddsp 3.7 itself, writing and reading the notebooks' format; each run is a process of its own (gin's state is global).

``ddsp_writer.py write FOLDER [z]``   a small model as ddsp's trainer leaves it, and its controls as .npz
``ddsp_writer.py read FOLDER OUT``    restores FOLDER as the notebooks did; its controls as .npz
"""

import os
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from ddsing.engine.tf import runtime


def inputs() -> dict[str, np.ndarray]:
    times = np.linspace(0, 4, 1000, endpoint=False, dtype=np.float32)
    audio = 0.1 * np.sin(2 * np.pi * 220 * np.arange(64_000) / 16_000)
    audio += 0.01 * np.random.default_rng(0).normal(size=audio.shape)  # the log of empty mel bands is rounding noise
    return {
        "f0_hz": (220 + 20 * np.sin(times))[None].astype(np.float32),
        "loudness_db": (-40 + 10 * np.cos(3 * times))[None].astype(np.float32),
        "audio": audio[None].astype(np.float32),
    }


def controls(model) -> dict[str, np.ndarray]:
    outputs = model({name: runtime.tensorflow().constant(value) for name, value in inputs().items()}, training=False)
    return {
        "amps": outputs["harmonic"]["controls"]["amplitudes"].numpy()[0],
        "harmonic_distribution": outputs["harmonic"]["controls"]["harmonic_distribution"].numpy()[0],
        "noise_magnitudes": outputs["filtered_noise"]["controls"]["magnitudes"].numpy()[0],
    }


def write(folder: Path, with_z: bool) -> None:
    tf, ddsp = runtime.tensorflow(), runtime.ddsp()
    import gin

    tf.keras.utils.set_random_seed(1)
    models = Path(ddsp.__file__).parent / "training" / "gin" / "models"
    gin.add_config_file_search_path(str(models.parent))
    keys = "('ld_scaled', 'f0_scaled', 'z')" if with_z else "('ld_scaled', 'f0_scaled')"
    bindings = [
        "F0LoudnessPreprocessor.compute_loudness = False",
        "RnnFcDecoder.rnn_channels = 24",
        "RnnFcDecoder.ch = 20",
        "RnnFcDecoder.layers_per_stack = 2",
        f"RnnFcDecoder.input_keys = {keys}",
        "RnnFcDecoder.output_splits = (('amps', 1), ('harmonic_distribution', 30), ('noise_magnitudes', 21))",
        "MfccTimeDistributedRnnEncoder.rnn_channels = 16",
        "MfccTimeDistributedRnnEncoder.z_dims = 6",
    ] + ([] if with_z else ["Autoencoder.encoder = None"])
    gin.parse_config_files_and_bindings([str(models / "ae.gin")], bindings)
    model = ddsp.training.models.get_model()
    result = controls(model)
    optimizer = tf.keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    for step in (9, 10):  # the older one is of other weights
        if step == 10:
            for variable in model.trainable_variables:
                variable.assign(variable + tf.random.normal(variable.shape, stddev=0.05, seed=step))
            result = controls(model)
        checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer)
        checkpoint.write(str(folder / f"ckpt-{step}"))
    (folder / "operative_config-0.gin").write_text(gin.operative_config_str())
    (folder / "checkpoint").write_text('model_checkpoint_path: "ckpt-9"\n')
    np.savez(folder / "controls.npz", **result)


def read(folder: Path, out: Path) -> None:
    runtime.tensorflow()
    ddsp = runtime.ddsp()
    import gin

    gin.parse_config_file(str(folder / "operative_config-0.gin"), skip_unknown=True)
    model = ddsp.training.models.Autoencoder()
    model.restore(str(next(folder.glob("ckpt-*.index")).with_suffix("")))
    result = controls(model)
    statistics = folder / "dataset_statistics.pkl"
    if statistics.exists():
        import pickle

        document = pickle.loads(statistics.read_bytes())
        shares = np.linspace(0, 1, 77)[:, None]
        result["loudness_of_shares"] = document["quantile_transform"].inverse_transform(shares)[:, 0]
        result["mean_pitch"] = document["mean_pitch"]
    np.savez(out, **result)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), "z" in sys.argv[3:])
    else:
        read(Path(sys.argv[2]), Path(sys.argv[3]))
