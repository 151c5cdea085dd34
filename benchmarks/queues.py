"""How long people wait for their transfers and runs: a simulation of the queues, with measured service times.

`simulate` puts people who come at random before a queue with a number of workers. A visit is a Poisson arrival; who is
there gives an order, waits for its end, thinks, and gives the next, a few times; some give a bundle of orders at once,
as the matrix of instruments and recordings or a sweep does. Each worker does one order at a time, to its end. The queue
is first come first served, or takes turns by person: whoever had an order taken goes to the end of the row.

Times are in seconds. The same seed gives the same visits to every discipline and number of workers, and the same
result each time. `benchmarks.scale` runs the study; ``tests/benchmarks/test_queues.py`` compares with closed forms.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
import simpy
from scipy import stats
from simpy.resources import base, store

FIRST_COME, ROUND_ROBIN = "first come first served", "round robin by person"


@dataclass(frozen=True)
class Visit:
    """What a person does: orders in bundles, one bundle after the other, each after a time of thinking.

    Attributes
    ----------
    thinking_s : tuple of float
        Before each bundle.
    service_s : tuple of tuples of float
        Of each order of each bundle.
    """

    thinking_s: tuple[float, ...]
    service_s: tuple[tuple[float, ...], ...]

    @property
    def is_heavy(self) -> bool:
        """Whether it gives several orders at once."""
        return any(len(bundle) > 1 for bundle in self.service_s)


@dataclass(eq=False)
class Order:
    """One piece of work of one person; `taken_s` is None while it waits, and `done` is triggered at its end."""

    person: int
    number: int
    arrived_s: float
    service_s: float
    is_heavy: bool
    done: simpy.Event
    taken_s: float | None = None

    def worked_s(self, from_s: float, until_s: float) -> float:
        """How much of its work lies between two moments."""
        if self.taken_s is None:
            return 0.0
        return max(0.0, min(self.taken_s + self.service_s, until_s) - max(self.taken_s, from_s))


@dataclass(frozen=True, eq=False)
class Waits:
    """Of all orders that arrived after the warm-up, in the order in which they arrived.

    Attributes
    ----------
    wait_s : np.ndarray [shape=(n_orders,), float64]
        From the order to its start.
    person, number : np.ndarray [shape=(n_orders,), int64]
        Whose it is, and which of the person's, from 0.
    is_heavy : np.ndarray [shape=(n_orders,), bool]
        Whether the person gave several orders at once.
    people : float
        How many are there on average.
    busy : float
        Share of the workers' time in which they work.
    """

    wait_s: np.ndarray
    person: np.ndarray
    number: np.ndarray
    is_heavy: np.ndarray
    people: float
    busy: float


class FairStore(store.Store):
    """Orders that are taken out in turns by person; each person's own in their order."""

    def __init__(self, env: simpy.Environment):
        super().__init__(env)
        self._row: dict[int, deque[Order]] = {}  # by person, whoever is next first

    def __len__(self) -> int:
        return sum(map(len, self._row.values()))

    def _do_put(self, event: base.Put) -> None:
        self._row.setdefault(event.item.person, deque()).append(event.item)
        event.succeed()

    def _do_get(self, event: base.Get) -> None:
        if not self._row:
            return
        person = next(iter(self._row))
        waiting = self._row.pop(person)
        event.succeed(waiting.popleft())
        if waiting:
            self._row[person] = waiting  # at the end of the row


STORES: dict[str, Callable[[simpy.Environment], store.Store]] = {
    FIRST_COME: store.Store,
    ROUND_ROBIN: FairStore,
}


