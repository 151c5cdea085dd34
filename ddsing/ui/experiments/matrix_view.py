"""The voice matrix: instruments × recordings, rendered in the background, heard in a table of players."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import TRACKERS
from ddsing.jobs.time_left import around
from ddsing.ui.experiments import chosen_takes, matrix_cells
from ddsing.ui.player import players
from ddsing.ui.shell import caches, errors, jobs, links, opened, sources, trackers
from ddsing.ui.shell.formatting import format_range, plain

if TYPE_CHECKING:
    from ddsing.experiments.comparison.matrix import Matrix

INSTRUMENTS, RECORDINGS, TRACKER, FITTED = "instruments", "recordings", "tracker", "fitted"
POLL_S = 1.5
_GRID = "matrix.grid"
_IDS = "matrix.ids"  # of the cells that are there, row by row
_COUNT = "matrix.count"


def show() -> None:
    """The view."""
    jobs.look()
    st.write("Every instrument sings every recording. Cells appear as they are rendered; each is rendered only once.")
    names = [entry.name for entry in caches.own_instruments() if not entry.error]  # a job's, which knows this workspace
    files = [sources.name_of(path) for path in sources.own_examples()]
    if not names or not files:
        missing = (
            "instruments: import one on the Instruments page" if not names else "recordings in the examples folder"
        )
        st.info(f"No {missing}.", icon=":material/grid_on:")
        return
    matrix = _choose(names, files)
    if matrix is None:
        st.info("Choose instruments and recordings.", icon=":material/checklist:")
        return
    cells = matrix_cells.look(matrix)
    new_s = cells.to_analyse_s
    trackers.show_times(new_s, of="these recordings", known={name for name, one_s in new_s.items() if not one_s})
    _work(matrix, cells)
    with errors.guard():
        _grid(matrix, cells)


def _choose(names: list[str], files: list[str]):
    from ddsing.experiments.comparison.matrix import Matrix

    left, right = st.columns(2)
    links.choices(INSTRUMENTS, names, names[:4])
    links.choices(RECORDINGS, files, files[:4])
    instruments = left.multiselect("Instruments", names, key=INSTRUMENTS, persist_state="session")
    chosen = right.multiselect("Recordings", files, key=RECORDINGS, persist_state="session")
    links.keep(INSTRUMENTS, instruments, first=names[:4])
    links.keep(RECORDINGS, chosen, first=files[:4])
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        links.choice(TRACKER, TRACKERS, "tiny")
        tracker = trackers.choose(TRACKER, "How the pitch of the recordings is found.")
        fitted = st.toggle(
            "Shift recordings into each instrument's range",
            value=True,
            key=links.bound(FITTED, True),
            bind="query-params",
            help="Uses the octave and loudness shifts that bring most of it into range.",
        )
        links.keep(TRACKER, [tracker] if tracker != "tiny" else [])
        with st.container(width=170, horizontal_alignment="right"):
            links.copy_button(key="matrix.link")
    if not instruments or not chosen:
        return None
    return Matrix(tuple(instruments), tuple(chosen), tracker, fitted=bool(fitted))


def _work(matrix: Matrix, cells: matrix_cells.Cells) -> None:
    """What is missing, the job that renders it, and how far that is."""
    n_cells, n_there = cells.n_cells, cells.n_there
    job = _job(matrix)
    if job is not None and job.live:
        st.session_state[_COUNT] = n_there
        _progress(matrix, job.id)
        return
    if job is not None and job.state in ("failed", "paused", "lost"):
        st.warning(plain(job.message or "Rendering stopped unexpectedly. Start it again."), icon=":material/error:")
    if n_there == n_cells:
        return
    n_missing = n_cells - n_there
    left, right = st.columns([3, 2], vertical_alignment="center")
    left.markdown(f"**{n_there} of {n_cells}** cells are rendered." if n_there else f"**{n_cells}** cells to render.")
    label = f"Render {n_missing} {'cell' if n_missing == 1 else 'cells'}: about {format_range(*around(cells.seconds))}"
    right.button(
        label,
        key="matrix.start",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        on_click=_start,
        args=(matrix,),
        help="Runs in the background: you can close the page. Rendered cells are kept.",
    )


def _job(matrix: Matrix):
    """The newest job of just this matrix."""
    from ddsing.experiments.comparison import job as domain

    key = domain.key(matrix)
    return next((job for job in jobs.listed() if job.key == key), None)


@errors.callback
def _start(matrix: Matrix) -> None:
    from ddsing.experiments.comparison import job as domain

    job = _job(matrix)
    if job is not None and job.resumable:
        jobs.store().resume(job.id)
        return
    jobs.store().submit(domain.order(opened.workspace(), matrix))


@st.fragment(run_every=POLL_S)
@errors.guarded
def _progress(matrix: Matrix, job_id: str) -> None:
    job = jobs.store().status(job_id)
    cells = matrix_cells.look(matrix)
    if not job.live or cells.n_there != st.session_state.get(_COUNT):
        st.rerun(scope="app")
    bar, button = st.columns([6, 1], vertical_alignment="center")
    left = f", {jobs.time_left(job)}" if jobs.time_left(job) else ""
    said = f"{cells.n_there} of {cells.n_cells} cells: {job.stage or job.state}{left}"
    bar.progress(cells.n_there / cells.n_cells, text=plain(said))
    button.button(
        "Stop",
        key="matrix.stop",
        icon=":material/stop_circle:",
        on_click=jobs.stop,
        args=(job_id,),
        width="stretch",
        disabled=job.state == "stopping",
    )


def _grid(matrix: Matrix, cells: matrix_cells.Cells) -> None:
    job = _job(matrix)
    refused = {}
    if job is not None:
        for entry in job.extra.get("refused") or ():
            refused[(entry.get("instrument"), entry.get("recording"))] = str(entry.get("reason"))
    columns, rows = matrix_cells.table(matrix, cells, refused, running=job is not None and job.live)
    st.session_state[_IDS] = [[take.id for take in row if take is not None] for row in cells.takes]
    players.matrix(columns, rows, key=_GRID, on_compare=_compare)
    st.caption(
        "Within a row, a click switches at the same position and matched loudness. Each cell shows how much of the "
        "singing is in the instrument's range, the pitch error, the loudness error, and how the recording was "
        "shifted to fit."
    )


@errors.callback
def _compare() -> None:
    row = st.session_state[_GRID].compare
    if row is not None:
        chosen_takes.put(st.session_state[_IDS][int(row)])
        st.session_state["view"] = "takes"
