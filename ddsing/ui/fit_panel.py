"""How well the recording fits the instrument, read before anything is rendered."""

import streamlit as st

from ddsing.ui import caches, errors, state, work
from ddsing.ui.formatting import octaves, percent, signed


def show(instrument, sound) -> None:
    """The fit reading where the recording is analysed already, else the offer to analyse it."""
    if instrument is None or sound is None or work.busy():
        return
    chosen = st.session_state[state.TRACKER]
    with st.container(border=True):
        if not caches.is_analysed(sound.content, chosen):
            _offer(sound, chosen)
        elif instrument.statistics is None:
            st.markdown("**Fit** · This instrument does not say what it was trained on: nothing to compare with.")
        else:
            _reading(instrument, sound, chosen)


def _offer(sound, chosen: str) -> None:
    st.markdown("**Fit** · How does the recording lie in the instrument's range? Analysing it tells beforehand.")
    st.button("Analyse the recording", key="fit.analyse", icon=":material/search_insights:", width="stretch",
                  on_click=_analyse, args=(sound, chosen),
                  help="Finds pitch and loudness. A transfer does it too; nothing is analysed twice.")  # fmt: skip


@errors.callback
def _analyse(sound, chosen: str) -> None:
    work.start("Analysing", caches.analysis(sound.audio, chosen))


def _reading(instrument, sound, chosen: str) -> None:
    features = caches.features_of(sound.content, sound.audio, chosen, instrument.config.generation)
    settings = state.settings()
    fit = caches.fit(features, instrument.statistics, settings)
    st.markdown(
        f"**Fit** · **{percent(fit.inside_share)}** of the singing lies inside the instrument's range as the controls "
        f"stand (pitch {percent(fit.pitch_inside)}, loudness {percent(fit.loudness_inside)})."
    )
    _best(fit, settings)
    panel = st.expander("Where it lies outside", icon=":material/show_chart:", key="fit.plot", on_change="rerun")
    if panel.open:
        with panel, errors.guard():
            _plot(features, instrument.statistics, settings, fit)


def _best(fit, settings) -> None:
    wanted = (fit.octave_shift, fit.loudness_shift_db)
    said = f"{octaves(fit.octave_shift)}, {signed(fit.loudness_shift_db, 'dB')}"
    if wanted == (settings.octave_shift, settings.loudness_shift_db):
        st.markdown(f":material/check_circle: The shifts that fit best are set: {said}.")
        return
    st.button(f"Apply the best fit: {said}", key="fit.apply", icon=":material/auto_fix_high:", width="stretch",
              on_click=state.apply_fit, args=wanted,
              help="The octave and loudness shift with which most of the recording lies inside.")  # fmt: skip


def _plot(features, statistics, settings, fit) -> None:
    from ddsing.plots import fit as plot
    from ddsing.plots import style

    ranges = plot.Ranges(
        f0_hz=features.f0_hz * 2.0**settings.octave_shift,
        f0_confidence=features.f0_confidence,
        loudness_db=features.loudness_db + settings.loudness_shift_db,
        outside=fit.outside,
        pitch_range_midi=statistics.pitch_range_midi,
        loudness_range_db=statistics.loudness_range_db,
    )
    st.plotly_chart(plot.figure(ranges), key="fit.figure", config=style.CONFIG, alt=plot.alt_text(ranges))
    st.caption("With the octave and loudness shift that are set now.")
