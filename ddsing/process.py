"""A function called in a process of its own, for what the dashboard's process should neither load nor wait for.

`call` starts ``python -m ddsing.process module:function``. The function takes the request, a dict that JSON can hold,
and `progress(stage, fraction)`; what it returns, JSON again, is what `call` returns. A `DdsingError` of the function is
raised here as it was there. The child lives no longer than it is needed: it is killed when `progress` raises, as
Cancel makes it, and ends by itself when the process that asked is gone.

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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

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
_TOLD_BYTES = 4000  # of what a child that failed had printed
_NOT_INHERITED = ("STREAMLIT_", "PYTEST_", "COV_", "PYTHON")
_INHERITED = {"PYTHONPATH", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE"}
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "DDSING_CORES")


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
        process = subprocess.Popen(
            [sys.executable, "-m", "ddsing.process", function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=PROJECT,
            env=environment(all_cores=all_cores),
            start_new_session=True,  # Windows passes over it, and has the flags instead
            creationflags=new_group(),
        )
        try:
            answer = _answer(process, dict(request), progress or (lambda stage, fraction: None))
            if answer is None:
                raise _death(function, process.wait(), log)
        finally:
            _end(process)
    if "error" in answer:
        raise _error(answer["error"])
    return answer["result"]


def environment(*, all_cores: bool = False) -> dict[str, str]:
    """What a process inherits, and TensorFlow's settings; of more than two cores one is left to the dashboard."""
    kept = {
        name: value for name, value in os.environ.items() if name in _INHERITED or not name.startswith(_NOT_INHERITED)
    }
    cores = n_cores()
    return kept | TENSORFLOW | dict.fromkeys(_THREADS, str(cores if all_cores or cores <= 2 else cores - 1))


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


def _read(stream, lines: queue.SimpleQueue) -> None:
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


def _death(function: str, status: int, log) -> Exception:
    """Killed is nobody's bug here; any other end is."""
    if status < 0:
        return errors.ProcessError(
            f"The process that did this was ended from outside (signal {-status}), perhaps because memory ran out. "
            "Close other programs and try again."
        )
    log.seek(max(0, log.seek(0, os.SEEK_END) - _TOLD_BYTES))
    return RuntimeError(f"{function} ended with status {status}:\n{log.read().decode(errors='replace')}")


def _main(function: str) -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, name="end with the parent", daemon=True).start()

    def say(**told) -> None:
        answers.write(json.dumps(told) + "\n")
        answers.flush()

    module, _, name = function.partition(":")
    try:
        called = getattr(importlib.import_module(module), name)
        say(result=called(request, lambda stage, fraction: say(progress=[stage, fraction])))
    except errors.DdsingError as error:
        say(error={"kind": type(error).__name__, "message": str(error)})
    except Exception as error:
        say(error={"kind": type(error).__name__, "message": traceback.format_exc()})


def _end_with_parent() -> None:
    """The other end of standard input is closed when the process that asked ends, however it does."""
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    _main(sys.argv[1])
