"""A batch through the model: what the data alone decides, and the sound that the weights make of it."""

from collections.abc import Callable, Mapping

from ddsing.constants import HOP_SAMPLES
from ddsing.engine import runtime
from ddsing.engine.training import network, synthesis
from ddsing.model_config import ModelConfig


def prepare(config: ModelConfig, batch: Mapping, noise) -> dict:
    """Everything about a batch that no weight has a part in.

    Parameters
    ----------
    batch : Mapping of tf.Tensor
        ``audio`` [batch, n_samples]; ``f0_hz`` and ``loudness_db`` [batch, n_frames].
    noise : tf.Tensor [shape=(batch, n_samples)]
        White noise for the filters.

    Returns
    -------
    dict of tf.Tensor
        ``f0_hz`` [n_frames, batch]; ``ld_scaled``, ``f0_scaled`` [n_frames, batch, 1]; ``waves``, ``noise``, and for
        models with z ``mfccs``.
    """
    tf, preprocessing = runtime.tensorflow(), runtime.ddsp().training.preprocessing
    f0_hz, loudness_db = tf.transpose(batch["f0_hz"]), tf.transpose(batch["loudness_db"])
    prepared = {
        "f0_hz": f0_hz,
        "ld_scaled": loudness_db[..., tf.newaxis] / config.db_range + 1.0,
        "f0_scaled": preprocessing.scale_f0_hz(f0_hz)[..., tf.newaxis],
        "waves": synthesis.waves(config.n_harmonics, f0_hz),
        "noise": noise,
    }
    if config.z:
        prepared["mfccs"] = network.mfccs(config.z, batch["audio"])
    return prepared


def audio(config: ModelConfig, weights: Mapping, prepared: Mapping, *, dtype: str, recurrent: Callable | None = None):
    """The model's sound for what `prepare` gave: [batch, n_samples]; see `network` for the other arguments."""
    inputs = [prepared["ld_scaled"], prepared["f0_scaled"]]
    if config.z:
        n_frames = prepared["noise"].shape[1] // HOP_SAMPLES
        inputs.append(network.encode(weights, prepared["mfccs"], n_frames, dtype=dtype, recurrent=recurrent))
    outputs = network.decode(config, weights, inputs, dtype=dtype, recurrent=recurrent)
    amplitudes, magnitudes = synthesis.controls(config, outputs, prepared["f0_hz"])
    harmonic = synthesis.harmonic(config, prepared["waves"], amplitudes)
    return harmonic + synthesis.noise(config, prepared["noise"], magnitudes)
