"""The report before training: what a voice's recordings cover, and whether that is enough.

Pitch comes from a tracker that is quick, unless a better one's is there already from a preparation or a transfer. What
is found out about a sound is remembered in the workspace's cache.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ddsing.constants import FRAME_RATE, TRACKERS
from ddsing.dataset import analysis, signs, verdict
from ddsing.dataset.hearing import QUIETEST_DB, Heard, hear
from ddsing.dataset.prepare import choose
from ddsing.dataset.scan import Memory, RecordingFacts, scan
from ddsing.dataset.signs import Signs
from ddsing.dataset.verdict import LOUDNESS_STEP_DB, Summary, Verdict
from ddsing.dataset.voices import Voice
from ddsing.files import read_json, write_json
from ddsing.jobs.paces import Paces
from ddsing.jobs.time_left import Part
from ddsing.sound import features as feature_stage
from ddsing.sound import loudness
from ddsing.sound.features import CLEAR
from ddsing.units import hz_to_midi

READING, LISTENING = "Reading the recordings", "Analysing pitch"
_VERSION = 1  # of what is remembered
_LISTENING_S = {"instant": 0.05}  # per second of sound
_SLOWER_LISTENING_S = 0.12
_SCAN_SHARE = 0.1  # of the whole work


@dataclass(frozen=True)
class Report:
    """What a voice's recordings cover.

    Attributes
    ----------
    tracker : str
        Of the pitch; the least exact one of those whose results were used.
    minutes, minutes_voiced : float
        Of usable recordings; with a clear pitch.
    pitch_seconds : Mapping[int, float]
        Seconds of clear pitch by MIDI note.
    loudness_seconds : Mapping[int, float]
        Seconds of sound by loudness in dB, in steps of 5 dB: the key is the lower end.
    confidence_shares : tuple[float, ...]
        Ten shares of the sounding frames, by confidence from 0 to 1.
    clipped_files : tuple[str, ...]
    noise_floor_db : float or None
        Median over the recordings; None where nothing sounds.
    voices_hint : str
        Signs of more than one voice, in a sentence; "" if there are none.
    recordings : tuple[RecordingFacts, ...]
    kinds : Mapping[str, str]
        What each usable recording seems to be, see `ddsing.dataset.signs.KINDS`.
    remarks : Mapping[str, tuple[str, ...]]
        What is to be said of each recording, by name.
    """

    voice: str
    tracker: str
    minutes: float
    minutes_voiced: float
    pitch_seconds: Mapping[int, float]
    loudness_seconds: Mapping[int, float]
    confidence_shares: tuple[float, ...]
    clipped_files: tuple[str, ...]
    noise_floor_db: float | None
    voices_hint: str
    verdict: Verdict
    recordings: tuple[RecordingFacts, ...]
    kinds: Mapping[str, str]
    remarks: Mapping[str, tuple[str, ...]]

    def to_json(self) -> dict:
        """A plain dictionary."""
        document = asdict(self)
        for name in ("pitch_seconds", "loudness_seconds"):
            document[name] = {str(key): value for key, value in document[name].items()}
        return document


def part(known: Paces, voice: Voice, *, tracker: str = "tiny") -> Part:
    """The part that takes its time: listening to the recordings that nothing is known of yet."""
    usable, _ = choose(scan(voice))
    new_s = sum(facts.duration_s for facts in usable if not _known_by(voice, facts, tracker)[1].is_file())
    return known.part(
        LISTENING, new_s, f"report/{tracker}", guess_s=_LISTENING_S.get(tracker, _SLOWER_LISTENING_S), turn=0
    )


def report(voice: Voice, *, tracker: str = "tiny", progress: Callable[[str, float], None] | None = None) -> Report:
    """Read and analyse all recordings; quick the second time.

    Parameters
    ----------
    tracker : str
        For recordings whose pitch isn't known yet.
    progress : callable, optional
        Told the stage in words and the fraction of it all; what it raises passes through.
    """
    tell = progress or (lambda stage, fraction: None)
    found = scan(voice, progress=lambda fraction: tell(READING, _SCAN_SHARE * fraction))
    usable, _ = choose(found)
    memory, summaries = Memory(voice), {}
    total, done = sum(facts.duration_s for facts in usable) or 1.0, 0.0
    for facts in usable:

        def part(fraction: float, before: float = done, length: float = facts.duration_s):
            tell(LISTENING, _SCAN_SHARE + (1.0 - _SCAN_SHARE) * min((before + fraction * length) / total, 1.0))

        part(0.0)
        summaries[facts.name] = _summary(voice, facts, tracker, part)
        voiced_s = sum(summaries[facts.name].pitch_frames.values()) / FRAME_RATE
        memory.note_voiced(voice.path_of(facts.name), min(voiced_s / facts.duration_s, 1.0))
        done += facts.duration_s
    memory.save()
    recordings = [memory.get(voice.path_of(facts.name)) or facts for facts in found]
    tell(LISTENING, 1.0)
    return _assembled(voice, tracker, recordings, summaries)


def known(voice: Voice) -> Report | None:
    """The report as it was made before, if all that it needs is remembered; nothing is decoded or analysed."""
    memory = Memory(voice)
    if any(memory.get(path) is None for path in voice.recordings()):
        return None
    found = scan(voice)
    summaries = {}
    for facts in choose(found)[0]:
        remembered = (_remembered(_path(voice, facts, tracker)) for tracker in TRACKERS)
        summary = next(filter(None, remembered), None)
        if summary is None:
            return None
        summaries[facts.name] = summary
    return _assembled(voice, TRACKERS[-1], found, summaries) if found else None


def _assembled(voice: Voice, tracker: str, recordings: list[RecordingFacts], summaries: dict[str, Summary]):
    _, refused = choose(recordings)
    usable = [facts for facts in recordings if facts.name in summaries]
    pitch: Counter[int] = Counter()
    loud: Counter[int] = Counter()
    confidence = np.zeros(10)
    for summary in summaries.values():
        pitch.update(summary.pitch_frames)
        loud.update(summary.loudness_frames)
        confidence += summary.confidence_frames
    hint = verdict.voices_hint(list(summaries), list(summaries.values()))
    same_as = dict(refused)
    return Report(
        voice=voice.name,
        tracker=max((summary.tracker for summary in summaries.values()), key=TRACKERS.index, default=tracker),
        minutes=sum(facts.duration_s for facts in usable) / 60.0,
        minutes_voiced=pitch.total() / FRAME_RATE / 60.0,
        pitch_seconds={note: pitch[note] / FRAME_RATE for note in sorted(pitch)},
        loudness_seconds={step: loud[step] / FRAME_RATE for step in sorted(loud)},
        confidence_shares=tuple((confidence / max(confidence.sum(), 1.0)).tolist()),
        clipped_files=tuple(facts.name for facts in usable if verdict.clips(facts)),
        noise_floor_db=float(np.median([facts.noise_floor_db for facts in usable])) if usable else None,
        voices_hint=hint,
        verdict=verdict.judge(recordings, summaries, hint),
        recordings=tuple(recordings),
        kinds={name: summary.signs.kind for name, summary in summaries.items()},
        remarks={
            facts.name: verdict.remarks(facts, summaries.get(facts.name), same_as.get(facts.name, ""))
            for facts in recordings
        },
    )


def _summary(voice: Voice, facts: RecordingFacts, tracker: str, progress: Callable[[float], None]) -> Summary:
    """What is known about a recording, or found out now."""
    prepared = analysis.store(voice)
    cache = feature_stage.FeatureCache(voice.cache / "features")
    tracker, path = _known_by(voice, facts, tracker)
    summary = _remembered(path)
    if summary is not None:
        return summary
    heard = hear(voice.path_of(facts.name), check=lambda: progress(0.0))
    track = analysis.known(prepared, facts.content_hash, tracker) or feature_stage.extract(
        heard.audio, tracker=tracker, cache=cache, progress=progress
    )
    summary = summarise(heard, track.f0_hz, track.f0_confidence, tracker)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(summary), indent=None)
    return summary


def _known_by(voice: Voice, facts: RecordingFacts, tracker: str) -> tuple[str, Path]:
    """The best tracker that has analysed a recording, else the one that would; and where its summary is kept."""
    prepared = analysis.store(voice)
    cache = feature_stage.FeatureCache(voice.cache / "features")
    known = [name for name in TRACKERS if prepared.has(facts.content_hash, name) or cache.has(facts.content_hash, name)]
    tracker = min([*known, tracker], key=TRACKERS.index)
    return tracker, _path(voice, facts, tracker)


def _path(voice: Voice, facts: RecordingFacts, tracker: str) -> Path:
    return voice.cache / "reports" / f"{facts.content_hash}-{tracker}-v{_VERSION}.json"


def summarise(heard: Heard, f0_hz: np.ndarray, f0_confidence: np.ndarray, tracker: str) -> Summary:
    """What there is to know about a recording, from its sound and pitch."""
    n_frames = min(len(f0_hz), len(heard.silent))
    f0_hz, f0_confidence = f0_hz[:n_frames], f0_confidence[:n_frames]
    sounding = ~heard.silent[:n_frames]
    midi = hz_to_midi(f0_hz[sounding & (f0_confidence >= CLEAR)])
    steps = np.floor(loudness.compute(heard.audio)[:n_frames][sounding] / LOUDNESS_STEP_DB) * LOUDNESS_STEP_DB
    tenths = np.clip((f0_confidence[sounding] * 10).astype(int), 0, 9)
    levels = heard.level_db[:n_frames][sounding]
    return Summary(
        tracker=tracker,
        signs=signs.measure(heard, f0_hz, f0_confidence),
        pitch_frames=_counted(np.round(midi)),
        loudness_frames=_counted(steps),
        confidence_frames=np.bincount(tenths, minlength=10).tolist(),
        level_db=float(np.percentile(levels, 67)) if len(levels) else QUIETEST_DB,
        pitch_range=np.percentile(midi, [10, 50, 90]).tolist() if len(midi) else [],
    )


def _counted(values: np.ndarray):
    keys, counts = np.unique(values.astype(int), return_counts=True)
    return dict(zip(keys.tolist(), counts.tolist()))


def _remembered(path: Path) -> Summary | None:
    document = read_json(path) or {}
    try:
        document["signs"] = Signs(**document["signs"])
        for name in ("pitch_frames", "loudness_frames"):
            document[name] = {int(key): int(count) for key, count in document[name].items()}
        return Summary(**document)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
