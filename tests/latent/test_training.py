"""A model that listens to timbre, from its dataset to a take: trained, stopped, resumed, exported, sung with any z."""

import numpy as np
import pytest

from ddsing.instrument import open_any, write_notebook
from ddsing.instrument.library import Library
from ddsing.model.weights import random_weights
from ddsing.sound import audio as recordings
from ddsing.training import checkpoints, export, folder, sanity
from ddsing.training import run as runs
from ddsing.training.recipe import Recipe
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from tests.support import tiny_training, tiny_workspace

pytestmark = pytest.mark.slow

GIN = """# -*-Python-*-
# Tiny with timbre
# For tests only.

include 'models/singing_z.gin'

units = 8
layers = 1
n_harmonics = 12
n_noise_bands = 9
z_units = 6
z_dims = 3

learning_rate = 3e-3
batch_size = 2
steps = 6
save_every = 3
"""


@pytest.fixture(scope="module", autouse=True)
def tiny_z(tiny_models):
    """The model ``tiny_z`` beside those of gin/models."""
    (tiny_models / "models" / "tiny_z.gin").write_text(GIN)


@pytest.mark.usefixtures("uncompiled")
def test_from_dataset_to_take(workspace, tmp_path):
    path = tiny_training.prepared_voice(workspace, "alto", n_train=3, n_held_out=1)
    wanted = Recipe(config="tiny_z", seed=1)
    told = []
    stopped = runs.train(
        workspace, "alto", wanted, report=told.append, should_stop=lambda: told[-1:] and told[-1].step >= 3
    )
    assert stopped.stopped and stopped.step == 3
    outcome = runs.train(workspace, "alto", wanted)
    assert outcome.step == 6 and outcome.instrument_name == "alto"
    model = folder.config(path).model
    assert model.z.z_dims == 3 and model.z.rnn_channels == 6 and model.input_keys[-1] == "z"
    first = random_weights(model, seed=1)
    last = checkpoints.get(path, 6).state(model).weights
    moved = [name for name in last if name.startswith("encoder/") and not np.array_equal(first[name], last[name])]
    assert len(moved) == sum(name.startswith("encoder/") for name in last) > 4  # it learns to listen
    (compared, *_) = sanity.check(workspace, "alto", step=6)
    assert len(compared.reconstruction) == len(compared.original)

    made = Library(workspace).get("alto")
    assert made.latent is not None and made.latent.mean.shape == (3,) and made.latent.scales[0] > 0
    assert made.places is not None and made.places.z_dims == 3
    (workspace.examples / "sung.wav").write_bytes(recordings.encode(tiny_workspace.sung(5.0)))  # more than a window
    sounds = []
    for asked in (Settings(), Settings(z_from="mean"), Settings(z_shift=(3.0,)), Settings(pull=1.0)):
        take = pipeline.run(workspace, workspace.examples / "sung.wav", "alto", asked, tracker="tiny")
        sounds.append(recordings.decode(take.folder / "result.wav"))
    assert all(len(sound) == 80_000 and np.isfinite(sound).all() for sound in sounds)
    assert not any(np.array_equal(sounds[0], other) for other in sounds[1:])

    write_notebook(made, tmp_path / "notebook.zip")  # and back to 2021: the checkpoint has no place for the mean
    again = open_any(tmp_path / "notebook.zip", name="alto")
    assert again.config == made.config and again.latent is None
    assert all(np.array_equal(again.weights[name], made.weights[name]) for name in made.weights)

    for file in (workspace.audio / "alto_dataset").iterdir():
        file.unlink()
    assert export.instrument(workspace, "alto").latent is None  # where nobody can tell any more
