"""Loudness of a recording in dB, as each generation of ddsp computes it.

Instruments hear loudness on the scale that they were trained with:

- generation 1 (ddsp ≤ 1.9): STFT of 2048, mean over the bins of the A-weighted dB values less 20.7 dB, from -120 dB;
- generation 3 (ddsp ≥ 3): STFT of 512, A-weighted power averaged over the bins and then in dB, from -80 dB;
- generation `POWER` (ddsp-vst): no loudness but the power of 1024 samples, from -80 dB; 0 dB is an RMS of 1.

Frame k stands at sample 64·k; there are ``n_samples // 64 + 1`` frames. Datasets have ddsp's padding 'same' instead, as
its preparation does: each window begins at its frame, and there is one frame per 64 samples begun.

Reference: ddsp.spectral_ops.compute_loudness of 1.6.3 and 3.7.0, compute_power of 3.7.0; A-weighting of IEC 61672 as in
librosa.
"""

from collections.abc import Iterator

import numpy as np

from ddsing import units
from ddsing.constants import DB_RANGE, HOP_SAMPLES, POWER, SAMPLE_RATE
from ddsing.errors import FeaturesError
from ddsing.sound.spectrum import magnitudes

_N_FFT = {1: 2048, 3: 512}
_ZEROS_BEFORE = {1: 0, 3: 256}  # generation 1 starts its windows at the frame, generation 3 centres them on it
_REF_DB_1 = 20.7
_POWER_SAMPLES = 1024  # of ddsp-vst's frames
_BLOCK_FRAMES = 1024


def compute(audio: np.ndarray, *, generation: int = 3, padding: str = "center") -> np.ndarray:
    """Loudness, frame by frame.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    generation : int
        1, 3 or `POWER`, see above.
    padding : str
        ``center``, or ``same`` as in datasets.

    Returns
    -------
    np.ndarray [shape=(n_samples // 64 + 1,), float32]
        Of ``same``, ``ceil(n_samples / 64)`` frames.
        dB, not below ``-DB_RANGE[generation]``.
    """
    audio = np.asarray(audio, np.float32)
    if generation == POWER:
        return _power_db(audio, _POWER_SAMPLES, 0 if padding == "same" else _POWER_SAMPLES // 2, padding)
    if generation not in _N_FFT:
        raise FeaturesError(f"Unknown ddsp generation of loudness {generation!r}; use 1, 3 or {POWER}.")
    n_fft = _N_FFT[generation]
    weighting_db = a_weighting_db(np.fft.rfftfreq(n_fft, 1.0 / SAMPLE_RATE)).astype(np.float32)
    measure = _mean_of_db if generation == 1 else _db_of_mean
    loudness = np.empty(units.n_frames(len(audio), centred=padding != "same"), np.float32)
    for part, windows in _windows(audio, n_fft, 0 if padding == "same" else _ZEROS_BEFORE[generation], len(loudness)):
        loudness[part] = measure(magnitudes(windows), weighting_db)
    return loudness


def power_db(audio: np.ndarray, *, frame_samples: int = 256) -> np.ndarray:
    """Power in dB, frame by frame, of padding ``same``: what datasets' statistics hold beside loudness.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    frame_samples : int
        Length of a frame; the notebooks' statistics take 256.

    Returns
    -------
    np.ndarray [shape=(ceil(n_samples / 64),), float32]
        dB below full scale, not below -80.
    """
    return _power_db(np.asarray(audio, np.float32), frame_samples, 0, "same")


def _power_db(audio: np.ndarray, length: int, before: int, padding: str) -> np.ndarray:
    """The power of what each frame sees in dB, not below -80."""
    power = np.empty(units.n_frames(len(audio), centred=padding != "same"), np.float32)
    for part, windows in _windows(audio, length, before, len(power)):
        power[part] = (windows**2).mean(axis=1)
    return np.maximum(10.0 * np.log10(np.maximum(power, 1e-20)), -DB_RANGE[3])


def _windows(audio: np.ndarray, length: int, before: int, n_frames: int) -> Iterator[tuple[slice, np.ndarray]]:
    """What each frame sees, some frames at a time: which, and their windows [≤ 1024, length].

    There are `before` zeros before the sound, and as many as it takes after.
    """
    for start in range(0, n_frames, _BLOCK_FRAMES):
        frames = slice(start, min(start + _BLOCK_FRAMES, n_frames))
        first = start * HOP_SAMPLES - before
        heard = np.zeros((frames.stop - start - 1) * HOP_SAMPLES + length, np.float32)
        low, high = max(first, 0), min(first + len(heard), len(audio))
        if high > low:
            heard[low - first : high - first] = audio[low:high]
        yield frames, np.lib.stride_tricks.sliding_window_view(heard, length)[::HOP_SAMPLES]


def _mean_of_db(amplitude: np.ndarray, weighting_db: np.ndarray):
    decibels = 20.0 * np.log10(np.maximum(amplitude, 1e-20)) + weighting_db - _REF_DB_1
    return np.maximum(decibels, -DB_RANGE[1]).mean(axis=1)


def _db_of_mean(amplitude: np.ndarray, weighting_db: np.ndarray):
    power = (amplitude**2 * 10.0 ** (weighting_db / 10.0)).mean(axis=1)
    return np.maximum(10.0 * np.log10(np.maximum(power, 1e-20)), -DB_RANGE[3])


def a_weighting_db(frequency_hz: np.ndarray | float) -> np.ndarray:
    """The A-weighting curve in dB, not below -80 dB as in librosa; same shape as `frequency_hz`."""
    squared = np.asarray(frequency_hz, np.float64) ** 2
    corners = np.array([12194.217, 20.598997, 107.65265, 737.86223]) ** 2
    with np.errstate(divide="ignore"):
        weights = 2.0 + 20.0 * (
            np.log10(corners[0])
            + 2.0 * np.log10(squared)
            - np.log10(squared + corners[0])
            - np.log10(squared + corners[1])
            - 0.5 * np.log10(squared + corners[2])
            - 0.5 * np.log10(squared + corners[3])
        )
    return np.maximum(weights, -80.0)
