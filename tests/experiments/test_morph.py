"""Morphs: weights over time, controls between instruments, and takes that say what they are made of."""

import itertools
import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from ddsing import instrument as formats
from ddsing.cli import main
from ddsing.engine import morph as engine
from ddsing.engine import render
from ddsing.errors import SettingsError
from ddsing.instrument import Instrument
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.sound.audio import decode, read_recipe
from ddsing.transfer import pipeline
from ddsing.transfer.morph import Morph, parse
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import read_morph
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace

SMALL = ModelConfig(generation=1, rnn_channels=16, ch=16, n_harmonics=12, n_noise_bands=9)


def _instrument(name: str, config: ModelConfig, seed: int) -> Instrument:
    random = np.random.default_rng(seed)
    weights = {key: random.normal(0.0, 0.3, shape).astype(np.float32) for key, shape in config.weight_shapes().items()}
    return replace(tiny_workspace.tiny_instrument(name), config=config, weights=weights, statistics=None)


@pytest.fixture
def filled(tmp_path) -> Workspace:
    """Two tiny instruments, and a third of the older loudness with fewer harmonics and noise bands."""
    root = tiny_workspace.fill(tmp_path / "ws")
    formats.write(_instrument("Old voice", SMALL, 5), root / "instruments" / "Old voice.zip")
    return Workspace(root)


def _curves(n_frames: int = 760):
    f0_hz = (220.0 * 2.0 ** (np.sin(np.arange(n_frames) / 90.0) / 3)).astype(np.float32)
    return f0_hz, np.linspace(-50.0, -20.0, n_frames).astype(np.float32)


def _models(n: int = 2):
    made = [tiny_workspace.tiny_instrument("a", seed=1), tiny_workspace.tiny_instrument("b", seed=2)]
    made += [_instrument("c", SMALL, 3)]
    return [render.load(one.config, one.weights) for one in made[:n]]


def _morphed(models, weights, n_samples, **options):
    f0_hz, loudness_db = _curves()
    curves = [f0_hz] * len(models), [loudness_db] * len(models)
    blocks = list(engine.render_morph(models, *curves, weights, n_samples=n_samples, seed=3, **options))
    return np.concatenate([block.audio for block in blocks])


def test_a_pure_morph_is_the_plain_rendering_bit_for_bit():
    models = _models(3)
    n_samples = 759 * 64 - 11
    f0_hz, loudness_db = _curves()
    for index, model in enumerate(models[:2]):
        weights = np.tile(np.eye(3)[index], (760, 1))
        plain = render.render(model, f0_hz, loudness_db, n_samples=n_samples, seed=3).audio
        np.testing.assert_array_equal(_morphed(models, weights, n_samples), plain)


def test_a_morph_over_time_begins_and_ends_pure_and_its_blocks_do_not_matter():
    models = _models()
    n_samples = 750 * 64
    f0_hz, loudness_db = _curves()
    weights = Morph(("a", "b"), ("", ""), ((1.0, (1, 0)), (2.0, (0, 1)))).weights(760)
    sung = _morphed(models, weights, n_samples)
    plain = [render.render(model, f0_hz, loudness_db, n_samples=n_samples, seed=3).audio for model in models]
    np.testing.assert_array_equal(sung[: 245 * 64], plain[0][: 245 * 64])
    np.testing.assert_allclose(sung[-240 * 64 :], plain[1][-240 * 64 :], atol=1e-6)
    middle = slice(360 * 64, 390 * 64)
    assert min(np.abs(sung[middle] - one[middle]).max() for one in plain) > 1e-4
    np.testing.assert_allclose(_morphed(models, weights, n_samples, block_frames=77), sung, atol=2e-6)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length():
    models, peaks = _models(), []
    for n_frames in (2_500, 15_000):
        f0_hz, loudness_db = _curves(n_frames)
        weights = np.linspace([1.0, 0.0], [0.0, 1.0], n_frames)
        options = {"n_samples": n_frames * 64 - 64, "seed": 3}
        tracemalloc.start()
        for block in engine.render_morph(models, [f0_hz] * 2, [loudness_db] * 2, weights, **options):
            assert np.isfinite(block.audio).all()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0], peaks


