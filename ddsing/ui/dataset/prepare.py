"""Preparing a voice's dataset in the background: start, progress, stop, resume, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing import names
from ddsing.constants import TRACKERS
from ddsing.dataset import facts
from ddsing.dataset.job import order
from ddsing.dataset.voices import Voice
from ddsing.ui.dataset import cache
from ddsing.ui.shell import errors, jobs, opened, trackers, values, visitor
from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from ddsing.jobs.status import JobStatus

POLL_S = 1.0
TRACKER = "dataset.tracker"


def show(voice: Voice) -> None:
    """The section: a running job's progress, or how the dataset stands with the button that prepares it."""
    if not voice.recordings() and not voice.prepared:
        return
    st.header("Dataset")
    job = jobs.of(voice.name, "prepare")
    if job is not None and job.live:
        st.fragment(errors.guarded(_running), run_every=POLL_S)(voice, job.id)
        return
    current = voice.prepared and cache.is_current(voice)
    _stands(voice, job, current=current)
    if voice.recordings():
        _start_row(voice, job, current=current)


def _running(voice: Voice, job_id: str) -> None:
    job = jobs.store().status(job_id)
    if not job.live:
        st.rerun(scope="app")
    bar, button = st.columns([6, 1], vertical_alignment="center")
    _moved(voice, job)
    said = job.stage or jobs.STATES[job.state][0]
    if job.state == "waiting" and job.ahead:
        said = jobs.behind(job) if visitor.current().hosted else f"waiting for {plain(job.ahead[-1])}"
    left = jobs.time_left(job)
    bar.progress(
        min(1.0, max(0.0, job.fraction or 0.0)), text=f"Preparing: {plain(said)}" + (f", {left}" if left else "")
    )
    button.button(
        "Stop",
        key="dataset.stop",
        icon=":material/stop:",
        on_click=jobs.stop,
        args=(job.id,),
        width="stretch",
        disabled=job.state == "stopping",
        help="Finished parts are kept. You can continue later.",
    )
    st.caption("Runs in the background: you can leave or close the page.")


def _stands(voice: Voice, job: JobStatus | None, *, current: bool) -> None:
    if job is not None and job.resumable:
        _ended_early(job)
    _moved(voice, job)
    if facts.foreign(voice):
        more = "" if voice.recordings() else " Its recordings are missing."
        st.info(
            "This dataset was prepared elsewhere, for example by the 2021 notebooks. It stays unchanged and is "
            f"ready to train on.{more}",
            icon=":material/inventory_2:",
        )
    elif not voice.prepared:
        st.markdown(
            "Preparing cuts the recordings into windows of four seconds, each with its pitch and loudness, and holds "
            "some of them out for testing. It runs in the background, and nothing is analysed twice."
        )
    elif current:
        st.success("The dataset is up to date" + _counts(cache.document(voice)), icon=":material/check_circle:")
    elif not voice.recordings():
        st.info(
            "The recordings of this dataset are no longer here. The dataset stays unchanged.",
            icon=":material/inventory_2:",
        )
    else:
        st.info(
            "Recordings or excluded windows have changed since the dataset was prepared. Prepare it again. Only "
            "new material is analysed.",
            icon=":material/update:",
        )


def _moved(voice: Voice, job: JobStatus | None) -> None:
    """Where the dataset of 2021 is that was there before, for as long as the newest preparation is about that."""
    from ddsing.dataset import replaced

    kept_as = replaced.kept_as(voice) or str(job.extra.get("kept_as", "") if job else "")
    if kept_as and voice.beside(kept_as).there:
        st.caption(f":material/inventory_2: The old dataset is kept as the dataset of the voice **{plain(kept_as)}**.")


def _counts(document: dict) -> str:
    """What is in a dataset of ours; nothing of one of 2021, which does not say."""
    if not document:
        return "."
    tracker = plain(document.get("tracker", ""))
    said = f": {document.get('n_train', 0):,} windows to train on, {document.get('n_held_out', 0):,} held out"
    return f"{said}; pitch by the tracker {trackers.label(tracker)}."


def _ended_early(job: JobStatus) -> None:
    sentences = {
        "stopped": "Preparing was stopped. Finished parts are kept.",
        "paused": "Preparing paused because the disk is full. Free some space, then press **Continue**.",
        "lost": "Preparing stopped unexpectedly: the computer slept or restarted, or the process was killed. "
        "Finished parts are kept.",
        "failed": "Preparing failed.",
    }
    element = st.error if job.state in ("failed", "lost") else st.info if job.state == "stopped" else st.warning
    message = plain(job.message) if job.message and job.state in ("failed", "paused") else ""
    element(" ".join(filter(None, [sentences[job.state], message])), icon=jobs.STATES[job.state][2])


def _start_row(voice: Voice, job: JobStatus | None, *, current: bool) -> None:
    choice, button = st.columns([3, 2], vertical_alignment="bottom", gap="medium")
    key = f"{TRACKER}.{voice.name}"
    values.among(key, TRACKERS, cache.document(voice).get("tracker", TRACKERS[0]))
    with choice:
        tracker = trackers.choose(key, "How the pitch of the recordings is found. Best gives the best training data.")
    if facts.foreign(voice):
        _replace(voice, tracker, button)
        _cost(voice)
        return
    label = "Continue" if job is not None and job.resumable else "Prepare again" if voice.prepared else "Prepare"
    button.button(
        label,
        key="dataset.prepare",
        type="secondary" if current else "primary",
        width="stretch",
        icon=":material/play_arrow:",
        on_click=start,
        args=(voice.name, tracker),
        help="Analyses only what has changed.",
    )
    _cost(voice)


def _replace(voice: Voice, tracker: str, place: DeltaGenerator) -> None:
    """The button that makes a dataset in the place of one of 2021, which has to be confirmed."""
    panel = place.popover(
        "Prepare from scratch",
        icon=":material/restart_alt:",
        width="stretch",
        key="dataset.replace_popover",
        on_change="rerun",
    )
    if not panel.open:
        return
    from ddsing.dataset import prepare

    kept_as = prepare.place_of_foreign(voice)
    with panel:
        st.markdown(
            f"Makes a new dataset from the recordings. The current one is kept: its folder is renamed "
            f"**{plain(names.read(kept_as.dataset_folder.name))}** and becomes the dataset of a new voice, "
            f"**{plain(kept_as.name)}**."
        )
        st.button(
            "Keep the old one and prepare",
            key="dataset.replace",
            icon=":material/play_arrow:",
            on_click=start,
            args=(voice.name, tracker),
            kwargs={"replace": True},
        )


def _cost(voice: Voice) -> None:
    """What finding the pitch costs with each tracker; what is known already costs nothing."""
    new_s = cache.to_analyse_s(voice)
    trackers.show_times(new_s, of="this voice", known={name for name, one_s in new_s.items() if not one_s})


@errors.callback
def start(voice_name: str, tracker: str, *, replace: bool = False) -> None:
    """Start preparing; for buttons."""
    jobs.store().submit(order(opened.workspace(), voice_name, tracker=tracker, replace=replace))
