"""Pitch and its confidence, by CREPE, or at once by SwiftF0.

Four trackers: ``full`` (CREPE full at 250 frames a second, as in the DDSP paper), ``fast`` (CREPE full at 100 frames a
second, interpolated), ``tiny`` (CREPE tiny at 250) and ``instant`` (SwiftF0 at 62.5, interpolated; see the module of
that name). Frame k is centred at sample 64·k of 16 kHz audio, and there are ``n_samples // 64 + 1`` frames. Datasets
have ddsp's padding 'same' instead, as its preparation does: CREPE's window of 1024 samples begins at sample 64·k, so
that the frame is centred at sample 64·k + 512, and there is one frame per 64 samples begun.
"""

import mmap
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from ddsing import hardware, process
from ddsing.constants import FRAME_RATE, HOP_SAMPLES, SAMPLE_RATE, TRACKERS
from ddsing.errors import FeaturesError
from ddsing.sound.pitch import instant, rates, viterbi
from ddsing.sound.pitch.network import BATCH_FRAMES, FRAME_SAMPLES, activation, network
from ddsing.units import n_frames

__all__ = [
    "Tracking",
    "activation",
    "append",
    "estimate_seconds",
    "pace_key",
    "quickest",
    "track",
    "try_elsewhere",
    "usable",
]

