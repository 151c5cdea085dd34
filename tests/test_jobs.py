"""What a job's files mean, its log, its lock, its queue's folder, and the orders that a store gives."""

import io
import json
import math
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsing import cli
from ddsing.errors import DiskFull, JobError
from ddsing.jobs import log, queue, status
from ddsing.jobs.context import JobContext
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.launcher import LocalLauncher, environment
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace, restore

ROOT = Path(__file__).resolve().parent.parent


class NoLauncher:
    """Starts nothing; counts."""

    def __init__(self):
        self.started = []

    def start(self, folder):
        self.started.append(folder)


@pytest.fixture(autouse=True)
def locks(tmp_path, monkeypatch):
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    return tmp_path / "locks"


@pytest.fixture
def store(tmp_path):
    """A store whose jobs never start by themselves."""
    (tmp_path / "w").mkdir()
    return JobStore(Workspace(tmp_path / "w"), launcher=NoLauncher())


def submit(store, key="train:Aria", **options):
    options = {"title": "Train Aria", "options": {"voice": "Aria"}, "needs_bytes": 0} | options
    return store.submit("train", key=key, **options)


def folder(store, job):
    return JobFolder(store.workspace.jobs / job.id)


def write(store, job, **record):
    folder(store, job).write_record((folder(store, job).record() or {}) | record)


@pytest.mark.parametrize(
    ("written", "locked", "stop", "age_s", "state"),
    [
        ("starting", False, False, 0, "starting"),
        ("starting", False, False, 29, "starting"),
        ("starting", False, False, 31, "lost"),
        ("starting", False, False, -60, "lost"),  # the clock was set back: nobody knows when it was ordered
        ("starting", False, True, 1, "stopping"),
        ("starting", False, True, 31, "stopped"),
        ("starting", True, False, 99, "starting"),
        ("waiting", True, False, 99, "waiting"),
        ("waiting", True, True, 99, "stopping"),
        ("waiting", False, False, 1, "lost"),
        ("running", True, False, 99, "running"),
        ("running", True, True, 99, "stopping"),
        ("running", False, False, 1, "lost"),
        ("running", False, True, 1, "lost"),
        *((ended, locked, stop, 99, ended) for ended in sorted(status.ENDED) for locked in (0, 1) for stop in (0, 1)),
        ("nonsense", True, False, 99, "starting"),
        ("nonsense", False, False, 1, "lost"),
    ],
)
def test_the_state_follows_from_the_record_the_lock_and_the_stop_file(written, locked, stop, age_s, state):
    record = {"state": written, "ordered": 1000.0}
    assert status.classify(record, locked=bool(locked), stop_requested=bool(stop), now_s=1000.0 + age_s) == state
    assert (state in status.LIVE) != (state in status.ENDED)


def test_without_a_record_a_held_lock_is_a_job_that_starts_and_a_free_one_a_lost_job():
    assert status.classify(None, locked=True, stop_requested=False, now_s=0.0) == "starting"
    assert status.classify(None, locked=False, stop_requested=False, now_s=0.0) == "lost"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "state", "ordered", "stage", "step", "steps", "loss", "steps_per_s", "eta_s", "fraction", "message", "extra",
    "started", "ended", "ahead", "pid", "stage_began", "reported",
)  # fmt: skip


@given(
    record=st.none() | st.dictionaries(st.sampled_from(FIELDS), json_values | st.sampled_from(sorted(status.STATES))),
    locked=st.booleans(),
    spec=st.none() | st.dictionaries(st.sampled_from(["kind", "title", "options", "device", "key"]), json_values),
)
def test_whatever_the_files_hold_is_a_status_that_json_can_hold(record, locked, spec):
    class Damaged:
        id, log, stop = "a", Path("/nonexistent/log"), Path("/nonexistent/stop")

        def look(self):
            return record, locked

        def spec(self):
            return spec

        def heartbeat_age_s(self):
            return 1.0

        def result(self):
            return None

    found = status.read(Damaged(), whole=True)
    assert found.state in status.STATES and found.live != (found.state in status.ENDED)
    assert all(isinstance(text, str) for text in (found.title, found.message, found.stage, *found.ahead))
    numbers = [found.loss, found.steps_per_s, found.eta_s, found.fraction, found.created, found.started, found.ended]
    assert all(number is None or math.isfinite(number) for number in numbers)
    assert found.fraction is None or 0.0 <= found.fraction <= 1.0
    json.dumps(cli.plain(found), allow_nan=False)


