"""What a command tells while it trains, and how it hears that it should stop."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

from ddsing.training.stages import BEFORE_STEPS
from ddsing.units import format_range

if TYPE_CHECKING:
    from ddsing.training.run import Progress

_PRINT_S = 5.0


class Printer:
    """Prints where a training is, a few times a minute and when its stage changes."""

    def __init__(self) -> None:
        self._printed, self._stage = 0.0, ""

    def __call__(self, progress: Progress) -> None:
        """For `ddsing.training.run.train`, as its ``report``."""
        due = time.monotonic() - self._printed > _PRINT_S
        if not (due or progress.stage != self._stage and progress.stage != "saving"):
            return
        self._printed, self._stage = time.monotonic(), progress.stage
        print(self._line(progress), file=sys.stderr, flush=True)

    @staticmethod
    def _line(progress: Progress) -> str:
        left = f", {format_range(*progress.left)} left" if progress.left is not None else ""
        if progress.stage in BEFORE_STEPS:
            share = f" {progress.fraction:.0%}" if progress.fraction is not None else ""
            return f"{progress.message or progress.stage.capitalize()}{share}{left}"
        line = f"Step {progress.step:,} of {progress.steps:,}"
        if progress.loss is not None:
            line += f", loss {progress.loss:.3f}"
        if progress.steps_per_s:
            line += f", {progress.steps_per_s:.2f} steps/s"
        return line + left


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM once: finish the step, save and stop. Ctrl-C again: at once, without saving.

    Where SIGINT was ignored from the start, by ``nohup`` or in the background of a script, it is meant for others.
    """
    asked = threading.Event()
    numbers = [signal.SIGTERM, *([] if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else [signal.SIGINT])]

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()
        os.write(2, b"Finishing the step and saving; again to stop at once.\n")

    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
