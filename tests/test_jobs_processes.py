"""Jobs as processes: started at once, killed, stopped, queued, orphaned, on a full disk.

The kinds of work are those of ``jobs_process.py``; the processes, locks and signals are real.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from ddsing.errors import DiskFull
from ddsing.jobs import log, run, status
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace
from tests import jobs_process

PROGRAM = (sys.executable, str(Path(jobs_process.__file__)))
PATIENCE_S = 90.0  # for a machine that is busy with other things
ENDLESS = 10**9


@pytest.fixture(autouse=True)
def locks(tmp_path, monkeypatch):
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))


@pytest.fixture
def store(tmp_path):
    (tmp_path / "w").mkdir()
    with closed_at_the_end(open_store(tmp_path / "w")) as store:
        yield store


def open_store(root):
    return JobStore(Workspace(root), launcher=LocalLauncher(PROGRAM), kinds=jobs_process.KINDS)


@contextlib.contextmanager
def closed_at_the_end(store):
    """The store; afterwards none of its processes is left."""
    try:
        yield store
    finally:
        for job in store.live():
            store.stop(job.id, force=True)


def submit(store, kind="count", *, key=None, title="Count", device=None, **options):
    key = key or f"{kind}:{options}:{time.monotonic_ns()}"
    return store.submit(kind, title=title, options=options, device=device, key=key, needs_bytes=0)


def wait(condition):
    """What `condition` returns once that is true."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline_s, "waited too long"
        time.sleep(0.02)


def wait_for(store, job, *states):
    return wait(lambda: (found := store.status(job.id)).state in states and found)


def wait_for_step(store, job, step=1):
    return wait(lambda: (found := store.status(job.id)).state == "running" and (found.step or 0) >= step and found)


def folder(store, job):
    return JobFolder(store.workspace.jobs / job.id)


def pid(store, job):
    return folder(store, job).record()["pid"]


def notes(store, what):
    """(time, job, step) of each begin or end."""
    path = store.workspace.root / "notes.txt"
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(int(line[1]), line[2], int(line[4])) for line in lines if line[0] == what]


