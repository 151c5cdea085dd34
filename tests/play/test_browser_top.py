"""The sound above 8 kHz in the browser's engine, run by Node.js, against Python's."""

from functools import lru_cache

import numpy as np
import pytest

from ddsing.engine import full_band, render
from ddsing.engine.synthesis import NoiseStream
from ddsing.engine.top import HARMONIC, NOISE, TopStream
from ddsing.play import browser
from tests.play.test_browser_engine import HARMONIC_DB, SOUND
from tests.support import in_node, playing, tops

ALONE = """
const pack = unpack(buffer("pack"));
const { n_harmonics: n, n_noise_bands: m } = pack.model;
const [f0, loudness, amplitudes, noise, drawn] = ["f0_hz", "loudness_db", "amplitudes", "noise", "drawn"].map(array);
let at = 0;
const top = new Top(pack, 16000, () => drawn[at++]);
const found = { harmonic: [], noise: [], passed: amplitudes.slice(0, n).fill(1) };
f0.forEach((f0Hz, k) => {
  const controls = { amplitudes: amplitudes.slice(k * n, (k + 1) * n), noise: noise.subarray(k * m, (k + 1) * m) };
  top.next(f0Hz, loudness[k], controls, (a, b) => (found.harmonic.push(a), found.noise.push(b)));
});
top.hand(230, found.passed);
for (const [name, values] of Object.entries(found)) give(`${name} found`, values);
"""


@lru_cache(maxsize=1)
def singer():
    return playing.demo("aria full band")


def renderer(voice):
    return render.load(voice.config, voice.weights, voice.top)


def drawn_by_python(n_frames):
    """The noise's phases, which are bytes, from -1 to 1 as the browser's chance is."""
    turns = np.angle(TopStream(seed=0)._phases(n_frames)) / (2 * np.pi)
    return ((np.rint(turns * 256) % 256) / 128 - 1).ravel()


def test_both_parts_are_those_of_python(tmp_path):
    """For the same controls and the same chance; and harmonics below are handed over as Python's filter does."""
    voice = singer()
    f0_hz, loudness_db = playing.phrase(voice.config.generation)
    part = render.Solo(renderer(voice), f0_hz, loudness_db, None)
    controls, _ = part.decode(slice(0, len(f0_hz)), part.initial_state())
    given = {
        "f0_hz": f0_hz,
        "loudness_db": loudness_db,
        "amplitudes": controls["amps"] * controls["harmonic_distribution"],
        "noise": controls["noise_magnitudes"],
        "drawn": drawn_by_python(len(f0_hz)),
    }
    ours = TopStream(seed=0).next(f0_hz, float(f0_hz[-1]), controls)
    assert controls[HARMONIC].max() > 1e-12 and controls[NOISE].max() > 1e-12
    found = in_node.run(tmp_path, ALONE, pack=browser.pack(voice), **given)
    for name, sound in zip(("harmonic", "noise"), ours):
        assert playing.apart_db(found[f"{name} found"], sound) < HARMONIC_DB, name
    hz = 230.0 * np.arange(1, voice.config.n_harmonics + 1)
    below = hz < 8_000
    np.testing.assert_allclose(found["passed found"][below], full_band.passed(hz[below]), atol=0.01)


def steady(tmp_path, voice, rate):
    """Two seconds of a tone at 220 Hz, both parts."""
    f0_hz, loudness_db = np.full(503, 220.0, np.float32), np.full(503, -25.0, np.float32)
    drawn = NoiseStream(voice.config, seed=0)._draw(len(f0_hz)).ravel()
    given = {"f0_hz": f0_hz, "loudness_db": loudness_db, "drawn": drawn, "rate": rate}
    return in_node.run(tmp_path / str(rate), SOUND, pack=browser.pack(voice), **given)


def test_a_loudspeaker_of_48_khz_has_what_python_s_48_khz_has(tmp_path):
    """The harmonic part from 0 to 12 kHz, at once; the noise, which has draws of its own above 8 kHz, by its power."""
    voice = singer()
    part = render.solo(renderer(voice), np.full(503, 220.0), np.full(503, -25.0), n_samples=32_000)
    ours = list(full_band.blocks(part, n_samples=32_000))
    harmonic, noise = (np.concatenate([getattr(block, name) for block in ours]) for name in ("harmonic", "noise"))
    found = steady(tmp_path, voice, 48_000)
    assert playing.apart_db(found["harmonic"][4_800:-4_800], harmonic[4_800:-4_800]) < HARMONIC_DB
    for low_hz, high_hz in ((7_200, 8_500), (8_500, 11_300), (11_300, 16_000), (16_000, 22_600)):
        off = tops.band_density(found["noise"][4_800:], low_hz, high_hz) / tops.band_density(noise, low_hz, high_hz)
        assert abs(10 * np.log10(off)) < 0.3, low_hz


def test_glides_and_leaps_are_those_of_python_s_48_khz(tmp_path):
    voice = singer()
    f0_hz, loudness_db = playing.phrase(voice.config.generation)
    part = render.Solo(renderer(voice), f0_hz, loudness_db, None)
    ours = np.concatenate([block.harmonic for block in full_band.blocks(part, n_samples=64 * len(f0_hz))])
    given = {"f0_hz": f0_hz, "loudness_db": loudness_db, "drawn": np.zeros(0), "rate": 48_000}
    found = in_node.run(tmp_path, SOUND, pack=browser.pack(voice), **given)
    assert playing.apart_db(found["harmonic"], ours) < HARMONIC_DB


@pytest.mark.slow
def test_other_rates_have_it_too_and_lower_ones_and_other_instruments_end_at_8_khz(tmp_path):
    whole = steady(tmp_path, singer(), 48_000)

    def louder_db(rate, name, low_hz, high_hz, voice=None):
        sound = steady(tmp_path, voice or singer(), rate)[name][9_600:]
        off = tops.band_density(sound, low_hz, high_hz, rate_hz=rate) / tops.band_density(whole[name], low_hz, high_hz)
        return 10 * np.log10(off)

    for rate in (44_100, 96_000):
        assert abs(louder_db(rate, "harmonic", 8_500, 11_300)) < 0.3
        assert abs(louder_db(rate, "noise", 11_300, 19_000)) < 0.3
    assert louder_db(32_000, "noise", 11_300, 15_000) < -40.0
    assert louder_db(48_000, "noise", 11_300, 15_000, voice=playing.demo("aria")) < -40.0
