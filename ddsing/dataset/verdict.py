"""The verdict on a voice's recordings: a level, a sentence, and the reasons.

A good instrument takes about ten minutes of one voice; something can be heard from one minute on. The numbers are
experience, not science: from 8 minutes of clear pitch on it is *good*, from 45 s *usable*, from 15 s *poor*.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ddsing.constants import FRAME_RATE
from ddsing.dataset.scan import RecordingFacts
from ddsing.dataset.signs import Signs
from ddsing.units import format_duration, note_name

LEVELS = ("good", "usable", "poor", "unusable")
GOOD_S, USABLE_S, POOR_S = 480.0, 45.0, 15.0
LOUDNESS_STEP_DB = 5
CLIPPED_SHARE = 0.001  # of a recording's frames
_NOISY_DB = 25.0  # the least that the sound should lie above its noise floor
_GAP_SEMITONES, _GAP_S = 4, 0.2
_NARROW_DB = 10.0
_APART_SEMITONES = 11.0

_KINDS = {
    "speech": "It sounds like speech: hardly any notes are held.",
    "several": "It seems to have several pitches at once: chords, accompaniment, or more than one voice.",
    "unpitched": "Hardly any of it has a clear pitch: noise, drums, or several things at once.",
}


@dataclass(frozen=True)
class Summary:
    """What was found out about a recording.

    Attributes
    ----------
    tracker : str
        That found its pitch.
    signs : Signs
    pitch_frames, loudness_frames : Mapping[int, int]
        Frames with a clear pitch by MIDI note; frames that sound by loudness, in steps of 5 dB.
    confidence_frames : Sequence[int]
        Frames that sound, by confidence in ten steps.
    level_db : float
        Level that a third of the sounding frames exceed.
    pitch_range : Sequence[float]
        MIDI notes that a tenth, a half and nine tenths of the clear pitch stay below; empty if there is none.
    """

    tracker: str
    signs: Signs
    pitch_frames: Mapping[int, int]
    loudness_frames: Mapping[int, int]
    confidence_frames: Sequence[int]
    level_db: float
    pitch_range: Sequence[float]


@dataclass(frozen=True)
class Verdict:
    """A level of `LEVELS`, the sentence that says it, and the reasons, most important first."""

    level: str
    sentence: str
    reasons: tuple[str, ...]


def remarks(facts: RecordingFacts, summary: Summary | None, same_as: str = "") -> tuple[str, ...]:
    """What is to be said of a recording."""
    said = [facts.error] if facts.error else [same_as, *facts.remarks]
    if summary is not None and summary.signs.kind in _KINDS:
        said.append(_KINDS[summary.signs.kind])
    if clips(facts):
        said.append(f"It clips: {facts.clipped_share:.1%} of it is cut off at full scale.")
    if summary is not None and is_noisy(facts, summary):
        said.append(f"Its noise is only {summary.level_db - facts.noise_floor_db:.0f} dB below the sound.")
    return tuple(sentence for sentence in said if sentence)


def clips(facts: RecordingFacts) -> bool:
    """Whether so much of a recording stands at full scale that it is said."""
    return not facts.error and facts.clipped_share > CLIPPED_SHARE


def is_noisy(facts: RecordingFacts, summary: Summary) -> bool:
    """Whether the quietest parts of a recording are hardly quieter than the rest, and it is not simply sung through."""
    return facts.noise_floor_db > -60.0 and summary.level_db - facts.noise_floor_db < _NOISY_DB and _pauses(summary)


def _pauses(summary: Summary):
    return summary.signs.voiced < 0.93


def voices_hint(names: Sequence[str], summaries: Sequence[Summary]) -> str:
    """Signs of more than one voice, in a sentence; "" if there are none."""
    several = [name for name, summary in zip(names, summaries) if summary.signs.kind == "several"]
    if several:
        return (
            f"{_listed(several)} {'seems' if len(several) == 1 else 'seem'} to have several pitches at once; "
            "a model can follow only one. Two voices an octave apart, or reverb, can mislead this test."
        )
    return _two_registers(names, summaries)


def _two_registers(names: Sequence[str], summaries: Sequence[Summary]):
    """Whether the recordings fall into two groups whose pitches do not meet."""
    known = sorted(
        (summary.pitch_range, sum(summary.pitch_frames.values()), name)
        for name, summary in zip(names, summaries)
        if summary.signs.kind == "sung" and len(summary.pitch_range) == 3
    )
    total = sum(frames for _, frames, _ in known)
    for split in range(1, len(known)):
        low, high = known[:split], known[split:]
        top, bottom = max(entry[0][2] for entry in low), min(entry[0][0] for entry in high)
        apart = min(entry[0][1] for entry in high) - max(entry[0][1] for entry in low)
        share = sum(frames for _, frames, _ in low) / total
        if bottom > top and apart > _APART_SEMITONES and 0.15 < share < 0.85:
            return (
                f"The recordings fall into two groups: {_listed([name for *_, name in low])} below {note_name(top)}, "
                f"{_listed([name for *_, name in high])} above {note_name(bottom)}. If these are two singers, make "
                "a voice for each. (Two singers with the same range can't be told apart here.)"
            )
    return ""


def judge(recordings: Sequence[RecordingFacts], summaries: Mapping[str, Summary], hint: str) -> Verdict:
    """The verdict on a voice.

    Parameters
    ----------
    recordings : Sequence[RecordingFacts]
        All of them.
    summaries : Mapping[str, Summary]
        Of the usable ones, by name.
    """
    sung = {name: summary for name, summary in summaries.items() if summary.signs.kind == "sung"}
    sung_s = {name: sum(summary.pitch_frames.values()) / FRAME_RATE for name, summary in summaries.items()}
    voiced_s = sum(sung_s[name] for name in sung)
    level, lead = _by_length(voiced_s, recordings)
    reasons = []
    other = [name for name in summaries if name not in sung]
    if other and sum(sung_s[name] for name in other) + 0.1 > 0.3 * voiced_s:
        level = max(level, "usable", key=LEVELS.index)
    reasons += _kind_reasons(summaries)
    reasons += _range_reasons(sung.values())
    clipping = [facts.name for facts in recordings if clips(facts)]
    noisy = [facts.name for facts in recordings if facts.name in sung and is_noisy(facts, sung[facts.name])]
    unread = [facts for facts in recordings if facts.error]
    if clipping:
        reasons.append(f"{_files(len(clipping))} {'clips' if len(clipping) == 1 else 'clip'}")
    if noisy:
        reasons.append(f"{_files(len(noisy))} {'is' if len(noisy) == 1 else 'are'} noisy")
    if unread:
        reasons.append(f"{_files(len(unread))} can't be used")
    if 2 * len(clipping) > len(sung) or 2 * len(noisy) > len(sung) > 0 or hint:
        level = max(level, "usable", key=LEVELS.index)
    return Verdict(level, "; ".join([lead, *reasons[:4]]) + ".", tuple(reasons) + ((hint,) if hint else ()))


def _by_length(voiced_s: float, recordings: Sequence[RecordingFacts]):
    if not recordings:
        return "unusable", "There are no recordings yet"
    if not any(not facts.error for facts in recordings):
        return "unusable", "No recording can be used"
    length = f"{voiced_s / 60.0:.0f} minutes" if voiced_s >= 120.0 else format_duration(voiced_s)
    if voiced_s >= GOOD_S:
        return "good", f"{length} voiced: enough"
    if voiced_s >= USABLE_S:
        return "usable", f"{length} voiced: enough to start; about ten minutes make a good instrument"
    if voiced_s >= POOR_S:
        return "poor", f"Only {length} voiced: enough for a try; about ten minutes make a good instrument"
    if voiced_s < 1.0:
        return "unusable", "No clear singing voice found"
    return "unusable", f"Only {length} of clear singing: too little to learn from"


def _kind_reasons(summaries: Mapping[str, Summary]):
    said = {"speech": "like speech", "several": "with several pitches at once", "unpitched": "without a clear pitch"}
    counts = {kind: sum(summary.signs.kind == kind for summary in summaries.values()) for kind in said}
    return [f"{_files(count)} {said[kind]}" for kind, count in counts.items() if count]


def _range_reasons(summaries: Iterable[Summary]):
    seconds: dict[int, float] = {}
    loud: dict[int, float] = {}
    for summary in summaries:
        for note, frames in summary.pitch_frames.items():
            seconds[note] = seconds.get(note, 0.0) + frames / FRAME_RATE
        for step, frames in summary.loudness_frames.items():
            loud[step] = loud.get(step, 0.0) + frames
    covered = sorted(note for note, duration_s in seconds.items() if duration_s >= _GAP_S)
    if not covered:
        return []
    reasons = [f"nothing below {note_name(covered[0])} or above {note_name(covered[-1])}"]
    gaps = [(low, high) for low, high in zip(covered, covered[1:]) if high - low > _GAP_SEMITONES]
    reasons += [f"hardly anything between {note_name(low)} and {note_name(high)}" for low, high in gaps[:2]]
    steps = np.repeat(sorted(loud), [round(loud[step]) for step in sorted(loud)])
    if len(steps) and np.percentile(steps, 95) - np.percentile(steps, 10) < _NARROW_DB:
        reasons.append("little variation in loudness")
    return reasons


def _files(number: int):
    return f"{number} file{'s' if number != 1 else ''}"


def _listed(names: Sequence[str]):
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
