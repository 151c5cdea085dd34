"""How a training ended, in a plain sentence or two, with what to press."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.dataset.voices import Voice
from ddsing.training import divergence
from ddsing.training.recipe import Recipe
from ddsing.ui.shell import errors, jobs
from ddsing.ui.shell.formatting import plain
from ddsing.ui.training import cache
from ddsing.ui.training import start as training_start

if TYPE_CHECKING:
    from typing import Any

    from ddsing.jobs.status import JobStatus


def show(voice: Voice, job: JobStatus) -> None:
    """The end of a voice's newest job; nothing where that was the end that it was to have."""
    lower = lower_rate(voice, job)
    if lower is not None:
        _diverged(voice, job, lower)
        return
    where = f" at step {job.step:,} of {job.steps:,}" if job.step and job.steps else ""
    said = {
        "stopped": (st.info, f"Stopped{where}, and saved. **Resume** continues from there."),
        "paused": (
            st.warning,
            "Paused because the disk is full. All checkpoints are safe. Free some space, then press **Resume**.",
        ),
        "lost": (
            st.warning,
            "Training stopped unexpectedly: the computer slept or restarted, or the process was killed. "
            "**Resume** continues from the last checkpoint.",
        ),
        "failed": (st.error, "Training failed."),
    }
    if job.state not in said:
        return
    element, sentence = said[job.state]
    message = plain(job.message) if job.message and job.state in ("failed", "paused") else ""
    text, button = st.columns([5, 1], vertical_alignment="center")
    with text:
        element("  \n".join(filter(None, [sentence, message])), icon=jobs.STATES[job.state][2])
    with button:
        _resume(
            job, type="primary", width="stretch", help="Continues from the last checkpoint, with the same settings."
        )
    total = job.steps or job.options.get("steps")
    st.caption(
        f"**Resume** trains to {f'step {total:,}' if total else 'the end'}, as planned. To train longer or with "
        "other settings, change them below and start from there."
    )


def offers(voice: Voice, job: JobStatus | None) -> bool:
    """Whether a voice's newest job has an end that is to be gone on from here, which comes before all else."""
    return job is not None and not job.live and (job.resumable or lower_rate(voice, job) is not None)


def lower_rate(voice: Voice, job: JobStatus) -> float | None:
    """The learning rate to try where a voice's newest job diverged; None where it did not."""
    if job is None or job.error != "Diverged":
        return None
    return divergence.lower_learning_rate(voice.checkpoints_folder)


def _diverged(voice: Voice, job: JobStatus, lower: float) -> None:
    """The same again would very probably end the same: smaller steps come first."""
    st.error(plain(job.message), icon=jobs.STATES[job.state][2])
    kept = cache.history(voice).checkpoints
    before = divergence.learning_rate(voice.checkpoints_folder)
    with st.container(horizontal=True):
        st.button(
            f"{'Continue' if kept else 'Start over'} with a lower learning rate",
            key="train.gentler",
            icon=":material/speed:",
            type="primary",
            on_click=_start_gentler,
            args=(voice, job.options),
            help=f"{lower:g} instead of {before:g}, from {f'step {kept[-1]:,}' if kept else 'the beginning'}; "
            "everything else stays the same, without mixed precision.",
        )
        _resume(job, help="Keeps the same learning rate, so it will very probably fail again.")


def _resume(job: JobStatus, **look: Any) -> None:
    st.button("Resume", key="train.resume", icon=":material/resume:", on_click=jobs.resume, args=(job.id,), **look)


@errors.callback
def _start_gentler(voice: Voice, options: dict) -> None:
    gentler = divergence.gentler(Recipe.from_options(options), voice.checkpoints_folder)
    if gentler is not None:
        training_start.start(voice.name, gentler)
