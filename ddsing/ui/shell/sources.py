"""Where the sound to transfer comes from: the examples folder, an upload, or the microphone."""

import contextlib
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ddsing import storage
from ddsing.files import write_atomic
from ddsing.sound import kinds
from ddsing.sound.recording import Recording
from ddsing.transfer.settings import Settings
from ddsing.ui.shell import caches, opened, state, values
from ddsing.ui.shell.formatting import plain

KINDS = {"examples": "Examples", "upload": "Upload", "microphone": "Microphone"}
_UPLOADED, _RECORDED = "source.uploaded", "source.recorded"
_Chosen = tuple[Path | bytes, str]  # a file or its content, and its name


def examples() -> list[Path]:
    """The recordings in the examples folder, by name."""
    folder = opened.workspace().examples
    return sorted(
        (path for path in folder.rglob("*") if path.suffix.lower() in kinds.SUFFIXES and path.name[0] != "."),
        key=lambda path: path.name.lower(),
    )


def tell_if_replaced(settings: Settings, content: str) -> None:
    """Say where timbre came from an example that is no more what it was; for callbacks that restore settings."""
    if settings.z_from != "other" or not content:
        return
    folder = opened.workspace().examples
    path = next((path for path in examples() if path.relative_to(folder).as_posix() == settings.z_recording), None)
    if path is None or caches.recording(path).key != content:
        st.toast(
            f"The timbre came from {plain(settings.z_recording)}, which is no longer among the examples, or has "
            "been replaced by another recording.",
            icon=":material/info:",
            duration="long",
        )


def pick() -> Recording | None:
    """The source picker, and the chosen recording decoded; None until there is one."""
    kind = st.segmented_control(
        "Recording",
        list(KINDS),
        format_func=KINDS.__getitem__,
        key=state.SOURCE_KIND,
        required=True,
        help="Sing, hum or play one note at a time: the pitch tracker follows a single voice.",
        persist_state="session",
    )
    chosen = {"upload": _upload, "microphone": _microphone}.get(kind or "", _example)()
    return None if chosen is None else caches.recording(chosen[0], name=chosen[1])


def _example() -> _Chosen | None:
    folder = opened.workspace().examples
    found = {path.relative_to(folder).as_posix(): path for path in examples()}
    if not found:
        st.info(f"Put recordings into {plain(folder)}, or upload one: {kinds.WORDS}.", icon=":material/folder_open:")
        return None
    name = st.selectbox(
        "Example",
        list(found),
        key=values.among(state.EXAMPLE, list(found)),
        label_visibility="collapsed",
        persist_state="session",
        help="Recordings in the workspace's examples folder.",
    )
    return found[name], found[name].name


def _upload() -> _Chosen | None:
    file = st.file_uploader(
        "Upload",
        type=kinds.UPLOAD_TYPES,
        key="source.uploader",
        label_visibility="collapsed",
        help=f"Up to ten minutes of {kinds.WORDS}. Files made by ddsing also restore their settings.",
    )
    return _kept(_UPLOADED, file, "uploaded")


def _microphone() -> _Chosen | None:
    file = st.audio_input(
        "Record",
        sample_rate=48000,
        key="source.microphone",
        label_visibility="collapsed",
        help="Recorded by the browser and used on this computer only.",
    )
    return _kept(_RECORDED, file, "recorded")


def _kept(slot: str, file: UploadedFile | None, said: str) -> _Chosen | None:
    """The widget's file, or the one that it held before the page was left or loaded again."""
    name = st.session_state[values.keep(f"{slot}_name", "")]
    held = st.session_state.get(slot)
    if file is not None and (held is None or held[0] != file.file_id):
        name = file.name if said == "uploaded" else "microphone.wav"
        held = st.session_state[slot] = (file.file_id, (file.getvalue(), name))
        values.put(f"{slot}_name", name)
        _put_away(slot, held[1][0])
    elif held is None and name:
        content = _put_away_before(slot)
        held = None if content is None else ("", (content, name))
        st.session_state[slot] = held
    if held is None:
        return None
    if file is None:
        st.caption(f"Still here, {said} before: {plain(held[1][1])}")
    return held[1]


def _put_away(slot: str, content: bytes) -> None:
    """Keep a file for the next tab; without room for it, it is only in this one."""
    folder = opened.workspace().cache / storage.SOURCES
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / slot, content, durable=False)


def _put_away_before(slot: str) -> bytes | None:
    try:
        return (opened.workspace().cache / storage.SOURCES / slot).read_bytes()
    except OSError:
        return None
