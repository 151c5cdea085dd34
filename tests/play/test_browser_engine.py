"""The browser's engine, run by Node.js, against Python's: controls, both parts, any rate; the buffer that it reads."""

import json
import struct
from itertools import product

import numpy as np
import pytest

from ddsing.engine import render
from ddsing.engine.synthesis import NoiseStream
from ddsing.play import browser
from tests.support import in_node, playing, z_models

HARMONIC_DB, CONTROLS = -80.0, 1e-4  # farthest from Python's

SOUND = """
const pack = unpack(buffer("pack"));
const [f0, loudness, drawn] = [array("f0_hz"), array("loudness_db"), array("drawn")];
const z = pack.arrays["z/mean"]?.values ?? null;
let frame = 0, at = 0;
const targets = () => ({ f0Hz: f0[frame], loudnessDb: loudness[frame++], z });
const voice = new Voice(pack, given.rate, targets, () => drawn[at++] ?? 0);
const n = Math.floor(((f0.length - 3) * given.rate) / 250);
const harmonic = new Float32Array(n), noise = new Float32Array(n);
for (let from = 0; from < n; from += 128) {
  voice.next(harmonic.subarray(from, from + 128), noise.subarray(from, from + 128));
}
give("harmonic", harmonic);
give("noise", noise);
"""
CONTROL = """
const pack = unpack(buffer("pack"));
const [f0, loudness] = [array("f0_hz"), array("loudness_db")];
const { n_harmonics, n_noise_bands } = pack.model;
const frame = { amplitudes: new Float32Array(n_harmonics), noise: new Float32Array(n_noise_bands) };
const fast = productsFor(pack);
if (!(fast instanceof FastProducts)) throw new Error("no WebAssembly");
for (const [by, products] of [["fast", fast], ["plain", new PlainProducts()]]) {
  const decoder = new Decoder(pack, products);
  const found = { amps: [], distribution: [], magnitudes: [] };
  f0.forEach((f0Hz, k) => {
    const amps = decoder.next(f0Hz, loudness[k], frame, pack.arrays["z/mean"]?.values ?? null);
    found.amps.push(amps);
    found.distribution.push(...frame.amplitudes.map((value) => value / amps));
    found.magnitudes.push(...frame.noise);
  });
  for (const [name, values] of Object.entries(found)) give(`${by} ${name}`, values);
}
"""


@pytest.fixture(scope="module", params=playing.VOICES)
def voice(request):
    return playing.VOICES[request.param]()


@pytest.mark.slow
def test_controls_are_those_of_python(voice, tmp_path):
    """In WebAssembly and in plain code."""
    f0_hz, loudness_db, rendering = playing.rendered(voice)
    found = in_node.run(tmp_path, CONTROL, pack=browser.pack(voice), f0_hz=f0_hz, loudness_db=loudness_db)
    n = len(f0_hz) - 2
    ours = rendering.controls
    names = {"amps": "amps", "distribution": "harmonic_distribution", "magnitudes": "noise_magnitudes"}
    for by, name in product(("fast", "plain"), names):
        values = found[f"{by} {name}"].reshape(len(f0_hz), -1)[:n]
        assert np.abs(values - ours[names[name]][:n]).max() < CONTROLS, (by, name)


def test_both_parts_are_those_of_python(voice, tmp_path):
    """With Python's own draws, the noise too."""
    f0_hz, loudness_db, rendering = playing.rendered(voice)
    drawn = NoiseStream(voice.config, seed=0)._draw(len(f0_hz)).ravel()
    given = {"f0_hz": f0_hz, "loudness_db": loudness_db, "drawn": drawn, "rate": 16_000}
    found = in_node.run(tmp_path, SOUND, pack=browser.pack(voice), **given)
    for name, ours in (("harmonic", rendering.harmonic), ("noise", rendering.noise)):
        assert playing.apart_db(found[name], ours) < HARMONIC_DB, name


def test_at_another_rate_the_same_waves_are_sampled(tmp_path):
    """At 48 kHz each third sample of a steady tone is that of 16 kHz; the noise is late by a millisecond."""
    voice = playing.demo("aria")
    f0_hz, loudness_db = np.full(250, 220.0, np.float32), np.full(250, -30.0, np.float32)
    ours = render.render(render.load(voice.config, voice.weights), f0_hz, loudness_db, n_samples=16_000)
    drawn = NoiseStream(voice.config, seed=0)._draw(len(f0_hz)).ravel()
    given = {"f0_hz": f0_hz, "loudness_db": loudness_db, "drawn": drawn, "rate": 48_000}
    found = in_node.run(tmp_path, SOUND, pack=browser.pack(voice), **given)
    assert playing.apart_db(found["harmonic"][::3], ours.harmonic) < HARMONIC_DB
    assert playing.apart_db(found["noise"][48::3], ours.noise) < -60.0


def test_the_noise_depends_on_its_seed(tmp_path):
    body = """
    for (const seed of [0, 0, 1]) { const next = chance(seed); give(`${at++}`, Array.from({ length: 20000 }, next)); }
    """
    found = in_node.run(tmp_path, "let at = 0;" + body)
    np.testing.assert_array_equal(found["0"], found["1"])
    assert abs(np.corrcoef(found["0"], found["2"])[0, 1]) < 0.03
    assert abs(found["0"].mean()) < 0.02 and found["0"].std() == pytest.approx(3**-0.5, rel=0.02)
    assert np.abs(found["0"]).max() <= 1.0


def test_timbre_is_moved_along_the_voice_s_directions(tmp_path):
    space = z_models.some_space()
    pack = browser.pack(z_models.z_instrument(latent=space))
    body = """
    const pack = unpack(buffer("pack"));
    give("z", timbreOf(pack, [1.5, -0.7]));
    give("none", timbreOf(pack, []));
    """
    found = in_node.run(tmp_path, body, pack=pack)
    np.testing.assert_allclose(found["z"], space.mean + space.offset([1.5, -0.7]), atol=1e-5)
    np.testing.assert_allclose(found["none"], space.mean, atol=1e-5)


def test_what_is_no_instrument_is_refused(tmp_path):
    body = """
    const refused = (name) => { try { unpack(buffer(name)); return 0; } catch { return 1; } };
    give("refused", [refused("short"), refused("other"), refused("later")]);
    """
    pack = browser.pack(playing.odd())
    later = pack.replace(b'"version":1', b'"version":9', 1)
    assert later != pack
    found = in_node.run(tmp_path, body, short=b"ddsing", other=b"x" * 400, later=later)
    assert found["refused"].tolist() == [1, 1, 1]


def test_a_buffer_is_as_large_as_the_decoder():
    """Nothing of the encoder goes to the browser, and little besides the weights."""
    voice = z_models.z_instrument()
    size = sum(value.size for name, value in voice.weights.items() if name.startswith("decoder/"))
    assert 4 * size < len(browser.pack(voice)) < 4 * size + 12_000
    for start in (first for _, first in _places(browser.pack(voice))):
        assert start % 4 == 0


def _places(pack):
    length = struct.unpack_from("<I", pack, len(browser.MAGIC))[0]
    begin = len(browser.MAGIC) + 4
    assert (begin + length) % 16 == 0
    return [(name, offset) for name, _, offset in json.loads(pack[begin : begin + length])["arrays"]]
