"""A head start for training: the decoder first learns the levels of the harmonics as they are measured.

The spectral loss has no gradient for a harmonic that lies below the noise. From random weights its first steps push
high harmonics there, and noise takes their place: the voice stays dull and hisses. A model that begins with about the
right harmonics keeps them.
"""

import math

import numpy as np

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import model as models
from ddsing.engine import runtime

_SIZE = 2048  # samples of a spectrum
_HIGHEST_HZ = 7000.0
_WINDOW_FRAMES, _BATCH_SIZE = 125, 16
_EVERY = 5  # frames from one measurement to the next
_QUIETEST_DB = -45.0  # of the recording's loudness
_DEPTH_DB = 45.0  # harmonics further below the strongest are not learnt


def harmonic_amplitudes(sung, frames, n_harmonics: int) -> np.ndarray:
    """Amplitudes of the harmonics around some frames [shape=(n_frames, n_harmonics)].

    NaN above 7 kHz and where a harmonic does not stand out of the noise between it and the next by 6 dB.
    """
    window = np.hanning(_SIZE)
    full = _SIZE * (window**2).sum() / 4.0  # what a sinusoid of amplitude 1 has in one half of the spectrum
    amplitudes = np.full((len(frames), n_harmonics), np.nan)
    for row, frame in enumerate(frames):
        start = frame * HOP_SAMPLES - _SIZE // 2
        power = np.abs(np.fft.rfft(sung["audio"][start : start + _SIZE] * window)) ** 2
        f0_bins = sung["f0_hz"][frame] * _SIZE / SAMPLE_RATE
        for k in range(1, min(n_harmonics, int(_HIGHEST_HZ / sung["f0_hz"][frame])) + 1):
            around, between = (
                power[round((k + offset - 0.25) * f0_bins) : round((k + offset + 0.25) * f0_bins) + 1].sum()
                for offset in (0.0, 0.5)
            )
            if around > 4.0 * between:
                amplitudes[row, k - 1] = math.sqrt(around / full)
    return amplitudes


def targets(sung, n_harmonics: int) -> np.ndarray:
    """Logarithms of the amplitudes to learn [shape=(n_frames, n_harmonics), float32]; NaN where there is nothing."""
    n_frames, margin = len(sung["f0_hz"]), _SIZE // HOP_SAMPLES
    frames = np.arange(margin, n_frames - margin, _EVERY)
    frames = frames[sung["loudness_db"][frames] > _QUIETEST_DB]
    found = harmonic_amplitudes(sung, frames, n_harmonics)
    strongest = np.max(np.nan_to_num(found), axis=1, keepdims=True)
    found[found < strongest * 10.0 ** (-_DEPTH_DB / 20.0)] = np.nan
    learnt = np.full((n_frames, n_harmonics), np.nan, np.float32)
    learnt[frames] = np.log(found + 1e-7)
    return learnt


def head_start(config, sung, weights, *, steps: int, seed: int, report=print) -> dict[str, np.ndarray]:
    """Weights whose harmonics are about those of the recording, from random ones."""
    tf = runtime.tensorflow()
    model = models.autoencoder(config, n_samples=_WINDOW_FRAMES * HOP_SAMPLES)
    models.assign_weights(model, config, weights)
    schedule = tf.keras.optimizers.schedules.ExponentialDecay(2e-3, max(steps // 10, 1), 0.8)
    optimizer = tf.keras.optimizers.Adam(schedule)
    variables = [variable for name, variable in models.variables(model, config).items() if name.startswith("decoder")]

    @tf.function
    def learn(features, wanted):
        known = tf.math.is_finite(wanted)
        with tf.GradientTape() as tape:
            encoded = model.preprocessor(features, training=True)
            amplitudes = _amplitudes(config, model.decoder(encoded, training=True), features["f0_hz"])
            error = tf.abs(tf.where(known, tf.math.log(amplitudes + 1e-7) - wanted, 0.0))
            loss = tf.reduce_sum(error) / tf.reduce_sum(tf.cast(known, tf.float32))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return loss * 20.0 / math.log(10.0)

    learnt, random, recent = targets(sung, config.n_harmonics), np.random.default_rng(seed), []
    for step in range(1, steps + 1):
        starts = random.integers(0, len(learnt) - _WINDOW_FRAMES, _BATCH_SIZE)
        cut = {name: np.stack([x[s : s + _WINDOW_FRAMES] for s in starts]).astype(np.float32) for name, x in
               (("f0_hz", sung["f0_hz"]), ("loudness_db", sung["loudness_db"]), ("wanted", learnt))}  # fmt: skip
        wanted = tf.constant(np.nan_to_num(cut.pop("wanted"), nan=np.inf))
        recent.append(float(learn({name: tf.constant(x) for name, x in cut.items()}, wanted)))
        if step % 50 == 0:
            report(f"head start, step {step}: harmonics off by {np.mean(recent[-50:]):.1f} dB", flush=True)
    return models.read_weights(model, config)


def _amplitudes(config, outputs, f0_hz):
    """What the decoder's outputs mean as amplitudes of the harmonics [batch, n_frames, n_harmonics]."""
    tf = runtime.tensorflow()

    def scale(x):
        return config.scale_max_value * tf.sigmoid(x) ** math.log(config.scale_exponent) + config.scale_threshold

    numbers = tf.range(1.0, config.n_harmonics + 1.0)
    sounding = f0_hz[..., tf.newaxis] * numbers < SAMPLE_RATE / 2
    shares = tf.where(sounding, scale(outputs["harmonic_distribution"]), 0.0)
    return scale(outputs["amps"]) * shares / tf.reduce_sum(shares, axis=2, keepdims=True)
