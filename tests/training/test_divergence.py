"""What helps a training that has diverged: a lower learning rate, as a number and, at the command line, an option."""

import pytest

from ddsing.cli import main, quiet
from ddsing.instrument.notebook import gin_text
from ddsing.model.config import ModelConfig
from ddsing.training import divergence, folder, run, saving
from ddsing.training.recipe import Recipe
from tests.support.tiny_runs import TINY


@pytest.fixture
def begun(workspace):
    """A training of alto that was begun with a rate of 0.003 and has saved nothing yet: its folder."""
    path = workspace.audio / "alto_checkpoints"
    path.mkdir(parents=True)
    folder.write_begun(path, folder.Begun({"learning_rate": 0.003, "mixed_precision": True}))
    return path


def test_a_third_of_the_rate_that_it_had_the_last_time(begun):
    asked = Recipe(steps=100, mixed_precision=True)
    assert divergence.gentler(asked, begun) == Recipe(steps=100, learning_rate=0.001)
    folder.write_begun(begun, folder.Begun({"learning_rate": 0.001}))
    assert divergence.gentler(asked, begun).learning_rate == 0.000333
    folder.write_begun(begun, folder.Begun({"learning_rate": 2e-7}))
    assert divergence.gentler(asked, begun) is None, "lower than a training takes"


def test_a_rate_that_only_the_model_tells(tmp_path):
    path = tmp_path / "bass_checkpoints"
    path.mkdir()
    assert divergence.learning_rate(path) is None and divergence.gentler(Recipe(), path) is None
    text = gin_text(ModelConfig(**TINY)) + "\nTrainer.learning_rate = 0.0003\n"
    (path / "operative_config-0.gin").write_text(text)
    assert divergence.lower_learning_rate(path) == 0.0001


def test_the_sentence_names_mixed_precision_only_where_it_was_used(begun):
    said = str(saving.diverged(begun, 7, "the loss became"))
    assert "Stopped at step 7: the loss became NaN" in said and "There was no checkpoint yet" in said
    assert said.endswith(
        "Continue with a lower learning rate, such as a third of it, 0.001, and without mixed precision."
    )
    folder.write_begun(begun, folder.Begun({"learning_rate": 0.003}))
    assert "mixed" not in str(saving.diverged(begun, 7, "the loss became"))


def test_the_command_line_names_the_option(begun, workspace, monkeypatch, capsys):
    def diverges(*_, **__):
        raise saving.diverged(begun, 7, "the loss became")

    monkeypatch.setenv("DDSING_LOCKS", str(workspace.root / "locks"))
    monkeypatch.setattr(quiet, "load_tensorflow", lambda: None)
    monkeypatch.setattr(run, "train", diverges)
    (workspace.audio / "alto").mkdir()
    assert main(["train", "alto", "--workspace", str(workspace.root)]) == 2
    said = capsys.readouterr().err
    assert "Stopped at step 7" in said and said.endswith("Use --learning-rate 0.001.\n")
    assert "Traceback" not in said
