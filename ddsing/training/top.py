"""Giving an instrument a top: what it sounds like above 8 kHz, learned from recordings that go up to 24 kHz.

It takes seconds to minutes, since the model below 8 kHz stays as it is: its decoder is asked what it makes of the
recordings' pitch and loudness, and the top is fitted to what they sound like above (`ddsing.engine.top_fit`). What is
found out about a recording above 8 kHz is kept beside the features of its voice's dataset, once for each sound.

Recordings at less than 44.1 kHz, and those whose sound ends below 19 kHz, such as MP3s, are left out, and it is said.

Public: `give`, `Given`, `said`, `can`, `why_not`, `require`, `for_voice`, `teach`, `sources`, `Source`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from ddsing import names
from ddsing.constants import FRAME_RATE, FULL_BAND_RATE, HOP_SAMPLES, MAX_DATASET_S
from ddsing.dataset import analysis, facts, prepare, scan, voices, windows
from ddsing.dataset.analysis import WINDOW_FRAMES, RecordingFeatures
from ddsing.dataset.hearing import Heard, hear
from ddsing.dataset.scan import RecordingFacts
from ddsing.dataset.voices import Voice
from ddsing.engine import render, top, top_fit
from ddsing.engine.top_fit import Lesson
from ddsing.errors import TrainingError
from ddsing.files import read_arrays, write_arrays
from ddsing.instrument import Instrument
from ddsing.instrument.library import Entry, Library
from ddsing.model.top import Top
from ddsing.sound import audio as recordings
from ddsing.sound import loudness, upper_band
from ddsing.sound.bands import N_BANDS
from ddsing.sound.features import SAME, FeatureCache
from ddsing.units import format_duration
from ddsing.workspace import Workspace

MOST_S = 600.0  # of recordings: more teaches a top nothing
LEAST_S = 2.0
_EARLY_FRAMES = 8  # by which the pitch of a dataset's frames is early, see `ddsing.sound.features`
_VERSION = 1  # of what is kept of the upper band
Progress = Callable[[str, float], None]
DOING = "Listening above 8 kHz"


@dataclass(frozen=True)
class Source:
    """A recording that teaches a top.

    Attributes
    ----------
    path : Path
    heard : np.ndarray [shape=(n_frames,), bool] or None
        The frames to learn from, those of windows that are trained on; None for all.
    """

    path: Path
    facts: RecordingFacts
    heard: np.ndarray | None = None


@dataclass(frozen=True)
class Given:
    """What came of it: the instrument's entry, minutes of recordings, and (name, why not) of those left out."""

    entry: Entry
    minutes: float
    used: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def give(
    workspace: Workspace,
    name: str,
    *,
    voice: str = "",
    paths: Sequence[Path] = (),
    tracker: str = "",
    progress: Progress = lambda stage, fraction: None,
    digest: str = "",
) -> Given:
    """Give an instrument in the workspace a top, in the place of one that it had; the old file goes to the trash.

    Parameters
    ----------
    voice : str
        Whose recordings teach it; if none is named, and no `paths`, the voice of the instrument's own name.
    paths : Sequence of Path
        Recordings that teach it, in the place of a voice's.
    tracker : str
        Of the pitch of recordings that no dataset has analysed (tiny).
    digest : str
        Of the instrument that is meant, if another one may have taken its name meanwhile.
    """
    library = Library(workspace)
    seen, instrument = library.find(name), library.get(name)
    if digest not in ("", instrument.digest):
        raise TrainingError(f"{name!r} is another instrument now. Look at it, then try again.")
    if paths:
        found, left_out = _examined((path, scan.examine(path, names.read(path.name))[0]) for path in paths)
    else:
        teacher = _teacher(workspace, instrument, voice)
        found, left_out = sources(teacher)
        tracker = tracker or facts.tracker(teacher) or ""
    learnt = partial(teach, instrument, found, left_out, tracker=tracker or "tiny", progress=progress)
    made = _unkept(workspace, learnt) if paths else learnt(kept=analysis.store(teacher))
    entry = library.put_top(name, made, seen=seen)
    return Given(entry, made.minutes, tuple(one.facts.name for one in found), tuple(left_out))


def _unkept(workspace: Workspace, learnt: Callable[..., Top]) -> Top:
    """What recordings of no voice teach; the pitch is kept in the cache, or nowhere if that can't be written."""
    try:
        return learnt(kept=FeatureCache(workspace.cache / "top", padding=SAME))
    except OSError:
        with tempfile.TemporaryDirectory() as folder:
            return learnt(kept=FeatureCache(Path(folder), padding=SAME))


def for_voice(instrument: Instrument, voice: Voice, *, progress: Progress = lambda stage, fraction: None) -> Top:
    """The top that a voice's own recordings teach its new instrument; raises as `teach` where they teach none."""
    found, left_out = sources(voice)
    tracker = facts.tracker(voice) or "tiny"
    return teach(instrument, found, left_out, kept=analysis.store(voice), tracker=tracker, progress=progress)


