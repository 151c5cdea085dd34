"""The Training page after a training that diverged: what happened, and what to press."""

import shutil

import pytest

from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.store import JobStore
from ddsing.training import checkpoints
from ddsing.workspace import open_workspace
from tests.support import tiny_process, tiny_training, tiny_workspace
from tests.support.pages import clean, open_page, said

pytestmark = pytest.mark.slow

OPTIONS = {"steps": 12, "save_every": 1, "learning_rate": 0.03}


@pytest.fixture(scope="module")
def diverged_once(tiny_models, tmp_path_factory):
    """A workspace in which a job's training of alto diverged at its second step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDSING_LOCKS", str(tmp_path_factory.mktemp("locks")))
        workspace = open_workspace(tiny_workspace.empty(tmp_path_factory.mktemp("diverged") / "ws"))
        tiny_training.prepared_voice(workspace, n_train=2, n_held_out=0)
        ended = tiny_process.job(workspace, nan_at=2, **OPTIONS)
        assert ended.error == "Diverged", ended.log_tail
        yield workspace


@pytest.fixture
def diverged(diverged_once, monkeypatch, tmp_path):
    """(the page on a copy of that workspace, its store); jobs that are ordered never start by themselves."""
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setattr(LocalLauncher, "start", lambda self, folder: None)
    shutil.copytree(diverged_once.root, tmp_path / "ws")
    workspace = open_workspace(tmp_path / "ws")
    return open_page(monkeypatch, workspace.root, "training"), JobStore(workspace)


def test_it_is_said_what_happened_and_what_works(diverged):
    app, _ = diverged
    assert not app.exception
    shown = [error.value.replace("\\", "") for error in app.error]
    assert shown == [
        "Stopped at step 2: the loss became NaN. The last good checkpoint is "
        "step 1. Continue with a lower learning rate, such as a third of it, 0.01."
    ]
    gentler, resume = app.button(key="train.gentler"), app.button(key="train.resume")
    assert (gentler.label, gentler.proto.type) == ("Continue with a lower learning rate", "primary")
    assert "0.01 instead of 0.03, from step 1" in gentler.help
    assert (resume.label, resume.proto.type) == ("Resume", "secondary")
    assert len(app.get("plotly_chart")) == 1, "the curve stays"


def test_the_first_press_goes_on_with_a_third_of_the_rate(diverged):
    app, store = diverged
    app.button(key="train.gentler").click().run()
    clean(app)
    (job,) = store.live()
    changed = {name: value for name, value in job.options.items() if OPTIONS.get(name, value) != value}
    assert changed == {"learning_rate": 0.01} and job.options.keys() >= OPTIONS.keys()
    assert job.key == "train:alto" and not job.options["mixed_precision"]


def test_the_second_press_resumes_it_as_it_was(diverged):
    app, store = diverged
    app.button(key="train.resume").click().run()
    clean(app)
    (job,) = store.live()
    assert job.options["learning_rate"] == 0.03


def test_the_form_below_has_the_lower_rate_too(diverged):
    app, store = diverged
    app.session_state["train.advanced"] = True
    app.run()
    shown = app.number_input(key="train.learning_rate").value
    app.button(key="train.start").click().run()
    (job,) = store.live()
    assert shown == job.options["learning_rate"] == 0.01


def test_without_a_checkpoint_it_begins_again(diverged):
    app, store = diverged
    path = store.workspace.audio / "alto_checkpoints"
    for checkpoint in checkpoints.published(path):
        checkpoint.index_path.unlink()
    app.run()
    assert app.button(key="train.gentler").label == "Start over with a lower learning rate"
    assert "from the beginning" in app.button(key="train.gentler").help


@pytest.mark.parametrize("error", ["TrainingError", "", "DatasetError"])
def test_another_failure_offers_no_lower_rate(diverged, error):
    app, store = diverged
    (job,) = store.list()
    record = store._folder(job.id).record()
    store._folder(job.id).write_record(record | {"error": error, "message": "Its folder can't be written."})
    app.run()
    shown = {str(button.key): button.proto.type for button in app.button}
    assert "train.gentler" not in shown and shown["train.resume"] == "primary"
    assert "Training failed" in said(app)
