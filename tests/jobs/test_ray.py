"""Jobs on a real Ray of two nodes, by its REST interface: started, queued, stopped, lost, out of contact.

The kinds of work are those of ``jobs_process.py``; the cluster is that of ``ray_cluster.py``, which takes a minute to
install.
"""

import json
import shutil
import time
from dataclasses import replace

import pytest

from ddsing.experiments.sweep import job as sweep_job
from ddsing.experiments.sweep import run as sweeps
from ddsing.experiments.sweep.grid import Sweep
from ddsing.jobs.engine import Engine
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.ray import RayLauncher
from ddsing.jobs.states import ENDED, written_state
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace
from tests.support import jobs_process, ray_cluster, sweep_process, tiny_training, tiny_workspace
from tests.support.patience import until
from tests.support.ray_cluster import RayCluster
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
from tests.support.sweep_results import assert_same

pytestmark = [pytest.mark.slow, pytest.mark.full]


@pytest.fixture(scope="session")
def ray_environment(tmp_path_factory):
    """Where Ray is installed, for these tests alone."""
    path = tmp_path_factory.mktemp("ray") / "environment"
    said = ray_cluster.install(path)
    assert not said, said
    return path


@pytest.fixture(scope="module")
def ray(ray_environment):
    cluster = RayCluster(ray_environment)
    try:
        assert cluster.start() == ""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DDSING_RAY_TOKEN", cluster.token)
            yield cluster
    finally:
        cluster.stop()


def settings(ray, **changes):
    return Engine(**{"kind": "ray", "url": ray.url, "cpus": 1, "delay_s": 1.0} | changes)


@pytest.fixture
def store(ray, tmp_path):
    (tmp_path / "w").mkdir()
    launcher = RayLauncher(settings(ray), PROGRAM)
    with closed_at_the_end(JobStore(Workspace(tmp_path / "w"), launcher=launcher, kinds=jobs_process.KINDS)) as store:
        yield store
    until(lambda: not [job for job in known(ray) if job["status"] in ("PENDING", "RUNNING")])


def known(ray):
    """All jobs that Ray knows."""
    assert ray.ask("/api/jobs/") == 200
    return json.loads(ray.answer)


def test_jobs_start_wait_in_the_queue_are_stopped_and_resumed(ray, store):
    first, second = (submit(store, title=f"Job {n}", steps=ENDLESS) for n in range(2))
    for job in (first, second):
        assert wait_for_step(store, job).alive
    third = submit(store, title="Job 2", steps=ENDLESS)
    waiting = until(lambda: len((found := store.status(third.id)).ahead) == 2 and found)
    assert waiting.state == "waiting" and waiting.message.startswith("Waiting in the queue of Ray")
    assert first.id in {job["submission_id"] for job in known(ray)}
    store.stop(first.id)
    stopped = wait_for(store, first, "stopped")
    assert stopped.step == int((folder(store, first).path / "saved").read_text()) > 0
    assert "Job 0: process" in stopped.log_tail
    wait_for_step(store, third)
    store.resume(first.id)
    wait_for(store, first, "waiting")
    assert store.stop(first.id).state == "stopped", "one that only waits ends at once"
    store.stop(second.id, force=True)
    assert wait_for(store, second, "stopped").resumable
    store.resume(first.id)
    assert wait_for_step(store, first, stopped.step + 1)
    assert [step for _, job, step in notes(store, "begin") if job == first.id] == [0, stopped.step]


def test_many_clicks_are_one_job(ray, store):
    started = at_once([lambda: submit(store, key="train:Aria", steps=ENDLESS).id] * 50)
    assert len(started) == 50 and len(set(started)) == len(store.list()) == 1
    (job,) = store.list()
    at_once([lambda: store.launcher.start(folder(store, job).path)] * 10)
    (folder(store, job).path / f"submitted-{folder(store, job).record()['ordered']}").unlink()
    store.launcher.start(folder(store, job).path)  # as if another computer had given it to Ray as well
    wait_for_step(store, job)
    assert len([found for found in known(ray) if found["submission_id"].startswith(job.id)]) == 1
    assert len(notes(store, "begin")) == 1


