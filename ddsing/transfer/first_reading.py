"""A recording's pitch by the quickest tracker, found piece by piece: the first minute tells already how it fits.

What is found is what one go would find, and is kept where a transfer looks for it, so that nothing is computed twice:
whoever needs all of it goes on from where it is.
"""

import tempfile
import threading
from collections.abc import Callable

import numpy as np

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.sound import pitch
from ddsing.sound.features import FeatureCache, Features, loudness_of

PART_FRAMES = 14_976  # a minute, in whole batches


class FirstReading:
    """A recording that is being read; `advance` may be called by several threads, and one at a time goes on.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono; at least one sample.
    audio_hash : str
        As `ddsing.sound.audio.content_hash` tells.
    tracker : str, optional
        By default the quickest that can be used on this computer.
    part_frames : int
        What is read in one go; a multiple of 24.

    Attributes
    ----------
    tracker : str
        By which it is read.
    complete : bool
        Whether all of them are.
    """

    def __init__(
        self,
        audio: np.ndarray,
        audio_hash: str,
        cache: FeatureCache,
        *,
        tracker: str | None = None,
        part_frames: int = PART_FRAMES,
    ):
        self._audio, self._hash, self._cache = audio, audio_hash, cache
        self._may_fall_back, self._part_frames = tracker is None, part_frames
        self._read_by(tracker or pitch.quickest())
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  it is kept from one part to the next
        self._advancing = threading.Lock()
        self._n_parts = 0
        self._track: tuple[np.ndarray, np.ndarray] | None = None
        self.complete = False

    @property
    def track(self) -> tuple[np.ndarray, np.ndarray] | None:
        """``f0_hz`` and ``f0_confidence`` of what is read so far; None at first."""
        return self._track

    @property
    def n_read(self) -> int:
        """Frames whose pitch is known; 0 at first."""
        return len(self._track[0]) if self._track else 0

    @property
    def left_s(self) -> float:
        """Seconds of the recording that are still to be read."""
        n_left = 0 if self.complete else sum(len(part) for part in self._tracking.parts[self._n_parts :])
        return n_left * self._tracking.hop_samples / SAMPLE_RATE

    def advance(self, progress: Callable[[float], None] = lambda share: None) -> bool:
        """Read the next minute; returns whether there is more to read.

        Parameters
        ----------
        progress : callable
            Told the share of the whole recording; what it raises passes through, and that minute is read again.
        """
        with self._advancing:
            if not self.complete:
                if not self._n_parts and self._may_fall_back:
                    self._read_by(pitch.quickest(load=True))
                known = self._cache.get(self._hash, self.tracker)
                if known is not None and len(known["f0_hz"]) == self._tracking.n_frames:
                    self._finished(known["f0_hz"], known["f0_confidence"])
                else:
                    self._read_part(progress)
        return not self.complete

    def features(self, generation: int) -> Features:
        """Of what is read so far, on a loudness scale; there must be something."""
        track = self._track
        if track is None:
            raise ValueError("Nothing is read yet.")
        return features_of(self._audio, track, self.tracker, generation, complete=self.complete)

    def _read_by(self, tracker: str) -> None:
        self.tracker = tracker
        self._tracking = pitch.Tracking(self._audio, tracker=tracker, part_frames=self._part_frames)

    def _read_part(self, progress: Callable[[float], None]) -> None:
        part = self._tracking.parts[self._n_parts]
        before, total = part.start, self._tracking.n_tracked
        row_bytes = self._tracking.n_values * 4
        self._file.truncate(before * row_bytes)
        self._file.seek(before * row_bytes)
        for block in self._tracking.blocks(part, progress=lambda share: progress((before + share * len(part)) / total)):
            pitch.append(self._file, block, total)
        self._n_parts += 1
        if self._n_parts in (1, len(self._tracking.parts)):
            active = np.memmap(self._file, np.float32, "r", shape=(part.stop, self._tracking.n_values))
            track = self._tracking.finish([active])
            del active
            if self._n_parts < len(self._tracking.parts):
                self._track = track
            else:
                self._cache.put(self._hash, self.tracker, *track)
                self._finished(*track)

    def _finished(self, f0_hz: np.ndarray, f0_confidence: np.ndarray) -> None:
        self._track, self.complete = (f0_hz, f0_confidence), True
        self._file.close()


def features_of(
    audio: np.ndarray, track: tuple[np.ndarray, np.ndarray], tracker: str, generation: int, *, complete: bool
) -> Features:
    """Features of what is read of a recording, on a loudness scale.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        The whole recording.
    track : tuple of np.ndarray [shape=(n_frames,), float32]
        ``f0_hz`` and ``f0_confidence`` of its beginning, or of all of it where `complete`.
    """
    sound = audio if complete else audio[: (len(track[0]) - 1) * HOP_SAMPLES]
    return Features(*track, loudness_of(sound, generation=generation), tracker, generation)
