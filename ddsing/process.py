"""A function called in a process of its own, for what the dashboard's process should neither load nor wait for.

`call` starts ``python -m ddsing.process module:function``. The function takes the request, a dict that JSON can hold,
and `progress(stage, fraction)`; what it returns, JSON again, is what `call` returns. A `DdsingError` of the function is
raised here as it was there. The child lives no longer than it is needed: it is killed when `progress` raises, as
Cancel makes it, and ends by itself when the process that asked is gone.

`stream` does the same for a function that answers piece by piece, under limits of memory and processor time.

The request is the first line of the child's standard input, which then stays open for as long as somebody waits. Its
answers are lines of JSON on what was its standard output; whatever else is printed there goes to standard error.
"""

import contextlib
import importlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import ddsing
from ddsing import errors
from ddsing.hardware import n_cores

Progress = Callable[[str, float], None]
PROJECT = Path(ddsing.__file__).resolve().parents[1]
POLL_S = 0.2  # how soon a Cancel is heard
TENSORFLOW = {
    "TF_USE_LEGACY_KERAS": "1",  # ddsp is written for Keras 2
    "TF_CPP_MIN_LOG_LEVEL": "3",  # errors are raised; the log is for TensorFlow's own developers
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # leave the rest of the GPU to others
}
WATCH_S = 0.05  # between two looks at what a limited process has taken
_TOLD_BYTES = 4000  # of what a child that failed had printed
_NOT_INHERITED = ("STREAMLIT_", "PYTEST_", "COV_", "PYTHON")
_INHERITED = {"PYTHONPATH", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE"}
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "DDSING_CORES")


@dataclass(frozen=True)
class Limits:
    """What a process may take: bytes of memory, and seconds of processor time. It is killed when it takes more."""

    memory_bytes: int
    cpu_s: float


def call(function: str, request: Mapping, *, progress: Progress | None = None, all_cores: bool = False) -> Any:
    """What a function, named ``module:function``, answers to a request in a process of its own.

    Parameters
    ----------
    progress : Callable[[str, float], None], optional
        Told the function's stage and fraction, at least every `POLL_S`; what it raises ends the process.
    all_cores : bool
        Leave none to the dashboard.

    Raises
    ------
    DdsingError
        The function's own, of the same class; `ProcessError` if the process was ended from outside.
    RuntimeError
        For anything else that went wrong there, with the child's traceback.
    """
    with tempfile.TemporaryFile() as log:
        process = _start([function], log, environment(all_cores=all_cores))
        try:
            answer = _answer(process, dict(request), progress or (lambda stage, fraction: None))
            if answer is None:
                raise _death(function, process.wait(), log)
        finally:
            _end(process)
    if "error" in answer:
        raise _error(answer["error"])
    return answer["result"]


def stream(function: str, request: Mapping, limits: Limits) -> Iterator[dict | bytes]:
    """What a function, named ``module:function``, sends from a process of its own, while it sends it.

    The function takes the request, and `send`, which takes a dict that JSON can hold or bytes. Close the iterator to
    end the process before the function does.

    Raises
    ------
    DdsingError
        The function's own; `ProcessError` if the process met its limits or crashed.
    RuntimeError
        For anything else that went wrong there, with the child's traceback.
    """
    command = [function, str(limits.memory_bytes), str(limits.cpu_s)]
    process = _start(command, subprocess.DEVNULL, environment() | dict.fromkeys(_THREADS, "1"))
    over = threading.Event()
    threading.Thread(target=_watch, args=(process, limits, over), name="watch a process", daemon=True).start()
    assert process.stdin is not None and process.stdout is not None
    try:
        with contextlib.suppress(OSError):  # it has ended; that is told below
            process.stdin.write(json.dumps(dict(request)).encode() + b"\n")
            process.stdin.flush()
        while True:
            kind, sent = _received(process.stdout)
            if kind == b"e":
                raise _error(sent)
            if kind == b"":
                raise errors.ProcessError("It exceeded its memory or time limit, or it crashed.")
            if kind == b".":
                return
            yield sent
    finally:
        over.set()
        _end(process)
        process.stdout.close()


def _start(arguments: list[str], log: Any, environment: Mapping[str, str]) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "ddsing.process", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=PROJECT,
        env=environment,
        start_new_session=True,  # Windows passes over it, and has the flags instead
        creationflags=new_group(),
    )


def _received(pipe: IO[bytes]) -> tuple[bytes, Any]:
    """One message, its kind empty if the process has ended without a last one."""
    head = pipe.read(5)
    content = pipe.read(int.from_bytes(head[1:], "little")) if len(head) == 5 else b""
    if len(head) < 5 or len(content) < int.from_bytes(head[1:], "little"):
        return b"", None
    return head[:1], content if head[:1] == b"b" else json.loads(content)


