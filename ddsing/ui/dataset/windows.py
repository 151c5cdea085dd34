"""Looking into a dataset: every window on a coverage plot, one of them from close up, and which are left out."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ddsing.dataset.voices import Voice
from ddsing.ui.dataset import cache
from ddsing.ui.shell import errors, values
from ddsing.ui.shell.formatting import percent, plain, unseen

if TYPE_CHECKING:
    from ddsing.dataset.windows import Window, WindowTable

ORDERS = {
    "time": "as recorded",
    "confidence": "lowest pitch confidence first",
    "silence": "most silent first",
    "clipping": "most clipped first",
}
COLOURS = {"state": "Use", "confidence": "Confidence", "silence": "Silence", "clipping": "Clipping"}
_ORDER, _PLACE, _COLOUR, _BOXED = "windows.order", "windows.place", "windows.colour", "windows.boxed"
MAX_HEIGHT = 520


def show(voice: Voice) -> None:
    """The section; nothing of it runs before it is opened."""
    if not voice.prepared:
        return
    panel = st.expander(
        "Browse the windows",
        icon=":material/manage_search:",
        key=values.keep(f"windows.{voice.name}", False),
        on_change="rerun",
    )
    if panel.open:
        with panel, errors.guard():
            st.fragment(errors.guarded(_inspect))(voice, cache.dataset_stamp(voice))


def _inspect(voice: Voice, before: tuple) -> None:
    if cache.dataset_stamp(voice) != before:  # above is said whether the dataset is up to date
        st.rerun(scope="app")
    table = cache.windows(voice)
    if not len(table):
        st.info("This dataset has no windows.", icon=":material/inbox:")
        return
    rows = _ordered(voice, table)
    row = int(rows[st.session_state[_PLACE] - 1])
    _coverage(voice, table, rows, row)
    _steer(voice, table, rows, row)
    _close_up(voice, table, row)


def _ordered(voice: Voice, table: WindowTable) -> np.ndarray:
    """Rows in the chosen order; the place stays inside them."""
    rows = table.order(st.session_state[values.among(_ORDER, list(ORDERS))])
    values.keep(_PLACE, 1, about=voice.name)
    st.session_state[_PLACE] = min(max(1, st.session_state[_PLACE]), len(rows))
    return rows


# All windows


def _coverage(voice: Voice, table: WindowTable, rows: np.ndarray, row: int) -> None:
    from ddsing.plots import coverage, style

    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        colour = st.segmented_control(
            "Colour by",
            list(COLOURS),
            format_func=COLOURS.__getitem__,
            key=values.among(_COLOUR, list(COLOURS)),
            required=True,
            help="Click a cell to see its window. Draw a box over cells to exclude or include them together.",
        )
    windows, key, stamp = _as_plotted(table), f"windows.coverage.{colour}", cache.dataset_stamp(voice)
    boxed = _in_the_box(stamp)
    figure = coverage.figure(windows, colour=colour or "state", current=row, boxed=boxed)
    with st.container(height=MAX_HEIGHT if figure.layout.height > MAX_HEIGHT else "content", border=False):
        st.plotly_chart(
            figure,
            key=key,
            on_select=functools.partial(_press, key, rows, stamp),
            selection_mode=("points", "box"),
            config=style.CONFIG,
            alt=coverage.alt_text(windows),
        )
    with right:
        _counts(table)
    if boxed:
        _boxed(voice, table, boxed)


def _in_the_box(stamp: tuple) -> tuple[int, ...]:
    """The windows in the box that was drawn over the table of this stamp."""
    drawn_over, boxed = st.session_state.get(_BOXED, ((), ()))
    return boxed if drawn_over == stamp else ()


@errors.callback
def _press(key: str, rows: np.ndarray, stamp: tuple) -> None:
    """Take up what was chosen: the plot forgets it as soon as it is drawn in another way, as it is for a box."""
    from ddsing.plots import coverage

    chosen = st.session_state.get(key)
    st.session_state[_BOXED] = (stamp, coverage.boxed(chosen))
    row = coverage.pressed(chosen)
    if row is not None:
        st.session_state[_PLACE] = int(np.flatnonzero(rows == row)[0]) + 1


def _as_plotted(table: WindowTable):
    from ddsing.plots import coverage

    state = np.where(table.excluded, "excluded", np.where(table.state == "excluded", "train", table.state))
    starts = np.sort(table.start_s[table.file == table.file[0]])
    hop_s = float(np.median(np.diff(starts))) if len(starts) > 1 else 1.0
    return coverage.Windows(
        ids=range(len(table)),
        file=[str(name) or "dataset" for name in table.file],
        start_s=table.start_s,
        state=list(map(str, state)),
        confidence=table.confidence,
        silence=table.silence,
        clipping=table.clipping,
        hop_s=max(hop_s, 0.1),
    )


def _counts(table: WindowTable) -> None:
    changed = int((table.excluded != (table.state == "excluded")).sum())
    said = f"{len(table):,} windows, {int(table.excluded.sum()):,} excluded by you"
    st.caption(said + (f" · {changed} changed since the dataset was prepared" if changed else ""))


def _boxed(voice: Voice, table: WindowTable, boxed: tuple[int, ...]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(boxed)} window{'' if len(boxed) == 1 else 's'}** in the box")
        st.button(
            "Exclude them",
            key="windows.exclude_box",
            icon=":material/do_not_disturb_on:",
            on_click=_set,
            args=(voice, table, boxed, True),
            help="Don't train on these windows.",
        )
        st.button(
            "Include them",
            key="windows.include_box",
            icon=":material/add_circle:",
            on_click=_set,
            args=(voice, table, boxed, False),
            help="Train on these windows again.",
        )
        st.button(
            unseen("Remove the box"),
            key="windows.clear_box",
            icon=":material/close:",
            type="tertiary",
            on_click=_clear_box,
            help="Remove the box.",
        )


@errors.callback
def _clear_box() -> None:
    st.session_state.pop(_BOXED, None)


@errors.callback
def _set(voice: Voice, table: WindowTable, rows: tuple[int, ...], excluded: bool) -> None:
    from ddsing.dataset import windows

    (windows.exclude if excluded else windows.include)(voice, rows, seen=table)
    said = "excluded" if excluded else "included"
    st.toast(
        f"{len(rows)} window{'' if len(rows) == 1 else 's'} {said} the next time you prepare.",
        icon=":material/check:",
    )


# One window


def _steer(voice: Voice, table: WindowTable, rows: np.ndarray, row: int) -> None:
    order, place, buttons = st.columns([3, 5, 2], vertical_alignment="bottom")
    with order:
        st.selectbox(
            "Order",
            list(ORDERS),
            format_func=ORDERS.__getitem__,
            key=_ORDER,
            on_change=_first,
            help="Sort by the worst first to find windows to exclude.",
        )
    with place:
        if len(rows) > 1:
            st.slider("Window", 1, len(rows), key=_PLACE, help="Position in the order above.")
    with buttons.container(horizontal=True, gap="small"):
        st.button(
            unseen("Previous window"),
            key="windows.before",
            icon=":material/chevron_left:",
            help="Previous window",
            width="stretch",
            disabled=st.session_state[_PLACE] <= 1,
            on_click=_move,
            args=(-1,),
        )
        st.button(
            unseen("Next window"),
            key="windows.after",
            icon=":material/chevron_right:",
            help="Next window",
            width="stretch",
            disabled=st.session_state[_PLACE] >= len(rows),
            on_click=_move,
            args=(1,),
        )


@errors.callback
def _first() -> None:
    st.session_state[_PLACE] = 1


@errors.callback
def _move(by: int) -> None:
    st.session_state[_PLACE] += by


def _close_up(voice: Voice, table: WindowTable, row: int) -> None:
    from ddsing.plots import style

    window = cache.window(voice, row)
    excluded = bool(table.excluded[row])
    about, button = st.columns([5, 1], vertical_alignment="center")
    about.markdown(_about(table, row, window))
    if not excluded:
        button.button(
            "Exclude",
            key="windows.exclude",
            icon=":material/do_not_disturb_on:",
            width="stretch",
            on_click=_set,
            args=(voice, table, (row,), True),
            help="Don't train on this window.",
        )
    else:
        button.button(
            "Include",
            key="windows.include",
            icon=":material/add_circle:",
            width="stretch",
            on_click=_set,
            args=(voice, table, (row,), False),
            help="Train on this window again.",
        )
    wav, figure, alt = cache.close_up(voice, row)
    st.audio(wav, format="audio/wav", alt=f"window {row + 1} of {voice.name}")
    st.plotly_chart(figure, key="windows.figure", config=style.CONFIG, alt=alt)


def _about(table: WindowTable, row: int, window: Window) -> str:
    from ddsing.plots.coverage import STATES

    state = "excluded" if table.excluded[row] else str(table.state[row])
    name = plain(window.file) if window.file else "a 2021 dataset, without names of recordings"
    parts = [f"**{name}**", f"starts at {window.start_s:.0f} s"]
    parts += [STATES.get(state, (state,))[0]]
    if np.isfinite(table.confidence[row]):
        parts.append(f"confidence {table.confidence[row]:.2f}")
    for label, shares in (("silent", table.silence), ("clipped", table.clipping)):
        if np.isfinite(shares[row]) and shares[row] > 0:
            parts.append(f"{percent(float(shares[row]))} {label}")
    return " · ".join(parts)
