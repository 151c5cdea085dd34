"""Turns by owner on one device: the order as a function, and as real processes of several people have it."""

import collections
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from ddsing.jobs import queue, rounds, states
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.rounds import Rounds
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace
from tests.support import jobs_process
from tests.support.idle_jobs import NoLauncher
from tests.support.idle_jobs import submit as submit_idle
from tests.support.paths import ROOT
from tests.support.patience import until
from tests.support.running_jobs import ENDLESS, PROGRAM, closed_at_the_end, folder, pid, submit, wait_for, wait_for_step


@dataclass(frozen=True)
class Ticket:
    ordered_ns: int
    owner: str
    state: str = "waiting"
    first_ns: int = 0

    @property
    def called(self):
        return f"{self.owner}{self.ordered_ns}"


def order(tickets):
    return [one.called for one in rounds.in_turn(tickets, Rounds())]


def run_all(tickets, arriving=()):
    """The order in which jobs have the device when each is done before the next one starts; `arriving` by then."""
    known, done, later = Rounds(), [], dict(arriving)
    waiting = list(tickets)
    while waiting:
        nxt = rounds.in_turn(waiting, known)[0]
        known = rounds.served(waiting, nxt, known)
        waiting.remove(nxt)
        done.append(nxt.called)
        waiting += later.pop(len(done), [])
    return done


def test_fifty_jobs_of_one_delay_nobody_s_first():
    many = [Ticket(n, "a") for n in range(50)]
    done = run_all(many, {1: [Ticket(100, "b"), Ticket(101, "b")], 5: [Ticket(200, "c")]})
    assert done[:7] == ["a0", "b100", "a1", "b101", "a2", "c200", "a3"] and len(done) == 53


def test_one_owner_s_jobs_are_in_the_order_of_the_orders():
    assert order([Ticket(n, "") for n in (3, 1, 2)]) == ["1", "2", "3"]
    assert run_all([Ticket(n, "") for n in (3, 1, 2)]) == ["1", "2", "3"]


def test_what_was_put_first_comes_first_and_costs_no_turn():
    waiting = [Ticket(1, "a"), Ticket(2, "a"), Ticket(3, "b"), Ticket(4, "b", first_ns=7), Ticket(5, "c", first_ns=9)]
    assert run_all(waiting) == ["c5", "b4", "a1", "b3", "a2"]
    assert order([Ticket(9, "a", "running"), *waiting])[0] == "a9"


def test_nobody_s_nth_job_comes_before_everybody_s_one_before(pytestconfig):
    drawn = random.Random(pytestconfig.option.seed)
    print("seed", pytestconfig.option.seed)
    for _ in range(40):
        known, waiting, number = Rounds(), [], 0
        for _ in range(25):
            for _ in range(drawn.choice((0, 0, 0, 1, 2, 9))):
                number += 1
                waiting.append(Ticket(number, drawn.choice("abcd")))
            if waiting and drawn.random() < 0.2:
                waiting.remove(drawn.choice(waiting))  # cancelled, or dead
            turns = rounds.in_turn(waiting, known)
            n_all, n_before = collections.Counter(ticket.owner for ticket in waiting), collections.Counter()
            for one in turns:
                n_before[one.owner] += 1
                for other, n in n_all.items():
                    assert n_before[other] >= min(n, n_before[one.owner] - 1), [ticket.called for ticket in turns]
            if turns:
                known = rounds.served(waiting, turns[0], known)
                waiting.remove(turns[0])


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"now": "x", "had": []}', '{"now": 3}', '{"now": 1, "had": [null, 3]}']
)
def test_a_damaged_memory_begins_a_round_anew(tmp_path, text):
    (tmp_path / rounds.NAME).write_text(text)
    assert rounds.in_turn([Ticket(1, "a"), Ticket(2, "b")], rounds.read(tmp_path))


# With stores


@pytest.fixture
def people(tmp_path):
    """The stores of people, by name, whose jobs never start by themselves."""

    def of(name, launcher=None):
        (tmp_path / name).mkdir(exist_ok=True)
        return JobStore(Workspace(tmp_path / name), launcher=launcher or NoLauncher(), owner=name)

    return of


def titles(device="cpu"):
    return [ticket.title for ticket in queue.tickets(device)]


def test_the_tickets_of_several_people_are_in_their_turns(people):
    for n in range(3):
        submit_idle(people("ann"), key=f"a{n}", title=f"Ann {n}", device="cpu")
    submit_idle(people("bob"), key="b", title="Bob", device="cpu")
    assert titles() == ["Ann 0", "Bob", "Ann 1", "Ann 2"]
    last = queue.tickets("cpu")[-1]
    assert queue.put_first("cpu", last.job) and titles() == ["Ann 2", "Ann 0", "Bob", "Ann 1"]
    assert not queue.put_first("cpu", people("bob").workspace.jobs / "nothing")


