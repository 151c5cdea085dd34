"""Presets: as many steps as fit into a time here, taught in the way that measured best."""

from types import SimpleNamespace

import pytest

from ddsing import hardware
from ddsing.dataset import voices
from ddsing.errors import SettingsError, TrainingError
from ddsing.sound.audio import encode
from ddsing.training import estimate, folder, preparing, presets
from ddsing.training.recipe import Recipe, resolved
from tests.support import tiny_workspace


@pytest.fixture
def alto(workspace, monkeypatch):
    monkeypatch.setattr(hardware, "crowd", lambda: 0.0)  # how busy it is changes from one call to the next
    voice = voices.create(workspace, "alto")
    (voice.folder / "sung.wav").write_bytes(encode(tiny_workspace.sung(3.0)))
    return voice


def learn(workspace, recipe, step_s):
    config = resolved(recipe)
    ready = SimpleNamespace(config=config, batch_size=config.batch_size, recipe=recipe, head_start_s=60.0)
    estimate.learn(workspace, ready, [30.0] + [step_s] * 20, [2.0] * 3)


def begun(workspace, voice, recipe, *, done):
    path = voice.checkpoints_folder
    path.mkdir()
    folder.write_begun(path, folder.Begun(recipe.to_json()))
    (path / f"ckpt-{done}.index").touch()


@pytest.mark.parametrize("step_s", [0.2, 5.0])
@pytest.mark.parametrize("preset", presets.PRESETS, ids=lambda preset: preset.name)
def test_all_of_it_fits_into_the_time_and_uses_it(workspace, alto, preset, step_s):
    learn(workspace, presets.WAY, step_s)
    recipe = presets.recipe(workspace, "alto", preset.name)
    takes_s = estimate.seconds(workspace, recipe)[0] + preparing.seconds(alto, recipe)
    assert 0.88 * preset.time_s < takes_s <= 0.9 * preset.time_s
    assert -(-recipe.steps // recipe.save_every) in (preset.n_saves - 1, preset.n_saves)
    trained = resolved(recipe)
    assert (trained.lr_decay_steps, trained.lr_decay_rate) == (recipe.steps, 0.03)
    assert trained.model.z.z_time_steps == 500 and trained.teaching.said() == {"loss_mel": 0.5, "z_noise": 0.5}


def test_the_best_tracker_that_leaves_time_for_the_training(workspace, alto, monkeypatch):
    costs = {"full": 1500.0, "fast": 1300.0, "tiny": 200.0}
    monkeypatch.setattr(preparing, "seconds", lambda source, recipe=None: costs[recipe.tracker])
    assert presets.recipe(workspace, "alto", "hour").tracker == "tiny"
    assert presets.recipe(workspace, "alto", "overnight").tracker == "full"
    assert presets.recipe(workspace, "alto", "hour", Recipe(tracker="fast")).tracker == "fast"


def test_what_is_chosen_beside_it_is_kept(workspace, alto):
    recipe = presets.recipe(workspace, "alto", "hour", Recipe(z_dims=8, macros={"z_dropout": 0.5}, seed=3))
    assert (recipe.z_dims, recipe.macros, recipe.seed) == (8, (("z_dropout", 0.5),), 3)
    other = presets.recipe(workspace, "alto", "hour", Recipe(config="singing_small", steps=77))
    assert (other.config, other.z_time_steps, other.macros, other.steps) == ("singing_small", None, None, 77)
    with pytest.raises(SettingsError, match="no preset 'week'; there are hour and overnight"):
        presets.recipe(workspace, "alto", "week")


def test_a_training_goes_on_to_its_last_step_and_beyond_it_for_the_time(workspace, alto):
    first = presets.recipe(workspace, "alto", "hour")
    begun(workspace, alto, first, done=20)
    assert presets.recipe(workspace, "alto", "hour") == Recipe(), "as it was begun"
    (alto.checkpoints_folder / f"ckpt-{first.steps}.index").touch()
    longer = presets.recipe(workspace, "alto", "hour")
    assert longer == Recipe(steps=longer.steps, lr_end=0.03) and first.steps < longer.steps <= 2.2 * first.steps


def test_a_folder_of_2021_has_its_own_steps(workspace, alto):
    alto.checkpoints_folder.mkdir()
    (alto.checkpoints_folder / "ckpt-300.index").touch()
    with pytest.raises(TrainingError, match="started by the 2021 notebooks"):
        presets.recipe(workspace, "alto", "hour")
