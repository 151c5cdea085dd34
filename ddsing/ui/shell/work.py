"""Work in the background of the pages: progress, time left, Cancel, and the result for whoever comes back.

A work belongs to the server and its workspace, not to a tab. Every page finds it: after a reload, in another tab, or
when it has ended while nobody looked. A tab follows one work: its own, else the one that is running.

What a page orders (`order`) is done by `ddsing.work.kinds`: on a local dashboard in a thread, which has everything in
memory already, so that the first sound comes soonest; on a hosted one by worker processes, see `ordered`. What can't be
an order (`start`) runs in a thread. Threads take turns, since each uses all cores; one that waits says for what.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from ddsing.errors import Cancelled
from ddsing.jobs import paces, time_left
from ddsing.ui.shell import caches, errors, looks, opened, ordered, visitor
from ddsing.ui.shell.ordered import Ordered
from ddsing.units import format_range
from ddsing.work.progress import STARTING, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from ddsing.jobs.paces import Paces
    from ddsing.sound.recording import Recording
    from ddsing.work.kinds import AtHand
    from ddsing.work.order import Order

POLL_S, SLOWEST_POLL_S, POLL_SHARE = 0.4, 2.0, 0.1
PAGE_FIRST_S = 2.0  # that a work gives the page to show its bar, which the computing would hold up
REACHES_S = 0.2  # until what is heard first has reached the browser, which the computing would hold up
WAITING = "waiting"
_KEY = "work.current"
_works: list[Work] = []  # of this server: those that wait or run, and those whose end nobody has seen yet
_adding = threading.Lock()
Report = Callable[[str, float | None], None]
_turn = threading.Lock()


class Work:
    """A function running in a thread; `progress(stage, fraction)` raises `Cancelled` once `cancel` was called.

    Parameters
    ----------
    parts : Sequence of Part
        The stages that take their time, as they are reported, see `ddsing.jobs.time_left`; without them the time left
        is that of the stage at work.
    learn : callable, optional
        Given what a unit of each part took, see `ddsing.jobs.paces.Paces.learn`.
    options : Mapping, optional
        Of the order that it does, see `ddsing.work.order.Order`.
    sound_key : str
        The key of the recording that it is about, if it is about one.
    heard : callable, optional
        Says whether there is something of it to hear, which comes before the page is shown, see `start`.
    """

    def __init__(
        self,
        label: str,
        function: Callable[[Report], Any],
        *,
        root: Path,
        tab: str,
        parts: Sequence[time_left.Part] = (),
        learn: Callable[[Mapping[str, float]], None] | None = None,
        options: Mapping[str, Any] | None = None,
        sound_key: str = "",
        heard: Callable[[], bool] | None = None,
    ):
        self.label = label
        self.options = options or {}
        self.sound_key = sound_key
        self.root = root
        self.tab = tab
        self.result: Any = None
        self.error: BaseException | None = None
        self._function = function
        self._parts, self._learn = parts, learn
        self._progress = Progress(parts, WAITING)
        self._cancelled, self._shown = threading.Event(), threading.Event()
        self._heard, self._page_first_s = heard, 0.0
        self._visitor = visitor.current()
        self._thread = threading.Thread(target=self._run, name=f"work: {label}", daemon=True)

    def start(self, *, page_first_s: float = 0.0) -> None:
        """Let it run, or wait for its turn.

        Before that, or once there is something of it to hear, it waits for a page that shows its bar, so long at most.
        """
        self._page_first_s = page_first_s
        self._thread.start()

    def shown(self) -> None:
        """A page shows how far it is."""
        self._shown.set()

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
    def waits(self) -> bool:
        """Whether it waits for another's end."""
        return self._progress.stage == WAITING

    @property
    def fraction(self) -> float:
        """Share of the whole that is done."""
        return self._progress.fraction

    @property
    def stage(self) -> str:
        """What it does, or what it waits for and for how long."""
        ahead = next((other for other in _works if other.running and not other.waits), None)
        if not self.waits or ahead is None or ahead is self:
            return STARTING if self.waits else self._progress.stage
        left = ahead.seconds_left
        ours = ahead.root == self.root  # else its name may be that of a file
        label = f":small[“{ahead.label}”]" if ours else "another person's work"
        return f"waiting for {label}" + (f", {format_range(*left)} left" if left else "")

    @property
    def seconds_left(self) -> time_left.Range | None:
        """Time left, once it can be told: of all its parts, or else of this stage."""
        return self._progress.left()

    def report(self, stage: str, fraction: float | None) -> None:
        """Called by the work itself; None for a share that can't be told."""
        if self._cancelled.is_set():
            raise Cancelled("Stopped.")
        self._progress.at(stage, fraction)
        if self._heard is not None and self._heard():
            self._let_page_show()
            time.sleep(REACHES_S)

    def _let_page_show(self) -> None:
        self._heard = None
        self._shown.wait(self._page_first_s)

    def _run(self) -> None:
        with visitor.lent(self._visitor):
            self._take_turn()

    def _take_turn(self) -> None:
        try:
            if self._heard is None:
                self._let_page_show()
            while not _turn.acquire(timeout=0.2):
                self.report(WAITING, 0.0)
            try:
                self._progress = Progress(self._parts)
                self.report(STARTING, 0.0)
                self.result = self._function(self.report)
                if self._learn is not None:
                    self._learn(self._progress.took())
            finally:
                _turn.release()
        except Exception as error:
            if not isinstance(error, Cancelled):
                logging.getLogger("ddsing").info("%s ended with %s", self.label, type(error).__name__)
            self.error = error
        finally:
            del self._function  # with what it has taken along