class Site:
    """A queue, its workers, and the people who are there."""

    def __init__(self, n_workers: int, discipline: str):
        self.env = simpy.Environment()
        self.orders: list[Order] = []
        self.people: list[tuple[float, int]] = []  # when somebody came, +1, or left, -1
        self._queue = STORES[discipline](self.env)
        for _ in range(n_workers):
            self.env.process(self._work())

    def _work(self) -> Generator[simpy.Event, Order, None]:
        while True:
            order = yield self._queue.get()
            order.taken_s = self.env.now
            yield self.env.timeout(order.service_s)
            order.done.succeed()

    def come(
        self, visit: Callable[[np.random.Generator], Visit], visits_per_s: float, seed: int
    ) -> Generator[simpy.Event, None, None]:
        """Let people come at random, for ever; who comes when and does what depends on the seed alone."""
        rng = np.random.default_rng(seed)
        for person in itertools.count(1):
            yield self.env.timeout(rng.exponential(1.0 / visits_per_s))
            self.env.process(self.stay(person, visit(rng)))

    def stay(self, person: int, what: Visit) -> Generator[simpy.Event, None, None]:
        """One visit, from coming to leaving."""
        self.people.append((self.env.now, +1))
        numbers = itertools.count()
        for thinking_s, bundle in zip(what.thinking_s, what.service_s):
            yield self.env.timeout(thinking_s)
            given = [self._order(person, next(numbers), service_s, what.is_heavy) for service_s in bundle]
            for one in given:
                yield one.done
        self.people.append((self.env.now, -1))

    def _order(self, person: int, number: int, service_s: float, is_heavy: bool) -> Order:
        order = Order(person, number, self.env.now, service_s, is_heavy, self.env.event())
        self.orders.append(order)
        self._queue.put(order)
        return order


def simulate(
    visit: Callable[[np.random.Generator], Visit],
    visits_per_s: float,
    n_workers: int,
    *,
    discipline: str = ROUND_ROBIN,
    duration_s: float,
    warm_up_s: float = 0.0,
    seed: int = 0,
) -> Waits:
    """Let people come for so long, after a warm-up that does not count; those who wait at its end are waited for.

    Parameters
    ----------
    visit : callable
        Makes what a person does, from random numbers.
    """
    site = Site(n_workers, discipline)
    site.env.process(site.come(visit, visits_per_s, seed))
    end_s = warm_up_s + duration_s
    site.env.run(until=end_s)
    n_given, comings = len(site.orders), tuple(site.people)
    while any(one.taken_s is None for one in site.orders[:n_given]):
        site.env.run(until=site.env.now + duration_s / 10.0)
    worked_s = sum(one.worked_s(warm_up_s, end_s) for one in site.orders)
    person_s = sum(by * (end_s - max(at_s, warm_up_s)) for at_s, by in comings)
    counted = [one for one in site.orders[:n_given] if one.arrived_s >= warm_up_s]
    return Waits(
        wait_s=np.array([(one.taken_s or 0.0) - one.arrived_s for one in counted], float),
        person=np.array([one.person for one in counted], int),
        number=np.array([one.number for one in counted], int),
        is_heavy=np.array([one.is_heavy for one in counted], bool),
        people=person_s / duration_s,
        busy=worked_s / (n_workers * duration_s),
    )


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds, and half the width of its 95 % confidence interval."""

    mean: float
    margin: float

    def to_json(self) -> list[float]:
        """Mean and margin, to four digits."""
        return [float(f"{self.mean:.4g}"), float(f"{self.margin:.4g}")]


def estimate(values: Sequence[float]) -> Estimate:
    """Of independent runs, by Student's t."""
    n = len(values)
    if n < 2:
        raise ValueError(f"A confidence interval needs two runs or more, not {n}.")
    half = stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n)
    return Estimate(float(np.mean(values)), float(half))


def percentile(wait_s: np.ndarray, share: float) -> float:
    """What so large a share of the orders waited at most; 0 of none."""
    return float(np.quantile(wait_s, share)) if len(wait_s) else 0.0


def erlang_c(offered: float, n_workers: int) -> float:
    """The probability that an order has to wait in M/M/c, by arrival rate times mean service time."""
    blocked = 1.0
    for number in range(1, n_workers + 1):  # Erlang B, by recursion
        blocked = offered * blocked / (number + offered * blocked)
    busy = offered / n_workers
    return blocked / (1.0 - busy * (1.0 - blocked))


def mmc_wait_s(arrivals_per_s: float, service_s: float, n_workers: int, share: float | None = None) -> float:
    """The mean waiting time of M/M/c, or the time that so large a share waits at most."""
    waits = erlang_c(arrivals_per_s * service_s, n_workers)
    spare_per_s = n_workers / service_s - arrivals_per_s
    if share is None:
        return waits / spare_per_s
    return max(0.0, math.log(waits / (1.0 - share))) / spare_per_s
