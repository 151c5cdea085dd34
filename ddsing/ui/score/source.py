"""The score that is sung: a file, or the notes of a take or a recording; which part and notes, from where to where."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import MAX_TRANSFER_S
from ddsing.errors import ScoreError
from ddsing.ui.shell import per_workspace, sources, state, values, visitor
from ddsing.ui.shell.formatting import format_duration, pitch_range, plain

if TYPE_CHECKING:
    from ddsing.play.score import Line, Part, Score

SLOT, UPLOADER = "score.uploaded", "score.uploader"
PART, RULE, FROM, TO, TUNED = "score.part", "score.line", "score.from_s", "score.to_s", "score.tuned"
KEPT = 8
RULES = {"highest": "Highest", "lowest": "Lowest", "last": "Last"}
_ONE_NOTE = "This part has one note at a time."


@dataclass(frozen=True, eq=False)
class Chosen:
    """What is to be sung.

    Attributes
    ----------
    line : Line
    about : str
        What tells the score from all others.
    warnings : tuple[str, ...]
        What was not read as it is written.
    too_long : str
        Why it can't be sung as a whole, or "".
    """

    line: Line
    about: str
    warnings: tuple[str, ...]
    too_long: str


def pick() -> Chosen | None:
    """The uploader, and the controls of the score that is chosen; None until there is one. Raises `ScoreError`."""
    from ddsing.play import reading

    file = st.file_uploader(
        "Score",
        type=[suffix.removeprefix(".") for suffix in reading.SUFFIXES],
        key=UPLOADER,
        label_visibility="collapsed",
        max_upload_size=reading.MAX_BYTES // 1_000_000,
        help=f"A score as {reading.WORDS}, up to {reading.MAX_BYTES // 1_000_000} MB. One melody of it is sung.",
    )
    held = sources.kept(SLOT, file)
    if held is None:
        st.caption(f"{reading.WORDS}, as notation programs and DAWs export them.")
        return None
    content, name = held
    about = hashlib.sha256(content).hexdigest()[:16]
    if is_notes(content):
        line, warnings = _notes(content), tuple[str, ...]()
        n = len(line.notes)
        st.caption(f"Notes of {plain(line.score)} · {f'{n} notes' if n > 1 else '1 note'}")
        line = _hummed(line)
    else:
        score = _read(content, name)
        line, warnings = _melody(score, about, earlier=file is None), score.warnings
    line = _stretch(line, about)
    for warning in warnings:
        st.caption(f":material/info: {plain(warning)}")
    return Chosen(line, about, warnings, _too_long(line))


def hold(line: Line, name: str, *, in_tune: bool = True) -> None:
    """Take notes for the score, those of a recording in tune or as sung; for callbacks."""
    sources.hold_in(SLOT, UPLOADER, json.dumps(line.to_json()).encode(), name)
    st.session_state[TUNED] = in_tune
    st.session_state[state.SOURCE_KIND] = sources.SCORE


def is_notes(content: bytes) -> bool:
    """Whether something held is notes and not a file."""
    return content.startswith(b"{")


def _notes(content: bytes) -> Line:
    from ddsing.play.score import Line

    try:
        return Line.from_json(json.loads(content))
    except ValueError:
        raise ScoreError("The notes that were kept can't be read. Choose the score again.") from None


def _hummed(line: Line) -> Line:
    """What was hummed in tune, unless it is to stay as it was sung."""
    from ddsing.play import hummed

    if line.rule != hummed.RULE:
        return line
    in_tune = st.toggle(
        "To the nearest semitone",
        key=values.keep(TUNED, True),
        persist_state="session",
        help="Off, each note keeps the pitch at which it was sung.",
    )
    return hummed.tuned(line) if in_tune else line


@per_workspace.resource(max_entries=KEPT, show_spinner="Reading the score")
def _read(content: bytes, name: str) -> Score:
    from ddsing.play import reading

    return reading.read(content, name=name)


@per_workspace.resource(max_entries=KEPT, show_spinner=False)
def _line(about: str, name: str, part: int, rule: str, _score: Score) -> Line:
    from ddsing.play import melody

    return melody.line(_score, part, rule)


def _melody(score: Score, about: str, *, earlier: bool) -> Line:
    """The part and which of its notes are sung; `earlier`: the uploader does not show the file any more."""
    first, _ = score.part()
    slow, fast = min(bpm for _, bpm in score.tempos), max(bpm for _, bpm in score.tempos)
    tempo = f"{slow:.3g} bpm" if round(slow) == round(fast) else f"{slow:.3g} to {fast:.3g} bpm"
    said = f"{plain(score.name)} · {score.kind}, {format_duration(score.duration_s)}, {tempo}"
    st.caption(f"{said} · uploaded earlier" if earlier else said)
    options = [number for number, part in enumerate(score.parts, 1) if not part.percussion]
    number = st.selectbox(
        "Part",
        options,
        key=values.among(PART, options, first, about=about),
        format_func=lambda number: _about(number, score.parts[number - 1]) if number in options else str(number),
        persist_state="session",
        help="The melody to sing. One that seems to be for a voice is chosen first; percussion has no pitch to sing.",
    )
    chords = score.parts[number - 1].chords
    rule = st.segmented_control(
        "Where several notes sound",
        list(RULES),
        key=values.among(RULE, list(RULES), about=about),
        format_func=RULES.__getitem__,
        required=True,
        disabled=not chords,
        persist_state="session",
        help="Which note is sung: *highest* and *lowest* for a melody with chords, *last* for what was played on keys."
        if chords
        else _ONE_NOTE,
    )
    return _line(about, score.name, number, rule or next(iter(RULES)), score)


def _about(number: int, part: Part) -> str:
    """A part in the list."""
    notes = f"{len(part.notes)} notes" if len(part.notes) > 1 else "1 note"
    parts = [notes, pitch_range(part.range_midi), *(["chords"] if part.chords else [])]
    return f"{number} · {part.name[:60]}: {', '.join(parts)}" if part.name else f"{number} · {', '.join(parts)}"


def _stretch(line: Line, about: str) -> Line:
    """Only what begins in a stretch of time, where one is chosen."""
    panel = st.expander(
        "Sing only a part",
        icon=":material/content_cut:",
        key=values.keep("score.more.stretch", False),
        on_change="rerun",
    )
    whole_s = float(int(line.duration_s) + 1)
    with panel:
        left, right = st.columns(2)
        with left:
            start_s = st.number_input(
                "From (s)",
                0.0,
                whole_s,
                step=1.0,
                key=values.keep(FROM, 0.0, about=about),
                persist_state="session",
                help="Notes that begin before are left out.",
            )
        with right:
            end_s = st.number_input(
                "To (s)",
                0.0,
                whole_s,
                step=1.0,
                key=values.keep(TO, whole_s, about=about),
                persist_state="session",
                help="A note that lasts longer is cut there.",
            )
    if start_s == 0.0 and end_s == whole_s:
        return line
    if end_s <= start_s:
        raise ScoreError("The end of the stretch is not after its beginning. Move one of them.")
    return line.between(start_s, end_s)


def _too_long(line: Line) -> str:
    """Why it can't be sung in one go, with what would help."""
    quota = visitor.current().quota
    longest_s = MAX_TRANSFER_S if quota is None else min(MAX_TRANSFER_S, quota.transfer_s)
    if line.duration_s <= longest_s:
        return ""
    return (
        f"The score is {format_duration(line.duration_s)} long; up to {format_duration(longest_s)} are sung at a time. "
        "Choose a stretch of it under *Sing only a part*."
    )
