"""ddsp's `Harmonic` and `FilteredNoise` for training: only what the network decides has a gradient.

The sinusoids follow from f0 alone, so a batch's are computed once, without gradient, and the sound is a product of them
with the amplitudes of two neighbouring frames. Frame k stands at sample 64·k. Frames come first: values are
[n_frames, batch, channels].

The phase is summed in single precision, sample by sample, because ddsp does so in training: over a window of 4 seconds
the high harmonics drift, and the loss differs by some percent from that of exact phases.

Reference: ddsp.synths, ddsp.core (harmonic_synthesis, oscillator_bank, frequency_filter).
"""

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine.synthesis import impulse_window
from ddsing.engine.tf import runtime
from ddsing.engine.tf.compiling import compiled, compiles
from ddsing.engine.tf.runtime import Tensor
from ddsing.model.config import ModelConfig

_NYQUIST_HZ = SAMPLE_RATE / 2
# Of a sample at 1 Hz. ddsp multiplies and then divides; TensorFlow's graph optimiser makes one number of the two.
_RADIANS_PER_HZ = float(np.float32(2.0 * np.pi) * (np.float32(1.0) / np.float32(SAMPLE_RATE)))
_LEAST = -1e30  # less than any frequency
_SINE_TAYLOR = [(-1) ** k * (2.0 * math.pi) ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(6)]  # of turns


def controls(config: ModelConfig, outputs: Tensor, f0_hz: Tensor) -> tuple[Tensor, Tensor]:
    """What the synthesisers play, from the decoder's outputs.

    Parameters
    ----------
    outputs : tf.Tensor [shape=(n_frames, batch, n_outputs)]
    f0_hz : tf.Tensor [shape=(n_frames, batch)]

    Returns
    -------
    amplitudes : tf.Tensor [shape=(n_frames, batch, n_harmonics)]
        Of each harmonic.
    noise_magnitudes : tf.Tensor [shape=(n_frames, batch, n_noise_bands)]
    """
    return _controls(config)(outputs, f0_hz)


@cache
def _controls(config: ModelConfig) -> Callable:
    """Compiled in both directions: TensorFlow's power and its gradient take one number at a time on a CPU."""
    tf = runtime.tensorflow()

    def scale(x: Tensor) -> Tensor:  # a power of the sigmoid
        power = tf.exp(math.log(config.scale_exponent) * tf.math.log_sigmoid(x))
        return config.scale_max_value * power + config.scale_threshold

    def played(outputs: Tensor, f0_hz: Tensor) -> tuple[Tensor, Tensor]:
        amps, distribution, noise = tf.split(outputs, [width for _, width in config.output_splits], axis=2)
        distribution = scale(distribution)
        if config.normalize_below_nyquist:
            harmonic_hz = f0_hz[..., tf.newaxis] * tf.range(1.0, config.n_harmonics + 1.0)
            distribution = tf.where(harmonic_hz >= _NYQUIST_HZ, 0.0, distribution)
        total = tf.reduce_sum(distribution, axis=2, keepdims=True)
        amplitudes = scale(amps) * distribution / tf.where(total == 0.0, 1e-7, total)
        return amplitudes, scale(noise + config.noise_initial_bias)

    def played_back(outputs: Tensor, f0_hz: Tensor, *upstream: Tensor) -> Tensor:
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            found = played(outputs, f0_hz)
        return tape.gradient(found, outputs, output_gradients=upstream)

    forward, backward = compiled(played), compiled(played_back)

    @tf.custom_gradient
    def both(outputs: Tensor, f0_hz: Tensor) -> tuple[tuple[Tensor, Tensor], Callable]:
        # A tape would have TensorFlow make a gradient of its own, too.
        found = forward(tf.stop_gradient(outputs), f0_hz)
        return found, lambda *upstream: (backward(outputs, f0_hz, *upstream), None)

    return both