def test_a_computer_of_one_person_keeps_no_rounds_and_its_tickets_are_as_before(people, tmp_path):
    store = JobStore(people("ann").workspace, launcher=NoLauncher())
    job = submit_idle(store, title="Mine", device="cpu")
    (ticket,) = (tmp_path / "locks" / "cpu").glob("*.ticket")
    assert json.loads(ticket.read_text()) == {"job": str(store.workspace.jobs / job.id), "title": "Mine"}
    queue.leave("cpu", store.workspace.jobs / job.id)
    with queue.turn("cpu"):
        assert not (tmp_path / "locks" / "cpu" / rounds.NAME).exists()


# With processes


@pytest.fixture
def at_work(tmp_path):
    """The stores of people whose jobs are real processes; none of them is left."""
    with contextlib.ExitStack() as held:

        def of(name):
            (tmp_path / name).mkdir(exist_ok=True)
            store = JobStore(
                Workspace(tmp_path / name), launcher=LocalLauncher(PROGRAM), kinds=jobs_process.KINDS, owner=name
            )
            return held.enter_context(closed_at_the_end(store))

        yield of


def begun(stores):
    """The titles of all jobs that have run, in their order."""
    lines = []
    for store in stores:
        path = store.workspace.root / "notes.txt"
        for line in path.read_text().splitlines() if path.exists() else []:
            what, when, job, *_ = line.split()
            if what == "begin":
                lines.append((int(when), store.status(job).title))
    return [title for _, title in sorted(lines)]


@pytest.mark.slow
def test_people_take_turns_though_processes_are_killed_and_their_server_is_gone(at_work):
    ann, bob, carl = (at_work(name) for name in ("ann", "bob", "carl"))
    first = submit(ann, title="Ann 0", device="cpu", steps=ENDLESS)
    wait_for_step(ann, first)
    hers = [submit(ann, title=f"Ann {n}", device="cpu", steps=5) for n in range(1, 5)]
    his = [submit(bob, title=f"Bob {n}", device="cpu", steps=5) for n in range(2)]
    for store, jobs in ((ann, hers), (bob, his)):
        for job in jobs:
            wait_for(store, job, "waiting")
    until(lambda: bob.status(his[1].id).ahead == (queue.OTHERS, "Bob 0", queue.OTHERS))
    assert all("Ann" not in (folder(bob, job).path / "status.json").read_text() for job in his)
    os.kill(pid(ann, hers[1]), signal.SIGKILL)  # Ann 2
    wait_for(ann, hers[1], "lost")
    other = _other_server(carl.workspace.root)  # a second server of the same file system orders for Carl, and is killed
    until(lambda: "Carl" in titles())
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert queue.put_first("cpu", folder(ann, hers[3]).path)  # Ann 4
    os.kill(pid(ann, first), signal.SIGKILL)  # in the middle of its turn
    for store, jobs in ((ann, [hers[0], hers[2], hers[3]]), (bob, his)):
        for job in jobs:
            assert wait_for(store, job, *states.ENDED).state == "done"
    until(lambda: [job.state for job in carl.list()] == ["done"])
    assert begun((ann, bob, carl)) == ["Ann 0", "Ann 4", "Bob 0", "Carl", "Ann 1", "Bob 1", "Ann 3"]


def test_who_is_put_first_until_the_device_is_ours_is_waited_for(monkeypatch, tmp_path):
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    mine, other = (queue.Ticket(number, tmp_path / name, name, "waiting") for number, name in enumerate(("Ann", "Bob")))
    looks = iter([(mine,), (other, mine), (other, mine), (mine,), (mine,)])
    monkeypatch.setattr(queue, "tickets", lambda device: next(looks))
    told = []
    with queue.turn("cpu", job=mine.job, on_wait=told.append):
        assert told == [("Bob",)] and list(looks) == []


def _other_server(root):
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom tests.support.running_jobs import *\n"
        "from tests.support import jobs_process\n"
        "store = JobStore(Workspace(Path(sys.argv[1])), launcher=LocalLauncher(PROGRAM), kinds=jobs_process.KINDS,"
        " owner='carl')\n"
        "submit(store, title='Carl', device='cpu', steps=5)\ntime.sleep(1000)\n"
    )
    return subprocess.Popen([sys.executable, "-c", program, str(root)], cwd=ROOT)