@dataclass(frozen=True)
class Ended:
    """How a work ended.

    Attributes
    ----------
    result
        What came of it; of an order see `ddsing.work.kinds.do`.
    error : BaseException or None
    ours : bool
        Whether it was this tab's, or that of a tab that is gone.
    """

    result: Any
    error: BaseException | None
    ours: bool


def current() -> Work | Ordered | None:
    """The work that the tab follows, running or just ended: its own, else one that it finds in the workspace."""
    followed = st.session_state.get(_KEY)
    if followed is None:
        found = [work for work in _of_this_workspace() if work.running or _left_alone(work)]
        if found:
            followed = st.session_state[_KEY] = found[0]
    return followed


def busy() -> bool:
    """Whether this tab's work is running, or one that a tab has left behind; another's is only waited for."""
    work = current()
    return work is not None and work.running and _left_alone(work)


def any_running() -> bool:
    """Whether somebody's work is running or waits, in any tab and workspace of this server."""
    return any(work.running for work in list(_works))


def start(
    label: str,
    function: Callable[[Report], Any],
    *,
    parts: Callable[[Paces], Sequence[time_left.Part]] = lambda known: (),
    options: Mapping[str, Any] | None = None,
    sound_key: str = "",
    heard: Callable[[], bool] | None = None,
) -> None:
    """Start a work in this tab unless one is running; a doubled click starts one.

    Parameters
    ----------
    parts : callable
        Given the paces known here, says of what parts the work consists; what they take is learnt.
    options : Mapping, optional
        Of the order that it does.
    sound_key : str
        Of the recording that it is about.
    heard : callable, optional
        Says whether there is something of it to hear.
    """
    with _adding:
        if busy():
            return
        known = paces.of(opened.workspace())
        root = opened.workspace().root
        tab, learn = ordered.tab(), known.learn
        work = Work(
            *(label, function),
            root=root,
            tab=tab,
            parts=parts(known),
            learn=learn,
            options=options,
            sound_key=sound_key,
            heard=heard,
        )
        work.start(page_first_s=PAGE_FIRST_S)
        _works.append(work)
    st.session_state[_KEY] = work


