"""A recording's features for a dataset, on disk once per sound and tracker.

Frames are those of ddsp's own preparation (padding ``same``, see `ddsing.sound.features`).

The activations of long recordings are kept part by part while the work is under way, in a folder beside the file: what
was stopped or killed goes on with the part it had reached, and gives the same result as one go.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.dataset.voices import Voice
from ddsing.files import atomic
from ddsing.sound import loudness, pitch
from ddsing.sound.features import CLEAR, SAME, FeatureCache, Features
from ddsing.sound.pitch.viterbi import N_BINS

GENERATION = 3  # of the loudness
_PART_FRAMES = 7488  # about half a minute, in whole batches
WINDOW_FRAMES = 1000
WINDOW_SAMPLES = WINDOW_FRAMES * HOP_SAMPLES
PART_BYTES_PER_FRAME = 4 * N_BINS  # at most
_NO_TURN = contextlib.nullcontext()
_CURVES = ("f0_hz", "f0_confidence", "loudness_db", "power_db", "silent", "clipped")  # in this order in the file


class Sounding(Protocol):
    """What is analysed: a `ddsing.dataset.hearing.Heard`, or a `ddsing.dataset.sounds.Sound` in a file."""

    @property
    def audio(self) -> np.ndarray:
        """16 kHz mono [shape=(n_samples,), float32]."""
        ...

    @property
    def clipped(self) -> np.ndarray:
        """By frames of 64 samples [shape=(ceil(n_samples / 64),), bool]."""
        ...

    @property
    def silent(self) -> np.ndarray:
        """By frames of 64 samples, bool."""
        ...

    @property
    def content_hash(self) -> str:
        """See `ddsing.sound.audio.content_hash`."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordingFeatures(Features):
    """Features of a recording, and what a dataset wants to know besides; of at least a window's 1,000 frames.

    Attributes
    ----------
    power_db : np.ndarray [shape=(n_frames,), float32]
    silent, clipped : np.ndarray [shape=(n_frames,), bool]
        See `ddsing.dataset.hearing`.
    """

    power_db: np.ndarray
    silent: np.ndarray
    clipped: np.ndarray

    @property
    def voiced(self) -> np.ndarray:
        """Frames with a clear pitch [shape=(n_frames,), bool]."""
        return (self.f0_confidence >= CLEAR) & ~self.silent


def store(voice: Voice) -> FeatureCache:
    """Where the features of a voice's recordings are kept."""
    return FeatureCache(voice.dataset_folder / "features", padding=SAME, max_bytes=None)


def known(kept: FeatureCache, audio_hash: str, tracker: str) -> RecordingFeatures | None:
    """Features that were computed before, or None."""
    arrays = kept.get(audio_hash, tracker)
    if arrays is None or not set(_CURVES) <= arrays.keys():
        return None
    shapes = {arrays[name].shape for name in _CURVES}
    if len(shapes) > 1 or min(shapes) < (WINDOW_FRAMES,):
        return None
    return _features({name: arrays[name] for name in _CURVES}, tracker, reused=True)


def analyse(
    kept: FeatureCache,
    heard: Sounding,
    tracker: str,
    *,
    progress: Callable[[float], None] = lambda fraction: None,
    turn: AbstractContextManager = _NO_TURN,
) -> RecordingFeatures:
    """Analyse a recording, or what was left of it; what `progress` raises passes through.

    Parameters
    ----------
    turn : context manager
        Entered while the tracker's network runs, which takes all cores: a lock that several recordings share.
    """
    audio = heard.audio
    if len(audio) < WINDOW_SAMPLES:
        audio = np.pad(audio, (0, WINDOW_SAMPLES - len(audio)))
    parts = kept.path(heard.content_hash, tracker).with_suffix(".parts")
    with ThreadPoolExecutor(1) as pool:  # which makes use of a core while the pitch waits for another
        levels = pool.submit(_levels, audio)
        f0_hz, confidence = _pitch(audio, tracker, parts, progress, turn)
    curves = {
        "f0_hz": f0_hz,
        "f0_confidence": np.nan_to_num(confidence),
        **levels.result(),
        "silent": np.pad(heard.silent, (0, len(f0_hz) - len(heard.silent)), constant_values=True),
        "clipped": np.pad(heard.clipped, (0, len(f0_hz) - len(heard.clipped))),
    }
    kept.put(heard.content_hash, tracker, **curves)
    shutil.rmtree(parts, ignore_errors=True)
    return _features(curves, tracker, reused=False)


