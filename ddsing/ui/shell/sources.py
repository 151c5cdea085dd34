"""Where the sound to transfer comes from: the examples folder, an upload, or the microphone; or it is a score."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ddsing import names, storage
from ddsing.errors import AudioError, DdsingError
from ddsing.files import write_atomic
from ddsing.sound import audio, folder, kinds
from ddsing.sound.recording import Recording
from ddsing.transfer.settings import Settings
from ddsing.ui.shell import allowed, caches, errors, opened, per_workspace, state, values, visitor
from ddsing.ui.shell.formatting import plain

SCORE = "score"  # which has notes in place of a recording
KINDS = {"examples": "Examples", "upload": "Upload", "microphone": "Microphone", SCORE: "Score"}
_UPLOADED, _RECORDED = "source.uploaded", "source.recorded"
_UPLOADER, _MICROPHONE = "source.uploader", "source.microphone"
_Chosen = tuple[Path | bytes, str]  # a file or its content, and its name


def examples() -> list[Path]:
    """The recordings in the examples folder, by name, then those of the house."""
    house = opened.house()
    return [*own_examples(), *([] if house is None else _in(house.examples))]


def own_examples() -> list[Path]:
    """The recordings in the workspace's examples folder, by name."""
    return _in(opened.workspace().examples)


def _in(examples: Path) -> list[Path]:
    return sorted(folder.recordings(examples), key=lambda path: (path.name.lower(), path))


def name_of(path: Path) -> str:
    """What an example is called: its place below the examples folder; one of the house where an own one is, marked."""
    own = opened.workspace().examples
    if not opened.is_of_house(path):
        return folder.name_of(own, path)
    name = folder.name_of(opened.require_house().examples, path)
    return caches.beside(name, {names.key(name)} if folder.named(own, name) is not None else set())


def path_of(name: str) -> Path | None:
    """The example of a name; None where there is none."""
    found = {name_of(path): path for path in examples()}
    called = names.find(name, found)
    return None if called is None else found[called]


def marked(name: str, path: Path) -> str:
    """A name as lists show it."""
    return f"{name} · house" if opened.is_of_house(path) else name


def tell_if_replaced(settings: Settings, content: str) -> None:
    """Say where timbre came from an example that is no more what it was; for callbacks that restore settings."""
    if settings.z_from != "other" or not content:
        return
    path = path_of(settings.z_recording)
    if path is None or caches.recording(path).key != content:
        st.toast(
            f"The timbre came from {plain(settings.z_recording)}, which is no longer among the examples, or has "
            "been replaced by another recording.",
            icon=":material/info:",
            duration="long",
        )


def pick(*, on_own: Callable[[dict, str, bytes], None]) -> Recording | None:
    """The source picker, and the chosen recording decoded; None until there is one, and where a score is chosen.

    `on_own` is called, in a callback, with recipe, name and content of a file of ours that was uploaded.
    """
    kind = st.segmented_control(
        "Recording or score",
        list(KINDS),
        format_func=KINDS.__getitem__,
        key=state.SOURCE_KIND,
        required=True,
        help="Sing, hum or play one note at a time: the pitch tracker follows a single voice. A score, MIDI or "
        "MusicXML, is sung without a recording.",
        persist_state="session",
    )
    if kind == SCORE:
        return None
    if kind == "upload":
        chosen = _upload(on_own)
    else:
        chosen = _microphone() if kind == "microphone" else _example()
    return None if chosen is None else caches.recording(chosen[0], name=chosen[1])


def _example() -> _Chosen | None:
    found = {name_of(path): path for path in examples()}
    for path, why in folder.look(opened.workspace().examples).unreadable.items():
        st.warning(f"{plain(names.read(path.name))}: {plain(why)}", icon=":material/folder_off:")
    if not found:
        folder_name = plain(opened.workspace().examples)
        how = "Upload a recording" if visitor.current().hosted else f"Put recordings into {folder_name} or upload one"
        st.info(f"{how}: {kinds.WORDS}.", icon=":material/folder_open:")
        return None
    first = _first(found)
    values.keep(state.EXAMPLE, first)
    if st.session_state[state.EXAMPLE] not in found:
        st.session_state[state.EXAMPLE] = first
    name = st.selectbox(
        "Example",
        list(found),
        index=None,
        format_func=lambda name: marked(name, found[name]) if name in found else name,
        placeholder="Choose a recording",
        key=state.EXAMPLE,
        label_visibility="collapsed",
        persist_state="session",
        help="Recordings in the workspace's examples folder.",
    )
    if name is None:
        st.caption(":material/info: None of the examples can be read. Choose one to see why.")
        return None
    return found[name], names.read(found[name].name)


def _first(found: dict[str, Path]) -> str | None:
    """The first that can be read: what merely says that it is a recording is not what the page opens with."""
    for name, path in found.items():
        with contextlib.suppress(OSError):  # a link that leads nowhere
            if _readable(caches.stamp(path), path):
                return name
    return None


