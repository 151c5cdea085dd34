"""The page Timbre transfer where a score takes the place of a recording: what is sung, how, and the main button."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import FRAME_RATE
from ddsing.names import find
from ddsing.ui.score import edits, manner, roll, source
from ddsing.ui.shell import allowed, caches, errors, opened, per_workspace, values, work
from ddsing.ui.shell.formatting import percent, plain, signed
from ddsing.ui.transfer import first_version, play_at_once
from ddsing.ui.transfer.start import SHORTCUT

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from ddsing.instrument.library import Entry
    from ddsing.jobs.paces import Paces
    from ddsing.jobs.time_left import Part
    from ddsing.play.edit import ScoreEdit
    from ddsing.play.placing import Placed
    from ddsing.play.score import Line
    from ddsing.transfer.take import Take
    from ddsing.ui.score.manner import Manner
    from ddsing.ui.score.source import Chosen

AUTO, TRANSPOSE = "score.auto", "score.transpose"
PLACED = 8
_REFUSED = "score.refused"
_PRESSED = "score.pressed"  # the main button was pressed: what is asked is what the page says when it is drawn next


@dataclass(frozen=True, eq=False)
class _Asked:
    """Everything that the button needs."""

    entry: Entry
    chosen: Chosen
    how: Manner
    transpose: int | None
    edit: ScoreEdit | None


def show(left: DeltaGenerator, right: DeltaGenerator, growing: DeltaGenerator, entry: Entry | None) -> None:
    """Both columns of the page, what there is of a take that is being made, and the notes below the columns."""
    with right:
        button, fit = st.container(), st.container()  # filled last, so that they stay where they are
    chosen = how = asked = None
    with left, errors.guard():
        chosen = source.pick()
    if entry is not None:
        with right, errors.guard():
            how = manner.pick(entry)
    if entry is not None and chosen is not None and how is not None:
        edit = edits.of(chosen.line)
        with fit, errors.guard():
            asked = _place(entry, chosen, how, edit)
    missing = _missing(entry, chosen, how, asked)
    with button:
        if st.session_state.get(_PRESSED, False):
            _take_up(asked if missing is None else None)
        _start_button(asked, missing)
    first_version.show(growing)
    if asked is not None and not asked.chosen.too_long:
        with errors.guard():
            _show_roll(asked)
    if entry is not None and chosen is not None and how is not None:
        edits.show(chosen.line, edit)  # below the roll, which it would move away from under the pointer


def _show_roll(asked: _Asked) -> None:
    entry, line = asked.entry, asked.chosen.line
    placed = _placed(entry, line, asked.how, asked.transpose, asked.edit)
    roll.show(line, placed, asked.edit, None if entry.statistics is None else entry.statistics.pitch_range_midi)


def use(take: Take) -> None:
    """Set the controls as they were for a take of a score; for callbacks."""
    from ddsing.play import hummed, sing

    assert take.score is not None
    line, edit = sing.line_of(take), sing.edit_of(take)
    style, name = sing.style_of(take.score)
    entry = next((one for one in caches.instruments() if not one.error and one.name == _called(take)), None)
    source.hold(line, line.score, in_tune=hummed.tuned(line) == line)
    manner.put(entry, style, name, take.settings.seed)
    edits.put(line, edit)
    transpose = take.score.get("transpose")
    if isinstance(transpose, int):
        st.session_state[AUTO] = False
        st.session_state[TRANSPOSE] = transpose


def _called(take: Take) -> str | None:
    return find(take.instrument, [entry.name for entry in caches.instruments()])


def _place(entry: Entry, chosen: Chosen, how: Manner, edit: ScoreEdit | None) -> _Asked:
    """Where it is sung, and how well it fits there."""
    from ddsing.play import placing

    auto = 0 if chosen.too_long else _placed(entry, chosen.line, how, None, edit).transpose
    with st.container(border=True, key="score.fit"):
        by_itself = st.toggle(
            "Move by octaves into the instrument's range",
            key=values.keep(AUTO, True),
            persist_state="session",
            help="Off, you choose the transposition.",
        )
        key = values.keep(TRANSPOSE, auto)
        if not by_itself:
            st.number_input(
                "Transposition (semitones)",
                -placing.MAX_TRANSPOSE,
                placing.MAX_TRANSPOSE,
                step=1,
                key=key,
                persist_state="session",
                help="Moves all notes up or down.",
            )
        transpose = None if by_itself else int(st.session_state[key])
        if chosen.too_long:
            st.warning(chosen.too_long, icon=":material/timer:")
        else:
            _reading(entry, _placed(entry, chosen.line, how, transpose, edit))
    return _Asked(entry, chosen, how, transpose, edit)


def _placed(entry: Entry, line: Line, how: Manner, transpose: int | None, edit: ScoreEdit | None) -> Placed:
    from ddsing.play.edit import line_digest

    style = tuple(how.style.to_json().items())
    return _placed_once(
        caches.stamp(entry.path),
        line_digest(line),
        style,
        how.seed,
        transpose,
        edit.digest if edit else "",
        entry,
        line,
        how,
        edit,
    )


@per_workspace.resource(max_entries=PLACED, show_spinner=False)
def _placed_once(
    stamp: tuple,
    line: str,
    style: tuple,
    seed: int,
    transpose: int | None,
    edit: str,
    _entry: Entry,
    _line: Line,
    _how: Manner,
    _edit: ScoreEdit | None,
) -> Placed:
    from ddsing.play import placing

    generation = caches.instrument(_entry).config.generation if _entry.config is None else _entry.config.generation
    return placing.place(
        _line, _how.style, _entry.statistics, generation=generation, seed=seed, transpose=transpose, edit=_edit
    )


def _reading(entry: Entry, placed: Placed) -> None:
    """The fit, and the transposition that would fit better."""
    from ddsing.play import placing

    fit = placed.fit
    if fit.inside_share is None or fit.pitch_inside is None or fit.loudness_inside is None:
        st.markdown("**Fit** · This instrument has no training ranges to compare with.")
        return
    moved = f"transposed by {signed(placed.transpose, 'semitones')}" if placed.transpose else "not transposed"
    st.markdown(
        f"**Fit** · **{percent(fit.inside_share)}** of the score is inside the instrument's range, {moved} "
        f"(pitch {percent(fit.pitch_inside)}, loudness {percent(fit.loudness_inside)})."
    )
    found = placing.better(placed, entry.statistics)
    if found is not None:
        st.button(
            f"Transpose by {signed(found.transpose, 'semitones')}: {percent(1.0 - found.left)} of the notes fit",
            key="score.better",
            icon=":material/music_note:",
            width="stretch",
            disabled=work.busy(),
            on_click=_transpose,
            args=(found.transpose,),
            help="Another key, in which most of the notes are inside the range. Octaves keep the key.",
        )


@errors.callback
def _transpose(semitones: int) -> None:
    st.session_state[AUTO] = False
    st.session_state[TRANSPOSE] = semitones


def _missing(entry: Entry | None, chosen: Chosen | None, how: Manner | None, asked: _Asked | None) -> str | None:
    """Why nothing can be sung yet."""
    if entry is None:
        return "Import an instrument first, on the Instruments page."
    if chosen is None:
        return "Choose a score first."
    if how is None or asked is None:
        return "First correct what the message on this page says."
    return "Choose a stretch of the score that is short enough." if chosen.too_long else None


def _start_button(asked: _Asked | None, missing: str | None) -> None:
    """The primary button, or in its place how far the tab's work is."""
    if not work.busy():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Sing the score",
                type="primary",
                key="score.sing",
                icon=":material/graphic_eq:",
                shortcut=SHORTCUT,
                width="stretch",
                disabled=missing is not None,
                on_click=_press,
                help=missing or "Sings the score with the instrument's voice. The result is added to the takes below.",
            )
            play_at_once.show()
        errors.show_told(_REFUSED, asked.chosen.about if asked is not None else "")
    if work.current() is not None:
        work.show_progress()


