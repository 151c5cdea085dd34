"""Parameters: a voice trained with many harmonics and noise bands, as a heat map to see and a grid to hear."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.dataset import voices
from ddsing.experiments.sweep import grid, results
from ddsing.experiments.sweep.results import Result
from ddsing.ui.experiments import parameter_start
from ddsing.ui.shell import caches, errors, links, opened, sources, values
from ddsing.ui.shell.formatting import plain
from ddsing.ui.training.export import say

if TYPE_CHECKING:
    import numpy as np

VOICE, MEASURE, STEP, CELL, PHRASE, ROWS, COLUMNS = (
    f"ps_{name}" for name in ("voice", "measure", "step", "cell", "phrase", "rows", "columns")
)
MEASURES = {
    "loss": ("Loss", "loss", 2),
    "held_out": ("Held-out loss", "held-out loss", 2),
    "timbre": ("Timbre error", "timbre error, dB", 1),
    "parameters": ("Weights", "weights", -1),
    "seconds": ("Seconds per step", "s per step", 3),
}
BUILT_IN = "Built-in phrase"
MOST_PLAYERS = 36


def show() -> None:
    """The view."""
    workspace = opened.workspace()
    swept = results.swept(workspace)
    usable = [voice.name for voice in voices.usable(workspace)]
    there = sorted({*swept, *usable} - results.all_names(workspace), key=str.lower)
    if not there:
        st.info(
            "A sweep trains one voice many times, so you can hear what each parameter does. "
            "Add recordings of a voice first.",
            icon=":material/tune:",
        )
        st.page_link("pages/datasets.py", label="Go to Datasets", icon=":material/library_music:")
        return
    first = there.index(swept[0]) if swept else 0
    voice = st.selectbox(
        "Voice",
        there,
        index=first,
        key=links.bound(VOICE, there[first], options=there),
        bind="query-params",
        help="All runs of a sweep use this voice's dataset.",
    )
    with errors.guard():
        parameter_start.job_panel(voice)
    found = [cell for cell in results.cells(workspace, voice) if cell.steps]
    if found:
        with errors.guard():
            _results(found)
    with errors.guard():
        parameter_start.form(voice, first=not found)


def _pick(names: list[str], best: str) -> str:
    ordered = [best, *(name for name in names if name != best)]  # the first is the default, which a link leaves out
    return st.selectbox(
        "Cell",
        ordered,
        key=links.bound(CELL, best, options=ordered),
        bind="query-params",
        help="Or click it in the map.",
    )


def _results(found: list[Result]) -> None:
    axes = results.axes(found)
    measure, step, phrase = _controls(found)
    rows, columns, found = _arranged(found, axes)
    shown, placed = results.matrix(found, rows, columns, measure, step=step)
    cells = [cell for line in placed for cell in line if cell is not None]
    if not cells:
        st.caption("No run has these values yet.")
        return
    left, right = st.columns([3, 2], gap="large")
    with right, errors.guard():
        name = _pick([cell.name for cell in cells], _best(shown, placed))
        _close_up(next(cell for cell in cells if cell.name == name), step, phrase)
    with left:
        _heat_map(rows, columns, shown, placed, measure, name)
    _players(placed, rows, columns, step, phrase)


def _controls(found: list[Result]):
    last = max(cell.steps for cell in found)
    stride = max(1, last // 100)
    top = max(2 * stride, -(-last // stride) * stride)
    measure = st.segmented_control(
        "Show",
        list(MEASURES),
        key=links.bound(MEASURE, "loss", options=list(MEASURES), shown=lambda name: MEASURES[name][0]),
        default="loss",
        required=True,
        format_func=lambda name: MEASURES[name][0],
        bind="query-params",
    )
    with st.grid(2, min_column_width=220):
        step = st.slider(
            "At step",
            stride,
            top,
            top,
            step=stride,
            key=_step(stride, top),
            bind="query-params",
            help="Runs that have not got this far show their latest step.",
        )
        phrases = [BUILT_IN, *map(sources.name_of, sources.examples())]
        phrase = st.selectbox(
            "Phrase",
            phrases,
            key=links.bound(PHRASE, BUILT_IN, options=phrases),
            bind="query-params",
            help="What every run sings. The built-in phrase is in the middle of the voice's range.",
        )
    return measure or "loss", step, phrase


def _step(low: int, high: int) -> str:
    """The slider's key; the step that is set is kept inside what there is."""
    value = st.session_state[values.keep(STEP, high, addressed=True)]
    if not low <= value <= high:
        st.session_state[STEP] = min(high, max(low, int(value)))
    return links.say(STEP, high)


def _arranged(found: list[Result], axes: dict[str, list[float]]):
    """Two parameters for the map; of any others one value each."""
    names = list(axes)
    rows, columns = (names[0], names[1]) if len(names) > 1 else ("", names[0])
    if len(names) > 2:
        for column, (key, label, default) in zip(st.columns(2), ((ROWS, "Rows", rows), (COLUMNS, "Columns", columns))):
            column.selectbox(
                label, names, key=values.among(key, names, default), format_func=lambda name: grid.PARAMETERS[name][1]
            )
        rows, columns = st.session_state[ROWS], st.session_state[COLUMNS]
    others = [name for name in names if name not in (rows, columns)]
    for name, place in zip(others, st.columns(max(1, len(others)))):
        label = grid.PARAMETERS[name][1]
        value = place.segmented_control(
            label.capitalize(),
            axes[name],
            key=values.among(f"ps_{name}", axes[name]),
            required=True,
            format_func=lambda value: f"{value:g}",
        )
        found = [cell for cell in found if cell.values.get(name) == value]
    return (rows, axes.get(rows, [0.0])), (columns, axes[columns]), found


