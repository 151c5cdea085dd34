"""Pitch by SwiftF0, the tracker ``instant``: a small network that needs 16 ms of sound a frame, not 4, and no decoding.

Its frames, 62.5 a second, become 250: within voiced stretches by PCHIP in log frequency, which invents no overshoot;
never across a gap or a leap, where each frame has the pitch of the nearest one of the network's. Confidence is put onto
CREPE's scale by `CONFIDENCE_MAP`, so that the note detector and the threshold for a clear pitch mean the same. The map
is from data: ``python -m benchmarks.pitch --map`` on 113 s in 13 excerpts, eleven of singing, a violin, a saxophone.
With a map that was fitted on all other voices, the note detector gives what it gives with CREPE full in 93 % of the
frames (the mean of the excerpts, which have 73 to 99.8 %); with CREPE tiny it does so in 95 %.

Beside CREPE full (``python -m benchmarks.pitch``, 113 s in 13 excerpts, SwiftF0 and in brackets CREPE tiny): where full
is sure of its pitch, 99.1 % (99.5) of the frames are within 50 cents and 98.1 % (99.3) within 25, and 99.9 % (99.8)
within 50 where both are sure; octave errors of the voices 0.18 % (0.28); voicing recall 92 % (96), false alarm 16 %
(11); no lag (0 frames). A second of sound took 0.03 to 0.05 s on two cores at a load of 15.

The sound is read at one level: CREPE normalises each of its frames, while SwiftF0 hears less in what is soft. It is cut
at fixed places, with as much sound around as the network sees, so that the result neither depends on how much of it is
read at a time nor on the number of cores; each piece is read on one thread, so that the network has no threads of its
own, which would not survive a fork.

Reference: SwiftF0, https://github.com/lars76/swift-f0 (MIT licence; its package contains the weights), which
onnxruntime runs. Both are imported when the first sound is read.
"""

import functools
import threading
from collections.abc import Callable, Generator, Sequence
from importlib.util import find_spec

import numpy as np

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.errors import FeaturesError
from ddsing.sound.pitch.network import side_by_side

HOP = 256  # samples between frames of the network
N_VALUES = 2  # of each: pitch in Hz, and its own confidence
PIECE_FRAMES = 469  # read in one go, 7.5 s
LOWEST_HZ, HIGHEST_HZ = 46.875, 2093.75
_BEFORE, _AFTER = 11, 10  # frames around a piece, which is all that the network sees of the sound there
_STEPS = HOP // HOP_SAMPLES
CONFIDENCE_MAP = (  # SwiftF0's confidence, and the root of CREPE's mean square there
    *((0.0, 0.0), (0.01, 0.337), (0.05, 0.337), (0.1, 0.369), (0.15, 0.487), (0.2, 0.487), (0.3, 0.539), (0.4, 0.539)),
    *((0.5, 0.629), (0.6, 0.7), (0.7, 0.731), (0.8, 0.828), (0.9, 0.879), (0.95, 0.916), (1.0, 0.945)),
)
_VOICED = 0.15  # of SwiftF0's confidence: from about there CREPE's is clear; nine of ten of its pitches are right
_LEAP_OCTAVES = 0.25  # from a frame to the next: more is no glide
_LEVEL = 0.25  # what the loud parts of every recording are brought to
_LOUD_SHARE = 0.99  # of its stretches of 16 ms, which are below what is loud
_lock = threading.Lock()
_failed = ""


def why_missing() -> str:
    """Why the tracker can't be used here, in a sentence; "" if it can, as far as is known without loading it."""
    absent = [name for name, module in (("swift-f0", "swift_f0"), ("onnxruntime", "onnxruntime")) if not _there(module)]
    return _sentence(f"{' and '.join(absent)} not installed") if absent else _failed


def usable() -> bool:
    """Whether the network can be loaded here; afterwards it is."""
    try:
        network()
    except FeaturesError:
        return False
    return True


def network():
    """SwiftF0, loaded once for the whole process; threads may share it. Raises `FeaturesError` where it can't be."""
    global _failed
    with _lock:
        try:
            return _loaded()
        except Exception as error:  # whatever a wheel for another machine raises
            said = " ".join(str(error).split())[:200]
            _failed = _sentence(f"{type(error).__name__}: {said}" if said else type(error).__name__)
            raise FeaturesError(_failed) from error


@functools.cache
def _loaded():
    import swift_f0

    return swift_f0.SwiftF0(threads=1, spin=False)


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _sentence(reason: str) -> str:
    return (
        f"The instant pitch tracker can't be used on this computer ({reason}). Use the tracker full, fast or tiny, or "
        "install it again: pip install swift-f0 onnxruntime."
    )


