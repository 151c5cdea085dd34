"""The Training page with a cluster that this computer can't reach, and with a mistake in the engine's settings."""

import pytest

from ddsing.jobs.store import JobStore
from ddsing.ui.shell.formatting import plain
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page, said

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_locks")]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A workspace whose jobs go to Slurm, on a computer that has none of Slurm's commands."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    root = tiny_workspace.fill(tmp_path / "ws")
    (root / "engine.toml").write_text('kind = "slurm"\npartition = "gpu"\n')
    return root


def test_a_job_of_unknown_state_is_shown_as_that_and_can_be_stopped(root, monkeypatch):
    app = open_page(monkeypatch, root, "training")
    app.button(key="train.start").click().run()
    clean(app)
    (job,) = JobStore(Workspace(root)).list()
    assert job.state == "unknown" and "cloud_off" in said(app)
    sentence = "Slurm does not answer (the command squeue is not on this computer), so it is unknown"
    assert plain(sentence) in said(app)
    app.button(key="train.stop").click().run()
    clean(app)
    assert (root / "jobs" / job.id / "stop").exists()
    page = open_page(monkeypatch, root, "experiments")
    clean(page)


def test_a_mistake_in_the_settings_is_a_sentence_where_a_job_is_started_and_harms_nothing_else(root, monkeypatch):
    (root / "engine.toml").write_text('kind = "slurm"\npartitions = "gpu"\n')
    app = open_page(monkeypatch, root, "training")
    clean(app)
    app.button(key="train.start").click().run()
    assert not app.exception and plain("Unknown engine setting 'partitions'") in app.session_state["errors.later"][0]
    assert JobStore(Workspace(root)).list() == []
