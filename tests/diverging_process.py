"""A job's process whose training diverges at its second step: ``python tests/diverging_process.py FOLDER``.

It trains the model ``tiny``, with a sound that is no number from that step on, in the `ddsing.jobs.run` of all jobs.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def run(workspace, options, job):
    """See `ddsing.training.job.run`."""
    from ddsing.training import job as training
    from tests import tiny_training, training_faults

    with tempfile.TemporaryDirectory() as gin:
        tiny_training.add_tiny_model(Path(gin) / "gin")
        training_faults.install(workspace.root, nan_at=2)
        return training.run(workspace, options, job)


if __name__ == "__main__":
    from ddsing.jobs import run as process

    sys.exit(process.main(kinds={"train": "tests.diverging_process:run"}))
