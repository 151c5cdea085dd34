"""Pitch and its confidence, by CREPE.

Three trackers: ``full`` (CREPE full at 250 frames a second, as in the DDSP paper), ``fast`` (CREPE full at 100 frames a
second, interpolated) and ``tiny`` (CREPE tiny at 250). Frame k is centred at sample 64·k of 16 kHz audio, and there are
``n_samples // 64 + 1`` frames.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ddsing.constants import FRAME_RATE, HOP_SAMPLES, SAMPLE_RATE, TRACKERS
from ddsing.errors import FeaturesError
from ddsing.pitch import rates, viterbi
from ddsing.pitch.network import activation, network

__all__ = ["activation", "estimate_seconds", "track"]

_CAPACITY = {"full": "full", "fast": "full", "tiny": "tiny"}
_HOP = {"full": HOP_SAMPLES, "fast": 160, "tiny": HOP_SAMPLES}
_PART_FRAMES = 4096  # decoded at a time
_TELLING_FRAMES = 250  # a run of fewer says little about speed
_DECODING_S = 0.01  # per second of audio, at 250 frames a second


def track(
    audio, *, tracker: str = "full", progress: Callable[[float], None] | None = None, rates_path: Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Pitch of a recording, of any length: activations (1.4 kB a frame) wait in a temporary file, not in memory.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    tracker : str
        One of `ddsing.constants.TRACKERS`.
    progress : callable, optional
        Told the fraction done after each batch; what it raises passes through, and nothing stays behind.
    rates_path : Path, optional
        File that keeps this machine's speed for `estimate_seconds`, see `ddsing.pitch.rates`.

    Returns
    -------
    f0_hz : np.ndarray [shape=(n_frames,), float32]
    f0_confidence : np.ndarray [shape=(n_frames,), float32]
        The strongest activation, between 0 and 1.

    Raises
    ------
    FeaturesError
        For an unknown tracker, or without room for the temporary file.
    """
    _check(tracker)
    audio = np.asarray(audio, np.float32)
    hop = _HOP[tracker]
    n_tracked = len(audio) // hop + 1
    with tempfile.TemporaryFile() as file:
        began = time.monotonic()
        for block in network(_CAPACITY[tracker]).blocks(audio, hop, progress=progress):
            _append(file, block, n_tracked)
        if n_tracked >= _TELLING_FRAMES:
            rates.learn(tracker, (time.monotonic() - began) / n_tracked, path=rates_path)
        active = np.memmap(file, np.float32, "r", shape=(n_tracked, viterbi.N_BINS))
        f0_hz, confidence = _decode(active)
        del active
    if hop == HOP_SAMPLES:
        return f0_hz, confidence
    position = np.arange(len(audio) // HOP_SAMPLES + 1) * (HOP_SAMPLES / hop)
    grid = np.arange(n_tracked)
    octaves = np.interp(position, grid, np.log2(np.maximum(f0_hz, 1.0)))
    return (2.0**octaves).astype(np.float32), np.interp(position, grid, confidence).astype(np.float32)


def estimate_seconds(tracker: str, duration_s: float, *, rates_path: Path | None = None) -> float:
    """How long `track` will take here, in seconds: by finished runs (of `rates_path` too), else by a short trial."""
    _check(tracker)
    n_tracked = duration_s * SAMPLE_RATE / _HOP[tracker] + 1
    return rates.get(tracker, lambda: _trial(tracker), path=rates_path) * n_tracked + _DECODING_S * duration_s * (
        SAMPLE_RATE / _HOP[tracker] / FRAME_RATE
    )


def _check(tracker):
    if tracker not in TRACKERS:
        raise FeaturesError(f"There is no pitch tracker {tracker!r}; use full, fast or tiny.")


def _trial(tracker):
    """Seconds per frame of one full batch, after one that warms up."""
    hop = _HOP[tracker]
    noise = np.random.default_rng(0).normal(0.0, 0.1, 31 * hop).astype(np.float32)
    for _ in range(2):
        began = time.monotonic()
        n_frames = len(activation(noise, capacity=_CAPACITY[tracker], hop_samples=hop))
        seconds = time.monotonic() - began
    return seconds / n_frames


def _append(file, block, n_tracked):
    # Written, then mapped: writing through a map would end the process, not raise, on a full disk.
    try:
        file.write(np.ascontiguousarray(block, np.float32).data)
        file.flush()
    except OSError as error:
        needed_mb = n_tracked * viterbi.N_BINS * 4 / 1e6
        raise FeaturesError(
            f"Finding the pitch needs {needed_mb:.1f} MB of room in {tempfile.gettempdir()} for a while "
            f"({error.strerror}); free some, or point TMPDIR elsewhere."
        ) from error


def _decode(active):
    parts = [slice(i, i + _PART_FRAMES) for i in range(0, len(active), _PART_FRAMES)]
    observed = np.concatenate([active[part].argmax(axis=1) for part in parts])
    confidence = np.concatenate([active[part].max(axis=1) for part in parts])
    states = viterbi.path(observed)
    return np.concatenate([viterbi.f0_hz(active[part], states[part]) for part in parts]), np.asarray(confidence)