def _best(shown: np.ndarray, placed: Sequence[Sequence[Result | None]]) -> str:
    """The lowest cell, else any."""
    known = [(shown[r, c], cell.name) for r, line in enumerate(placed) for c, cell in enumerate(line) if cell]
    return min(known, key=lambda entry: (entry[0] != entry[0], entry[0]))[1]


def _heat_map(
    rows: tuple[str, list[float]],
    columns: tuple[str, list[float]],
    shown: np.ndarray,
    placed: Sequence[Sequence[Result | None]],
    measure: str,
    chosen: str,
) -> None:
    from ddsing.plots import parameter_space as plot
    from ddsing.plots import style

    _, label, digits = MEASURES[measure]
    drawn = plot.Map(
        rows=(_label(rows[0]), tuple(f"{value:g}" for value in rows[1])),
        columns=(_label(columns[0]), tuple(f"{value:g}" for value in columns[1])),
        values=shown,
        names=[[cell.name if cell else "" for cell in line] for line in placed],
        measure=label,
        digits=digits,
    )
    key = "ps.map"
    st.plotly_chart(
        plot.figure(drawn, chosen=chosen),
        key=key,
        alt=plot.alt_text(drawn),
        on_select=functools.partial(_press, key),
        selection_mode="points",
        config=style.CONFIG,
    )


def _label(name: str) -> str:
    return grid.PARAMETERS[name][1] if name else ""


@errors.callback
def _press(key: str) -> None:
    from ddsing.plots.parameter_space import pressed

    name = pressed(st.session_state.get(key))
    if name is not None:
        st.session_state[CELL] = name


def _close_up(cell: Result, step: int, phrase: str) -> None:
    from ddsing.experiments.curves.numbers import summary

    numbers = summary(cell.run, at=min(step, cell.steps))
    st.markdown(f"## {plain(cell.name)}")
    with st.container(key="ps.chosen"):
        _player(cell, step, phrase)
    said = {
        "Loss": None if numbers.at is None else f"{numbers.at:.3f}",
        "Held-out": None if numbers.spectral_loss is None else f"{numbers.spectral_loss:.3f}",
        "Pitch error": None if numbers.f0_cents is None else f"{numbers.f0_cents:.0f} cents",
        "Timbre error": None if numbers.timbre_db is None else f"{numbers.timbre_db:.1f} dB",
        "Weights": None if numbers.n_parameters is None else f"{numbers.n_parameters / 1e6:.2f} M",
        "Per step": None if numbers.seconds_per_step is None else f"{numbers.seconds_per_step:.3f} s",
        "Steps": f"{cell.steps:,}",
    }
    with st.grid(3, min_column_width=100):
        for label, value in said.items():
            if value is not None:
                st.metric(label, value)
    st.button(
        "Save as instrument",
        key="ps.export",
        icon=":material/piano:",
        on_click=_export,
        args=(cell.name,),
        help="You can then use it on every page.",
    )


def _player(cell: Result, step: int, phrase: str) -> None:
    heard = results.nearest_step(cell, step)
    st.audio(_sound(cell, heard, phrase), format="audio/flac", alt=f"{cell.name} at step {heard}")
    if heard != step:
        st.caption(f"At step {heard:,}")


def _sound(cell: Result, step: int, phrase: str) -> bytes:
    if phrase == BUILT_IN:
        return results.phrase(opened.workspace(), cell, step)
    path = next(path for path in sources.examples() if sources.name_of(path) == phrase)
    with st.spinner(f"{plain(cell.name)} is singing"):
        return results.sing(opened.workspace(), cell, step, caches.recording(path).audio)


def _players(
    placed: Sequence[Sequence[Result | None]],
    rows: tuple[str, list[float]],
    columns: tuple[str, list[float]],
    step: int,
    phrase: str,
) -> None:
    n_cells = sum(cell is not None for line in placed for cell in line)
    expanded = phrase == BUILT_IN and n_cells <= MOST_PLAYERS
    panel = st.expander(
        f"Listen to all {n_cells}" if n_cells > 1 else "Listen",
        icon=":material/grid_view:",
        key=values.keep("ps.grid", expanded),
        on_change="rerun",
        expanded=expanded,
    )
    if not panel.open:
        return
    with panel:
        for r in reversed(range(len(placed))):  # as in the map, the first row at the bottom
            for place, (c, cell) in zip(st.columns(len(placed[r])), enumerate(placed[r])):
                if cell is None:
                    continue
                with place, errors.guard():
                    where = [f"{axis[1][n]:g} {_label(axis[0])}" for axis, n in ((rows, r), (columns, c)) if axis[0]]
                    st.caption(", ".join(where))
                    st.audio(
                        _sound(cell, results.nearest_step(cell, step), phrase), format="audio/flac", alt=f"{cell.name}"
                    )
        st.download_button(
            "Download as web page",
            data=functools.partial(_page, placed, rows, columns, step, phrase),
            file_name="audio_examples.html",
            mime="text/html",
            key="ps.page",
            on_click="ignore",
            icon=":material/download:",
            help="One HTML file with the audio included.",
        )


def _page(
    placed: Sequence[Sequence[Result | None]],
    rows: tuple[str, list[float]],
    columns: tuple[str, list[float]],
    step: int,
    phrase: str,
) -> str:
    from ddsing.experiments.sweep import page

    def sound(cell: Result) -> tuple[bytes, int]:
        heard = results.nearest_step(cell, step)
        return _sound(cell, heard, phrase), heard

    voice = next(cell for line in placed for cell in line if cell).run.voice
    return page.examples(voice, rows, columns, placed, phrase=phrase, sound=sound)


@errors.callback
def _export(name: str) -> None:
    from ddsing.training import export

    say(export.make(opened.workspace(), name))
