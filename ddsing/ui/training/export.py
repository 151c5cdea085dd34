"""Making the instrument from a checkpoint in one press, and the way to the Timbre transfer page with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.dataset.voices import Voice
from ddsing.training import branch
from ddsing.ui.player import players
from ddsing.ui.shell import allowed, caches, drafts, errors, opened, state, values, voice_picker
from ddsing.ui.shell.formatting import format_bytes, plain
from ddsing.ui.training import cache

if TYPE_CHECKING:
    from ddsing.training.export import Made
    from ddsing.training.history import History

TRANSFER_PAGE = "pages/timbre_transfer.py"
_MADE = "export.made"  # (voice, instrument) of this tab's last export
_SING = "export.sing"
_MATCHED, _PLAYER = "export.matched", "export.heard"
LATEST, CHOSEN, LOWEST = "the latest", "the chosen", "the lowest loss"
_HELP = {
    LATEST: "The voice as it is now, even during training.",
    CHOSEN: "The newest checkpoint before timbre, pitch, loudness or harmonics got worse, on the held-out recordings.",
    LOWEST: "The checkpoint with the lowest {}. Careful: a blurred voice can have a low loss, too.",
}
_BRANCH_STEP, _BRANCH_LABEL, _BRANCH_PANEL = "branch.step", "branch.label", "branch_panel"


def follow() -> None:
    """Go to the Timbre transfer page after a press on *Sing with it*; called before anything is shown."""
    if st.session_state.pop(_SING, False):
        st.switch_page(TRANSFER_PAGE)


def show(voice: Voice, history: History, *, quiet: bool = False) -> None:
    """The buttons, `quiet` where others come first; nothing where there is no checkpoint to make it from."""
    if not history.checkpoints:
        return
    verdict, name = history.verdict, made_of(voice.name)
    st.header("Instrument")
    if verdict is not None:
        st.markdown(f":material/gavel: {plain(verdict.why)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        for step, label in offers(history).items():
            chosen = verdict is not None and step == verdict.step
            st.button(
                f"Export {label}, step {step:,}",
                key=f"export.{label.split()[-1]}",
                icon=":material/star:" if chosen else ":material/piano:",
                type="primary" if chosen and not name and not quiet else "secondary",
                on_click=_export,
                args=(voice.name, step),
                help=_HELP[label].format(history.best_by or "loss"),
            )
        _branch(voice, history)
    with errors.guard():
        _side_by_side(history)
    if name is not None:
        _ready(name, quiet=quiet)


def offers(history: History) -> dict[int, str]:
    """The checkpoints to export, each with what it is called, the chosen one first."""
    verdict, kept = history.verdict, history.checkpoints
    found = {kept[-1]: LATEST} if kept else {}
    if verdict is not None:
        found = {verdict.step: LATEST if verdict.step == verdict.latest else CHOSEN} | found
    if history.best_step in kept and history.best_step is not None:
        found.setdefault(history.best_step, LOWEST)
    return found


def mark(history: History, step: int) -> str:
    """What is worth knowing of a step, behind its number."""
    words = ["chosen"] if history.verdict is not None and step == history.verdict.step else []
    words += ["lowest loss"] if step == history.best_step else []
    return f" ({', '.join(words)})" if words else ""


def _side_by_side(history: History) -> None:
    """The phrase as each of the checkpoints sings it, in one player that switches in place."""
    previews = {save.step: save.preview for save in history.saves if save.preview is not None}
    heard = [(step, label, previews[step]) for step, label in offers(history).items() if step in previews]
    if len(heard) < 2:
        return
    from ddsing.experiments.comparison import matching

    known = [cache.preview(preview) for _, _, preview in heard]
    loud = [one.loudness for one in known]
    tracks = [
        players.track(
            f"Step {step:,}",
            players.address(preview, f"export.{step}", mime="audio/flac"),
            key=str(number),
            detail=label,
            matched_db=gain_db,
            wave=one.wave,
        )
        for number, ((step, label, preview), one, gain_db) in enumerate(
            zip(heard, known, matching.matched_gains_db(loud)), start=1
        )
    ]
    players.switcher(
        tracks,
        name="the phrase, by checkpoint",
        common_db=round(matching.common_gain_db(loud), 3),
        matched=st.session_state[values.keep(_MATCHED, True)],
        key=_PLAYER,
        on_matched=_match,
    )


def _match() -> None:
    st.session_state[_MATCHED] = bool(st.session_state[_PLAYER].matched)


def made_of(voice_name: str) -> str | None:
    """The instrument that this tab made from a voice last, else one that the library holds under the voice's name."""
    names = {entry.name for entry in caches.own_instruments() if not entry.error}
    voice, made = st.session_state.get(_MADE, (None, None))
    if voice == voice_name and made in names:
        return made
    return voice_name if voice_name in names else None


