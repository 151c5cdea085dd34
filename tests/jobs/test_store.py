"""Orders that a store gives, the queue of a device, and the command line; no process is started."""

import json
import os
import stat
import time
from pathlib import Path

import pytest

from ddsing import cli
from ddsing.errors import DiskFull, JobError
from ddsing.files import restore
from ddsing.jobs import queue, states, status
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.order import Order
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace
from tests.support import idle_jobs
from tests.support.idle_jobs import NoLauncher, folder, submit, write


@pytest.fixture
def store(tmp_path, own_locks):
    """A store whose jobs never start by themselves."""
    return idle_jobs.idle_store(tmp_path / "w")


def test_orders_with_the_same_key_are_one_job_while_it_lives(store):
    job = submit(store)
    assert job.state == "starting" and job.voice == "Aria" and job.live and not job.alive
    assert submit(store).id == job.id
    assert submit(store, options={"voice": "Aria", "steps": 9}).id == job.id, "the same key, though asked otherwise"
    assert submit(store, key="train:Bea").id != job.id
    assert len(store.launcher.started) == 2 and len(store.list()) == 2


def test_a_list_looks_once_at_the_files_of_each_job_that_has_ended(store, monkeypatch):
    for number in range(12):
        JobFolder(store.workspace.jobs / f"20260101-000000-train-{number:06x}").create(
            {"kind": "train", "created": 1.0}
        )
    for path in store.workspace.jobs.iterdir():
        JobFolder(path).write_record({"state": "done"}, durable=False)
    before = store.list()
    looked, plain = [], JobFolder.stamps
    monkeypatch.setattr(JobFolder, "stamps", lambda self: looked.append(self.path.name) or plain(self))
    assert store.list() == before and len(before) == 12
    assert sorted(looked) == sorted(status.id for status in before)


@pytest.mark.parametrize("state", sorted(states.ENDED))
def test_an_order_moments_after_the_end_of_one_like_it_is_not_swallowed(store, state):
    job = submit(store)
    write(store, job, state=state)
    assert submit(store).id != job.id
    assert len(store.launcher.started) == 2 and len(store.live()) == 1


def test_what_has_ended_is_read_again_only_when_its_files_have_changed(store, monkeypatch):
    job, read = submit(store), []
    record = JobFolder.record
    monkeypatch.setattr(JobFolder, "record", lambda folder: read.append(folder.id) or record(folder))
    for changes in ({"state": "done"}, {"state": "failed", "message": "No."}, {"state": "failed", "message": "Oh."}):
        write(store, job, **changes)
        (first,) = store.list()
        assert (first.state, first.message) == (changes["state"], changes.get("message", ""))
        read.clear()
        assert store.list() == [first] and not read
    assert store.resume(job.id).state == "starting"
    assert [one.state for one in store.list()] == ["starting"] and read
    write(store, job, state="done")
    store.list()
    (folder(store, job).path / "spec.json").write_text("{")
    assert [one.message for one in store.list()] == [status.UNREADABLE]


def test_a_job_that_never_starts_is_lost_and_can_be_resumed(store):
    job = submit(store)
    write(store, job, ordered=time.time() - states.START_TIMEOUT_S - 1.0, step=250, loss=6.5)
    lost = store.status(job.id)
    assert lost.state == "lost" and lost.resumable and lost.message == status.LOST
    assert store.resume(job.id).state == "starting"
    assert len(store.launcher.started) == 2
    assert (store.status(job.id).step, store.status(job.id).loss) == (250, 6.5), "shown until there is news"


def test_only_what_has_ended_before_its_end_is_resumed(store):
    job = submit(store)
    for state in ("starting", "done"):
        write(store, job, state=state)
        assert store.resume(job.id).state == state
    assert len(store.launcher.started) == 1
    for state in sorted(states.RESUMABLE):
        write(store, job, state=state)
        folder(store, job).stop.touch()
        assert store.resume(job.id).state == "starting", "and the old order to stop is forgotten"


def test_resuming_beside_another_job_of_the_same_key_is_refused(store):
    first = submit(store)
    write(store, first, state="stopped")
    second = submit(store, options={"voice": "Aria", "steps": 9})
    with pytest.raises(JobError, match=second.id):
        store.resume(first.id)


def test_too_little_disk_is_refused_with_the_numbers(store):
    with pytest.raises(
        DiskFull, match=r"'Train Aria' needs about 1000000000\.0 GB of disk, but only \d+\.\d GB are free"
    ):
        submit(store, needs_bytes=10**18)
    assert store.list() == [] and store.launcher.started == []
    job = submit(store)
    write(store, job, state="paused")
    spec = folder(store, job).path / "spec.json"
    spec.write_text(json.dumps(json.loads(spec.read_text()) | {"needs_bytes": 10**18}))
    with pytest.raises(DiskFull, match="are free"):
        store.resume(job.id)


def test_a_process_that_cannot_be_started_is_said(store):
    store.launcher = LocalLauncher(("/nonexistent/python",))
    job = submit(store)
    assert job.state == "failed" and "could not be started: No such file" in job.message


def test_what_is_no_job_or_no_kind_is_said(store):
    for id in ("nothing", "../w", "", ".trash"):
        with pytest.raises(JobError, match="No job"):
            store.status(id)
    with pytest.raises(JobError, match="prepare, .*train"):
        store.submit(Order("sing", title="Sing", options={}, key="sing", needs_bytes=0))


