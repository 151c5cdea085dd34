"""The document about many people has the numbers of the benchmarks, and its arithmetic is right."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import charts, demand, queues, scale
from benchmarks.demand import People
from benchmarks.queues import FIRST_COME, ROUND_ROBIN

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def costs():
    return scale.costs()


@pytest.fixture(scope="module")
def simulated():
    return scale.results()


def test_the_document_and_its_figure_are_those_of_the_benchmarks(costs, simulated):
    document, found = scale.DOCUMENT.read_text("utf-8"), scale.tables(costs, simulated)
    assert sorted(re.findall(r"<!-- (?!end)(\w+) -->", document)) == sorted(found)
    assert scale.with_tables(document, found) == document, "python -m benchmarks.scale --tables"
    assert scale.figure(simulated) == scale.FIGURE.read_text("utf-8")


def test_the_simulations_were_made_with_the_assumptions_as_they_are(simulated):
    assert People(**simulated["people"]) == People()
    assert simulated["seeds"] == demand.N_SEEDS


def test_the_simulations_were_made_with_the_costs_as_they_are(costs, simulated):
    wanted = 3600 * 0.7 / costs.work_s(People())
    for rows in simulated["transfers"].values():
        (row,) = (row for row in rows if row["busy"] == 0.7)
        assert row["visits_per_hour"] == pytest.approx(wanted, rel=1e-3)


def test_a_number_of_the_document_that_is_changed_is_noticed(costs, simulated):
    document, found = scale.DOCUMENT.read_text("utf-8"), scale.tables(costs, simulated)
    changed = document.replace(found["needs"][-40:], "1 |", 1)
    assert changed != document and scale.with_tables(changed, found) == document
    with pytest.raises(KeyError):
        scale.with_tables("<!-- unknown -->\n<!-- end -->", found)


def test_waiting_grows_with_how_busy_workers_are_and_falls_with_their_number(simulated):
    for rows in simulated["transfers"].values():
        waits = [row["p95"][0] for row in rows]
        assert waits == sorted(waits)
    at_70 = [next(row for row in rows if row["busy"] == 0.7)["p95"][0] for rows in simulated["transfers"].values()]
    assert at_70 == sorted(at_70, reverse=True)


def test_turns_by_person_keep_those_who_give_one_order_at_a_time_from_waiting_for_bundles(simulated):
    for what, n in (("transfers", "1"), ("transfers", "4"), ("runs", "1")):
        pairs = list(zip(simulated[what][n], simulated[f"{what}, first come"][n]))
        assert all(fair["p95"][0] < first["p95"][0] for fair, first in pairs if fair["busy"] >= 0.5)


def test_visits_work_as_long_as_the_plan_says(costs):
    people, rng = People(), np.random.default_rng(0)
    make = demand.transfers_visit(people, costs)
    visits = [make(rng) for _ in range(6000)]
    work_s = [sum(map(sum, visit.service_s)) for visit in visits]
    assert np.mean(work_s) == pytest.approx(costs.work_s(people), rel=0.05)
    assert np.mean([visit.is_heavy for visit in visits]) == pytest.approx(people.heavy_share, rel=0.3)
    assert all(len(visit.thinking_s) == len(visit.service_s) for visit in visits)


@pytest.mark.slow
@pytest.mark.parametrize("discipline", [FIRST_COME, ROUND_ROBIN])
def test_people_and_work_are_as_many_as_littles_law_says(costs, discipline):
    people = replace(People(), heavy_share=0.0)
    visits_per_s = 0.5 * 2 / costs.work_s(people)
    found = queues.simulate(
        demand.transfers_visit(people, costs), visits_per_s, 2, discipline=discipline, duration_s=1e5, warm_up_s=1e4
    )
    assert found.busy == pytest.approx(0.5, rel=0.1)
    stay_s = people.transfers * (people.thinking_s + found.wait_s.mean()) + costs.work_s(people)
    assert found.people == pytest.approx(visits_per_s * stay_s, rel=0.1)


def test_needs_are_in_proportion_to_the_people(costs):
    one, many = (demand.needs(n, People(), costs) for n in (1, 1000))
    assert {name: 1000 * value for name, value in one.items()} == pytest.approx(many)
    assert min(one.values()) > 0
    twice = demand.needs(1000, replace(People(), visits_per_week=2.0), costs)
    assert twice["workers"] == pytest.approx(2 * many["workers"]) and twice["disk"] == many["disk"]


def test_a_transfer_costs_what_was_measured_at_both_lengths(costs):
    row = costs.found("transfer")["full size"]
    for length, cost in row["unknown_s"]["full"].items():
        assert costs.transfer_s(float(length), known=False) == pytest.approx(cost, rel=0.1)
    assert costs.transfer_s(10.0, known=True) < costs.transfer_s(10.0, known=False) / 5


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 s"), (0.034, "34 ms"), (1.25, "1.2 s"), (100, "100 s"), (125, "2.1 min"), (7300, "2 h"), (99.6, "100 s")],
)
def test_times_have_two_digits_and_a_unit(value, text):
    assert scale.seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(500, "0.5 kB"), (85e3, "85 kB"), (1.26e8, "130 MB"), (2.5e14, "250 TB")])
def test_sizes_have_two_digits_and_a_unit(value, text):
    assert scale.size(value) == text


def test_a_chart_draws_each_point_and_its_interval_where_they_belong():
    line = charts.Line("a < b", ((0.0, 0.0, 0.0), (5.0, 50.0, 10.0), (10.0, 100.0, 0.0)))
    root = ElementTree.fromstring(charts.svg([charts.Chart("t", "x", "y", [line], 10.0, 100.0)], "what it shows"))
    left, bottom = charts.LEFT, charts.HEIGHT - charts.BOTTOM
    right, top = charts.WIDTH - charts.RIGHT, charts.TOP
    path, bars = (one.get("d") for one in root.findall(f".//{SVG}g[@clip-path]/{SVG}path"))
    x, y = (left + right) / 2, (top + bottom) / 2
    assert path == f"M{left:.1f} {bottom:.1f}L{x:.1f} {y:.1f}L{right:.1f} {top:.1f}"
    margin = 0.1 * (bottom - top)
    assert f"M{x:.1f} {y + margin:.1f}V{y - margin:.1f}" in bars
    assert "a < b" in [one.text for one in root.iter(f"{SVG}text")]
    assert root.find(f"{SVG}title").text == "what it shows"
