"""A folder that the system refuses: every call that writes below it fails as a disk or its owner would have it."""

import builtins
import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

_WRITING = ("mkdir", "replace", "rename", "link", "unlink", "rmdir", "utime")
_LOOKING = ("stat", "lstat", "listdir", "scandir")


@contextlib.contextmanager
def refused(monkeypatch, folder: Path, error: int, *, reading: bool = False) -> Iterator[list[str]]:
    """What writes in a folder, or to it, fails with an error; with `reading`, so does all that looks into it."""
    seen: list[str] = []

    def inside(path: object) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        shown = Path(os.fsdecode(path))
        return shown == folder or shown.is_relative_to(folder)

    def fail(name: str, path: object):
        seen.append(f"{name} {path}")
        raise OSError(error, os.strerror(error), str(path))

    def failing(name: str, function):
        def called(*arguments, **options):
            for path in arguments[:2]:
                if inside(path):
                    fail(name, path)
            return function(*arguments, **options)

        return called

    def opening(function):
        def called(path, mode="r", *arguments, **options):
            if inside(path) and (reading or set(mode) & set("wax+")):
                fail("open", path)
            return function(path, mode, *arguments, **options)

        return called

    def opening_low(function):
        def called(path, flags, *arguments, **options):
            if inside(path) and (reading or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
                fail("os.open", path)
            return function(path, flags, *arguments, **options)

        return called

    with monkeypatch.context() as patch:
        for name in _WRITING + (_LOOKING if reading else ()):
            patch.setattr(os, name, failing(name, getattr(os, name)))
        patch.setattr(os, "open", opening_low(os.open))
        patch.setattr(builtins, "open", opening(builtins.open))
        patch.setattr(io, "open", opening(io.open))
        yield seen