def between_steps(amplitudes: Tensor, magnitudes: Tensor, *, hop: int, n_frames: int) -> tuple[Tensor, Tensor]:
    """The controls of each frame, from every `hop`-th: amplitudes go straight from one to the next, noise is held.

    As `ddsing.engine.steps`, and as ddsp's synthesisers do with such steps (``amp_resample_method = 'linear'``).
    """
    tf = runtime.tensorflow()
    following = tf.concat([amplitudes[1:], amplitudes[-1:]], axis=0)
    share = tf.reshape(tf.range(float(hop)) / hop, [1, hop, 1, 1])
    straight = amplitudes[:, tf.newaxis] + share * (following - amplitudes)[:, tf.newaxis]
    straight = tf.reshape(straight, [-1, *amplitudes.shape[1:]])
    return straight[:n_frames], tf.repeat(magnitudes, hop, axis=0)[:n_frames]


def waves(n_harmonics: int, f0_hz: Tensor) -> Tensor:
    """The sinusoids of f0 and its harmonics; those above Nyquist are silent.

    Parameters
    ----------
    f0_hz : tf.Tensor [shape=(n_frames, batch)]

    Returns
    -------
    tf.Tensor [shape=(n_frames, batch, 64, n_harmonics)]
    """
    return (_waves_by_sample if compiles() else _waves_by_sum)(n_harmonics)(f0_hz)


@cache
def _waves_by_sample(n_harmonics: int) -> Callable:
    """A loop over the samples, compiled; TensorFlow's own cumulative sum takes many times as long on a CPU."""

    @compiled
    def sinusoids(f0_hz: Tensor) -> Tensor:
        from tensorflow.compiler.tf2xla.python import xla

        tf = runtime.tensorflow()
        n_frames, batch = f0_hz.shape
        following = tf.concat([f0_hz[1:], f0_hz[-1:]], axis=0)

        # A product is rounded before it is added to, as ddsp's; XLA by itself would make one operation of the two.
        def product(x: Tensor, y: Tensor) -> Tensor:
            return tf.maximum(x * y, _LEAST)

        now, then = (product(f0[..., tf.newaxis], tf.range(1.0, n_harmonics + 1.0)) for f0 in (f0_hz, following))
        change = then - now  # of all frames before the loop, which has less to do for each sample

        def sample(n: Tensor, phase: Tensor, found: Tensor) -> tuple[Tensor, ...]:
            frame, within = n // HOP_SAMPLES, n % HOP_SAMPLES
            harmonic_hz = now[frame] + product(change[frame], tf.cast(within, tf.float32) / HOP_SAMPLES)
            phase += tf.maximum(harmonic_hz * _RADIANS_PER_HZ, 0.0)
            wave = tf.where(harmonic_hz >= _NYQUIST_HZ, 0.0, _sine(phase))[tf.newaxis, :, tf.newaxis]
            return n + 1, phase, xla.dynamic_update_slice(found, wave, tf.stack([frame, 0, within, 0]))

        nothing = tf.zeros([n_frames, batch, HOP_SAMPLES, n_harmonics])
        begin = [0, tf.zeros([batch, n_harmonics]), nothing]
        return tf.while_loop(lambda n, *_: n < n_frames * HOP_SAMPLES, sample, begin)[2]

    return sinusoids


def _sine(phase: Tensor) -> Tensor:
    """The sine of radians of any size, to 1e-7, from operations that XLA makes vectors of."""
    tf = runtime.tensorflow()
    turns = tf.cast(phase, tf.float64) * (0.5 / math.pi)
    turns = tf.cast(turns - tf.round(turns), tf.float32)
    turns = tf.where(tf.abs(turns) > 0.25, tf.sign(turns) * 0.5 - turns, turns)
    square, sine = turns * turns, _SINE_TAYLOR[-1]
    for coefficient in _SINE_TAYLOR[-2::-1]:
        sine = sine * square + coefficient
    return sine * turns