class Source:
    """What `ddsing.sound.pitch.Tracking` asks for of a recording, by this tracker.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    n_frames : int
        Of the result, 250 a second.
    lead_samples : int
        Where the first frame's centre is.

    Attributes
    ----------
    n_tracked : int
        Frames of the network, 62.5 a second.
    """

    hop_samples, n_values = HOP, N_VALUES

    def __init__(self, audio: np.ndarray, n_frames: int, lead_samples: int):
        self._audio, self._n_frames = audio, n_frames
        self._first = lead_samples // HOP
        self.n_tracked = -(-(n_frames - 1) // _STEPS) + 1 if n_frames else 0

    def parts(self, part_frames: int) -> tuple[range, ...]:
        """Whole pieces that together are about as long as so many frames of the result."""
        length = max(1, round(part_frames / _STEPS / PIECE_FRAMES)) * PIECE_FRAMES
        return tuple(range(first, min(first + length, self.n_tracked)) for first in range(0, self.n_tracked, length))

    def blocks(self, part: range, progress: Callable[[float], None] | None = None) -> Generator[np.ndarray, None, None]:
        """Pitch and confidence of the network's frames [shape=(≤ 469, 2), float32], computed side by side."""
        detector, gain = network(), self._gain
        pieces = [part[first : first + PIECE_FRAMES] for first in range(0, len(part), PIECE_FRAMES)]
        n_done = 0
        for block in side_by_side(lambda piece: self._piece(detector, piece, gain), pieces):
            yield block
            n_done += len(block)
            if progress:
                progress(n_done / len(part))

    def finish(self, activations: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """f0_hz and f0_confidence [shape=(n_frames,), float32]; of a beginning, as far as that goes."""
        rows = np.concatenate(list(activations))
        n_frames = self._n_frames if len(rows) == self.n_tracked else (len(rows) - 1) * _STEPS + 1
        return curves(rows, n_frames)

    @functools.cached_property
    def _gain(self) -> np.float32:
        """What brings the recording's loud parts to one level; not its one peak, which may be a click."""
        audio = self._audio if len(self._audio) >= HOP else np.resize(self._audio, HOP)
        rows = audio[: len(audio) // HOP * HOP].reshape(-1, HOP)  # no copy: of an hour it would be 230 MB
        peaks = np.maximum(rows.max(axis=1), -rows.min(axis=1))
        loud = np.quantile(peaks, _LOUD_SHARE)
        return np.float32(_LEVEL / loud) if loud > 0.0 else np.float32(1.0)

    def _piece(self, detector, piece: range, gain: np.float32) -> np.ndarray:
        first = (self._first + piece.start - _BEFORE) * HOP
        heard = np.zeros((len(piece) + _BEFORE + _AFTER) * HOP, np.float32)
        low, high = max(first, 0), min(first + len(heard), len(self._audio))
        if high > low:
            np.multiply(self._audio[low:high], gain, out=heard[low - first : high - first])
        found = detector.detect(heard, SAMPLE_RATE)
        inner = slice(_BEFORE, _BEFORE + len(piece))
        return np.stack([found.pitch_hz[inner], found.confidence[inner]], axis=1).astype(np.float32)


def curves(rows: np.ndarray, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """The network's frames as 250 a second.

    Parameters
    ----------
    rows : np.ndarray [shape=(n_tracked, 2), float32]
        Pitch in Hz and the network's confidence, of which the first frame is the result's first.
    n_frames : int

    Returns
    -------
    f0_hz, f0_confidence : np.ndarray [shape=(n_frames,), float32]
    """
    from scipy import interpolate  # takes a while to import, which the first page does not wait for

    octaves, sure = np.log2(rows[:, 0].astype(np.float64)), rows[:, 1].astype(np.float64)
    position = np.arange(n_frames) / _STEPS
    nearest = np.minimum(np.floor(position + 0.5).astype(np.int64), len(rows) - 1)
    found = octaves[nearest]
    for first, end in _stretches(octaves, sure):
        inside = slice(first * _STEPS, min((end - 1) * _STEPS + 1, n_frames))
        found[inside] = interpolate.PchipInterpolator(np.arange(first, end), octaves[first:end])(position[inside])
    confidence = np.interp(np.interp(position, np.arange(len(rows)), sure), *np.transpose(CONFIDENCE_MAP))
    return (2.0**found).astype(np.float32), confidence.astype(np.float32)


def _stretches(octaves: np.ndarray, sure: np.ndarray) -> list[tuple[int, int]]:
    """First and end of every run of two frames and more that are voiced, without a leap between them."""
    joined = (np.minimum(sure[:-1], sure[1:]) >= _VOICED) & (np.abs(np.diff(octaves)) <= _LEAP_OCTAVES)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(np.int8)))
    return [(int(first), int(last) + 1) for first, last in zip(edges[::2], edges[1::2])]
