"""One step of training: ddsp's own loss, gradient clipping and Adam, on the variables of ddsp's own `Autoencoder`.

The model's variables and the optimizer are ddsp's and Keras's, so a checkpoint of `Step.checkpoint_object` has the names
that ddsp's Trainer writes, and either can go on from the other's.

Reference: ddsp.training.trainers.Trainer, ddsp.losses.SpectralLoss.
"""

from collections.abc import Mapping

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.engine import model as models
from ddsing.engine import runtime
from ddsing.engine.training import network, synthesis
from ddsing.engine.training.spectral_loss import spectral_loss
from ddsing.model_config import ModelConfig


class Step:
    """A model in training.

    Parameters
    ----------
    config : ModelConfig
    weights : Mapping[str, np.ndarray]
        Where training starts; names and shapes of `config.weight_shapes()`.
    batch_size : int
    window_frames : int
        Length of a window in frames of 4 ms.
    learning_rate, lr_decay_steps, lr_decay_rate, grad_clip_norm : float
        As ddsp's Trainer.
    mixed_precision : bool
        Compute in 16 bits where that is faster.
    seed : int
        Of the noise that the filters shape.
    """

    def __init__(
        self,
        config: ModelConfig,
        weights: Mapping[str, np.ndarray],
        *,
        batch_size: int,
        window_frames: int = 1000,
        learning_rate: float = 1e-3,
        lr_decay_steps: int = 10_000,
        lr_decay_rate: float = 0.98,
        grad_clip_norm: float = 3.0,
        mixed_precision: bool = False,
        seed: int = 0,
    ):
        tf = runtime.tensorflow()
        tf.random.set_seed(seed)
        self.config, self.batch_size, self.window_frames = config, batch_size, window_frames
        self._model = models.autoencoder(config, n_samples=window_frames * HOP_SAMPLES)
        self._names = models.variables(self._model, config)
        models.assign_weights(self._model, config, weights)
        schedule = tf.keras.optimizers.schedules.ExponentialDecay(learning_rate, lr_decay_steps, lr_decay_rate)
        self._optimizer = tf.keras.optimizers.Adam(schedule)
        self._optimizer.build(self._model.trainable_variables)
        self._seed = seed
        self._clip_norm = grad_clip_norm
        self._update, self._evaluate = tf.function(self._update_graph), tf.function(self._losses_graph)

    def run(self, batch: Mapping[str, np.ndarray]) -> float:
        """Train on a batch and return its loss before the update.

        Parameters
        ----------
        batch : Mapping
            ``audio`` [shape=(batch_size, 64 · window_frames), float32], ``f0_hz`` and ``loudness_db``
            [shape=(batch_size, window_frames), float32], loudness on the scale of `config.generation`.
        """
        return float(self._update(self._tensors(batch))["total_loss"])

    def losses(self, batch: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The losses of a batch, nothing learnt: ``spectral_loss``, ``total_loss``."""
        return {name: float(value) for name, value in self._evaluate(self._tensors(batch)).items()}

    held_out_losses = losses

    @property
    def iterations(self) -> int:
        """The number of steps trained."""
        return int(self._optimizer.iterations.numpy())

    def weights(self) -> dict[str, np.ndarray]:
        """The weights as they are, by name."""
        return models.read_weights(self._model, self.config)

    def slots(self) -> dict[str, dict[str, np.ndarray]]:
        """Adam's averages of the gradient, ``m``, and of its square, ``v``, each by the weights' names."""
        return {slot: {name: variable.numpy() for name, variable in self._slots(slot).items()} for slot in ("m", "v")}

    def set_state(self, weights, slots, iterations: int) -> None:
        """Go on from another state: what `weights`, `slots` and `iterations` gave."""
        models.assign_weights(self._model, self.config, weights)
        for slot in ("m", "v"):
            for name, variable in self._slots(slot).items():
                variable.assign(slots[slot][name])
        self._optimizer.iterations.assign(iterations)

    def checkpoint_object(self):
        """A `tf.train.Checkpoint` of the model and the optimizer, named as ddsp's Trainer names them."""
        return runtime.tensorflow().train.Checkpoint(model=self._model, optimizer=self._optimizer)

    def _slots(self, slot):
        averages = self._optimizer._momentums if slot == "m" else self._optimizer._velocities
        by_variable = {variable.ref(): average for variable, average in zip(self._model.trainable_variables, averages)}
        return {name: by_variable[variable.ref()] for name, variable in self._names.items()}

    def _tensors(self, batch):
        tf = runtime.tensorflow()
        return {name: tf.constant(batch[name], tf.float32) for name in ("audio", "f0_hz", "loudness_db")}

    def _losses_graph(self, batch):
        tf = runtime.tensorflow()
        data = self._data(batch)
        audio = self._synthesise(data, self._names)
        loss = spectral_loss(data["audio"], audio)
        return {"spectral_loss": loss, "total_loss": loss}

    def _data(self, batch):
        """What of a step the weights have no part in."""
        tf = runtime.tensorflow()
        noise = tf.random.stateless_uniform(batch["audio"].shape, [self._seed, 0], -1.0, 1.0)
        data = {**batch, "noise": noise, "waves": synthesis.waves(self.config, batch["f0_hz"])}
        if self.config.z:
            data["mfccs"] = network.mfccs(self.config, batch["audio"])
        return data

    def _synthesise(self, data, weights):
        tf, ddsp = runtime.tensorflow(), runtime.ddsp()
        scaled = [
            data["loudness_db"] / self.config.db_range + 1.0,
            ddsp.training.preprocessing.scale_f0_hz(data["f0_hz"]),
        ]
        inputs = [tf.transpose(x)[..., tf.newaxis] for x in scaled]
        if self.config.z:
            inputs.append(network.encode(weights, data["mfccs"], self.window_frames))
        outputs = tf.transpose(network.decode(self.config, weights, inputs), [1, 0, 2])
        amplitudes, magnitudes = synthesis.controls(self.config, outputs, data["f0_hz"])
        harmonic = synthesis.harmonic(self.config, data["waves"], amplitudes)
        return harmonic + synthesis.noise(self.config, data["noise"], magnitudes)

    def _update_graph(self, batch):
        tf = runtime.tensorflow()
        variables = self._model.trainable_variables
        with tf.GradientTape() as tape:
            losses = self._losses_graph(batch)
        gradients, _ = tf.clip_by_global_norm(tape.gradient(losses["total_loss"], variables), self._clip_norm)
        self._optimizer.apply_gradients(zip(gradients, variables))
        return losses
