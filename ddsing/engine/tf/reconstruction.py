"""A batch through the model: what the data alone decides, and the sound that the weights make of it."""

from collections.abc import Callable, Mapping

from ddsing.engine.tf import network, runtime, synthesis
from ddsing.engine.tf.runtime import Tensor
from ddsing.model.config import VOICING_KEY, ModelConfig


def features(config: ModelConfig, batch: Mapping) -> dict:
    """What the network hears of a batch.

    Parameters
    ----------
    batch : Mapping of tf.Tensor
        ``audio`` [batch, n_samples]; ``f0_hz`` and ``loudness_db`` [batch, n_frames].

    Returns
    -------
    dict of tf.Tensor
        ``f0_hz`` [n_frames, batch]; ``ld_scaled`` (of a model of ddsp-vst's, the power), ``f0_scaled``
        [n_frames, batch, 1]; for models with z ``mfccs``, and for those with voicing ``f0_confidence``
        [n_frames, batch, 1].
    """
    tf = runtime.tensorflow()
    f0_hz, loudness_db = tf.transpose(batch["f0_hz"]), tf.transpose(batch["loudness_db"])
    heard = {
        "f0_hz": f0_hz,
        "ld_scaled": loudness_db[..., tf.newaxis] / config.db_range + 1.0,
        "f0_scaled": _scaled(f0_hz)[..., tf.newaxis],
    }
    if config.z:
        heard["mfccs"] = network.mfccs(config.z, batch["audio"])
    if config.voicing:
        heard[VOICING_KEY] = tf.clip_by_value(tf.transpose(batch[VOICING_KEY]), 0.0, 1.0)[..., tf.newaxis]
    return heard


def _scaled(f0_hz: Tensor) -> Tensor:
    """MIDI note numbers as a share of 127, by the operations of ddsp's `scale_f0_hz`, which gives the same bits."""
    tf = runtime.tensorflow()

    def log2(x: Tensor) -> Tensor:
        return tf.math.log(tf.where(x <= 0.0, 1e-5, x)) / tf.math.log(2.0)

    return tf.where(f0_hz <= 0.0, 0.0, 12.0 * (log2(f0_hz) - log2(tf.constant(440.0))) + 69.0) / 127.0


def prepare(config: ModelConfig, batch: Mapping, noise: Tensor) -> dict:
    """Everything about a batch that no weight has a part in: `features`, ``waves``, and the white ``noise`` given.

    `noise` is a tf.Tensor [shape=(batch, n_samples)].
    """
    heard = features(config, batch)
    return heard | {"waves": synthesis.waves(config.n_harmonics, heard["f0_hz"]), "noise": noise}


def controls(
    config: ModelConfig,
    weights: Mapping,
    heard: Mapping,
    *,
    dtype: str = "float32",
    recurrent: Callable | None = None,
) -> tuple[Tensor, Tensor]:
    """What the synthesisers play for what `features` gave, see `synthesis.controls`; other arguments: see `network`.

    ``heard["z_noise"]`` and ``heard["z_kept"]``, if they are there, are what z is disturbed and multiplied by.
    """
    n_frames, hop = heard["f0_hz"].shape[0], config.hop_frames
    inputs = [heard["ld_scaled"][::hop], heard["f0_scaled"][::hop]]
    if config.z:
        disturbed = {"disturbance": heard.get("z_noise"), "kept": heard.get("z_kept")}
        inputs.append(network.encode(weights, heard["mfccs"], n_frames, dtype=dtype, recurrent=recurrent, **disturbed))
    if config.voicing:
        inputs.append(heard[VOICING_KEY])
    outputs = network.decode(config, weights, inputs, dtype=dtype, recurrent=recurrent)
    found = synthesis.controls(config, outputs, heard["f0_hz"][::hop])
    return found if hop == 1 else synthesis.between_steps(*found, hop=hop, n_frames=n_frames)


def audio(
    config: ModelConfig, weights: Mapping, prepared: Mapping, *, dtype: str, recurrent: Callable | None = None
) -> Tensor:
    """The model's sound for what `prepare` gave: [batch, n_samples]; see `network` for the other arguments."""
    amplitudes, magnitudes = controls(config, weights, prepared, dtype=dtype, recurrent=recurrent)
    harmonic = synthesis.harmonic(config, prepared["waves"], amplitudes)
    return harmonic + synthesis.noise(config, prepared["noise"], magnitudes)
