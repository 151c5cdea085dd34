"""How a training's job tells of its stages: those before the first step have a share of their own and no step."""

import pytest

from ddsing.jobs.context import JobContext
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.status import read
from ddsing.training import job, run, stages
from ddsing.training.run import Outcome, Progress


def test_each_stage_has_words_and_the_first_ones_come_before_the_steps():
    assert list(stages.STAGES) == list(stages.WORDS) and all(stages.WORDS.values())
    n = len(stages.BEFORE_STEPS)
    assert set(stages.STAGES[:n]) == stages.BEFORE_STEPS and stages.STAGES[n] == "training"


@pytest.mark.parametrize(
    ("progress", "fraction", "step"),
    [
        (Progress(0, 12, stage="preparing", fraction=0.5), 0.5, None),
        (Progress(0, 12, stage="loading", message="Loading TensorFlow"), None, None),
        (Progress(0, 12, stage="head start", fraction=0.25), 0.25, None),
        (Progress(3, 12, loss=5.0, stage="training"), 0.25, 3),
        (Progress(12, 12, stage="exporting"), 1.0, 12),
    ],
    ids=stages.STAGES[:4] + ("exporting",),
)
def test_what_a_job_shows_of_a_stage(tmp_path, monkeypatch, progress, fraction, step):
    folder = JobFolder(tmp_path / "20260101-train")
    folder.create({"kind": "train", "title": "Train alto", "options": {"voice": "alto"}, "key": "train:alto"})
    before = {"state": "running", "stage": "preparing", "fraction": 1.0}

    def train(*_, report, **__):
        report(progress)
        return Outcome(0, None, None, stopped=False)

    monkeypatch.setattr(run, "train", train)
    context = JobContext(folder, before)
    with folder.take():  # as the job's own process does
        job.run(tmp_path, {"voice": "alto", "config": "singing_small"}, context)
        context.enter("running")  # which writes
        found = read(folder)
    assert (found.stage, found.fraction, found.step) == (progress.stage, fraction, step)
    assert found.message == progress.message
