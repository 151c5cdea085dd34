"""Faults that a training can be given: a loss that is no number, a disk that is full at a certain moment."""

import errno
import math
import os
import shutil
import signal
from pathlib import Path

import numpy as np


def install(
    root: Path,
    *,
    nan_at: int | None = None,
    broken_weight_at: int | None = None,
    die_at: int | None = None,
    die_noting: list | None = None,
    room: dict | None = None,
) -> None:
    """Install the faults that are named, in this process, for good.

    Parameters
    ----------
    nan_at : int, optional
        The step whose sound is NaN, and so its loss.
    broken_weight_at : int, optional
        The step after which a weight is infinite, though the loss was not.
    die_at : int, optional
        The step before which the process kills itself.
    die_noting : [int, str], optional
        The step for whose place on the curve the process kills itself, ``before`` it is written or ``after``;
        what was written has reached the disk.
    room : dict, optional
        ``at``: the step of this run before which the disk is filled; ``bytes``: what stays free; ``blind``: whether the
        training does not look first; ``disk``: whether the workspace has a small disk of its own, else the write of a
        checkpoint fails after so many bytes.
    """
    from ddsing.engine.tf import step as steps
    from ddsing.formats.event_log import EventWriter
    from ddsing.training import checkpoints

    if die_noting is not None:
        EventWriter.add = _dying(EventWriter, *die_noting)
    run, weights, taken = steps.Step.run, steps.Step.weights, iter(range(1, 10**9))

    def faulty_run(self, batch):
        number = self.iterations + 1
        if number == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if nan_at is not None and number >= nan_at:
            batch = {**batch, "audio": batch["audio"] * math.nan}
        if room is not None and next(taken) == room["at"]:
            (fill if room["disk"] else pretend)(root, room["bytes"])
        return run(self, batch)

    def faulty_weights(self):
        found = weights(self)
        if self.iterations == broken_weight_at:
            found[next(iter(found))] = np.full_like(found[next(iter(found))], math.inf)
        return found

    steps.Step.run, steps.Step.weights = faulty_run, faulty_weights
    if room is not None and room["blind"]:
        checkpoints.require_room = lambda *_: None


def _dying(writer, at: int, when: str):
    """An `EventWriter.add` that does not survive a step."""
    add = writer.add

    def dying(self, step, values):
        if step != at or when == "after":
            add(self, step, values)
        if step == at:
            self.sync()  # however long ago the last steps were written
            os.kill(os.getpid(), signal.SIGKILL)

    return dying


def pretend(root: Path, leave_bytes: int) -> None:
    """Without a disk of its own: report so much room, and let TensorFlow's file writer meet the end of it."""
    from ddsing.training import checkpoints

    usage = shutil.disk_usage(root)
    checkpoints.shutil.disk_usage = lambda path: type(usage)(usage.total, usage.total - leave_bytes, leave_bytes)
    publish = checkpoints.publish

    def limited(folder, step, write, facts):
        def cut_short(prefix):
            write(prefix)
            if sum(path.stat().st_size for path in prefix.parent.iterdir()) > leave_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return publish(folder, step, cut_short, facts)

    checkpoints.publish = limited


def fill(root: Path, leave_bytes: int) -> None:
    """Fill the disk of a folder but for some bytes."""
    with open(root / "filler", "ab", buffering=0) as file:
        while (excess := shutil.disk_usage(root).free - leave_bytes) > 0:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, max(excess // 2, 4096))
            except OSError:
                break
