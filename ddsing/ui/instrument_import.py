"""Bringing instruments in, and back from the bin."""

from pathlib import Path

import streamlit as st

from ddsing.constants import MAX_INSTRUMENT_BYTES
from ddsing.ui import caches, errors
from ddsing.ui.formatting import format_bytes, plain

_ROUND = "instruments.upload_round"  # a new key empties the uploader, and with it the server's copy
_DELETED = "instruments.deleted"  # (name, token) of the last deleted one


def show() -> None:
    """The importer, and the offer to undo the last deletion."""
    _undo_offer()
    panel = st.expander("Import an instrument", icon=":material/upload:", key="instruments.import", on_change="rerun")
    if panel.open:
        with panel, errors.guard():
            _uploader()


def deleted(name: str, token: object) -> None:
    """Remember a deletion so that it can be undone; for callbacks."""
    st.session_state[_DELETED] = (name, token)


def _uploader() -> None:
    upload_round = st.session_state.setdefault(_ROUND, 0)
    limit_mb = MAX_INSTRUMENT_BYTES // 2**20
    file = st.file_uploader(
        "An instrument of ddsing, or a zip that the 2021 notebooks exported", type=["zip"],
        key=f"instruments.uploader.{upload_round}", max_upload_size=limit_mb,
        help=f"Up to {limit_mb} MB. Foreign files are only read, never run; what is wrong with one is said.",
    )  # fmt: skip
    if file is None:
        return
    data = file.getvalue()
    st.button(
        f"Import {plain(file.name)}, {format_bytes(len(data))}", key="instruments.import_now", type="primary",
        icon=":material/download:", on_click=_import, args=(data, Path(file.name).stem),
        help="It is checked, a 2021 zip is converted, and a copy goes into the workspace.",
    )  # fmt: skip


@errors.callback
def _import(data: bytes, name: str) -> None:
    with st.spinner("Reading the instrument"):
        imported = caches.library().import_file(data, name)
    st.session_state[_ROUND] += 1
    st.toast(f"{plain(imported.name)} is in your instruments.", icon=":material/check:")
    for warning in imported.warnings:
        st.toast(plain(warning), icon=":material/info:", duration="long")


def _undo_offer() -> None:
    held = st.session_state.get(_DELETED)
    if held is not None:
        text, button = st.columns([5, 1], vertical_alignment="center")
        text.markdown(f":material/delete: **{plain(held[0])}** was deleted.")
        button.button("Undo", key="instruments.undo", icon=":material/undo:", on_click=_undo, width="stretch",
                      help="Brings it back.")  # fmt: skip


@errors.callback
def _undo() -> None:
    _, token = st.session_state.pop(_DELETED)
    caches.library().undo(token)
