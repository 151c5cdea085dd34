"""Bringing instruments in: any number of zips at once, in the background, with a line about each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ddsing.constants import MAX_INSTRUMENT_BYTES
from ddsing.instrument.library import Library
from ddsing.ui.instrument import table
from ddsing.ui.shell import allowed, errors, opened, values, work
from ddsing.ui.shell.formatting import format_bytes, plain

_ROUND = "instruments.upload_round"  # a new key empties the uploader, and with it the server's copy
_IMPORT = "instruments.imported"  # what was imported last in this tab


@dataclass
class Import:
    """An import of some files; `names` and `lines` grow while it runs.

    Attributes
    ----------
    names : list[str]
        Of the instruments that were added.
    lines : list[tuple[bool, str]]
        Of each file whether it was added, and what is said of it, as markdown.
    """

    work: work.Work | work.Ordered | None = None
    names: list[str] = field(default_factory=list)
    lines: list[tuple[bool, str]] = field(default_factory=list)
    told: bool = False

    def take(self, library: Library, name: str, data: bytes) -> None:
        """Import one file; what is wrong with it is a line, and stops nothing."""
        try:
            allowed.require_bytes(repr(name), len(data))
            imported = library.import_file(data, Path(name).stem)
        except Exception as error:
            self.lines.append((False, f"**{plain(name)}**: {errors.sentence(error)}"))
            return
        remarks = "".join(f" {plain(warning)}" for warning in imported.warnings)
        self.names.append(imported.name)
        self.lines.append((True, f"**{plain(imported.name)}** was added to your instruments.{remarks}"))


def show() -> None:
    """The importer, and what became of what was imported last."""
    panel = st.expander(
        "Import instruments",
        icon=":material/upload:",
        key=values.keep("instruments.import", False),
        on_change="rerun",
    )
    if panel.open:
        with panel, errors.guard():
            _uploader()
    _results()


def _uploader() -> None:
    upload_round = st.session_state.setdefault(_ROUND, 0)
    limit_mb = MAX_INSTRUMENT_BYTES // 2**20
    files = st.file_uploader(
        "ddsing instruments, zips exported by the 2021 notebooks, or .tflite files of ddsp-vst",
        type=["zip", "tflite"],
        accept_multiple_files=True,
        key=f"instruments.uploader.{upload_round}",
        max_upload_size=limit_mb,
        help=f"Up to {limit_mb} MB each. Files are only read, never run. Problems are reported.",
    )
    if not files:
        return
    size = format_bytes(sum(file.size for file in files))
    what = plain(files[0].name) if len(files) == 1 else f"{len(files)} instruments"
    st.button(
        f"Import {what}, {size}",
        key="instruments.import_now",
        type="primary",
        icon=":material/download:",
        on_click=_import,
        args=(files,),
        disabled=work.busy(),
        help="Checks each file, converts those of others, and saves a copy of each in the workspace.",
    )


@errors.callback
def _import(files: Sequence[UploadedFile]) -> None:
    if work.busy():
        return
    allowed.count("uploads", len(files))
    asked, library = Import(), opened.library()
    zips = [(file.name, file.getvalue()) for file in files]

    def bring(report: Callable[[str, float], None]) -> None:
        for number, (name, data) in enumerate(zips):
            report(f"{number + 1} of {len(zips)}, {plain(name)}" if zips[1:] else plain(name), number / len(zips))
            asked.take(library, name, data)

    work.start("Importing", bring)
    asked.work = work.current()
    st.session_state[_IMPORT] = asked
    st.session_state[_ROUND] += 1


def _results() -> None:
    """A line for each file; once all are read, the new instruments are chosen, so that their cards are in sight."""
    asked: Import | None = st.session_state.get(_IMPORT)
    if asked is None:
        return
    if not asked.told and (asked.work is None or not asked.work.running):
        asked.told = True
        if asked.names:
            table.choose(reversed(asked.names))  # the newest first
    with st.container(border=True, key="instruments.results"):
        for added, said in asked.lines:
            st.markdown(f":{'green' if added else 'red'}[:material/{'check' if added else 'error'}:] {said}")
        if asked.told:
            st.button(
                "Close", key="instruments.results_close", type="tertiary", icon=":material/close:", on_click=_close
            )


@errors.callback
def _close() -> None:
    st.session_state.pop(_IMPORT, None)