@errors.callback
def _press() -> None:
    """What was changed a moment before, such as a note, may not have been drawn yet: it is sung, too."""
    st.session_state[_PRESSED] = True


def _take_up(asked: _Asked | None) -> None:
    """Begin what was asked for by a press; one that is interrupted here, by another change, is taken up after that."""
    with errors.guard():
        if asked is not None:
            _start(asked)
    st.session_state.pop(_PRESSED)
    if work.busy():
        st.rerun()


def _start(asked: _Asked) -> None:
    from ddsing.jobs import paces
    from ddsing.transfer import band, expected, first_sound
    from ddsing.transfer.settings import Settings
    from ddsing.work import order_options
    from ddsing.work.kinds import AtHand

    line, entry = asked.chosen.line, asked.entry
    loaded = caches.instrument(entry)
    duration_s, rate_hz = line.duration_s, band.planned_rate_hz(Settings(), [loaded])
    with errors.told(_REFUSED, asked.chosen.about):
        if asked.edit:
            duration_s = max(duration_s, asked.edit.notes_of(line)[0].duration_s)
        allowed.require_transfer(duration_s, rate_hz)
    if _REFUSED in st.session_state:
        return

    def parts(known: Paces) -> list[Part]:
        return [expected.singing(known, [loaded.config], duration_s, rate_hz=rate_hz)]

    placed = _placed(entry, line, asked.how, asked.transpose, asked.edit)
    sung_s = (len(placed.curves.f0_hz) - 1) / FRAME_RATE
    singing_s = parts(paces.of(opened.workspace()))[-1].expected_s
    play_at_once.press()
    work.order(
        "score",
        f"Singing {plain(line.score)}",
        order_options.score(
            loaded,
            opened.owner(entry.path),
            line,
            asked.how.style,
            style_name=asked.how.style_name,
            transpose=asked.transpose,
            seed=asked.how.seed,
            edit=asked.edit,
            warnings=asked.chosen.warnings,
            first=first_sound.planned(sung_s, singing_s=singing_s, at_once=play_at_once.wanted(), rate_hz=rate_hz),
        ),
        at_hand=lambda: AtHand(caches.models(), {loaded.digest: loaded}),
        parts=parts,
    )