def test_time_left_and_fraction_follow_from_what_was_reported():
    steps = {"step": 250, "steps": 1000, "steps_per_s": 2.5}
    assert status.eta_s(steps) == 300.0 and status.fraction(steps) == 0.25
    assert status.eta_s(steps | {"eta_s": 7.0}) == 7.0
    assert status.eta_s(steps | {"steps_per_s": 0.0}) is None
    stage = {"fraction": 0.25, "stage_began": 100.0, "reported": 110.0}
    assert status.eta_s(stage) == 30.0 and status.fraction(stage) == 0.25
    assert status.eta_s(stage | {"fraction": 0.01}) is None
    assert status.eta_s({}) is None and status.fraction({}) is None


def test_damaged_files_are_a_job_that_can_only_be_deleted(store):
    job = submit(store)
    for name, content in (("status.json", b"\xff{"), ("spec.json", b"[" * 100_000)):
        (folder(store, job).path / name).write_bytes(content)
    found = store.status(job.id)
    assert (found.state, found.title, found.message) == ("failed", job.id, status.UNREADABLE)
    with pytest.raises(JobError, match="can't be read"):
        store.resume(job.id)
    store.delete(job.id)
    assert store.list() == []


def test_a_lock_tells_who_lives_however_many_ask_at_once(store):
    place = folder(store, submit(store))
    assert not place.is_locked()
    answers = []

    def ask():
        for _ in range(25):
            answers.append(place.is_locked())

    def all_ask():
        answers.clear()
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return set(answers)

    assert all_ask() == {False}, "those who ask must not mistake one another for the job's process"
    taken = place.take()
    assert taken is not None and place.take() is None
    assert all_ask() == {True}
    taken.release()
    assert all_ask() == {False}


def test_a_process_that_comes_up_between_two_looks_is_not_lost(store, monkeypatch):
    place, answers = folder(store, submit(store)), [False, True]

    def is_locked(self):
        place.write_record({"state": "running", "ordered": 1.0, "pid": 1})
        return answers.pop(0)

    monkeypatch.setattr(JobFolder, "is_locked", is_locked)
    assert place.state() == "running" and answers == []


def test_a_context_writes_what_is_reported_and_only_that(store):
    place = folder(store, submit(store))
    context = JobContext(place, place.record())
    with context.pulse():
        context.enter("running")
        context.report(stage="training", step=np.int64(7), loss=np.float32("nan"), extra={"a": np.arange(2)})
        with pytest.raises(TypeError, match="setp"):
            context.report(setp=1)
        time.sleep(0.6)
        found = place.record()
        assert (found["stage"], found["step"], found["loss"], found["extra"]) == ("training", 7, None, {"a": [0, 1]})
        assert not context.should_stop()
        place.stop.touch()
        time.sleep(0.6)
        assert context.should_stop()
    context.leave("stopped", "As asked.")
    assert place.record()["state"] == "stopped" and not (place.path / "reserve").exists()


def test_orders_with_the_same_key_are_one_job_while_it_lives(store):
    job = submit(store)
    assert job.state == "starting" and job.voice == "Aria" and job.live and not job.alive
    assert submit(store).id == job.id
    assert submit(store, options={"voice": "Aria", "steps": 9}).id == job.id, "the same key, though asked otherwise"
    assert submit(store, key="train:Bea").id != job.id
    write(store, job, state="stopped")
    assert submit(store).id == job.id, "a click that arrived twice, moments later"
    assert submit(store, options={"voice": "Aria", "steps": 9}).id != job.id, "a new order"
    assert len(store.launcher.started) == 3 and len(store.list()) == 3 and len(store.live()) == 2


def test_some_seconds_later_the_same_order_is_a_new_job(store, monkeypatch):
    job = submit(store)
    write(store, job, state="stopped")
    monkeypatch.setattr("ddsing.jobs.store.SAME_CLICK_S", 0.0)
    assert submit(store).id != job.id


def test_a_job_that_never_starts_is_lost_and_can_be_resumed(store):
    job = submit(store)
    write(store, job, ordered=time.time() - status.START_TIMEOUT_S - 1.0, step=250, loss=6.5)
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
    for state in sorted(status.RESUMABLE):
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
        with pytest.raises(JobError, match="There is no job"):
            store.status(id)
    with pytest.raises(JobError, match="prepare, .*train"):
        store.submit("sing", title="Sing", options={}, key="sing")


def test_a_live_job_is_not_deleted_and_an_ended_one_comes_back_from_the_trash(store):
    job = submit(store, device="cpu")
    with pytest.raises(JobError, match="stop it first"):
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
    with pytest.raises(Exception, match="Stopped while it waited"), \
         queue.turn("gpu:1", on_wait=told.append, should_stop=lambda: bool(told)):  # fmt: skip
        pass
    assert told == [("Here", "There")]