@per_workspace.data(max_entries=1000, show_spinner=False)
def _readable(stamp: tuple[str, int, int], _path: Path) -> bool:
    try:
        audio.probe(_path)
    except AudioError:
        return False
    return True


def of_score() -> bool:
    """Whether a score is chosen in place of a recording."""
    return st.session_state.get(state.SOURCE_KIND) == SCORE


def of_microphone() -> bool:
    """Whether the microphone is chosen."""
    return st.session_state.get(state.SOURCE_KIND) == "microphone"


def held() -> tuple[bytes, str] | None:
    """The content and the name of what was uploaded or recorded, as long as that is what is chosen."""
    slot = {"upload": _UPLOADED, "microphone": _RECORDED}.get(st.session_state.get(state.SOURCE_KIND, ""))
    return st.session_state.get(slot, (None, None))[1] if slot else None


def hold(content: bytes | None, name: str) -> None:
    """Take another recording for the one that was uploaded last, or none; for callbacks."""
    hold_in(_UPLOADED, _UPLOADER, content, name)
    st.session_state[state.SOURCE_KIND] = "upload"


def hold_in(slot: str, uploader: str, content: bytes | None, name: str) -> None:
    """Take a file for the one that was uploaded last with an uploader, or none; for callbacks."""
    file = st.session_state.get(uploader)
    st.session_state[slot] = (file.file_id if file else None, None if content is None else (content, name))
    _remember(slot, content, name)


def choose_example(path: Path) -> None:
    """Choose an example; for callbacks."""
    st.session_state[state.SOURCE_KIND] = "examples"
    st.session_state[state.EXAMPLE] = name_of(path)
    st.session_state.pop(_UPLOADED, None)
    _remember(_UPLOADED, None, "")


def recording_now() -> bool:
    """Whether the microphone's own player shows what is chosen."""
    return of_microphone() and st.session_state.get(_MICROPHONE) is not None


@errors.callback
def _uploaded(on_own: Callable[[dict, str, bytes], None]) -> None:
    from ddsing.sound.audio import read_recipe

    file = st.session_state.get(_UPLOADER)
    recipe = read_recipe(file.getvalue()) if file is not None else None
    if file is not None and recipe is not None:
        on_own(recipe, file.name, file.getvalue())


def _upload(on_own: Callable[[dict, str, bytes], None]) -> _Chosen | None:
    file = st.file_uploader(
        "Upload",
        type=kinds.UPLOAD_TYPES,
        key=_UPLOADER,
        on_change=_uploaded,
        args=(on_own,),
        label_visibility="collapsed",
        help=f"Up to ten minutes of {kinds.WORDS}. Files made by ddsing also restore their settings.",
    )
    return _kept(_UPLOADED, file, "uploaded")


def _microphone() -> _Chosen | None:
    file = st.audio_input(
        "Record",
        sample_rate=48000,
        key=_MICROPHONE,
        label_visibility="collapsed",
        help="Recorded in the browser." + ("" if visitor.current().hosted else " It never leaves this computer."),
    )
    return _kept(_RECORDED, file, "recorded")


def _kept(slot: str, file: UploadedFile | None, said: str) -> _Chosen | None:
    """`kept`, which is said where the widget does not show it."""
    found = kept(slot, file, name="" if said == "uploaded" else "microphone.wav")
    if found is not None and file is None:
        st.caption(f"Still available, {said} earlier: {plain(found[1])}")
    return found


def kept(slot: str, file: UploadedFile | None, *, name: str = "") -> tuple[bytes, str] | None:
    """The widget's file, under its own name if none is given, or the one held before the page was left or reloaded."""
    given = name
    name = st.session_state[values.keep(f"{slot}_name", "")]
    held = st.session_state.get(slot)
    if file is not None and (held is None or held[0] != file.file_id):
        name = given or file.name
        held = st.session_state[slot] = (file.file_id, (file.getvalue(), name))
        _remember(slot, *held[1])
    elif held is None and name:
        content = _put_away_before(slot)
        held = None if content is None else ("", (content, name))
        st.session_state[slot] = held
    return None if held is None else held[1]


def _remember(slot: str, content: bytes | None, name: str) -> None:
    """Keep a file, or that there is none, for the next tab; without room for it, it is only in this one."""
    values.put(values.keep(f"{slot}_name", ""), "" if content is None else name)
    if content is None:
        return
    with contextlib.suppress(DdsingError):
        allowed.require_bytes(name, len(content))
        _put_away(slot, content)


def _put_away(slot: str, content: bytes) -> None:
    folder = opened.workspace().cache / storage.SOURCES
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / slot, content, durable=False)


def _put_away_before(slot: str) -> bytes | None:
    try:
        return (opened.workspace().cache / storage.SOURCES / slot).read_bytes()
    except OSError:
        return None
