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


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["pitch instant", "render", "prepare", "pages"])
def test_each_kind_of_work_is_measured(kind):
    one = growth.measured(kind, 5.0)
    assert one.size == 5.0 and one.cpu_s > 0.0 and one.memory_bytes >= 0
