"""Functions that the tests of `ddsing.process` call in a process of their own."""

import os
import sys
import time
from pathlib import Path

from ddsing.errors import InstrumentError


def twice(request, progress):
    """Double a number, in two stages, while something is printed that is no answer."""
    progress("thinking", 0.25)
    print("not an answer")
    os.write(1, b"nor this\n")
    progress("saying", 1.0)
    return {"number": 2 * request["number"], "pid": os.getpid(), "tensorflow": os.environ["TF_USE_LEGACY_KERAS"]}


def refuse(request, progress):
    """Raise what a person should read."""
    raise InstrumentError(f"There is no instrument {request['name']!r}.")


def fail(request, progress):
    """Raise what is a bug."""
    return {}["absent"]


def end(request, progress):
    """End without a word but one on standard error."""
    print("out of luck", file=sys.stderr)
    sys.stderr.flush()
    os._exit(request["status"])


def die(request, progress):
    """End as by the system, when there is no more memory."""
    os.kill(os.getpid(), request["signal"])


def wait(request, progress):
    """Say which process this is, in a file, and wait for good."""
    Path(request["path"]).write_text(str(os.getpid()))
    progress("waiting", 0.5)
    time.sleep(600)


def pieces(request, send):
    """Send bytes and a dict, or do without end what a process may not."""
    send({"first": request})
    send(b"abc" * 1000)
    if request.get("refuse"):
        raise InstrumentError("There is no more.")
    if request.get("spin"):
        while True:
            pass
    if request.get("fill"):
        held = [bytearray(2**20) for _ in range(4096)]
        send({"held": len(held)})
    if request.get("write"):
        Path(request["write"]).write_bytes(b"x")
