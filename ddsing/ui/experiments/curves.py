"""Training curves: the losses of any trainings in one figure, in a table, and as files to take away."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.dataset import voices
from ddsing.experiments.curves import kept, numbers, tables
from ddsing.experiments.curves import runs as space
from ddsing.experiments.sweep import results
from ddsing.ui.shell import errors, links, opened, per_workspace, values

if TYPE_CHECKING:
    from ddsing.plots.curves import Line

RUNS, MEASURE, SMOOTHING, COLOUR, STEPS, AT, IMAGE = (
    f"vs_{name}" for name in ("runs", "measure", "smoothing", "colour", "steps", "at", "image")
)
FIRST_SHOWN = 10
SMOOTHINGS = (0, 20, 50, 100, 200, 500, 1000, 2000)
COLOURS = {"voice": "Voice", "run": "Each"}
STAR = "The star marks the checkpoint with the lowest loss."
BAND = "The band, 5 to 6, is where the authors of the original notebooks stopped."
MEASURES = {
    "loss": "Training loss",
    "spectral_loss": "Held-out loss",
    "f0_cents": "Held-out pitch",
    "loudness_db": "Held-out loudness",
    "timbre_db": "Held-out timbre",
}


def show() -> None:
    """The view."""
    there, n_first = _there()
    if not there:
        st.info(
            "No training runs yet. They appear here from their first steps on, runs of the 2021 notebooks included.",
            icon=":material/show_chart:",
        )
        st.page_link("pages/training.py", label="Go to Training", icon=":material/model_training:")
        return
    names = st.multiselect(
        "Training runs",
        there,
        key=links.bound(RUNS, there[:n_first]),
        default=there[:n_first],
        bind="query-params",
        placeholder="Choose runs to compare",
    )
    runs = [run for name in names if (run := _loaded(name)) is not None]
    if not runs:
        st.caption("Choose training runs to compare.")
        return
    measure, smoothing, colour_by, window, at = _controls(runs)
    from ddsing.plots import trainings

    document, lines = trainings.figure(runs, measure, smoothing, colour_by=colour_by, window=window, at=at)
    _chart(document, lines, measure, window, _top(runs))
    said = _legend(document, lines)
    if said:
        st.caption(said)
    rows = [numbers.summary(run, at=at, smoothing_steps=smoothing) for run in runs]
    _table(rows, at)
    _exports(runs, rows, document)


def _there() -> tuple[list[str], int]:
    """The trainings, the cells of sweeps after all others; and how many of them are shown at first."""
    names = space.names(opened.workspace())
    by_voice = results.by_voice(voices.list_voices(opened.workspace()))
    cells = [cell for of_voice in by_voice.values() for cell in of_voice if cell in names]
    others = [name for name in names if name not in set(cells)]
    n_first = len(names) if len(names) <= FIRST_SHOWN or not others else len(others)
    return others + cells, min(n_first, FIRST_SHOWN)


def _loaded(name: str):
    """A run, or a message where its folder can't be read."""
    with errors.guard():
        return _run(kept.fingerprint(space.folder_of(opened.workspace(), name)), name)
    return None


@per_workspace.resource(max_entries=512, show_spinner=False)
def _run(stamp: str, name: str):
    return space.load(opened.workspace(), name)


def _controls(runs: Sequence):
    several = len({run.voice for run in runs}) > 1
    top = _top(runs)
    with st.grid(3, min_column_width=220):
        measure = st.selectbox(
            "Show",
            list(MEASURES),
            key=links.bound(MEASURE, "loss", options=list(MEASURES), shown=MEASURES.__getitem__),
            format_func=MEASURES.__getitem__,
            bind="query-params",
            help="Held-out recordings are never used for training.",
        )
        smoothing = st.select_slider(
            "Smoothing, steps",
            SMOOTHINGS,
            value=100,
            key=links.bound(SMOOTHING, 100, options=SMOOTHINGS),
            bind="query-params",
            help="Averages over this many steps around each; 0 shows every step as measured. "
            "The table uses the smoothed curves.",
        )
        default = "voice" if several else "run"
        colour = st.segmented_control(
            "Colour by",
            list(COLOURS),
            key=links.bound(COLOUR, default, options=list(COLOURS), shown=COLOURS.__getitem__),
            default=default,
            required=True,
            format_func=COLOURS.__getitem__,
            bind="query-params",
            help="Dash styles show the model.",
        )
        window = st.slider(
            "Steps",
            0,
            top,
            (0, top),
            key=_steps(top),
            bind="query-params",
            format="%d",
            help="Or drag over the figure. **All steps** shows everything again.",
        )
        at = st.number_input(
            "Compare at step",
            min_value=1,
            max_value=top,
            value=None,
            key=links.bound(AT, None),
            bind="query-params",
            placeholder="any",
            help="Adds a column with the loss at this step.",
        )
    return measure or "loss", smoothing, colour or "voice", window, at


def _steps(top: int) -> str:
    """The slider's key; the stretch that is set is kept inside what there is."""
    first, last = st.session_state[values.keep(STEPS, (0, top), addressed=True)]
    if (first, last) != (min(first, top - 1), min(last, top)):
        st.session_state[STEPS] = (min(first, top - 1), min(last, top))
    return links.say(STEPS, (0, top))


