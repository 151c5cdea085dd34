"""A voice's training as it goes: how far it is, its curves, and the voice forming."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.dataset.voices import Voice
from ddsing.training import stages
from ddsing.ui.shell import errors, jobs, values, visitor
from ddsing.ui.shell.formatting import plain
from ddsing.ui.training import cache, coach, ending, previews

if TYPE_CHECKING:
    from ddsing.jobs.status import JobStatus
    from ddsing.training.history import History

HEAD_S, CURVES_S, CALM_S = 1.0, 4.0, 15.0
GUIDE_HELP = """The loss measures how far the voice's spectrum is from the recordings.

**The shaded band, 5 to 6**, is where the authors of the original notebooks stopped: above 6 there is room to improve,
below 5 a model starts to learn its recordings by heart. Trust your ears: listen to the previews below the curve.

Grey is each step as measured, green is smoothed, violet is the held-out part, which is never trained on."""
FORCE_AFTER_S = 20.0
_DRAWN = "train.drawn"  # (what about, when, figure and words)
_WINDOW = "train.window"  # the steps that the curves show, or None for all


def show(voice: Voice, job: JobStatus) -> None:
    """Everything about this voice's training; refreshed while it runs and still as soon as it does not."""
    live = job is not None and job.live
    with st.container():  # so that the curves stay where they are
        if live:
            st.fragment(errors.guarded(_head), run_every=HEAD_S)(job.id)
        elif job is not None:
            ending.show(voice, job)
    total = job.steps or job.options.get("steps") if live else None
    curves = st.fragment(errors.guarded(_curves), run_every=CURVES_S if live else None)
    curves(voice, job.id if job else None, total, cache.history(voice).checkpoints)


# How far it is


def _head(job_id: str) -> None:
    job = jobs.store().status(job_id)
    if not job.live:
        st.rerun(scope="app")
    with st.container(border=True):
        title, button = st.columns([5, 1], vertical_alignment="center")
        title.markdown(f"**{plain(job.title)}** {jobs.badge(job)}")
        button.button(
            "Stop",
            key="train.stop",
            icon=":material/stop:",
            on_click=jobs.stop,
            args=(job.id,),
            disabled=job.state == "stopping",
            width="stretch",
            help="Finishes the current step and saves. Nothing is lost, and you can resume later.",
        )
        if job.state == "unknown" or (job.state == "waiting" and job.engine):
            icon = ":material/hourglass_top:" if job.state == "waiting" else jobs.STATES[job.state][2]
            (st.info if job.state == "waiting" else st.warning)(plain(job.message), icon=icon)
            return
        if job.state == "waiting":
            st.info(_waits(job), icon=":material/hourglass_top:")
            return
        _bar(job)
        _numbers(job)
        if job.state == "stopping":
            _force(job)


def _waits(job: JobStatus) -> str:
    if visitor.current().hosted and job.ahead:
        said = jobs.behind(job)
        return f"{said[:1].upper()}{said[1:]}. It starts automatically."
    ahead = ", ".join(map(plain, job.ahead))
    return f"Starts automatically when {ahead or 'the device'} is done."


def _bar(job: JobStatus) -> None:
    stage = stages.WORDS.get(job.stage, plain(job.stage or "starting"))
    said = " · ".join(filter(None, [stage, plain(job.message or ""), jobs.time_left(job)]))
    fraction = job.fraction if job.fraction is not None else 0.0
    st.progress(min(1.0, max(0.0, fraction)), text=said[:1].upper() + said[1:])


def _numbers(job: JobStatus) -> None:
    begun = job.step is not None and job.steps and job.stage not in stages.BEFORE_STEPS
    with st.grid(4, min_column_width=140):
        st.metric("Step", f"{job.step:,} of {job.steps:,}" if begun else "…")
        st.metric("Loss", "…" if job.loss is None else f"{job.loss:.2f}")
        st.metric("Steps per second", "…" if not job.steps_per_s else _speed(job.steps_per_s))
        st.metric("Time left", jobs.how_long(job) or "…")


def _speed(steps_per_s: float) -> str:
    return f"{steps_per_s:.2f}" if steps_per_s < 10 else f"{steps_per_s:.0f}"


