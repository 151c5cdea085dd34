"""A job's process that sweeps the model ``tiny``: ``python tests/support/sweep_process.py [uncompiled] FOLDER``.

It is the `ddsing.jobs.run` of all jobs, but that every step takes a while, and is noted in the ``steps.txt`` of the
workspace: the process, the cell, the step. With ``uncompiled`` no training is compiled, which takes longer than a few
steps.
"""

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
PROGRAM = (sys.executable, str(Path(__file__).resolve()))
UNCOMPILED = (*PROGRAM, "uncompiled")
STEP_S = 0.15


def run(workspace, options, job):
    """See `ddsing.experiments.sweep.job.run`."""
    from ddsing.experiments.sweep import job as sweeping
    from ddsing.training import run as runs
    from tests.support import tiny_training

    one_step = runs._Run._one_step

    def noted(training, events):
        time.sleep(STEP_S)
        one_step(training, events)
        cell = training._ready.path.name.removesuffix("_checkpoints")
        with open(workspace.root / "steps.txt", "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {cell} {training.step}\n")

    runs._Run._one_step = noted
    how = tiny_training.uncompiled if "uncompiled" in sys.argv else contextlib.nullcontext
    with tempfile.TemporaryDirectory() as gin, how():
        tiny_training.add_tiny_model(Path(gin) / "gin")
        return sweeping.run(workspace, options, job)


if __name__ == "__main__":
    from ddsing.jobs import run as process

    sys.exit(process.main(sys.argv[-1:], kinds={"sweep": "tests.support.sweep_process:run"}))
