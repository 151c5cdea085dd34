"""Figures of a training: the guide band, honest smoothing, previews on the curve, words that agree."""

import numpy as np
import pytest

from ddsing.plots import style, training


def _course(n=600, **changes):
    steps = np.arange(1, n + 1) * 10
    loss = 5.5 + 6.0 * np.exp(-steps / 800) + np.random.default_rng(0).normal(0, 0.2, n)
    saves = np.arange(500, 6001, 500)
    given = {
        "steps": steps,
        "loss": loss,
        "held_out_steps": saves,
        "held_out": {
            "spectral_loss": 6.0 + 4 * np.exp(-saves / 800),
            "f0_cents": np.linspace(80, 12, 12),
            "loudness_db": np.full(12, np.nan),
        },
        "preview_steps": saves,
        "best_step": 5500,
        "speed_steps": saves,
        "steps_per_s": np.full(12, 1.25),
    }
    return training.Course(**(given | changes))


def test_smoothing_keeps_constants_and_lines_and_calms_noise():
    np.testing.assert_allclose(training.smoothed(np.full(500, 7.0)), 7.0)
    line = np.linspace(10, 5, 601)
    np.testing.assert_allclose(training.smoothed(line)[20:-20], line[20:-20], atol=1e-9)
    noise = np.random.default_rng(0).normal(0, 1, 3000)
    assert training.smoothed(noise).std() < 0.25
    np.testing.assert_array_equal(training.smoothed([3.0, 9.0]), [3.0, 9.0])


def test_loss_shows_raw_smoothed_band_previews_and_the_chosen():
    figure = training.loss_figure(_course())
    names = [trace.name for trace in figure.data]
    assert names == ["loss", "loss, smoothed", "held-out part", "preview", "chosen", "guide, 5 to 6"]
    band = figure.layout.shapes[0]
    assert (band.y0, band.y1) == (5.0, 6.0)
    dots, curve = figure.data[3], figure.data[1]
    np.testing.assert_allclose(dots.y, np.interp(dots.x, curve.x, curve.y), atol=0.02)
    assert figure.data[4].x == (5500,)


def test_a_chosen_stretch_stays_while_points_come_and_keeps_detail():
    for make in (training.loss_figure, training.held_out_figure):
        for n in (400, 600):
            assert tuple(make(_course(n), window=(1000.0, 2000.0)).layout.xaxis.range) == (1000.0, 2000.0)
    figure = training.loss_figure(_course(40_000), window=(1000.0, 5000.0))
    assert len(figure.data[0].x) == 401 and figure.data[0].x[0] == 1000
    assert figure.layout.yaxis.range[1] < training.loss_figure(_course(40_000)).layout.yaxis.range[1]


def test_a_stretch_is_read_from_a_selection():
    box = {"selection": {"points": [], "box": [{"x": [900.5, -20.0], "y": [1, 2]}]}}
    assert training.selected_window(box) == (0.0, 900.5)
    assert training.selected_window({"selection": {"box": [{"x": [7.0, 7.5]}]}}) is None
    assert training.selected_window({"selection": {"box": []}}) is None and training.selected_window(None) is None


def test_many_points_are_thinned_and_single_ones_are_seen():
    assert len(training.loss_figure(_course(40_000)).data[0].x) <= style.MAX_POINTS
    assert training.loss_figure(_course(1)).data[0].mode == "markers"


def test_a_single_high_step_does_not_flatten_the_curve():
    course = _course()
    course.loss[300] = 500.0
    low, high = training.loss_figure(course).layout.yaxis.range
    assert low < 5.0 and high < 60.0


def test_the_step_axis_stands_still_while_points_come():
    ends = [training.loss_figure(_course(n, total_steps=40_000)).layout.xaxis.range[1] for n in (330, 400, 560, 590)]
    assert ends == [6400.0] * 3 + [12_800.0]
    assert training.loss_figure(_course(600, total_steps=6500)).layout.xaxis.range[1] == pytest.approx(6695)
    assert training.loss_figure(_course(600, total_steps=6000)).layout.xaxis.range[1] == pytest.approx(6180)


def test_the_steep_first_steps_do_not_flatten_the_rest():
    course = _course()
    course.loss[:10] += 40.0
    assert training.loss_figure(course).layout.yaxis.range[1] < 14.0


def test_steps_that_diverged_are_left_out():
    course = _course()
    course.loss[-1] = np.nan
    assert np.isfinite(training.loss_figure(course).data[0].y).all()
    assert "nan" not in training.loss_alt(course)


def test_nothing_yet():
    nothing = training.Course(np.zeros(0), np.zeros(0))
    assert training.loss_figure(nothing).data and training.held_out_figure(nothing).data
    assert "no points yet" in training.loss_alt(nothing) and "none yet" in training.held_out_alt(nothing)


def test_held_out_rows_are_those_measured_and_the_speed():
    figure = training.held_out_figure(_course())
    assert [trace.name for trace in figure.data] == ["spectral loss", "pitch error", "steps/s"]
    assert {figure.layout[axis].matches for axis in ("xaxis", "xaxis2")} == {"x3"}


@pytest.mark.parametrize(("level", "where"), [(7.0, "above"), (5.5, "inside"), (4.0, "below")])
def test_loss_words_say_where_it_stands(level, where):
    course = _course(loss=np.full(600, level))
    assert f"{where} the guide band from 5 to 6" in training.loss_alt(course)


def test_words_say_the_numbers():
    said = training.loss_alt(_course())
    assert "6,000 steps" in said and "chosen: step 5,500" in said and "12 previews" in said
    said = training.held_out_alt(_course())
    assert (
        "pitch error 80 at first and 12 cents now" in said
        and "1.25 steps per second" in said
        and "loudness" not in said
    )
