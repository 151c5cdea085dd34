"""How jobs end, as processes: by an error, by force, on a full disk; and what their logs hold then."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from ddsing.errors import DiskFull
from ddsing.jobs import log, run, states, status
from ddsing.jobs.order import Order
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S, until
from tests.support.running_jobs import (
    ENDLESS,
    closed_at_the_end,
    folder,
    open_store,
    pid,
    submit,
    wait_for,
    wait_for_step,
)

pytestmark = pytest.mark.slow

ENDINGS = {  # state, message, and the class of the error where it is one for the user
    "sentence": ("failed", r"The voice 'Aria' has no recordings; add some\.", "DdsingError"),
    "disk": ("paused", r"No room for a checkpoint of 20 MB\.", "DiskFull"),
    "enospc": ("paused", re.escape(run.FULL), ""),
    "cancelled": ("stopped", "", ""),
    "memory": ("failed", re.escape(run.NO_MEMORY), ""),
    "bug": ("failed", re.escape(run.UNEXPECTED), ""),
    "exit": ("failed", re.escape(run.UNEXPECTED), ""),
    "abort": ("lost", re.escape(status.LOST), ""),
}


def test_how_a_job_ends_is_told_in_a_sentence_and_it_can_be_taken_up_again(store):
    jobs = {how: submit(store, "end", how=how) for how in ENDINGS}
    for how, (state, sentence, error) in ENDINGS.items():
        ended = wait_for(store, jobs[how], *states.ENDED)
        assert (ended.state, ended.error) == (state, error) and re.fullmatch(sentence, ended.message), how
        assert ended.result is None and ended.resumable
        assert state == "lost" or f"{state}. {ended.message}".strip() in ended.log_tail, "the log has it already"
    told = store.status(jobs["bug"].id)
    assert "ZeroDivisionError: secret detail" in told.log_tail and "Traceback" in told.log_tail
    assert "Traceback" not in store.status(jobs["sentence"].id).log_tail
    assert "Fatal Python error: Aborted" in store.status(jobs["abort"].id).log_tail
    (store.workspace.root / "repaired").touch()
    for job in jobs.values():
        store.resume(job.id)
    for job in jobs.values():
        done = wait_for(store, job, *states.ENDED)
        assert (done.state, done.message) == ("done", "All is well.") and done.result["step"] == 1


def test_a_kind_that_is_not_known_any_more_is_said(store):
    store.kinds = {"old": "nowhere:nothing"}
    assert "no jobs of the kind 'old'" in wait_for(store, submit(store, "old"), "failed").message


def test_where_no_stop_file_can_be_made_a_signal_stops_the_job(store):
    job = submit(store, steps=ENDLESS)
    wait_for_step(store, job)
    folder(store, job).stop.symlink_to("/nonexistent/stop")
    store.stop(job.id)
    assert wait_for(store, job, *states.ENDED).state == "stopped"


def test_force_ends_the_process_and_all_it_has_started(store):
    job = submit(store, "parent")
    children = folder(store, job).path / "children"
    until(children.exists)
    family = [psutil.Process(int(child)) for child in children.read_text().split()]
    ended = store.stop(job.id, force=True)
    assert ended.state == "stopped" and "by force" in ended.message
    gone, left = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert len(gone) == 2 and left == []


def test_children_that_outlive_a_killed_job_do_not_make_it_look_alive(store):
    job = submit(store, "parent")
    children = folder(store, job).path / "children"
    until(children.exists)
    family = [psutil.Process(int(child)) for child in children.read_text().split()]
    os.kill(pid(store, job), signal.SIGKILL)
    assert wait_for(store, job, *states.ENDED).state == "lost"
    assert all(child.is_running() for child in family)
    for child in family:
        child.kill()


def test_a_job_is_modest_and_stands_alone(store, monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_PORT", "8501")
    job = submit(store, steps=ENDLESS)
    wait_for_step(store, job)
    process = psutil.Process(pid(store, job))
    assert process.nice() >= run.NICENESS and os.getsid(process.pid) == process.pid
    group = Path(f"/proc/{process.pid}/autogroup")
    if group.exists():  # where Linux shares out time by session first, niceness within one is worth nothing
        assert group.read_text().endswith(f" nice {run.NICENESS}\n")
    assert "STREAMLIT_SERVER_PORT" not in process.environ() and process.environ()["TF_USE_LEGACY_KERAS"] == "1"
    assert process.cwd() == str(ROOT)
    assert store.status(job.id).heartbeat_age_s < 30.0


def test_a_job_whose_folder_is_taken_away_ends(store):
    job = submit(store, steps=ENDLESS)
    wait_for_step(store, job)
    process = psutil.Process(pid(store, job))
    shutil.rmtree(folder(store, job).path, ignore_errors=True)
    process.wait(PATIENCE_S)


def test_whoever_looks_never_sees_a_living_job_as_lost(store):
    jobs, seen, over = [submit(store, steps=20) for _ in range(6)], set(), threading.Event()

    def look():
        while not over.is_set():
            seen.update(open_store(store.workspace.root).status(job.id).state for job in jobs)

    watchers = [threading.Thread(target=look) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    for job in jobs:
        wait_for(store, job, *states.ENDED)
    over.set()
    for watcher in watchers:
        watcher.join()
    assert seen <= {"starting", "running", "done"} and "done" in seen


def test_the_log_is_bounded_and_holds_what_children_and_libraries_write(store):
    lines = 60_000
    job = submit(store, "talk", lines=lines)
    done = wait_for(store, job, *states.ENDED)
    assert done.state == "done"
    content = folder(store, job).log.read_bytes()
    assert len(content) < log.MAX_BYTES < lines * 80
    assert content.startswith(b"(the beginning was cut off)") and b"\0" not in content
    for said in ("the last line\n", "a child speaks\n", "past Python\n", "\x1b[31mred\x1b[0m \\udc80 10 %\r20 %\n"):
        assert said.encode() in content
    numbers = [int(number) for number in re.findall(rb"line (\d+) x", content)]
    assert numbers == list(range(numbers[0], lines)), "none is lost, none out of order"
    assert "\n20 %\n" in f"{done.log_tail}\n" and "\x1b" not in done.log_tail


def test_of_many_reports_few_are_written(store):
    job = submit(store, "report")
    written = set()
    while (found := store.status(job.id)).live:
        with contextlib.suppress(FileNotFoundError):
            written.add((folder(store, job).path / "status.json").stat().st_mtime_ns)
        time.sleep(0.002)
    assert found.state == "done" and found.loss is None
    assert found.step == found.result["n"] == found.extra["n"], "the last report is there, whatever was left out"
    assert 2 <= len(written) < found.step / 50, "a thread of its own writes, by its own measure"
    assert len(re.findall(r"^\d\d:\d\d:\d\d racing, step \d+$", found.log_tail, re.M)) == 1, "the stage, once"


@contextlib.contextmanager
def small_disk(path, size):
    """A file system of its own at `path`, of this size; raises CalledProcessError where one can't be mounted."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True, check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def mounts():
    """Whether this user may mount."""
    try:
        with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder) / "disk", "1m"):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def test_a_job_outlives_writes_that_are_refused_and_pauses_with_a_sentence(store):
    job = submit(store, "refuse")
    paused = wait_for(store, job, *states.ENDED)
    assert (paused.state, paused.message, paused.step) == ("paused", run.FULL, 7)
    assert "words while there is room" in paused.log_tail and "words that nobody takes" not in paused.log_tail


@pytest.mark.parametrize("size", ["2m"] if mounts() else [])
def test_on_a_full_disk_a_job_pauses_with_a_sentence_and_goes_on_when_there_is_room(tmp_path, size):
    with small_disk(tmp_path / "small", size) as root, closed_at_the_end(open_store(root)) as store:
        job = submit(store, "fill")
        paused = wait_for(store, job, *states.ENDED)
        assert (paused.state, paused.message) == ("paused", run.FULL)
        assert shutil.disk_usage(root).free < 100_000
        with pytest.raises(DiskFull, match="needs about 500.0 MB of disk, but only .* are free"):
            store.submit(Order("count", title="More", options={}, key="more", needs_bytes=500_000_000))
        with pytest.raises(DiskFull):
            for number in range(99):
                submit(store, key=str(number), steps=1)
        (root / "ballast").unlink()
        (root / "roomy").touch()
        store.resume(job.id)
        done = wait_for(store, job, *states.ENDED)
        assert done.state == "done" and done.result == {"step": 8}
