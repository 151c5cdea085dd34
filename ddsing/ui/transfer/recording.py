"""The chosen recording: decoded, described, played; and the settings that a file of ours brings back."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import streamlit as st

from ddsing import names
from ddsing.constants import TRACKERS
from ddsing.errors import DdsingError
from ddsing.sound.recording import Recording
from ddsing.transfer.take import read_edit, read_recipe
from ddsing.ui.player import players
from ddsing.ui.shell import caches, errors, opened, router, sources, state, visitor
from ddsing.ui.shell.formatting import format_duration, plain
from ddsing.ui.transfer import add_to_voice, controls, pitch_edits

_RESTORED = "source.restored_from"
_SILENT = "This recording is silent, so there is nothing to sing. Choose another one."
_MUTED = (
    "Only silence was recorded. Unmute the microphone, or choose another one in the browser's settings for this page, "
    "and record again."
)


def pick(use_score: Callable[[Mapping], None]) -> Recording | None:
    """The source picker with the chosen recording's player and a line about it; None while nothing is chosen.

    Parameters
    ----------
    use_score : callable
        Sets the controls of a score as they were for the recipe of a take that was sung from one, in a callback.
    """
    recording = sources.pick(on_own=functools.partial(_bring_back, use_score))
    if sources.of_score():
        return None
    _restored(recording)
    if recording is not None:
        _show(recording, use_score)
    return None if recording is None or _too_long(recording) else recording


def _too_long(recording: Recording) -> bool:
    """Whether it is longer than this visitor may transfer, which is said."""
    quota = visitor.current().quota
    said = quota.too_long(recording.duration_s) if quota else ""
    if said:
        st.warning(said, icon=":material/timer:")
    return bool(said)


def _show(recording: Recording, use_score: Callable[[Mapping], None]) -> None:
    info = recording.info
    channels = {1: "mono", 2: "stereo"}.get(info.n_channels, f"{info.n_channels} channels")
    if not sources.recording_now():
        track = players.track(
            recording.name,
            players.address(recording.wav, f"recording.{recording.key}", known=recording.key),
            wave=caches.wave(recording),
        )
        players.switcher([track], name=f"the recording {recording.name}", key=f"player.recording.{recording.key}")
    st.caption(
        f"{plain(recording.name)} · {format_duration(recording.duration_s)} · {plain(info.format)}, "
        f"{info.sample_rate_hz / 1000:g} kHz, {channels}"
    )
    for remark in recording.remarks:
        st.caption(f":material/info: {plain(remark)}")
    if not any(caches.wave(recording).levels):
        st.warning(_MUTED if sources.of_microphone() else _SILENT, icon=":material/volume_off:")
    held = sources.held()
    if recording.recipe is not None:
        _offer(recording.recipe, use_score)
    elif held is not None and not visitor.current().is_guest:
        add_to_voice.show(*held)


def tracker(recording: Recording | None) -> str:
    """The tracker choice for this recording."""
    analysed = caches.analysed(recording.key) if recording else set()
    return controls.tracker(recording.duration_s if recording else None, analysed)


def _offer(recipe: dict, use_score: Callable[[Mapping], None]) -> None:
    with st.container(border=True):
        st.markdown(":material/restore: This file was made by ddsing and contains its recipe.")
        st.button(
            "Restore its settings",
            key="source.restore",
            on_click=_restore,
            args=(recipe, use_score),
            icon=":material/settings_backup_restore:",
            help="Sets all controls, the tracker and the instrument as they were for this take.",
        )
        if recipe.get("morph") is not None:
            _offer_morph(recipe)


def _offer_morph(recipe: dict) -> None:
    from ddsing.ui.shell import morph_link

    asked = morph_link.query(recipe)
    if asked:
        router.link(
            "pages/experiments.py",
            label="This is a morph: open its mixture",
            icon=":material/blur_on:",
            query_params=asked,
        )


@errors.callback
def _restore(recipe: dict, use_score: Callable[[Mapping], None]) -> None:
    if _sung(recipe):
        use_score(recipe)
    elif _set_controls(recipe):
        st.toast("All controls restored from this take.", icon=":material/check:")


def _set_controls(recipe: dict) -> bool:
    """Set the controls as a recipe says; False where its instrument is not here, which is said."""
    settings, used_tracker, instrument = read_recipe(recipe)
    found = names.find(instrument, [entry.name for entry in caches.instruments()])
    state.apply(
        settings,
        tracker=used_tracker if used_tracker in TRACKERS else None,
        instrument=found,
    )
    source = recipe.get("source")
    digest = str(source.get("hash", "")) if isinstance(source, Mapping) else ""
    pitch_edits.restore(read_edit(recipe), digest, used_tracker)
    timbre = recipe.get("timbre")
    sources.tell_if_replaced(settings, str(timbre.get("hash", "")) if isinstance(timbre, Mapping) else "")
    if found is None:
        st.toast(f"Instrument {plain(instrument)} not found; everything else was restored.", icon=":material/info:")
    return found is not None


def _sung(recipe: dict) -> bool:
    """Whether it is of a take of a score, which has notes in place of a recording."""
    score = recipe.get("score")
    return isinstance(score, Mapping) and not score.get("played")


def _bring_back(use_score: Callable[[Mapping], None], recipe: dict, name: str, content: bytes) -> None:
    """Set the controls as for a take that was dropped back, and choose the recording or the notes of which it is."""
    if _sung(recipe):
        use_score(recipe)
        return
    _set_controls(recipe)
    source = recipe.get("source")
    about = source if isinstance(source, Mapping) else {}
    called, digest = str(about.get("name", "")), str(about.get("hash", ""))
    st.session_state[_RESTORED] = {"file": (content, name), "recipe": recipe, "source": called, "hash": digest}
    example = next(
        (path for path in sources.examples() if names.same(names.read(path.name), called) and _is(path, digest)), None
    )
    if example is not None:
        sources.choose_example(example)
        return
    take = next((take for take in opened.takes().list() if digest and take.source_hash == digest), None)
    original = None if take is None else take.folder / "original.wav"
    sources.hold(original.read_bytes() if original is not None and original.exists() else None, called)


def _is(path: Path, digest: str) -> bool:
    try:
        return caches.recording(path).key == digest
    except DdsingError:
        return False


def _restored(recording: Recording | None) -> None:
    """What a take that was dropped back has restored, for as long as its recording is chosen or missing."""
    held = st.session_state.get(_RESTORED)
    if held is None or (recording is not None and recording.key != held["hash"]):
        st.session_state.pop(_RESTORED, None)
        return
    with st.container(border=True, key="source.restored"):
        name, source = plain(held["file"][1]), plain(held["source"])
        if recording is not None:
            st.markdown(f":material/restore: {name} is a take: all controls and its recording are restored.")
        else:
            st.markdown(
                f":material/restore: {name} is a take: all controls are restored. Its recording, {source}, is not "
                "here: choose or upload it."
            )
        st.button(
            "Transfer this file itself",
            key="source.itself",
            type="tertiary",
            icon=":material/redo:",
            on_click=_take_itself,
            help="Uses the result of that take as the recording.",
        )
        if held["recipe"].get("morph") is not None:
            _offer_morph(held["recipe"])


@errors.callback
def _take_itself() -> None:
    held = st.session_state.pop(_RESTORED, None)
    if held is not None:
        sources.hold(*held["file"])
