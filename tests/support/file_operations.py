"""A crash, or an error, at any file operation of a piece of work."""

import builtins
import json
import os
from pathlib import Path

_open = os.open  # which is not counted


class Operations:
    """Counts the file operations of this process; ends it, or fails with an error, at a certain one.

    `log` has each: its name, and the file or folder.
    """

    def __init__(self, *, stop_at: int | None = None, error: int | None = None):
        self.count, self.log = 0, []
        self._stop_at, self._error = stop_at, error

    def install(self) -> None:
        for module, name in [
            (os, n) for n in ("mkdir", "fsync", "replace", "rename", "link", "unlink", "rmdir", "open")
        ]:
            setattr(module, name, self._counted(getattr(module, name), name))
        builtins.open = self._opening(builtins.open)

    def _step(self, name, *arguments):
        self.count += 1
        self.log.append((name, *(str(argument) for argument in arguments)))
        if self.count == self._stop_at:
            if self._error is None:
                os._exit(9)
            raise OSError(self._error, os.strerror(self._error))

    def _counted(self, function, name):
        def counted(*arguments, **options):
            shown = os.readlink(f"/proc/self/fd/{arguments[0]}") if name == "fsync" else arguments[0]
            if name != "open" or arguments[1] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self._step(name, shown, *arguments[1:2])
            return function(*arguments, **options)

        return counted

    def _opening(self, function):
        operations = self

        def opening(path, mode="r", *arguments, **options):
            file = function(path, mode, *arguments, **options)
            if set(mode) & set("wax+") and isinstance(path, str | os.PathLike):
                operations._step("open", path, mode)
                write = file.write

                class Counted:
                    def __getattr__(self, name):
                        return getattr(file, name)

                    def __enter__(self):
                        return self

                    def __exit__(self, *_):
                        file.close()

                    def write(self, data):
                        operations._step("write", path)
                        return write(data)

                return Counted()
            return file

        return opening


def in_child(work, report: Path) -> int:
    """Run in a forked child; its exit status, and in `report` what it returned."""
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            result = work()
            with os.fdopen(_open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w") as file:
                json.dump(result, file)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def logged(work, report: Path) -> list[tuple]:
    """The file operations of a piece of work, which is done in a child."""

    def counted():
        operations = Operations()
        operations.install()
        work()
        return operations.log

    assert in_child(counted, report) == 0
    return [tuple(entry) for entry in json.loads(report.read_text())]


def crashed(work, report: Path, point: int) -> None:
    """Do a piece of work in a child that ends at its point-th file operation."""

    def crashing():
        Operations(stop_at=point).install()
        work()

    assert in_child(crashing, report) == 9


def failed(work, report: Path, point: int, error: int) -> str | None:
    """Do a piece of work in a child whose point-th file operation fails; the OSError that it ends with, if any."""

    def failing():
        Operations(stop_at=point, error=error).install()
        try:
            work()
        except OSError as reason:
            return str(reason)
        return None

    assert in_child(failing, report) == 0
    return json.loads(report.read_text())


def hidden(folder: Path) -> list[Path]:
    """What is hidden in a folder, such as a half-written file."""
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def kinds(log: list[tuple]) -> list[str]:
    """What was done, without the files that it was done to."""
    return [entry[0] for entry in log]