def at_once(functions):
    """Call all from as many threads at the same moment; their results."""
    results, barrier = [], threading.Barrier(len(functions))

    def one(function):
        barrier.wait()
        results.append(function())

    threads = [threading.Thread(target=one, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_fifty_simultaneous_starts_make_one_trainer(store):
    started = at_once([lambda: submit(store, key="train:Aria", steps=ENDLESS).id] * 50)
    assert len(started) == 50 and len(set(started)) == 1 and len(store.list()) == 1
    (job,) = store.list()
    wait_for_step(store, job)
    at_once([lambda: store.launcher.start(folder(store, job).path)] * 50)
    running = psutil.Process().children
    wait(lambda: sum(job.id in " ".join(child.cmdline()) for child in quietly(running)) == 1)
    store.stop(job.id)
    wait_for(store, job, "stopped")
    store.launcher.start(folder(store, job).path)  # one that comes when all is over
    wait(lambda: not any(job.id in " ".join(child.cmdline()) for child in quietly(running)))
    assert len(notes(store, "begin")) == len(notes(store, "end")) == 1


def test_fifty_processes_of_an_ordered_start_are_one_trainer(store):
    launcher = store.launcher
    store.launcher = type("Fifty", (), {"start": lambda _, path: at_once([lambda: launcher.start(path)] * 50)})()
    job = submit(store, steps=ENDLESS)
    wait_for_step(store, job)
    wait(lambda: sum(job.id in " ".join(child.cmdline()) for child in quietly(psutil.Process().children)) == 1)
    store.stop(job.id)
    wait_for(store, job, "stopped")
    assert len(notes(store, "begin")) == len(notes(store, "end")) == 1


def quietly(children):
    """Child processes that have not ended meanwhile."""
    for child in children():
        with contextlib.suppress(psutil.Error):
            child.cmdline()
            yield child


def test_fifty_sigterms_are_fifty_clean_saves_within_ten_seconds_each(store):
    seconds = []
    for _ in range(5):
        jobs = [submit(store, steps=ENDLESS, step_s=0.05) for _ in range(10)]
        for job in jobs:
            wait_for_step(store, job)
            os.kill(pid(store, job), signal.SIGTERM)
            began_s = time.monotonic()
            ended = wait_for(store, job, *status.ENDED)
            seconds.append(time.monotonic() - began_s)
            assert ended.state == "stopped" and ended.step == int((folder(store, job).path / "saved").read_text()) > 0
    assert len(seconds) == 50 and max(seconds) < 10.0
    assert len(notes(store, "end")) == 50


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
    assert [wait_for(store, job, *status.ENDED).state for job in jobs] == ["stopped"] * 10
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
        wait(heard.exists)
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
        "from tests.test_jobs_processes import open_store, submit\n"
        "store = open_store(Path(sys.argv[2]))\nprint(submit(store, steps=200).id, flush=True)\ntime.sleep(600)\n"
    )
    arguments = [sys.executable, "-c", program, str(Path(__file__).parents[1]), str(store.workspace.root)]
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
    last = wait(lambda: len((found := store.status(jobs[4].id)).ahead) == 4 and found)
    assert last.ahead == ("Job 0", "Job 1", "Job 2", "Job 3") and last.alive
    assert last.message == "Waits for the CPU: 'Job 0' has it, and 3 more before this one. It starts by itself."
    imported = (store.workspace.root / "imported.txt").read_text().split()
    assert imported == [jobs[0].id], "the others import nothing of their kind before their turn"
    store.stop(jobs[2].id)
    assert wait_for(store, jobs[2], *status.ENDED).state == "stopped"
    os.kill(pid(store, jobs[3]), signal.SIGKILL)
    assert wait_for(store, jobs[3], *status.ENDED).state == "lost"
    wait(lambda: store.status(jobs[4].id).ahead == ("Job 0", "Job 1"))
    os.kill(pid(store, jobs[0]), signal.SIGKILL)
    assert wait_for(store, jobs[0], *status.ENDED).state == "lost"
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
    assert wait_for(store, second, *status.ENDED).state == "done"
    assert store.status(first.id).state == "running"


def test_stopped_and_lost_jobs_go_on_from_what_they_saved(store):
    job = submit(store, steps=ENDLESS)
    wait_for_step(store, job, 10)
    assert store.stop(job.id).state == "stopping"
    saved = wait_for(store, job, *status.ENDED)
    assert saved.state == "stopped" and saved.ended and not saved.alive
    store.resume(job.id)
    wait_for_step(store, job, saved.step + 1)
    os.kill(pid(store, job), signal.SIGKILL)
    lost = wait_for(store, job, *status.ENDED)
    assert lost.state == "lost" and lost.message == status.LOST
    store.resume(job.id)
    wait_for_step(store, job, saved.step + 1)
    store.stop(job.id)
    wait_for(store, job, "stopped")
    assert [step for _, _, step in notes(store, "begin")] == [0, saved.step, saved.step]


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
        ended = wait_for(store, jobs[how], *status.ENDED)
        assert (ended.state, ended.error) == (state, error) and re.fullmatch(sentence, ended.message), how
        assert ended.result is None and ended.resumable
    told = store.status(jobs["bug"].id)
    assert "ZeroDivisionError: secret detail" in told.log_tail and "Traceback" in told.log_tail
    assert "Traceback" not in store.status(jobs["sentence"].id).log_tail
    assert "Fatal Python error: Aborted" in store.status(jobs["abort"].id).log_tail
    (store.workspace.root / "repaired").touch()
    for job in jobs.values():
        store.resume(job.id)
    for job in jobs.values():
        done = wait_for(store, job, *status.ENDED)
        assert (done.state, done.message) == ("done", "All is well.") and done.result["step"] == 1


def test_a_kind_that_is_not_known_any_more_is_said(store):
    store.kinds = {"old": "nowhere:nothing"}
    assert "no jobs of the kind 'old'" in wait_for(store, submit(store, "old"), "failed").message


def test_where_no_stop_file_can_be_made_a_signal_stops_the_job(store):
    job = submit(store, steps=ENDLESS)
    wait_for_step(store, job)
    folder(store, job).stop.symlink_to("/nonexistent/stop")
    store.stop(job.id)
    assert wait_for(store, job, *status.ENDED).state == "stopped"


def test_force_ends_the_process_and_all_it_has_started(store):
    job = submit(store, "parent")
    children = folder(store, job).path / "children"
    wait(children.exists)
    family = [psutil.Process(int(child)) for child in children.read_text().split()]
    ended = store.stop(job.id, force=True)
    assert ended.state == "stopped" and "by force" in ended.message
    gone, left = psutil.wait_procs(family, timeout=10)
    assert len(gone) == 2 and left == []


def test_children_that_outlive_a_killed_job_do_not_make_it_look_alive(store):
    job = submit(store, "parent")
    children = folder(store, job).path / "children"
    wait(children.exists)
    family = [psutil.Process(int(child)) for child in children.read_text().split()]
    os.kill(pid(store, job), signal.SIGKILL)
    assert wait_for(store, job, *status.ENDED).state == "lost"
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
    assert process.cwd() == str(Path(__file__).resolve().parents[1])
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
        wait_for(store, job, *status.ENDED)
    over.set()
    for watcher in watchers:
        watcher.join()
    assert seen <= {"starting", "running", "done"} and "done" in seen


def test_the_log_is_bounded_and_holds_what_children_and_libraries_write(store):
    lines = 60_000
    job = submit(store, "talk", lines=lines)
    done = wait_for(store, job, *status.ENDED)
    assert done.state == "done"
    content = folder(store, job).log.read_bytes()
    assert len(content) < log.MAX_BYTES < lines * 80
    assert content.startswith(b"(the beginning was cut off)") and b"\0" not in content
    for said in ("the last line\n", "a child speaks\n", "past Python\n", "\x1b[31mred\x1b[0m \\udc80 10 %\r20 %\n"):
        assert said.encode() in content
    numbers = [int(number) for number in re.findall(rb"line (\d+) x", content)]
    assert numbers == list(range(numbers[0], lines)), "none is lost, none out of order"
    assert "\n20 %\n" in f"{done.log_tail}\n" and "\x1b" not in done.log_tail


def test_reports_are_written_a_few_times_a_second(store):
    job = submit(store, "report")
    written = set()
    while (found := store.status(job.id)).live:
        with contextlib.suppress(FileNotFoundError):
            written.add((folder(store, job).path / "status.json").stat().st_mtime_ns)
        time.sleep(0.002)
    assert found.state == "done" and found.loss is None
    assert found.step == found.result["n"] == found.extra["n"] > 1000, "the last report is there, whatever was left out"
    assert 4 <= len(written) <= 16
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
    paused = wait_for(store, job, *status.ENDED)
    assert (paused.state, paused.message, paused.step) == ("paused", run.FULL, 7)
    assert "words while there is room" in paused.log_tail and "words that nobody takes" not in paused.log_tail


@pytest.mark.parametrize("size", ["2m"] if mounts() else [])
def test_on_a_full_disk_a_job_pauses_with_a_sentence_and_goes_on_when_there_is_room(tmp_path, size):
    with small_disk(tmp_path / "small", size) as root, closed_at_the_end(open_store(root)) as store:
        job = submit(store, "fill")
        paused = wait_for(store, job, *status.ENDED)
        assert (paused.state, paused.message) == ("paused", run.FULL)
        assert shutil.disk_usage(root).free < 100_000
        with pytest.raises(DiskFull, match="needs about 500.0 MB of disk, but only .* are free"):
            store.submit("count", title="More", options={}, key="more")
        with pytest.raises(DiskFull):
            for number in range(99):
                submit(store, key=str(number), steps=1)
        (root / "ballast").unlink()
        (root / "roomy").touch()
        store.resume(job.id)
        done = wait_for(store, job, *status.ENDED)
        assert done.state == "done" and done.result == {"step": 8}
