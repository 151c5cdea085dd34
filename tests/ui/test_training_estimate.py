"""The time that the Training page expects is learnt from the trainings of its own computer, however they ended."""

import pytest

from tests.support import tiny_process, tiny_training
from tests.support.pages import clean, open_page, said

pytestmark = pytest.mark.slow

ENOUGH = 9  # steps to learn from


@pytest.fixture
def workspace(tiny_models, own_locks, tmp_path):
    """Two voices, prepared and never trained, on a computer where nothing has been trained yet."""
    return tiny_training.untrained(tmp_path)


@pytest.mark.parametrize(
    ("state", "options"),
    [
        ("done", {"steps": ENOUGH}),
        ("stopped", {"steps": 10**6, "stop_at": ENOUGH}),
        ("failed", {"steps": 10**6, "save_every": ENOUGH, "nan_at": ENOUGH + 1}),
    ],
)
def test_it_is_no_guess_after_a_training(workspace, monkeypatch, state, options):
    app = open_page(monkeypatch, workspace.root, "training")
    app.selectbox(key="train.config").select("tiny").run()
    clean(app)
    assert "a guess: no training runs on this computer yet" in said(app)
    ended = tiny_process.job(workspace, **options)
    assert ended.state == state, ended.log_tail
    app.selectbox(key="voice.name").select("bass").run()
    app.selectbox(key="train.config").select("tiny").run()
    assert "based on earlier runs of this model on this computer" in said(app)
    app.selectbox(key="train.config").select("singing_small").run()
    assert "based on runs of another model on this computer" in said(app)
    app.selectbox(key="voice.name").select("alto").run()
    assert "based on earlier runs of this model on this computer" in said(app), "to go on with it, too"
