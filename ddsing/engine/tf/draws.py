"""What a step of training draws at random beside the noise that ddsp draws: functions of seed and step."""

from collections.abc import Sequence

import numpy as np

from ddsing.engine.tf import runtime
from ddsing.engine.tf.runtime import Tensor
from ddsing.model.config import ModelConfig
from ddsing.model.teaching import Teaching

OF_Z = ("z_noise", "z_kept")
SIZES = np.arange(256, 2049, 32)  # samples of a spectrum, of which some are drawn
N_CUTS = 4
_KEPT, _SIZES, _STARTS = (number * 2**32 for number in (1, 2, 3))  # draws with keys of their own


def of_z(config: ModelConfig, teaching: Teaching, shape: Sequence[int], seed: int, step: Tensor) -> dict[str, Tensor]:
    """What z is disturbed and multiplied by, where it is.

    Parameters
    ----------
    shape : sequence of int
        Of the audio, [batch, n_samples].

    Returns
    -------
    dict of tf.Tensor
        ``z_noise`` [batch, n_steps, z_dims], in standard deviations; ``z_kept`` [batch, 1, z_dims], with the mean 1.
    """
    tf, z, drawn = runtime.tensorflow(), config.z, {}
    if z is not None and teaching.z_noise:
        n_steps = -(-shape[1] // z.spectrum[1])
        drawn["z_noise"] = teaching.z_noise * tf.random.stateless_normal(
            [shape[0], n_steps, z.z_dims], _key(seed, step)
        )
    if z is not None and teaching.z_dropout:
        chance = tf.random.stateless_uniform([shape[0], 1, z.z_dims], _key(seed + _KEPT, step))
        drawn["z_kept"] = tf.cast(chance >= teaching.z_dropout, tf.float32) / (1.0 - teaching.z_dropout)
    return drawn


def cuts(seed: int, step: Tensor, n_samples: int) -> tuple[Tensor, Tensor]:
    """In which pieces a step's sound is taken for `random_loss`: their sizes and the first sample, both [N_CUTS].

    At least one piece of each size is whole in `n_samples`.
    """
    tf = runtime.tensorflow()
    number = tf.random.stateless_uniform([N_CUTS], _key(seed + _SIZES, step), 0, len(SIZES), tf.int32)
    sizes = tf.gather(tf.constant(np.minimum(SIZES, n_samples), tf.int32), number)
    share = tf.random.stateless_uniform([N_CUTS], _key(seed + _STARTS, step))
    latest = tf.minimum(sizes, n_samples - sizes + 1)
    return sizes, tf.cast(share * tf.cast(latest, tf.float32), tf.int32)


def _key(seed: int, step: Tensor) -> Tensor:
    tf = runtime.tensorflow()
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64)])
