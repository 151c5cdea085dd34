"""A hosted dashboard under load: whether it stays quick and fair, and whether anything is lost, wrong or left over.

    python -m benchmarks.load [--only transfers idle growth kills jobs] [--users 20] [--transfers 10]
                              [--sessions 100] [--random 300] [--browsers 1] [--listen 0] [--short] [--json]

Starts ``ddsing serve`` with guests, who press the buttons over Streamlit's own websocket as browsers do
(`benchmarks.visitors`), beside real browsers:

- *transfers*: so many users make so many transfers of 10 seconds each, with known pitch, beside people who only look.
  Each result is compared with that of one user alone, sample by sample.
- *idle*: so many pages are open and nobody does anything.
- *growth*: transfers of random lengths, whose pitch is not known.
- *kills*: workers and the server are killed with SIGKILL in the middle of transfers (POSIX only).
- *jobs*: so are a preparation and a training, which are then resumed.

Times are what users see, until the new take is on the page. `--short` is for a look whether it runs. Needs what the
tests need (`make test` installs it), and Chromium unless ``--browsers 0``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks import killing
from benchmarks.hosted import Hosted, Song
from benchmarks.visitors import Visitor, browse
from ddsing.constants import TRACKER_WORDS
from ddsing.hardware import n_cores

START = "transfer.start"
LOOK_S = 1.0  # how often those who only look do something
LOOKERS = 2
WARM_S = 20.0  # until what the server does at its start is over
IDLE_S = 30.0
GROWING_USERS = 5
FIRST_SHARE = 0.1  # of the transfers after which growth is counted: what all share is loaded then
SHORT = {"users": 4, "transfers": 3, "sessions": 10, "random": 20}


@dataclass(frozen=True)
class Figure:
    """What was measured; `goal` is the most that it may be, None for a figure without one."""

    what: str
    value: float
    unit: str = ""
    goal: float | None = None

    def line(self) -> str:
        """A row of the table."""
        told = "" if self.goal is None else f"{_number(self.goal)}{self.unit}"
        met = "" if self.goal is None else "yes" if self.value <= self.goal else "NO"
        return f"{self.what:<66} {_number(self.value) + self.unit:>10} {told:>10}  {met}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.2f}"


async def transfers(asked: argparse.Namespace, folder: Path) -> list[Figure]:
    """Everybody transfers at once."""
    variants = [-15.0 + 5.0 * (n % 7) + 0.5 * (n // 7) for n in range(asked.transfers)]
    async with served(folder) as site:
        site.known(Song("zz song.wav", 10.0))
        alone_s, alone = await _alone(site, variants)
        crowd = [await arrived(site, "zz song.wav") for _ in range(asked.users)]
        lookers = [await arrived(site, "zz song.wav") for _ in range(LOOKERS)]
        await asyncio.gather(*(_transfer(one) for one in [*crowd, *lookers]))  # with pitch and instrument as later
        taken_s: list[float] = []
        rerun_s: list[float] = []
        looked_s: list[float] = []
        over = asyncio.Event()
        looking = [asyncio.create_task(_look(one, rerun_s, over)) for one in lookers]
        browsers = (browse(site.url, looked_s, over, every_s=LOOK_S) for _ in range(asked.browsers))
        looking += map(asyncio.create_task, browsers)
        began_s, spent_s = time.monotonic(), site.spent_s()
        await asyncio.gather(*(_transfer_all(one, variants, taken_s, rerun_s, listen_s=asked.listen) for one in crowd))
        took_s = time.monotonic() - began_s
        spent_s = {name: spent - spent_s[name] for name, spent in site.spent_s().items()}
        over.set()
        await asyncio.gather(*looking)
        found = [site.results(one, since=1) for one in crowd]
        for one in [*crowd, *lookers]:
            await one.close()
    wrong = sum(digest != alone[at] for takes in found for at, digest in takes)
    lost = asked.users * asked.transfers - sum(map(len, found))
    fair_s = 3.0 * alone_s * asked.users / n_cores()
    n = asked.users * asked.transfers
    return [
        Figure(f"transfers lost, of {asked.users} users x {asked.transfers}", lost, goal=0),
        Figure("results that differ from those of one user alone", wrong, goal=0),
        Figure("a transfer of 10 s with known pitch, alone, median", alone_s, " s"),
        Figure("the same with all at work, p95; goal: 3 x alone x users / cores", p95(taken_s), " s", fair_s),
        Figure("a rerun of the page meanwhile, p95", p95(rerun_s), " s", 1.0),
        *([Figure("the same in Chromium, p95", p95(looked_s), " s", 1.0)] if looked_s else []),
        Figure("transfers a second, all users together", n / took_s),
        Figure("processor time of the server by transfer, with what all see", spent_s["server"] / n, " s"),
        Figure("processor time of the workers by transfer", spent_s["workers"] / n, " s"),
        Figure("the longest transfer over the shortest one", max(taken_s) / min(taken_s)),
    ]


async def _alone(site: Hosted, variants: Sequence[float]) -> tuple[float, dict[float, str]]:
    """Seconds of a transfer of a user who is alone, and what each result is."""
    one, taken_s = await arrived(site, "zz song.wav"), []
    await _transfer(one)
    await _transfer_all(one, variants, taken_s, [])
    found = dict(site.results(one, since=1))
    await one.close()
    return statistics.median(taken_s), found


async def arrived(site: Hosted, song: str) -> Visitor:
    """A new guest who has chosen a recording."""
    one = await Visitor(site.url).come()
    await one.choose("transfer.example", string_value=song)
    return one


async def _transfer(one: Visitor) -> None:
    """Press the button and wait for the take."""
    await one.press(START)
    await one.until(lambda: one.sees(START))


async def _transfer_all(
    one: Visitor, variants: Sequence[float], taken_s: list[float], rerun_s: list[float], *, listen_s: float = 0.0
) -> None:
    """One transfer after the other, each with another loudness; before each somebody has listened to the one before."""
    for loudness_shift_db in variants:
        await asyncio.sleep(listen_s * random.uniform(0.5, 1.5))
        began_s = time.monotonic()
        await one.choose("setting.loudness_shift_db", double_array_value=[loudness_shift_db])
        pressed_s = time.monotonic()
        rerun_s.append(pressed_s - began_s)
        await _transfer(one)
        taken_s.append(time.monotonic() - pressed_s)


async def _look(one: Visitor, rerun_s: list[float], over: asyncio.Event) -> None:
    while not over.is_set():
        began_s = time.monotonic()
        await one.rerun()
        rerun_s.append(time.monotonic() - began_s)
        await asyncio.sleep(LOOK_S)


async def idle(asked: argparse.Namespace, folder: Path) -> list[Figure]:
    """Everybody has a page open, and nobody does anything."""
    async with served(folder) as site:
        first = [await Visitor(site.url).come() for _ in range(3)]
        await asyncio.sleep(WARM_S)
        nobody_s = site.spent_s()
        before = site.memory()
        await asyncio.sleep(IDLE_S)
        nobody_s = {name: spent - nobody_s[name] for name, spent in site.spent_s().items()}
        crowd = [await Visitor(site.url).come() for _ in range(asked.sessions)]
        await asyncio.sleep(WARM_S)
        after = site.memory()
        asked_before, spent_before = sum(one.reruns for one in [*first, *crowd]), site.spent_s()
        await asyncio.sleep(IDLE_S)
        polls = sum(one.reruns for one in [*first, *crowd]) - asked_before
        spent_s = {name: spent - spent_before[name] for name, spent in site.spent_s().items()}
        for one in [*first, *crowd]:
            await one.close()
    each = (after["server"] - before["server"]) / asked.sessions
    return [
        Figure(f"memory of the server by session, {asked.sessions} open and idle", each / 1e6, " MB", 30.0),
        Figure(f"what pages asked for by themselves in {IDLE_S:.0f} s", polls, goal=0),
        Figure(f"processor time of the server in {IDLE_S:.0f} s, 3 sessions", nobody_s["server"], " s"),
        Figure(f"processor time of the server in {IDLE_S:.0f} s, all sessions", spent_s["server"], " s"),
        Figure(f"processor time of the workers in {IDLE_S:.0f} s", spent_s["workers"], " s"),
        Figure("memory of the server with all sessions", after["server"] / 1e6, " MB"),
    ]


async def growth(asked: argparse.Namespace, folder: Path) -> list[Figure]:
    """Transfers of random lengths, each a recording that nobody has analysed yet."""
    drawn, users = random.Random(7), min(GROWING_USERS, asked.random)
    songs = [Song(f"zz {n:03d}.wav", drawn.uniform(1.0, 30.0), seed=n) for n in range(asked.random)]
    n_first, seen, done = max(users, round(FIRST_SHARE * asked.random)), [], 0
    async with served(folder) as site:
        for song in songs:
            site.add(song)
        waiting = songs[::-1]
        crowd = [await arrived(site, songs[0].name) for _ in range(users)]

        async def transfer_some(one: Visitor) -> None:
            nonlocal done
            await one.choose("transfer.tracker", string_array_value=[TRACKER_WORDS["tiny"]])
            while waiting:
                await one.choose("transfer.example", string_value=waiting.pop().name)
                await _transfer(one)
                done += 1
                if done == n_first or done % 50 == 0 or done == asked.random:
                    seen.append((done, site.memory()))

        await asyncio.gather(*map(transfer_some, crowd))
        await asyncio.sleep(WARM_S)
        made, last = sum(len(site.results(one)) for one in crowd), site.memory()
        for one in crowd:
            await one.close()
    first = next(memory for number, memory in seen if number >= n_first)
    grown = {name: (last[name] - first[name]) / 1e6 for name in last}
    steps = ", ".join(
        f"{number}: {memory['server'] / 1e6:.0f} + {memory['workers'] / 1e6:.0f}" for number, memory in seen
    )
    print(f"MB of server + workers after so many transfers: {steps}", file=sys.stderr)
    return [
        Figure("transfers lost", asked.random - made, goal=0),
        Figure(f"growth of the server from the {n_first}th to the {asked.random}th", grown["server"], " MB", 100.0),
        Figure("growth of the workers", grown["workers"], " MB", 100.0),
    ]


async def kills(asked: argparse.Namespace, folder: Path) -> list[Figure]:
    """Workers and the server are killed while users transfer."""
    async with served(folder) as site:
        found = await killing.orders(site, users=min(4, asked.users), n=min(6, asked.transfers))
    killed = f"{found.workers} workers and {found.servers} servers killed"
    return [
        Figure(f"orders lost, of {found.accepted}, with {killed}", found.lost, goal=0),
        Figure("orders done twice", found.doubled, goal=0),
        Figure("results that differ from those without kills", found.wrong, goal=0),
    ]


async def jobs(asked: argparse.Namespace, folder: Path) -> list[Figure]:
    """A preparation and a training are killed in the middle, and resumed."""
    async with served(folder) as site:
        found = await asyncio.to_thread(killing.jobs, site)
    return [
        Figure(f"jobs lost, of {found.accepted} killed in the middle and resumed", found.lost, goal=0),
        Figure("datasets and weights that differ from those without kills", found.wrong, goal=0),
    ]


@contextlib.asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Hosted]:
    """A site in a folder of its own."""
    site = Hosted(Path(tempfile.mkdtemp(dir=folder)))
    await asyncio.to_thread(site.start)
    try:
        yield site
    finally:
        await asyncio.to_thread(site.stop)


def p95(values: Sequence[float]) -> float:
    """What 95 % of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


