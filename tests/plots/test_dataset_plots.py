"""Figures of datasets: bars stand on their keys, cells carry their windows, words agree with the data."""

import numpy as np
import pytest

from ddsing.plots import coverage, dataset, keyboard


def _notes(**seconds):
    found = np.zeros(128)
    for name, value in seconds.items():
        found[int(name[1:])] = value
    return found


def test_each_note_stands_on_its_own_key():
    figure = dataset.notes_figure(_notes(m60=12.0, m61=3.0, m64=20.0))
    bars = dict(zip(figure.data[0].x, figure.data[0].y, strict=True))
    assert bars[keyboard.position(60, 36)] == 12.0 and bars[keyboard.position(61, 36)] == 3.0
    middles = [(shape.x0 + shape.x1) / 2 for shape in figure.layout.shapes]
    assert sorted(middles) == pytest.approx(sorted(bars))
    coloured = [shape for shape in figure.layout.shapes if shape.fillcolor in ("#0d6a61", "#7fd0c5")]
    assert sorted((shape.x0 + shape.x1) / 2 for shape in coloured) == pytest.approx(
        sorted(keyboard.position(note, 36) for note in (60, 61, 64))
    )


def test_notes_hardly_sung_have_another_colour_and_are_named():
    figure = dataset.notes_figure(_notes(m60=12.0, m61=3.0))
    colours = dict(zip(range(36, 85), figure.data[0].marker.color, strict=True))
    assert colours[60] != colours[61]
    assert "C4 to C♯4" in dataset.notes_alt(_notes(m60=12.0, m61=3.0))
    assert "under 5 seconds: C♯4" in dataset.notes_alt(_notes(m60=12.0, m61=3.0))
    assert "well covered" in dataset.notes_alt(_notes(m60=12.0, m61=7.0))


def test_notes_without_any():
    assert dataset.notes_figure(np.zeros(128)).data
    assert "no sung notes" in dataset.notes_alt(np.zeros(128))


@pytest.mark.parametrize(("top", "ticks"), [(12.0, [0, 5, 10]), (4.0, [0, 1, 2, 3, 4]), (260.0, [0, 100, 200])])
def test_few_round_ticks_from_zero(top, ticks):
    assert dataset._ticks(top) == pytest.approx(ticks)


def test_loudness_says_where_most_lies():
    edges, seconds = np.arange(-80, 1, 10), np.array([0, 0, 10, 30, 40, 20, 0, 0])
    figure = dataset.loudness_figure(edges, seconds)
    np.testing.assert_allclose(figure.data[0].x, edges[:-1] + 5)
    assert "between −60 and −30 dB" in dataset.loudness_alt(edges, seconds)
    assert "no sound" in dataset.loudness_alt(edges, 0 * seconds)


def _window(voiced=True):
    n_frames = 1000
    tone = np.sin(2 * np.pi * 220 * np.arange(64_000) / 16_000)
    confidence = np.where(np.arange(n_frames) < 500, 0.9, 0.1) if voiced else np.zeros(n_frames)
    return dataset.Window(tone, np.full(n_frames, 220.0), confidence, np.linspace(-60, -20, n_frames), start_s=7.0)


def test_window_draws_f0_at_its_frequency_only_where_voiced():
    figure = dataset.window_figure(_window())
    heat, over, unsure, sure = figure.data[0], figure.data[1], figure.data[2], figure.data[3]
    assert np.nanmax(sure.y) == pytest.approx(57) and np.isnan(sure.y[600]) and np.isfinite(unsure.y[600])
    row = np.asarray(heat.z, float)[:, 100].argmax()
    assert heat.y[row] == pytest.approx(over.y[100], abs=25)
    assert np.isnan(over.y[600])


def test_window_has_one_time_axis_in_the_recordings_time():
    figure = dataset.window_figure(_window())
    axes = [figure.layout[name] for name in ("xaxis", "xaxis2", "xaxis3", "xaxis4")]
    assert {tuple(axis.range) for axis in axes} == {(7.0, 11.0)}
    assert {axis.matches for axis in axes} == {"x4", None}
    assert {round(float(trace.x[0]), 3) for trace in figure.data} == {7.0}
    said = dataset.window_alt(_window())
    assert "from 7.0 s on" in said and "voiced in 50 %" in said and "A3" in said and "−60 to −20 dB" in said


