"""The panel *Edit the pitch*: the recording's pitch curve as a piano roll, and what can be done to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from ddsing.constants import FRAME_RATE
from ddsing.errors import DdsingError
from ddsing.files import safe_name
from ddsing.sound import scales
from ddsing.sound.curve import operations, slips
from ddsing.ui.player import rolls
from ddsing.ui.shell import caches, errors, per_workspace, state, trackers, values
from ddsing.ui.shell.formatting import plain
from ddsing.ui.transfer import first_readings, fit_panel, pitch_edits

if TYPE_CHECKING:
    from ddsing.sound.curve.contour import Curve
    from ddsing.sound.curve.operations import Operation
    from ddsing.sound.curve.slips import Slip
    from ddsing.sound.features import Features
    from ddsing.sound.recording import Recording

_ROLL, _UPLOAD = "pitch.roll", "pitch.import"
_REFUSED = "pitch.refused"  # why the file that was imported last is not taken
_TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_SCALES = [scales.CHROMATIC, *(f"{tonic}:{kind}" for kind in scales.SCALES for tonic in _TONICS)]
SCALE = "pitch.snap_scale"
DEPTH, RATE, AMOUNT = "pitch.vibrato_depth", "pitch.vibrato_rate", "pitch.snap_amount"
N_SLIPS = 4  # with a button each
_ACTIONS = (
    ("up12", "Octave up", "Pitch", ["Shift+ArrowUp"], "Moves the selection up by an octave."),
    ("down12", "Octave down", "Pitch", ["Shift+ArrowDown"], "Moves the selection down by an octave."),
    ("up1", "Semitone up", "Pitch", ["ArrowUp"], "Moves the selection up by a semitone."),
    ("down1", "Semitone down", "Pitch", ["ArrowDown"], "Moves the selection down by a semitone."),
    ("draw", "Draw", "Shape", None, "Draws the pitch over the curve with the pointer."),
    ("straight", "Straight line", "Shape", None, "A straight line from the selection's first pitch to its last."),
    ("smooth", "Smooth", "Shape", None, "Takes quick movement out of the selection. Press again for more."),
    ("vibrato", "Vibrato", "Shape", None, "Makes the vibrato as deep and as fast as the sliders below say."),
    (
        "snap",
        "Snap to notes",
        "Shape",
        None,
        "Moves each note to the nearest of the scale below; its movement is kept.",
    ),
    ("unvoiced", "Leave unvoiced", "Shape", None, "Nothing is sung in the selection; breath and consonants remain."),
    ("undo", "Undo", "History", ["Control+z"], "Undoes the last change. Kept even after a reload."),
    ("redo", "Redo", "History", ["Control+y", "Control+Shift+Z"], "Restores what was undone last."),
)


def show(sound: Recording | None) -> None:
    """The panel, folded at first; nothing without a recording."""
    if sound is None:
        return
    panel = st.expander(
        "Edit the pitch", icon=":material/timeline:", key=values.keep("pitch.panel", False), on_change="rerun"
    )
    if panel.open:
        with panel, errors.guard():
            _panel(sound, st.session_state[state.TRACKER])
    n_steps = pitch_edits.history().done
    if n_steps:
        many = "1 change of the pitch is" if n_steps == 1 else f"{n_steps} changes of the pitch are"
        st.caption(f":material/timeline: {many} part of the next take of this recording.")
    elif other := pitch_edits.of_another_tracker(sound, st.session_state[state.TRACKER]):
        said = trackers.LABELS[other]
        st.caption(
            f":material/timeline: The pitch of this recording was edited as the tracker {said} found it. The edit is "
            f"not part of the next take; choose {said} to use it."
        )


def _panel(sound: Recording, tracker: str) -> None:
    if tracker not in caches.analysed(sound.key):
        _await(sound, tracker)
        return
    features = pitch_edits.features(sound, tracker, 3)
    curve = pitch_edits.curve(sound, tracker, features)
    found = _slips(sound.key, tracker, pitch_edits.digest(sound, tracker), curve)
    _roll(sound, tracker, features, curve, found)
    _offer_repairs(found)
    depth, rate, scale, amount = st.columns(4, gap="medium")
    with depth:
        st.slider("Vibrato depth", 0.0, 2.0, step=0.1, key=values.keep(DEPTH, 1.0), help=_DEPTH, format="%.1f ×")
    with rate:
        st.slider("Vibrato rate", 0.5, 2.0, step=0.05, key=values.keep(RATE, 1.0), help=_RATE, format="%.2f ×")
    with scale:
        st.selectbox(
            "Scale to snap to",
            _SCALES,
            key=values.among(SCALE, _SCALES),
            format_func=_scale_title,
            help="For the button Snap to notes. Type a key to find it. A4 is as set under Pitch, else 440 Hz.",
        )
    with amount:
        st.slider("Snap amount", 0.0, 1.0, step=0.1, key=values.keep(AMOUNT, 1.0), help=_AMOUNT, format="%.1f")
    _files(sound, features, curve)


def _await(sound: Recording, tracker: str) -> None:
    """In the roll's place: that the pitch is being found, or what finds it."""
    said = trackers.label(tracker)
    if first_readings.being_found(sound, tracker):
        st.markdown(f"The pitch of this recording is being found with the tracker **{said}**. Then it can be edited.")
        return
    st.markdown(f"The pitch of this recording must be found with the tracker **{said}** before it can be edited.")
    fit_panel.offer_analysis(sound, tracker, f"Find the pitch with {said}", key="pitch.analyse")


