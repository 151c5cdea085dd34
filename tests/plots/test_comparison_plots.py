"""Figures of the comparison: every take in them once, one scale for all, and what they say in words."""

import re

import numpy as np
import pytest

from ddsing.plots import comparison, style
from ddsing.plots.comparison import Sung
from ddsing.plots.curves import COLOURS
from ddsing.transfer.morph import MAX_INSTRUMENTS
from ddsing.ui.player.players import text_of


def _sung(name: str, hz: float, db: float, **options) -> Sung:
    n_frames = 5_000
    sung = np.ones(n_frames, bool)
    sung[:100] = False
    return Sung(name, np.full(n_frames, hz, np.float32), sung, np.full(n_frames, db, np.float32), **options)


def test_the_overlay_has_every_take_once_in_the_legend_and_the_original_in_grey():
    curves = [_sung("original", 220.0, -100.0, original=True), _sung("one", 220.0, -20.0), _sung("two", 440.0, -30.0)]
    figure = comparison.overlay(curves, height=460)
    assert [trace.name for trace in figure.data if trace.showlegend] == ["original", "one", "two"]
    assert figure.data[0].line.color == style.SOURCE
    assert len({trace.line.color for trace in figure.data}) == 3
    assert all(len(trace.x) <= style.MAX_POINTS for trace in figure.data)
    pitch, loudness = figure.data[4], figure.data[1]
    assert np.isnan(pitch.y[0]) and pitch.y[-1] == pytest.approx(69.0)  # silence is not drawn; A4
    assert loudness.y[-1] == comparison.LOUDNESS_FLOOR_DB
    said = comparison.overlay_text(curves)
    assert "one from A3 to A3 at −20 dB" in said and "two from A4" in said


def test_a_long_name_fits_the_legend_and_stays_whole_in_words():
    name = "1 · A rather long title that somebody gave to this take of the tenor"
    curve = _sung(name, 220.0, -20.0)
    (shown,) = {trace.name for trace in comparison.overlay([curve], height=460).data}
    assert len(shown) <= 50 and shown.endswith("…") and name.startswith(shown[:-1])
    assert name in comparison.overlay_text([curve])


def test_spectrograms_share_one_scale():
    time_s = np.arange(16_000) / 16_000
    loud = (0.5 * np.sin(2 * np.pi * 440.0 * time_s)).astype(np.float32)
    figure = comparison.spectrograms([("loud", loud), ("soft", 0.1 * loud)], height=390)
    assert len(figure.data) == 2 and {trace.coloraxis for trace in figure.data} == {"coloraxis"}
    peaks = [int(np.max(trace.z)) for trace in figure.data]
    assert peaks[0] - peaks[1] == pytest.approx(20, abs=1)
    assert "loud" in comparison.spectrograms_text([("loud", loud)])


def test_the_shares_of_a_morph_have_the_colours_of_all_figures():
    said = re.search(r"const COLOURS = \[(.*)\]", text_of("shares.js")).group(1)
    assert re.findall(r"#\w+", said) == list(COLOURS[:MAX_INSTRUMENTS])