def test_controls_between_two_levels_lie_halfway_in_db_and_harmonics_add_up():
    def controls(amps, distribution, noise):
        pairs = {"amps": [[amps]], "harmonic_distribution": [distribution], "noise_magnitudes": [noise]}
        return {name: np.array(value, np.float32) for name, value in pairs.items()}

    config = replace(SMALL, n_harmonics=3, n_noise_bands=5)
    loud = engine.fitted(controls(0.1, [0.5, 0.25, 0.25], [0.1] * 5), config)
    soft = engine.fitted(controls(0.001, [1.0], [0.001, 0.003, 0.005]), config)
    np.testing.assert_allclose(soft["noise_magnitudes"][0], [0.001, 0.002, 0.003, 0.004, 0.005], rtol=1e-6)
    half = engine.mixed([loud, soft], np.array([[0.5, 0.5]]))
    np.testing.assert_allclose(half["amps"], 0.01, rtol=1e-5)  # -20 and -60 dB: -40 dB
    np.testing.assert_allclose(half["harmonic_distribution"][0], [0.75, 0.125, 0.125], rtol=1e-5)
    np.testing.assert_allclose(half["noise_magnitudes"][0, 0], 0.01, rtol=1e-5)
    silent = engine.fitted(controls(1e-7, [1.0], [1e-7] * 5), config)
    np.testing.assert_allclose(
        engine.mixed([loud, silent], np.array([[0.5, 0.5]]))["amps"], 10 ** (-50 / 20), rtol=1e-5
    )


def test_f0_is_mixed_in_cents_where_it_differs():
    low, high = np.full(4, 220.0, np.float32), np.array([220.0, 440.0, 440.0, 440.0], np.float32)
    weights = np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(
        engine.mixed_f0([low, high], weights), [220.0, 220.0 * np.sqrt(2), 220.0, 440.0], rtol=1e-5
    )


def test_instruments_with_z_take_part():
    config = replace(SMALL, z=ZConfig(rnn_channels=8, z_dims=4, z_time_steps=63))
    with_z = render.load(config, _instrument("z", config, 4).weights)
    models, audio = [*_models(1), with_z], tiny_workspace.sung(3.0)
    weights = np.tile([0.0, 1.0], (760, 1))
    sung = _morphed(models, weights, len(audio), audio=audio)
    f0_hz, loudness_db = _curves()
    plain = render.render(with_z, f0_hz, loudness_db, n_samples=len(audio), audio=audio, seed=3).audio
    np.testing.assert_array_equal(sung, plain)


@pytest.mark.slow
def test_any_two_kinds_of_instruments_can_be_mixed(filled):
    """With timbre, with voicing, of ddsp-vst, and as small and as large as models are: no order has to be refused."""
    small = {"rnn_channels": 8, "ch": 8}
    kinds = {
        "z": ModelConfig(z=ZConfig(rnn_channels=8, z_dims=4, z_time_steps=63), **small),
        "plugin": ModelConfig(generation=50, amp_resample_method="linear", noise_window_size=0, **small),
        "poor": ModelConfig(generation=1, voicing=True, n_harmonics=1, n_noise_bands=3, noise_window_size=3, **small),
        "rich": replace(SMALL, n_harmonics=300, n_noise_bands=1025, normalize_below_nyquist=False),
    }
    made = [_instrument(name, config, seed) for seed, (name, config) in enumerate(kinds.items())]
    song, settings = tiny_workspace.sung(0.6), Settings(use_statistics=True, formant_shift=2.0, keep_unvoiced=0.5)
    for first, second in itertools.permutations(made, 2):
        shares = Morph((first.name, second.name), ("", ""), ((0.0, (0.5, 0.5)),))
        take = pipeline.run(filled, song, [first, second], settings, morph=shares, tracker="instant")
        assert 0 < take.peak < np.inf


