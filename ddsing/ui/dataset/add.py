"""Adding recordings to a voice: uploads or, on a local dashboard, a file or folder that is on this computer already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from ddsing import names
from ddsing.constants import MAX_DATASET_S
from ddsing.dataset import adding, voices
from ddsing.errors import DatasetError
from ddsing.files import spelled
from ddsing.sound import kinds
from ddsing.ui.shell import allowed, drafts, errors, opened, values, visitor
from ddsing.ui.shell.formatting import format_bytes, format_duration, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamlit.runtime.uploaded_file_manager import UploadedFile

_ROUND, _PATH, _OUTCOME = "dataset.upload_round", "dataset.path", "dataset.added"
_SHOWN = 6  # sentences about single files; the rest is counted


def show(voice: voices.Voice, *, expanded: bool) -> None:
    """The importer, and below it what became of the files that were added last."""
    expanded = st.session_state.setdefault(f"dataset.add_first.{voice.name}", expanded)  # and not folded by the first
    panel = st.expander(
        "Add recordings",
        icon=":material/upload:",
        key=values.keep(f"dataset.add.{voice.name}", expanded),
        expanded=expanded,
        on_change="rerun",
    )
    if panel.open:
        with panel, errors.guard():
            uploaded, by_path = st.columns(2, gap="large")
            with uploaded:
                _uploader(voice)
            with by_path:
                _path(voice)
    _say_outcome(voice)


def _uploader(voice: voices.Voice) -> None:
    upload_round = st.session_state.setdefault(_ROUND, 0)
    files = st.file_uploader(
        "Upload recordings",
        type=kinds.UPLOAD_TYPES,
        accept_multiple_files=True,
        key=f"dataset.uploader.{upload_round}",
        help=f"Any rate, mono or stereo, each up to {format_duration(MAX_DATASET_S)}: {kinds.WORDS}. Long ones "
        "need no splitting: silent or unclear parts are detected later.",
    )
    if files:
        size = format_bytes(sum(file.size for file in files))
        said = plain(files[0].name) if len(files) == 1 else f"{len(files)} recordings"
        st.button(
            f"Add {said}, {size}",
            key="dataset.add_uploads",
            type="primary",
            icon=":material/add:",
            on_click=_add_uploads,
            args=(voice, files),
        )


def _path(voice: voices.Voice) -> None:
    if visitor.current().hosted:  # this computer is the server, where other people's recordings are
        return
    root = opened.workspace().root

    def draw() -> None:
        st.text_input(
            "Or a file or folder on this computer",
            key=drafts.field(_PATH, "", about=voice.name),
            live=True,
            placeholder=names.shown(str(root / "my recordings")),
            help=f"Copies all recordings in a folder, including its subfolders. A path that does not start with / "
            f"is relative to the workspace, {plain(root)}.",
        )

    drafts.form(
        _PATH, draw, "Add from this path", _add_path, fields=[_PATH], args=(voice,), icon=":material/folder_copy:"
    )


@errors.callback
def _add_uploads(voice: voices.Voice, files: Sequence[UploadedFile]) -> None:
    allowed.count("uploads", len(files))
    _add(voice, [(file.name, file.getvalue()) for file in files])
    st.session_state[_ROUND] += 1  # a new key empties the uploader, and with it the server's copy


@errors.callback
def _add_path(voice: voices.Voice) -> None:
    if visitor.current().hosted:
        raise DatasetError("Files on the server can't be added. Upload the recordings instead.")
    text = str(st.session_state.get(_PATH, "")).strip().strip("\"'")
    if not text:
        raise DatasetError("Enter the path of a recording or a folder first.")
    path = spelled(opened.workspace().root / Path(text).expanduser())
    if not path.exists():
        raise DatasetError(f"No file or folder {str(path)!r} on this computer. Check the spelling.")
    _add(voice, [path])
    drafts.drop([_PATH])


def _add(voice: voices.Voice, sources: list) -> None:
    bar = st.progress(0.0, text="Adding recordings")

    def report(done: float) -> None:
        bar.progress(min(1.0, done), text="Adding recordings")

    with allowed.adding() as room:
        st.session_state[_OUTCOME] = (voice.name, adding.add(voice, sources, progress=report, room=room))
    bar.empty()


def _say_outcome(voice: voices.Voice) -> None:
    name, outcome = st.session_state.get(_OUTCOME, (None, None))
    if name != voice.name or outcome is None:
        return
    if outcome.added:
        st.success(f"{_count(len(outcome.added))} added.", icon=":material/check:")
    same = [f"{plain(name)} is {plain(of)}" for name, of in outcome.duplicates]
    _list(same, f"{_count(len(same))} already here (same sound), not added again", st.info, ":material/content_copy:")
    odd = [f"{plain(name)}: {plain(remark)}" for name, remark in outcome.remarks]
    _list(odd, "Good to know", st.info, ":material/info:")
    refused = [f"{plain(name)}: {plain(sentence)}" for name, sentence in outcome.refused]
    _list(refused, f"{_count(len(refused))} not added", st.warning, ":material/block:")
    if not (outcome.added or same or refused):
        st.info("No recordings found to add.", icon=":material/folder_off:")


def _list(sentences: list[str], title: str, element: Callable, icon: str) -> None:
    if sentences:
        more = [f"and {len(sentences) - _SHOWN} more"] if len(sentences) > _SHOWN else []
        element("\n".join(f"- {sentence}" for sentence in [*sentences[:_SHOWN], *more]), title=title, icon=icon)


def _count(n: int) -> str:
    return f"{n} recording{'' if n == 1 else 's'}"
