"""TensorBoard for this workspace: opened on request, closed again, found again after a reload."""

from __future__ import annotations

import streamlit as st

from ddsing.training import board_process, folder
from ddsing.ui.shell import errors, opened, visitor
from ddsing.ui.shell.formatting import plain

POLL_S = 1.0
WATCH_S = 10.0  # once it listens, whether it still does


def show() -> None:
    """The button, or the way to what it has opened."""
    if visitor.current().hosted:  # TensorBoard would be on the server, where nobody could open it, without a sign-in
        return
    workspace = opened.workspace()
    state = _live(board_process.current(workspace))
    if not state and not folder.trained_besides(workspace, ""):
        return
    every = {"": None, "starting": POLL_S, "open": WATCH_S}[state]
    st.fragment(errors.guarded(_panel), run_every=every)(state)


def _live(found: board_process.BoardProcess | None) -> str:
    if found is None or not found.running:
        return ""
    return "open" if found.address else "starting"


def _panel(before: str) -> None:
    found = board_process.current(opened.workspace())
    if _live(found) != before:
        st.rerun(scope="app")
    if found is not None and _live(found):
        _opened(found)
        return
    if found is not None and found.failure:
        st.warning(plain(found.failure), icon=":material/warning:")
    st.button(
        "Open TensorBoard",
        key="board.open",
        icon=":material/monitoring:",
        on_click=_open,
        help="The standard viewer for training curves, with every run of this workspace. It runs on this "
        "computer only and closes with the dashboard.",
    )


def _opened(found: board_process.BoardProcess) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if found.address:
            st.link_button(
                f"TensorBoard: {found.address.rstrip('/')}",
                found.address,
                icon=":material/open_in_new:",
                help="Opens in a new tab.",
            )
        else:
            st.markdown(":material/hourglass_top: TensorBoard is starting.", width="content")
        st.button(
            "Close TensorBoard",
            key="board.close",
            icon=":material/close:",
            on_click=_close,
            help="Training runs are not affected.",
        )


@errors.callback
def _open() -> None:
    if visitor.current().hosted:
        return
    board_process.start(opened.workspace())


@errors.callback
def _close() -> None:
    board_process.close(opened.workspace())
