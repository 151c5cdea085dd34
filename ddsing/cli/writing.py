"""Writing where a command's options say."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from ddsing.errors import DiskFull, OutputError


@contextlib.contextmanager
def writing(path: str | Path, hint: str = "") -> Iterator[None]:
    """Within it a file or folder is written; what the system refuses becomes a sentence that ends with the hint.

    Raises
    ------
    DiskFull, OutputError
        Naming `path`, as the user gave it.
    """
    try:
        yield
    except OSError as error:
        kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else OutputError
        more = f"; {hint}" if hint else ""
        raise kind(f"{str(path)[:200]!r} can't be written: {error.strerror or error}{more}.") from None
