"""Converting a stranger's 2021 zip in a process of its own, with limits on memory, time and file size.

`convert_in_child` starts a bare interpreter (``-I -S``: no environment, no user or site start-up files) on this very
file, which limits itself before it opens the zip, and leaves the result as a native zip in a temporary folder. The
parent reads that with the same distrust as any file. The child's last word is one JSON line on its standard output.
Windows and macOS lack the limit on memory, so the parent also watches how much the child has, and kills it.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ddsing.instrument.instrument import Instrument

TIMEOUT_S = 10.0
MAX_MEMORY_BYTES = 1536 * 2**20  # address space: the largest zip and weights that are allowed, twice over
MAX_OUTPUT_BYTES = 192 * 2**20
WATCH_S = 0.02  # in which a computer can fill some 0.1 GB
_RESULT_NAME = "instrument.zip"


def convert_in_child(source: Path | bytes, *, name: str, timeout_s: float = TIMEOUT_S) -> "Instrument":
    """The `Instrument` in a 2021 zip, converted by a limited child process.

    Raises
    ------
    InstrumentError
        With the child's sentence; `ConversionError` with one about the limit that it met, or the disk.
    """
    from ddsing.errors import ConversionError

    try:
        return _converted(source, name, timeout_s)
    except OSError as error:
        raise ConversionError(f"The instrument can't be converted: {error.strerror}.") from None


def _converted(source: Path | bytes, name: str, timeout_s: float) -> "Instrument":
    from ddsing.errors import ConversionError, InstrumentError
    from ddsing.instrument.format import read

    with tempfile.TemporaryDirectory(prefix="ddsing-import-") as folder:
        if isinstance(source, bytes):
            path = Path(folder) / "source.zip"
            path.write_bytes(source)
        else:
            path = Path(source).resolve()
        result = Path(folder) / _RESULT_NAME
        request = json.dumps([str(path), str(result), name, _import_folders()])
        command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(Path(__file__).resolve())]
        environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"} | {
            key: os.environ[key] for key in ("SYSTEMROOT", "LD_LIBRARY_PATH") if key in os.environ
        }
        try:
            output = _run(command, request.encode(), timeout_s=timeout_s, cwd=folder, env=environment)
        except subprocess.TimeoutExpired:
            raise ConversionError(
                f"The instrument could not be converted within {timeout_s:g} s, so it was refused; "
                "a real instrument takes about one."
            ) from None
        try:
            answer = json.loads(output.decode())
        except ValueError:
            raise ConversionError(
                "The conversion of the instrument exceeded its memory or time limit: the file is damaged or malicious."
            ) from None
        if answer.get("unfinished"):
            raise ConversionError(str(answer["unfinished"])[:1000])
        if answer.get("error"):
            raise InstrumentError(str(answer["error"])[:1000])
        return read(result)


def _run(command: list[str], request: bytes, *, timeout_s: float, **options: Any) -> bytes:
    """What a process prints when it is given `request`; raises `subprocess.TimeoutExpired` when it takes too long."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **options,
    ) as process:
        over = threading.Event()
        threading.Thread(target=_watch, args=(process, over), name="watch", daemon=True).start()
        try:
            return process.communicate(request, timeout=timeout_s)[0]
        finally:
            over.set()
            process.kill()


def _watch(process: "subprocess.Popen[bytes]", over: threading.Event) -> None:
    """Kill a process once it has more memory than it may have; until it is `over`."""
    import psutil

    with contextlib.suppress(psutil.Error):  # it has ended
        watched = psutil.Process(process.pid)
        while not over.wait(WATCH_S):
            memory = watched.memory_info()
            if max(memory.rss, getattr(memory, "private", 0)) > MAX_MEMORY_BYTES:  # private: of Windows, touched or not
                process.kill()
                return


def _import_folders() -> list[str]:
    """Where the child finds this project, numpy, gin and safetensors; nothing else is on its path."""
    import importlib.util

    project = Path(__file__).resolve().parents[2]
    folders = [str(project)]
    for package in ("numpy", "gin", "safetensors"):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            folder = str(Path(spec.origin).resolve().parents[1])
            if folder not in folders:
                folders.append(folder)
    return folders


def limit_this_process() -> None:
    """Bound this process's memory, processor time, output and open files, for good; on POSIX systems only."""
    try:
        import resource
    except ImportError:  # Windows: the parent's timeout remains
        return
    seconds = int(TIMEOUT_S)
    for name, limit in (
        ("RLIMIT_AS", MAX_MEMORY_BYTES),
        ("RLIMIT_CPU", seconds),
        ("RLIMIT_FSIZE", MAX_OUTPUT_BYTES),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 64),
    ):
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        bounded = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        try:
            resource.setrlimit(kind, (bounded, bounded))
        except (ValueError, OSError):
            continue  # macOS refuses some; the others hold


def _main() -> None:
    path, result, name, folders = json.loads(sys.stdin.buffer.read())
    sys.path[:0] = folders
    limit_this_process()
    from ddsing.errors import DdsingError
    from ddsing.files import write_atomic
    from ddsing.instrument.convert import convert
    from ddsing.instrument.format import to_bytes

    try:
        write_atomic(Path(result), to_bytes(convert(Path(path), name=name)), durable=False)
        answer: dict[str, str | None] = {"error": None}
    except DdsingError as error:
        answer = {"error": str(error)}
    except OSError as error:
        answer = {"unfinished": f"The instrument can't be converted: {error.strerror}."}
    except MemoryError:
        answer = {"error": "The instrument needs more memory than any real instrument, so it was refused."}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    _main()