def test_window_without_pitch():
    assert dataset.window_figure(_window(voiced=False)).data
    assert "voiced in 0 %" in dataset.window_alt(_window(voiced=False))


def _windows(n=12, **changes):
    given = {
        "ids": list(range(100, 100 + n)),
        "file": ["a.wav"] * (n - 2) + ["b.flac"] * 2,
        "start_s": np.append(np.arange(n - 2) * 60.0, [0.0, 1.0]),
        "state": ["train"] * (n - 3) + ["held_out", "guard", "excluded"],
        "confidence": np.linspace(0, 1, n),
        "silence": np.zeros(n),
        "clipping": np.full(n, np.nan),
    }
    return coverage.Windows(**(given | changes))


def test_coverage_has_a_cell_per_window_in_its_recordings_lines():
    figure = coverage.figure(_windows())
    cells = {
        int(data[0]): (base, y)
        for trace in figure.data
        for data, base, y in zip(trace.customdata, trace.base, trace.y, strict=True)
    }
    assert set(cells) == set(range(100, 112))
    assert cells[104] == (240.0, 0) and cells[105] == (0.0, 1)  # folded after five minutes
    assert list(figure.layout.yaxis.ticktext) == ["a.wav", "… from 5 min", "b.flac"]
    assert [trace.name for trace in figure.data] == [
        "trained on (9)",
        "held out (1)",
        "next to held out (1)",
        "excluded (1)",
    ]


@pytest.mark.parametrize("measure", list(coverage.MEASURES))
def test_coverage_coloured_by_a_measure_pales_the_excluded(measure):
    figure = coverage.figure(_windows(), colour=measure, current=103)
    assert len(figure.data) == 1 and np.isfinite(figure.data[0].marker.color).all()
    assert list(figure.data[0].marker.opacity).count(0.25) == 1
    assert figure.layout.shapes[0].x0 == 180.0


@pytest.mark.parametrize("colour", ["state", *coverage.MEASURES])
def test_cells_that_are_not_in_the_box_step_back(colour):
    in_box = [101, 103, 110]
    figure = coverage.figure(_windows(), colour=colour, boxed=in_box)
    shown = [int(trace.customdata[at][0]) for trace in figure.data for at in trace.selectedpoints]
    assert sorted(shown) == in_box and figure.data[0].unselected.marker.opacity < 1
    assert all(trace.selectedpoints is None for trace in coverage.figure(_windows(), colour=colour).data)


def test_coverage_hover_and_words():
    figure = coverage.figure(_windows())
    assert list(figure.data[0].customdata[0]) == [100, "a.wav", "from 0 s", "trained on", "0.00", "0 %", "unknown"]
    said = coverage.alt_text(_windows())
    assert "12 windows of 2 recordings" in said and "9 trained on" in said and "lowest 0.00" in said


def test_coverage_of_nothing():
    nothing = np.zeros(0)
    empty = coverage.Windows([], [], nothing, [], nothing, nothing, nothing)
    coverage.figure(empty)
    assert "0 windows" in coverage.alt_text(empty)


def test_selection_returns_ids_once():
    points = [{"customdata": [103, "a"]}, {"customdata": [101, "a"]}, {"customdata": [103, "a"]}, {"x": 1}]
    assert coverage.boxed({"selection": {"points": points, "box": [{}]}}) == (101, 103)
    assert coverage.boxed(None) == () and coverage.boxed({}) == ()


def test_a_pressed_cell_is_no_box():
    pressed = {"selection": {"points": [{"customdata": [103, "x"]}], "box": []}}
    assert coverage.pressed(pressed) == 103 and coverage.boxed(pressed) == ()
    boxed = {"selection": {**pressed["selection"], "box": [{}]}}
    assert coverage.pressed(boxed) is None and coverage.boxed(boxed) == (103,)
    assert coverage.pressed(None) is None
