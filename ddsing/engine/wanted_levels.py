"""How loud the harmonics and the noise of a recording are, as a decoder should learn them in a head start."""

from collections.abc import Mapping

import numpy as np

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.model.config import ModelConfig

EVERY = 5  # frames from one measurement to the next
SILENCE = 1e-7
_SIZE = 2048  # samples of a spectrum
_F0_LEAD = 512  # samples
_HIGHEST_HZ = 7000.0
_DEPTH_DB = 45.0  # harmonics further below the strongest are not learnt
_OUT_OF_NOISE = 4.0  # in power, against what lies between two harmonics
_CLEAR = 0.8  # confidence of the pitch
_WHITE_VARIANCE = 1.0 / 3.0  # of the noise that is filtered, uniform from -1 to 1


def measure(
    audio: np.ndarray, f0_hz: np.ndarray, starts: np.ndarray, config: ModelConfig
) -> tuple[np.ndarray, np.ndarray]:
    """The harmonics and the noise of a sound, in spectra of 128 ms.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,)]
    f0_hz : np.ndarray [shape=(n,)]
        Of each spectrum.
    starts : np.ndarray [shape=(n,), int]
        The sample at which each spectrum begins; all of it must lie in the audio.

    Returns
    -------
    amplitudes : np.ndarray [shape=(n, n_harmonics), float64]
        NaN above 7 kHz, and where a harmonic does not stand out of the noise between it and the next by 6 dB.
    magnitudes : np.ndarray [shape=(n, n_noise_bands), float64]
        With which white noise is filtered to sound like what lies between the harmonics; NaN where nothing does.
    """
    window = np.hanning(_SIZE)
    energy = (window**2).sum()
    pieces = np.lib.stride_tricks.sliding_window_view(audio, _SIZE)[starts]
    power = np.abs(np.fft.rfft(pieces * window, axis=1)) ** 2
    spacing = (np.asarray(f0_hz, np.float64) * _SIZE / SAMPLE_RATE)[:, np.newaxis]  # of the harmonics, in bins
    numbers = np.arange(1, config.n_harmonics + 1)
    below = _below(power)

    def around(positions: np.ndarray) -> np.ndarray:
        first, last = (
            np.minimum(np.round((positions + side) * spacing), _SIZE // 2).astype(int) for side in (-0.25, 0.25)
        )
        return np.take_along_axis(below, last + 1, axis=1) - np.take_along_axis(below, first, axis=1)

    there, between = around(numbers), around(numbers + 0.5)
    heard = (numbers * spacing <= _HIGHEST_HZ * _SIZE / SAMPLE_RATE) & (there > _OUT_OF_NOISE * between)
    full = _SIZE * energy / 4.0  # what a sinusoid of amplitude 1 has in one half of the spectrum
    amplitudes = np.where(heard, np.sqrt(np.maximum(there, 0.0) / full), np.nan)

    place = (np.arange(power.shape[1]) / spacing) % 1.0
    noisy = (place > 0.25) & (place < 0.75)
    n_bins = (power.shape[1] - 1) / (config.n_noise_bands - 1)  # of a band
    edges = np.clip(np.round((np.arange(config.n_noise_bands + 1) - 0.5) * n_bins), 0, power.shape[1]).astype(int)
    sums, counts = (np.diff(_below(x)[:, edges], axis=1) for x in (power * noisy, noisy))
    with np.errstate(invalid="ignore", divide="ignore"):
        magnitudes = np.sqrt(np.where(counts > 0, sums / counts, np.nan) / (energy * _WHITE_VARIANCE))
    return amplitudes, magnitudes


def _below(x: np.ndarray) -> np.ndarray:
    """The sum of what lies below each bin."""
    return np.concatenate([np.zeros((len(x), 1)), np.cumsum(x, axis=1)], axis=1)


def wanted_levels(
    window: Mapping[str, np.ndarray], config: ModelConfig, *, quietest_db: float, centred: bool
) -> np.ndarray:
    """The logarithms of the amplitudes and of the noise's magnitudes that a decoder should learn in a window.

    Parameters
    ----------
    window : Mapping
        ``audio`` [shape=(64 · n_frames,)], ``f0_hz``, ``loudness_db`` and, if known, ``f0_confidence``
        [shape=(n_frames,)].
    quietest_db : float
        Frames of less loudness teach nothing.
    centred : bool
        Whether f0 stands where it was heard, and not 32 ms before, see `ddsing.training.listening`.

    Returns
    -------
    np.ndarray [shape=(n_frames, n_harmonics + n_noise_bands), float32]
        NaN where there is nothing to learn.
    """
    n_frames = len(window["f0_hz"])
    before = _SIZE // 2 - (0 if centred else _F0_LEAD)
    frames = np.arange(0, n_frames, EVERY)
    starts = frames * HOP_SAMPLES - before
    good = (starts >= 0) & (starts + _SIZE <= len(window["audio"])) & (window["loudness_db"][frames] > quietest_db)
    if "f0_confidence" in window:
        good &= window["f0_confidence"][frames] >= _CLEAR
    frames, starts = frames[good], starts[good]
    levels = np.full((n_frames, config.n_harmonics + config.n_noise_bands), np.nan, np.float32)
    if len(frames):
        amplitudes, magnitudes = measure(window["audio"], window["f0_hz"][frames], starts, config)
        strongest = np.max(np.nan_to_num(amplitudes), axis=1, keepdims=True)
        amplitudes[amplitudes < strongest * 10.0 ** (-_DEPTH_DB / 20.0)] = np.nan
        levels[frames] = np.log(np.concatenate([amplitudes, magnitudes], axis=1) + SILENCE)
    return levels
