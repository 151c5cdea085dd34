"""A plain training loop on ddsp's own `Autoencoder`: random windows, Adam, gradients clipped as in ddsp's Trainer."""

from collections.abc import Callable, Mapping

import numpy as np

from ddsing.constants import FRAME_RATE, HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import model as models
from ddsing.engine import runtime
from ddsing.model_config import ModelConfig

_GRADIENT_NORM = 3.0
_QUIETEST_DB = -60.0  # below this, loudness need not be followed


def train(
    config: ModelConfig,
    recording: Mapping[str, np.ndarray],
    *,
    steps: int,
    batch_size: int = 8,
    window_frames: int = 500,
    learning_rate: float = 1e-3,
    loudness_weight: float = 0.0,
    initial: Mapping[str, np.ndarray] | None = None,
    seed: int = 0,
    on_step: Callable[[int, float, Callable[[], dict]], None] | None = None,
) -> dict[str, np.ndarray]:
    """Train on one recording and return the weights.

    Parameters
    ----------
    recording : Mapping
        ``audio`` [n_samples], ``f0_hz`` and ``loudness_db`` [n_frames], frame k at sample 64·k.
    loudness_weight : float
        Weight, per dB, of how far the result's loudness is from the one asked for; added to ddsp's spectral loss.
        Only for generation 3.
    initial : Mapping, optional
        Weights of another model of this configuration to begin with; random ones otherwise.
    on_step : callable
        Gets the step, the batch's loss, and a function that returns the weights as they are.
    """
    tf = runtime.tensorflow()
    tf.random.set_seed(seed)
    n_samples = window_frames * HOP_SAMPLES
    model = models.autoencoder(config, n_samples=n_samples)
    models.assign_weights(model, config, initial or models.random_weights(config, seed=seed))
    schedule = tf.keras.optimizers.schedules.ExponentialDecay(learning_rate, max(steps // 10, 1), 0.8)
    optimizer = tf.keras.optimizers.Adam(schedule)

    @tf.function
    def step_fn(batch):
        with tf.GradientTape() as tape:
            outputs, losses = model(batch, return_losses=True, training=True)
            objective = losses["total_loss"]
            if loudness_weight:
                objective += loudness_weight * _loudness_error_db(
                    model.get_audio_from_outputs(outputs), batch["loudness_db"]
                )
        gradients = tape.gradient(objective, model.trainable_variables)
        gradients, _ = tf.clip_by_global_norm(gradients, _GRADIENT_NORM)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return losses["total_loss"]

    rng = np.random.default_rng(seed)
    last = len(recording["audio"]) // HOP_SAMPLES - window_frames
    for step in range(1, steps + 1):
        starts = rng.integers(0, last + 1, batch_size)
        loss = float(step_fn({name: tf.constant(x) for name, x in windows(recording, starts, window_frames).items()}))
        if on_step:
            on_step(step, loss, lambda: models.read_weights(model, config))
    return models.read_weights(model, config)


def _loudness_error_db(audio, loudness_db):
    """Mean distance in dB between a result's loudness and the one asked for, by ddsp's own function."""
    tf, spectral_ops = runtime.tensorflow(), runtime.ddsp().spectral_ops
    measured_db = spectral_ops.compute_loudness(audio, SAMPLE_RATE, FRAME_RATE, n_fft=512, use_tf=True)
    n_frames = loudness_db.shape[1]
    inner = slice(4, n_frames - 4)  # at the edges the analysis window sees silence that the recording does not have
    error = tf.maximum(measured_db[:, :n_frames], _QUIETEST_DB) - tf.maximum(loudness_db, _QUIETEST_DB)
    return tf.reduce_mean(tf.abs(error[:, inner]))


def windows(recording: Mapping[str, np.ndarray], starts, window_frames: int) -> dict[str, np.ndarray]:
    """Windows of a recording that begin at the frames `starts`.

    Returns ``audio`` [n_windows, 64 · window_frames] and the features [n_windows, window_frames].
    """
    rate = {"audio": HOP_SAMPLES, "f0_hz": 1, "loudness_db": 1}
    return {
        name: np.stack([recording[name][start * k : (start + window_frames) * k] for start in starts]).astype(
            np.float32
        )
        for name, k in rate.items()
    }


def spectral_loss(config: ModelConfig, weights, recording, *, starts, window_frames: int = 500) -> float:
    """ddsp's spectral loss of a model on windows of a recording."""
    tf = runtime.tensorflow()
    model = models.autoencoder(config, n_samples=window_frames * HOP_SAMPLES)
    models.assign_weights(model, config, weights)
    batch = {name: tf.constant(x) for name, x in windows(recording, starts, window_frames).items()}
    _, losses = model(batch, return_losses=True, training=True)  # ddsp computes losses only so
    return float(losses["total_loss"])
