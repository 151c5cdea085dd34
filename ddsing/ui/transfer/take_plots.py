"""The full output of a take: spectrograms, and its curves on one time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import FRAME_RATE
from ddsing.sound import audio
from ddsing.ui.shell import caches, values

if TYPE_CHECKING:
    import numpy as np
    import plotly.graph_objects as go

    from ddsing.transfer.take import Take

LONG_S = 60.0  # from here on a window of time can be chosen, since curves are thinned for drawing


def show(take: Take) -> None:
    """Spectrograms of original and result, then loudness, pitch, confidence and note-on ratio."""
    from ddsing.plots import features, spectrogram, style

    names = (take.made_from, "result")

    def both() -> tuple[go.Figure, str]:
        files = (take.folder / f"{name}.wav" for name in ("original", "result"))
        original, result = (audio.read(path, rate_hz=take.rate_hz).audio for path in files)
        return (
            spectrogram.figure(original, result, names=names, rate_hz=take.rate_hz),
            spectrogram.alt_text(original, result, names=names, rate_hz=take.rate_hz),
        )

    figure, alt = caches.drawn(("spectrogram", take.id, *names), both)
    st.plotly_chart(figure, key=f"spectrogram.{take.id}", config=style.CONFIG, theme="streamlit", alt=alt)
    curves = _curves(take)
    duration_s = len(curves.f0_hz) / FRAME_RATE
    window = None
    if duration_s > LONG_S:
        window = st.slider(
            "Time window, s",
            0.0,
            duration_s,
            (0.0, duration_s),
            key=values.keep(f"window.{take.id}", (0.0, duration_s)),
            help="Long curves are simplified. A shorter window shows full detail.",
        )
    st.plotly_chart(
        features.figure(curves, window_s=window),
        key=f"curves.{take.id}",
        config=style.CONFIG,
        alt=features.alt_text(curves),
    )


def _curves(take: Take):
    from ddsing.plots.features import Curves

    arrays = take.curves()
    entry = next((entry for entry in caches.instruments() if entry.name == take.instrument), None)
    statistics = entry.statistics if entry else None
    return Curves(
        f0_hz=arrays["f0_hz"],
        f0_used_hz=arrays["f0_hz_used"],
        f0_confidence=arrays["f0_confidence"],
        loudness_db=arrays["loudness_db"],
        loudness_used_db=arrays["loudness_db_used"],
        note_on_ratio=arrays.get("note_on_ratio"),
        mask_on=arrays.get("mask_on"),
        threshold=take.settings.mask_threshold,
        autotune=take.settings.autotune,
        instrument_pitch_midi=statistics.values.get("mean_pitch_note") if statistics else None,
        gate_gain=arrays.get("gate_gain"),
        gate_threshold_db=_gate_threshold_db(take, arrays["loudness_db"]),
        kept_share=arrays.get("kept_share"),
    )


def _gate_threshold_db(take: Take, loudness_db: np.ndarray) -> float | None:
    """Where a take's noise gate opens; None where the take's loudness is on another scale than the gate's."""
    from ddsing.sound import gate

    gate_db = take.settings.gate_db
    return None if gate_db is None or take.generation != 3 else gate.threshold_db(loudness_db, gate_db)
