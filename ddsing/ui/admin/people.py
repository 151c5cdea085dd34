"""Everybody in a table that draws only what is in sight; who is clicked, can be blocked or let in again."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.hosting import oversight
from ddsing.ui.admin import desk
from ddsing.ui.shell import errors, tables, ticks, values
from ddsing.ui.shell.formatting import format_bytes, plain, when

if TYPE_CHECKING:
    from ddsing.hosting.census import Census
    from ddsing.hosting.people import Person

TABLE, FIND = "admin.people", "admin.people.find"
TABLE_PX = 387  # ten rows


def show() -> None:
    """Search, table, and the card of who is chosen."""
    found, everybody = desk.counted(), list(desk.people().values())
    wanted = st.text_input(
        "Find people",
        key=values.keep(FIND, ""),
        icon=":material/search:",
        label_visibility="collapsed",
        placeholder="Find by name, address or number, or type: admin, blocked",
    )
    shown = [person for person in everybody if _matches(person, wanted)]
    if not shown:
        st.caption(f"None of the {len(everybody):,} people matches.")
        return
    key = ticks.key(TABLE, tuple(str(person.id) for person in shown))
    st.dataframe(
        tables.written(_columns(shown, found), {"Size": format_bytes, "Jobs": _count}),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        height=min(TABLE_PX, 37 + 35 * len(shown)),
        column_config={
            "Number": st.column_config.NumberColumn(width=70, help="As in the log and in ddsing users."),
            "Last visit": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
            "Size": st.column_config.NumberColumn(width=90, help="Disk space of the workspace, as counted last."),
            "Jobs": st.column_config.NumberColumn(width=60, help="Jobs that run or wait."),
        },
        alt=f"{len(shown)} people",
        placeholder="",
    )
    st.caption(f"{len(shown):,} of {len(everybody):,} people." if wanted.strip() else f"{len(everybody):,} people.")
    rows = [row for row in st.session_state[key].selection.rows if row < len(shown)]
    if rows:
        _card(shown[rows[0]], found)
    else:
        st.caption(":material/touch_app: Tick a row to block somebody, or let them in again.")


def _matches(person: Person, wanted: str) -> bool:
    said = [person.name, person.address, str(person.id), person.role, "blocked" if person.blocked else ""]
    return all(word in " ".join(said).casefold() for word in wanted.casefold().split())


def _count(n: int) -> str:
    return f"{n:,}" if n else ""


def _columns(shown: list[Person], found: Census | None) -> dict[str, list]:
    n_bytes = {} if found is None else found.n_bytes
    jobs: dict[int, int] = {}
    for job in () if found is None else found.jobs:
        jobs[job.person] = jobs.get(job.person, 0) + 1
    return {
        "Number": [person.id for person in shown],
        "Name": [person.called for person in shown],
        "Address": [person.address for person in shown],
        "Role": ["blocked" if person.blocked else person.role for person in shown],
        "Last visit": [datetime.datetime.fromtimestamp(person.seen_s) for person in shown],
        "Size": [n_bytes.get(person.id) for person in shown],
        "Jobs": [jobs.get(person.id, 0) for person in shown],
    }


def _card(person: Person, found: Census | None) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        role = ":red-badge[:material/block: blocked]" if person.blocked else f":gray-badge[{person.role}]"
        st.markdown(
            f"**{plain(person.called)}** {role}  \n:small[:gray[{_about(person)}]]",
            width="stretch",
        )
        st.button(
            "Let in again" if person.blocked else "Block",
            key=f"admin.block.{person.id}",
            icon=":material/lock_open:" if person.blocked else ":material/block:",
            on_click=_block,
            args=(person.id, not person.blocked),
            disabled=person.who == desk.by() and not person.blocked,
            help="They can sign in again."
            if person.blocked
            else "Ends all sessions at once and keeps them out. Files and running jobs are kept.",
        )


def _about(person: Person) -> str:
    address = person.address if person.address != person.called else ""
    return " · ".join(filter(None, [f"number {person.id}", plain(address), f"since {when(person.created_s)}"]))


@errors.callback
def _block(number: int, blocked: bool) -> None:
    person = oversight.block(desk.site(), number, blocked, by=desk.by())
    said = "is blocked." if blocked else "can sign in again."
    st.toast(f"{plain(person.called)} {said}", icon=":material/check:")
