"""The sidebar: which workspace is open, and which device trains."""

import shutil
from pathlib import Path

import streamlit as st

import ddsing
from ddsing import hardware
from ddsing.ui.shell import opened, programs_panel, storage_panel, visitor
from ddsing.ui.shell.formatting import format_bytes, home_relative, plain

LOW_DISK_BYTES = 2e9
LOGO = Path(__file__).parent / "logo.svg"


def show() -> None:
    """Workspace, device, and a warning when the disk is nearly full."""
    st.logo(LOGO, size="large")
    with st.sidebar:
        workspace = opened.workspace()
        if not visitor.current().hosted:  # on a server, where the folder is says nothing to its owner
            st.caption(
                "Workspace",
                help="The folder with all your data. Start the dashboard with DDSING_WORKSPACE=DIR to use another one.",
            )
            st.markdown(f":material/folder_open: {plain(home_relative(workspace.root))}")
        free = shutil.disk_usage(workspace.root).free
        if free < LOW_DISK_BYTES:
            st.warning(f"Only {format_bytes(free)} left on this disk.", icon=":material/hard_drive:")
        storage_panel.show()
        programs_panel.show()
        st.caption("Device", help="Used for training. Transfers always run on the processor.")
        st.markdown(f":material/memory: {plain(hardware.device().name)}")
        st.caption(f"ddsing {ddsing.__version__}")
