"""A sweep on a real Slurm of two nodes: real trainings of the model ``tiny``, one task of a job array for each cell."""

import contextlib
import shutil
import subprocess
import time

import pytest

from ddsing.experiments.sweep import job as sweep_job
from ddsing.experiments.sweep import run as sweeps
from ddsing.experiments.sweep.grid import Sweep
from ddsing.jobs.engine import Engine
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.slurm import SlurmLauncher
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace
from tests.support import sweep_process, tiny_training, tiny_workspace
from tests.support.patience import until
from tests.support.running_jobs import closed_at_the_end
from tests.support.sweep_results import assert_same

pytestmark = pytest.mark.slow


def nodes_at_work():
    command = ["squeue", "--noheader", "--array", "--states=RUNNING", "--format=%N"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("lost", [False, pytest.param(True, marks=pytest.mark.full)], ids=["", "a node is lost"])
def test_the_runs_of_a_sweep_are_tasks_each_with_the_result_of_a_local_run(slurm, tiny_models, tmp_path, lost):
    axes = {"n_harmonics": (10, 12), "n_noise_bands": (5, 9)}
    n_steps = 40 if lost else 6
    sweep = Sweep("alto", axes, tiny_training.tiny(steps=n_steps, save_every=2))
    names = [cell.name for cell in sweep.cells()]
    here = Workspace(tiny_workspace.empty(tmp_path / "here"))
    tiny_training.prepared_voice(here, "alto", n_train=3, n_held_out=0)
    there = Workspace(shutil.copytree(here.root, tmp_path / "there"))
    program = sweep_process.PROGRAM if lost else sweep_process.UNCOMPILED
    launcher = SlurmLauncher(Engine(kind="slurm", cpus=1, delay_s=1.0, at_once=2), program)
    with closed_at_the_end(JobStore(there, launcher=launcher)) as store:
        job = store.submit(sweep_job.order(there, sweep))
        tasks = JobFolder(there.jobs / job.id).tasks()
        assert job.steps == 4 * n_steps and [task.spec()["title"] for task in tasks] == names
        if lost:
            until(lambda: ((tasks[0].record() or {}).get("step") or 0) >= 5)
            node = slurm.lose_node(tasks[0].record()["pid"])
        nodes, states = set(), set()
        while (found := store.status(job.id)).live:
            at_work = nodes_at_work()
            nodes, states = nodes | set(at_work), states | {found.state}
            assert len(at_work) <= 2
            time.sleep(0.3)
    if lost:
        assert slurm.start_node(node) == "" and slurm.wait_for("idle", node) == ""
    assert found.state == "done" and found.step == found.steps == 4 * n_steps, (found, found.log_tail)
    done = found.result
    assert sorted(done["trained"]) == names and not done["failed"] and not done["stopped"]
    assert "running" in states and (lost or nodes == {"n1", "n2"})
    assert all(name in found.log_tail for name in names)
    with contextlib.nullcontext() if lost else tiny_training.uncompiled():
        assert sweeps.train(here, sweep).trained == tuple(names)
    for name in names:
        assert_same(here, there, name, n_steps=n_steps)