def _levels(audio: np.ndarray) -> dict[str, np.ndarray]:
    loudness_db = loudness.compute(audio, generation=GENERATION, padding=SAME)
    return {"loudness_db": loudness_db, "power_db": loudness.power_db(audio)}


def _features(curves: dict[str, np.ndarray], tracker: str, *, reused: bool) -> RecordingFeatures:
    return RecordingFeatures(**curves, tracker=tracker, generation=GENERATION, reused=reused, padding=SAME)


def _pitch(
    audio: np.ndarray,
    tracker: str,
    folder: Path,
    progress: Callable[[float], None],
    turn: AbstractContextManager = _NO_TURN,
) -> tuple[np.ndarray, np.ndarray]:
    """The pitch, whose parts are kept in a folder until all are there."""
    tracking = pitch.Tracking(audio, tracker=tracker, padding=SAME, part_frames=_PART_FRAMES)
    folder.mkdir(parents=True, exist_ok=True)
    n_values = tracking.n_values
    active = [_read_part(folder, part, n_values) for part in tracking.parts]
    missing = [number for number, there in enumerate(active) if there is None]
    to_do, done = sum(len(tracking.parts[number]) for number in missing), 0

    def told(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        nonlocal done
        for block in blocks:
            done += len(block)
            progress(done / to_do)
            yield block

    with turn:
        for numbers in _in_a_row(missing):
            parts = [tracking.parts[number] for number in numbers]
            # In one go: where one part ended before the next began, all cores but one waited for it and for the disk.
            with contextlib.closing(tracking.blocks(range(parts[0].start, parts[-1].stop))) as computing:
                for number, part, found in zip(numbers, parts, _cut(told(computing), parts)):
                    active[number] = found
                    if len(tracking.parts) > 1:
                        _write_part(folder, part, found)
                        active[number] = _read_part(folder, part, n_values)  # on disk, not in memory
    return tracking.finish(active)


def _in_a_row(numbers: Iterable[int]) -> list[list[int]]:
    """Rising numbers, those together that follow one another."""
    rows: list[list[int]] = []
    for number in numbers:
        if rows and number == rows[-1][-1] + 1:
            rows[-1].append(number)
        else:
            rows.append([number])
    return rows


def _cut(blocks: Iterator[np.ndarray], parts: Iterable[range]) -> Iterator[np.ndarray]:
    """Rows of blocks of any length, part by part; each as soon as it is whole."""
    waiting: list[np.ndarray] = []
    for part in parts:
        while sum(map(len, waiting)) < len(part):
            waiting.append(next(blocks))
        together = np.concatenate(waiting)
        waiting = [together[len(part) :].copy()]  # the rest alone stays in memory
        yield together[: len(part)]


def _part_path(folder: Path, part: range):
    return folder / f"{part.start:08d}.f32"


def _write_part(folder: Path, part: range, active: np.ndarray) -> None:
    with atomic(_part_path(folder, part)) as file:
        file.write(np.ascontiguousarray(active, np.float32).data)


def _read_part(folder: Path, part: range, n_values: int):
    """Activations of a part as a map of its file, or None."""
    path = _part_path(folder, part)
    try:
        if path.stat().st_size != len(part) * n_values * 4:
            return None
        return np.memmap(path, np.float32, "r", shape=(len(part), n_values))
    except OSError:
        return None