def require(voice: Voice) -> None:
    """Raise `TrainingError` where a voice's recordings teach no top, before anything is trained."""
    _require(*sources(voice))


def sound_s(voice: Voice) -> float:
    """Seconds of a voice's recordings that a top can be made from, as far as they were read already."""
    memory = scan.Memory(voice)
    known = (memory.get(path) for path in voice.recordings())
    return min(MOST_S, sum(one.duration_s for one in known if one is not None and one.full_band))


def can(voice: Voice) -> bool:
    """Whether a voice has recordings that a top can be made from, as far as they were read already."""
    return sound_s(voice) >= LEAST_S


def why_not(voice: Voice) -> str:
    """Why no top can be made from a voice's recordings, in a sentence; empty where one can, or not all were read."""
    memory = scan.Memory(voice)
    known = [memory.get(path) for path in voice.recordings()]
    if not known:
        return "The voice has no recordings to make it from."
    if can(voice) or None in known:
        return ""
    reasons = [(one.name, one.error or _why_not(one)) for one in known if one is not None and not one.full_band]
    return _too_little(reasons)


def _teacher(workspace: Workspace, instrument: Instrument, voice: str) -> Voice:
    if voice:
        return voices.get(workspace, voice)
    own = voices.find(workspace, instrument.provenance.voice) or voices.find(workspace, instrument.name)
    if own is None:
        raise TrainingError(
            f"No voice named {instrument.name!r}. Choose the voice, or recordings, that the top is made from."
        )
    return own


def sources(voice: Voice) -> tuple[list[Source], list[tuple[str, str]]]:
    """A voice's recordings that go up to 24 kHz, and (name, why not) of the others."""
    usable, refused = prepare.choose(scan.scan(voice))
    found, left_out = _examined((voice.path_of(one.name), one) for one in usable)
    trained = _trained_on(voice)
    if trained is not None:
        found = [
            Source(one.path, one.facts, trained[one.facts.content_hash])
            for one in found
            if one.facts.content_hash in trained
        ]
    return found, [*refused, *left_out]


def _examined(pairs: Iterable[tuple[Path, RecordingFacts]]) -> tuple[list[Source], list[tuple[str, str]]]:
    found: list[Source] = []
    left_out = []
    for path, one in pairs:
        if one.full_band:
            found.append(Source(path, one))
        else:
            left_out.append((one.name, one.error or _why_not(one)))
    return found, left_out


def _why_not(one: RecordingFacts) -> str:
    if one.sample_rate_hz < upper_band.RATE_HZ:
        return f"It has {one.sample_rate_hz / 1000:g} kHz; a top takes 44.1 kHz or more."
    if one.reach_hz is None:
        return "It is too short or too quiet for a top."
    return f"It has no sound above {one.reach_hz / 1000:.0f} kHz; a top takes sound up to 19 kHz or more."


def _trained_on(voice: Voice) -> dict[str, np.ndarray] | None:
    """Of each recording by hash, the frames in windows that are trained on; None without a dataset of ours."""
    if not facts.made_here(voice):
        return None
    table = windows.load(voice)
    found: dict[str, np.ndarray] = {}
    for file_hash in np.unique(table.file_hash):
        rows = np.flatnonzero(table.file_hash == file_hash)
        starts = np.round(table.start_s[rows] * FRAME_RATE).astype(int)
        frames = np.zeros(int(starts.max()) + WINDOW_FRAMES, bool)
        for start in starts[table.state[rows] == "train"]:
            frames[start : start + WINDOW_FRAMES] = True
        found[str(file_hash)] = frames
    return found


def teach(
    instrument: Instrument,
    found: Sequence[Source],
    left_out: Sequence[tuple[str, str]] = (),
    *,
    kept: FeatureCache,
    tracker: str,
    progress: Progress = lambda stage, fraction: None,
) -> Top:
    """The top that recordings teach an instrument; raises `TrainingError` where there is too little of them.

    Parameters
    ----------
    kept : FeatureCache
        Where features of recordings are, with the padding ``same``.
    """
    total_s = _require(found, left_out)
    renderer = render.load(instrument.config, instrument.weights)
    lessons, done_s = [], 0.0
    for one in sorted(found, key=lambda one: one.facts.content_hash):
        if done_s >= MOST_S:
            break
        share = done_s / min(total_s, MOST_S)

        def tell(fraction: float, before: float = share, length: float = one.facts.duration_s) -> None:
            progress(DOING, min(1.0, before + fraction * length / min(total_s, MOST_S)))

        tell(0.0)
        lessons.append(lesson(renderer, one, kept=kept, tracker=tracker, progress=tell))
        done_s += one.facts.duration_s
    progress(DOING, 1.0)
    return top_fit.fit(lessons, minutes=round(done_s / 60.0, 3))