def _watch(process: subprocess.Popen, limits: Limits, over: threading.Event) -> None:
    """Kill a process that takes more than it may, where the system itself does not; until it is `over`."""
    import psutil

    with contextlib.suppress(psutil.Error):  # it has ended
        watched = psutil.Process(process.pid)
        while not over.wait(WATCH_S):
            taken = watched.cpu_times()
            if watched.memory_info().rss > limits.memory_bytes or taken.user + taken.system > limits.cpu_s:
                process.kill()
                return


def environment(*, all_cores: bool = False) -> dict[str, str]:
    """What a process inherits, and TensorFlow's settings; of more than two cores one is left to the dashboard."""
    kept = {
        name: value for name, value in os.environ.items() if name in _INHERITED or not name.startswith(_NOT_INHERITED)
    }
    cores = n_cores()
    return kept | TENSORFLOW | dict.fromkeys(_THREADS, str(cores if all_cores or cores <= 2 else cores - 1))


def core_variables() -> tuple[str, ...]:
    """The variables of the environment that say how many cores a process may use."""
    return _THREADS


def new_group() -> int:
    """On Windows: neither the Ctrl-C nor the end of the dashboard's console reaches the process."""
    names = ("CREATE_NEW_PROCESS_GROUP", "CREATE_NO_WINDOW")
    return sum(getattr(subprocess, name, 0) for name in names)


def _answer(process: subprocess.Popen, request: dict, progress: Progress) -> dict | None:
    """The child's last word, None if it ended without one; its progress is passed on meanwhile."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process.stdout, lines), name="read a process", daemon=True).start()
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it has ended; that is told below
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
    stage, fraction = "starting", 0.0
    while True:
        progress(stage, fraction)
        try:
            line = lines.get(timeout=POLL_S)
        except queue.Empty:
            continue
        if not line.endswith(b"\n"):  # the end, or half a line before it
            return None
        said = json.loads(line)
        if "progress" not in said:
            return said
        stage, fraction = said["progress"]


def _read(stream: BinaryIO, lines: queue.SimpleQueue) -> None:
    """Pass on each line, and at the end an empty one."""
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(b"")


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def _error(said: Mapping) -> Exception:
    kind = getattr(errors, said["kind"], None)
    if isinstance(kind, type) and issubclass(kind, errors.DdsingError):
        return kind(said["message"])
    return RuntimeError(said["message"])


def _death(function: str, status: int, log: BinaryIO) -> Exception:
    """Killed is nobody's bug here; any other end is."""
    if status < 0:
        return errors.ProcessError(
            f"The process was killed (signal {-status}), perhaps because memory ran out. "
            "Close other programs and try again."
        )
    log.seek(max(0, log.seek(0, os.SEEK_END) - _TOLD_BYTES))
    return RuntimeError(f"{function} ended with status {status}:\n{log.read().decode(errors='replace')}")


def _main(function: str, memory_bytes: str = "", cpu_s: str = "") -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, name="end with the parent", daemon=True).start()
    module, _, name = function.partition(":")
    said = _streamed if memory_bytes else _called
    try:
        called = getattr(importlib.import_module(module), name)
        if memory_bytes:
            _limit(int(memory_bytes), float(cpu_s))
        said(called, request, answers)
    except errors.DdsingError as error:
        _say_error(answers, bool(memory_bytes), type(error).__name__, str(error))
    except Exception as error:
        _say_error(answers, bool(memory_bytes), type(error).__name__, traceback.format_exc())
    answers.flush()


def _say(answers: BinaryIO, **told: Any) -> None:
    answers.write(json.dumps(told).encode() + b"\n")
    answers.flush()


def _called(function: Callable, request: dict, answers: BinaryIO) -> None:
    _say(answers, result=function(request, lambda stage, fraction: _say(answers, progress=[stage, fraction])))


def _streamed(function: Callable, request: dict, answers: BinaryIO) -> None:
    def send(told: dict | bytes) -> None:
        if isinstance(told, bytes):
            _send(answers, b"b", told)
        else:
            _send(answers, b"j", json.dumps(told).encode())

    function(request, send)
    _send(answers, b".", b"null")


def _send(answers: BinaryIO, kind: bytes, content: bytes) -> None:
    answers.write(kind + len(content).to_bytes(4, "little"))
    answers.write(content)


def _say_error(answers: BinaryIO, streamed: bool, kind: str, message: str) -> None:
    error = {"kind": kind, "message": message}
    if streamed:
        _send(answers, b"e", json.dumps(error).encode())
    else:
        _say(answers, error=error)


def _limit(memory_bytes: int, cpu_s: float) -> None:
    """Bound this process, for good; on POSIX systems only, elsewhere the parent watches alone."""
    try:
        import resource
    except ImportError:
        return
    wanted = {"RLIMIT_AS": memory_bytes, "RLIMIT_CPU": int(cpu_s) + 1, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}
    for name, limit in wanted.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):  # macOS refuses some; the others hold
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            bounded = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(kind, (bounded, bounded))


def _end_with_parent() -> None:
    """The other end of standard input is closed when the process that asked ends, however it does."""
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    _main(*sys.argv[1:])
