"""Work at a terminal takes its turn on the device, as the jobs in the background do."""

import contextlib
import sys
from collections.abc import Iterator

from ddsing.jobs import device, queue


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Have all devices that TensorFlow will see, and wait for them if need be; Ctrl-C ends the waiting.

    They are taken in their order, so that two who want several never wait for each other.
    """
    with contextlib.ExitStack() as held:
        try:
            for name in device.names():
                held.enter_context(queue.turn(name, on_wait=_Waiting(name)))
        except KeyboardInterrupt:
            print("Stopped while waiting. Nothing was started.", file=sys.stderr)
            raise
        yield


class _Waiting:
    """Says who is ahead, whenever that changes."""

    def __init__(self, name: str):
        self._name = name

    def __call__(self, ahead: tuple[str, ...]) -> None:
        first = ahead[0] if ahead[0] == queue.SOMEONE else repr(ahead[0])
        others = f" and {len(ahead) - 1} more" if len(ahead) > 1 else ""
        are = "are" if others else "is"
        print(
            f"Waiting until {first}{others} {are} done with the {self._name.upper()}. Press Ctrl+C to stop waiting.",
            file=sys.stderr,
            flush=True,
        )