def _require(found: Sequence[Source], left_out: Sequence[tuple[str, str]]) -> float:
    """Seconds of the recordings found; raises where they are too few."""
    total_s = sum(one.facts.duration_s for one in found)
    if total_s < LEAST_S:
        raise TrainingError(_too_little(left_out))
    return total_s


def _too_little(left_out: Sequence[tuple[str, str]]) -> str:
    why = f" {left_out[0][0]}: {left_out[0][1]}" if left_out else ""
    return (
        f"There is not enough sound above 8 kHz for a top: it takes {LEAST_S:g} s or more of recordings at "
        f"44.1 kHz or 48 kHz that were never an MP3.{why}"
    )


def lesson(
    renderer: render.Renderer,
    source: Source,
    *,
    kept: FeatureCache,
    tracker: str,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Lesson:
    """What a recording teaches the top of an instrument."""
    heard = hear(source.path, check=lambda: progress(0.0))
    features = analysis.known(kept, heard.content_hash, tracker)
    if features is None:
        features = analysis.analyse(kept, heard, tracker, progress=lambda fraction: progress(0.8 * fraction))
    features = _in_time(features, heard)
    density, harmonic = _upper(kept, heard, features, source.path)
    loudness_db = features.loudness_db
    if renderer.config.generation != analysis.GENERATION:
        loudness_db = loudness.compute(heard.audio, generation=renderer.config.generation)
    n_frames = min(len(density), len(features.f0_hz), len(loudness_db), round(MOST_S * FRAME_RATE))
    curves = (features.f0_hz, loudness_db, features.f0_confidence)
    inputs = _inputs(renderer, heard.audio, *(curve[:n_frames] for curve in curves))
    chosen = np.ones(n_frames, bool)
    if source.heard is not None:
        chosen = np.pad(source.heard[:n_frames], (0, max(0, n_frames - len(source.heard))))
    return Lesson(inputs[chosen], density[:n_frames][chosen], harmonic)


def _in_time(features: RecordingFeatures, heard: Heard) -> RecordingFeatures:
    """Features that tell of the sound around each frame, as in a transfer; a dataset's tell of what comes after it."""
    f0_hz, confidence = (
        np.pad(curve[:-_EARLY_FRAMES], (_EARLY_FRAMES, 0), mode="edge")
        for curve in (features.f0_hz, features.f0_confidence)
    )
    n_frames = min(len(f0_hz), len(heard.silent))
    return replace(
        features,
        f0_hz=f0_hz[:n_frames],
        f0_confidence=confidence[:n_frames],
        silent=features.silent[:n_frames],
        loudness_db=loudness.compute(heard.audio),
    )


def _inputs(
    renderer: render.Renderer, audio: np.ndarray, f0_hz: np.ndarray, loudness_db: np.ndarray, confidence: np.ndarray
) -> np.ndarray:
    """What a top reads of a recording, decoded block by block."""
    n_samples = len(f0_hz) * HOP_SAMPLES
    audio = np.pad(audio[:n_samples], (0, max(0, n_samples - len(audio))))
    part = render.solo(renderer, f0_hz, loudness_db, n_samples=n_samples, audio=audio, confidence=confidence)
    state, found = part.initial_state(), []
    for first in range(0, len(f0_hz), render.BLOCK_FRAMES):
        frames = slice(first, min(first + render.BLOCK_FRAMES, len(f0_hz)))
        controls, state = part.decode(frames, state)
        found.append(top.inputs(renderer.config, controls, f0_hz[frames], loudness_db[frames]))
    return np.concatenate(found)


def _upper(kept: FeatureCache, heard: Heard, features: RecordingFeatures, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Densities and harmonic shares of a recording's upper band, from the disk or measured now."""
    place = kept.folder / f"{heard.content_hash}-upper-v{_VERSION}.npz"
    arrays = read_arrays(place) or {}
    shape = (len(heard.level_db), N_BANDS)
    if {"density", "harmonic"} <= arrays.keys() and arrays["density"].shape == shape:
        return arrays["density"], arrays["harmonic"]
    wide = recordings.read(path, max_seconds=MAX_DATASET_S, rate_hz=FULL_BAND_RATE).audio
    density = upper_band.densities(wide)[: shape[0]]
    density = np.pad(density, [(0, shape[0] - len(density)), (0, 0)]).astype(np.float32)
    harmonic = upper_band.harmonic_shares(wide, features.f0_hz, features.voiced, density)
    place.parent.mkdir(parents=True, exist_ok=True)
    write_arrays(place, density=density, harmonic=harmonic)
    return density, harmonic


def said(given: Given) -> str:
    """What came of it, in a sentence for people."""
    n = len(given.left_out)
    rest = f" {n} recording{'s were' if n != 1 else ' was'} left out." if n else ""
    length = format_duration(60.0 * given.minutes)
    return f"{given.entry.name} now sings up to 24 kHz: its top was made from {length} of recordings.{rest}"