_DEPTH = "For the button Vibrato: 0 sings straight, 1 leaves the depth as it is, 2 doubles it."
_RATE = "For the button Vibrato: how many times as fast it is."
_AMOUNT = "For the button Snap to notes: how far each note is moved, 0 to 1."


@per_workspace.resource(max_entries=pitch_edits.CURVES, show_spinner=False)
def _slips(content: str, tracker: str, digest: str, _curve: Curve) -> list[Slip]:
    return slips.find(_curve)


def _scale_title(name: str) -> str:
    title = scales.Scale.parse(name).title
    return title[:1].upper() + title[1:]


def _roll(sound: Recording, tracker: str, features: Features, curve: Curve, found: list[Slip]) -> None:
    history = pitch_edits.history()
    off = {"undo": not history.done, "redo": history.done == len(history.steps)}
    always = ("undo", "redo", "draw")
    actions = [
        {"id": one, "label": label, "group": group, "title": title, "keys": keys}
        | {"needs": one not in always, "off": off.get(one, False)}
        for one, label, group, keys, title in _ACTIONS
    ]
    shown = [
        rolls.curve("Unclear pitch", curve.midi, curve.voiced & ~curve.sung, look="faint"),
        rolls.curve("Pitch", curve.midi, curve.sung),
    ]
    if history.done:
        tracked = pitch_edits.tracked(features)
        changed = tracked.sung & (tracked.f0_hz != curve.f0_hz)
        shown.insert(1, rolls.curve("As tracked", tracked.midi, changed, look="before"))
    rolls.roll(
        shown,
        key=_ROLL,
        place=f"{sound.key}.{tracker}",
        name=sound.name,
        duration_s=sound.duration_s,
        step_s=rolls.step_of(len(curve.f0_hz)) / FRAME_RATE,
        actions=actions,
        loudness=rolls.loudness(features.loudness_db),
        marks=[(slip.start / FRAME_RATE, slip.end / FRAME_RATE) for slip in found],
        marked="Probably an octave wrong",
        player=f"player.recording.{sound.key}",
        on_action=_acted,
    )


@errors.callback
def _acted() -> None:
    action = st.session_state[_ROLL].action
    if not isinstance(action, dict):
        return
    if action["id"] == "undo":
        pitch_edits.undo()
    elif action["id"] == "redo":
        pitch_edits.redo()
    else:
        pitch_edits.change(_step(action))


def _step(action: dict[str, Any]) -> Operation:
    """The operation that an action of the roll stands for."""
    if action["id"] == "line":
        return _line(action["points"])
    start = round(float(action["from"]) * FRAME_RATE)
    end = max(start + 1, round(float(action["to"]) * FRAME_RATE))
    name = action["id"]
    if name.startswith(("up", "down")):
        semitones = int(name.removeprefix("up").removeprefix("down"))
        return operations.Shift(start, end, 100.0 * (semitones if name.startswith("up") else -semitones))
    if name == "straight":
        return operations.Straight(start, end)
    if name == "smooth":
        return operations.Smooth(start, end)
    if name == "vibrato":
        return operations.Vibrato(start, end, depth=values.get(DEPTH), rate=values.get(RATE))
    if name == "snap":
        tuning_hz = state.settings().tuning_hz or scales.CONCERT_HZ
        return operations.Snap(start, end, amount=values.get(AMOUNT), scale=values.get(SCALE), tuning_hz=tuning_hz)
    return operations.Unvoiced(start, end)