PARTS: dict[str, Callable] = {"transfers": transfers, "idle": idle, "growth": growth, "kills": kills, "jobs": jobs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), default=list(PARTS))
    for name, number in {"users": 20, "transfers": 10, "sessions": 100, "random": 300}.items():
        parser.add_argument(f"--{name}", type=int, default=None, help=f"default {number}, with --short {SHORT[name]}")
        parser.set_defaults(**{name: number})
    parser.add_argument("--browsers", type=int, default=1)
    parser.add_argument("--listen", type=float, default=0.0, help="seconds between a user's transfers, on average")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--json", action="store_true")
    known, _ = parser.parse_known_args()
    if known.short:
        parser.set_defaults(**SHORT)
    asked = parser.parse_args()
    if not asked.json:
        print(f"{n_cores()} cores, beside other work with a load of {psutil.getloadavg()[1]:.1f}")
    found: dict[str, list[Figure]] = {}
    with tempfile.TemporaryDirectory(prefix="ddsing-benchmark-") as folder:
        for part in asked.only:
            found[part] = asyncio.run(PARTS[part](asked, Path(folder)))
            if not asked.json:
                print(f"{part:<66} {'measured':>10} {'goal':>10}  met", flush=True)
                print(*(one.line() for one in found[part]), sep="\n", flush=True)
    if asked.json:
        print(json.dumps({part: [asdict(one) for one in figures] for part, figures in found.items()}))


if __name__ == "__main__":
    main()
