"""What a job's files mean, its lock, its log, and what it reports; no process is started."""

import io
import json
import math
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
from ddsing.errors import JobError
from ddsing.jobs import log, states, status, tending
from ddsing.jobs.context import JobContext
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.tending import Due
from ddsing.jobs.word import Word
from ddsing.process import environment
from tests.support import idle_jobs
from tests.support.idle_jobs import folder, submit
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S


@pytest.fixture
def store(tmp_path, own_locks):
    """A store whose jobs never start by themselves."""
    return idle_jobs.idle_store(tmp_path / "w")


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
        *((ended, locked, stop, 99, ended) for ended in sorted(states.ENDED) for locked in (0, 1) for stop in (0, 1)),
        ("nonsense", True, False, 99, "starting"),
        ("nonsense", False, False, 1, "lost"),
    ],
)
def test_the_state_follows_from_the_record_the_lock_and_the_stop_file(written, locked, stop, age_s, state):
    record = {"state": written, "ordered": 1000.0}
    assert states.classify(record, locked=bool(locked), stop_requested=bool(stop), now_s=1000.0 + age_s) == state


@pytest.mark.parametrize(
    ("written", "word", "stop", "state"),
    [
        ("starting", Word("queued", "Slurm"), False, "waiting"),
        ("starting", Word("queued", "Slurm"), True, "stopping"),
        ("starting", Word("running", "Slurm"), False, "starting"),
        ("running", Word("running", "Slurm"), False, "running"),
        ("running", Word("running", "Slurm"), True, "stopping"),
        ("running", Word("queued", "Slurm"), False, "waiting"),  # its node was lost
        ("running", Word("leaving", "Slurm"), False, "running"),  # its end may not be seen here yet
        ("running", Word("over", "Slurm", said="TIMEOUT"), False, "waiting"),  # for its next attempt
        ("running", Word("over", "Slurm"), True, "stopped"),
        ("running", Word("over", "Slurm", why="cancelled"), False, "stopped"),
        ("running", Word("over", "Slurm", why="memory"), False, "failed"),
        ("running", Word("silent", "Slurm"), False, "unknown"),
        ("starting", Word("silent", "Slurm"), True, "unknown"),
        *(
            (ended, Word(said, "Slurm"), False, ended)
            for ended in sorted(states.ENDED)
            for said in ("running", "silent")
        ),
    ],
)
def test_on_a_cluster_the_engines_word_takes_the_place_of_the_lock(written, word, stop, state):
    for locked in (False, True):
        found = states.classify({"state": written}, locked=locked, stop_requested=stop, now_s=0.0, word=word)
        assert found == state


def test_what_is_due_once_an_engine_has_a_job_no_longer():
    over = Word("over", "Slurm", said="NODE_FAIL")
    running = {"state": "running"}

    def due(record, word=over, *, stop=False, sent=True):
        return tending.due(record, word, stop_requested=stop, sent=sent)

    assert due(running | {"stepped": True, "fruitless": 2}) == Due("starting")
    assert due(running | {"fruitless": 1}) == Due("starting", fruitless=2)
    given_up = due(running | {"fruitless": 2})
    assert given_up.state == "failed" and "3 times before its first step (last seen: NODE_FAIL)" in given_up.message
    assert due(running | {"fruitless": 2}, sent=False) == Due("starting", fruitless=2), "no attempt was made"
    assert due(running, stop=True) == Due("stopped")
    assert due(running, Word("over", "Slurm", why="cancelled")).state == "stopped"
    assert "memory_gb" in due(running, Word("over", "Slurm", why="memory")).message
    for said in ("queued", "running", "leaving", "silent"):
        assert due(running, Word(said, "Slurm")) is None
    for ended in states.ENDED:
        assert due({"state": ended}) is None


def test_without_a_record_a_held_lock_is_a_job_that_starts_and_a_free_one_a_lost_job():
    assert states.classify(None, locked=True, stop_requested=False, now_s=0.0) == "starting"
    assert states.classify(None, locked=False, stop_requested=False, now_s=0.0) == "lost"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
words = st.builds(
    Word,
    st.sampled_from(["queued", "running", "leaving", "over", "silent"]),
    st.just("Slurm"),
    why=st.sampled_from(["", "cancelled", "memory"]),
    said=st.sampled_from(["", "Resources", "TIMEOUT"]),
    starts=st.none() | st.just(1.8e9),
)
FIELDS = (
    "state",
    "ordered",
    "stage",
    "step",
    "steps",
    "loss",
    "steps_per_s",
    "eta_s",
    "fraction",
    "message",
    "extra",
    "started",
    "ended",
    "ahead",
    "pid",
    "stage_began",
    "reported",
)


@given(
    record=st.none() | st.dictionaries(st.sampled_from(FIELDS), json_values | st.sampled_from(sorted(states.STATES))),
    locked=st.booleans(),
    spec=st.none() | st.dictionaries(st.sampled_from(["kind", "title", "options", "device", "key"]), json_values),
    handle=st.none() | st.just({"engine": "slurm"}),
    said=words,
    task=st.none() | words,
)
def test_whatever_the_files_hold_is_a_status_that_json_can_hold(record, locked, spec, handle, said, task):
    class Damaged:
        id, log, stop = "a", Path("/nonexistent/log"), Path("/nonexistent/stop")

        def handle(self):
            return handle

        def tasks(self):
            return [] if task is None else [Task()]

        def stop_requested(self):
            return locked

        def look(self):
            return record, locked

        def spec(self):
            return spec

        def heartbeat_age_s(self):
            return 1.0

        def result(self):
            return None

    class Task(Damaged):
        def tasks(self):
            return []

        def record(self):
            return record

    found = status.read(Damaged(), whole=True, ask=lambda folder: task if isinstance(folder, Task) else said)
    assert found.state in states.STATES and found.live != (found.state in states.ENDED)
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
    with pytest.raises(JobError, match="unreadable"):
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


def test_a_context_writes_what_is_reported_and_only_that(store, capsys):
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
    assert "stopped. As asked." in capsys.readouterr().out
    assert place.record()["state"] == "stopped" and not (place.path / "reserve").exists()


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
    monkeypatch.setattr("ddsing.process.n_cores", lambda: 8)
    found = environment()
    assert not {"STREAMLIT_SERVER_PORT", "PYTHONSTARTUP"} & found.keys()
    assert found["HOME"] == "/somewhere" and found["TF_USE_LEGACY_KERAS"] == "1"
    assert found["OMP_NUM_THREADS"] == found["DDSING_CORES"] == "7"
    monkeypatch.setattr("ddsing.process.n_cores", lambda: 2)
    assert environment()["DDSING_CORES"] == "2"


def test_background_work_uses_the_cores_that_it_was_given(monkeypatch):
    from ddsing import hardware

    monkeypatch.delenv("DDSING_CORES", raising=False)
    cores = hardware.n_cores()
    for given_cores, expected in (("1", 1), ("0", 1), ("9999", cores), ("", cores), ("many", cores)):
        monkeypatch.setenv("DDSING_CORES", given_cores)
        assert hardware.n_cores() == expected


def test_a_jobs_process_imports_little_before_its_turn():
    program = "import sys, ddsing.jobs.run; print([name for name in ('numpy', 'tensorflow') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stdout.strip() == "[]", done.stderr
