"""Settings and conditioning against what ddsp's own functions made in the original notebook."""

from dataclasses import replace

import numpy as np
import pytest

from ddsing.errors import SettingsError
from ddsing.model.statistics import FIELDS, DatasetStatistics, measure
from ddsing.sound.features import Features
from ddsing.sound.notes import quantiles
from ddsing.transfer import fit
from ddsing.transfer.conditioning import condition
from ddsing.transfer.settings import Settings
from ddsing.ui.transfer import controls
from ddsing.units import hz_to_midi
from tests.support.paths import GOLDEN


def golden_case(scale):
    golden = np.load(GOLDEN / f"conditioning_{scale}.npz")
    generation = {80: 3, 120: 1}[scale]
    features = Features(golden["f0_hz"], golden["f0_confidence"], golden["loudness_db"], "full", generation)
    statistics = DatasetStatistics(generation, {}, golden["references"], golden["quantiles"][:, 0])
    return golden, features, statistics


@pytest.mark.parametrize("scale", [80, 120])
@pytest.mark.parametrize("threshold", [1.0, 1.4])
@pytest.mark.parametrize("attenuation", [0, 20])
def test_mask_and_loudness_are_ddsp_s(scale, threshold, attenuation):
    golden, features, statistics = golden_case(scale)
    settings = Settings(use_statistics=True, mask_threshold=threshold, attenuation_db=float(attenuation))
    ours = condition(features, statistics, settings)
    np.testing.assert_allclose(ours.note_on_ratio, golden[f"ratio_t{threshold}"], atol=1e-4)
    assert np.array_equal(ours.mask_on, golden[f"mask_t{threshold}"])
    np.testing.assert_allclose(ours.loudness_db, golden[f"loudness_norm_t{threshold}_a{attenuation}"], atol=1e-3)
    assert ours.f0_hz is features.f0_hz


@pytest.mark.parametrize("scale", [80, 120])
@pytest.mark.parametrize("amount", [0.5, 1.0])
def test_autotune_is_ddsp_s(scale, amount):
    golden, features, _ = golden_case(scale)
    ours = condition(features, None, Settings(autotune=amount))
    assert ours.tuning_factor == pytest.approx(float(golden["tuning_factor"]), abs=1e-9)
    np.testing.assert_allclose(hz_to_midi(ours.f0_hz), golden[f"f0_midi_autotune_{amount}"], atol=1e-4)
    assert ours.loudness_db is features.loudness_db


@pytest.mark.parametrize("scale", [80, 120])
def test_shifts_are_ddsp_s_and_nothing_is_changed_by_nothing(scale):
    golden, features, statistics = golden_case(scale)
    up = condition(features, statistics, Settings(octave_shift=1))
    np.testing.assert_allclose(up.f0_hz, golden["f0_hz_up_1_octave"], rtol=1e-6)
    assert hz_to_midi(condition(features, None, Settings(octave_shift=3)).f0_hz).max() <= 110.001
    softer = condition(features, None, Settings(loudness_shift_db=-10.0))
    np.testing.assert_allclose(softer.loudness_db, features.loudness_db - 10.0)
    same = condition(features, statistics, Settings())
    assert same.f0_hz.tobytes() == features.f0_hz.tobytes()
    assert same.loudness_db.tobytes() == features.loudness_db.tobytes()


@pytest.mark.parametrize(("loudness", "said"), [(-80.0, "silent"), (-30.0, "No note")])
def test_no_note_is_a_sentence_and_no_nan(loudness, said):
    flat = np.full(500, loudness, np.float32)
    features = Features(np.full(500, 200.0, np.float32), np.zeros(500, np.float32), flat, "full", 3)
    _, _, statistics = golden_case(80)
    result = condition(features, statistics, Settings(use_statistics=True, autotune=1.0))
    assert len(result.warnings) == 1 and said in result.warnings[0]
    assert np.array_equal(result.loudness_db, flat) and np.array_equal(result.f0_hz, features.f0_hz)


def test_a_tone_that_never_moves_is_tuned_to_itself():
    n = 500
    steady = Features(np.full(n, 225.0, np.float32), np.ones(n, np.float32), np.full(n, -30.0, np.float32), "full", 3)
    result = condition(steady, None, Settings(autotune=1.0))
    assert result.tuning_factor == pytest.approx(hz_to_midi(225.0) - 57.0, abs=0.006)
    np.testing.assert_allclose(hz_to_midi(result.f0_hz), hz_to_midi(225.0), atol=0.006)


def test_a_setting_out_of_range_names_the_range():
    with pytest.raises(SettingsError, match="-3 to 3"):
        Settings(octave_shift=4)
    with pytest.raises(SettingsError, match="mask threshold is nan; it must be a number from 0 to 2"):
        Settings(mask_threshold=float("nan"))
    with pytest.raises(SettingsError):
        Settings.from_json({"use_statistics": "yes"})
    assert Settings.from_json(Settings(autotune=0.5).to_json()) == Settings(autotune=0.5)


