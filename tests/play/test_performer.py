"""What the browser makes of keys: pitch and loudness by the rules of the scores' expression, one note at a time."""

from dataclasses import replace

import numpy as np
import pytest

from ddsing.play import browser
from ddsing.play.expression import Loudness
from ddsing.play.style import STYLES
from ddsing.ui.play import scripts
from tests.support import in_node, playing

FILES = (*scripts.ENGINE, "performer.js")
LOUDNESS = Loudness(np.linspace(0, 1, 11), np.linspace(-60.0, -20.0, 11), -80.0)
STILL = replace(
    STYLES["plain"], portamento_s=0.08, attack_s=0.08, release_s=0.1, vibrato_db=0.0, vibrato_irregularity=0.0
)
BODY = """
const performer = new Performer({ manner: given.manner, loudness: given.loudness, seed: given.seed });
const found = { f0_hz: [], loudness_db: [], silent: [] };
const doings = given.doings.slice();
for (let frame = 0; frame < given.n_frames; frame++) {
  while (doings.length && doings[0][0] <= frame) { const [, name, value] = doings.shift(); performer[name](value); }
  const { f0Hz, loudnessDb } = performer.next();
  found.f0_hz.push(f0Hz); found.loudness_db.push(loudnessDb); found.silent.push(performer.silent);
}
for (const [name, values] of Object.entries(found)) give(name, values);
"""


def play(folder, doings, style=STILL, n_frames=500, seed=0):
    """MIDI numbers and loudness of what is played; frame k is that after k / 250 s."""
    loudness = {
        "references": LOUDNESS.references.tolist(),
        "quantiles": LOUDNESS.quantiles.tolist(),
        "silence_db": LOUDNESS.silence_db,
    }
    given = {"manner": style.to_json(), "loudness": loudness, "doings": doings, "n_frames": n_frames, "seed": seed}
    found = in_node.run(folder, BODY, FILES, **given)
    return 69 + 12 * np.log2(found["f0_hz"] / 440), found["loudness_db"], found["silent"].astype(bool)


def key(name, midi, share=0.5):
    return {"id": name, "midi": midi, "share": share}


def test_the_last_key_sounds_and_then_the_one_before_it(tmp_path):
    doings = [[0, "press", key("a", 60)], [100, "press", key("b", 64)], [200, "lift", key("b", 64)]]
    midi, loudness_db, silent = play(tmp_path, [*doings, [300, "lift", key("a", 60)]])
    assert midi[[99, 199, 299, 499]] == pytest.approx([60, 64, 60, 60], abs=1e-3)
    glide = 60 + 4 * (0.5 - 0.5 * np.cos(np.pi * np.arange(1, 21) / 20))
    np.testing.assert_allclose(midi[100:120], glide, atol=1e-3)  # 80 ms, as an S
    assert np.ptp(loudness_db[30:300]) < 0.05  # one breath
    assert not silent[:300].any() and silent[330:].all()


def test_a_glide_overshoots_and_a_note_after_a_rest_scoops(tmp_path):
    style = replace(STILL, overshoot=0.1, overshoot_s=0.08, scoop_semitones=1.0, scoop_s=0.06)
    midi, *_ = play(tmp_path, [[0, "press", key("a", 60)], [100, "press", key("b", 64)]], style)
    assert midi[0] == pytest.approx(59.0, abs=0.05) and midi[15] == pytest.approx(60.0, abs=1e-3)
    assert midi[120:200].max() == pytest.approx(64.4, abs=0.01)  # a tenth of the interval
    assert 120 + np.argmax(midi[120:200]) == pytest.approx(139, abs=1)  # 80 ms after the glide
    assert midi[300] == pytest.approx(64.0, abs=0.02)


