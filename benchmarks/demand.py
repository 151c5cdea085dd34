"""Who comes and what that takes: how people are assumed to behave, what was measured, and the simulations of both.

Service times, memory and disk are those of ``costs.json`` (`benchmarks.costs`); how people behave is assumed, in
`People`. `benchmarks.scale` makes the tables and the figure of ``docs/scale.md`` of what is here.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks import queues
from benchmarks.queues import FIRST_COME, ROUND_ROBIN, Visit

BUSY = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
WORKERS, DEVICES = (1, 4, 16, 64), (1, 4, 16)
N_SEEDS = 8
N_VISITS, N_RUN_VISITS, N_VISITS_EACH = 800, 3000, 40  # in a simulation; and at least so many for each worker
PLANNED_BUSY = 0.7  # how busy workers and devices are planned to be in the busiest hour
STEPS = 2000  # of a run
CHECKPOINTS = 7  # kept of a run at most: the last five, the chosen one and that with the lowest loss
RECORDING_BYTES_PER_S = 48_000 * 2  # as uploaded: 48 kHz, 16 bits, mono, not compressed
TRANSACTIONS = 4  # of the database for each transfer: ordered, taken, done, logged


@dataclass(frozen=True)
class People:
    """How people behave: assumptions, not measurements. Times and lengths are means of exponential distributions.

    Attributes
    ----------
    transfers : float
        In a visit, geometrically distributed.
    new_share : float
        Of the transfers after a visit's first one, how many are of a recording whose pitch is not known yet; the first
        one always is.
    heavy_share, heavy_orders : float, int
        How many visits end with so many transfers at once, such as one instrument on a folder of recordings.
    reruns : float
        Runs of the page for each transfer: controls moved, a player opened.
    visits_per_week, busiest_share : float
        Of a person, and the share of a week's visits that come in its busiest hour.
    runs_per_visit, sweep_share, sweep_runs : float, float, int
        Training runs ordered, alone or as a sweep.
    """

    transfers: float = 10.0
    thinking_s: float = 60.0
    sound_s: float = 15.0
    new_share: float = 0.3
    heavy_share: float = 0.02
    heavy_orders: int = 50
    reruns: float = 5.0
    visits_per_week: float = 1.0
    busiest_share: float = 0.05
    runs_per_visit: float = 0.1
    sweep_share: float = 0.1
    sweep_runs: int = 12
    voices: int = 2
    voice_minutes: float = 5.0
    takes: int = 200


@dataclass(frozen=True)
class Costs:
    """What `benchmarks.costs` has measured, as the study uses it: a full-size instrument and one tracker."""

    document: dict
    tracker: str = "full"

    def found(self, part: str) -> dict:
        """The figures of a part."""
        return self.document[part]["found"]

    def transfer_s(self, sound_s: float, *, known: bool) -> float:
        """Processor seconds of a transfer, on the line through the two lengths that were measured."""
        row = self.found("transfer")["full size"]
        (short_s, short), (long_s, long) = (
            (float(length), cost)
            for length, cost in (row["known_s"] if known else row["unknown_s"][self.tracker]).items()
        )
        rate = (long - short) / (long_s - short_s)
        return max(0.0, short - rate * short_s) + rate * sound_s

    def run_s(self, model: str, steps: int) -> float:
        """Processor seconds of a run, from its start to its last checkpoint."""
        row = self.found("training")[model]
        return row["start_cpu_s"] + steps * row["step_cpu_s"] + steps / row["own_save_every"] * row["save_cpu_s"]

    def device_s(self) -> float:
        """Seconds that a device of two cores takes for a run of the small model, if both work all the time."""
        return self.run_s("singing_small", STEPS) / 2.0

    def work_s(self, people: People) -> float:
        """Processor seconds of a visit's transfers, on average."""
        at_once = people.heavy_share * people.heavy_orders
        new = 1.0 + (people.transfers - 1.0 + at_once) * people.new_share
        known = people.transfers + at_once - new
        return new * self.transfer_s(people.sound_s, known=False) + known * self.transfer_s(people.sound_s, known=True)


def transfers_visit(people: People, costs: Costs):
    """Makes a visit to the transfer page: one transfer after the other, perhaps many at once at the end."""

    def visit(rng: np.random.Generator) -> Visit:
        n_transfers, bundles = int(rng.geometric(1.0 / people.transfers)), []

        def order(is_first: bool = False) -> float:
            known = not is_first and rng.random() >= people.new_share
            return costs.transfer_s(rng.exponential(people.sound_s), known=known)

        for number in range(n_transfers):
            bundles.append((order(is_first=number == 0),))
        if rng.random() < people.heavy_share:
            bundles.append(tuple(order() for _ in range(people.heavy_orders)))
        return Visit(tuple(rng.exponential(people.thinking_s, len(bundles))), tuple(bundles))

    return visit


