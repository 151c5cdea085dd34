"""How the site is: figures, the queue of each device, and use by day."""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.admin import desk
from ddsing.ui.shell import errors
from ddsing.ui.shell.formatting import format_bytes, format_duration, format_range, plain

if TYPE_CHECKING:
    from ddsing.hosting.census import Census, Job
    from ddsing.hosting.people import Person

REFRESH_S = 5.0
_DAY_S = 24 * 3600.0


def show() -> None:
    """Figures, devices and days, refreshed while the page is open."""
    st.fragment(errors.guarded(_show), run_every=REFRESH_S)()


def _show() -> None:
    found, people = desk.counted(), desk.people()
    if found is None:
        desk.wait_for_count()
        return
    _figures(found, people)
    _queues(found, people)
    _days(found)
    st.caption(f"Counted {format_duration(max(1.0, time.time() - found.at_s))} ago.")


def _figures(found: Census, people: dict[int, Person]) -> None:
    today = sum(person.seen_s > time.time() - _DAY_S for person in people.values())
    blocked = sum(person.blocked for person in people.values())
    running = sum(job.state in ("running", "stopping") for job in found.jobs)
    guests = len(desk.site().guests.inside())
    with st.grid(4, min_column_width=150):
        st.metric(
            "People",
            f"{len(people):,}",
            delta=f"{today:,} in the last 24 h",
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
            help=f"Everybody who has ever signed in; {blocked:,} of them blocked.",
        )
        st.metric(
            "Guests",
            f"{guests:,}",
            delta=f"up to {desk.site().config.guests.most:,}" if desk.site().config.guests.allowed else "not admitted",
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
            help="Guests who are in now.",
        )
        st.metric(
            "Jobs running",
            f"{running:,}",
            delta=f"{len(found.jobs) - running:,} waiting",
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
            help="Of all people.",
        )
        st.metric(
            "Workspaces",
            format_bytes(sum(found.n_bytes.values())),
            delta=f"{format_bytes(_free())} free",
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
            help="Disk space of all people's workspaces; guests' are deleted when they leave.",
        )


def _free() -> int:
    import shutil

    return shutil.disk_usage(desk.site().config.root).free


def _queues(found: Census, people: dict[int, Person]) -> None:
    from ddsing.jobs import device

    st.header("Devices")
    for name in device.names():
        jobs = [job for job in found.jobs if job.device == name and not job.engine]
        with st.container(border=True):
            st.markdown(f":material/memory: **{plain(_called(name))}** :gray[{_load(jobs)}]")
            for job in [job for job in jobs if job.started_s]:
                st.markdown(" · ".join(filter(None, [_whose(job, people), _kind(job), _left(job)])))
    elsewhere = [job for job in found.jobs if job.engine]
    if elsewhere:
        running = sum(bool(job.started_s) for job in elsewhere)
        with st.container(border=True):
            st.markdown(f":material/lan: **Cluster** :gray[{running:,} running, {len(elsewhere) - running:,} waiting]")


def _called(device_name: str) -> str:
    from ddsing import hardware
    from ddsing.jobs import device

    return hardware.processor() if device_name == "cpu" else device.describe(device_name)


def _load(jobs: list[Job]) -> str:
    waiting = [job for job in jobs if not job.started_s]
    n_people = len({job.person for job in waiting})
    who = f" of {n_people:,} {'person' if n_people == 1 else 'people'}" if waiting else ""
    return f"{len(waiting):,} waiting{who}" if waiting else "nothing waits" if len(jobs) else "idle"


def _whose(job: Job, people: dict[int, Person]) -> str:
    person = people.get(job.person)
    return plain(person.called if person is not None else f"person {job.person}")


def _kind(job: Job) -> str:
    return desk.KINDS.get(job.kind, job.kind)


def _left(job: Job) -> str:
    return f"{format_range(*job.left_s)} left" if len(job.left_s) == 2 else ""


def _days(found: Census) -> None:
    st.header("Use by day")
    days = list(reversed(found.days))
    if not any(day.people or day.guests or day.jobs for day in days):
        st.caption("No visits in the last two weeks.")
        return
    numbers: dict[str, list[float]] = {
        "People": [day.people for day in days],
        "Guests": [day.guests for day in days],
        "Jobs": [day.jobs for day in days],
        "Training": [day.device_s / 60.0 for day in days],
    }
    most = {name: max(1.0, *values) for name, values in numbers.items()}
    bar = st.column_config.ProgressColumn
    st.dataframe(
        {"Day": [datetime.date.fromisoformat(day.day) for day in days], **numbers},
        hide_index=True,
        height=37 + 35 * len(days),
        column_config={
            "Day": st.column_config.DateColumn(format="ddd D MMM", width="small"),
            "People": bar(format="%d", max_value=most["People"], help="People who signed in."),
            "Guests": bar(format="%d", max_value=most["Guests"], help="Guests who came in.", color="violet"),
            "Jobs": bar(format="%d", max_value=most["Jobs"], help="Jobs that were started.", color="blue"),
            "Training": bar(
                format="%d min",
                max_value=most["Training"],
                help="Time that devices were used for training.",
                color="green",
            ),
        },
        alt=f"People, guests, jobs and minutes of training on each of the last {len(days)} days",
        placeholder="",
    )
