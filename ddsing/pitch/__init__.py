"""Pitch and its confidence, by CREPE.

Three trackers: ``full`` (CREPE full at 250 frames a second, as the DDSP paper), ``fast`` (CREPE full at 100 frames a second, interpolated)
and ``tiny`` (CREPE tiny at 250). Frame k is centred at sample 64·k of 16 kHz audio, and there are ``n_samples // 64 + 1`` frames.
"""

import tempfile
import threading
import time
from collections.abc import Callable

import numpy as np

from ddsing.constants import FRAME_RATE, HOP_SAMPLES, SAMPLE_RATE, TRACKERS
from ddsing.errors import FeaturesError
from ddsing.pitch import viterbi
from ddsing.pitch.network import activation, network

__all__ = ["activation", "estimate_seconds", "track"]

_CAPACITY = {"full": "full", "fast": "full", "tiny": "tiny"}
_HOP = {"full": HOP_SAMPLES, "fast": 160, "tiny": HOP_SAMPLES}
_IN_MEMORY_FRAMES = 30_000  # activations of more frames are kept in a temporary file
_seconds_per_frame: dict[str, float] = {}
_calibration = threading.Lock()


def track(audio, *, tracker: str = "full", progress: Callable[[float], None] | None = None):
    """Pitch of a recording.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    tracker : str
        One of `ddsing.constants.TRACKERS`.

    Returns
    -------
    f0_hz : np.ndarray [shape=(n_frames,), float32]
    f0_confidence : np.ndarray [shape=(n_frames,), float32]
        Between 0 and 1.

    Raises
    ------
    FeaturesError
        For an unknown tracker.
    """
    if tracker not in TRACKERS:
        raise FeaturesError(f"There is no pitch tracker {tracker!r}; use full, fast or tiny.")
    audio = np.asarray(audio, np.float32)
    capacity, hop = _CAPACITY[tracker], _HOP[tracker]
    n_tracked = len(audio) // hop + 1
    began = time.monotonic()
    with tempfile.TemporaryFile() as file:
        shape = (n_tracked, viterbi.N_BINS)
        active = np.empty(shape, np.float32)
        if n_tracked > _IN_MEMORY_FRAMES:
            active = np.memmap(file, np.float32, "w+", shape=shape)
        stop = 0
        for block in network(capacity).blocks(audio, hop, progress=progress):
            active[stop : stop + len(block)] = block
            stop += len(block)
        _learn(capacity, (time.monotonic() - began) / n_tracked, n_tracked)
        parts = range(0, n_tracked, 4096)
        observed = np.concatenate([active[i : i + 4096].argmax(axis=1) for i in parts])
        confidence = np.concatenate([active[i : i + 4096].max(axis=1) for i in parts])
        states = viterbi.path(observed)
        f0_hz = np.concatenate([viterbi.f0_hz(active[i : i + 4096], states[i : i + 4096]) for i in parts])
        del active
    if hop == HOP_SAMPLES:
        return f0_hz, confidence
    position = np.arange(len(audio) // HOP_SAMPLES + 1) * (HOP_SAMPLES / hop)
    grid = np.arange(n_tracked)
    octaves = np.interp(position, grid, np.log2(np.maximum(f0_hz, 1.0)))
    return (2.0**octaves).astype(np.float32), np.interp(position, grid, confidence).astype(np.float32)


def estimate_seconds(tracker: str, duration_s: float) -> float:
    """How long `track` will take on this machine, in seconds: from its finished runs, or from a short trial."""
    capacity = _CAPACITY[tracker]
    with _calibration:
        if capacity not in _seconds_per_frame:
            noise = np.random.default_rng(0).normal(0.0, 0.1, 31 * HOP_SAMPLES).astype(np.float32)
            for _ in range(2):  # the first pass also warms up
                began = time.monotonic()
                activation(noise, capacity=capacity)
                _seconds_per_frame[capacity] = (time.monotonic() - began) / 32
    return _seconds_per_frame[capacity] * duration_s * SAMPLE_RATE / _HOP[tracker] + 1e-5 * duration_s * FRAME_RATE


def _learn(capacity, seconds_per_frame, n_frames):
    if n_frames >= 250:
        _seconds_per_frame[capacity] = seconds_per_frame
