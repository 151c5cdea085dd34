"""A sweep in a real job of its own process: stopped in the middle, killed in the middle, and gone on with each time."""

import os
import signal
from dataclasses import replace

import pytest

from ddsing.experiments.sweep import grid, results
from ddsing.experiments.sweep import job as sweep_job
from ddsing.experiments.sweep.grid import Sweep
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.store import JobStore
from ddsing.training import checkpoints
from ddsing.workspace import Workspace
from tests.support import sweep_process, tiny_training, tiny_workspace
from tests.support.pages import clean, open_page
from tests.support.patience import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quiet")]
STEPS, SAVE_EVERY = 6, 2
NAMES = ["alto_h10_n5", "alto_h10_n9", "alto_h12_n5", "alto_h12_n9"]


@pytest.fixture
def alto(tiny_models, own_locks, tmp_path) -> Workspace:
    """A workspace with a prepared voice; this process, too, knows the model ``tiny``."""
    workspace = Workspace(tiny_workspace.empty(tmp_path / "ws"))
    tiny_training.prepared_voice(workspace, "alto", n_train=3, n_held_out=0)
    return workspace


def steps(workspace: Workspace) -> list[tuple[int, str, int]]:
    """(process, cell, step) of each step so far, in order."""
    path = workspace.root / "steps.txt"
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(int(pid), cell, int(step)) for pid, cell, step in lines]


def test_stopped_and_killed_in_the_middle_it_goes_on_each_time_and_trains_nothing_twice(alto, monkeypatch):
    store = JobStore(alto, launcher=LocalLauncher(sweep_process.UNCOMPILED))
    axes = {"n_harmonics": (10, 12), "n_noise_bands": (5, 9)}
    sweep = Sweep("alto", axes, tiny_training.tiny(steps=STEPS, save_every=SAVE_EVERY))
    job = store.submit(replace(sweep_job.order(alto, sweep), device="cpu"))

    def status():
        return store.status(job.id)

    def reached(name, step):
        return lambda: any(line[1:] == (name, step) for line in steps(alto)) or not status().live

    until(reached(NAMES[1], 3), told=status)
    store.stop(job.id)
    until(lambda: not status().live, told=status)
    stopped = status()
    assert stopped.state == "stopped" and stopped.resumable, stopped
    assert stopped.steps == 4 * STEPS and STEPS + 3 <= stopped.step < 2 * STEPS and stopped.extra["cell"] == NAMES[1]
    assert grid.cost(alto, sweep).n_left == 3

    assert store.resume(job.id).id == job.id
    until(reached(NAMES[2], 3), told=status)
    at_work = {pid for pid, _, _ in steps(alto)} - {steps(alto)[0][0]}
    assert len(at_work) == 1, "the job that went on is one process"
    os.kill(at_work.pop(), signal.SIGKILL)
    until(lambda: not status().live, told=status)
    killed = status()
    assert killed.resumable and killed.extra["cell"] == NAMES[2], killed
    saved = grid.steps_done(alto, sweep.cells()[2])
    assert saved in (2, 4)
    before = steps(alto)
    page = open_page(monkeypatch, alto.root, "experiments")
    page.button_group(key="view").set_value("parameters").run()
    clean(page)
    assert page.button(key="sweep.resume")

    store.resume(job.id)
    until(lambda: not status().live, told=status)
    done = status()
    assert done.state == "done" and done.step == done.steps == 4 * STEPS, (done, done.log_tail)
    assert done.result["skipped"] == NAMES[:2] and done.result["trained"] == NAMES[2:] and not done.result["failed"]

    trained = [line[1:] for line in steps(alto)]
    for name in (NAMES[0], NAMES[1], NAMES[3]):
        assert [step for cell, step in trained if cell == name] == list(range(1, STEPS + 1)), name
    last = [line[1:] for line in steps(alto)[len(before) :]]
    assert last[: STEPS - saved] == [(NAMES[2], step) for step in range(saved + 1, STEPS + 1)]
    assert sorted(path.name for path in alto.audio.glob("*_checkpoints")) == [f"{name}_checkpoints" for name in NAMES]
    for cell in results.cells(alto, "alto"):
        assert checkpoints.published(cell.run.path)[-1].step == STEPS and list(cell.run.steps) == [*range(1, STEPS + 1)]
