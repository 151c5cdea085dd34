"""The simulation of the queues: against the closed forms of M/M/1 and M/M/c, and what is fair."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.queues import (
    FIRST_COME,
    ROUND_ROBIN,
    Site,
    Visit,
    erlang_c,
    estimate,
    mmc_wait_s,
    percentile,
    simulate,
)

DISCIPLINES = (FIRST_COME, ROUND_ROBIN)
SERVICE_S = 2.0


def one_order(rng):
    """A visit of M/M/c: somebody comes, gives an order, and leaves at its end."""
    return Visit((0.0,), ((rng.exponential(SERVICE_S),),))


def memoryless(n_workers, busy, discipline=FIRST_COME, seed=0, n_orders=6_000):
    arrivals_per_s = busy * n_workers / SERVICE_S
    duration_s = n_orders / arrivals_per_s
    found = simulate(
        one_order,
        arrivals_per_s,
        n_workers,
        discipline=discipline,
        duration_s=duration_s,
        warm_up_s=duration_s / 20,
        seed=seed,
    )
    return found, arrivals_per_s


def started(visits, n_workers, discipline):
    """When each order is taken, by (person, number): people who come at given moments with bundles of orders."""
    site = Site(n_workers, discipline)

    def arrive(at_s, person, service_s):
        yield site.env.timeout(at_s)
        yield from site.stay(person, Visit((0.0,), (tuple(service_s),)))

    for at_s, person, service_s in visits:
        site.env.process(arrive(at_s, person, service_s))
    site.env.run()
    return {(one.person, one.number): one.taken_s for one in site.orders}, site.orders


def test_the_closed_forms_are_those_of_the_books():
    assert mmc_wait_s(0.4, SERVICE_S, 1) == pytest.approx(0.4 / (0.5 * (0.5 - 0.4)))  # M/M/1: λ / (μ (μ − λ))
    assert erlang_c(2.0, 3) == pytest.approx(4 / 9)  # Kleinrock, and every table of Erlang C
    busy = 0.8
    assert mmc_wait_s(0.4, SERVICE_S, 1, share=0.95) == pytest.approx(math.log(busy / 0.05) / (0.5 - 0.4))
    assert mmc_wait_s(0.01, SERVICE_S, 1, share=0.95) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize(("n_workers", "busy"), [(1, 0.5), (1, 0.8), (2, 0.8), (8, 0.8)])
def test_waiting_is_that_of_the_closed_form(n_workers, busy):
    runs = [memoryless(n_workers, busy, seed=seed) for seed in range(6)]
    arrivals_per_s = runs[0][1]
    mean = estimate([found.wait_s.mean() for found, _ in runs])
    tail = estimate([percentile(found.wait_s, 0.95) for found, _ in runs])
    for found, wanted in (
        (mean, mmc_wait_s(arrivals_per_s, SERVICE_S, n_workers)),
        (tail, mmc_wait_s(arrivals_per_s, SERVICE_S, n_workers, share=0.95)),
    ):
        assert found.margin < 0.35 * wanted
        assert abs(found.mean - wanted) < 1.5 * found.margin
    people = arrivals_per_s * (mmc_wait_s(arrivals_per_s, SERVICE_S, n_workers) + SERVICE_S)  # Little's law
    assert np.mean([found.people for found, _ in runs]) == pytest.approx(people, rel=0.08)
    assert np.mean([found.busy for found, _ in runs]) == pytest.approx(busy, rel=0.03)


@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_each_single_waiting_time_is_that_of_kiefer_and_wolfowitz(n_workers):
    rng = np.random.default_rng(n_workers)
    gaps_s, services_s = rng.exponential(1.0, 400), rng.exponential(0.9 * n_workers, 400)
    came_s = np.cumsum(gaps_s)
    taken, _ = started(
        [(at_s, n, [service]) for n, (at_s, service) in enumerate(zip(came_s, services_s))], n_workers, FIRST_COME
    )
    left_s = np.zeros(n_workers)  # of work at each worker, the least first
    for n, (gap_s, service_s) in enumerate(zip(gaps_s, services_s)):
        left_s = np.maximum(left_s - gap_s, 0.0)
        assert taken[n, 0] - came_s[n] == pytest.approx(left_s[0], abs=1e-6)
        left_s = np.sort(np.append(left_s[1:], left_s[0] + service_s))


def test_where_everybody_has_one_order_turns_by_person_are_first_come_first_served():
    first, fair = (memoryless(2, 0.8, discipline, n_orders=3000)[0] for discipline in DISCIPLINES)
    assert np.array_equal(first.wait_s, fair.wait_s) and first.wait_s.max() > SERVICE_S


@pytest.mark.parametrize("discipline", DISCIPLINES)
def test_the_same_seed_gives_the_same_and_another_seed_something_else(discipline):
    first, again, other = (memoryless(2, 0.8, discipline, seed, n_orders=500)[0] for seed in (3, 3, 4))
    assert np.array_equal(first.wait_s, again.wait_s) and first.people == again.people and first.busy == again.busy
    assert len(other.wait_s) != len(first.wait_s) or not np.array_equal(first.wait_s, other.wait_s)


def test_people_do_the_same_whatever_serves_them():
    def count(discipline, n_workers):
        found = simulate(thoughtful, 0.2, n_workers, discipline=discipline, duration_s=2000.0, seed=5)
        return np.bincount(found.person)[1:50].tolist()

    thoughtful = lambda rng: Visit((rng.exponential(3.0),) * 2, ((1.0,), (rng.exponential(1.0),)))  # noqa: E731
    assert count(FIRST_COME, 1) == count(ROUND_ROBIN, 1) == count(ROUND_ROBIN, 4)


@pytest.mark.parametrize("n_workers", [1, 3])
def test_fifty_orders_of_one_person_do_not_delay_anothers_first(n_workers):
    visits = [(0.0, 1, [10.0] * 50), (1.0, 2, [10.0, 10.0])]
    fair, _ = started(visits, n_workers, ROUND_ROBIN)
    assert fair[2, 0] == (20.0 if n_workers == 1 else 10.0)  # the one that runs already, and one at most before it
    assert fair[2, 1] <= 40.0
    first_come, _ = started(visits, n_workers, FIRST_COME)
    assert first_come[2, 0] == 10.0 * math.ceil((50 - n_workers + 1) / n_workers)


@settings(max_examples=60, deadline=None)
@given(
    visits=st.lists(
        st.tuples(st.integers(0, 30), st.lists(st.integers(1, 9), min_size=1, max_size=8)), min_size=1, max_size=12
    ),
    n_workers=st.integers(1, 3),
)
def test_at_most_one_order_of_each_other_person_is_taken_before_ones_own_next(visits, n_workers):
    """Between an order's becoming the next of its person and its start; and nobody waits beside a free worker."""
    people = [(float(at_s) + n / 1000, n, services) for n, (at_s, services) in enumerate(visits)]
    taken, orders = started(people, n_workers, ROUND_ROBIN)
    assert len(taken) == sum(len(services) for _, services in visits)
    by_start = sorted(orders, key=lambda one: one.taken_s)
    for one in orders:
        since_s = one.arrived_s if one.number == 0 else taken[one.person, one.number - 1]
        between = [
            other.person for other in by_start if other.person != one.person and since_s < other.taken_s < one.taken_s
        ]
        assert len(between) == len(set(between))
        if one.taken_s > one.arrived_s:  # it waited: all workers had work all the time
            at = (one.arrived_s + one.taken_s) / 2
            assert sum(other.taken_s <= at < other.taken_s + other.service_s for other in orders) == n_workers


@pytest.mark.parametrize("discipline", DISCIPLINES)
def test_a_persons_own_orders_are_taken_in_their_order(discipline):
    taken, _ = started([(0.0, 1, [3.0] * 6), (0.5, 2, [1.0] * 6)], 2, discipline)
    for person in (1, 2):
        at = [taken[person, number] for number in range(6)]
        assert at == sorted(at)


def test_what_happens_before_the_warm_up_does_not_count():
    whole = simulate(one_order, 0.3, 1, duration_s=1000.0, seed=2)
    late = simulate(one_order, 0.3, 1, duration_s=600.0, warm_up_s=400.0, seed=2)
    assert 0 < len(late.wait_s) < len(whole.wait_s)
    assert np.array_equal(whole.wait_s[-len(late.wait_s) :], late.wait_s)


def test_an_interval_holds_the_truth_in_95_of_100_and_needs_two_runs():
    rng = np.random.default_rng(0)
    held = [abs(found.mean - 5.0) <= found.margin for found in (estimate(rng.normal(5, 2, 8)) for _ in range(2000))]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)
    with pytest.raises(ValueError, match="two runs"):
        estimate([1.0])
