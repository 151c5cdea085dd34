"""ddsp's own Trainer, writing a training as the 2021 notebooks left it, and going on from one of ours.

``ddsp_trainer.py write FOLDER BATCHES OUT [z]``   trains on the batches and saves after `SAVE_AT` of them
``ddsp_trainer.py go_on FOLDER BATCHES OUT``       restores as ddsp_run does, and trains on the batches

BATCHES is an .npz of ``audio``, ``f0_hz`` and ``loudness_db``, each [n_batches, batch_size, …]. OUT gets losses,
weights, averages and steps: in `write` as they were saved, in `go_on` as they were restored.
"""

import os
import re
import sys
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from ddsing.engine.tf import autoencoder as engine_model
from ddsing.engine.tf import runtime
from ddsing.training.recipe import parsed

SAVE_AT = 4
GENERATION_1 = ("F0LoudnessPreprocessor.compute_loudness", "F0LoudnessPreprocessor.frame_rate")


def batches(path: Path) -> list[dict]:
    tf = runtime.tensorflow()
    arrays = np.load(path)
    return [{name: tf.constant(arrays[name][i]) for name in arrays} for i in range(len(arrays["audio"]))]


def trainer_of(text: str, ddsp, tf, gin):
    with gin.unlock_config():
        gin.parse_config(text, skip_unknown=True)
    strategy = tf.distribute.get_strategy()
    return ddsp.training.trainers.Trainer(ddsp.training.models.get_model(), strategy)


def state(trainer, config, *, legacy: bool) -> dict[str, np.ndarray]:
    named = engine_model.variables(trainer.model, config)
    optimizer = trainer.optimizer
    found = {f"weights/{name}": variable.numpy() for name, variable in named.items()}
    for slot, averages in (("m", "_momentums"), ("v", "_velocities")):
        for name, variable in named.items():
            if legacy:
                value = optimizer.get_slot(variable, slot)
            else:
                place = next(i for i, other in enumerate(trainer.model.trainable_variables) if other is variable)
                value = getattr(optimizer, averages)[place]
            found[f"{slot}/{name}"] = value.numpy()
    return found | {"step": np.array(int(trainer.step.numpy()))}


def write(folder: Path, given: Path, out: Path, with_z: bool) -> None:
    tf, ddsp = runtime.tensorflow(), runtime.ddsp()
    tf.config.run_functions_eagerly(True)  # compiling takes longer than these few steps
    import gin

    tf.keras.optimizers.Adam = tf.keras.optimizers.legacy.Adam  # the Adam of 2021
    ddsp.training.preprocessing.DB_RANGE = 120.0  # and its loudness
    tf.keras.utils.set_random_seed(1)
    training = Path(ddsp.__file__).parent / "training" / "gin"
    text = (training / "models" / "ae.gin").read_text() + (training / "optimization" / "base.gin").read_text()
    bindings = [
        "F0LoudnessPreprocessor.compute_loudness = False",
        "F0LoudnessPreprocessor.time_steps = 125",
        "Harmonic.n_samples = 8000",
        "FilteredNoise.n_samples = 8000",
        "RnnFcDecoder.rnn_channels = 8",
        "RnnFcDecoder.ch = 8",
        "RnnFcDecoder.layers_per_stack = 1",
        f"RnnFcDecoder.input_keys = {('ld_scaled', 'f0_scaled') + (('z',) if with_z else ())}",
        "RnnFcDecoder.output_splits = (('amps', 1), ('harmonic_distribution', 12), ('noise_magnitudes', 9))",
        "MfccTimeDistributedRnnEncoder.rnn_channels = 6",
        "MfccTimeDistributedRnnEncoder.z_dims = 4",
    ] + ([] if with_z else ["Autoencoder.encoder = None"])
    trainer = trainer_of("\n".join([text, *bindings]), ddsp, tf, gin)
    losses = []
    for number, batch in enumerate(batches(given)):
        if number == 0:
            trainer.build(batch)
        if number == SAVE_AT:
            trainer.save(str(folder))
            written = re.sub(rf"^({'|'.join(GENERATION_1)}) = .*\n", "", gin.operative_config_str(), flags=re.MULTILINE)
            written += "\ntrain.num_steps = 30000\n"  # as from within ddsp's training loop
            (folder / "operative_config-0.gin").write_text(written)
            saved = state(trainer, parsed("written", written).model, legacy=True)
        losses.append(float(trainer.train_step(batch)["total_loss"]))
    np.savez(out, losses=losses, **saved)


def go_on(folder: Path, given: Path, out: Path) -> None:
    tf, ddsp = runtime.tensorflow(), runtime.ddsp()
    tf.config.run_functions_eagerly(True)  # compiling takes longer than these few steps
    import gin

    text = Path(ddsp.training.train_util.get_latest_operative_config(str(folder))).read_text()
    trainer = trainer_of(text, ddsp, tf, gin)
    todo = batches(given)
    trainer.build(todo[0])
    trainer.restore(str(folder))
    trainer.optimizer.build(trainer.model.trainable_variables)
    restored = state(trainer, parsed("restored", text).model, legacy=False)
    losses = [float(trainer.train_step(batch)["total_loss"]) for batch in todo]
    np.savez(out, losses=losses, **restored)


if __name__ == "__main__":
    command, *paths = sys.argv[1:]
    if command == "write":
        write(*map(Path, paths[:3]), "z" in paths[3:])
    else:
        go_on(*map(Path, paths))