def test_weights_are_shares_and_run_linearly():
    weights = Morph(("a", "b"), ("", ""), ((0.0, (3, 1)), (2.0, (0, 5)))).weights(751)
    assert weights.shape == (751, 2)
    np.testing.assert_allclose(weights[[0, 250, 750], 0], [0.75, 0.375, 0.0], atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert Morph(("a", "b"), ("", ""), ((0.0, (1, 1)),)).said() == "50 % a, 50 % b"
    assert Morph(("a", "b"), ("", ""), ((0.0, (1, 0)), (2.0, (0, 1)))).said() == "a at 0 s → b at 2 s"


@pytest.mark.parametrize(
    ("names", "points", "part"),
    [
        (("a",), ((0.0, (1,)),), "2 to 4"),
        (("a", "b"), (), "1 to 12"),
        (("a", "b"), ((0.0, (1,)),), "2 numbers"),
        (("a", "b"), ((0.0, (0, 0)),), "weight 0"),
        (("a", "b"), ((0.0, (1, float("nan"))),), "numbers"),
        (("a", "b"), ((-1.0, (1, 0)),), "0 s or later"),
        (("a", "b"), ((1.0, (1, 0)), (1.0, (0, 1))), "own time"),
    ],
)
def test_morphs_that_are_none_are_refused_in_a_sentence(names, points, part):
    with pytest.raises(SettingsError, match=part):
        Morph(names, ("",) * len(names), points)


def test_the_command_line_says_shares_and_times():
    assert parse("A", ["B=0.25"]).points == ((0.0, (0.75, 0.25)),)
    assert parse("A", ["B=0:0,8:1", "C=0"]).points == ((0.0, (1.0, 0.0, 0.0)), (8.0, (0.0, 1.0, 0.0)))
    for wrong in ("B", "B=", "=0.5", "B=2", "B=0.1,3:1", "B=x:1"):
        with pytest.raises(SettingsError):
            parse("A", [wrong])
    with pytest.raises(SettingsError, match="add up"):
        parse("A", ["B=0.7", "C=0.7"])


@pytest.mark.slow
def test_a_pure_take_is_the_transfer_and_any_morph_restores_from_its_file(filled):
    source = next(filled.examples.glob("*.wav"))
    options = {"tracker": "tiny"}
    first, second = tiny_workspace.NAMES
    settings = Settings(seed=7, autotune=0.5, use_statistics=True)
    plain = pipeline.run(filled, source, first, settings, **options)
    alone = Morph((first, "Old voice"), ("", ""), ((0.0, (1, 0)),))
    pure = pipeline.run(filled, source, alone.names, settings, morph=alone, **options)
    np.testing.assert_array_equal(decode(pure.folder / "result.wav"), decode(plain.folder / "result.wav"))
    morph = Morph((first, second, "Old voice"), ("", "", ""), ((0.0, (1, 0, 0)), (1.5, (0, 1, 1)), (3.0, (0, 0, 1))))
    take = pipeline.run(filled, source, morph.names, settings, morph=morph, **options)
    store = TakeStore(filled)
    assert store.get(take.id).morph == take.morph and all(take.morph.digests)
    assert len({plain.key, pure.key, take.key}) == 3
    recipe = read_recipe(store.export(take.id, "FLAC"))
    assert read_morph(recipe) == take.morph and read_morph(plain.recipe()) is None
    restored = read_morph(recipe)
    options |= {"morph": restored}
    again = pipeline.run(filled, source, restored.names, Settings.from_json(recipe["settings"]), **options)
    np.testing.assert_array_equal(decode(again.folder / "result.wav"), decode(take.folder / "result.wav"))
    assert again.key == take.key


def test_a_morph_with_settings_of_timbre_is_refused(filled):
    morph = Morph(tiny_workspace.NAMES, ("", ""), ((0.0, (1, 1)),))
    with pytest.raises(SettingsError, match="timbre"):
        pipeline.run(filled, tiny_workspace.sung(), morph.names, Settings(z_from="mean"), morph=morph, tracker="tiny")


def test_each_instrument_needs_its_own_shares(filled):
    first, second = tiny_workspace.NAMES
    morph = Morph((first, second), ("", ""), ((0.0, (1, 1)),))
    for names, shares in (((first, second), None), (first, morph), ((first, second, "Old voice"), morph)):
        with pytest.raises(SettingsError, match="Give each its own"):
            pipeline.run(filled, tiny_workspace.sung(), names, Settings(), morph=shares, tracker="tiny")


def test_transfer_morph_on_the_command_line(filled, tmp_path, capsys):
    source, out = next(filled.examples.glob("*.wav")), tmp_path / "out.wav"
    first, second = tiny_workspace.NAMES
    asked = ["transfer", str(source), "--instrument", first, "--morph", f"{second}=0.5", "--tracker", "tiny"]
    asked += ["--out", str(out), "--controls", str(tmp_path / "c.npz"), "--workspace", str(filled.root), "--json"]
    assert main(asked) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["morph"]["points"] == [[0.0, [0.5, 0.5]]]
    with np.load(tmp_path / "c.npz") as arrays:
        np.testing.assert_allclose(arrays["harmonic_distribution"].sum(axis=1), 1.0, rtol=1e-4)
    assert len(decode(out)) == len(decode(source))
