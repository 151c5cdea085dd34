"""An instrument that hears loudness as a file for ddsp-vst: what LiteRT makes of it, how near it is, what is said."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ddsing import cli
from ddsing.constants import POWER
from ddsing.engine import approximation, render
from ddsing.engine.approximation import Approximation, PowerMap
from ddsing.errors import InstrumentError
from ddsing.instrument import Instrument, open_any
from ddsing.instrument.vst import approximating, contract, writing
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.weights import random_weights
from ddsing.units import midi_to_hz
from tests.instrument.test_vst import curves, driven
from tests.support import tiny_workspace
from tests.support.paths import ROOT

DEMO = ROOT / "demo" / "assets" / "instruments"


@pytest.mark.parametrize(("n_harmonics", "n_noise_bands", "generation"), [(20, 17, 3), (100, 65, 1)])
def test_power_follows_from_the_controls(n_harmonics, n_noise_bands, generation):
    """As of the sound that is rendered of them, averaged over steady frames."""
    config = ModelConfig(
        generation=generation, rnn_channels=8, ch=8, n_harmonics=n_harmonics, n_noise_bands=n_noise_bands
    )
    renderer = render.load(config, random_weights(config, seed=3))
    f0_hz, loudness_db = np.full(1000, 200.0), np.full(1000, -25.0)
    sung = render.render(renderer, f0_hz, loudness_db, n_samples=64_000, keep_controls=True)
    expected = np.mean(sung.audio[32_000:].astype(np.float64) ** 2)
    found = approximation.power(sung.controls)[500:].mean()
    assert 10.0 * abs(np.log10(found / expected)) < 0.3


def test_a_map_is_bilinear_between_its_nodes_and_held_beyond():
    table = np.random.default_rng(1).uniform(0.0, 1.2, (3, 5)).astype(np.float32)
    powers = PowerMap(np.float32([50.0, 56.0, 62.0]), table)
    grid = np.meshgrid([50.0, 56.0, 62.0], [-80.0, -60.0, -40.0, -20.0, 0.0], indexing="ij")
    np.testing.assert_allclose(powers.at(*grid), table, atol=1e-6)
    assert powers.at(np.array([53.0]), np.array([-70.0]))[0] == pytest.approx(table[:2, :2].mean(), abs=1e-6)
    np.testing.assert_array_equal(powers.at(np.array([0.0, 120.0]), np.array([-200.0, 40.0])), table[[0, 2], [0, 4]])


def test_the_loudness_that_is_found_has_the_power_that_was_asked_for():
    aria = open_any(DEMO / "aria.zip", name="aria")
    powers = approximation.fit(aria.config, aria.weights, aria.statistics)
    assert (np.diff(powers.loudness, axis=1) >= 0.0).all()
    near = Approximation(aria.config, aria.weights, powers)
    for midi, power_db in ((64.0, -25.0), (68.0, -35.0), (72.0, -20.0)):
        frames = np.full(60, midi_to_hz(midi)), np.full(60, power_db)
        controls, _ = near.decode(*frames, None, near.initial_state())
        found = 10.0 * np.log10(approximation.power(controls)[30:].mean())
        assert found == pytest.approx(power_db, abs=1.0)


@pytest.mark.parametrize("name", ["aria", "cello"])
def test_it_is_near_the_demo_s_voices_and_nearer_than_without_the_map(name):
    voice = open_any(DEMO / f"{name}.zip", name=name)
    powers = approximation.fit(voice.config, voice.weights, voice.statistics)
    found = approximation.measure(voice.config, voice.weights, powers, voice.statistics)
    assert found.harmonics_db < 1.0 and found.spectrum_db < 2.0
    softer = PowerMap(powers.pitches_midi, powers.loudness - np.float32(6.0 / voice.config.db_range))
    other = approximation.measure(voice.config, voice.weights, softer, voice.statistics)
    assert other.harmonics_db > 3.0 and other.spectrum_db > 3.0


@pytest.mark.slow
@pytest.mark.parametrize("voicing", [False, True])
def test_what_is_written_is_the_approximation_to_the_plug_in(voicing):
    """More harmonics than the plug-in has, fewer noise bands, other ranges, and beyond what its knobs can ask for."""
    config = ModelConfig(
        generation=1, rnn_channels=24, ch=16, layers_per_stack=2, n_harmonics=100, n_noise_bands=33, voicing=voicing
    )
    statistics = replace(tiny_workspace.tiny_instrument("Ada").statistics, generation=1)
    ada = Instrument("Ada", config, statistics, random_weights(config, seed=4))
    data = approximating.to_bytes(ada)
    said = contract.check(data)
    assert approximating.measured(data).spectrum_db == said["approximation_spectrum_db"] > 0.0
    powers = approximation.fit(config, ada.weights, ada.statistics)
    near = Approximation(config, ada.weights, powers)
    f0, power = curves(60)
    wanted, _ = near.decode(midi_to_hz(127.0 * f0.astype(np.float64)), (power - 1.0) * 80.0, None, near.initial_state())
    found = driven(data, f0, power)
    for column, key in zip(found, ("amps", "harmonic_distribution", "noise_magnitudes")):
        np.testing.assert_allclose(column, wanted[key], atol=1e-5)
    grid = [axis.ravel() for axis in np.meshgrid(np.linspace(-0.5, 1.5, 9), np.linspace(-0.5, 1.5, 9))]
    assert all(np.isfinite(column).all() for column in driven(data, *grid))
    with pytest.raises(InstrumentError, match="not a ddsp-vst instrument that ddsing can play"):
        open_any(data, name="x")  # which would be the approximation of an approximation


def test_what_can_t_be_approximated_is_said():
    hears_timbre = ModelConfig(rnn_channels=8, ch=8, z=ZConfig(rnn_channels=8, z_dims=2))
    assert "listens to timbre" in approximating.why_not(hears_timbre)
    assert "--approximate" not in writing.why_not(hears_timbre)
    assert "needs no approximation" in approximating.why_not(ModelConfig(generation=POWER))
    assert "up to 512" in approximating.why_not(ModelConfig(rnn_channels=600))
    assert "(--approximate)" in writing.why_not(ModelConfig()) and approximating.why_not(ModelConfig()) == ""


@pytest.mark.slow
def test_by_command_it_is_asked_for_and_its_distance_printed(tmp_path, capsys):
    root = tiny_workspace.fill(tmp_path / "ws")

    def run(*words):
        status = cli.main(["instrument", "export", tiny_workspace.NAMES[0], "--workspace", str(root), *words])
        said = capsys.readouterr()
        return said.out if status == 0 else said.err

    out = str(tmp_path / "first.tflite")
    assert "--approximate" in run("--format", "vst", "--out", out) and not (tmp_path / "first.tflite").exists()
    assert "--format vst" in run("--approximate", "--out", str(tmp_path / "first.zip"))
    document = json.loads(run("--format", "vst", "--approximate", "--out", out, "--json"))
    measured = approximating.measured((tmp_path / "first.tflite").read_bytes())
    assert document["approximation"] == {
        "harmonics_db": measured.harmonics_db,
        "spectrum_db": measured.spectrum_db,
    }
    assert f"{measured.spectrum_db:.1f} dB" in document["warnings"][0] and "Magenta" in document["where"]
