"""All people's jobs that run or wait, in a table that draws only what is in sight; those ticked can be stopped."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.hosting import oversight
from ddsing.ui.admin import desk
from ddsing.ui.shell import errors, tables, ticks
from ddsing.ui.shell.formatting import format_range
from ddsing.ui.shell.jobs import STATES

if TYPE_CHECKING:
    from ddsing.hosting.census import Job
    from ddsing.hosting.people import Person

TABLE = "admin.jobs"
TABLE_PX = 387  # ten rows
REFRESH_S = 5.0
_Named = tuple[int, str]  # whose, and the job's id


def show() -> None:
    """The table and what can be done with those that are ticked, refreshed while the page is open."""
    st.fragment(errors.guarded(_show), run_every=REFRESH_S)()


def _show() -> None:
    found, people = desk.counted(), desk.people()
    if found is None:
        desk.wait_for_count()
        return
    jobs = sorted(found.jobs, key=lambda job: (not job.started_s, job.device, job.place, job.created_s))
    if not jobs:
        st.caption(":material/check_circle: Nothing runs or waits.")
        return
    key = ticks.key(TABLE, tuple(f"{job.person}/{job.id}" for job in jobs))
    st.dataframe(
        tables.written(_columns(jobs, people), {"Place": _whole}),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="multi-row",
        height=min(TABLE_PX, 37 + 35 * len(jobs)),
        column_config={
            "Done": st.column_config.ProgressColumn(format="percent", width="small"),
            "Place": st.column_config.NumberColumn(width=60, help="In the queue of its device."),
            "Since": st.column_config.DatetimeColumn(format="D MMM, HH:mm", help="When it was ordered."),
        },
        alt=f"{len(jobs)} jobs that run or wait",
        placeholder="",
    )
    rows = [row for row in st.session_state[key].selection.rows if row < len(jobs)]
    _actions([jobs[row] for row in rows])


def _whole(place: float) -> str:
    """A place as text; beside jobs that have none, pandas makes it a float."""
    return f"{int(place):,}"


def _columns(jobs: list[Job], people: dict[int, Person]) -> dict[str, list]:
    return {
        "Person": [people[job.person].called if job.person in people else f"person {job.person}" for job in jobs],
        "Job": [desk.KINDS.get(job.kind, job.kind) for job in jobs],
        "State": [STATES.get(job.state, (job.state,))[0] for job in jobs],
        "Place": [job.place or None for job in jobs],
        "Done": [round(job.fraction, 2) if job.started_s else None for job in jobs],
        "Left": [format_range(*job.left_s) if len(job.left_s) == 2 else "" for job in jobs],
        "Device": [job.engine or job.device for job in jobs],
        "Since": [datetime.datetime.fromtimestamp(job.created_s) for job in jobs],
    }


def _actions(chosen: list[Job]) -> None:
    if not chosen:
        st.caption(":material/touch_app: Tick jobs to stop them, or one that waits to put it first.")
        return
    named = [(job.person, job.id) for job in chosen]
    many = f"{len(chosen):,} jobs" if len(chosen) > 1 else "job"
    with st.container(horizontal=True):
        st.button(
            f"Stop {many}",
            key="admin.jobs.stop",
            icon=":material/stop:",
            on_click=_stop,
            args=(named,),
            help="They save first, and their owners can resume them.",
        )
        st.button(
            "Put first",
            key="admin.jobs.first",
            icon=":material/vertical_align_top:",
            on_click=_put_first,
            args=(named[0],),
            disabled=len(chosen) != 1 or not chosen[0].place,
            help="It is the next one on its device, and costs its owner no turn.",
        )
        if all(job.state == "stopping" for job in chosen):
            st.button(
                "Force stop",
                key="admin.jobs.force",
                icon=":material/dangerous:",
                on_click=_stop,
                args=(named,),
                kwargs={"force": True},
                help="Kills them. What is not saved is lost.",
            )


@errors.callback
def _stop(named: list[_Named], *, force: bool = False) -> None:
    for number, job in named:
        oversight.stop(desk.site(), number, job, by=desk.by(), force=force)
    said = "The job is being stopped." if len(named) == 1 else f"{len(named):,} jobs are being stopped."
    st.toast(said, icon=":material/stop_circle:")


@errors.callback
def _put_first(named: _Named) -> None:
    oversight.put_first(desk.site(), *named, by=desk.by())
    st.toast("It is the next one on its device.", icon=":material/vertical_align_top:")
