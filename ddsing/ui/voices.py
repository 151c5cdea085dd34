"""The voices in the workspace's audio folder: what is in each, without decoding anything."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from ddsing.ui import caches
from ddsing.ui.caches import SUFFIXES

PREPARED, TRAINED = "_dataset", "_checkpoints"  # the notebooks' folder names


@dataclass(frozen=True)
class Voice:
    """A folder of recordings, and whether the notebooks' folders lie next to it."""

    name: str
    n_files: int
    n_bytes: int
    prepared: bool
    trained: bool


def audio_folder() -> Path:
    """Where the voices lie."""
    return caches.workspace().audio


def scan() -> list[Voice]:
    """All voices by name; a voice with only a dataset or checkpoints counts too."""
    folders = {path.name: path for path in audio_folder().iterdir() if path.is_dir() and not path.name.startswith(".")}
    names = {name.removesuffix(PREPARED).removesuffix(TRAINED) for name in folders}
    return [_voice(name, folders) for name in sorted(names, key=str.lower)]


def _voice(name: str, folders: dict[str, Path]) -> Voice:
    folder = folders.get(name)
    files = [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES] if folder else []
    size = sum(path.stat().st_size for path in files)
    return Voice(name, len(files), size, name + PREPARED in folders, name + TRAINED in folders)


def table(found: list[Voice]) -> None:
    """One row per voice."""
    st.dataframe(
        {
            "Voice": [voice.name for voice in found],
            "Recordings": [voice.n_files for voice in found],
            "MB": [voice.n_bytes / 1e6 for voice in found],
            "Dataset": [voice.prepared for voice in found],
            "Checkpoints": [voice.trained for voice in found],
        },
        hide_index=True,
        column_config={
            "MB": st.column_config.NumberColumn(format="%.1f"),
            "Dataset": st.column_config.CheckboxColumn(help="A folder of training windows lies next to it."),
            "Checkpoints": st.column_config.CheckboxColumn(help="A folder of training checkpoints lies next to it."),
        },
    )
