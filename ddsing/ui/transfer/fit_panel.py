"""How well the recording fits the instrument, read before anything is rendered."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ddsing.ui.shell import caches, errors, opened, state, values, work
from ddsing.ui.shell.formatting import octaves, percent, signed

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry
    from ddsing.model.statistics import DatasetStatistics
    from ddsing.sound.features import Features
    from ddsing.sound.recording import Recording
    from ddsing.transfer.fit import Fit
    from ddsing.transfer.settings import Settings


def show(instrument: Entry | None, sound: Recording | None) -> None:
    """The fit reading where the recording is analysed already, else the offer to analyse it."""
    if instrument is None or sound is None:
        return
    chosen, known = st.session_state[state.TRACKER], caches.analysed(sound.key)
    with st.container(border=True):
        if instrument.statistics is None:
            st.markdown("**Fit** · This instrument has no training ranges to compare with.")
        elif not known:
            _offer(sound, chosen)
        else:  # any tracker tells the range
            _reading(instrument, sound, chosen if chosen in known else sorted(known)[0])


def _offer(sound: Recording, chosen: str) -> None:
    st.markdown("**Fit** · Does the recording fit the instrument's range? Analyse it to find out.")
    st.button(
        "Analyse the recording",
        key="fit.analyse",
        icon=":material/search_insights:",
        width="stretch",
        disabled=work.busy(),
        on_click=_analyse,
        args=(sound, chosen),
        help="Finds pitch and loudness. The transfer reuses the analysis.",
    )


@errors.callback
def _analyse(sound: Recording, chosen: str) -> None:
    work.start("Analysing", _analysis(sound.audio, chosen))


def _analysis(audio: np.ndarray, tracker: str) -> Callable:
    """What finds a recording's pitch, and keeps it."""
    from ddsing.sound import features
    from ddsing.transfer import stages

    cache = opened.feature_cache()

    def work(report: Callable[[str, float], None]) -> None:
        tell = functools.partial(report, stages.doing("features"))
        features.extract(audio, tracker=tracker, cache=cache, progress=tell)

    return work


def _reading(instrument: Entry, sound: Recording, tracker: str) -> None:
    if instrument.config is None or instrument.statistics is None:
        return
    features = caches.features_of(sound.key, sound.audio, tracker, instrument.config.generation)
    settings = state.settings()
    fit = caches.fit(features, sound.key, instrument, settings)
    if fit.inside_share is None or fit.pitch_inside is None or fit.loudness_inside is None:
        st.markdown("**Fit** · Nothing to fit: the recording is silent or has no clear pitch.")
        return
    st.markdown(
        f"**Fit** · **{percent(fit.inside_share)}** of the singing is inside the instrument's range with these "
        f"controls (pitch {percent(fit.pitch_inside)}, loudness {percent(fit.loudness_inside)})."
    )
    _best(fit, settings)
    panel = st.expander(
        "Where it is outside the range",
        icon=":material/show_chart:",
        key=values.keep("fit.plot", False),
        on_change="rerun",
    )
    if panel.open:
        with panel, errors.guard():
            _plot(features, instrument.statistics, fit)


def _best(fit: Fit, settings: Settings) -> None:
    wanted = (fit.octave_shift, fit.loudness_shift_db)
    said = f"{octaves(fit.octave_shift)}, {signed(fit.loudness_shift_db, 'dB')}"
    if wanted == (settings.octave_shift, settings.loudness_shift_db):
        st.markdown(f":material/check_circle: The best fit is already set: {said}.")
        return
    st.button(
        f"Apply the best fit: {said}",
        key="fit.apply",
        icon=":material/auto_fix_high:",
        width="stretch",
        disabled=work.busy(),
        on_click=state.apply_fit,
        args=wanted,
        help="Sets the octave and loudness shift that bring most of the recording into the range.",
    )


def _plot(features: Features, statistics: DatasetStatistics, fit: Fit) -> None:
    from ddsing.plots import fit as plot
    from ddsing.plots import style

    ranges = plot.Ranges(
        f0_hz=fit.f0_hz,
        f0_confidence=features.f0_confidence,
        loudness_db=fit.loudness_db,
        outside=fit.outside,
        pitch_range_midi=statistics.pitch_range_midi,
        loudness_range_db=statistics.loudness_range_db,
    )
    st.plotly_chart(plot.figure(ranges), key="fit.figure", config=style.CONFIG, alt=plot.alt_text(ranges))
    st.caption("What the instrument would sing with the current controls.")
