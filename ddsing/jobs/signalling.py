"""Signals to a job's process: only to the one that holds the job's lock, and never to a bare pid.

Its record names a pid, but that may be old, and the pid someone else's by now. So the process must have been created
when the record says, and run this very folder.
"""

import contextlib
import os
import signal

import psutil

from ddsing.jobs.folder import JobFolder

CLOCK_S = 2.0  # by which a process's time of creation may shift when the clock is set
DEATH_S = 5.0


def find(folder: JobFolder) -> psutil.Process | None:
    """The process that runs a job, if it is there without doubt."""
    record, locked = folder.look()
    pid, created = (record or {}).get("pid"), (record or {}).get("process_created")
    if not locked or type(pid) is not int or pid <= 1 or not isinstance(created, int | float):
        return None
    with contextlib.suppress(psutil.Error, OSError, IndexError):
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < CLOCK_S
        if same and os.path.samefile(process.cmdline()[-1], folder.path):
            return process
    return None


def terminate(folder: JobFolder) -> bool:
    """SIGTERM: the job finishes its step and saves. Says whether there was a process to tell.

    Windows has no such signal: there it would be the end at once, and the work since the last checkpoint lost.
    """
    process = find(folder)
    if process is None or not hasattr(signal, "SIGHUP"):
        return False
    with contextlib.suppress(psutil.Error):
        process.terminate()
    return True


def kill(folder: JobFolder) -> bool:
    """SIGKILL to the process and all it has started in its session; says whether there was one."""
    process = find(folder)
    if process is None:
        return False
    family = [process, *_session(process)]
    for member in family:
        with contextlib.suppress(psutil.Error):  # gone already
            member.kill()
    psutil.wait_procs(family, timeout=DEATH_S)
    return True


def _session(process: psutil.Process) -> list[psutil.Process]:
    """The other processes of its session, which it leads."""
    if not hasattr(os, "getsid"):
        return process.children(recursive=True)
    members = []
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, OSError):
            if pid != process.pid and os.getsid(pid) == process.pid:
                members.append(psutil.Process(pid))
    return members