def _line(points: list[list[float]]) -> Operation:
    """A drawn line; of points within one frame the last counts."""
    drawn = {max(0, round(float(time) * FRAME_RATE)): float(np.clip(midi, 0, 110)) for time, midi in points}
    if len(drawn) == 1:
        (frame, midi), *_ = drawn.items()
        drawn[frame + 1] = midi
    return operations.Line(tuple((frame, round(midi, 3)) for frame, midi in sorted(drawn.items())))


def _offer_repairs(found: list[Slip]) -> None:
    """A button for each of the first octave slips, and one for all."""
    if not found:
        return
    many = len(found) > 1
    st.markdown(
        f":material/auto_fix_high: {len(found)} {'stretches are' if many else 'stretch is'} probably an octave wrong."
    )
    with st.container(horizontal=True, gap="small"):
        for slip in found[:N_SLIPS]:
            way = "down" if slip.octaves < 0 else "up"
            st.button(
                f"{slip.start / FRAME_RATE:.2f} s: octave {way}",
                key=f"pitch.repair.{slip.start}",
                on_click=_repair,
                args=([slip],),
                help="Repairs this stretch. Can be undone.",
            )
        if many:
            st.button(
                f"Repair all {len(found)}",
                key="pitch.repair_all",
                icon=":material/auto_fix_high:",
                on_click=_repair,
                args=(found,),
                help="Repairs all of them. Can be undone.",
            )


@errors.callback
def _repair(found: list[Slip]) -> None:
    pitch_edits.change(*(operations.Repair(slip.start, slip.end, slip.octaves) for slip in found))


def _files(sound: Recording, features: Features, curve: Curve) -> None:
    """Undo all, import, export."""
    from ddsing.transfer import edited

    stem = safe_name(Path(sound.name).stem)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Undo all",
            key="pitch.undo_all",
            icon=":material/undo:",
            on_click=_undo_all,
            disabled=not pitch_edits.history().done,
            help="The pitch as it was tracked. Redo restores the changes one by one.",
        )
        with st.popover("Import", icon=":material/upload:", help="A pitch curve as a table, or notes as MIDI"):
            st.file_uploader(
                "Pitch curve",
                type=[suffix[1:] for suffix in edited.SUFFIXES],
                key=_UPLOAD,
                on_change=_imported,
                args=(len(curve.f0_hz),),
                help="A table of time, frequency and perhaps confidence, in seconds and Hz, 0 Hz where nothing is "
                "voiced, as Sonic Visualiser, Tony, Praat or CREPE write it. Or a melody as MIDI: what was sung is "
                "moved to its notes.",
            )
        for suffix, label, what in (
            ("csv", "Export CSV", "The curve with its changes: time, frequency, confidence."),
            ("mid", "Export MIDI", "The notes of the curve with its changes."),
        ):
            st.download_button(
                label,
                data=_export(f"{stem}.{suffix}", curve, features),
                file_name=f"{stem}.{suffix}",
                key=f"pitch.export.{suffix}",
                on_click="ignore",
                icon=":material/download:",
                help=what,
            )
    if _REFUSED in st.session_state:
        st.error(st.session_state[_REFUSED], icon=":material/block:")  # outlasts the runs in which the page fills up


def _export(name: str, curve: Curve, features: Features) -> Any:
    """What makes a file once it is asked for."""

    def content() -> bytes:
        from ddsing.transfer import edited

        return edited.write(name, curve, None if name.endswith(".csv") else features.loudness_db)

    return content


@errors.callback
def _undo_all() -> None:
    pitch_edits.undo_all()


@errors.callback
def _imported(n_frames: int) -> None:
    from ddsing.transfer import edited

    file = st.session_state.get(_UPLOAD)
    st.session_state.pop(_REFUSED, None)
    if file is None:
        return
    try:
        pitch_edits.change(edited.read(file.name, file.getvalue(), n_frames))
    except DdsingError as error:
        st.session_state[_REFUSED] = errors.sentence(error)
    else:
        st.toast(f"{plain(file.name)} is now the pitch. Undo restores what was there.", icon=":material/check:")