def test_what_does_nothing_says_why():
    tuning = {"scale", "autotune_speed_ms", "tuning_hz"}
    assert set(Settings().disabled()) == {"attenuation_db", "mask_threshold"} | tuning
    assert set(Settings(autotune=0.1).disabled()) == {"attenuation_db"}
    assert set(Settings(use_statistics=True).disabled()) == tuning
    assert not Settings(use_statistics=True, autotune=0.1).disabled()


def test_the_fit_finds_the_octave_and_the_loudness():
    pitch = {"mean_pitch_note": 68.0, "std_pitch_note": 4.0, "min_pitch_note": 60.0, "max_pitch_note": 90.0}
    values = dict.fromkeys(FIELDS, 0.0) | pitch
    statistics = DatasetStatistics(3, values, np.linspace(0, 1, 100), np.linspace(-50.0, -20.0, 100))
    n = 400
    features = Features(
        np.full(n, 130.8, np.float32), np.ones(n, np.float32), np.linspace(-60, -31, n).astype(np.float32), "full", 3
    )
    assert statistics.pitch_range_midi == (60.0, 78.0)  # 90 is a slip
    reading = fit.measure(features, statistics)
    assert reading.octave_shift == 1 and reading.pitch_inside == 0.0
    assert reading.loudness_shift_db == 10.0 and 0.5 < reading.loudness_inside < 0.8
    assert reading.outside.shape == (n,) and reading.outside[1:].all()
    after = fit.measure(features, statistics, Settings(octave_shift=1, loudness_shift_db=10.0))
    assert after.inside_share == 1.0


def test_the_shifts_are_those_of_every_frame_tried_with_every_shift():
    """As the reading was written first: all frames are moved, and those that are sung are counted."""
    values = dict.fromkeys(FIELDS, 0.0) | {"mean_pitch_note": 57.0, "min_pitch_note": 50.0, "max_pitch_note": 64.0}
    statistics = DatasetStatistics(
        3, values | {"std_pitch_note": 5.0}, np.linspace(0, 1, 100), np.linspace(-50.0, -30.0, 100)
    )
    low, high, soft, loud = *statistics.pitch_range_midi, *statistics.loudness_range_db
    for seed in range(20):
        random, n = np.random.default_rng(seed), 300
        f0_hz = random.uniform(60.0, 1000.0, n).astype(np.float32)
        confidence, loudness_db = random.uniform(0.0, 1.0, n), random.uniform(-75.0, -10.0, n)
        features = Features(f0_hz, confidence.astype(np.float32), loudness_db.astype(np.float32), "full", 3)
        base = condition(features, statistics, Settings())
        sung, midi = (features.f0_confidence >= 0.6) & (features.loudness_db > -60.0), hz_to_midi(base.f0_hz)

        def share(moved, lower, upper, slack, sung=sung):
            return float(((moved >= lower - slack) & (moved <= upper + slack))[sung].mean())

        reading = fit.measure(features, statistics)
        assert reading.octave_shift == max(
            sorted(range(-3, 4), key=abs), key=lambda o: share(midi + 12 * o, low, high, 0.5)
        )
        assert reading.loudness_shift_db == max(
            sorted(range(-30, 31, 5), key=abs), key=lambda s: share(base.loudness_db + s, soft, loud, 1.0)
        )
        semitones = {t: share(midi + t, low, high, 0.5) for t in range(-36, 37)}
        assert reading.transpose == min(
            (t for t, found in semitones.items() if found >= max(semitones.values()) - 0.005), key=abs
        )


def test_a_fit_of_nothing_is_none():
    values = dict.fromkeys(FIELDS, 0.0) | {"mean_pitch_note": 68.0, "min_pitch_note": 60.0, "max_pitch_note": 90.0}
    values |= {"std_pitch_note": 4.0}
    statistics = DatasetStatistics(3, values, np.linspace(0, 1, 100), np.linspace(-50.0, -20.0, 100))
    n, hz = 100, np.full(100, 440.0, np.float32)
    silent = Features(hz, np.ones(n, np.float32), np.full(n, -80.0, np.float32), "full", 3)
    unclear = Features(hz, np.zeros(n, np.float32), np.full(n, -30.0, np.float32), "full", 3)
    clear = Features(hz, np.ones(n, np.float32), np.full(n, -30.0, np.float32), "full", 3)
    for features, known in ((silent, statistics), (unclear, statistics), (clear, None)):
        reading = fit.measure(features, known)
        assert reading.inside_share is None and reading.to_json()["pitch_inside"] is None
        assert (reading.octave_shift, reading.loudness_shift_db) == (0, 0.0) and not reading.outside.any()
    assert fit.measure(clear, statistics).inside_share == 1.0


