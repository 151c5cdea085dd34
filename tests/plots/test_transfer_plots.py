"""Figures: what they show is what they were given, and their words agree."""

from xml.etree import ElementTree

import numpy as np
import pytest

from ddsing.plots import features, fit, keyboard, spectrogram, style


def _curves(n_frames=2500, **changes):
    time_s = np.arange(n_frames) / 250
    f0_hz = np.full(n_frames, 220.0, np.float32)
    confidence = np.where((time_s > 1) & (time_s < 9), 0.9, 0.1).astype(np.float32)
    loudness = np.full(n_frames, -40.0, np.float32)
    given = {
        "f0_hz": f0_hz,
        "f0_used_hz": 2 * f0_hz,
        "f0_confidence": confidence,
        "loudness_db": loudness,
        "loudness_used_db": loudness - 10,
        "note_on_ratio": 2 * confidence,
        "mask_on": confidence > 0.5,
    }
    return features.Curves(**(given | changes))


def test_curves_figure_shares_one_time_axis():
    figure = features.figure(_curves())
    matched = {figure.layout[name].matches for name in ("xaxis", "xaxis2", "xaxis3") if figure.layout[name].matches}
    assert matched == {"x4"}
    names = {trace.name for trace in figure.data}
    assert names >= {"loudness before", "loudness after", "pitch before", "note-on ratio"}


