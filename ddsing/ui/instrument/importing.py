"""Bringing instruments in."""

from pathlib import Path

import streamlit as st

from ddsing.constants import MAX_INSTRUMENT_BYTES
from ddsing.ui.shell import errors, opened, values
from ddsing.ui.shell.formatting import format_bytes, plain

_ROUND = "instruments.upload_round"  # a new key empties the uploader, and with it the server's copy


def show() -> None:
    """The importer."""
    panel = st.expander(
        "Import an instrument",
        icon=":material/upload:",
        key=values.keep("instruments.import", False),
        on_change="rerun",
    )
    if panel.open:
        with panel, errors.guard():
            _uploader()


def _uploader() -> None:
    upload_round = st.session_state.setdefault(_ROUND, 0)
    limit_mb = MAX_INSTRUMENT_BYTES // 2**20
    file = st.file_uploader(
        "A ddsing instrument, or a zip exported by the 2021 notebooks",
        type=["zip"],
        key=f"instruments.uploader.{upload_round}",
        max_upload_size=limit_mb,
        help=f"Up to {limit_mb} MB. Files are only read, never run. Problems are reported.",
    )
    if file is None:
        return
    data = file.getvalue()
    st.button(
        f"Import {plain(file.name)}, {format_bytes(len(data))}",
        key="instruments.import_now",
        type="primary",
        icon=":material/download:",
        on_click=_import,
        args=(data, Path(file.name).stem),
        help="Checks the file, converts a 2021 zip, and saves a copy in the workspace.",
    )


@errors.callback
def _import(data: bytes, name: str) -> None:
    with st.spinner("Reading the instrument"):
        imported = opened.library().import_file(data, name)
    st.session_state[_ROUND] += 1
    st.toast(f"{plain(imported.name)} was added to your instruments.", icon=":material/check:")
    for warning in imported.warnings:
        st.toast(plain(warning), icon=":material/info:", duration="long")
