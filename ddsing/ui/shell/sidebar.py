"""The sidebar: which workspace is open, and which device does the work."""

import shutil
from pathlib import Path

import streamlit as st

import ddsing
from ddsing.ui.shell import opened, storage_panel, warmup
from ddsing.ui.shell.formatting import format_bytes, home_relative, plain

LOW_DISK_BYTES = 2e9
LOGO = Path(__file__).parent / "logo.svg"


def show() -> None:
    """Workspace, device, and a warning when the disk is nearly full."""
    st.logo(LOGO, size="large")
    with st.sidebar:
        workspace = opened.workspace()
        st.caption(
            "Workspace",
            help="The folder that holds everything. Start the dashboard with DDSING_WORKSPACE=DIR for another one.",
        )
        st.markdown(f":material/folder_open: {plain(home_relative(workspace.root))}")
        free = shutil.disk_usage(workspace.root).free
        if free < LOW_DISK_BYTES:
            st.warning(f"Only {format_bytes(free)} left on this disk.", icon=":material/hard_drive:")
        storage_panel.show()
        st.caption("Device", help="What renders and trains. It gets ready in the background; you can start already.")
        warm = _is_warm()
        st.fragment(_device, run_every=None if warm else 2.0)(asking=not warm)
        st.caption(f"ddsing {ddsing.__version__}")


def _is_warm() -> bool:
    return warmup.status().device is not None or warmup.status().failed


def _device(*, asking: bool) -> None:
    state = warmup.status()
    if asking and _is_warm():
        st.rerun(scope="app")  # after which nobody asks any more
    if state.failed:
        st.markdown(":material/error: TensorFlow can't be loaded; `ddsing doctor` says why.")
    elif state.device is None:
        st.markdown(":material/hourglass_top: warming up")
    else:
        st.markdown(f":material/memory: {plain(state.device)}")
