"""A job's process that trains the model ``tiny``: ``python tests/support/tiny_process.py FOLDER``.

It is the `ddsing.jobs.run` of all jobs, but for the option ``nan_at``, see `tests.support.training_faults.install`, and
that nothing is compiled. `job` starts one and waits for its end.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.order import Order
from ddsing.jobs.store import JobStore
from tests.support.patience import until

PROGRAM = (sys.executable, str(Path(__file__).resolve()))


def job(workspace, *, stop_at: int | None = None, **options):
    """Train the voice alto in a job, ask it to stop after a step, and wait for its end; returns its status.

    The process has left then, too: after its last status it still tidies its folder.
    """
    store = JobStore(workspace, launcher=LocalLauncher(PROGRAM))
    options = {"voice": "alto", "config": "tiny"} | options
    started = store.submit(Order("train", "Train alto", options, "train:alto", needs_bytes=0, device="cpu"))

    def ended():
        status = store.status(started.id)
        if stop_at is not None and status.live and (status.step or 0) >= stop_at:
            store.stop(started.id)
        return None if status.live or JobFolder(workspace.jobs / started.id).is_locked() else status

    return until(ended, told=lambda: store.status(started.id), every_s=0.1)


def run(workspace, options, job):
    """See `ddsing.training.job.run`."""
    from ddsing.training import job as training
    from tests.support import tiny_training, training_faults

    with tempfile.TemporaryDirectory() as gin, tiny_training.uncompiled():
        tiny_training.add_tiny_model(Path(gin) / "gin")
        training_faults.install(workspace.root, nan_at=options.get("nan_at"))
        return training.run(workspace, options, job)


if __name__ == "__main__":
    from ddsing.jobs import run as process

    sys.exit(process.main(kinds={"train": "tests.support.tiny_process:run"}))
