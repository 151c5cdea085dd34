"""Killing what works for `benchmarks.load`: workers, the server and jobs, with SIGKILL, and counting what is left.

Public: `orders`, `jobs`, `Found`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.hosted import Hosted, Song
from benchmarks.visitors import PATIENCE_S, Gone, Visitor
from ddsing.dataset import job as preparing
from ddsing.dataset import voices
from ddsing.jobs.status import JobStatus
from ddsing.jobs.store import JobStore
from ddsing.sound.audio import encode
from ddsing.training import checkpoints
from ddsing.training import job as training
from ddsing.training.recipe import Recipe, resolved
from ddsing.workspace import Workspace, open_workspace

START = "transfer.start"
MOST = 2  # kills of one order: one that is killed five times is given up
N_WORKERS, N_SERVERS = 5, 2
VOICE = "Mira"
RECIPE = Recipe(config="singing_small", steps=12, save_every=4, batch_size=2)
KILLED_AT = 6


@dataclass
class Found:
    """How many orders were accepted, and what became of them."""

    accepted: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    workers: int = 0
    servers: int = 0


async def orders(site: Hosted, *, users: int, n: int) -> Found:
    """Everybody transfers the first example while workers and the server are killed; each has a loudness of its own."""
    variants = [float(2 * at - 10) for at in range(n)]
    alone = await Visitor(site.url).come()
    began_s = time.monotonic()
    for at in variants:
        await _order(alone, at, set())
    order_s = (time.monotonic() - began_s) / n
    expected = dict(site.results(alone))
    await alone.close()
    crowd = [await Visitor(site.url).come() for _ in range(users)]
    accepted: list[set[float]] = [set() for _ in crowd]
    found, over = Found(), asyncio.Event()
    killer = asyncio.create_task(_kill(site, found, over, order_s))
    await asyncio.gather(*(_transfer_all(site, one, variants, has) for one, has in zip(crowd, accepted)))
    over.set()
    await killer
    for one, has in zip(crowd, accepted):
        made = site.results(one)
        times = Counter(at for at, _ in made)
        found.accepted += len(has)
        found.lost += len(has - times.keys())
        found.doubled += sum(number - 1 for number in times.values())
        found.wrong += sum(result != expected[at] for at, result in made)
        await one.close()
    return found


async def _transfer_all(site: Hosted, one: Visitor, variants: Sequence[float], accepted: set[float]) -> None:
    """One after the other, coming back whenever the server has gone."""
    for at in variants:
        while at not in accepted:
            with contextlib.suppress(Gone):
                await _order(one, at, accepted)
            await _back(one)
            if at in site.made(one):  # accepted, though the page was gone before it could say so
                accepted.add(at)


async def _order(one: Visitor, at: float, accepted: set[float]) -> None:
    """Press once, and wait for the end; it is accepted when the page says so."""
    await one.choose("setting.loudness_shift_db", double_array_value=[at])
    await one.press(START)
    if not one.sees(START):
        accepted.add(at)
    await one.until(lambda: one.sees(START))
    accepted.add(at)


async def _back(one: Visitor) -> None:
    """Open the page again if it was lost, and wait for what it has found going on there."""
    deadline_s = time.monotonic() + PATIENCE_S
    while one.gone or not one.sees(START):
        if time.monotonic() > deadline_s:
            raise TimeoutError("The server did not come back.")
        try:
            if one.gone:
                await one.open()
            await one.until(lambda: one.sees(START))
        except (Gone, OSError):
            await asyncio.sleep(0.5)


async def _kill(site: Hosted, found: Found, over: asyncio.Event, order_s: float) -> None:
    """Now and then, in the middle of an order, as long as somebody transfers; an order takes so long."""
    drawn, killed = random.Random(7), Counter[str]()
    plan = ["worker"] * N_WORKERS + ["server"] * N_SERVERS
    drawn.shuffle(plan)
    for whom in plan:
        while not (at_work := [one for one in site.at_work() if killed[one] < MOST]):
            if over.is_set():
                return
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5 * order_s * drawn.random())
        killed.update(at_work)
        if whom == "server":
            site.kill()
            await asyncio.to_thread(site.start)
            found.servers += 1
        else:
            for worker in site.workers()[:1]:
                worker.kill()
                found.workers += 1


def jobs(site: Hosted) -> Found:
    """A preparation and a training of a member, each killed in the middle and resumed, beside the same undisturbed."""
    found, made = Found(), []
    for name in ("ann", "bob"):
        workspace = open_workspace(site.root / "people" / name[:2] / name)
        _voice(workspace)
        store = JobStore(workspace)
        for order, middle in (
            (preparing.order(workspace, VOICE, tracker="full"), lambda job: job.fraction),
            (training.order(VOICE, RECIPE), lambda job: (job.step or 0) >= KILLED_AT),
        ):
            job = store.submit(order)
            if name == "bob":
                job = _killed(store, job, middle)
                found.accepted += 1
                found.lost += _until(store, job, lambda seen: not seen.live).state != "done"
            else:
                _until(store, job, lambda seen: not seen.live)
        made.append(_made(workspace))
    found.wrong = sum(one != other for one, other in zip(*made, strict=True))
    return found


def _voice(workspace: Workspace) -> None:
    folder = workspace.audio / VOICE
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        (folder / f"{number}.wav").write_bytes(encode(Song("", 12.0, seed=number).audio()))


def _killed(store: JobStore, job: JobStatus, middle: Callable[[JobStatus], object]) -> JobStatus:
    """The job, killed once it is in the middle, and resumed."""
    _until(store, job, lambda seen: bool(middle(seen)) or not seen.live)
    for process in _processes(store.workspace.jobs / job.id):
        process.kill()
    _until(store, job, lambda seen: not seen.live)
    return store.resume(job.id)


def _processes(folder: Path) -> list[psutil.Process]:
    return [one for one in psutil.process_iter(["cmdline"]) if str(folder) in (one.info["cmdline"] or ())]


def _until(store: JobStore, job: JobStatus, so: Callable[[JobStatus], bool]) -> JobStatus:
    deadline_s = time.monotonic() + PATIENCE_S
    while not so(seen := store.status(job.id)):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"{job.id} is {seen.state}.")
        time.sleep(0.1)
    return seen


def _made(workspace: Workspace) -> list[str]:
    """What the dataset and the trained weights are."""
    voice = voices.get(workspace, VOICE)
    records = hashlib.sha256()
    for path in sorted(voice.dataset_folder.rglob("*.tfrecord*")):
        records.update(path.read_bytes())
    newest, weights = checkpoints.newest_state(voice.checkpoints_folder, resolved(RECIPE).model), hashlib.sha256()
    if newest is not None:
        for _, values in sorted(newest.state.weights.items()):
            weights.update(values.tobytes())
    return [records.hexdigest(), weights.hexdigest()]
