"""ddsp's `Harmonic` and `FilteredNoise` for training: only what the network decides has a gradient.

The sinusoids follow from f0 alone, so a batch's are computed once, without gradient, and the sound is a product of them with
the amplitudes of two neighbouring frames. Frame k stands at sample 64·k.

Reference: ddsp.synths, ddsp.core (harmonic_synthesis, frequency_filter).
"""

from functools import cache

import numpy as np

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import runtime
from ddsing.engine.synthesis import _impulse_window
from ddsing.engine.training.compiling import compiled
from ddsing.model_config import ModelConfig


def controls(config: ModelConfig, outputs, f0_hz):
    """What the synthesisers play, from the decoder's outputs.

    Parameters
    ----------
    outputs : tf.Tensor [shape=(batch, n_frames, n_outputs)]
    f0_hz : tf.Tensor [shape=(batch, n_frames)]

    Returns
    -------
    amplitudes : tf.Tensor [shape=(batch, n_frames, n_harmonics)]
        Of each harmonic.
    noise_magnitudes : tf.Tensor [shape=(batch, n_frames, n_noise_bands)]
    """
    tf = runtime.tensorflow()

    def scale(x):
        return config.scale_max_value * tf.sigmoid(x) ** np.log(config.scale_exponent) + config.scale_threshold

    amps, distribution, noise = tf.split(outputs, [width for _, width in config.output_splits], axis=2)
    distribution = scale(distribution)
    if config.normalize_below_nyquist:
        harmonic_hz = f0_hz[..., tf.newaxis] * tf.range(1.0, config.n_harmonics + 1.0)
        distribution = tf.where(harmonic_hz >= SAMPLE_RATE / 2, 0.0, distribution)
    total = tf.reduce_sum(distribution, axis=2, keepdims=True)
    amplitudes = scale(amps) * distribution / tf.where(total == 0.0, 1e-7, total)
    return amplitudes, scale(noise + config.noise_initial_bias)


def waves(config: ModelConfig, f0_hz):
    """The sinusoids of f0 and its harmonics: [batch · n_frames, 64, n_harmonics]; those above Nyquist are zero."""
    tf = runtime.tensorflow()
    following = tf.concat([f0_hz[:, 1:], f0_hz[:, -1:]], axis=1)
    exact, rise = tf.cast(f0_hz, tf.float64), tf.cast(following, tf.float64) - tf.cast(f0_hz, tf.float64)
    cycles = (HOP_SAMPLES * exact + (HOP_SAMPLES - 1) / 2 * rise) / SAMPLE_RATE
    before = tf.cumsum(cycles, axis=1, exclusive=True)
    before = tf.cast(before - tf.floor(before), tf.float32)
    return _waves(config.n_harmonics)(*(tf.reshape(x, [-1, 1]) for x in (before, f0_hz, following)))


@cache
def _waves(n_harmonics):
    @compiled
    def sinusoids(before, f0_hz, following):
        tf = runtime.tensorflow()
        n = tf.range(float(HOP_SAMPLES))
        f0_samples = f0_hz + (following - f0_hz) * (n / HOP_SAMPLES)
        within = (f0_hz * (n + 1.0) + (following - f0_hz) * (n * (n + 1.0) / (2 * HOP_SAMPLES))) / SAMPLE_RATE
        numbers = tf.range(1.0, n_harmonics + 1.0)
        phase = (before + within)[..., tf.newaxis] * numbers
        wave = tf.sin((2.0 * np.pi) * (phase - tf.round(phase)))
        return tf.where(f0_samples[..., tf.newaxis] * numbers < SAMPLE_RATE / 2, wave, 0.0)

    return sinusoids


def harmonic(config: ModelConfig, sinusoids, amplitudes):
    """The harmonic part: [batch, n_samples]."""
    return _harmonic(config.amp_resample_method)(sinusoids, amplitudes)