def test_a_turn_without_a_job_has_the_device_alone(locks):
    with queue.turn("cpu"):
        told = []
        with pytest.raises(Exception, match="Stopped"), \
             queue.turn("cpu", on_wait=told.append, should_stop=lambda: bool(told)):  # fmt: skip
            pass
        assert told == [(queue.SOMEONE,)]
        with queue.turn("gpu:0"):
            pass
    with queue.turn("cpu"):
        pass
    assert stat.S_IMODE(locks.stat().st_mode) == 0o700


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
    with pytest.raises(JobError, match="someone else's"):
        queue.locks_folder()


def test_what_is_no_device_is_said(store):
    with pytest.raises(JobError, match="no device '../gpu'"):
        submit(store, device="../gpu")
    assert store.list() == [] and store.launcher.started == []


def test_a_log_is_cut_to_its_end_while_it_is_written_to(tmp_path):
    path = tmp_path / "log.txt"
    with open(path, "ab", buffering=0) as writer:
        for number in range(30_000):
            writer.write(f"line {number} {'x' * 90}\n".encode())
        assert path.stat().st_size > log.MAX_BYTES and log.bound(path) and not log.bound(path)
        writer.write(b"the last\n")
    content = path.read_text()
    assert log.KEPT_BYTES * 0.99 < len(content) < log.MAX_BYTES
    assert content.startswith("(the beginning was cut off)\nline ") and "\0" not in content
    assert content.endswith(f"line 29999 {'x' * 90}\nthe last\n")


def test_what_a_process_prints_in_the_middle_of_a_cut_is_not_lost(tmp_path, monkeypatch):
    path = tmp_path / "log.txt"
    path.write_bytes(b"a line\n" * (log.MAX_BYTES // 7 + 1))
    with open(path, "ab") as file:
        printer = log._Unfailing(file.fileno(), "w", closefd=False)
        printing = threading.Thread(target=printer.write, args=(b"said meanwhile\n",))

        class Slow(io.FileIO):
            def truncate(self, size):
                printing.start()
                printing.join(0.3)
                return super().truncate(size)

        monkeypatch.setattr(log, "open", lambda path, mode, **_: Slow(path, mode.replace("b", "")), raising=False)
        assert log.bound(path)
        printing.join()
    assert path.read_bytes().endswith(b"a line\nsaid meanwhile\n")


def test_the_tail_of_a_log_is_plain_text(tmp_path):
    path = tmp_path / "log.txt"
    assert log.tail(path) == ""
    path.write_bytes(b"a\nb\n\x1b[1;31mred\x1b[0m \xff\x07\r\n 10 %\r 20 %\n\n")
    assert log.tail(path) == "a\nb\nred \ufffd\n 20 %"
    assert log.tail(path, 2) == "red \ufffd\n 20 %"
    path.write_bytes(b"x" * 10**6)
    assert len(log.tail(path)) <= 16_000


def test_what_a_job_inherits(monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_PORT", "1")
    monkeypatch.setenv("PYTHONSTARTUP", "x.py")
    monkeypatch.setenv("HOME", "/somewhere")
    monkeypatch.setattr("ddsing.jobs.launcher.n_cores", lambda: 8)
    found = environment()
    assert not {"STREAMLIT_SERVER_PORT", "PYTHONSTARTUP"} & found.keys()
    assert found["HOME"] == "/somewhere" and found["TF_USE_LEGACY_KERAS"] == "1"
    assert found["OMP_NUM_THREADS"] == found["DDSING_CORES"] == "7"
    monkeypatch.setattr("ddsing.jobs.launcher.n_cores", lambda: 2)
    assert environment()["DDSING_CORES"] == "2"


def test_background_work_uses_the_cores_that_it_was_given(monkeypatch):
    from ddsing.engine import runtime

    monkeypatch.delenv("DDSING_CORES", raising=False)
    cores = runtime.n_cores()
    for given_cores, expected in (("1", 1), ("0", 1), ("9999", cores), ("", cores), ("many", cores)):
        monkeypatch.setenv("DDSING_CORES", given_cores)
        assert runtime.n_cores() == expected


def test_a_jobs_process_imports_little_before_its_turn():
    program = "import sys, ddsing.jobs.run; print([name for name in ('numpy', 'tensorflow') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


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
    assert (code, out) == (2, "") and err == "'Train Aria' is stopping; stop it first.\n"
    write(store, job, state="stopped")
    assert "jobs/.trash/" in command(capsys, "delete", job.id)[1]
    code, _, err = command(capsys, "show", job.id)
    assert code == 2 and err.startswith("There is no job") and err.count("\n") == 1