def test_vibrato_begins_late_and_grows_to_its_rate_and_depth(tmp_path):
    style = replace(STILL, vibrato_cents=40.0, vibrato_hz=5.6, vibrato_delay_s=0.2, vibrato_growth_s=0.3)
    midi, loudness_db, _ = play(tmp_path, [[0, "press", key("a", 60)]], replace(style, vibrato_db=0.75), 1250)
    cents = 100 * (midi - 60)
    assert np.abs(cents[:50]).max() < 1e-3
    assert np.abs(cents[50:70]).max() < 8.0 < np.abs(cents[100:130]).max()
    late = cents[250:1250] - cents[250:1250].mean()
    spectrum = np.abs(np.fft.rfft(late * np.hanning(len(late)), 16_384))
    assert np.argmax(spectrum) * 250 / 16_384 == pytest.approx(5.6, abs=0.05)
    assert np.abs(late).max() == pytest.approx(40.0, abs=1.0)
    assert np.ptp(loudness_db[250:]) == pytest.approx(1.5, abs=0.05)


def test_attack_and_release_are_halves_of_a_cosine(tmp_path):
    _, loudness_db, _ = play(tmp_path, [[0, "press", key("a", 60)], [200, "lift", key("a", 60)]])
    full = LOUDNESS.of_velocity(0.5, STILL)
    assert loudness_db[199] == pytest.approx(full, abs=0.01)
    assert loudness_db[9] == pytest.approx(full - 20 * np.log10(2), abs=0.05)  # half of 80 ms
    fall = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, 25) / 25)
    np.testing.assert_allclose(loudness_db[200:224], np.maximum(full + 20 * np.log10(fall), -80), atol=0.05)
    assert loudness_db[230] == -80.0


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_how_loud_is_a_share_of_the_voice_s_own_notes(tmp_path, share):
    doings = [[0, "press", key("a", 60, 0.5)], [100, "move", {"id": "a", "share": share, "bend": 1.5}]]
    midi, loudness_db, _ = play(tmp_path, doings)
    assert loudness_db[400] == pytest.approx(LOUDNESS.of_velocity(share, STILL), abs=0.05)
    assert midi[400] == pytest.approx(61.5, abs=1e-3)


def test_a_pedal_holds_what_is_let_go(tmp_path):
    doings = [[0, "press", key("a", 60)], [50, "pedal", True], [100, "lift", key("a", 60)], [250, "pedal", False]]
    _, loudness_db, silent = play(tmp_path, doings)
    assert np.ptp(loudness_db[30:250]) < 0.05 and silent[300:].all()


def test_chance_depends_on_the_seed_and_strays_as_far_as_asked(tmp_path):
    style = replace(STILL, drift_cents=10.0)
    midi = {
        (seed, turn): play(tmp_path / f"{seed}{turn}", [[0, "press", key("a", 60)]], style, 3000, seed)[0]
        for seed, turn in ((0, 0), (0, 1), (1, 0))
    }
    np.testing.assert_array_equal(midi[0, 0], midi[0, 1])
    assert np.abs(midi[0, 0] - midi[1, 0]).max() > 0.05
    assert 100 * midi[0, 0].std() == pytest.approx(10.0, rel=0.35)


LATENCY = """
const pack = unpack(buffer("pack"));
const performer = new Performer({ manner: given.manner, loudness: given.loudness });
const voice = new Voice(pack, 48000, () => ({ ...performer.next(), z: null }));
const [sound, noise] = [new Float32Array(48000), new Float32Array(48000)];
for (let from = 0; from < 48000; from += 128) { // as the browser asks for it
  if (from === given.pressed) performer.press({ id: "a", midi: 57, share: 0.7 });
  voice.next(sound.subarray(from, from + 128), noise.subarray(from, from + 128));
}
give("sound", sound);
"""


@pytest.mark.parametrize("pressed", [128 * 75, 128 * 76, 128 * 77])
def test_a_key_is_heard_within_twenty_milliseconds(tmp_path, pressed):
    """Beyond what the device buffers; of a note that begins at once, up to a tenth of its amplitude."""
    voice = playing.demo("aria")
    loudness = Loudness.of(voice.statistics, generation=3)
    given = {"manner": replace(STILL, attack_s=0.004).to_json(), "pressed": pressed}
    given["loudness"] = {
        "references": loudness.references.tolist(),
        "quantiles": loudness.quantiles.tolist(),
        "silence_db": loudness.silence_db,
    }
    sound = in_node.run(tmp_path, LATENCY, FILES, pack=browser.pack(voice), **given)["sound"]
    loud = np.flatnonzero(np.abs(sound) > 0.1 * np.abs(sound).max())[0]
    assert 0 < (loud - pressed) / 48_000 < 0.020