def _top(runs: Sequence) -> int:
    """The last step of all, and a little."""
    last = max((int(run.steps[-1]) for run in runs if len(run.steps)), default=0)
    return max(100, -(-last // 100) * 100)


def _chart(document: dict, lines: Sequence[Line], measure: str, window: tuple[float, float], top: int) -> None:
    from ddsing.plots import curves as plot
    from ddsing.plots import style

    key = f"vs.chart.{measure}.{window[0]}.{window[1]}"
    config = style.CONFIG | {"toImageButtonOptions": {"format": _image_format(), "filename": "losses", "scale": 2}}
    st.plotly_chart(
        document,
        key=key,
        config=config,
        alt=plot.alt_text(lines, measure),
        selection_mode="box",
        on_select=functools.partial(_zoom, key, top),
    )


def _legend(document: dict, lines: Sequence[Line]) -> str:
    """What the signs in the figure mean, of those that are in view."""
    from ddsing.plots import curves as plot

    return " ".join([STAR] * plot.shows_a_star(lines) + [BAND] * plot.shows_the_band(document))


def _image_format() -> str:
    return "png" if st.session_state.get(IMAGE) == "PNG" else "svg"


@errors.callback
def _zoom(key: str, top: int) -> None:
    from ddsing.plots.training import selected_window

    window = selected_window(st.session_state.get(key))
    if window is not None:
        st.session_state[STEPS] = (max(0, int(window[0])), min(top, round(window[1])))


@errors.callback
def _all_steps(top: int) -> None:
    st.session_state[STEPS] = (0, top)


def _table(rows: Sequence[numbers.Summary], at: int | None) -> None:
    columns = {
        "Run": [row.voice for row in rows],
        "Model": [row.family for row in rows],
        "Harmonics": [row.n_harmonics for row in rows],
        "Noise bands": [row.n_noise_bands for row in rows],
        "Steps": [row.steps for row in rows],
        "Last": [row.last for row in rows],
        "Best": [row.best for row in rows],
        "Best at": [row.best_step for row in rows],
    }
    if at is not None:
        columns[f"At {at:,}"] = [row.at for row in rows]
    columns |= {
        "Held-out": [row.spectral_loss for row in rows],
        "Pitch error": [row.f0_cents for row in rows],
        "Loudness error": [row.loudness_db for row in rows],
        "Timbre error": [row.timbre_db for row in rows],
        "s/step": [row.seconds_per_step for row in rows],
    }
    loss = st.column_config.NumberColumn(format="%.3f", width=75)
    held = "On held-out recordings, at the best checkpoint" if at is None else "On held-out recordings, at this step"
    config = dict.fromkeys(("Last", "Best", f"At {at or 0:,}"), loss) | {
        "Run": st.column_config.TextColumn(pinned=True),
        "Harmonics": st.column_config.NumberColumn(width=80),
        "Noise bands": st.column_config.NumberColumn(width=90),
        "Steps": st.column_config.NumberColumn(format="localized", width=75),
        "Best at": st.column_config.NumberColumn(format="localized", width=75, help="Where the loss is lowest."),
        "Held-out": st.column_config.NumberColumn(format="%.3f", width=75, help=f"{held}: spectral loss."),
        "Pitch error": st.column_config.NumberColumn(
            format="%.0f cents", width=90, help=f"{held}: median pitch error."
        ),
        "Loudness error": st.column_config.NumberColumn(
            format="%.1f dB", width=105, help=f"{held}: mean loudness error."
        ),
        "Timbre error": st.column_config.NumberColumn(
            format="%.1f dB", width=95, help=f"{held}: how far the timbre is from the recordings'."
        ),
        "s/step": st.column_config.NumberColumn(format="%.3f", width=65, help="Median, on the computer it ran on."),
    }
    st.dataframe(columns, hide_index=True, column_config=config, placeholder="", alt="The chosen runs in numbers")


def _exports(runs: Sequence[space.Run], rows: Sequence[numbers.Summary], document: dict) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "All steps",
            key="vs.all",
            icon=":material/zoom_out_map:",
            on_click=_all_steps,
            args=(_top(runs),),
            help="Show all steps, from first to last.",
        )
        values.among(IMAGE, ["SVG", "PNG"])
        panel = st.popover("Export", icon=":material/download:", key="vs.export", on_change="rerun")
    if panel.open:
        with panel, errors.guard():
            _files(runs, rows, document)


def _files(runs: Sequence[space.Run], rows: Sequence[numbers.Summary], document: dict) -> None:
    st.download_button(
        "Table, CSV",
        data=lambda: tables.table_csv(rows),
        file_name="trainings.csv",
        mime="text/csv",
        key="vs.table_csv",
        on_click="ignore",
        width="stretch",
    )
    st.download_button(
        "Losses step by step, CSV",
        data=lambda: tables.curves_csv(runs),
        file_name="losses.csv",
        mime="text/csv",
        key="vs.curves_csv",
        on_click="ignore",
        width="stretch",
    )
    st.download_button(
        "Figure, HTML",
        data=functools.partial(_html, document),
        file_name="losses.html",
        mime="text/html",
        key="vs.html",
        on_click="ignore",
        width="stretch",
        help="Opens in any browser, with zoom, offline too.",
    )
    st.segmented_control(
        "Camera saves as",
        ["SVG", "PNG"],
        key=IMAGE,
        required=True,
        persist_state="session",
        help="The camera button is at the top right of the figure.",
    )


def _html(document: dict) -> str:
    from ddsing.plots.curves import to_html

    return to_html(document, "Total loss over training steps")
