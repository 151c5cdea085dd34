"""How well the recording fits the instrument, read before anything is rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import TRACKERS
from ddsing.ui.shell import allowed, caches, errors, ordered, state, trackers, values, work
from ddsing.ui.shell.formatting import octaves, percent, plain, signed
from ddsing.ui.transfer import first_readings, pitch_edits

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry
    from ddsing.jobs.paces import Paces
    from ddsing.jobs.time_left import Part
    from ddsing.model.statistics import DatasetStatistics
    from ddsing.sound.features import Features
    from ddsing.sound.recording import Recording
    from ddsing.transfer.fit import Fit
    from ddsing.transfer.settings import Settings
    from ddsing.ui.shell.state import Desk

POLL_S, SOON_POLL_S = 0.4, 0.1
_SHORT_S = 60.0  # is read in one go, which takes a moment
_BOLT = ":material/bolt:"


def show(instrument: Entry | None, sound: Recording | None, desk: Desk = state.TRANSFER) -> None:
    """The fit reading: by the chosen tracker where it is known, else a first one that is made at once."""
    if instrument is None or sound is None:
        return
    chosen, known = st.session_state[desk.tracker], caches.analysed(sound.key)
    best = next((name for name in TRACKERS if name in known), None)
    with st.container(border=True, key="fit"):
        if instrument.statistics is None or instrument.config is None:
            st.markdown("**Fit** · This instrument has no training ranges to compare with.")
        elif best is not None:
            tracker = chosen if chosen in known else best
            features = caches.features_of(sound.key, sound.audio, tracker, instrument.config.generation)
            _reading(instrument, sound, features, desk)
            if TRACKERS.index(tracker) > TRACKERS.index(chosen):
                _refine(sound, chosen, tracker)
        else:
            _first(instrument, sound, desk)


def _first(instrument: Entry, sound: Recording, desk: Desk) -> None:
    """The reading that nobody has to ask for."""
    chosen = st.session_state[desk.tracker]
    reading = first_readings.of(sound)
    if reading.error is not None:
        st.markdown(f"**Fit** · The recording can't be analysed: {plain(errors.sentence(reading.error))}")
        _refine(sound, chosen, reading.found.tracker)
    elif reading.found.complete and instrument.config is not None:  # and the cache did not keep it
        _reading(instrument, sound, reading.found.features(instrument.config.generation), desk)
        _refine(sound, chosen, reading.found.tracker)
    else:
        soon = sound.duration_s <= _SHORT_S and not ordered.by_workers()
        st.fragment(_under_way, run_every=SOON_POLL_S if soon else POLL_S)(instrument, sound, desk)


@errors.guarded
def _under_way(instrument: Entry, sound: Recording, desk: Desk) -> None:
    """What is known while the recording is being read; the page is shown again once all of it is."""
    reading = first_readings.of(sound)
    if reading.over:
        st.rerun(scope="app")
    if not reading.found.n_read or instrument.config is None:
        st.markdown("**Fit** · :gray[Analysing the recording …]")
        return
    features = reading.found.features(instrument.config.generation)
    fit = caches.fit(features, sound.key, instrument, desk.settings())
    if fit.inside_share is not None:
        _said(fit, "in the first minute ")
    st.caption(f"{_found_by(reading.found.tracker)}; the rest of the recording follows.")


def _found_by(tracker: str) -> str:
    return f"{_BOLT} Pitch found by the tracker **{trackers.label(tracker)}**"


def _refine(sound: Recording, chosen: str, tracker: str) -> None:
    """The offer to find the pitch with the chosen tracker as well."""
    better = trackers.label(chosen)
    if chosen == tracker:
        said = "."
    elif first_readings.being_found(sound, chosen):
        said = f"; refined when **{better}** is done."
    else:
        said = f". A transfer refines it with **{better}**."
    st.caption(f"{_found_by(tracker)}{said}")
    offer_analysis(sound, chosen, f"Refine with {better}", key="fit.analyse")


def offer_analysis(sound: Recording, chosen: str, label: str, *, key: str) -> None:
    """A button that finds the pitch with the chosen tracker."""
    st.button(
        label,
        key=key,
        icon=":material/search_insights:",
        width="stretch",
        disabled=work.busy(),
        on_click=_analyse,
        args=(sound, chosen),
        help="Finds pitch and loudness with the chosen tracker. The transfer reuses the analysis.",
    )


@errors.callback
def _analyse(sound: Recording, chosen: str) -> None:
    from ddsing.work.kinds import AtHand

    allowed.count("transfers")  # it costs as much
    found = first_readings.known(sound, chosen)
    new_s = sound.duration_s if found is None else found.left_s

    def parts(known: Paces) -> list[Part]:
        from ddsing.transfer import expected

        return [expected.finding_pitch(known, chosen, new_s)]

    work.order(
        "analyse",
        f"Analysing {plain(sound.name)}",
        {"tracker": chosen},
        sound=sound,
        at_hand=lambda: AtHand(caches.models(), begun=first_readings.known(sound, chosen)),
        parts=parts,
    )


def _reading(instrument: Entry, sound: Recording, features: Features, desk: Desk) -> None:
    if instrument.statistics is None:
        return
    settings = desk.settings()
    content = f"{sound.key}{pitch_edits.digest(sound, features.tracker)}"
    features = pitch_edits.edited(sound, features)
    fit = caches.fit(features, content, instrument, settings)
    if not _said(fit):
        return
    _best(fit, settings, desk)
    _auto_pitch(fit, settings, desk)
    panel = st.expander(
        "Where it is outside the range",
        icon=":material/show_chart:",
        key=values.keep(desk.part("fit.plot"), False),
        on_change="rerun",
    )
    if panel.open:
        with panel, errors.guard():
            _plot(features, instrument.statistics, fit)


def _said(fit: Fit, where: str = "") -> bool:
    """The reading in a sentence; False where there is nothing to read."""
    if fit.inside_share is None or fit.pitch_inside is None or fit.loudness_inside is None:
        st.markdown("**Fit** · Nothing to fit: the recording is silent or has no clear pitch.")
        return False
    st.markdown(
        f"**Fit** · **{percent(fit.inside_share)}** of the singing {where}is inside the instrument's range with these "
        f"controls (pitch {percent(fit.pitch_inside)}, loudness {percent(fit.loudness_inside)})."
    )
    return True


def _best(fit: Fit, settings: Settings, desk: Desk) -> None:
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
        on_click=desk.apply_fit,
        args=wanted,
        help="Sets the octave and loudness shift that bring most of the recording into the range.",
    )


def _auto_pitch(fit: Fit, settings: Settings, desk: Desk) -> None:
    """The offer to transpose by semitones; nothing where that is set, or is what the octaves do already."""
    now = 12 * settings.octave_shift + settings.transpose
    if fit.transpose in (now, 12 * fit.octave_shift + settings.transpose):
        return
    st.button(
        f"Auto pitch: {signed(fit.transpose, 'semitone' if abs(fit.transpose) == 1 else 'semitones')}",
        key="fit.auto_pitch",
        icon=":material/music_note:",
        width="stretch",
        disabled=work.busy(),
        on_click=desk.apply_pitch,
        args=(fit.transpose,),
        help="Transposes to where most of the melody is inside the range, in another key. Octaves would keep the key.",
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