@cache
def _waves_by_sum(n_harmonics: int) -> Callable:
    """With TensorFlow's cumulative sum."""

    def sinusoids(f0_hz: Tensor) -> Tensor:
        tf = runtime.tensorflow()
        n_frames, batch = f0_hz.shape
        harmonics = f0_hz[:, tf.newaxis, :, tf.newaxis] * tf.range(1.0, n_harmonics + 1.0)
        following = tf.concat([harmonics[1:], harmonics[-1:]], axis=0)
        ramp = tf.reshape(tf.range(float(HOP_SAMPLES)) / HOP_SAMPLES, [1, HOP_SAMPLES, 1, 1])
        harmonic_hz = tf.reshape(harmonics + (following - harmonics) * ramp, [-1, batch, n_harmonics])
        phase = tf.cumsum(harmonic_hz * _RADIANS_PER_HZ, axis=0)
        wave = tf.where(harmonic_hz >= _NYQUIST_HZ, 0.0, tf.sin(phase))
        return tf.transpose(tf.reshape(wave, [n_frames, HOP_SAMPLES, batch, n_harmonics]), [0, 2, 1, 3])

    return sinusoids


def harmonic(config: ModelConfig, sinusoids: Tensor, amplitudes: Tensor) -> Tensor:
    """The harmonic part [batch, n_samples] of `waves` with the amplitudes of `controls`."""
    return _harmonic(config.amp_resample_method)(sinusoids, amplitudes)


@cache
def _harmonic(method: str) -> Callable:
    tf = runtime.tensorflow()
    ramp = np.arange(HOP_SAMPLES) / HOP_SAMPLES
    rise = {"window": 0.5 - 0.5 * np.cos(np.pi * ramp), "linear": ramp, "nearest": 0.0 * ramp}[method]
    weight = np.stack([1.0 - rise, rise], axis=1).astype(np.float32)  # of this frame's amplitudes, and of the next's

    @tf.custom_gradient
    def synthesise(sinusoids: Tensor, amplitudes: Tensor) -> tuple[Tensor, Callable]:
        following = tf.concat([amplitudes[1:], amplitudes[-1:]], axis=0)
        audio = tf.reduce_sum(tf.matmul(sinusoids, tf.stack([amplitudes, following], axis=3)) * weight, axis=3)

        def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
            # The narrow matrix first: with the sinusoids transposed the product takes two to three times as long.
            on_edges = tf.matmul(_by_frame(upstream)[:, :, tf.newaxis] * weight.T, sinusoids)
            now, then = on_edges[:, :, 0], on_edges[:, :, 1]
            late = tf.concat([tf.zeros_like(then[:1]), then[:-1]], axis=0)
            held = tf.concat([tf.zeros_like(then[:-1]), then[-1:]], axis=0)  # the last frame is its own follower
            return None, now + late + held

        return _in_time(audio), gradient

    return synthesise


def ddsp_noise(seed: int, step: Tensor, shape: Sequence[int]) -> Tensor:
    """The white noise that ddsp's `FilteredNoise` draws in training step `step` after ``tf.random.set_seed(seed)``.

    TensorFlow's random operations count their draws; here the count is the step's, so that a resumed training goes on
    with the noise that it would have had.
    """
    tf = runtime.tensorflow()
    reserved = int(np.prod(shape)) * 256  # a draw moves TensorFlow's counter by this much
    of_operation = 0 if seed else 2**31 - 1  # TensorFlow replaces the seeds (0, 0)
    counter = tf.stack(
        [tf.cast(step, tf.uint64) * tf.constant(reserved, tf.uint64), tf.constant(of_operation, tf.uint64)]
    )
    key = tf.constant([seed], tf.uint64)
    drawn = tf.raw_ops.StatelessRandomUniformV2(shape=shape, key=key, counter=counter, alg=1)  # 1: Philox
    return drawn * 2.0 - 1.0


