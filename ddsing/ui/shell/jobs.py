"""Background jobs on a page: finding a voice's, starting each once, and how their states are said."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import streamlit as st

from ddsing.jobs.status import JobStatus
from ddsing.names import same
from ddsing.ui.shell import errors, looks, opened, visitor
from ddsing.ui.shell.formatting import format_range, plain

STATES = {  # of a job: in words, colour of the badge, icon
    "starting": ("starting", "blue", ":material/rocket_launch:"),
    "waiting": ("waiting", "gray", ":material/hourglass_top:"),
    "running": ("running", "green", ":material/play_circle:"),
    "unknown": ("unknown", "orange", ":material/cloud_off:"),
    "stopping": ("stopping", "orange", ":material/stop_circle:"),
    "stopped": ("stopped", "gray", ":material/stop_circle:"),
    "paused": ("paused", "orange", ":material/pause_circle:"),
    "done": ("done", "green", ":material/check_circle:"),
    "failed": ("failed", "red", ":material/error:"),
    "lost": ("lost", "red", ":material/heart_broken:"),
}
_looked: ContextVar[dict[str, list[JobStatus]] | None] = ContextVar("looked", default=None)


@contextlib.contextmanager
def looked_at_once() -> Iterator[None]:
    """Within it all of a page sees the jobs as they were at its first look.

    A job may end while the page is drawn. If one part of it saw the job running and a later one, which would run the
    page again at the job's end, saw it ended, then the first part stayed as it was.
    """
    token = _looked.set({})
    try:
        with looks.of_one_run():
            yield
    finally:
        _looked.reset(token)


def store():
    """The workspace's jobs; guests have none. Parts of a page that run again by themselves look here."""
    from ddsing.jobs.store import JobStore

    visitor.members_only()
    found = visitor.current()
    if found.hosted:
        from ddsing.ui.shell.own_jobs import OwnJobs

        return OwnJobs(opened.workspace(), guard=found.quota)

    return JobStore(opened.workspace())


def listed() -> list[JobStatus]:
    """All jobs, the newest first, without their logs; see `looked_at_once`."""
    looked = _looked.get()
    if looked is None:
        return store().list()
    root = str(opened.workspace().root)
    if root not in looked:
        looked[root] = store().list()
        looks.anew()  # at what the jobs that have ended by now have made
    return looked[root]


def look() -> None:
    """Look at the jobs now; for pages that read what jobs make before they say how the jobs stand.

    What is read afterwards is then complete if its job is said to have ended.
    """
    listed()


def live() -> list[JobStatus]:
    """Those that run, or are going to by themselves."""
    return [job for job in listed() if job.live]


def of(voice_name: str, kind: str) -> JobStatus | None:
    """The voice's newest job of a kind, without its log."""
    return next((job for job in listed() if job.kind == kind and same(job.voice or "", voice_name)), None)


def any_live() -> bool:
    """Whether anything runs in the workspace, or is going to by itself."""
    return bool(live())


def badge(job: JobStatus) -> str:
    """The state as markdown."""
    said, colour, icon = STATES.get(job.state, (job.state, "gray", ":material/help:"))
    return f":{colour}-badge[{icon} {said}]"


def time_left(job: JobStatus) -> str:
    """``2–3 min left``, or nothing where it is not known."""
    said = how_long(job)
    return f"{said} left" if said and job.state == "running" else ""


def how_long(job: JobStatus) -> str:
    """``2–3 min``, or nothing where it is not known."""
    if job.eta_low_s is None or job.eta_high_s is None:
        return ""
    return format_range(job.eta_low_s, job.eta_high_s)


def behind(job: JobStatus) -> str:
    """Who a waiting job is behind; on a server for several people, how many, and how long the running one still has."""
    if not visitor.current().hosted:
        titles = ", ".join(map(plain, job.ahead))
        return f"behind {titles}" if titles else ""
    from ddsing.ui.shell.own_jobs import counted

    left = "" if job.wait_low_s is None or job.wait_high_s is None else format_range(job.wait_low_s, job.wait_high_s)
    said = plain(counted(job.ahead))
    return f"{said}, {left} left of the one running" if said and left else said


@errors.callback
def stop(job_id: str, *, force: bool = False) -> None:
    """Ask a job to stop; for buttons."""
    store().stop(job_id, force=force)


@errors.callback
def resume(job_id: str) -> None:
    """Start an ended job again; for buttons."""
    store().resume(job_id)


@errors.callback
def delete(job_id: str) -> None:
    """Take an ended job off the list; for buttons."""
    store().delete(job_id)
    st.toast("Job removed from the list. Its results are kept.", icon=":material/check:")