def order(
    kind: str,
    label: str,
    options: Mapping[str, Any],
    *,
    sound: Recording | None = None,
    at_hand: Callable[[], AtHand] | None = None,
    parts: Callable[[Paces], Sequence[time_left.Part]] = lambda known: (),
) -> None:
    """Order a work in this tab unless one is running; a doubled click orders one.

    Parameters
    ----------
    kind, options, sound
        See `ddsing.work.order.Order`.
    at_hand : callable, optional
        Gives what is in memory already, for a thread; by default the dashboard's loaded networks.
    parts : callable
        Given the paces known here, says of what parts the work consists; what they take is learnt.
    """
    from ddsing.transfer import first_sound
    from ddsing.work.order import Order

    asked = Order(kind, label, options, sound, tuple(parts(paces.of(opened.workspace()))))
    if ordered.by_workers():
        _submit(asked)
        return
    workspace, memory = opened.workspace(), _memory() if at_hand is None else at_hand()

    def function(report: Report) -> dict[str, Any]:
        from ddsing.work import kinds

        return kinds.do(workspace, asked, memory, report)

    sound_key = "" if sound is None else sound.key
    heard = first_sound.heard_yet(workspace, options.get("first_sound"))
    start(label, function, parts=lambda known: asked.parts, options=options, sound_key=sound_key, heard=heard)


def _memory() -> AtHand:
    from ddsing.work.kinds import AtHand

    return AtHand(caches.models())


def _submit(asked: Order) -> None:
    if not busy():
        st.session_state[_KEY] = ordered.submit(asked)


def finished() -> Ended | None:
    """The work that ended since the last run of the page, once."""
    work = current()
    if work is None or work.running:
        return None
    looks.anew()  # at what it has made
    del st.session_state[_KEY]
    ended = Ended(work.result, work.error, _left_alone(work))
    if isinstance(work, Ordered):
        if ended.ours:  # else its own tab is still to see it
            work.forget()
        return ended
    with _adding:
        if work in _works:
            _works.remove(work)
    return ended


def announce(done: Ended | None) -> None:
    """Say how the last work ended."""
    if done is None or done.error is None or not done.ours:
        return
    if isinstance(done.error, Cancelled):
        st.toast("Cancelled. Nothing was saved.", icon=":material/stop_circle:")
    else:
        st.error(errors.sentence(done.error), icon=":material/error:")


def _of_this_workspace() -> list[Work | Ordered]:
    root = opened.workspace().root
    return [*(work for work in list(_works) if work.root == root), *ordered.of_workspace()]


def _left_alone(work: Work | Ordered) -> bool:
    """Whether a work is this tab's, or that of a tab that is not there any more, such as this one's before a reload."""
    return work.tab == ordered.tab() or not _connected(work.tab)


def _connected(tab: str) -> bool:
    """Whether a tab is open in a browser."""
    from streamlit import runtime

    return runtime.exists() and runtime.get_instance().is_active_session(tab)


def show_progress() -> None:
    """How far the tab's work is; the page runs again when it has ended.

    A page of a hosted dashboard asks less often the longer it will take: with many people that is most of what a
    server does.
    """
    work = current()
    left_s = work.expected_left_s if isinstance(work, Ordered) else 0.0
    every_s = min(SLOWEST_POLL_S, max(POLL_S, POLL_SHARE * left_s))
    st.fragment(_bar, run_every=round(every_s, 1))()
    if isinstance(work, Work):
        work.shown()


@errors.guarded
def _bar() -> None:
    """A bar with stage, time left and Cancel; reruns the page when the work has ended.

    One line high, as a button, whatever the names: what is `:small` is cut where it is too long (page.css).
    """
    work = current()
    if work is None:
        return
    if not work.running:
        st.rerun(scope="app")
    left = None if work.waits else work.seconds_left
    text = "stopping" if work.cancelling else work.stage + (f", {format_range(*left)} left" if left else "")
    row = st.container(key="work-progress")
    bar, button = row.columns([3, 1], vertical_alignment="center")
    bar.progress(work.fraction, text=f":small[{work.label}]: {text}")
    button.button(
        "Cancel",
        key="work.cancel",
        on_click=work.cancel,
        disabled=work.cancelling,
        width="stretch",
        icon=":material/close:",
        help="Stops it without saving anything.",
    )
