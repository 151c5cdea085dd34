"""One step of training: ddsp's loss, gradient clipping and Adam, on the weights of ddsp's own `Autoencoder`.

What is computed is what ddsp's Trainer computes; how, is in the modules beside this one. A checkpoint of
`Step.checkpoint_object` has the names that ddsp's Trainer writes, and either can go on from the other's.

Reference: ddsp.training.trainers.Trainer, ddsp.losses.SpectralLoss.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.engine.tf import draws, precision, reconstruction, runtime
from ddsing.engine.tf.mel_loss import mel_loss
from ddsing.engine.tf.memory import n_parts_that_fit
from ddsing.engine.tf.random_loss import random_loss
from ddsing.engine.tf.room import Room
from ddsing.engine.tf.runtime import Tensor
from ddsing.engine.tf.spectral_loss import spectral_loss
from ddsing.engine.tf.synthesis import ddsp_noise
from ddsing.engine.tf.twin import Twin, learnt, own_variables, slots
from ddsing.errors import SettingsError
from ddsing.model.config import VOICING_KEY, ModelConfig
from ddsing.model.teaching import Teaching
from ddsing.model.weights import checked

_FEATURES = ("audio", "f0_hz", "loudness_db")


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
        Matrix products in 16 bits; weights, loss and averages stay in 32.
    seed : int
        Of the noise that the filters shape: what ddsp draws after ``tf.random.set_seed(seed)``.
    devices : sequence of str, optional
        TensorFlow's names of the devices that share each batch; all GPUs by default.
    n_parts : int, optional
        In how many parts, one after the other, a device takes its share of a batch; the gradient is the same. By
        default as few as fit into memory.
    keras_gru : bool, optional
        Whether Keras's own GRU is used; by default on a GPU, where it is cuDNN's.
    teaching : Teaching
        What is learnt by beside ddsp's loss, which is reported in any case.
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
        devices: Sequence[str] | None = None,
        n_parts: int | None = None,
        keras_gru: bool | None = None,
        teaching: Teaching = Teaching(),  # noqa: B008
    ):
        tf = runtime.tensorflow()
        self.config, self.batch_size, self.window_frames = config, batch_size, window_frames
        self._devices = _devices(batch_size, devices)
        share = batch_size // len(self._devices)
        self._n_parts = n_parts or n_parts_that_fit(config, share, window_frames)
        if share % self._n_parts:
            raise SettingsError(f"A share of {share} windows does not divide into {self._n_parts} equal parts.")
        self._schedule = tf.keras.optimizers.schedules.ExponentialDecay(learning_rate, lr_decay_steps, lr_decay_rate)
        if keras_gru is None:  # on a GPU, Keras's own is cuDNN's
            keras_gru = runtime.device().kind == "gpu"
        self._recurrent = self._keras_gru if keras_gru else None
        self._made = threading.Lock()
        self._twin = Twin(config, self._schedule, n_frames=window_frames) if self._recurrent else None
        self._names = self._twin.variables if self._twin else own_variables(config)
        self._assign(weights)
        self._optimizer = tf.keras.optimizers.Adam(self._schedule)
        self._optimizer.build(learnt(self._names))
        self._clip_norm, self._seed, self._teaching = grad_clip_norm, seed, teaching
        self._room = Room(teaching.room_ms) if teaching.room_ms else None
        self._dtype = precision.dtype(mixed_precision)
        self._loss_scale = precision.LossScale() if self._dtype == "float16" else None
        self._update, self._evaluate = (
            tf.function(function, autograph=False) for function in (self._update_graph, self._losses_graph)
        )

    def trace(self) -> None:
        """Have Python build the graph of a step before the first one is taken."""
        tf = runtime.tensorflow()
        if not tf.config.functions_run_eagerly():
            self._update.get_concrete_function({name: tf.TensorSpec(x.shape) for name, x in self._made_up().items()})

    def compile(self) -> None:
        """Have a step optimised and compiled by taking one, which is undone."""
        weights, averages, scale = self.weights(), self.slots(), self.loss_scale()
        room = None if self._room is None else self._room.state()
        self._update(self._tensors(self._made_up()))
        self.set_state(weights, averages, 0)
        self.set_loss_scale(scale)
        if self._room is not None:
            self._room.go_on(room)

    def run(self, batch: Mapping[str, np.ndarray]) -> float:
        """Train on a batch and return its loss before the update.

        Parameters
        ----------
        batch : Mapping
            ``audio`` [shape=(batch_size, 64 · window_frames), float32], ``f0_hz`` and ``loudness_db``
            [shape=(batch_size, window_frames), float32], loudness on the scale of `config.generation`; with
            `config.voicing` also ``f0_confidence``.
        """
        return float(self._update(self._tensors(batch)))

    def losses(self, batch: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The losses of a batch of any size: ``spectral_loss``, ``total_loss``; nothing is learnt."""
        return {name: float(value) for name, value in self._evaluate(self._tensors(batch)).items()}

    @property
    def iterations(self) -> int:
        """The number of steps trained."""
        return int(self._optimizer.iterations.numpy())

    def weights(self) -> dict[str, np.ndarray]:
        """The weights as they are, by name."""
        return {name: variable.numpy() for name, variable in self._names.items()}

    def slots(self) -> dict[str, dict[str, np.ndarray]]:
        """Adam's averages of the gradient, ``m``, and of its square, ``v``, each by the weights' names."""
        return {slot: {name: variable.numpy() for name, variable in self._slots(slot).items()} for slot in ("m", "v")}

    def begin_with(self, weights: Mapping[str, np.ndarray]) -> None:
        """Take other weights, before the first step."""
        self._assign(weights)

    def set_state(
        self, weights: Mapping[str, np.ndarray], slots: Mapping[str, Mapping[str, np.ndarray]], iterations: int
    ) -> None:
        """Go on from another state: what `weights`, `slots` and `iterations` gave."""
        self._assign(weights)
        for slot in ("m", "v"):
            for name, variable in self._slots(slot).items():
                variable.assign(slots[slot][name])
        self._optimizer.iterations.assign(iterations)

    def loss_scale(self) -> dict[str, float] | None:
        """What float16 needs beside `set_state` to go on as it was; None in other precisions."""
        return None if self._loss_scale is None else self._loss_scale.facts()

    def set_loss_scale(self, facts: object) -> None:
        """Go on with what `loss_scale` gave; without it, or in another precision, as at the beginning."""
        if self._loss_scale is not None:
            self._loss_scale.go_on(facts)

    def prepare_checkpoints(self) -> None:
        """Make what the first checkpoint would have to wait for: ddsp's own model. Any thread may."""
        with self._made:
            self._twin = self._twin or Twin(self.config, self._schedule)

    def checkpoint_object(self) -> Any:
        """A `tf.train.Checkpoint` of model and optimizer as they are, named as ddsp's Trainer's; and of the room."""
        self.prepare_checkpoints()
        assert self._twin is not None
        self._twin.take(self._names, self._optimizer)
        return self._twin.checkpoint(**({} if self._room is None else {"room": self._room.variables}))

    @property
    def room(self) -> Room | None:
        """That of the recordings, where it is learnt."""
        return self._room

    def _slots(self, slot: str) -> dict[str, Any]:
        return slots(self._optimizer, learnt(self._names), self._names, slot)

    def _assign(self, weights: Mapping[str, np.ndarray]) -> None:
        for name, value in checked(weights, self.config).items():
            self._names[name].assign(value)

    @property
    def _learning(self) -> list:
        """What is learnt: the model, then the room."""
        return [*learnt(self._names), *([] if self._room is None else [self._room.taps])]

    def _tensors(self, batch: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        tf = runtime.tensorflow()
        return {name: tf.constant(batch[name], tf.float32) for name in self._heard}

    def _made_up(self) -> dict[str, np.ndarray]:
        """Windows in which a batch's shapes are right, and nothing else."""
        sizes = {name: self.window_frames * (HOP_SAMPLES if name == "audio" else 1) for name in self._heard}
        return {name: np.full((self.batch_size, size), 0.1, np.float32) for name, size in sizes.items()}

    @property
    def _heard(self) -> tuple[str, ...]:
        return (*_FEATURES, VOICING_KEY) if self.config.voicing else _FEATURES

    def _keras_gru(self, part: str, x: Tensor) -> Tensor:
        tf = runtime.tensorflow()
        assert self._twin is not None
        layer = self._twin.model.decoder.rnn if part == "decoder" else self._twin.model.encoder.rnn
        return tf.transpose(layer(tf.transpose(x, [1, 0, 2])), [1, 0, 2])

    def _losses_graph(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        noise = ddsp_noise(self._seed, 0, batch["audio"].shape)
        loss = spectral_loss(batch["audio"], self._audio(reconstruction.prepare(self.config, batch, noise)))
        return {"spectral_loss": loss, "total_loss": loss}

    def _audio(self, prepared: Mapping[str, Tensor]) -> Tensor:
        return reconstruction.audio(self.config, self._names, prepared, dtype=self._dtype, recurrent=self._recurrent)

    def _update_graph(self, batch: dict[str, Tensor]) -> Tensor:
        tf = runtime.tensorflow()
        batch = batch | {"noise": ddsp_noise(self._seed, self._optimizer.iterations, batch["audio"].shape)}
        batch |= draws.of_z(self.config, self._teaching, batch["audio"].shape, self._seed, self._optimizer.iterations)
        results = []
        for index, device in enumerate(self._devices):
            share = {name: tf.split(x, len(self._devices))[index] for name, x in batch.items()}
            with tf.device(device):
                results.append(self._of_parts(share) if self._n_parts > 1 else self._gradients(share))
        n = len(results)
        loss, *gradients = results[0] if n == 1 else [tf.add_n(list(parts)) / n for parts in zip(*results)]
        norm = tf.linalg.global_norm(gradients)
        gradients, _ = tf.clip_by_global_norm(gradients, self._clip_norm, use_norm=norm)
        if self._loss_scale is None:
            self._apply(gradients)
        else:
            self._loss_scale.apply_if_finite(norm, lambda: self._apply(gradients))
        return loss

    def _of_parts(self, share: Mapping[str, Tensor]) -> list[Tensor]:
        """The mean loss and gradients of equal parts of a share, one after the other."""
        tf, n = runtime.tensorflow(), self._n_parts
        parts = {name: tf.reshape(x, [n, x.shape[0] // n, *x.shape[1:]]) for name, x in share.items()}

        def add(index: Tensor, *sums: Tensor) -> list[Tensor]:
            found = self._gradients({name: x[index] for name, x in parts.items()})
            return [index + 1, *(total + value / n for total, value in zip(sums, found))]

        nothing = [tf.zeros([]), *(tf.zeros(variable.shape) for variable in self._learning)]
        return tf.while_loop(lambda index, *_: index < n, add, [0, *nothing], parallel_iterations=1)[1:]

    def _gradients(self, share: Mapping[str, Tensor]) -> list[Tensor]:
        """The loss of some windows, and its gradient by each trainable variable."""
        tf = runtime.tensorflow()
        prepared = reconstruction.prepare(self.config, share, share["noise"])
        prepared |= {name: share[name] for name in draws.OF_Z if name in share}
        scale = 1.0 if self._loss_scale is None else self._loss_scale.value
        with tf.GradientTape() as tape:
            audio = self._audio(prepared)
            if self._room is not None:
                audio = self._room.heard(audio)
            loss = spectral_loss(share["audio"], audio)
            objective = self._learnt_by(loss, share["audio"], audio) * scale
        gradients = tape.gradient(objective, self._learning)
        return [loss, *(gradients if self._loss_scale is None else [gradient / scale for gradient in gradients])]

    def _learnt_by(self, loss: Tensor, target: Tensor, audio: Tensor) -> Tensor:
        mel, drawn = self._teaching.loss_mel, self._teaching.loss_random
        if not mel and not drawn:
            return loss
        objective = (1.0 - mel - drawn) * loss
        if mel:
            objective += mel * mel_loss(target, audio)
        if drawn:
            cuts = draws.cuts(self._seed, self._optimizer.iterations, audio.shape[1])
            objective += drawn * random_loss(target, audio, *cuts)
        return objective

    def _apply(self, gradients: Sequence[Tensor]) -> None:
        """Keras's Adam, each weight and its averages in one operation."""
        tf, adam = runtime.tensorflow(), self._optimizer
        rate, n = self._schedule(adam.iterations), tf.cast(adam.iterations + 1, tf.float32)
        adam._current_learning_rate.assign(rate)
        betas = {"beta1": adam.beta_1, "beta2": adam.beta_2}
        powers = {f"{name}_power": tf.constant(beta, tf.float32) ** n for name, beta in betas.items()}
        averages = [list(adam._momentums), list(adam._velocities)]
        if self._room is not None:
            averages[0].append(self._room.variables.m)
            averages[1].append(self._room.variables.v)
        for variable, m, v, gradient in zip(self._learning, *averages, gradients):
            handles = {"var": variable.handle, "m": m.handle, "v": v.handle}
            tf.raw_ops.ResourceApplyAdam(**handles, **powers, **betas, lr=rate, epsilon=adam.epsilon, grad=gradient)
        adam.iterations.assign_add(1)


def _devices(batch_size: int, asked: Sequence[str] | None) -> list[str]:
    """The devices that share a batch: as many of the GPUs as divide it equally."""
    tf = runtime.tensorflow()
    names = list(asked or [device.name for device in tf.config.list_logical_devices("GPU")] or ["/device:CPU:0"])
    n = max(n for n in range(1, len(names) + 1) if batch_size % n == 0)
    return names[:n]
