"""How near a take is to what was asked for, and to the recording that it was made from.

- f0 error: the result is tracked again (tiny) and held against the f0 that the instrument was given, over the sung
  frames; the median in cents, and the share of frames within 50.
- Loudness error: mean distance in dB of the result's loudness from the one asked for, over the sung frames.
- Spectral distance: ddsp's multi-scale spectral loss between the result and the recording.
- Harmonic share: the energy of the harmonic part in that of both parts.

A frame is sung where the recording's pitch is certain and the loudness asked for is more than 20 dB above the floor. A
take never changes its sound, so its metrics are kept beside it; a pitch track is kept by the sound's content.
"""

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from ddsing.constants import DB_RANGE, HOP_SAMPLES, MAX_DATASET_S, SAMPLE_RATE
from ddsing.errors import AudioError, TakeError
from ddsing.sound import distance, features, loudness
from ddsing.sound.audio import decode
from ddsing.sound.features import FeatureCache
from ddsing.transfer.takes import Take
from ddsing.workspace import write_atomic

TRACKER = "tiny"
WITHIN_CENTS = 50.0
_CONFIDENT = 0.5
_ABOVE_FLOOR_DB = 20.0
_CHUNK_SAMPLES = 20 * SAMPLE_RATE
_VERSION = 1  # of these metrics: another number makes kept ones unused
FILE = "metrics.json"


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
    """

    f0_cents: float | None
    f0_within_50: float | None
    loudness_db: float | None
    spectral: float
    harmonic_share: float | None
    sung_s: float

    def to_json(self) -> dict:
        """A plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping) -> "Metrics":
        """Metrics from what `to_json` wrote; raises ValueError for anything else."""
        values = {field.name: data.get(field.name) for field in fields(cls)}
        if not all(value is None or isinstance(value, int | float) for value in values.values()):
            raise ValueError("no metrics")
        if values["spectral"] is None or values["sung_s"] is None:
            raise ValueError("incomplete metrics")
        return cls(**values)  # type: ignore[arg-type]  # None only where a measure may be missing


def sung_frames(f0_confidence, loudness_db, *, generation: int) -> np.ndarray:
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
    off_db = np.abs(heard.loudness_db[:n_frames] - asked_db)[sung]
    energies = [float(np.sum(np.square(part, dtype=np.float64))) for part in parts]
    return Metrics(
        f0_cents=float(np.median(cents)) if len(cents) else None,
        f0_within_50=float((cents <= WITHIN_CENTS).mean()) if len(cents) else None,
        loudness_db=float(off_db.mean()) if len(off_db) else None,
        spectral=spectral_distance(original, result),
        harmonic_share=energies[0] / sum(energies) if sum(energies) > 0 else None,
        sung_s=float(sung.sum()) * HOP_SAMPLES / SAMPLE_RATE,
    )


def spectral_distance(original, result) -> float:
    """ddsp's spectral loss, piece by piece, so that memory does not grow with the length."""
    n_samples = min(len(original), len(result))
    total = 0.0
    for start in range(0, n_samples, _CHUNK_SAMPLES):
        part = slice(start, min(start + _CHUNK_SAMPLES, n_samples))
        total += (part.stop - part.start) * distance.spectral_loss(original[part], result[part])
    return total / max(n_samples, 1)


def known(take: Take) -> Metrics | None:
    """The metrics of a take that was measured before."""
    try:
        data = json.loads((take.folder / FILE).read_text("utf-8"))
        return Metrics.from_json(data["metrics"]) if data["version"] == _VERSION else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def measure(
    take: Take, *, cache: FeatureCache | None = None, progress: Callable[[float], None] | None = None
) -> Metrics:
    """The metrics of a take, from what is kept or computed now; `progress` may raise `Cancelled`."""
    found = known(take)
    if found is not None:
        return found
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
    content = json.dumps({"version": _VERSION, "metrics": metrics.to_json()}, indent=1).encode()
    with contextlib.suppress(OSError):  # a full disk only means that they are computed again
        write_atomic(take.folder / FILE, content)
    return metrics


def sound(take: Take, name: str) -> np.ndarray:
    """One of a take's sounds [shape=(n_samples,), float32]: ``result``, ``original``, ``harmonic`` or ``noise``."""
    try:
        return decode(take.folder / f"{name}.wav", max_seconds=MAX_DATASET_S)
    except AudioError as error:
        raise TakeError(f"The sound of the take {take.name!r} can't be read: {error}") from None


def level_db(audio: np.ndarray, sung: np.ndarray | None = None) -> float | None:
    """Loudness of a sound as one number: A-weighted power in dB (ddsp's), averaged over the sung frames.

    Parameters
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
    sung : np.ndarray [shape=(n_frames,), bool], optional
        Without any, all frames that are not silent count.

    Returns
    -------
    float or None
        None for silence.
    """
    frames_db = loudness.compute(audio, generation=3)
    heard = frames_db > -DB_RANGE[3] + 1e-3
    if sung is not None:
        n_frames = min(len(sung), len(heard))
        chosen = np.zeros_like(heard)
        chosen[:n_frames] = sung[:n_frames]
        heard = heard & chosen if (heard & chosen).any() else heard
    return float(10.0 * np.log10(np.mean(10.0 ** (frames_db[heard] / 10.0)))) if heard.any() else None
