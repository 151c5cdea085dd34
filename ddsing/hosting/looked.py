"""When an admin has looked last: while one does, what there is on the site is counted more often (`census`)."""

import threading
import time

LOOKING_S = 30.0


class Looked:
    """When an admin has looked last."""

    def __init__(self) -> None:
        self._at_s = float("-inf")
        self.now = threading.Event()

    def set_now(self) -> None:
        """An admin looks now."""
        self._at_s = time.monotonic()
        self.now.set()

    def lately(self) -> bool:
        """Whether one has looked within half a minute."""
        return time.monotonic() - self._at_s < LOOKING_S