def test_the_fit_is_of_what_the_instrument_would_be_given():
    values = dict.fromkeys(FIELDS, 0.0) | {"mean_pitch_note": 57.0, "min_pitch_note": 50.0, "max_pitch_note": 64.0}
    values |= {"std_pitch_note": 5.0}
    statistics = DatasetStatistics(3, values, np.linspace(0, 1, 100), np.linspace(-30.0, -20.0, 100))
    n = 1000
    sung = np.arange(n) % 500 < 400
    features = Features(
        np.full(n, 220.0, np.float32),
        np.where(sung, 0.95, 0.05).astype(np.float32),
        np.where(sung, -55.0 + np.sin(np.arange(n)), -75.0).astype(np.float32),
        "full",
        3,
    )
    plain = fit.measure(features, statistics)
    assert plain.loudness_inside == 0.0 and np.array_equal(plain.loudness_db, features.loudness_db)
    settings = Settings(use_statistics=True, autotune=1.0, octave_shift=1)
    reading, given = fit.measure(features, statistics, settings), condition(features, statistics, settings)
    assert np.array_equal(reading.loudness_db, given.loudness_db) and np.array_equal(reading.f0_hz, given.f0_hz)
    assert reading.loudness_inside > 0.95 and reading.loudness_shift_db == 0.0
    assert reading.pitch_inside == 0.0 and reading.octave_shift == 0


def test_statistics_of_a_voice_cover_its_notes():
    rng = np.random.default_rng(0)
    f0_hz = np.full((3, 1000), 220.0)
    confidence = np.tile(np.repeat([0.95, 0.02], 500), (3, 1))
    loudness_db = np.where(confidence > 0.5, -30.0, -79.0) + rng.normal(0, 0.1, (3, 1000))
    measured = measure(f0_hz, confidence, loudness_db, loudness_db - 3.0)
    assert set(measured.values) == set(FIELDS)
    assert measured.values["mean_pitch"] == pytest.approx(57.0)
    assert measured.pitch_range_midi == pytest.approx((57.0, 57.0))
    assert measured.loudness_range_db[0] > -45.0
    again = DatasetStatistics.from_json(measured.to_json())
    assert again.values == measured.values and np.array_equal(again.quantiles, measured.quantiles)


@pytest.mark.slow
def test_statistics_are_ddsp_s_own(monkeypatch):
    from ddsing.engine.tf import runtime

    postprocessing = runtime.ddsp().training.postprocessing
    rng = np.random.default_rng(1)
    shape = (4, 300)
    f0_hz = (220.0 * 2.0 ** rng.normal(0.0, 0.3, shape)).astype(np.float32)
    confidence = np.repeat(rng.uniform(0.0, 1.0, (4, 6)), 50, axis=1).astype(np.float32)
    confidence[3] = 0.0  # a window without a note
    loudness_db = np.array([[-15.0], [-35.0], [-60.0], [-75.0]]) + rng.normal(0.0, 2.0, shape)
    loudness_db = loudness_db.astype(np.float32)
    power_db = loudness_db - 4.0

    class Windows:
        def get_batch(self, batch_size, repeats):
            names = {"f0_hz": f0_hz, "f0_confidence": confidence, "loudness_db": loudness_db, "audio": power_db}
            return [{name: x[i : i + 1] for name, x in names.items()} for i in range(len(f0_hz))]

    monkeypatch.setattr(postprocessing.spectral_ops, "compute_power", lambda audio, **_: audio)
    theirs = postprocessing.compute_dataset_statistics(Windows())
    ours = measure(f0_hz, confidence, loudness_db, power_db)
    for name in FIELDS:
        assert ours.values[name] == pytest.approx(float(theirs[name]), abs=2e-3), name
    transform = theirs["quantile_transform"]
    np.testing.assert_allclose(ours.quantiles, transform.quantiles_[:, 0], atol=1e-5)
    np.testing.assert_allclose(ours.references, transform.references_)


def test_quantiles_are_ddsp_s_own():
    from ddsing.engine.tf import runtime

    x = np.random.default_rng(0).normal(-40.0, 8.0, 3000)
    theirs = runtime.ddsp().training.postprocessing.QuantileTransformer().fit(x[:, None])
    references, levels = quantiles(x)
    np.testing.assert_allclose(references, theirs.references_)
    np.testing.assert_allclose(levels, theirs.quantiles_[:, 0], atol=1e-9)


def test_what_a_page_sets_without_being_drawn_anew_is_nothing_that_its_fit_or_many_recordings_read():
    _, features, statistics = golden_case(80)
    settings = Settings(use_statistics=True, autotune=0.5)
    switches = {"full_band": True, "show_full_output": True}
    others = dict.fromkeys(controls.ALONE, 0.5) | switches | {"gate_db": -40.0}
    before = fit.measure(features, statistics, settings)
    for name in controls.ALONE:
        changed = replace(settings, **{name: others[name]})
        after = fit.measure(features, statistics, changed)
        assert after.to_json() == before.to_json(), name
        assert np.array_equal(after.f0_hz, before.f0_hz) and np.array_equal(after.loudness_db, before.loudness_db), name
        assert changed == changed.without_z(), name
    assert fit.measure(features, statistics, replace(settings, mask_threshold=0.5)).to_json() != before.to_json()