def test_curves_keep_values_and_unvoiced_gaps():
    figure = features.figure(_curves())
    before = next(trace for trace in figure.data if trace.name == "pitch before")
    used = next(trace for trace in figure.data if trace.name == "pitch used")
    assert np.nanmin(used.y) == pytest.approx(69) and np.nanmax(before.y) == pytest.approx(57)
    assert np.isnan(before.y[0]) and np.isfinite(before.y[len(before.y) // 2])


def test_curves_alt_text_says_the_octave():
    said = features.alt_text(_curves())
    assert "A3" in said and "A4" in said and "+12.0 semitones" in said and "1 passage detected" in said


def test_curves_without_notes_or_sound_still_draw():
    silent = _curves(f0_confidence=np.zeros(2500, np.float32), note_on_ratio=None, mask_on=None)
    assert len(features.figure(silent).data) >= 4
    assert ", 0 % of it voiced" in features.alt_text(silent)
    assert features.figure(_curves(n_frames=1)).data


def test_the_gate_and_what_is_kept_are_in_the_curves():
    closed = np.arange(2500) < 250
    given = {"gate_gain": np.where(closed, 0.0, 1.0).astype(np.float32), "gate_threshold_db": -60.0}
    curves = _curves(**given, kept_share=np.where(closed, 0.0, 0.5).astype(np.float32))
    traces = {trace.name: trace for trace in features.figure(curves).data}
    assert {"noise gate", "gate closed", "consonants and breath kept"} <= traces.keys()
    after = traces["loudness after"]
    assert (after.y[after.x < 0.99] == -80.0).all() and (after.y[after.x > 1.0] == -50.0).all()
    assert traces["consonants and breath kept"].y.max() == 0.5
    threshold = [shape for shape in features.figure(curves).layout.shapes if shape.y0 == shape.y1 == -60.0]
    assert len(threshold) == 1
    said = features.alt_text(curves)
    assert "the noise gate is closed in 10 % of it" in said and "kept in 90 % of it" in said
    plain = {trace.name for trace in features.figure(_curves()).data}
    assert not plain & {"noise gate", "gate closed", "consonants and breath kept"}


def test_a_window_keeps_detail():
    figure = features.figure(_curves(n_frames=150_000), window_s=(100.0, 104.0))
    trace = figure.data[0]
    assert len(trace.x) == 1000 and trace.x[0] == pytest.approx(100.0)


def test_thin_bounds_points_and_keeps_time():
    times, values = style.thin(np.arange(150_000))
    assert len(values) <= style.MAX_POINTS
    np.testing.assert_allclose(times, values / 250)


def test_runs_and_merging():
    mask = np.zeros(100, bool)
    mask[[0, 1, 50, 51, 99]] = True
    assert style.runs(mask) == [(0, 2), (50, 52), (99, 100)]
    assert style.merged_runs(mask, gap_frames=48) == [(0, 100)]
    assert len(style.merged_runs(np.arange(100_000) % 60 == 0, most=200)) <= 200


def _ranges(outside_from=1000):
    n_frames = 2500
    outside = np.arange(n_frames) >= outside_from
    f0_hz, loudness_db = np.full(n_frames, 440.0), np.full(n_frames, -30.0)
    return fit.Ranges(f0_hz, np.ones(n_frames), loudness_db, outside, (50.0, 67.0), (-60, -20))


def test_fit_shades_exactly_the_outside_passages():
    figure = fit.figure(_ranges())
    shaded = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert [(shape.x0, shape.x1) for shape in shaded] == [(4.0, 10.0)] * 2
    assert "Outside the range: 6.0 s in 1 passage." in fit.alt_text(_ranges()) and "D3 to G4" in fit.alt_text(_ranges())


def test_fit_without_ranges():
    bare = fit.Ranges(np.zeros(10), np.zeros(10), np.zeros(10), np.zeros(10, bool), None, None)
    assert fit.figure(bare).data and "Nothing is outside" in fit.alt_text(bare)


@pytest.mark.parametrize("hz", [200.0, 1000.0, 5000.0])
def test_spectrogram_finds_a_sine_at_its_frequency_and_level(hz):
    audio = 0.5 * np.sin(2 * np.pi * hz * np.arange(32_000) / 16_000)
    _, frequencies_hz, level_db = spectrogram.power_db(audio)
    middle = level_db[:, level_db.shape[1] // 2]
    assert frequencies_hz[middle.argmax()] == pytest.approx(hz, rel=0.08, abs=20)
    assert middle.max() == pytest.approx(-6.0, abs=1.5)


def test_spectrograms_share_one_scale_and_bounded_size():
    quiet, loud = 0.01 * np.ones(16_000, np.float32), np.random.default_rng(0).normal(0, 0.2, 16_000 * 90)
    figure = spectrogram.figure(quiet, loud)
    assert [trace.coloraxis for trace in figure.data] == ["coloraxis", "coloraxis"]
    assert figure.data[1].z.shape[1] <= spectrogram.MAX_COLUMNS
    assert "original peaks at −40 dB" in spectrogram.alt_text(quiet, loud)


def test_spectrograms_are_as_wide_as_the_curves_below_them():
    spectrograms, curves = spectrogram.figure(np.zeros(16_000), np.zeros(16_000)), features.figure(_curves())
    for side in ("l", "r"):
        assert spectrograms.layout.margin[side] == curves.layout.margin[side]
    assert spectrograms.layout.coloraxis.colorbar.orientation == "h"
    assert "#" not in "".join(colour for _, colour in spectrogram.SCALE)  # Streamlit would swap #000001 and so on


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (59.5, 63.0, ["C4", "C♯4", "D4", "D♯4"]),
        (60, 72, ["C4", "D4", "E4", "F4", "G4", "A4", "B4", "C5"]),
        (48, 72, ["C3", "E3", "G3", "C4", "E4", "G4", "C5"]),
        (36, 84, ["C2", "C3", "C4", "C5", "C6"]),
    ],
)
def test_note_axes_are_labelled_as_musicians_read_them(low, high, expected):
    assert style.note_ticks(low, high)["ticktext"] == expected


def test_spectrogram_of_almost_nothing():
    assert spectrogram.figure(np.zeros(1), np.zeros(1)).data


def _look(part) -> dict[str, str]:
    """The style of a part of the keyboard."""
    return dict(one.split(": ") for one in part.get("style").split("; "))


def test_keyboard_colours_exactly_the_range():
    given = keyboard.shapes(36, 84, inside=set(range(57, 61)))
    keys = ElementTree.fromstring(keyboard.html((57.0, 60.0), mean_midi=58)).findall("b")
    assert [_look(key)["background"] for key in keys] == [shape["fillcolor"] for shape in given]
    assert [_look(key)["background"] in ("#0d6a61", "#7fd0c5") for key in keys].count(True) == 4
    assert len(keys) == 49
    assert "A3 to C4" in keyboard.alt_text((57.0, 60.0)) and "A♯3" in keyboard.alt_text((57.0, 60.0), mean_midi=58)


def test_keyboard_has_its_keys_names_and_dot_where_they_belong():
    drawn = ElementTree.fromstring(keyboard.html((57.0, 60.0), mean_midi=58))
    edges = [[float(_look(key)[side][:-1]) for side in ("left", "width")] for key in drawn.findall("b")]
    assert min(left for left, _ in edges) == 0.0
    assert max(left + across for left, across in edges) == pytest.approx(100.0, abs=0.01)
    dot, *names = drawn.findall("i")
    assert [name.text for name in names] == ["C2", "C3", "C4", "C5", "C6"]
    middle = 100 * keyboard.position(58, 36) / keyboard.width(36, 84)
    assert dot.text is None and float(_look(dot)["left"][:-1]) == pytest.approx(middle, rel=1e-4)
    assert drawn.get("aria-label") == keyboard.alt_text((57.0, 60.0), mean_midi=58)
    assert [one.text for one in ElementTree.fromstring(keyboard.html((57.0, 60.0))).findall("i")] == [
        "C2",
        "C3",
        "C4",
        "C5",
        "C6",
    ]


def test_keyboard_widens_for_a_wide_range():
    assert keyboard.span((20.0, 100.0)) == (12, 108)