INSTANT = "instant"
_CAPACITY = {"full": "full", "fast": "full", "tiny": "tiny"}
_HOP = {"full": HOP_SAMPLES, "fast": 160, "tiny": HOP_SAMPLES, INSTANT: instant.HOP}
_LEAD_SAMPLES = {"center": 0, "same": FRAME_SAMPLES // 2}
_PART_FRAMES = 4096  # decoded at a time
_TELLING_FRAMES = 250  # a run of fewer says little about speed
_DECODING_S = 0.01  # per second of audio, at 250 frames a second


class Tracking:
    """A recording's pitch in parts, whose activations can be kept and resumed; the result is that of one go.

    What the network gives for a frame is called its activation: CREPE's 360 bins, or SwiftF0's pitch and confidence.

    Parameters
    ----------
    part_frames : int
        About how long a part is: frames of CREPE's network, of which it is a multiple of 24 (by default of whole
        batches too), or of the result where that is another.

    Attributes
    ----------
    n_frames : int
        Of the result, 250 a second.
    n_tracked, hop_samples, n_values : int
        Frames that the network sees, the samples from one to the next, and the values of a frame's activation.
    parts : tuple[range, ...]
        About a minute of them each.
    """

    def __init__(self, audio: np.ndarray, *, tracker: str = "full", padding: str = "center", part_frames: int = 14_976):
        _check(tracker)
        audio, lead = np.asarray(audio, np.float32), _LEAD_SAMPLES[padding]
        self.n_frames = n_frames(len(audio), centred=padding != "same")
        self._source = (
            instant.Source(audio, self.n_frames, lead)
            if tracker == INSTANT
            else _Crepe(audio, self.n_frames, lead, tracker)
        )
        self.n_tracked, self.hop_samples = self._source.n_tracked, self._source.hop_samples
        self.n_values = self._source.n_values
        self.parts = self._source.parts(part_frames)

    def blocks(
        self, part: range, *, progress: Callable[[float], None] | None = None
    ) -> Generator[np.ndarray, None, None]:
        """Activations of a part, in pieces [shape=(≤ 96 or 469, n_values), float32]."""
        return self._source.blocks(part, progress)

    def finish(self, activations: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """f0_hz and f0_confidence [shape=(n_frames,), float32] from the activations of all parts, in order."""
        return self._source.finish(activations)


class _Crepe:
    """What `Tracking` asks for, by CREPE."""

    n_values = viterbi.N_BINS

    def __init__(self, audio: np.ndarray, n_frames: int, lead_samples: int, tracker: str):
        self._audio, self._n_frames, self._lead = audio, n_frames, lead_samples
        self._capacity, self.hop_samples = _CAPACITY[tracker], _HOP[tracker]
        self.n_tracked = len(audio) // self.hop_samples + 1 if self.hop_samples != HOP_SAMPLES else n_frames

    def parts(self, part_frames: int) -> tuple[range, ...]:
        frames = range(self.n_tracked)
        return tuple(frames[first : first + part_frames] for first in range(0, self.n_tracked, part_frames))

    def blocks(self, part: range, progress: Callable[[float], None] | None) -> Generator[np.ndarray, None, None]:
        crepe = network(self._capacity)
        return crepe.blocks(self._audio, self.hop_samples, lead_samples=self._lead, frames=part, progress=progress)

    def finish(self, activations: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        f0_hz, confidence = _decode(activations)
        if self.hop_samples == HOP_SAMPLES:
            return f0_hz, confidence
        position = np.arange(self._n_frames) * (HOP_SAMPLES / self.hop_samples)
        grid = np.arange(self.n_tracked)
        octaves = np.interp(position, grid, np.log2(np.maximum(f0_hz, 1.0)))
        return (2.0**octaves).astype(np.float32), np.interp(position, grid, confidence).astype(np.float32)


def track(
    audio: np.ndarray,
    *,
    tracker: str = "full",
    padding: str = "center",
    progress: Callable[[float], None] | None = None,
    rates_path: Path | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Pitch of a recording, of any length: activations (CREPE's are 1.4 kB a frame) wait in a temporary file.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    tracker : str
        One of `ddsing.constants.TRACKERS`.
    padding : str
        ``center``, or ``same`` as in datasets.
    progress : callable, optional
        Told the fraction done after each batch; what it raises passes through, and nothing stays behind.
    rates_path : Path, optional
        File that keeps this machine's speed for `estimate_seconds`, see `ddsing.sound.pitch.rates`.

    Returns
    -------
    f0_hz : np.ndarray [shape=(n_frames,), float32]
    f0_confidence : np.ndarray [shape=(n_frames,), float32]
        The strongest activation, between 0 and 1.

    Raises
    ------
    FeaturesError
        For an unknown tracker, one that can't be used on this computer, or without room for the temporary file.
    """
    tracking = Tracking(audio, tracker=tracker, padding=padding)
    if not tracking.n_tracked:
        return np.zeros(0, np.float32), np.zeros(0, np.float32)
    with tempfile.TemporaryFile() as file:
        began = time.monotonic()
        for block in tracking.blocks(range(tracking.n_tracked), progress=progress):
            append(file, block, tracking.n_tracked)
        if tracking.n_tracked >= _TELLING_FRAMES:
            rates.learn(tracker, (time.monotonic() - began) / tracking.n_tracked, path=rates_path)
        active = np.memmap(file, np.float32, "r", shape=(tracking.n_tracked, tracking.n_values))
        result = tracking.finish([active])
        del active
    return result


def estimate_seconds(tracker: str, duration_s: float, *, rates_path: Path | None = None) -> float:
    """How long `track` will take here, in seconds: by finished runs (of `rates_path` too), else by a short trial."""
    _check(tracker)
    n_tracked = duration_s * SAMPLE_RATE / _HOP[tracker] + 1
    decoding_s = 0.0 if tracker == INSTANT else _DECODING_S * duration_s * (SAMPLE_RATE / _HOP[tracker] / FRAME_RATE)
    return rates.get(tracker, lambda: _trial(tracker), path=rates_path) * n_tracked + decoding_s


def pace_key(tracker: str) -> str:
    """What a tracker's pace is kept under, see `ddsing.jobs.paces`; its unit is a second of sound."""
    return f"pitch/{tracker}"


def try_elsewhere() -> tuple[str, ...]:
    """Make the trials of `estimate_seconds` in a process of its own, which takes the networks' weights with it.

    Returns the trackers that can be used on this computer.
    """
    measured = process.call("ddsing.sound.pitch:trials", {}, all_cores=True)
    for tracker, seconds in measured.items():
        rates.offer(tracker, seconds)
    return tuple(measured)


def trials(request: Mapping, progress: process.Progress) -> dict[str, float]:
    """Seconds per frame of each tracker that can be used here; called by `try_elsewhere`."""
    return {tracker: _trial(tracker) for tracker in usable()}


def quickest(*, load: bool = False) -> str:
    """The quickest tracker that can be used on this computer, `instant` or else `tiny`.

    Parameters
    ----------
    load : bool
        Whether to make sure by loading the network; else it is what is known without that.
    """
    missing = not instant.usable() if load else bool(instant.why_missing())
    return "tiny" if missing else INSTANT


def usable() -> tuple[str, ...]:
    """The trackers that can be used on this computer; the network of `instant` is loaded for that."""
    return tuple(name for name in TRACKERS if name != INSTANT or instant.usable())


def _check(tracker: str) -> None:
    if tracker not in TRACKERS:
        raise FeaturesError(f"Unknown pitch tracker {tracker!r}; use instant, full, fast or tiny.")


def _trial(tracker: str):
    """Seconds per frame of one full batch, or of a piece on each core, after one that warms up."""
    n_frames = instant.PIECE_FRAMES * hardware.n_cores() if tracker == INSTANT else BATCH_FRAMES
    noise = np.random.default_rng(0).normal(0.0, 0.1, (n_frames - 1) * _HOP[tracker]).astype(np.float32)
    tracking = Tracking(noise, tracker=tracker, part_frames=n_frames * _HOP[tracker] // HOP_SAMPLES)
    for _ in range(2):
        began = time.monotonic()
        n_found = sum(len(block) for block in tracking.blocks(range(n_frames)))
        seconds = time.monotonic() - began
    return seconds / n_found


def append(file: IO[bytes], block: np.ndarray, n_tracked: int) -> None:
    """Write activations at a file's end; raises `FeaturesError` where there is no room for them."""
    # Written, then mapped: writing through a map would end the process, not raise, on a full disk.
    try:
        file.write(np.ascontiguousarray(block, np.float32).data)
        file.flush()
    except OSError as error:
        needed_mb = n_tracked * block.shape[1] * 4 / 1e6
        raise FeaturesError(
            f"Pitch tracking needs {needed_mb:.1f} MB of temporary space in {tempfile.gettempdir()} "
            f"({error.strerror}). Free some space, or set TMPDIR to another folder."
        ) from error


def _decode(activations: Sequence[np.ndarray]):
    parts = [part[i : i + _PART_FRAMES] for part in activations for i in range(0, len(part), _PART_FRAMES)]
    strongest = [(part.argmax(axis=1), part.max(axis=1)) for part in _mapped_one_by_one(parts)]
    observed, confidence = (np.concatenate(found) for found in zip(*strongest))
    states, first = viterbi.path(observed), 0
    f0_hz = np.empty(len(states), np.float32)
    for part in _mapped_one_by_one(parts):
        f0_hz[first : first + len(part)] = viterbi.f0_hz(part, states[first : first + len(part)])
        first += len(part)
    return f0_hz, confidence


def _mapped_one_by_one(parts: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """The parts, each of which gives its memory back after its turn where it is a map of a file, as of long recordings.

    An hour's activations are 1.3 GB, which would all be in memory at the end, though the system could take them back.
    """
    for part in parts:
        yield part
        mapped = getattr(part, "_mmap", None)
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)