def test_a_job_whose_node_is_lost_continues_from_its_last_checkpoint(ray, store):
    blocker = submit(store, steps=ENDLESS)
    wait_for_step(store, blocker)
    job = submit(store, steps=ENDLESS, save_every=20)
    wait_for_step(store, job, 50)
    if ray.node_of(pid(store, job)) == "head":
        blocker, job = job, blocker
    before = store.status(job.id).step
    saved = int((folder(store, job).path / "saved").read_text()) if "save_every" in job.options else 0
    ray.lose("node")
    try:
        store.stop(blocker.id)
        until(lambda: len([1 for _, id, _ in notes(store, "begin") if id == job.id]) == 2, again=lambda: store.list())
        assert [step for _, id, step in notes(store, "begin") if id == job.id][1] >= saved
        assert wait_for_step(store, job).state == "running" and before > 0
        assert ray.node_of(pid(store, job)) == "head"
    finally:
        assert ray.start_node() == ""


def test_while_ray_does_not_answer_nothing_is_lost_and_then_all_continues(ray, store):
    job = submit(store, steps=ENDLESS, save_every=20)
    wait_for_step(store, job, 50)
    for name in ("node", "head"):
        ray.lose(name)
    try:
        unknown = wait_for(store, job, "unknown")
        assert unknown.live and unknown.message.startswith("Ray does not answer") and unknown.step >= 50
        later = submit(store, title="Later", steps=5)
        assert later.state == "unknown"
    finally:
        assert ray.start() == ""
    assert wait_for(store, later, "done").step == 5
    until(lambda: len(notes(store, "begin")) == 3, again=lambda: store.list())
    assert max(step for _, id, step in notes(store, "begin") if id == job.id) >= 40
    assert wait_for_step(store, job, 60).state == "running"


def test_a_job_that_ends_three_times_without_a_step_is_given_up(ray, store):
    job = submit(store, "end", how="abort")
    found = until(lambda: not (seen := store.status(job.id)).live and seen)
    assert found.state == "failed" and found.message.startswith("It ended 3 times before its first step"), found
    assert len([one for one in known(ray) if one["submission_id"].startswith(job.id)]) == 3


def test_a_wrong_token_is_a_sentence_and_loses_nothing(ray, store, monkeypatch):
    monkeypatch.setenv("DDSING_RAY_TOKEN", "wrong")
    store.launcher.forget()
    job = submit(store, steps=5)
    assert job.state == "unknown" and "it refused the token; check token_file or DDSING_RAY_TOKEN" in job.message
    monkeypatch.setenv("DDSING_RAY_TOKEN", ray.token)
    store.launcher.forget()
    assert wait_for(store, job, "done").step == 5


def test_what_ray_refuses_is_said_in_a_sentence(ray, tmp_path):
    (tmp_path / "w").mkdir()
    launcher = RayLauncher(replace(settings(ray), cpus="many"), PROGRAM)  # which no file could say
    store = JobStore(Workspace(tmp_path / "w"), launcher=launcher, kinds=jobs_process.KINDS)
    found = submit(store, steps=5)
    assert found.state == "failed" and found.message.startswith("Ray refused the job: ")
    assert "Traceback" not in found.message and "\n" not in found.message


def test_a_job_that_somebody_stops_in_ray_is_stopped(ray, store):
    job = submit(store, steps=ENDLESS)
    wait_for_step(store, job)
    word = store.launcher.word(folder(store, job), fresh=True)
    store.launcher.cancel([word])
    found = wait_for(store, job, "stopped")
    assert "cancelled in Ray" in found.message and found.resumable


def test_the_runs_of_a_sweep_are_jobs_n_at_a_time_each_with_the_result_of_a_local_run(ray, tiny_models, tmp_path):
    sweep = Sweep("alto", {"n_harmonics": (10, 12), "n_noise_bands": (5, 9)}, tiny_training.tiny(steps=6, save_every=2))
    names = [cell.name for cell in sweep.cells()]
    here = Workspace(tiny_workspace.empty(tmp_path / "here"))
    tiny_training.prepared_voice(here, "alto", n_train=3, n_held_out=0)
    there = Workspace(shutil.copytree(here.root, tmp_path / "there"))
    launcher = RayLauncher(replace(settings(ray), at_once=2), sweep_process.PROGRAM)
    with closed_at_the_end(JobStore(there, launcher=launcher)) as store:
        job = store.submit(sweep_job.order(there, sweep))
        most = 0
        while (found := store.status(job.id)).live:
            at_work = [one for one in known(ray) if one["status"] in ("PENDING", "RUNNING")]
            most = max(most, len(at_work))
            time.sleep(0.3)
        assert all(written_state(task.record()) in ENDED for task in JobFolder(there.jobs / job.id).tasks())
    assert found.state == "done" and found.step == found.steps == 24, (found, found.log_tail)
    assert most == 2 and sorted(found.result["trained"]) == names
    assert sweeps.train(here, sweep).trained == tuple(names)
    for name in names:
        assert_same(here, there, name, n_steps=6)