@cache
def _harmonic(method):
    tf = runtime.tensorflow()
    ramp = np.arange(HOP_SAMPLES) / HOP_SAMPLES
    rise = {"window": 0.5 - 0.5 * np.cos(np.pi * ramp), "linear": ramp, "nearest": 0.0 * ramp}[method]
    weight = np.stack([1.0 - rise, rise], axis=1).astype(np.float32)  # of this frame's amplitudes, and the next's

    @tf.custom_gradient
    def synthesise(sinusoids, amplitudes):
        batch, n_frames, n_harmonics = amplitudes.shape
        following = tf.concat([amplitudes[:, 1:], amplitudes[:, -1:]], axis=1)
        edges = tf.reshape(tf.stack([amplitudes, following], axis=3), [-1, n_harmonics, 2])
        audio = tf.reduce_sum(tf.matmul(sinusoids, edges) * weight, axis=2)

        def gradient(upstream):
            on_edges = tf.reshape(upstream, [-1, HOP_SAMPLES, 1]) * weight
            on_edges = tf.reshape(tf.matmul(sinusoids, on_edges, transpose_a=True), [batch, n_frames, n_harmonics, 2])
            now, following = on_edges[..., 0], on_edges[..., 1]
            late = tf.concat([tf.zeros_like(following[:, :1]), following[:, :-1]], axis=1)
            last = tf.concat([tf.zeros_like(following[:, :-1]), following[:, -1:]], axis=1)  # the last frame is held
            return None, now + late + last

        return tf.reshape(audio, [batch, n_frames * HOP_SAMPLES]), gradient

    return synthesise


def noise(config: ModelConfig, draw, magnitudes):
    """White noise through a filter per frame.

    Parameters
    ----------
    draw : tf.Tensor [shape=(batch, n_samples)]
        White noise.
    magnitudes : tf.Tensor [shape=(batch, n_frames, n_noise_bands)]

    Returns
    -------
    tf.Tensor [shape=(batch, n_samples)]
    """
    return _noise(config.n_noise_bands, config.noise_window_size)(draw, magnitudes)


@cache
def _noise(n_bands, window_size):
    tf = runtime.tensorflow()
    responses = _impulse_responses(n_bands, window_size)
    n_response = responses.shape[1]
    n_fft = 2 ** int(np.ceil(np.log2(HOP_SAMPLES + n_response - 1)))
    n_hops = n_fft // HOP_SAMPLES
    skip = (n_response - 1) // 2 - 1  # ddsp's delay compensation
    responses = responses.astype(np.float32)

    @tf.custom_gradient
    def filtered(draw, magnitudes):
        batch, n_frames, _ = magnitudes.shape
        n_samples = n_frames * HOP_SAMPLES
        spectrum = tf.signal.rfft(tf.reshape(draw, [batch, n_frames, HOP_SAMPLES]), [n_fft])
        response = tf.signal.rfft(tf.matmul(magnitudes, responses), [n_fft])
        pieces = tf.signal.irfft(spectrum * response, [n_fft])
        audio = overlap_add(tf.reshape(pieces, [batch, n_frames, n_hops, HOP_SAMPLES]))

        def gradient(upstream):
            padding = [[0, 0], [skip, (n_hops - 1) * HOP_SAMPLES - skip]]
            pieces = tf.signal.rfft(frames(tf.pad(upstream, padding), HOP_SAMPLES, n_hops), [n_fft])
            correlated = tf.signal.irfft(pieces * tf.math.conj(spectrum), [n_fft])[..., :n_response]
            return None, tf.matmul(correlated, responses, transpose_b=True)

        return audio[:, skip : skip + n_samples], gradient

    return filtered


def _impulse_responses(n_bands, window_size):
    """The impulse response of each band alone, windowed and causal: [n_noise_bands, n_response]."""
    config = ModelConfig(n_noise_bands=n_bands, noise_window_size=window_size)
    window, parts = _impulse_window(config)
    zero_phase = np.fft.irfft(np.eye(n_bands), axis=1) * window
    return np.concatenate([zero_phase[:, part] for part in parts], axis=1)


def frames(audio, hop: int, n_hops: int):
    """Overlapping frames of `n_hops` hops, as many as fit: [batch, n_samples] → [batch, n_frames, n_hops · hop]."""
    tf = runtime.tensorflow()
    hops = tf.reshape(audio, [audio.shape[0], -1, hop])
    n_frames = hops.shape[1] - n_hops + 1
    return tf.concat([hops[:, k : k + n_frames] for k in range(n_hops)], axis=2)


def overlap_add(pieces):
    """The sum of overlapping frames: [batch, n_frames, n_hops, hop] → [batch, (n_frames + n_hops - 1) · hop]."""
    tf = runtime.tensorflow()
    batch, n_frames, n_hops, hop = pieces.shape
    parts = [tf.pad(pieces[:, :, k], [[0, 0], [k, n_hops - 1 - k], [0, 0]]) for k in range(n_hops)]
    return tf.reshape(tf.add_n(parts), [batch, (n_frames + n_hops - 1) * hop])
