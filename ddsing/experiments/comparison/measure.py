"""How near a take is to what was asked for, and to the recording that it was made from.

- f0 error: the result is tracked again (tiny) and held against the f0 that the instrument was given, over the sung
  frames; the median in cents, and the share of frames within 50.
- Raw pitch and chroma accuracy, voicing recall and voicing false alarm: of the same two pitch tracks, by `mir_eval`,
  with its own tolerance of 50 cents. A frame of the result counts as voiced by the rule that makes a frame sung.
- Loudness error: mean distance in dB of the result's loudness from the one asked for, over the sung frames.
- Spectral distance: ddsp's multi-scale spectral loss between the result and the recording.
- Harmonic share: the energy of the harmonic part in that of both parts.

A frame is sung where the recording's pitch is certain and the loudness asked for is more than 20 dB above the floor. A
take never changes its sound, so its metrics are kept beside it; a pitch track is kept by the sound's content. Kept
metrics never change: takes that were measured before there were figures of mir_eval's lack them until they are asked
for (`complete`), and what was measured before stays.

Reference: C. Raffel et al., "mir_eval: A Transparent Implementation of Common MIR Metrics", ISMIR 2014.
"""

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib import metadata
from typing import Any

import numpy as np

from ddsing import files
from ddsing.constants import DB_RANGE, HOP_SAMPLES, MAX_DATASET_S, SAMPLE_RATE
from ddsing.errors import AudioError, TakeError
from ddsing.files import read_json, write_json
from ddsing.sound import distance, features
from ddsing.sound.audio import read
from ddsing.sound.features import FeatureCache
from ddsing.transfer.take import Take

TRACKER = "tiny"
PACE, GUESS_S = "compare/measuring", 0.15  # its pace's key, and what a second of sound is expected to take at first
WITHIN_CENTS = 50.0
_CONFIDENT = 0.5
_ABOVE_FLOOR_DB = 20.0
_CHUNK_SAMPLES = 20 * SAMPLE_RATE
_VERSION = 1  # of these metrics: another number makes kept ones unused
FILE = "metrics.json"
_MAX_KNOWN = 5000
_known: dict[str, tuple[tuple[int, ...], "Metrics | None"]] = {}  # by file, with its stamp; bounded
MELODY = ("raw_pitch_accuracy", "raw_chroma_accuracy", "voicing_recall", "voicing_false_alarm")  # figures of mir_eval's


