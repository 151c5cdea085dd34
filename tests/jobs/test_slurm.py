"""Jobs on a real Slurm of two nodes: started, queued, stopped, interrupted, killed with their node, out of contact.

The kinds of work are those of ``jobs_process.py``; the cluster is that of ``slurm_cluster.py``.
"""

import errno
import os
import subprocess
import time

import psutil
import pytest

from ddsing import cli
from ddsing.jobs.engine import Engine
from ddsing.jobs.slurm import SlurmLauncher
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace
from tests.support import jobs_process, tiny_workspace
from tests.support.counts import rounds
from tests.support.pages import clean, open_page, said
from tests.support.patience import until
from tests.support.running_jobs import (
    ENDLESS,
    PROGRAM,
    at_once,
    closed_at_the_end,
    folder,
    notes,
    pid,
    submit,
    wait_for,
    wait_for_step,
)

pytestmark = pytest.mark.slow
N_AT_ONCE = 50
SETTINGS = {"kind": "slurm", "cpus": 1, "delay_s": 1.0}


def open_store(root, **settings):
    launcher = SlurmLauncher(Engine(**SETTINGS | settings), PROGRAM)
    return JobStore(Workspace(root), launcher=launcher, kinds=jobs_process.KINDS)


@pytest.fixture
def store(slurm, tmp_path):
    (tmp_path / "w").mkdir()
    with closed_at_the_end(open_store(tmp_path / "w")) as store:
        yield store
    until(lambda: not squeue("%i"))


