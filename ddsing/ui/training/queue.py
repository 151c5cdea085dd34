"""All trainings and preparations that run or wait, and who is ahead; and those that have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.shell import errors, jobs, values, voice_picker
from ddsing.ui.shell.formatting import plain, unseen, when

if TYPE_CHECKING:
    from ddsing.jobs.status import JobStatus

POLL_S = 2.0
MOST_ENDED = 8
_SHOWN = "queue.shown"  # the ids and states of the last run, to see when one has begun or ended


def show(*, besides: str | None) -> None:
    """The live ones, refreshed while there are any; nothing where that with id `besides`, shown below, is the only."""
    live = jobs.live()
    if any(job.id != besides for job in live):
        st.fragment(errors.guarded(_live), run_every=POLL_S)(_signature(live))


def _signature(found: list) -> tuple:
    return tuple((job.id, job.state) for job in found)


def _live(before: tuple) -> None:
    found = jobs.store().live()
    if _signature(found) != before:
        st.rerun(scope="app")
    with st.container(border=True):
        st.markdown(
            "**Running**",
            help="Each device runs one training at a time. The others wait and start automatically, "
            "even when the dashboard is closed.",
        )
        for job in sorted(found, key=lambda job: (job.state == "waiting", len(job.ahead), job.created)):
            _row(job)


def _row(job: JobStatus) -> None:
    parts = [f"**{plain(job.title)}** {jobs.badge(job)}"]
    if job.state == "unknown":
        parts.append(f"{plain(job.engine)} does not answer")
    elif job.state == "waiting":
        parts.append(jobs.behind(job) or "waiting for its turn")
        parts += [f"in the queue of {plain(job.engine)}"] if job.engine else []
    elif job.step is not None and job.steps:
        parts.append(f"step {job.step:,} of {job.steps:,}")
    elif job.stage:
        parts.append(plain(job.stage))
    parts += [jobs.time_left(job)] if jobs.time_left(job) else []
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(" · ".join(parts), width="stretch")
        st.button(
            unseen(f"Stop {plain(job.title)}"),
            key=f"queue.stop.{job.id}",
            icon=":material/stop:",
            on_click=jobs.stop,
            args=(job.id,),
            disabled=job.state == "stopping",
            help=f"Stop {plain(job.title)}. It saves first, and you can resume it later.",
        )


def ended() -> None:
    """Those that have ended, newest first, in a panel that is read only once it is opened."""
    panel = st.expander(
        "Earlier jobs", icon=":material/history:", key=values.keep("queue.ended", False), on_change="rerun"
    )
    if not panel.open:
        return
    with panel, errors.guard():
        found = [job for job in jobs.listed() if not job.live]
        if not found:
            st.caption("None yet.")
        for job in found[:MOST_ENDED]:
            _ended_row(job)
        if len(found) > MOST_ENDED:
            st.caption(f"and {len(found) - MOST_ENDED} older ones")


def _ended_row(job: JobStatus) -> None:
    said, look, remove = st.columns([6, 1, 1], vertical_alignment="center")
    message = f"  \n:small[{plain(job.message)}]" if job.message else ""
    said.markdown(f"**{plain(job.title)}** {jobs.badge(job)} :gray[{when(job.ended or job.created)}]{message}")
    if job.voice:
        look.button(
            "Show",
            key=f"queue.show.{job.id}",
            on_click=voice_picker.choose,
            args=(job.voice,),
            width="stretch",
            help="Show this voice on the page.",
        )
    remove.button(
        unseen(f"Remove {plain(job.title)} from the list"),
        key=f"queue.delete.{job.id}",
        icon=":material/delete:",
        on_click=jobs.delete,
        args=(job.id,),
        width="stretch",
        help="Remove from the list. Its results are kept.",
    )