def test_a_live_job_is_not_deleted_and_an_ended_one_comes_back_from_the_trash(store):
    job = submit(store, device="cpu")
    with pytest.raises(JobError, match="Stop it first"):
        store.delete(job.id)
    assert store.stop(job.id).state == "stopping"
    write(store, job, state="stopped")
    token = store.delete(job.id)
    assert store.list() == [] and queue.tickets("cpu") == ()
    restore(Path(token))
    assert [found.id for found in store.list()] == [job.id]


def test_the_queue_is_in_the_order_of_the_orders_and_forgets_the_dead(store):
    jobs = [submit(store, key=str(n), title=f"Job {n}", device="cpu") for n in range(4)]
    assert [ticket.title for ticket in queue.tickets("cpu")] == ["Job 0", "Job 1", "Job 2", "Job 3"]
    assert queue.tickets("gpu:0") == ()
    write(store, jobs[1], state="stopped")
    write(store, jobs[2], state="running")  # but its lock is free: it is lost
    assert [ticket.title for ticket in queue.tickets("cpu")] == ["Job 0", "Job 3"]
    write(store, jobs[0], state="failed")
    store.resume(jobs[0].id)
    assert [ticket.title for ticket in queue.tickets("cpu")] == ["Job 3", "Job 0"], "resumed, it queues again"


def test_two_workspaces_share_the_queue_of_a_device(store, tmp_path):
    (tmp_path / "v").mkdir()
    other = JobStore(Workspace(tmp_path / "v"), launcher=NoLauncher())
    submit(store, title="Here", device="gpu:1")
    submit(other, title="There", device="gpu:1")
    assert [ticket.title for ticket in queue.tickets("gpu:1")] == ["Here", "There"]
    told = []
    with (
        pytest.raises(Exception, match="Stopped while waiting"),
        queue.turn("gpu:1", on_wait=told.append, should_stop=lambda: bool(told)),
    ):
        pass
    assert told == [("Here", "There")]


def test_a_turn_without_a_job_has_the_device_alone(tmp_path):
    with queue.turn("cpu"):
        told = []
        with (
            pytest.raises(Exception, match="Stopped"),
            queue.turn("cpu", on_wait=told.append, should_stop=lambda: bool(told)),
        ):
            pass
        assert told == [(queue.SOMEONE,)]
        with queue.turn("gpu:0"):
            pass
    with queue.turn("cpu"):
        pass
    assert stat.S_IMODE((tmp_path / "locks").stat().st_mode) == 0o700


def test_the_folder_of_locks_must_be_the_users_alone(tmp_path, monkeypatch):
    loose = tmp_path / "loose"
    loose.mkdir(mode=0o777)
    loose.chmod(0o777)
    monkeypatch.setenv("DDSING_LOCKS", str(loose))
    assert queue.locks_folder() == loose and stat.S_IMODE(loose.stat().st_mode) == 0o700
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to(loose)
    file.touch()
    for path in (link, file):
        monkeypatch.setenv("DDSING_LOCKS", str(path))
        with pytest.raises(JobError, match="DDSING_LOCKS"):
            queue.locks_folder()
    monkeypatch.delenv("DDSING_LOCKS")
    monkeypatch.setattr(queue.tempfile, "gettempdir", lambda: str(tmp_path))
    assert queue.locks_folder() == tmp_path / f"ddsing-{os.getuid()}"
    monkeypatch.setattr(queue.os, "getuid", lambda: 4711)
    (tmp_path / "ddsing-4711").mkdir()
    with pytest.raises(JobError, match="someone else"):
        queue.locks_folder()


def test_what_is_no_device_is_said(store):
    with pytest.raises(JobError, match="Unknown device '../gpu'"):
        submit(store, device="../gpu")
    assert store.list() == [] and store.launcher.started == []


def command(capsys, *arguments):
    code = cli.main(["jobs", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_the_command_line(store, capsys, monkeypatch):
    monkeypatch.setattr("ddsing.cli.jobs._store", lambda args: store)
    assert command(capsys, "list") == (0, "No jobs yet.\n", "")
    job = submit(store)
    write(store, job, state="done", step=1200, steps=40_000, loss=6.123, message="Made Aria.")
    folder(store, job).log.write_text("one\ntwo\n")
    folder(store, job).write_result({"instrument": "Aria"})
    code, out, _ = command(capsys, "list", "--json")
    (listed,) = json.loads(out)["jobs"]
    assert code == 0 and (listed["id"], listed["state"]) == (job.id, "done") and "log_tail" not in listed
    shown = json.loads(command(capsys, "show", job.id, "--json")[1])
    expected = {"state": "done", "step": 1200, "steps": 40_000, "loss": 6.123, "steps_per_s": None, "eta_s": None}
    assert expected.items() <= shown.items()
    assert (shown["log_tail"], shown["result"]) == ("one\ntwo", {"instrument": "Aria"})
    out = command(capsys, "show", job.id)[1]
    assert "done" in out and "Train Aria: step 1,200 of 40,000, loss 6.12\nMade Aria.\none\ntwo\n" in out
    write(store, job, state="paused")
    assert "starting" in command(capsys, "resume", job.id)[1]
    assert "stopping" in command(capsys, "stop", job.id)[1]
    code, out, err = command(capsys, "delete", job.id)
    assert (code, out) == (2, "") and err == "'Train Aria' is stopping. Stop it first.\n"
    write(store, job, state="stopped")
    assert "to the trash" in command(capsys, "delete", job.id)[1]
    code, _, err = command(capsys, "show", job.id)
    assert code == 2 and err.startswith("No job") and err.count("\n") == 1
