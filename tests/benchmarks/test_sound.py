"""The benchmark of the sound: its intervals, its measures on sounds whose answer is known, and whose voice is which."""

import numpy as np
import pytest

from benchmarks import sound, sound_ranks, sound_rows, speakers
from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE


def sung(gain: float = 1.0, noise_gain: float = 1.0, *, seconds: int = 2) -> sound_rows.Sung:
    """A tone of 12 harmonics for the first half of each second, noise for the second; sung with other gains."""
    n_frames = seconds * SAMPLE_RATE // HOP_SAMPLES
    voiced = (np.arange(n_frames) // 125) % 2 == 0
    time_s = np.arange(n_frames * HOP_SAMPLES) / SAMPLE_RATE
    tone = sum(0.05 * np.sin(2 * np.pi * 220 * k * time_s) for k in range(1, 13)) * voiced.repeat(HOP_SAMPLES)
    noise = 0.02 * np.random.default_rng(0).standard_normal(len(tone)) * ~voiced.repeat(HOP_SAMPLES)
    f0_hz, confidence = np.full(n_frames, 220.0), voiced.astype(float)
    loudness_db = np.full(n_frames, -20.0)
    harmonic = gain * tone + 0.001 * tone[::-1]
    again = gain * tone + noise_gain * noise
    return sound_rows.Sung(tone + noise, again, harmonic, f0_hz, confidence, loudness_db, 2 * f0_hz, loudness_db + 3)


def test_measures_of_a_known_difference():
    pieces = sung(noise_gain=0.5).pieces()
    assert len(pieces) == 2 and len(pieces[0].audio) == SAMPLE_RATE and len(pieces[1].f0_hz) == 250
    assert sound_rows.unvoiced_kept(pieces) == pytest.approx(0.25, rel=1e-6)
    assert sound_rows.unvoiced_kept(sung(gain=0.5, noise_gain=0.5).pieces()) == pytest.approx(1.0, rel=1e-6)
    assert sound_rows.buzz_db(pieces) == pytest.approx(-60.0, abs=0.1)
    assert sound_rows.loudness_error_db(pieces) == pytest.approx(3.0)
    assert sound_rows.f0_error_cents(pieces) == pytest.approx(1200.0)
    same = sung().pieces()
    assert sound_rows.loss(same) == sound_rows.octave_error_db(same) == sound_rows.lost_harmonics(same) == 0.0
    dull = sung(gain=0.0)
    assert sound_rows.lost_harmonics(dull.pieces()) > 0.95 and sound_rows.frechet_db(dull.pieces()) > 5.0


def test_an_interval_is_that_of_the_mean_and_pairs_draws():
    random = np.random.default_rng(3)
    units = [[value] for value in random.normal(10.0, 2.0, 100)]
    drawn = sound_rows.draws(units, n_draws=2_000)
    assert len(drawn[0]) == 100 and sound_rows.draws(units, n_draws=2_000) == drawn
    found = sound_rows.value([float(np.mean(some)) for some in drawn])
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.std(units) / 10, rel=0.1)
    later = sound_rows.draws([[value[0] + 1.0] for value in units], n_draws=2_000)
    row = sound_rows.compared(*([float(np.mean(some)) for some in one] for one in (drawn, later)))
    assert row["change"].low == pytest.approx(1.0) and row["change"].high == pytest.approx(1.0)


def test_a_singing_is_as_like_as_the_cosine_of_its_parts_mean():
    one, other = np.eye(4)[:2]
    assert sound_rows.likeness([np.stack([one, other])], speakers.centre([np.stack([one, one])])) == pytest.approx(
        0.5**0.5
    )
    drawn = sound_rows.resampled_parts([np.stack([one, other])], n_draws=100)
    assert {round(sound_rows.likeness(some, one), 3) for some in drawn} <= {0.0, 0.707, 1.0}


def test_voices_of_any_folder(tmp_path):
    (tmp_path / "anna").mkdir()
    for name in ("anna/b.wav", "anna/a.flac", "anna/notes.txt", "ben.wav", "README.md"):
        (tmp_path / name).touch()
    found = sound.singers(tmp_path)
    assert {name: [path.name for path in paths] for name, paths in found.items()} == {
        "anna": ["a.flac", "b.wav"],
        "ben": ["ben.wav"],
    }
    assert list(sound.singers(tmp_path, ["ben"])) == ["ben"]


def test_what_a_measure_chooses_and_what_that_loses():
    assert sound_ranks.smoothed([3.0, 1.0, 5.0, 3.0]).tolist() == [2.0, 3.0, 3.0, 4.0]
    values = [9.0, 2.0, 8.0, 5.0, 5.0, 5.1]
    assert sound_ranks.choices(values) == {"lowest": 1, "lowest, smoothed": 2, "latest near it": 5}
    assert set(sound_ranks.choices([1.0, float("nan")]).values()) == {None}
    saves = [{"step": step, "timbre_db": value, "windows": {}} for step, value in zip(range(1, 7), values)]
    likeness = [[0.5], [0.6], [0.7], [0.9], [0.8], [0.8]]
    trial = {"steps": [*range(1, 7)], "identity": likeness, "measures": {"timbre": values}, "saves": saves}
    rows = sound_ranks.table({"one": trial})
    assert [(row["rule"], round(row["lost"][0], 3)) for row in rows] == [
        ("latest near it", 0.1),
        ("lowest, smoothed", 0.2),
        ("lowest", 0.3),
    ]
    assert sound_ranks.by_the_product(trial) == pytest.approx({"without timbre": 0.1, "as it is": 0.1})
