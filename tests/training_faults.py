"""Faults that a training can be given: a loss that is no number, a disk that is full at a certain moment."""

import math
import os
import shutil
from pathlib import Path


def install(root: Path, *, nan_at: int | None = None, room: dict | None = None) -> None:
    """Install the faults that are named, in this process, for good.

    Parameters
    ----------
    nan_at : int, optional
        The step whose weights become NaN, and so its loss.
    room : dict, optional
        ``at``: the step before which the disk is filled; ``bytes``: what stays free; ``blind``: whether the training does not
        look first. Only for a workspace on a small disk of its own.
    """
    from ddsing.engine.training import step as steps
    from ddsing.training import checkpoints

    run, taken = steps.Step.run, iter(range(1, 10**9))

    def faulty(self, batch):
        number = self.iterations + 1
        if nan_at is not None and number >= nan_at:
            batch = {**batch, "audio": batch["audio"] * math.nan}
        if room is not None and next(taken) == room["at"]:
            fill(root, room["bytes"])
        return run(self, batch)

    steps.Step.run = faulty
    if room is not None and room["blind"]:
        checkpoints.require_room = lambda *_: None


def fill(root: Path, leave_bytes: int) -> None:
    """Fill the disk of a folder but for some bytes."""
    with open(root / "filler", "ab", buffering=0) as file:
        while (excess := shutil.disk_usage(root).free - leave_bytes) > 0:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, max(excess // 2, 4096))
            except OSError:
                break
