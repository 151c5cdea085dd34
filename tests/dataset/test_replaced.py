"""A dataset of 2021 in whose place another is made: where it is now is said at the end, whatever happens in between."""

import os
import signal
import subprocess
import sys

import pytest

from ddsing.cli import main
from ddsing.dataset import job, prepare, replaced
from ddsing.errors import Cancelled
from ddsing.jobs import states
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S, until
from tests.support.prepared_voices import write_2021
from tests.support.running_jobs import closed_at_the_end, pid

pytestmark = pytest.mark.slow
WHERE = "The old dataset is kept as the dataset of the voice 'alto 2021'."


@pytest.fixture
def of_2021(voice):
    write_2021(voice.dataset_folder)
    return voice


def workspace_of(voice):
    return Workspace(voice.folder.parent.parent)


def stopped(*_):
    raise Cancelled


@pytest.mark.parametrize("stage", [prepare.PITCH, prepare.WRITING])
def test_stopped_and_begun_again_it_still_says_where_the_old_dataset_is(of_2021, stage):
    told = []
    for _ in range(2):
        with pytest.raises(Cancelled):
            prepare.prepare(
                of_2021,
                tracker="tiny",
                replace=True,
                progress=lambda now, _: now == stage and stopped(),
                moved=told.append,
            )
    assert told == ["alto 2021"] * 2
    assert prepare.prepare(of_2021, tracker="tiny", last=False).kept_as == "alto 2021"  # a training prepared it
    assert prepare.prepare(of_2021, tracker="tiny").kept_as == "alto 2021"
    assert prepare.prepare(of_2021, tracker="tiny", replace=True).kept_as == ""


@pytest.mark.parametrize("before", [True, False])
def test_so_it_does_where_it_was_killed_beside_the_move(of_2021, monkeypatch, before):
    move = prepare.move_exclusively

    def killed(source, target):
        if not before:
            move(source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare, "move_exclusively", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(of_2021, tracker="tiny", replace=True)
    monkeypatch.setattr(prepare, "move_exclusively", move)
    assert replaced.kept_as(of_2021) == ("" if before else "alto 2021")
    assert prepare.prepare(of_2021, tracker="tiny", replace=True).kept_as == "alto 2021"


def test_the_command_that_follows_a_killed_one_says_it(of_2021, capsys):
    command = ["--workspace", str(workspace_of(of_2021).root), "dataset", "prepare", "alto", "--tracker", "fast"]
    with subprocess.Popen([sys.executable, "-m", "ddsing", *command, "--replace"], cwd=ROOT) as process:
        until(lambda: replaced.kept_as(of_2021) or process.poll() is not None)
        process.kill()
        process.wait(PATIENCE_S)
    assert process.returncode == -signal.SIGKILL and not of_2021.prepared
    assert main(command) == 0 and WHERE in capsys.readouterr().out
    assert main(command) == 0 and WHERE not in capsys.readouterr().out


@pytest.mark.parametrize("end", ["stopped", "lost"])
def test_a_job_that_is_resumed_says_it_before_and_after(of_2021, own_locks, end):
    with closed_at_the_end(JobStore(workspace_of(of_2021))) as store:
        begun = store.submit(job.order(store.workspace, "alto", tracker="fast", replace=True))
        until(lambda: store.status(begun.id).extra, told=lambda: store.status(begun.id))
        if end == "stopped":
            store.stop(begun.id)
        else:
            os.kill(pid(store, begun), signal.SIGKILL)
        first = until(lambda: (found := store.status(begun.id)).state in states.ENDED and found)
        assert first.state == end and first.extra == {"kept_as": "alto 2021"} and WHERE in first.log_tail
        store.resume(begun.id)
        done = until(lambda: (found := store.status(begun.id)).state in states.ENDED and found)
        assert done.state == "done" and done.result["kept_as"] == done.extra["kept_as"] == "alto 2021"


def test_a_job_that_was_killed_after_its_last_step_says_it(of_2021, own_locks, tmp_path):
    """The dataset is done and nothing is left to say where the old one is but what the job has reported."""
    from ddsing.jobs.context import JobContext
    from ddsing.jobs.folder import JobFolder

    options = {"voice": "alto", "tracker": "tiny", "replace": True}
    context = JobContext(JobFolder(tmp_path), {})
    assert job.run(workspace_of(of_2021), options, context)["kept_as"] == "alto 2021"
    again = job.run(workspace_of(of_2021), options, JobContext(JobFolder(tmp_path), {"extra": context.extra}))
    assert again["reused"] and again["kept_as"] == "alto 2021"
