"""The process of a job: ``python -m ddsing.jobs.run FOLDER``.

It takes the lock of its folder for life, waits for its turn on its device, and only then imports what its kind runs.
SIGTERM, like a file called ``stop`` in the folder, asks it to finish its step and save; SIGINT and SIGHUP are meant for
whoever sits at a terminal and are not heard.

Where an engine started it (`ddsing.jobs.attempt`), it claims the folder instead, and has the devices that the engine
gives. Asked to save by anything but ``stop``, it ends with a status that makes the engine start it again.
"""

import contextlib
import errno
import faulthandler
import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from ddsing.errors import Cancelled, DdsingError, DiskFull, JobError
from ddsing.jobs import attempt as attempts
from ddsing.jobs import log, queue, tending
from ddsing.jobs.attempt import Attempt
from ddsing.jobs.context import JobContext
from ddsing.jobs.device import choose
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.kinds import KINDS
from ddsing.jobs.states import ENDED, written_state
from ddsing.workspace import Workspace

NICENESS = 10
LAST_BREATH_S = 20.0  # for libraries to clear up after the job has ended
UNEXPECTED = "Something went wrong in ddsing itself. See the log for details."
FULL = "The disk is full, so the job is paused. Free some space, then resume it. Nothing saved is lost."
NO_MEMORY = "Not enough memory. Close other programs, or choose a smaller model or batch size."


def main(arguments: Sequence[str] | None = None, *, kinds: Mapping[str, str] = KINDS) -> int:
    """Run the job of a folder, unless it runs already or nobody has ordered its start; returns the exit status."""
    stop_signals: list[int] = []
    heard = stop_signals.append
    _listen(lambda number, _: heard(number))
    folder = JobFolder(Path((sys.argv[1:] if arguments is None else arguments)[0]))
    attempt = attempts.current()
    if attempt is not None:
        return _attempt(attempt, folder, kinds, stop_signals)
    lock = folder.take()
    if lock is None:
        return 0
    try:
        record, spec = folder.record(), folder.spec()
        if not record or record.get("state") != "starting" or spec is None:
            return 0
        return 1 if _run(JobContext(folder, record), spec, folder, kinds, stop_signals) == "failed" else 0
    finally:
        lock.release()


def _attempt(attempt: Attempt, folder: JobFolder, kinds: Mapping[str, str], stop_signals: Sequence[int]) -> int:
    """Run the job as one attempt of an engine's; returns the exit status."""
    record, spec = folder.record(), folder.spec()
    if not record or written_state(record) in ENDED or spec is None or not attempt.claim(folder, record.get("ordered")):
        return 0
    if record.get("attempt"):  # the one before has not written how it ended: its node was lost, say
        record["fruitless"] = tending.fruitless_after(record)
    record |= {"attempt": attempt.name, "stepped": False}
    context = JobContext(folder, record, attempt=attempt)
    if record.get("fruitless", 0) >= tending.MOST_FRUITLESS:
        context.leave("failed", tending.gave_up(""))
        return 1
    state = _run(context, spec, folder, kinds, stop_signals)
    return attempts.INTERRUPTED if state == "starting" else 1 if state == "failed" else 0


def _run(
    context: JobContext,
    spec: Mapping[str, Any],
    folder: JobFolder,
    kinds: Mapping[str, str],
    stop_signals: Sequence[int],
) -> str:
    """Hear signals, run the job, and end in time; returns the state it ended in."""
    _listen(lambda number, _: context.request_stop())
    if stop_signals:
        context.request_stop()
    log.speak_unfailingly()
    if not context.on_engine:
        _be_modest()
    with context.pulse():
        state = _live(context, spec, folder, kinds)
    _let_nothing_linger()
    return state


def _listen(handler: Callable[[int, FrameType | None], object]) -> None:
    """Hear SIGTERM and no other polite signal; those that came since the launcher blocked them are heard now."""
    signal.signal(signal.SIGTERM, handler)
    ignored = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, *ignored])


def _be_modest() -> None:
    """Leave processor time to the dashboard, and if memory runs out, be the one that goes.

    Linux on desktops first shares out time among sessions (autogroups), and the job is one of its own: there niceness
    counts only if the session has it too.
    """
    import psutil

    with contextlib.suppress(OSError, psutil.Error):
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
        else:
            psutil.Process().nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", NICENESS))
    for path, value in (("/proc/self/autogroup", NICENESS), ("/proc/self/oom_score_adj", 500)):
        with contextlib.suppress(OSError):
            Path(path).write_text(str(value), encoding="ascii")


def _live(context: JobContext, spec: Mapping[str, Any], folder: JobFolder, kinds: Mapping[str, str]) -> str:
    """From its first word to its last; returns the state it ended in."""
    faulthandler.enable()
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("ddsing").setLevel(logging.INFO)
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {spec.get('title')}: process {os.getpid()}")
    import psutil

    me = {"pid": os.getpid(), "process_created": psutil.Process().create_time()}
    device = None if context.on_engine else spec.get("device")
    with contextlib.ExitStack() as held:
        try:
            context.enter("waiting" if device else "running", **me)
            held.enter_context(_turn(context, device, folder))
            context.enter("running", started=time.time(), ahead=[], message="")
            if device:
                choose(device)
            result = _call(kinds, spec, context)
            folder.write_result(result)
            stopped = context.should_stop() and result.get("stopped")
            state, message, name = "stopped" if stopped else "done", str(result.get("message") or ""), ""
        except BaseException as error:
            state, message = _verdict(error)
            name = type(error).__name__ if isinstance(error, DdsingError) else ""
        if state == "stopped" and context.interrupted:
            return context.hand_over()
        context.leave(state, message, error=name)
    return state


def _turn(context: JobContext, device: str | None, folder: JobFolder) -> contextlib.AbstractContextManager[None]:
    if not device:
        return contextlib.nullcontext()
    return queue.turn(
        device,
        job=folder.path,
        should_stop=context.should_stop,
        on_wait=lambda ahead: context.enter("waiting", ahead=list(ahead)),
    )


def _call(kinds: Mapping[str, str], spec: Mapping[str, Any], context: JobContext) -> dict[str, Any]:
    if spec["kind"] not in kinds:
        raise JobError(f"This version of ddsing has no jobs of the kind {spec['kind']!r}.")
    module, _, function = kinds[spec["kind"]].partition(":")
    run = getattr(importlib.import_module(module), function)
    workspace = Workspace(JobFolder(context.folder).root)
    return dict(run(workspace, dict(spec["options"]), context) or {})


def _verdict(error: BaseException) -> tuple[str, str]:
    """(state, message) of a job that ended by an exception."""
    if isinstance(error, Cancelled):
        return "stopped", ""
    if isinstance(error, DiskFull):
        return "paused", str(error)
    if isinstance(error, DdsingError):
        return "failed", str(error)
    logging.getLogger("ddsing").error("The job ended unexpectedly", exc_info=error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "paused", FULL
    return "failed", NO_MEMORY if isinstance(error, MemoryError) else UNEXPECTED


def _let_nothing_linger() -> None:
    """End the process in time even if a thread or a library of the job's does not."""

    def end() -> None:
        time.sleep(LAST_BREATH_S)
        os._exit(0)

    threading.Thread(target=end, name="last breath", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
