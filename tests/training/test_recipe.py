"""The files of gin/models: their values, read as data and by gin itself; what a recipe may change."""

import re

import pytest

from ddsing.engine.tf import gin_config as engine_config
from ddsing.engine.tf import runtime
from ddsing.errors import SettingsError
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.training import checkpoints, job
from ddsing.training import recipe as recipes
from ddsing.training.recipe import Recipe, config_file, configs, parsed, resolved

ORIGINAL = {"window_frames": 1000, "steps": 40_000, "batch_size": 32, "save_every": 250, "learning_rate": 3e-4}
TRAINER = {"lr_decay_steps": 10_000, "lr_decay_rate": 0.98, "grad_clip_norm": 3.0}


def test_the_originals_values():
    singing = ModelConfig(3, 512, 512, 3, 100, 65, noise_window_size=0)
    for name, z in (("singing", None), ("singing_z", ZConfig(512, 16, 125))):
        found = config_file(name)
        assert found.model == ModelConfig(**{**vars(singing), "z": z})
        assert {field: getattr(found, field) for field in ORIGINAL | TRAINER} == ORIGINAL | TRAINER


def test_the_small_variants():
    for name, z, frames in (("singing_small", None, 500), ("singing_z_small", ZConfig(128, 16, 125), 1000)):
        found = config_file(name)
        assert found.model == ModelConfig(3, 128, 128, 2, 60, 33, z, noise_window_size=0)
        assert found.window_frames == frames and found.batch_size <= 8


def test_every_file_says_what_it_is_what_it_decodes_from_and_what_it_assumes():
    found = configs()
    names = ["singing", "singing_small", "singing_z", "singing_z_small", "vst", "vst_small"]
    assert [config.name for config in found] == names
    for config in found:
        assert config.title and "Decodes from: " in config.description and "Assumes: " in config.description


@pytest.mark.slow
@pytest.mark.parametrize("name", ["singing_small", "singing_z_small", "vst_small"])
def test_gin_builds_the_model_that_is_read_as_data(name):
    """And the operative configuration, read again as that of a stranger, is the same model and training."""
    z = {"z_time_steps": 250, "z_dims": 5} if "_z" in name else {}
    asked = resolved(Recipe(config=name, n_harmonics=20, n_noise_bands=17, steps=7, learning_rate=1e-5, **z))
    operative = engine_config.operative(asked.text)
    again = parsed(name, operative)
    assert again.model == asked.model
    fields = [*ORIGINAL, *TRAINER]
    assert [getattr(again, field) for field in fields] == [getattr(asked, field) for field in fields]
    assert (asked.steps, asked.learning_rate, asked.model.n_harmonics) == (7, 1e-5, 20)
    assert not re.search(r"/(home|root|work|tmp)/", operative)
    power = "OnlineF0PowerPreprocessor.compute_power = True"
    assert (power if "vst" in name else "F0LoudnessPreprocessor.compute_loudness = False") in operative


@pytest.mark.slow
def test_ddsp_run_can_be_given_the_files_as_they_are():
    """Gin's own include finds the parts, and nothing of the text is left over in gin afterwards."""
    runtime.ddsp()
    import gin

    gin.clear_config()
    gin.add_config_file_search_path(str(recipes.GIN))
    try:
        for config in configs():
            gin.parse_config_file(f"models/{config.name}.gin")
            for name in ("n_harmonics", "time_steps", "batch_size", "steps"):
                value = gin.query_parameter(f"%{name}")
                field = {"time_steps": "window_frames"}.get(name, name)
                assert value == getattr(config, field, None) or value == getattr(config.model, field, None)
            gin.clear_config()
    finally:
        gin.clear_config()
    engine_config.operative(resolved(Recipe(config="singing_small", n_harmonics=5, n_noise_bands=5)).text)
    assert gin.config_str().strip() in ("", "import ddsp\nimport ddsp.training as ddsp2".strip())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"steps": 0}, "steps is 0; it must be 1 to"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"batch_size": True}, "batch_size is True"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": "1e-3\nimport os"}, "learning_rate"),
        ({"n_harmonics": "@os.system('x')"}, "n_harmonics"),
        ({"n_noise_bands": 2}, "n_noise_bands is 2; it must be 3 to"),
        ({"z_time_steps": 126}, "z_time_steps is 126; it must be 125, 250, 500."),
        ({"z_dims": 0}, "z_dims is 0; it must be 1 to 64"),
        ({"config": "../../etc/passwd"}, "No model"),
        ({"config": "base"}, "available: singing, singing_small, singing_z, singing_z_small, vst, vst_small."),
        ({"export": "first"}, "latest or best"),
        ({"tracker": "yin"}, "tiny"),
        ({"mixed_precision": "no"}, "true or false"),
    ],
)
def test_what_a_recipe_refuses(options, sentence):
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        Recipe.from_options(options)


def test_how_timbre_is_followed_is_chosen_where_it_is_followed_at_all():
    wide, narrow = (resolved(Recipe(config="singing_z_small", **z)) for z in ({}, {"z_time_steps": 500, "z_dims": 4}))
    assert (wide.model.z, narrow.model.z) == (ZConfig(128, 16, 125), ZConfig(128, 4, 500))
    assert narrow.model.weight_shapes()["encoder/dense_out/kernel"] == (128, 4)
    assert Recipe(z_dims=4).names_a_model and Recipe(z_time_steps=250).names_a_model
    with pytest.raises(SettingsError, match="singing_small does not follow timbre.*Choose singing_z_small"):
        resolved(Recipe(config="singing_small", z_dims=4))


def test_a_recipe_passes_over_what_is_none_of_its_own_and_goes_on_as_begun():
    recipe = Recipe.from_options({"voice": "alto", "config": "singing_small", "steps": 100, "seed": None})
    assert recipe == Recipe(config="singing_small", steps=100)
    assert Recipe.from_options(recipe.to_json()) == recipe
    begun = Recipe(config="singing_small", steps=100, batch_size=4, seed=3, n_harmonics=20).to_json()
    merged = Recipe(steps=500).merged(begun)
    assert (merged.steps, merged.batch_size, merged.seed, merged.n_harmonics) == (500, 4, 3, 20)
    assert Recipe().names_a_model is False and Recipe(n_harmonics=3).names_a_model


def test_a_training_job_asks_for_the_room_of_the_checkpoints_that_it_keeps():
    few, many = (job.order("alto", Recipe(config="singing", keep=keep)) for keep in (1, 11))
    assert few.key == "train:alto" and Recipe.from_options(few.options) == Recipe(config="singing", keep=1)
    each = checkpoints.n_bytes(resolved(Recipe(config="singing")).model)
    assert many.needs_bytes - few.needs_bytes == 10 * each > 10 * 3 * 4 * 4_000_000, "weights and Adam's averages"
    assert job.order("alto", Recipe(config="singing_small")).needs_bytes < few.needs_bytes


def test_a_recipe_is_parsed_once():
    """By the text that is bound: numbers that are equal but written otherwise are bound as they are written."""
    asked = {"config": "singing_small", "n_harmonics": 23, "learning_rate": 1e-5}
    first = resolved(Recipe(**asked))
    assert resolved(Recipe(**asked, seed=7)) is first and resolved(Recipe(**asked, steps=9)).steps == 9
    assert resolved(Recipe(**{**asked, "config": "singing"})).model.ch > first.model.ch
    texts = [resolved(Recipe(**{**asked, "learning_rate": rate})).text for rate in (1, 1.0)]
    assert [text.splitlines()[-2] for text in texts] == ["learning_rate = 1", "learning_rate = 1.0"]