def squeue(columns, *options):
    command = ["squeue", "--noheader", "--array", f"--format={columns}", *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def ended(store, job):
    return until(lambda: not (found := store.status(job.id)).live and found, told=lambda: store.status(job.id))


def test_jobs_start_wait_in_the_queue_are_stopped_and_resumed(store):
    first, second, third = (submit(store, title=f"Job {n}", steps=ENDLESS) for n in range(3))
    for job in (first, second):
        assert wait_for_step(store, job).alive
    waiting = until(lambda: len((found := store.status(third.id)).ahead) == 2 and found)
    assert waiting.state == "waiting" and set(waiting.ahead) == {"Job 0", "Job 1"}
    assert waiting.message.startswith("Waiting in the queue of Slurm") and waiting.engine == "Slurm"
    assert store.list()[0].ahead == waiting.ahead
    assert store.stop(first.id).state in ("stopping", "stopped")
    stopped = wait_for(store, first, "stopped")
    assert stopped.step == int((folder(store, first).path / "saved").read_text()) > 0
    assert "Job 0: process" in stopped.log_tail and "stopped." in stopped.log_tail
    wait_for_step(store, third)
    store.resume(first.id)
    assert wait_for(store, first, "waiting").step == stopped.step
    assert store.stop(first.id).state == "stopped", "one that only waits ends at once"
    store.stop(second.id)
    wait_for(store, second, "stopped")
    store.resume(first.id)
    assert wait_for_step(store, first, stopped.step + 1)
    assert [step for _, job, step in notes(store, "begin") if job == first.id] == [0, stopped.step]


def test_the_page_and_the_command_line_show_the_queue_the_progress_and_the_log(
    slurm, tmp_path, monkeypatch, quiet, capsys
):
    root = tiny_workspace.fill(tmp_path / "w")
    (root / "engine.toml").write_text('kind = "slurm"\ncpus = 1\n')
    with closed_at_the_end(open_store(root)) as store:
        jobs = [submit(store, title=f"Job {n}", steps=ENDLESS) for n in range(3)]
        for job in jobs[:2]:
            wait_for_step(store, job)
        until(lambda: len(store.status(jobs[2].id).ahead) == 2)
        app = open_page(monkeypatch, root, "training")
        clean(app)
        shown = said(app)
        assert "Job 0" in shown and "step" in shown and "in the queue of Slurm" in shown
        assert any(f"behind {first}" in shown for first in ("Job 0, Job 1", "Job 1, Job 0"))
        assert cli.main(["jobs", "list", "--workspace", str(root)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert "waiting" in lines[0] and "2 ahead" in lines[0] and "running" in lines[1] and "left" in lines[1]
        assert cli.main(["jobs", "show", jobs[0].id, "--workspace", str(root)]) == 0
        assert "Job 0: process" in capsys.readouterr().out
        app.button(key=f"queue.stop.{jobs[2].id}").click().run()
        clean(app)
        assert store.status(jobs[2].id).state == "stopped"
        assert cli.main(["jobs", "stop", jobs[0].id, "--workspace", str(root)]) == 0
        wait_for(store, jobs[0], "stopped")


def test_one_that_does_not_stop_is_stopped_by_force_with_all_that_it_has_started(store):
    job = submit(store, "parent")
    children = folder(store, job).path / "children"
    until(children.exists)
    family = [psutil.Process(number) for number in (*map(int, children.read_text().split()), pid(store, job))]
    assert store.stop(job.id).state == "stopping"
    found = store.stop(job.id, force=True)
    assert found.state == "stopped" and found.message.startswith("Stopped by force.")
    until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family))
    until(lambda: not squeue("%i", f"--name={job.id}"))
    assert store.status(job.id).state == "stopped"


def test_many_clicks_are_one_job(store):
    started = at_once([lambda: submit(store, key="train:Aria", steps=ENDLESS).id] * N_AT_ONCE)
    assert len(started) == N_AT_ONCE and len(set(started)) == 1 and len(store.list()) == 1
    (job,) = store.list()
    at_once([lambda: store.launcher.start(folder(store, job).path)] * N_AT_ONCE)
    wait_for_step(store, job)
    store.stop(job.id)
    wait_for(store, job, "stopped")
    at_once([lambda: store.resume(job.id)] * rounds(full=50, push=10))
    until(lambda: len(notes(store, "begin")) > 1)  # its last step from before the stop is told until then
    wait_for_step(store, job)
    assert len(squeue("%i", "--states=all", f"--name={job.id}")) == 2
    assert len(notes(store, "begin")) == 2


def test_two_jobs_of_slurm_for_one_order_are_one_process(store):
    blocker = [submit(store, steps=ENDLESS) for _ in range(2)]
    job = submit(store, steps=ENDLESS)
    (folder(store, job).path / f"submitted-{folder(store, job).record()['ordered']}").unlink()
    store.launcher.start(folder(store, job).path)  # as if two computers had given it to Slurm at once
    assert len(squeue("%i", f"--name={job.id}")) == 2
    for one in blocker:
        store.stop(one.id)
    wait_for_step(store, job)
    until(lambda: len(squeue("%i", f"--name={job.id}")) == 1)
    wait_for_step(store, job, 20)
    assert [id for _, id, _ in notes(store, "begin")].count(job.id) == 1


def test_at_its_time_limit_a_job_saves_and_continues_automatically(slurm, tmp_path):
    (tmp_path / "w").mkdir()
    with closed_at_the_end(open_store(tmp_path / "w", time="00:02:00", signal_s=60)) as store:
        job = submit(store, steps=ENDLESS)
        until(lambda: any(step for *_, step in notes(store, "begin")))  # while nobody looks at the store
        begun = [step for *_, step in notes(store, "begin")]  # 0 again where half a minute was not enough to begin
        saved = [step for *_, step in notes(store, "end")]
        assert begun[0] == 0 and begun[1:] == saved[: len(begun) - 1] and begun[-1] > 0
        assert wait_for_step(store, job, begun[-1] + 1).state == "running"


def test_where_a_node_can_not_requeue_a_follow_up_job_continues(slurm, tmp_path):
    (tmp_path / "w").mkdir()
    with closed_at_the_end(open_store(tmp_path / "w", setup=("scontrol() { return 127; }",))) as store:
        job = submit(store, steps=ENDLESS)
        wait_for_step(store, job)
        subprocess.run(["scancel", "--batch", "--signal=USR1", *squeue("%i")], check=True)
        until(lambda: len(notes(store, "begin")) == 2)
        assert notes(store, "end")[0][2] == notes(store, "begin")[1][2] > 0
        wait_for_step(store, job)
        assert len(squeue("%i", "--states=all", f"--name={job.id}")) == 2


def test_a_job_whose_node_is_lost_continues_from_its_last_checkpoint(slurm, store):
    job = submit(store, steps=ENDLESS, save_every=20)
    wait_for_step(store, job, 50)
    node = slurm.lose_node(pid(store, job))
    saved = int((folder(store, job).path / "saved").read_text())
    try:
        until(lambda: len(notes(store, "begin")) == 2)
        assert saved > 0 and notes(store, "begin")[1][2] >= saved
        assert psutil.Process(pid(store, job)).environ()["SLURMD_NODENAME"] != node
        assert wait_for_step(store, job, saved + 1).state == "running"
    finally:
        assert slurm.start_node(node) == "" and slurm.wait_for("idle", node) == ""


@pytest.mark.full
def test_the_process_of_a_node_that_only_lost_its_network_ends_once_another_has_the_job(slurm, store):
    job = submit(store, steps=ENDLESS, save_every=20)
    wait_for_step(store, job, 30)
    left = psutil.Process(pid(store, job))
    node = slurm.lose_node(left.pid, but=(left.pid,))
    try:
        until(lambda: len(notes(store, "begin")) == 2)
        until(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)
        assert wait_for_step(store, job, int((folder(store, job).path / "saved").read_text()) + 1).alive
        assert pid(store, job) != left.pid and not notes(store, "end")
    finally:
        assert slurm.start_node(node) == "" and slurm.wait_for("idle", node) == ""


@pytest.mark.full
def test_a_job_that_has_to_make_way_for_a_more_urgent_one_saves_and_continues(store):
    jobs = [submit(store, steps=ENDLESS) for _ in range(2)]
    for job in jobs:
        wait_for_step(store, job, 20)
    subprocess.run(["sbatch", "--partition=urgent", "--output=/dev/null", "--wrap=sleep 5"], check=True)
    until(lambda: len(notes(store, "begin")) == 3)  # while nobody looks at the store
    ((_, preempted, saved),) = notes(store, "end")
    assert notes(store, "begin")[2][1:] == (preempted, saved) and saved >= 20
    for job in jobs:
        assert wait_for_step(store, job, saved + 1).state == "running"
    assert len(squeue("%i", "--states=all", f"--name={preempted}")) == 1, "Slurm itself has started it again"


def test_while_slurm_does_not_answer_nothing_is_lost_and_then_all_continues(slurm, store):
    job = submit(store, steps=ENDLESS)
    wait_for_step(store, job)
    slurm.stop_controller()
    try:
        unknown = wait_for(store, job, "unknown")
        assert unknown.live and unknown.message.startswith("Slurm does not answer") and unknown.step > 0
        later = submit(store, title="Later", steps=5)
        assert later.state == "unknown" and "Slurm does not answer" in later.message
        began_s = time.monotonic()
        store.list()
        assert store.live() and time.monotonic() - began_s < 60.0, "nobody waits for each job"
    finally:
        assert slurm.start_controller() == ""
    assert wait_for(store, later, "done").step == 5
    assert wait_for_step(store, job, unknown.step + 1).state == "running"
    assert len(notes(store, "begin")) == 2


def test_a_job_that_ends_three_times_without_a_step_is_given_up(store):
    job = submit(store, "end", how="abort")
    found = ended(store, job)
    assert found.state == "failed" and found.resumable and len(squeue("%i", "--states=all", f"--name={job.id}")) == 3
    assert found.message.startswith("It ended 3 times before its first step") and "FAILED" in found.message
    (store.workspace.root / "repaired").touch()
    store.resume(job.id)
    assert wait_for(store, job, "done").message == "All is well."


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_on_a_file_system_without_locks_many_clicks_are_one_job_as_well(slurm, tmp_path, monkeypatch, number):
    (tmp_path / "w").mkdir()
    monkeypatch.setattr("fcntl.flock", lambda *_: (_ for _ in ()).throw(OSError(number, os.strerror(number))))
    store = open_store(tmp_path / "w", setup=(f"export DDSING_TEST_NO_LOCKS={int(number)}",))
    with closed_at_the_end(store):
        started = at_once([lambda: submit(store, key="train:Aria", steps=ENDLESS).id] * 10)
        assert len(started) == 10 and len(set(started)) == len(store.list()) == 1
        (job,) = store.list()
        wait_for_step(store, job)
        store.stop(job.id)
        stopped = wait_for(store, job, "stopped")
        at_once([lambda: store.resume(job.id)] * 10)
        wait_for_step(store, job, stopped.step + 1)
    assert len(notes(store, "begin")) == 2


def test_errors_of_the_work_are_not_tried_again(store):
    found = ended(store, job := submit(store, "end", how="sentence"))
    assert found.state == "failed" and found.message == "The voice 'Aria' has no recordings; add some."
    assert len(squeue("%i", "--states=all", f"--name={job.id}")) == 1


def test_what_slurm_refuses_is_said_in_a_sentence(slurm, tmp_path):
    (tmp_path / "w").mkdir()
    store = open_store(tmp_path / "w", partition="moon")
    found = submit(store, steps=5)
    assert found.state == "failed" and found.resumable
    assert found.message.startswith("Slurm refused the job: ") and "partition" in found.message


@pytest.mark.parametrize("waits", [False, True], ids=["running", "waiting"])
def test_a_job_cancelled_with_scancel_is_stopped(store, waits):
    blockers = [submit(store, steps=ENDLESS) for _ in range(2)] if waits else []
    job = submit(store, steps=ENDLESS)
    wait_for(store, job, "waiting") if waits else wait_for_step(store, job)
    subprocess.run(["scancel", f"--name={job.id}"], check=True)
    found = wait_for(store, job, "stopped")
    assert found.resumable and (waits or found.step == int((folder(store, job).path / "saved").read_text()))
    store.list()
    assert not squeue("%i", f"--name={job.id}") and "cancelled in Slurm" in store.status(job.id).message
    for one in blockers:
        store.stop(one.id)


def test_pages_do_not_ask_slurm_for_each_job(store, monkeypatch):
    jobs = [submit(store, steps=ENDLESS) for _ in range(4)]
    asked = []
    ask = SlurmLauncher.ask
    monkeypatch.setattr(SlurmLauncher, "ask", lambda launcher: asked.append(time.monotonic()) or ask(launcher))
    began_s = time.monotonic()
    for _ in range(40):
        open_store(store.workspace.root).list()
        store.status(jobs[0].id)
    assert len(asked) <= 2 + (time.monotonic() - began_s) / 3.0
    assert os.environ["SLURM_CONF"]
