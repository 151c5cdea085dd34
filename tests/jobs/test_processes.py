"""Jobs as processes: started at once, killed, stopped, queued, orphaned.

The kinds of work are those of ``jobs_process.py``; the processes, locks and signals are real.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from ddsing.jobs import states, status
from tests.support.counts import rounds
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S, until
from tests.support.running_jobs import (
    ENDLESS,
    at_once,
    folder,
    notes,
    open_store,
    pid,
    submit,
    wait_for,
    wait_for_step,
)

pytestmark = pytest.mark.slow

N_AT_ONCE = rounds(full=50, push=10)
N_TENS = rounds(full=5, push=1)  # of signals


def test_many_simultaneous_starts_make_one_trainer(store):
    started = at_once([lambda: submit(store, key="train:Aria", steps=ENDLESS).id] * N_AT_ONCE)
    assert len(started) == N_AT_ONCE and len(set(started)) == 1 and len(store.list()) == 1
    (job,) = store.list()
    wait_for_step(store, job)
    at_once([lambda: store.launcher.start(folder(store, job).path)] * N_AT_ONCE)
    until(lambda: n_processes(job) == 1)
    store.stop(job.id)
    wait_for(store, job, "stopped")
    store.launcher.start(folder(store, job).path)  # one that comes when all is over
    until(lambda: n_processes(job) == 0)
    assert len(notes(store, "begin")) == len(notes(store, "end")) == 1


def test_many_processes_of_an_ordered_start_are_one_trainer(store):
    launcher = store.launcher
    store.launcher = type("Many", (), {"start": lambda _, path: at_once([lambda: launcher.start(path)] * N_AT_ONCE)})()
    job = submit(store, steps=ENDLESS)
    wait_for_step(store, job)
    until(lambda: n_processes(job) == 1)
    store.stop(job.id)
    wait_for(store, job, "stopped")
    assert len(notes(store, "begin")) == len(notes(store, "end")) == 1


def n_processes(job):
    """How many child processes run a job; one may end while it is looked at."""
    found = 0
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            found += job.id in " ".join(child.cmdline())
    return found


def test_each_of_many_sigterms_is_a_clean_save(store):
    n_ended = 0
    for _ in range(N_TENS):
        jobs = [submit(store, steps=ENDLESS, step_s=0.05) for _ in range(10)]
        for job in jobs:
            wait_for_step(store, job)
            os.kill(pid(store, job), signal.SIGTERM)
            ended = wait_for(store, job, *states.ENDED)  # endless, but for the signal
            n_ended += 1
            assert ended.state == "stopped" and ended.step == int((folder(store, job).path / "saved").read_text()) > 0
    assert n_ended == len(notes(store, "end")) == 10 * N_TENS


def test_a_sigterm_before_the_process_listens_is_heard_and_ctrl_c_never(store, monkeypatch):
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        "ddsing.jobs.launcher.subprocess.Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1]
    )
    jobs = []
    for number in range(10):
        jobs.append(submit(store, steps=ENDLESS))
        time.sleep(0.01 * number)
        for name in ("SIGINT", "SIGHUP", "SIGTERM"):
            started[-1].send_signal(getattr(signal, name))
    assert [wait_for(store, job, *states.ENDED).state for job in jobs] == ["stopped"] * 10
    job = submit(store, steps=ENDLESS)
    step = wait_for_step(store, job).step
    for name in ("SIGINT", "SIGHUP"):
        os.kill(pid(store, job), getattr(signal, name))
    wait_for_step(store, job, step + 20)


def test_a_record_with_a_foreign_live_pid_never_signals_it(store, tmp_path):
    heard = tmp_path / "heard"
    program = (
        "import signal, sys, time\n"
        "def hear(number, frame): open(sys.argv[1], 'a').write(f'{number} ')\n"
        "for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:\n    signal.signal(number, hear)\n"
        "open(sys.argv[1], 'a').close()\nwhile True: time.sleep(1)\n"
    )
    foreign = subprocess.Popen([sys.executable, "-c", program, str(heard)])
    try:
        until(heard.exists)
        created = psutil.Process(foreign.pid).create_time()
        store.launcher = type("None", (), {"start": lambda *_: None})()
        jobs = [submit(store, steps=1) for _ in range(4)]
        for number in range(100):
            job = jobs[number % 4]
            place = folder(store, job)
            claim = {"pid": foreign.pid, "process_created": created if number % 3 else created - 1000.0}
            place.write_record(place.record() | claim | {"state": ("running", "waiting", "starting")[number // 3 % 3]})
            lock = place.take() if number % 5 % 2 else None  # as if a process of the job lived, or not
            store.stop(job.id, force=bool(number % 8 < 4))
            if number % 7 < 2:
                place.stop.unlink(missing_ok=True)
                place.stop.symlink_to("/nonexistent/stop")  # so it can't be made, and a signal would be the way
                store.stop(job.id)
            if lock:
                lock.release()
            if store.status(job.id).resumable:
                store.resume(job.id)
            store.stop(job.id, force=True)
        assert foreign.poll() is None and heard.read_text() == ""
    finally:
        foreign.kill()
        foreign.wait()


@pytest.mark.parametrize("way", ["Ctrl-C", "hang-up", "kill"])
def test_the_death_of_the_dashboard_does_no_harm_and_the_next_one_finds_the_job(store, tmp_path, way):
    program = (
        "import signal, sys, time\nsys.path.insert(0, sys.argv[1])\nfrom pathlib import Path\n"
        "for way in (signal.SIGINT, signal.SIGHUP):\n    signal.signal(way, signal.SIG_DFL)\n"  # it may be ignored here
        "from tests.support.running_jobs import open_store, submit\n"
        "store = open_store(Path(sys.argv[2]))\nprint(submit(store, steps=200).id, flush=True)\ntime.sleep(600)\n"
    )
    arguments = [sys.executable, "-c", program, str(ROOT), str(store.workspace.root)]
    dashboard = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        job = store.status(dashboard.stdout.readline().strip())
        wait_for_step(store, job)
        number = {"Ctrl-C": signal.SIGINT, "hang-up": signal.SIGHUP, "kill": signal.SIGKILL}[way]
        os.killpg(dashboard.pid, number)
        dashboard.wait(PATIENCE_S)
    finally:
        dashboard.kill()
        dashboard.wait()
        dashboard.stdout.close()
    found = wait_for(open_store(store.workspace.root), job, "done")
    assert found.step == 200 and found.result == {"step": 200, "stopped": False}
    assert len(notes(store, "begin")) == 1


def test_the_queue_of_a_device_goes_on_whatever_becomes_of_those_in_it(store):
    jobs = [submit(store, title=f"Job {n}", device="cpu", steps=ENDLESS if n == 0 else 20) for n in range(5)]
    wait_for_step(store, jobs[0])
    for job in jobs[1:]:
        wait_for(store, job, "waiting")
    last = until(lambda: len((found := store.status(jobs[4].id)).ahead) == 4 and found)
    assert last.ahead == ("Job 0", "Job 1", "Job 2", "Job 3") and last.alive
    assert (
        last.message == "Waiting for the CPU: 'Job 0' is using it, and 3 more before this one. It starts automatically."
    )
    imported = (store.workspace.root / "imported.txt").read_text().split()
    assert imported == [jobs[0].id], "the others import nothing of their kind before their turn"
    store.stop(jobs[2].id)
    assert wait_for(store, jobs[2], *states.ENDED).state == "stopped"
    os.kill(pid(store, jobs[3]), signal.SIGKILL)
    assert wait_for(store, jobs[3], *states.ENDED).state == "lost"
    until(lambda: store.status(jobs[4].id).ahead == ("Job 0", "Job 1"))
    os.kill(pid(store, jobs[0]), signal.SIGKILL)
    assert wait_for(store, jobs[0], *states.ENDED).state == "lost"
    store.resume(jobs[3].id)
    for n in (1, 4, 3):
        wait_for(store, jobs[n], "done")
    begun = [(when, job) for when, job, _ in notes(store, "begin")]
    assert [job for _, job in begun] == [jobs[n].id for n in (0, 1, 4, 3)]
    ended = {job: when for when, job, _ in notes(store, "end")}
    order = [jobs[n].id for n in (1, 4, 3)]
    assert all(ended[a] < dict(map(reversed, begun))[b] for a, b in zip(order, order[1:]))


def test_a_job_that_needs_no_device_does_not_wait(store):
    first, second = submit(store, device="cpu", steps=ENDLESS), submit(store, steps=5)
    wait_for_step(store, first)
    assert wait_for(store, second, *states.ENDED).state == "done"
    assert store.status(first.id).state == "running"


def test_stopped_and_lost_jobs_go_on_from_what_they_saved(store):
    job = submit(store, steps=ENDLESS)
    wait_for_step(store, job, 10)
    assert store.stop(job.id).state == "stopping"
    saved = wait_for(store, job, *states.ENDED)
    assert saved.state == "stopped" and saved.ended and not saved.alive
    store.resume(job.id)
    wait_for_step(store, job, saved.step + 1)
    os.kill(pid(store, job), signal.SIGKILL)
    lost = wait_for(store, job, *states.ENDED)
    assert lost.state == "lost" and lost.message == status.LOST
    store.resume(job.id)
    wait_for_step(store, job, saved.step + 1)
    store.stop(job.id)
    wait_for(store, job, "stopped")
    assert [step for _, _, step in notes(store, "begin")] == [0, saved.step, saved.step]
