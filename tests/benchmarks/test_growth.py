"""How costs grow: what is measured runs, in a process of its own, and slopes and figures say what they should."""

from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks import charts, growth
from benchmarks.growth import Point


def points(exponent, bytes_per_s=0.0):
    return [Point(size, 0.2 * size**exponent, 0.0, 1e6 + bytes_per_s * size) for size in (5.0, 50.0, 500.0)]


def test_slopes_are_the_exponents_and_memory_is_told_by_the_unit():
    for exponent in (0.0, 1.0, 2.0):
        found = points(exponent, 64e3)
        assert growth.slope([one.size for one in found], [one.cpu_s for one in found]) == pytest.approx(exponent)
        assert growth.per_unit_bytes(found) == pytest.approx(64e3)


def test_the_table_says_what_is_more_than_linear():
    said = growth.text({"render": points(1.02), "pitch full": points(1.5), "train": points(0.5)})
    assert [line.split("(")[1].split(")")[0] for line in said.splitlines() if "slope" in line] == [
        "linear",
        "more than linear",
        "more than flat",
    ]


def test_a_logarithmic_chart_puts_equal_ratios_at_equal_distances():
    line = charts.Line("a", ((1.0, 0.01, 0.0), (10.0, 0.1, 0.0), (100.0, 1.0, 0.0)))
    chart = charts.Chart("t", "x", "y", [line], 100.0, 1.0, 1.0, 0.01)
    root = ElementTree.fromstring(charts.svg([chart], "what it shows"))
    path = root.find(".//{*}g[@clip-path]/{*}path").get("d")
    at = np.array([[float(n) for n in one.split()] for one in path[1:].split("L")])
    assert np.allclose(np.diff(at, axis=0)[0], np.diff(at, axis=0)[1], atol=0.11)
    said = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"1", "10", "100", "0.01", "0.1"} <= set(said)


def drawn(svg):
    """The points of each chart's lines, [shape=(n_points, 2)] each."""
    paths = [group.find("{*}path").get("d") for group in ElementTree.fromstring(svg).findall(".//{*}g[@clip-path]")]
    return [np.array([[float(n) for n in one.split()] for one in path[1:].split("L")]) for path in paths]


def test_what_is_linear_rises_by_a_straight_line_and_threads_are_drawn_too():
    time, memory = drawn(growth.figure({"render": points(1.0)}))
    assert np.allclose(np.diff(time, axis=0)[0], np.diff(time, axis=0)[1], atol=0.11) and np.ptp(time[:, 1]) > 50
    assert np.ptp(memory[:, 1]) == 0, "flat"
    threads = [Point(15.0, 4.0, 4.0 / n, 0.0, n) for n in (1, 2, 4, 8, 16)]
    clock, processor = drawn(growth.figure_of_threads({"pitch full": threads}))
    assert len(clock) == 5 and (np.diff(clock[:, 1]) > 0).all() and np.ptp(processor[:, 1]) == 0
    assert len(drawn(growth.figure_of_threads({"pitch full": threads[:1]}))) == 2, "on one core, too"


def test_a_size_that_would_take_too_long_is_not_begun(monkeypatch, capsys):
    begun = []
    monkeypatch.setattr(growth, "in_child", lambda kind, size: begun.append(size) or Point(size, size, size, 0.0))
    assert growth.expected_minutes([], 5.0) is None
    assert growth.expected_minutes([Point(30.0, 0.0, 60.0, 0.0)], 3600.0) == pytest.approx(120.0)
    assert [one.size for one in growth._told("render", (5, 30, 180, 900), 4.0)] == begun == [5, 30, 180]
    assert "render, 900 s of sound, about 15 min\n  left out: more than 4 min" in capsys.readouterr().err
    assert [one.size for one in growth._told("render", (5, 900))] == [5, 900]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pitch instant", "render", "prepare", "pages"])
def test_each_kind_of_work_is_measured(kind):
    one = growth.measured(kind, 5.0)
    assert one.size == 5.0 and one.cpu_s > 0.0 and one.memory_bytes >= 0
