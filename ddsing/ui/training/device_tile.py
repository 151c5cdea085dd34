"""The computer at a glance: GPUs with who uses them, processor, memory, disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing import hardware
from ddsing.ui.shell import errors, opened
from ddsing.ui.shell.formatting import format_bytes, percent, plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

REFRESH_S = 3.0
LOW_DISK_BYTES = 2e9


def show(*, busy: bool) -> None:
    """The tile, refreshed while something runs (`busy`); what shows that, starts the page again when it ends."""
    st.fragment(errors.guarded(_tile), run_every=REFRESH_S if busy else None)()


def _tile() -> None:
    seen = hardware.look(opened.workspace().root)
    with st.grid(3 if seen.gpus else 4, min_column_width=190):
        if not seen.gpus:
            st.metric(
                "Trains on",
                "processor",
                border=True,
                height="stretch",
                help="No NVIDIA GPU found. The small models are made for this; full-size models take a day or more.",
            )
        st.metric(
            f"Processor, {seen.n_cores} cores",
            f"{percent(seen.cpu_utilisation)} busy",
            border=True,
            height="stretch",
            help="Load of all programs on this computer.",
        )
        st.metric(
            "Free memory",
            format_bytes(seen.memory_available_bytes),
            border=True,
            height="stretch",
            help=f"of {format_bytes(seen.memory_total_bytes)}",
        )
        st.metric(
            "Free disk",
            format_bytes(seen.disk_free_bytes),
            border=True,
            height="stretch",
            help=f"of {format_bytes(seen.disk_total_bytes)}, on the workspace's disk",
        )
    for gpu in seen.gpus:
        _gpu(gpu)
    if seen.disk_free_bytes < LOW_DISK_BYTES:
        st.warning(
            "The disk is nearly full. Training pauses automatically before anything is lost. Free some space soon.",
            icon=":material/hard_drive:",
        )


def _gpu(gpu: hardware.Gpu) -> None:
    with st.container(border=True):
        st.markdown(f":material/developer_board: **{plain(gpu.name)}** :gray[gpu:{gpu.index}]")
        with st.grid(4, min_column_width=150):
            st.metric("Use", _known(gpu.utilisation, percent), help="Share of the last second the GPU was busy.")
            used = _known(gpu.memory_used_bytes, format_bytes)
            st.metric("Memory used", used, help=f"of {_known(gpu.memory_total_bytes, format_bytes)}")
            st.metric(
                "Temperature",
                _known(gpu.temperature_c, lambda value: f"{value} °C"),
                help="Most cards slow down automatically above about 85 °C.",
            )
            st.metric("Programs on it", len(gpu.processes), help="Programs using memory on this GPU.")
        if gpu.processes:
            st.caption(" · ".join(map(_process, gpu.processes)))


def _process(process: hardware.GpuProcess) -> str:
    name = plain(process.name) if process.name else "hidden program"
    return f"{name} ({process.pid})" + (f", {format_bytes(process.memory_bytes)}" if process.memory_bytes else "")


def _known(value: Any, said: Callable[[Any], str]) -> str:
    return "unknown" if value is None else said(value)
