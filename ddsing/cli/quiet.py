"""What libraries written in C say on stderr by themselves, kept from the user's single sentence."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO


@contextlib.contextmanager
def native_messages_hidden() -> Iterator[None]:
    """Hide what is written to the process's stderr past Python, such as the MP3 decoder's remarks on a damaged file.

    Only for the command line: the descriptor belongs to all threads. `sys.stderr` itself still speaks.
    """
    sys.stderr.flush()
    try:
        shown = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    python_stderr = sys.stderr
    speaking = os.fdopen(shown, "w", encoding="utf-8", errors="backslashreplace")
    with open(os.devnull, "wb") as nowhere, speaking:
        os.dup2(nowhere.fileno(), 2)
        if _writes_to(python_stderr, 2):
            sys.stderr = speaking
        try:
            yield
        finally:
            speaking.flush()
            os.dup2(speaking.fileno(), 2)
            sys.stderr = python_stderr


def load_tensorflow() -> None:
    """Import TensorFlow now, without the remarks on this computer that it makes at its first import."""
    from ddsing.engine.tf import runtime

    with native_messages_hidden():
        runtime.tensorflow()


def _writes_to(stream: TextIO, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError, AttributeError):
        return False