@dataclass(frozen=True)
class Metrics:
    """Metrics of a take; None where nothing is sung, or nothing sounds.

    Attributes
    ----------
    f0_cents, f0_within_50 : float or None
        Median distance of f0 in cents; share of the sung frames within 50 cents.
    loudness_db : float or None
    spectral : float
    harmonic_share : float or None
    sung_s : float
        How long is sung.
    raw_pitch_accuracy, raw_chroma_accuracy, voicing_recall, voicing_false_alarm : float or None
        Shares, 0 to 1; of the sung frames, but for the last, which is of those that are not sung.
    melody_by : str or None
        What these four were computed with, as ``mir_eval 0.8.2``; None if they were never computed.
    """

    f0_cents: float | None
    f0_within_50: float | None
    loudness_db: float | None
    spectral: float
    harmonic_share: float | None
    sung_s: float
    raw_pitch_accuracy: float | None = None
    raw_chroma_accuracy: float | None = None
    voicing_recall: float | None = None
    voicing_false_alarm: float | None = None
    melody_by: str | None = None

    @property
    def complete(self) -> bool:
        """Whether mir_eval's figures were computed."""
        return self.melody_by is not None

    def to_json(self) -> dict:
        """A plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping) -> "Metrics":
        """Metrics from what `to_json` wrote; raises ValueError for anything else."""
        values = {field.name: data.get(field.name) for field in fields(cls)}
        melody_by = values.pop("melody_by")
        if not all(value is None or isinstance(value, int | float) for value in values.values()):
            raise ValueError("no metrics")
        if not isinstance(melody_by, str | None) or values["spectral"] is None or values["sung_s"] is None:
            raise ValueError("incomplete metrics")
        return cls(**values, melody_by=melody_by)  # type: ignore[arg-type]  # None only where a measure may be missing


def sung_frames(f0_confidence: np.ndarray, loudness_db: np.ndarray, *, generation: int) -> np.ndarray:
    """Where something is sung [shape=(n_frames,), bool]."""
    floor = -DB_RANGE[generation] + _ABOVE_FLOOR_DB
    return (np.asarray(f0_confidence) >= _CONFIDENT) & (np.asarray(loudness_db) > floor)


def compare(
    original: np.ndarray,
    result: np.ndarray,
    parts: tuple[np.ndarray, np.ndarray],
    curves: Mapping[str, np.ndarray],
    *,
    generation: int,
    cache: FeatureCache | None = None,
    progress: Callable[[float], None] | None = None,
) -> Metrics:
    """Metrics of a result.

    Parameters
    ----------
    original, result : np.ndarray [shape=(n_samples,), float32]
    parts : tuple of np.ndarray [shape=(n_samples,), float32]
        The harmonic part and the noise.
    curves : Mapping
        ``f0_confidence``, ``f0_hz_used``, ``loudness_db_used`` [shape=(n_frames,)], as takes have them.
    """
    heard = features.extract(result, tracker=TRACKER, generation=generation, cache=cache, progress=progress)
    n_frames = min(len(heard.f0_hz), len(curves["f0_hz_used"]))
    asked_hz, asked_db = (np.asarray(curves[name][:n_frames]) for name in ("f0_hz_used", "loudness_db_used"))
    sung = sung_frames(curves["f0_confidence"][:n_frames], asked_db, generation=generation)
    voiced = sung & (asked_hz > 0) & (heard.f0_hz[:n_frames] > 0)
    cents = np.abs(1200.0 * np.log2(heard.f0_hz[:n_frames][voiced] / asked_hz[voiced]))
    heard_voiced = sung_frames(heard.f0_confidence[:n_frames], heard.loudness_db[:n_frames], generation=generation)
    off_db = np.abs(heard.loudness_db[:n_frames] - asked_db)[sung]
    energies = [float(np.sum(np.square(part, dtype=np.float64))) for part in parts]
    return Metrics(
        f0_cents=float(np.median(cents)) if len(cents) else None,
        f0_within_50=float((cents <= WITHIN_CENTS).mean()) if len(cents) else None,
        loudness_db=float(off_db.mean()) if len(off_db) else None,
        spectral=spectral_distance(original, result),
        harmonic_share=energies[0] / sum(energies) if sum(energies) > 0 else None,
        sung_s=float(sung.sum()) * HOP_SAMPLES / SAMPLE_RATE,
        **melody(asked_hz, sung & (asked_hz > 0), heard.f0_hz[:n_frames], heard_voiced),
    )


def melody(
    asked_hz: np.ndarray, asked_voiced: np.ndarray, heard_hz: np.ndarray, heard_voiced: np.ndarray
) -> dict[str, Any]:
    """The fields of `Metrics` that mir_eval computes, of two pitch tracks with the same frames.

    Parameters
    ----------
    asked_hz, heard_hz : np.ndarray [shape=(n_frames,), float32]
    asked_voiced, heard_voiced : np.ndarray [shape=(n_frames,), bool]
    """
    from mir_eval import melody as measures

    found: dict[str, Any] = dict.fromkeys(MELODY) | {"melody_by": f"mir_eval {metadata.version('mir_eval')}"}
    voicing = asked_voiced.astype(float), heard_voiced.astype(float)
    if asked_voiced.any():  # where nothing is sung, mir_eval says 0 or 1, with a warning
        cents = [measures.hz2cents(np.asarray(hz, np.float64)) for hz in (asked_hz, heard_hz)]
        tracks = (
            voicing[0],
            cents[0],
            np.ones(len(heard_voiced)),
            cents[1],
        )  # whose voicing these two ignore
        found["raw_pitch_accuracy"] = float(measures.raw_pitch_accuracy(*tracks))
        found["raw_chroma_accuracy"] = float(measures.raw_chroma_accuracy(*tracks))
        found["voicing_recall"] = float(measures.voicing_recall(*voicing))
    if not asked_voiced.all():
        found["voicing_false_alarm"] = float(measures.voicing_false_alarm(*voicing))
    return found


def spectral_distance(original: np.ndarray, result: np.ndarray) -> float:
    """ddsp's spectral loss, piece by piece, so that memory does not grow with the length."""
    n_samples = min(len(original), len(result))
    total = 0.0
    for start in range(0, n_samples, _CHUNK_SAMPLES):
        part = slice(start, min(start + _CHUNK_SAMPLES, n_samples))
        total += (part.stop - part.start) * distance.spectral_loss(original[part], result[part])
    return total / max(n_samples, 1)


def known(take: Take) -> Metrics | None:
    """The metrics of a take that was measured before, read again only if their file has changed."""
    place = os.path.join(take.folder, FILE)
    try:
        stamps = files.stamp(place, inode=True)
    except OSError:
        return None
    found = _known.get(place)
    if found is None or found[0] != stamps:
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        found = _known[place] = stamps, _read(take)
    return found[1]


def _read(take: Take) -> Metrics | None:
    data = read_json(take.folder / FILE) or {}
    try:
        return Metrics.from_json(data["metrics"]) if data["version"] == _VERSION else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def measure(
    take: Take,
    *,
    complete: bool = False,
    cache: FeatureCache | None = None,
    progress: Callable[[float], None] | None = None,
) -> Metrics:
    """The metrics of a take, from what is kept or computed now; `progress` may raise `Cancelled`.

    `complete` adds mir_eval's figures to kept metrics that lack them; the others stay as they are.
    """
    kept = known(take)
    if kept is not None and (kept.complete or not complete):
        return kept
    sounds = {name: sound(take, name) for name in ("original", "result", "harmonic", "noise")}
    metrics = compare(
        sounds["original"],
        sounds["result"],
        (sounds["harmonic"], sounds["noise"]),
        take.curves(),
        generation=take.generation,
        cache=cache,
        progress=progress,
    )
    if kept is not None:
        metrics = replace(kept, melody_by=metrics.melody_by, **{name: getattr(metrics, name) for name in MELODY})
    with contextlib.suppress(OSError):  # a full disk only means that they are computed again
        write_json(take.folder / FILE, {"version": _VERSION, "metrics": metrics.to_json()})
    return metrics


def sound(take: Take, name: str, *, rate_hz: int = SAMPLE_RATE) -> np.ndarray:
    """One of a take's sounds [shape=(n_samples,), float32]: ``result``, ``original``, ``harmonic`` or ``noise``.

    Measures are taken at 16 kHz; what is listened to or looked at may have another rate.
    """
    try:
        return read(take.folder / f"{name}.wav", max_seconds=MAX_DATASET_S, rate_hz=rate_hz).audio
    except AudioError as error:
        raise TakeError(f"The sound of the take {take.name!r} can't be read: {error}") from None
