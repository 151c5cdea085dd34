"""The end of the audit log."""

from __future__ import annotations

import datetime
import re

import streamlit as st

from ddsing.hosting import audit
from ddsing.ui.admin import desk

MOST = 200
TABLE_PX = 422  # eleven rows


def show() -> None:
    """The newest lines, with people's names in the place of their numbers."""
    entries, people = audit.newest(desk.site().engine, MOST), desk.people()

    def named(text: str) -> str:
        return re.sub(
            r"person (\d+)",
            lambda found: f"{people[int(found[1])].called} ({found[1]})" if int(found[1]) in people else found[0],
            text,
        )

    if not entries:
        st.caption("Nothing has happened yet.")
        return
    st.dataframe(
        {
            "When": [datetime.datetime.fromtimestamp(one.at_s) for one in entries],
            "Who": [named(one.who) for one in entries],
            "What": [one.what for one in entries],
            "About": [named(one.about) for one in entries],
        },
        hide_index=True,
        height=min(TABLE_PX, 37 + 35 * len(entries)),
        column_config={"When": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm:ss")},
        alt=f"The newest {len(entries)} lines of the log",
        placeholder="",
    )
    st.caption("It has no names of files, voices or instruments. All of it: `ddsing users log --most 1000`.")