def runs_visit(people: People, costs: Costs):
    """Makes an order of one training run, or of a sweep; no two run equally long, by a fifth."""

    def visit(rng: np.random.Generator) -> Visit:
        n_runs = people.sweep_runs if rng.random() < people.sweep_share else 1
        return Visit((0.0,), (tuple(costs.device_s() * rng.uniform(0.8, 1.2, n_runs)),))

    return visit


def points(visit, work_s: float, n_servers: int, discipline: str, n_visits: int = N_VISITS) -> list[dict]:
    """For each share of the servers' time that is asked for: waits in seconds, as means over seeds with margins."""
    rows = []
    for busy in BUSY:
        visits_per_s = busy * n_servers / work_s
        duration_s = max(n_visits, N_VISITS_EACH * n_servers) / visits_per_s
        options = {"discipline": discipline, "duration_s": duration_s, "warm_up_s": duration_s / 4}
        found = [
            queues.simulate(visit, visits_per_s, n_servers, **options, seed=seed) for seed in range(1, N_SEEDS + 1)
        ]
        light = [one.wait_s[~one.is_heavy] for one in found]
        row = {"busy": busy, "visits_per_hour": float(f"{3600 * visits_per_s / n_servers:.4g}")}
        row["people"] = queues.estimate([one.people / n_servers for one in found]).to_json()
        for share in (0.5, 0.95, 0.99):
            row[f"p{100 * share:.0f}"] = queues.estimate([queues.percentile(one, share) for one in light]).to_json()
        rows.append(row)
    return rows


def study(people: People, costs: Costs) -> dict:
    """All simulations, by their name and the number of workers or devices."""
    sing, train = transfers_visit(people, costs), runs_visit(people, costs)
    run_s = costs.device_s() * (1.0 + people.sweep_share * (people.sweep_runs - 1))
    return {
        "people": asdict(people),
        "seeds": N_SEEDS,
        "transfers": {n: points(sing, costs.work_s(people), n, ROUND_ROBIN) for n in WORKERS},
        "transfers, first come": {n: points(sing, costs.work_s(people), n, FIRST_COME) for n in WORKERS[:2]},
        "runs": {n: points(train, run_s, n, ROUND_ROBIN, N_RUN_VISITS) for n in DEVICES},
        "runs, first come": {n: points(train, run_s, n, FIRST_COME, N_RUN_VISITS) for n in DEVICES[:1]},
    }


def needs(n_people: int, people: People, costs: Costs) -> dict[str, float]:
    """What so many people need in the busiest hour, and on disk; not rounded, and in proportion to them.

    Returns
    -------
    dict
        ``visits`` per hour, ``people`` at the same time, ``pages`` and ``workers`` (processes with a core each),
        ``disk`` in bytes, ``runs`` in a week, ``devices`` of two cores, ``transactions`` per second.
    """
    in_a_week = n_people * people.visits_per_week
    visits_per_s = in_a_week * people.busiest_share / 3600.0
    sessions, work_s = costs.found("sessions"), costs.work_s(people)
    page_s = sessions["open_cpu_s"] + people.transfers * people.reruns * sessions["rerun_cpu_s"]
    workers, pages = visits_per_s * work_s / PLANNED_BUSY, visits_per_s * page_s / PLANNED_BUSY
    at_once = visits_per_s * (people.transfers * people.thinking_s + work_s)
    runs = in_a_week * people.runs_per_visit * (1.0 + people.sweep_share * (people.sweep_runs - 1))
    transfers_per_s = visits_per_s * (people.transfers + people.heavy_share * people.heavy_orders)
    return {
        "visits": 3600.0 * visits_per_s,
        "people": at_once,
        "pages": pages,
        "workers": workers,
        "runs": runs,
        "devices": runs * costs.device_s() / (7 * 24 * 3600 * PLANNED_BUSY),
        "disk": n_people * sum(storage(people, costs).values()),
        "transactions": transfers_per_s * TRANSACTIONS,
    }


def memory_bytes(needed: dict[str, float], costs: Costs) -> float:
    """What whole processes hold at most: of the pages with all who are there, of transfers, and of training."""
    each = {
        "pages": costs.found("sessions")["server_bytes"],
        "workers": costs.found("transfer")["full size"]["peak_bytes"],
        "devices": costs.found("training")["singing_small"]["peak_bytes"],
    }
    sessions = needed["people"] * costs.found("sessions")["session_bytes"]
    return sessions + sum(math.ceil(needed[name]) * held for name, held in each.items())


def storage(people: People, costs: Costs) -> dict[str, float]:
    """Bytes of one person, by what they are."""
    take, run = costs.found("transfer")["full size"]["take"], costs.found("training")["singing_small"]
    minutes = people.voices * people.voice_minutes
    return {
        "recordings": minutes * 60 * RECORDING_BYTES_PER_S,
        "datasets": minutes * costs.found("preparing")[costs.tracker]["dataset"]["bytes"],
        "checkpoints": people.voices * CHECKPOINTS * run["checkpoint"]["bytes"],
        "instruments": people.voices * run["instrument"]["bytes"],
        "takes": people.takes * people.sound_s * take["bytes"] / take["seconds"],
    }
