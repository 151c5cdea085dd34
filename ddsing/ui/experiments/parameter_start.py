"""Starting a sweep, its cost shown first; and how far the one under way is."""

from __future__ import annotations

import streamlit as st

from ddsing.dataset import voices
from ddsing.errors import DdsingError
from ddsing.experiments.sweep import grid
from ddsing.experiments.sweep.grid import Sweep
from ddsing.jobs.time_left import around
from ddsing.training import recipe as recipes
from ddsing.ui.shell import errors, jobs, opened, values
from ddsing.ui.shell.formatting import format_bytes, format_range, plain
from ddsing.ui.training import full_band, start

HARMONICS, NOISE, OTHER, OTHER_VALUES, CONFIG, STEPS, BATCH, FULL_BAND = (
    f"sweep.{name}" for name in ("harmonics", "noise", "other", "other_values", "config", "steps", "batch", "full_band")
)
POLL_S = 1.5
NONE = "nothing else"


def job_panel(voice: str) -> None:
    """The voice's sweep under way, or how the last one ended."""
    job = jobs.of(voice, "sweep")
    if job is None:
        return
    if job.live:
        st.fragment(errors.guarded(_live), run_every=POLL_S)(job.id, job.extra.get("n"))
    elif job.resumable:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            said = f": {plain(job.message)}" if job.message else ""
            st.markdown(f"**{plain(job.title)}** {jobs.badge(job)}{said}")
            st.button(
                "Resume",
                key="sweep.resume",
                icon=":material/resume:",
                type="primary",
                on_click=jobs.resume,
                args=(job.id,),
                help="Continues with the run it stopped at.",
            )


def _live(job_id: str, n: int | None) -> None:
    job = jobs.store().status(job_id)
    if not job.live or job.extra.get("n") != n:
        st.rerun(scope="app")  # another cell is done: the map has news
    with st.container(border=True):
        title, button = st.columns([5, 1], vertical_alignment="center")
        title.markdown(f"**{plain(job.title)}** {jobs.badge(job)}")
        button.button(
            "Stop",
            key="sweep.stop",
            icon=":material/stop:",
            on_click=jobs.stop,
            args=(job.id,),
            disabled=job.state == "stopping",
            width="stretch",
            help="The current run saves first. You can resume the sweep later.",
        )
        if job.state in ("waiting", "unknown"):
            st.caption(plain(job.message))
            return
        said = " · ".join(filter(None, [plain(job.message or job.stage), jobs.time_left(job)]))
        st.progress(min(1.0, max(0.0, job.fraction or 0.0)), text=said or "Starting")


def form(voice: str, *, first: bool) -> None:
    """The form; open where there is no result to look at yet."""
    job = jobs.of(voice, "sweep")
    if job is not None and job.live:
        return
    panel = st.expander(
        "Start a sweep",
        icon=":material/rocket_launch:",
        key=values.keep("sweep.form", first),
        expanded=first,
        on_change="rerun",
    )
    if not panel.open:
        return
    with panel, errors.guard():
        _inputs(voice)
        try:
            sweep = wanted(voice)
            cost = grid.cost(opened.workspace(), sweep)
        except DdsingError as error:
            st.warning(errors.sentence(error), icon=":material/error:")
            return
        _cost(sweep, cost)
        st.button(
            "Start the sweep",
            key="sweep.start",
            type="primary",
            icon=":material/rocket_launch:",
            disabled=not cost.n_left,
            on_click=_start,
            args=(voice,),
            width="stretch",
            help="Runs in the background, one run after another. You can stop it at any time.",
        )


def _inputs(voice: str) -> None:
    state = st.session_state
    values.among(CONFIG, [config.name for config in recipes.configs()], start.default_config())
    config = recipes.config_file(state[CONFIG])
    for key, name in ((HARMONICS, "n_harmonics"), (NOISE, "n_noise_bands")):
        values.keep(key, ", ".join(map(str, grid.ORIGINAL[name])))
    values.keep(STEPS, config.steps, about=config.name)
    values.keep(BATCH, config.batch_size, about=config.name)
    with st.grid(2, min_column_width=240):
        st.text_input("Harmonics", key=HARMONICS, help="One run for each combination of harmonics and noise bands.")
        st.text_input("Noise bands", key=NOISE, help="3 or more.")
        others = [NONE, *(name for name in grid.PARAMETERS if name not in grid.ORIGINAL)]
        st.selectbox(
            "Also vary",
            others,
            key=values.among(OTHER, others),
            format_func=lambda name: grid.PARAMETERS[name][1] if name != NONE else name,
            help="A third training parameter.",
        )
        if state[OTHER] != NONE:
            example = "1e-3, 3e-4" if state[OTHER] == "learning_rate" else "8, 16"
            st.text_input(
                f"Values of the {grid.PARAMETERS[state[OTHER]][1]}",
                key=values.keep(OTHER_VALUES, "", about=state[OTHER]),
                placeholder=example,
            )
    with st.grid(3, min_column_width=180):
        st.selectbox(
            "Model",
            [config.name for config in recipes.configs()],
            key=CONFIG,
            format_func=lambda name: recipes.config_file(name).title,
        )
        low, high = recipes.LIMITS["steps"]
        st.number_input("Steps per run", int(low), int(high), key=STEPS, step=100)
        low, high = recipes.LIMITS["batch_size"]
        st.number_input("Batch size", int(low), int(high), key=BATCH, disabled=state[OTHER] == "batch_size")
    values.keep(FULL_BAND, False)
    full_band.show(voices.get(opened.workspace(), voice), FULL_BAND)


def wanted(voice: str) -> Sweep:
    """The sweep that the form asks for; raises `SettingsError` for what can't be."""
    state = st.session_state
    texts = {"n_harmonics": state[HARMONICS], "n_noise_bands": state[NOISE]}
    if state[OTHER] != NONE and state.get(OTHER_VALUES):
        texts[state[OTHER]] = state[OTHER_VALUES]
    axes = {name: grid.parsed_values(name, text) for name, text in texts.items() if text.strip()}
    wide = bool(values.get(FULL_BAND)) and not full_band.why_not(voices.get(opened.workspace(), voice))
    recipe = recipes.Recipe(
        config=state[CONFIG], steps=int(state[STEPS]), batch_size=int(state[BATCH]), full_band=wide or None
    )
    return Sweep(voice, axes, recipe)


def _cost(sweep: Sweep, cost: grid.Cost) -> None:
    done = cost.n_cells - cost.n_left
    if not cost.n_left:
        st.success(f"All {cost.n_cells} runs are already trained.", icon=":material/check:")
        return
    already = f", {done} of {cost.n_cells} already done" if done else ""
    st.markdown(
        f":material/schedule: **{cost.n_left} run{'s' if cost.n_left > 1 else ''}**, about "
        f"**{format_range(*around(cost.seconds))}** and {format_bytes(cost.n_bytes)} on this computer{already}"
    )
    names = [cell.name for cell in sweep.cells()]
    shown = ", ".join(map(plain, names[:3])) + (f" … {plain(names[-1])}" if len(names) > 3 else "")
    st.caption(f"The time is {plain(cost.why)}. They will be named {shown}.")


@errors.callback
def _start(voice: str) -> None:
    from ddsing.experiments.sweep import job

    jobs.store().submit(job.order(opened.workspace(), wanted(voice)))
