"""What 1,000 and 100,000 people need: simulates the queues, and writes the tables of ``docs/scale.md`` and its figure.

    python -m benchmarks.scale            # simulates again: some minutes
    python -m benchmarks.scale --tables   # from the results that are kept in scale.json

Tables and figure follow from ``costs.json`` (`benchmarks.costs`), ``scale.json`` (the simulations) and the assumptions
of `benchmarks.demand` alone. The document has each table between ``<!-- NAME -->`` and ``<!-- end -->``; a test
compares them.
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import charts, demand
from benchmarks.costs import COSTS
from benchmarks.demand import Costs, People

RESULTS = Path(__file__).with_name("scale.json")
DOCUMENT = Path(__file__).parents[1] / "docs" / "scale.md"
FIGURE = DOCUMENT.with_suffix(".svg")
SIZES = (1_000, 100_000)
DESCRIPTION = "Waiting for transfers and training runs, by how many people there are for each worker"


def costs() -> Costs:
    """What was measured."""
    return Costs(json.loads(COSTS.read_text("utf-8")))


def results() -> dict:
    """What was simulated."""
    return json.loads(RESULTS.read_text("utf-8"))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; numbers to the right, but for the first column."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def seconds(value: float) -> str:
    """Two digits, and the unit that fits."""
    for unit, length_s in (("h", 3600.0), ("min", 60.0)):
        if value >= 2 * length_s:
            return f"{_digits(value / length_s)} {unit}"
    return f"{_digits(value)} s" if value >= 0.1 or value == 0 else f"{_digits(1000 * value)} ms"


def size(value: float) -> str:
    """Two digits, and the unit that fits; powers of ten."""
    for unit, length in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if value >= length:
            return f"{_digits(value / length)} {unit}"
    return f"{_digits(value / 1e3)} kB"


def _digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.15g}"


def _whole(value: float) -> str:
    """Rounded up, since there is no half of it; from 100 on to two digits."""
    return f"{math.ceil(value)}" if value < 100 else _digits(value)


def _with_margin(found: Sequence[float], unit_s: float = 1.0) -> str:
    mean, margin = (value / unit_s for value in found)
    if 0 < mean < 0.1:
        return "under 0.1"
    return f"{_digits(mean)} ± {_digits(margin)}" if margin else _digits(mean)


def costs_table(measured: Costs) -> str:
    """One of each."""
    transfer, preparing = measured.found("transfer"), measured.found("preparing")
    rows = [
        [f"transfer of 10 s, pitch known, {name} instrument", seconds(row["known_s"]["10"]), size(row["peak_bytes"])]
        for name, row in transfer.items()
    ]
    big = transfer["full size"]
    rows += [
        [f"the same, pitch not known, tracker *{name}*, full size", seconds(cost["10"]), size(big["peak_bytes"])]
        for name, cost in big["unknown_s"].items()
    ]
    rows += [
        [f"preparing a minute of recordings, tracker *{name}*", seconds(row["cpu_s"]), size(row["peak_bytes"])]
        for name, row in preparing.items()
    ]
    for model, row in measured.found("training").items():
        what = f"run of {demand.STEPS:,} steps of `{model}`, {row['windows']} windows a step"
        rows.append([what, seconds(measured.run_s(model, demand.STEPS)), size(row["peak_bytes"])])
    sessions = measured.found("sessions")
    idle = f"{sessions['n_sessions']} sessions that do nothing, for an hour"
    rows += [
        ["a page process", "—", size(sessions["server_bytes"])],
        [idle, seconds(3600 * sessions["idle_cpu_share"]), size(sessions["n_sessions"] * sessions["session_bytes"])],
        ["opening the page *Timbre transfer*", seconds(sessions["open_cpu_s"]), size(sessions["session_bytes"])],
        ["running that page again", seconds(sessions["rerun_cpu_s"]), "—"],
        ["a small transaction in SQLite, on disk", seconds(measured.found("database")["cpu_s"]), "—"],
    ]
    return table(["what", "processor time", "memory at most"], rows)


def storage_table(measured: Costs) -> str:
    """Of one person."""
    found = demand.storage(People(), measured)
    rows = [[name, size(value)] for name, value in found.items()]
    return table(["one person", "disk"], [*rows, ["**total**", f"**{size(sum(found.values()))}**"]])


def waits_table(simulated: dict) -> str:
    """Of transfers, by workers and how busy they are."""
    rows = []
    for n_workers, found in simulated["transfers"].items():
        for row in found:
            if row["busy"] in (0.5, 0.7, 0.9):
                waits = [_with_margin(row[name]) for name in ("p50", "p95")]
                rows.append([n_workers, f"{row['busy']:.0%}", _with_margin(row["people"]), *waits])
    return table(
        ["workers", "busy", "people for each worker", "half wait at most, s", "95 of 100 wait at most, s"], rows
    )


def turns_table(simulated: dict) -> str:
    """First come first served beside turns by person, for those who give one order at a time."""
    rows = []
    for what, n, unit, unit_s in (
        ("transfers", "1", "s", 1.0),
        ("transfers", "4", "s", 1.0),
        ("runs", "1", "min", 60.0),
    ):
        servers = f"{n} {'worker' if what == 'transfers' else 'device'}{'s' if n != '1' else ''}"
        for fair, first in zip(simulated[what][n], simulated[f"{what}, first come"][n]):
            if fair["busy"] in (0.5, 0.7, 0.9):
                waits = [_with_margin(row[name], unit_s) for name in ("p95", "p99") for row in (first, fair)]
                rows.append([f"{what}, {servers}, {unit}", f"{fair['busy']:.0%}", *waits])
    head = [
        "queue",
        "busy",
        "first come: 95 of 100",
        "by turns: 95 of 100",
        "first come: 99 of 100",
        "by turns: 99 of 100",
    ]
    return table(head, rows)


def runs_table(simulated: dict) -> str:
    """Of training runs, by devices and how busy they are."""
    rows = []
    for n_devices, found in simulated["runs"].items():
        for row in found:
            if row["busy"] in (0.5, 0.7, 0.9):
                waits = [_with_margin(row[name], 60.0) for name in ("p50", "p95")]
                rows.append([n_devices, f"{row['busy']:.0%}", _digits(24 * row["visits_per_hour"]), *waits])
    head = ["devices", "busy", "people who train in a day, for each device", "half wait at most, min"]
    return table([*head, "95 of 100 wait at most, min"], rows)


def needs_table(measured: Costs) -> str:
    """For each size, with the tracker *full*, and the workers with *fast* and *tiny* too."""
    people = People()
    found = [demand.needs(n, people, measured) for n in SIZES]
    others = {
        tracker: [demand.needs(n, people, Costs(measured.document, tracker))["workers"] for n in SIZES]
        for tracker in ("fast", "tiny")
    }
    rows = [
        ["visits in the busiest hour", *[_digits(one["visits"]) for one in found]],
        ["people at the same time", *[_digits(one["people"]) for one in found]],
        ["page processes, a core each", *[_whole(one["pages"]) for one in found]],
        ["workers for transfers, a core each, tracker *full*", *[_whole(one["workers"]) for one in found]],
        *[[f"the same, tracker *{name}*", *map(_whole, workers)] for name, workers in others.items()],
        ["training runs in a week", *[_digits(one["runs"]) for one in found]],
        ["devices of two cores for them, day and night", *[_whole(one["devices"]) for one in found]],
        ["memory of all these, tracker *full*", *[size(demand.memory_bytes(one, measured)) for one in found]],
        ["disk", *[size(one["disk"]) for one in found]],
        ["database transactions per second", *[_digits(one["transactions"]) for one in found]],
    ]
    return table(["", *[f"{n:,} people" for n in SIZES]], rows)


def limits_table(measured: Costs) -> str:
    """One of each, and how many people it is enough for; all needs grow in proportion to them."""
    per_person = {name: value / SIZES[0] for name, value in demand.needs(SIZES[0], People(), measured).items()}
    commits_per_s = 1.0 / measured.found("database")["median_s"]
    rows = [
        ["one worker for transfers, tracker *full*", "a core", 1.0 / per_person["workers"]],
        ["one device for training runs", "two cores", 1.0 / per_person["devices"]],
        ["one page process", "a core", 1.0 / per_person["pages"]],
        ["one file system of 10 TB", "disk", 10e12 / per_person["disk"]],
        [
            "one SQLite file on a local disk",
            f"{_digits(commits_per_s)} transactions per second",
            demand.PLANNED_BUSY * commits_per_s / per_person["transactions"],
        ],
    ]
    return table(["one of these", "its limit", "people"], [[what, limit, _digits(n)] for what, limit, n in rows])


def measured_line(measured: Costs) -> str:
    """On what, when and how it was measured."""
    parts = {name: part["measured"] for name, part in measured.document.items()}
    first = next(iter(parts.values()))
    loads = [part["load"] for part in parts.values()]
    dates = sorted({part["date"][:10] for part in parts.values()})
    return (
        f"Measured on {' and '.join(dates)} by `python -m benchmarks.costs`, on {first['cores']} cores of an "
        f"{first['processor']} ({'with' if first['avx512'] else 'without'} AVX-512), Python {first['python']}, beside "
        f"other work (load {min(loads):g} to {max(loads):g}), so that times are rather too long than too short."
    )


def tables(measured: Costs, simulated: dict) -> dict[str, str]:
    """By name, what is between the marks of the document."""
    return {
        "measured": measured_line(measured),
        "costs": costs_table(measured),
        "storage": storage_table(measured),
        "waits": waits_table(simulated),
        "turns": turns_table(simulated),
        "runs": runs_table(simulated),
        "needs": needs_table(measured),
        "limits": limits_table(measured),
    }


def with_tables(document: str, found: dict[str, str]) -> str:
    """A document with the tables in their places; `KeyError` for a place that no table is for."""

    def filled(mark: re.Match) -> str:
        return f"<!-- {mark[1]} -->\n\n{found[mark[1]]}\n\n<!-- end -->"

    return re.sub(r"<!-- (?!end)(\w+) -->.*?<!-- end -->", filled, document, flags=re.DOTALL)


def figure(simulated: dict) -> str:
    """Three charts: by workers, by the order of the queue, and for runs."""

    def line(label: str, rows: Sequence[dict], share: str = "p95", dashed: bool = False) -> charts.Line:
        return charts.Line(label, tuple((row["people"][0], *row[share]) for row in rows), dashed)

    def run_line(label: str, rows: Sequence[dict]) -> charts.Line:
        wait_min = [[value / 60.0 for value in row["p95"]] for row in rows]
        return charts.Line(label, tuple((24 * row["visits_per_hour"], *wait) for row, wait in zip(rows, wait_min)))

    sing, first, runs = simulated["transfers"], simulated["transfers, first come"]["4"], simulated["runs"]
    workers = [line(f"{n} worker{'s' if n != '1' else ''}", rows) for n, rows in sing.items()]
    turns = [line("turns by person", sing["4"], "p99"), line("first come", first, "p99", dashed=True)]
    devices = [run_line(f"{n} device{'s' if n != '1' else ''}", rows) for n, rows in runs.items()]
    x_people, x_runs = "people for each worker", "people who train in a day, for each device"
    return charts.svg(
        [
            charts.Chart("Transfers: 95 of 100 wait at most", x_people, "seconds", workers, *_most(workers)),
            charts.Chart("4 workers: 99 of 100 wait at most", x_people, "seconds", turns, *_most(turns)),
            charts.Chart("Training runs: 95 of 100 wait at most", x_runs, "minutes", devices, *_most(devices)),
        ],
        DESCRIPTION,
    )


def _most(lines: Sequence[charts.Line]) -> tuple[float, float]:
    """Where the axes end: a round number above all points."""
    ends = (max(point[0] for line in lines for point in line.points), max(p[1] for line in lines for p in line.points))
    x, y = (next(step for step in charts.ROUND if step >= end) for end in ends)
    return x, y


def write(simulated: dict | None = None) -> None:
    """Write the results, if there are new ones, and what follows from them."""
    if simulated is not None:
        text = json.dumps(simulated, indent=1)
        RESULTS.write_text(re.sub(r"\[\s+(\S+),\s+(\S+)\s+\]", r"[\1, \2]", text) + "\n", "utf-8", newline="\n")
    found = tables(costs(), results())
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8"), found), "utf-8", newline="\n")
    FIGURE.write_text(figure(results()), "utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", action="store_true", help="of the results that are kept, without a simulation")
    asked = parser.parse_args()
    write(None if asked.tables else demand.study(People(), costs()))


if __name__ == "__main__":
    sys.exit(main())
