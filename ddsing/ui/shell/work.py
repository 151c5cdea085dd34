"""One piece of work in the background, per browser tab: progress, time left, Cancel.

The work runs in its own thread, so a click elsewhere or a reload does not lose it. Works of several tabs take turns,
since each uses all cores.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from ddsing.errors import Cancelled
from ddsing.jobs import time_left
from ddsing.ui.shell import errors
from ddsing.units import format_range

POLL_S = 0.4
WAITING = "waiting for another tab's work"
_KEY = "work.current"
_turn = threading.Lock()


class Work:
    """A function running in a thread; `progress(stage, fraction)` raises `Cancelled` once `cancel` was called."""

    def __init__(self, label: str, function: Callable[[Callable[[str, float], None]], Any]):
        self.label = label
        self.stage = WAITING
        self.fraction = 0.0
        self.result: Any = None
        self.error: BaseException | None = None
        self.started_s = self.stage_started_s = time.monotonic()
        self._function = function
        self._clock = time_left.Clock()
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"work: {label}", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Ask the work to stop at its next report."""
        self._cancelled.set()

    @property
    def cancelling(self) -> bool:
        """Asked to stop, and not stopped yet."""
        return self._cancelled.is_set() and self.running

    @property
    def running(self) -> bool:
        """Whether the thread is still at it."""
        return self._thread.is_alive()

    @property
    def seconds_left(self) -> time_left.Range | None:
        """Time left in this stage, once enough of it is done to tell."""
        return self._clock.left()

    def report(self, stage: str, fraction: float) -> None:
        """Called by the work itself."""
        if self._cancelled.is_set():
            raise Cancelled("Stopped.")
        if stage != self.stage:
            self.stage_started_s = time.monotonic()
        self.stage, self.fraction = stage, min(1.0, max(0.0, float(fraction)))
        self._clock.at(stage, self.fraction)

    def _run(self) -> None:
        try:
            while not _turn.acquire(timeout=0.2):
                self.report(WAITING, 0.0)
            try:
                self.stage_started_s = time.monotonic()
                self.result = self._function(self.report)
            finally:
                _turn.release()
        except Exception as error:
            if not isinstance(error, Cancelled):
                logging.getLogger("ddsing").info("%s ended with %s", self.label, type(error).__name__)
            self.error = error


def current() -> Work | None:
    """The tab's work, running or just ended."""
    return st.session_state.get(_KEY)


def busy() -> bool:
    """Whether this tab's work is running."""
    work = current()
    return work is not None and work.running


def start(label: str, function: Callable[[Callable[[str, float], None]], Any]) -> None:
    """Start a work in this tab unless one is running; a doubled click starts one."""
    if not busy():
        st.session_state[_KEY] = Work(label, function)


def finished() -> Work | None:
    """The work that ended since the last run of the page, once."""
    work = current()
    if work is None or work.running:
        return None
    del st.session_state[_KEY]
    return work


def announce(done: Work | None) -> None:
    """Say how the last work ended."""
    if done is None or done.error is None:
        return
    if isinstance(done.error, Cancelled):
        st.toast("Stopped; nothing half-done was kept.", icon=":material/stop_circle:")
    else:
        st.error(errors.sentence(done.error), icon=":material/error:")


@st.fragment(run_every=POLL_S)
@errors.guarded
def show_progress() -> None:
    """A bar with stage, time left and Cancel; reruns the page when the work has ended."""
    work = current()
    if work is None:
        return
    if not work.running:
        st.rerun(scope="app")
    left = work.seconds_left
    text = "stopping" if work.cancelling else work.stage + (f", {format_range(*left)} left" if left else "")
    bar, button = st.columns([6, 1], vertical_alignment="center")
    bar.progress(work.fraction, text=f"{work.label}: {text}")
    button.button(
        "Cancel",
        key="work.cancel",
        on_click=work.cancel,
        disabled=work.cancelling,
        width="stretch",
        icon=":material/close:",
        help="Stop; nothing half-done is kept.",
    )
