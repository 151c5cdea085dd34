"""Models that hear how sure the pitch is: the decoder with one input more, and nothing else than before without it."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from ddsing.engine import morph, render
from ddsing.engine.decoder import always_sure
from ddsing.engine.tf import autoencoder as models
from ddsing.errors import FeaturesError, InstrumentError
from ddsing.formats.gin_text import read_bindings
from ddsing.instrument import notebook
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.gin import read_config
from ddsing.model.weights import random_weights
from tests.engine.test_engine import SMALL, ddsps_own_autoencoder, features

VOICING = replace(SMALL, voicing=True)


def sung(config, *, n_samples=32_000, **options):
    f0_hz, loudness_db = (x[: n_samples // 64] for x in features(n_samples))
    renderer = render.load(config, random_weights(config, seed=4))
    return render.render(renderer, f0_hz, loudness_db, n_samples=n_samples, keep_controls=True, **options)


def test_it_is_told_in_files_and_texts_only_where_it_is_on():
    assert "voicing" in asdict(SMALL) and "voicing" not in SMALL.to_json() and VOICING.to_json()["voicing"] is True
    assert all(ModelConfig.from_json(config.to_json()) == config for config in (SMALL, VOICING))
    for z in (None, ZConfig(24, 8, 500)):
        config = replace(VOICING, z=z)
        assert config.input_keys[-1] == "f0_confidence"
        assert read_config(read_bindings(notebook.gin_text(config).encode())) == config
        more = set(config.weight_shapes()) - set(replace(config, voicing=False).weight_shapes())
        assert {name.partition("/layer")[0] for name in more} == {f"decoder/input_stacks/{2 + bool(z)}"}
    with pytest.raises(InstrumentError, match="voicing must be true or false"):
        replace(SMALL, voicing=1)


@pytest.mark.slow
@pytest.mark.parametrize("z", [None, ZConfig(24, 8, 500)])
def test_controls_are_those_of_ddsp_s_own_parts(z):
    config, n_samples = replace(VOICING, z=z), 32_000
    f0_hz, loudness_db = (x[:500] for x in features(n_samples))
    random = np.random.default_rng(2)
    audio, confidence = random.normal(0.0, 0.1, n_samples).astype(np.float32), random.random(500).astype(np.float32)
    autoencoder = ddsps_own_autoencoder(config, n_samples)
    inputs = {"audio": audio[None], "f0_hz": f0_hz[None, :, None], "loudness_db": loudness_db[None, :, None]}
    inputs["f0_confidence"] = confidence[None, :, None]
    autoencoder(inputs, training=False)
    models.assign_weights(autoencoder, config, random_weights(config, seed=4))
    theirs = autoencoder(inputs, training=False)
    ours = sung(config, audio=audio, confidence=confidence).controls
    for name, processor, key in (
        ("amps", "harmonic", "amplitudes"),
        ("harmonic_distribution", "harmonic", "harmonic_distribution"),
        ("noise_magnitudes", "filtered_noise", "magnitudes"),
    ):
        np.testing.assert_allclose(ours[name], theirs[processor]["controls"][key].numpy()[0], atol=2e-4)


def test_confidence_is_heard_in_any_blocks_and_is_full_where_nothing_is_said():
    confidence = np.linspace(0.0, 1.0, 500).astype(np.float32)
    rising, full = sung(VOICING, confidence=confidence), sung(VOICING)
    assert not np.array_equal(rising.audio, full.audio)
    assert np.array_equal(full.audio, sung(VOICING, confidence=np.ones(500)).audio)
    np.testing.assert_allclose(rising.audio, sung(VOICING, confidence=confidence, block_frames=64).audio, atol=1e-5)
    assert np.array_equal(sung(SMALL).audio, sung(SMALL, confidence=confidence).audio), "one that doesn't hear it"
    with pytest.raises(FeaturesError, match="3 frames of confidence for 500 of f0"):
        sung(VOICING, confidence=np.ones(3))


@pytest.mark.parametrize("z", [None, ZConfig(24, 8, 500)])
def test_a_model_that_is_always_sure_needs_no_confidence(z):
    config = replace(VOICING, z=z)
    weights = random_weights(config, seed=4)
    plain, own = always_sure(config, weights)
    assert plain == replace(SMALL, z=z) and {name: x.shape for name, x in own.items()} == plain.weight_shapes()
    audio = np.random.default_rng(2).normal(0.0, 0.1, 32_000).astype(np.float32)
    f0_hz, loudness_db = (x[:500] for x in features(32_000))
    again = render.render(render.load(plain, own), f0_hz, loudness_db, n_samples=32_000, audio=audio)
    np.testing.assert_allclose(again.audio, sung(config, audio=audio).audio, atol=1e-5)
    assert always_sure(SMALL, weights) == (SMALL, weights)


def test_in_a_mixture_each_hears_what_it_can():
    n_samples, confidence = 32_000, np.linspace(0.0, 1.0, 500).astype(np.float32)
    f0_hz, loudness_db = (x[:500] for x in features(n_samples))
    renderers = [render.load(config, random_weights(config, seed=4)) for config in (SMALL, VOICING)]
    for shares in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5)):
        mixed = morph.mixture(
            renderers,
            [f0_hz] * 2,
            [loudness_db] * 2,
            np.tile(shares, (500, 1)),
            n_samples=n_samples,
            confidence=confidence,
        )
        audio = np.concatenate([block.audio for block in render.blocks(mixed, n_samples=n_samples)])
        alone = [sung(config, confidence=confidence).audio for config in (SMALL, VOICING)]
        assert [np.array_equal(audio, one) for one in alone] == [share == 1.0 for share in shares]


def test_the_notebooks_can_t_have_it():
    assert "hears how sure the pitch is" in notebook.why_not(VOICING) and not notebook.why_not(SMALL)
