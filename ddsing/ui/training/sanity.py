"""The sanity check: a window as it was recorded and as the voice sings it, side by side, with the distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.dataset.voices import Voice
from ddsing.sound import audio
from ddsing.ui.dataset import cache
from ddsing.ui.shell import caches, errors, in_sight, opened, per_workspace, values, work
from ddsing.ui.shell.formatting import plain
from ddsing.ui.training import export

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import plotly.graph_objects as go

    from ddsing.jobs.paces import Paces
    from ddsing.jobs.time_left import Part
    from ddsing.training.history import History
    from ddsing.training.sanity import Comparison

CHECKS = 4
SINGING = "singing"
NAMES = ("original", "reconstruction")
_HEIGHT_PX = 470
_STEP, _WHICH = "sanity.step", "sanity.which"


@per_workspace.resource(max_entries=1, show_spinner=False)
def _checks() -> cache.Kept:
    return cache.Kept(CHECKS)


def show(voice: Voice, history: History) -> None:
    """The section; nothing of it runs before it is opened."""
    if not history.checkpoints:
        return
    panel = st.expander(
        "Sanity check: original and reconstruction side by side",
        icon=":material/compare:",
        key=values.keep(f"sanity.{voice.name}", False),
        on_change="rerun",
    )
    if not panel.open:
        return
    with panel, errors.guard():
        step = _choose(voice, history)
        found = _checks().get(_about(voice, step))
        if found:
            _compared(found, _about(voice, step))


def _choose(voice: Voice, history: History) -> int:
    steps = list(reversed(history.checkpoints))
    chosen = history.verdict.step if history.verdict else None
    values.among(_STEP, steps, chosen if chosen in steps else steps[0], about=voice.name)
    box, button = st.columns([3, 2], vertical_alignment="bottom")
    with box:
        step = st.selectbox(
            "Checkpoint",
            steps,
            key=_STEP,
            format_func=lambda step: f"step {step:,}{export.mark(history, step)}",
        )
    button.button(
        "Compare",
        key="sanity.start",
        icon=":material/hearing:",
        width="stretch",
        on_click=_start,
        args=(voice, step),
        disabled=work.busy(),
        help="Sings held-out windows, even during training.",
    )
    return step


def _about(voice: Voice, step: int) -> tuple:
    return (*cache.dataset_stamp(voice), step)


@errors.callback
def _start(voice: Voice, step: int) -> None:
    from ddsing.training import sanity

    workspace, kept, about = opened.workspace(), _checks(), _about(voice, step)

    def compare(report: work.Report) -> None:
        report(SINGING, None)
        kept.put(about, sanity.check(workspace, voice.name, step=step))
        report(SINGING, 1.0)

    work.start(f"Comparing {plain(voice.name)} at step {step:,}", compare, parts=lambda known: [_part(known)])


def _part(known: Paces) -> Part:
    return known.part(SINGING, 1, "training/sanity check", guess_s=10.0, turn=0)


def _compared(found: Sequence[Comparison], about: tuple) -> None:
    which = 0
    if len(found) > 1:
        which = (
            st.segmented_control(
                "Window",
                range(len(found)),
                key=values.among(_WHICH, range(len(found))),
                required=True,
                format_func=lambda index: f"window {found[index].window}",
                help="Held-out windows, if there are any.",
            )
            or 0
        )
    pair = found[min(which, len(found) - 1)]
    with st.grid(3, min_column_width=150):
        st.metric(
            "Spectral loss", f"{pair.spectral_loss:.2f}", border=True, help="As in the loss curve; 0 means identical."
        )
        cents = "no pitch" if pair.f0_cents is None else f"{pair.f0_cents:.0f} cents"
        st.metric("Pitch error", cents, border=True, help="Median over voiced frames; 100 cents are a semitone.")
        st.metric("Loudness error", f"{pair.loudness_error_db:.1f} dB", border=True, help="Mean over the window.")
    wavs = caches.drawn(("sanity.sounds", *about, pair.window), lambda: [audio.encode(one) for one in _sounds(pair)])
    for column, name, wav in zip(st.columns(2, gap="medium"), NAMES, wavs, strict=True):
        with column:
            st.caption(name.capitalize())
            st.audio(wav, format="audio/wav", alt=f"{name} of window {pair.window}")
    in_sight.figure(
        lambda: caches.drawn(("sanity", *about, pair.window), lambda: _drawn(pair)), _HEIGHT_PX, key="sanity.figure"
    )


def _sounds(pair: Comparison) -> list[np.ndarray]:
    return [getattr(pair, name) for name in NAMES]


def _drawn(pair: Comparison) -> tuple[go.Figure, str]:
    """The spectrograms of both sounds, and these in words."""
    from ddsing.plots import spectrogram

    figure = spectrogram.figure(*_sounds(pair), names=NAMES, height=_HEIGHT_PX)
    return figure, spectrogram.alt_text(*_sounds(pair), names=NAMES)
