"""The report before training: what the recordings cover, and a plain verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ddsing.dataset.voices import Voice
from ddsing.ui.dataset import cache
from ddsing.ui.shell import errors, trackers, values, work
from ddsing.ui.shell.formatting import format_duration, format_number, percent, plain

if TYPE_CHECKING:
    from ddsing.dataset.report import Report

QUIET = {"displayModeBar": False}
LEVELS = {
    "good": (st.success, ":material/verified:", "Good to train"),
    "usable": (st.info, ":material/thumb_up:", "Usable"),
    "poor": (st.warning, ":material/warning:", "Poor"),
    "unusable": (st.error, ":material/block:", "Not usable"),
}


def show(voice: Voice) -> None:
    """The report where it is made already, else the offer to make it."""
    if not voice.recordings():
        return
    st.header("Report")
    report = cache.report(voice)
    if report is None:
        _offer(voice)
        return
    with errors.guard():
        _verdict(report)
        _numbers(report)
        _tracker(report)
        _figures(report)
        _remarks(report)


def _offer(voice: Voice) -> None:
    st.markdown("Is there enough material, and is it good? Run a quick pitch analysis to find out.")
    st.button(
        "Make the report",
        key="dataset.report",
        icon=":material/fact_check:",
        on_click=_start,
        args=(voice,),
        disabled=work.busy(),
        help="Takes a few seconds for each minute of the recordings. Each is analysed only once.",
    )


@errors.callback
def _start(voice: Voice) -> None:
    from ddsing.dataset import report
    from ddsing.sound import pitch

    tracker = pitch.quickest()
    work.order(
        "report",
        f"Report on {plain(voice.name)}",
        {"voice": voice.name},
        parts=lambda known: [report.part(known, voice, tracker=tracker)],
    )


def _verdict(report: Report) -> None:
    element, icon, title = LEVELS[report.verdict.level]
    more = [reason for reason in report.verdict.reasons if reason not in report.verdict.sentence]
    reasons = "".join(f"\n- {plain(reason)}" for reason in more)
    element(plain(report.verdict.sentence) + ("\n" + reasons if reasons else ""), title=title, icon=icon)


def _numbers(report: Report) -> None:
    sure = sum(report.confidence_shares[5:]) if report.confidence_shares else 0.0
    cards = [
        ("Usable", format_duration(60 * report.minutes), "Total length of all readable recordings."),
        (
            "Voiced",
            format_duration(60 * report.minutes_voiced),
            "Parts with a clear pitch: this is what an instrument learns from.",
        ),
        ("Clear pitch", percent(sure), "Share of the sound with a pitch confidence of 0.5 or more."),
        (
            "Clipped files",
            str(len(report.clipped_files)),
            "Recordings with samples at full scale: record them at a lower level.",
        ),
        (
            "Noise floor",
            _floor(report.noise_floor_db),
            "Level of the quiet parts. Lower is better, because noise is learnt, too.",
        ),
    ]
    with st.grid(5, min_column_width=150):
        for label, value, tip in cards:
            st.metric(label, value, help=tip, border=True)
    if report.voices_hint and report.voices_hint not in report.verdict.reasons:  # which are said above
        st.warning(plain(report.voices_hint), icon=":material/groups:")


def _tracker(report: Report) -> None:
    """By which tracker the pitch was found, where a dataset's own may be better."""
    if report.tracker in ("instant", "tiny"):
        st.caption(
            f":material/bolt: Pitch found by the tracker **{trackers.label(report.tracker)}**; refined when the "
            "dataset is prepared with a better one."
        )


def _floor(noise_floor_db: float | None) -> str:
    if noise_floor_db is None:
        return "unknown"
    return "no noise" if noise_floor_db <= -119.0 else f"{format_number(noise_floor_db)} dB"


def _figures(report: Report) -> None:
    from ddsing.plots import dataset as plot

    notes = cache.seconds_by_note(report.pitch_seconds)
    if not notes.any():
        return
    keys, loudness = st.columns([3, 2], gap="medium")
    with keys:
        st.markdown("**Notes sung**", help="Orange: less than five seconds in total, too little to learn well.")
        st.plotly_chart(plot.notes_figure(notes), key="dataset.notes", config=QUIET, alt=plot.notes_alt(notes))
    lows = sorted(report.loudness_seconds)
    if lows:
        edges, seconds = np.array([*lows, lows[-1] + 5.0]), np.array([report.loudness_seconds[low] for low in lows])
        with loudness:
            st.markdown("**Loudness**", help="Wide is good: the instrument learns both soft and loud.")
            st.plotly_chart(
                plot.loudness_figure(edges, seconds),
                key="dataset.loudness",
                config=QUIET,
                alt=plot.loudness_alt(edges, seconds),
            )


def _remarks(report: Report) -> None:
    remarks = [(name, said) for name, sentences in report.remarks.items() for said in sentences]
    if remarks:
        panel = st.expander(
            f"Remarks on single recordings ({len(remarks)})",
            icon=":material/rule:",
            key=values.keep("dataset.remarks", False),
            on_change="rerun",
        )
        if panel.open:
            panel.markdown("\n".join(f"- {plain(name)}: {plain(said)}" for name, said in remarks))