def _force(job: JobStatus) -> None:
    st.caption("Finishing the current step and saving.")
    if job.heartbeat_age_s is not None and job.heartbeat_age_s > FORCE_AFTER_S:
        st.button(
            "Force stop",
            key="train.force",
            icon=":material/dangerous:",
            on_click=jobs.stop,
            args=(job.id,),
            kwargs={"force": True},
            help="It hasn't responded for a while. Saved checkpoints are kept.",
        )


# Its curves


def _curves(voice: Voice, job_id: str | None, total_steps: int | None, before: tuple[int, ...]) -> None:
    history = cache.history(voice)
    if history.checkpoints != before:  # which the rest of the page offers too
        st.rerun(scope="app")
    if not len(history.steps) and not history.saves:
        if total_steps:
            st.caption("The curve appears after the first steps.")
        return
    _loss(voice, history, total_steps)
    previews.show(history)
    coach.show(history)
    _panels(voice, history, total_steps, job_id)


def _loss(voice: Voice, history: History, total_steps: int | None) -> None:
    from ddsing.plots import style

    st.markdown("## Loss", help=GUIDE_HELP)
    window = st.session_state[values.keep(_WINDOW, None, about=voice.name)]
    figure, words = _drawn(voice, history, total_steps, window)
    st.plotly_chart(
        figure, key="train.loss", config=style.CONFIG, alt=words, on_select=_look_closer, selection_mode="box"
    )
    if window is None:
        st.caption("Drag over the curve to zoom in. The view stays while new points arrive.")
    else:
        st.button("Show all steps", key="train.whole", icon=":material/zoom_out_map:", on_click=_look_at_all)


def _drawn(voice: Voice, history: History, total_steps: int | None, window: tuple[float, float] | None) -> tuple:
    """The figure and its words; while it runs it is drawn anew at a save, and else only now and then.

    A figure that changes is put in the place of the one before, which would end a drag over it.
    """
    about = (voice.name, total_steps, window, len(history.saves))
    held_about, held_s, held = st.session_state.get(_DRAWN, (None, 0.0, ()))
    if total_steps and held_about == about and time.monotonic() - held_s < CALM_S:
        return held
    drawn = cache.loss_figure(voice, history, total_steps=total_steps, window=window)
    if held_about != about or drawn is not held:
        st.session_state[_DRAWN] = (about, time.monotonic(), drawn)
    return drawn


@errors.callback
def _look_closer() -> None:
    from ddsing.plots.training import selected_window

    st.session_state[_WINDOW] = selected_window(st.session_state["train.loss"]) or st.session_state.get(_WINDOW)


@errors.callback
def _look_at_all() -> None:
    st.session_state[_WINDOW] = None


def _panels(voice: Voice, history: History, total_steps: int | None, job_id: str | None) -> None:
    from ddsing.plots import style

    panel = st.expander(
        "Held-out part and speed",
        icon=":material/monitoring:",
        key=values.keep("train.held_out", False),
        on_change="rerun",
    )
    if panel.open:
        with panel, errors.guard():
            window = st.session_state.get(_WINDOW)
            figure, words = cache.held_out_figure(voice, history, total_steps=total_steps, window=window)
            st.caption(
                "Measured at each checkpoint on held-out windows: how far the spectrum, the pitch, the loudness and "
                "the timbre of the voice are from the recordings. The latest checkpoint becomes the instrument, "
                "unless its timbre, its pitch, its loudness or its harmonics got worse. Timbre counts as the mean of "
                "three checkpoints in a row, whatever vowel is sung when; the spectral loss doesn't count, since a "
                "blurred voice can win it."
            )
            st.plotly_chart(figure, key="train.held", config=style.CONFIG, alt=words)
    log = st.expander("Log", icon=":material/terminal:", key=values.keep("train.log", False), on_change="rerun")
    if log.open and job_id is not None:
        with log, errors.guard():
            st.code(jobs.store().status(job_id).log_tail or "Nothing yet.", language=None, height=260)
    elif log.open:
        log.caption("This run was not started here, so there is no log.")
