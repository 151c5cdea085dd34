"""This computer at a glance: device, processor, memory, disk."""

import shutil

import psutil
import streamlit as st

from ddsing.ui import caches, warmup
from ddsing.ui.formatting import format_bytes, plain

REFRESH_S = 3.0


@st.fragment(run_every=REFRESH_S)
def show() -> None:
    """Four numbers, refreshed while the page is looked at."""
    state, memory = warmup.status(), psutil.virtual_memory()
    disk = shutil.disk_usage(caches.workspace().root)
    cards = st.columns(4)
    cards[0].metric("Device", plain(state.device or ("not available" if state.failed else "warming up")), border=True)
    cards[1].metric(f"Processor, {psutil.cpu_count() or 1} cores", f"{psutil.cpu_percent():.0f} % busy", border=True)
    cards[2].metric("Free memory", format_bytes(memory.available), border=True,
                    help=f"of {format_bytes(memory.total)}")  # fmt: skip
    cards[3].metric("Free disk", format_bytes(disk.free), border=True, help="where the workspace lies")
