"""A job's process with kinds for the tests of jobs: ``python tests/support/jobs_process.py FOLDER``.

Run as a program it is what `ddsing.jobs.run` is, with other kinds; imported, it is those kinds' module.
"""

import contextlib
import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ddsing.errors import Cancelled, DdsingError, DiskFull
from ddsing.files import write_atomic
from ddsing.jobs import log

KINDS = {
    name: f"tests.support.jobs_process:{name}"
    for name in ("count", "end", "talk", "parent", "fill", "refuse", "report")
}


def count(workspace, options, job):
    """Counts steps as a training does: resumes from what it saved, and saves; notes when it began and ended.

    It saves every ``save_every`` steps, and at the end.
    """
    saved = job.folder / "saved"
    step = int(saved.read_text()) if saved.exists() else 0
    steps = int(options["steps"])
    _note(workspace, f"begin {time.time_ns()} {job.folder.name} {os.getpid()} {step}")
    while step < steps and not job.should_stop():
        time.sleep(float(options.get("step_s", 0.01)))
        step += 1
        if step % int(options.get("save_every", steps)) == 0:
            write_atomic(saved, str(step).encode())
        job.report(stage="training", step=step, steps=steps, loss=10.0 / step, steps_per_s=100.0)
    write_atomic(saved, str(step).encode())
    _note(workspace, f"end {time.time_ns()} {job.folder.name} {os.getpid()} {step}")
    return {"step": step, "stopped": step < steps}


def end(workspace, options, job):
    """Ends as it is told to, unless the file ``repaired`` lies in the workspace."""
    if (workspace.root / "repaired").exists():
        return {"step": 1, "message": "All is well."}
    errors = {
        "sentence": DdsingError("The voice 'Aria' has no recordings; add some."),
        "disk": DiskFull("No room for a checkpoint of 20 MB."),
        "enospc": OSError(errno.ENOSPC, "No space left on device"),
        "cancelled": Cancelled("Stopped."),
        "memory": MemoryError(),
        "bug": ZeroDivisionError("secret detail"),
        "exit": SystemExit(3),
    }
    if options["how"] == "abort":
        os.abort()
    raise errors[options["how"]]


def talk(workspace, options, job):
    """Prints many lines, as do its children and what writes past Python."""
    for number in range(int(options["lines"])):
        print(f"line {number} " + "x" * 80)
        if number % 5000 == 0:
            time.sleep(0.3)
    while (job.folder / "log.txt").stat().st_size > log.MAX_BYTES:
        time.sleep(0.05)
    print("the last line")
    subprocess.run([sys.executable, "-c", "print('a child speaks')"], check=True)
    os.write(2, b"past Python\n")
    print("\x1b[31mred\x1b[0m \udc80 10 %\r20 %")
    return {}


def parent(workspace, options, job):
    """Has children of both sorts, forked and started, that outlive it if nobody ends them."""
    forked = os.fork()
    if forked == 0:
        time.sleep(60)
        os._exit(0)
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    write_atomic(job.folder / "children", f"{forked} {started.pid}".encode())
    while True:
        time.sleep(0.02)


def fill(workspace, options, job):
    """Fills the disk to the last byte, then reports and prints; once it is ``roomy``, ends well."""
    if not (workspace.root / "roomy").exists():
        for size in (65536, 1024, 1):
            with contextlib.suppress(OSError), open(workspace.root / "ballast", "ab", buffering=0) as file:
                while True:
                    file.write(b"1" * size)
        _speak(job, "words")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return {"step": 8}


def refuse(workspace, options, job):
    """For a while no file takes a byte, whatever the disk; ends by an error meanwhile."""
    import resource  # POSIX only

    print("words while there is room")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    threading.Timer(1.5, resource.setrlimit, (resource.RLIMIT_FSIZE, limits)).start()
    _speak(job, "words that nobody takes")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _speak(job, words):
    for step in range(8):
        job.report(step=step, steps=8)
        print(words)
        time.sleep(0.1)


def report(workspace, options, job):
    """Reports as fast as it can for two seconds."""
    began = time.monotonic()
    n = 0
    while time.monotonic() - began < 2.0:
        n += 1
        job.report(stage="racing", step=n, loss=float("nan"), extra={"n": n})
    return {"n": n}


def _note(workspace, line):
    """One line, appended in one write, so that lines of several processes don't mix."""
    with open(workspace.root / "notes.txt", "a", encoding="utf-8") as file:
        file.write(line + "\n")


if __name__ == "tests.support.jobs_process" and Path(sys.argv[0]).name == Path(__file__).name:  # in a job, at its turn
    with open(Path(sys.argv[1]).parents[1] / "imported.txt", "a", encoding="utf-8") as imported:
        imported.write(f"{Path(sys.argv[1]).name}\n")

if __name__ == "__main__":
    from ddsing.jobs import run

    if "DDSING_TEST_NO_LOCKS" in os.environ:  # the number of the error that this file system has for them
        import fcntl  # POSIX only

        def refuse_locks(*_):
            raise OSError(int(os.environ["DDSING_TEST_NO_LOCKS"]), "No locks here")

        fcntl.flock = refuse_locks
    sys.exit(run.main(kinds=KINDS))