def noise(config: ModelConfig, draw: Tensor, magnitudes: Tensor) -> Tensor:
    """White noise through a filter per frame.

    Parameters
    ----------
    draw : tf.Tensor [shape=(batch, n_samples)]
        White noise.
    magnitudes : tf.Tensor [shape=(n_frames, batch, n_noise_bands)]

    Returns
    -------
    tf.Tensor [shape=(batch, n_samples)]
    """
    return _noise(config.n_noise_bands, config.noise_window_size)(draw, magnitudes)


@cache
def _noise(n_bands: int, window_size: int) -> Callable:
    tf = runtime.tensorflow()
    responses = _impulse_responses(n_bands, window_size)
    n_response = responses.shape[1]
    n_fft = 2 ** math.ceil(math.log2(HOP_SAMPLES + n_response - 1))
    n_hops = n_fft // HOP_SAMPLES
    skip = (n_response - 1) // 2 - 1  # ddsp's delay compensation

    @tf.custom_gradient
    def filtered(draw: Tensor, magnitudes: Tensor) -> tuple[Tensor, Callable]:
        n_samples = draw.shape[1]
        spectrum = tf.signal.rfft(_by_frame(draw), [n_fft])
        response = tf.signal.rfft(tf.matmul(magnitudes, responses), [n_fft])
        pieces = tf.transpose(tf.signal.irfft(spectrum * response, [n_fft]), [1, 0, 2])
        audio = overlap_add(tf.reshape(pieces, [*pieces.shape[:2], n_hops, HOP_SAMPLES]))

        def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
            padded = tf.pad(upstream, [[0, 0], [skip, (n_hops - 1) * HOP_SAMPLES - skip]])
            pieces = tf.signal.rfft(tf.transpose(frames(padded, HOP_SAMPLES, n_hops), [1, 0, 2]), [n_fft])
            correlated = tf.signal.irfft(pieces * tf.math.conj(spectrum), [n_fft])[..., :n_response]
            return None, tf.matmul(correlated, responses, transpose_b=True)

        return audio[:, skip : skip + n_samples], gradient

    return filtered


def _impulse_responses(n_bands: int, window_size: int) -> np.ndarray:
    """The impulse response of each band alone, windowed and causal: [n_noise_bands, n_response], float32."""
    window, parts = impulse_window(ModelConfig(n_noise_bands=n_bands, noise_window_size=window_size))
    zero_phase = np.fft.irfft(np.eye(n_bands), axis=1) * window
    return np.concatenate([zero_phase[:, part] for part in parts], axis=1).astype(np.float32)


def _by_frame(audio: Tensor) -> Tensor:
    """[batch, n_samples] → [n_frames, batch, 64]."""
    tf = runtime.tensorflow()
    return tf.transpose(tf.reshape(audio, [audio.shape[0], -1, HOP_SAMPLES]), [1, 0, 2])


def _in_time(pieces: Tensor) -> Tensor:
    """[n_frames, batch, 64] → [batch, n_samples]."""
    tf = runtime.tensorflow()
    return tf.reshape(tf.transpose(pieces, [1, 0, 2]), [pieces.shape[1], -1])


def frames(audio: Tensor, hop: int, n_hops: int) -> Tensor:
    """Overlapping frames of `n_hops` hops, as many as fit: [batch, n_samples] → [batch, n_frames, n_hops · hop]."""
    tf = runtime.tensorflow()
    hops = tf.reshape(audio, [audio.shape[0], -1, hop])
    n_frames = hops.shape[1] - n_hops + 1
    return tf.concat([hops[:, k : k + n_frames] for k in range(n_hops)], axis=2)


def overlap_add(pieces: Tensor) -> Tensor:
    """The sum of overlapping frames: [batch, n_frames, n_hops, hop] → [batch, (n_frames + n_hops - 1) · hop]."""
    tf = runtime.tensorflow()
    batch, n_frames, n_hops, hop = pieces.shape
    parts = [tf.pad(pieces[:, :, k], [[0, 0], [k, n_hops - 1 - k], [0, 0]]) for k in range(n_hops)]
    return tf.reshape(tf.add_n(parts), [batch, (n_frames + n_hops - 1) * hop])