def _ready(name: str, *, quiet: bool) -> None:
    entry = next(entry for entry in caches.instruments() if entry.name == name)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        parts = [format_bytes(entry.n_bytes)]
        parts += [f"{entry.provenance.step:,} steps"] if entry.provenance.step is not None else []
        parts += [f"loss {entry.provenance.loss:.2f}"] if entry.provenance.loss is not None else []
        st.markdown(f":material/check_circle: **{plain(name)}** is in your instruments: {', '.join(parts)}.")
        st.button(
            "Sing with it",
            key="export.sing_button",
            icon=":material/graphic_eq:",
            type="secondary" if quiet else "primary",
            on_click=sing,
            args=(name,),
            help="Opens Timbre transfer with this instrument.",
        )


@errors.callback
def sing(name: str) -> None:
    """Choose an instrument and go to the Timbre transfer page; for buttons."""
    st.session_state[state.INSTRUMENT] = name
    st.session_state[_SING] = True


def make(voice_name: str, step: str | int) -> Made:
    """Make the instrument."""
    from ddsing.training import export

    workspace = opened.workspace()
    allowed.require_bytes("The instrument", export.n_bytes(workspace, voice_name))
    with st.spinner("Making the instrument"):
        made = export.make(workspace, voice_name, step=step)
    st.session_state[_MADE] = (voice_name, made.entry.name)
    return made


def say(made: Made) -> None:
    """Tell of an instrument that was made, and of its top where one was asked for."""
    said = f"{plain(made.entry.name)} was added to your instruments. {plain(made.top)}"
    st.toast(said.strip(), icon=":material/check:", duration="long" if made.top else "short")


@errors.callback
def _export(voice_name: str, step: str | int) -> None:
    say(make(voice_name, step))


def _branch(voice: Voice, history: History) -> None:
    def draw() -> None:
        steps = list(reversed(history.checkpoints))
        st.selectbox(
            "From step",
            steps,
            key=values.among(_BRANCH_STEP, steps, about=voice.name),
            format_func=lambda step: f"{step:,}{mark(history, step)}",
        )
        st.text_input(
            "Label",
            key=drafts.field(_BRANCH_LABEL, "", about=voice.name),
            max_chars=40,
            live=True,
            placeholder="bright",
            help=f"The new voice will be named {plain(voice.name)}-label. This one doesn't change.",
        )

    panel = st.popover(
        "Branch",
        icon=":material/call_split:",
        help="Start another run from a checkpoint, with other settings or other recordings.",
        key=_BRANCH_PANEL,
        on_change="rerun",
    )
    if panel.open:
        with panel:
            fields = [_BRANCH_STEP, _BRANCH_LABEL]
            drafts.form("branch", draw, "Branch", _make_branch, fields=fields, args=(voice.name,))


@errors.callback
def _make_branch(voice_name: str) -> None:
    from ddsing.training import export

    label = str(st.session_state.get(_BRANCH_LABEL, "")).strip()
    allowed.require_bytes("A branch", export.n_bytes(opened.workspace(), voice_name, checkpoint=True))
    made = branch.begin(opened.workspace(), voice_name, step=int(st.session_state[_BRANCH_STEP]), label=label)
    drafts.drop([_BRANCH_STEP, _BRANCH_LABEL])
    st.session_state[_BRANCH_PANEL] = False
    voice_picker.choose(made)
    st.toast(f"{plain(made)} starts from {plain(voice_name)}'s checkpoint.", icon=":material/call_split:")
