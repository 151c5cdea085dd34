"""The demo: small and complete, and it truly plays: pitch and loudness are followed, the timbre was learnt."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from scipy import signal

from ddsing import instrument as instruments
from ddsing.constants import FULL_BAND_RATE, HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import full_band, render
from ddsing.model.weights import random_weights
from ddsing.sound import audio as recordings
from ddsing.sound import features as feature_stage
from ddsing.sound import loudness
from demo import build

pytestmark = pytest.mark.slow

ASSETS = build.ASSETS
EXAMPLES = sorted((ASSETS / "examples").glob("*.flac"))
VOICES = sorted((ASSETS / "audio").glob("*/*.flac"))
INSTRUMENTS = sorted((ASSETS / "instruments").glob("*.zip"))
TRAINED = [path for path in INSTRUMENTS if path.stem != build.FULL_BAND]  # that is one of them, with a top
MAX_BYTES = 3_000_000

built_examples = functools.cache(build.examples)


def test_assets_are_there_and_small():
    assert len(EXAMPLES) == 4
    assert INSTRUMENTS and [path.parent.name for path in VOICES] == list(build.voices())
    for path in (*EXAMPLES, *VOICES, *INSTRUMENTS):
        assert path.stat().st_size < MAX_BYTES, path.name
    for path in TRAINED:
        assert path.stem in build.RECIPES, f"{path.name} has no recipe in demo/build.py"
    assert len(INSTRUMENTS) == len(TRAINED) + 1


def test_the_first_transfer_need_not_wait_for_the_pitch(workspace):
    """The examples come analysed by the default tracker: what is shipped is what an analysis finds."""
    cache = feature_stage.FeatureCache(workspace.cache / "features")
    assert len(list(cache.folder.glob("*.npz"))) == len(EXAMPLES)
    for path in EXAMPLES:
        audio = recordings.decode(workspace.examples / path.name)
        known = feature_stage.extract(audio, cache=cache)
        assert known.reused and known.tracker == "full"
    start = slice(0, 2 * SAMPLE_RATE)
    found = feature_stage.extract(audio[start])
    voiced = found.f0_confidence[:450] > 0.8
    np.testing.assert_allclose(known.f0_hz[:450][voiced], found.f0_hz[:450][voiced], rtol=1e-3)


def test_the_examples_are_as_built_and_begin_and_end_in_silence():
    built = built_examples()
    for path in EXAMPLES:
        rate_hz = soundfile.info(path).samplerate
        audio = recordings.read(path, rate_hz=rate_hz).audio
        assert rate_hz == build.rate_hz(path.stem)
        assert np.abs(audio - built[path.stem][0]).max() < (1e-6 if rate_hz == SAMPLE_RATE else 2e-5)  # 24 and 16 bits
        edge = rate_hz // 20
        assert np.abs(audio[:edge]).max() < 1e-3 and np.abs(audio[-edge:]).max() < 1e-3
        assert 0.3 < np.abs(audio).max() < 0.6


@pytest.mark.parametrize("path", INSTRUMENTS, ids=lambda path: path.stem)
def test_an_instrument_says_what_it_is(path):
    instrument = instruments.read(path)
    assert instrument.config.generation == 3
    assert instrument.provenance.licence == "CC0-1.0"
    assert instrument.provenance.step > 0
    low, high = instrument.statistics.pitch_range_midi
    assert high - low >= 24, "an instrument of the demo covers two octaves"


def test_the_voice_is_as_built_and_covers_the_examples():
    """A minute, not clipped, whose notes include those of both examples; the same sound as the build makes."""
    for path in VOICES:
        audio = recordings.decode(path)
        built, f0_hz, sounding = build.voices()[path.parent.name][path.stem]
        assert len(audio) == len(built) and np.abs(audio - built).max() < 1e-3
        assert 55 < len(audio) / SAMPLE_RATE < 65 and 0.2 < np.abs(audio).max() < 0.99
        low, high = np.percentile(69 + 12 * np.log2(f0_hz[sounding] / 440.0), [1, 99])
        for _, sung_hz, sung in built_examples().values():
            midi = 69 + 12 * np.log2(sung_hz[sung] / 440.0)
            assert ((midi > low - 0.5) & (midi < high + 0.5)).mean() > 0.97


def test_a_new_workspace_holds_all_of_it(workspace):
    for path in (*EXAMPLES, *VOICES, *INSTRUMENTS):
        assert (workspace.root / path.relative_to(ASSETS)).read_bytes() == path.read_bytes()


HEARD_DB = 60.0  # below the loudest; in silence a tracker may find any pitch, and no instrument sings it


@pytest.fixture(
    scope="module",
    params=[EXAMPLES[0], *(pytest.param(path, marks=pytest.mark.full) for path in EXAMPLES[1:])],
    ids=lambda path: path.stem,
)
def example(request):
    """(audio, features) of an example."""
    audio = recordings.decode(request.param)
    assert 8.0 <= len(audio) / SAMPLE_RATE <= 12.0
    return audio, feature_stage.extract(audio, tracker="tiny")


def test_an_example_is_in_the_instruments_range(example):
    _, features = example
    midi = 69 + 12 * np.log2(features.f0_hz[features.f0_confidence > 0.5] / 440.0)
    for path in INSTRUMENTS:
        low, high = instruments.read(path).statistics.pitch_range_midi
        assert ((midi > low) & (midi < high)).mean() > 0.99


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_an_instrument_follows_pitch_and_loudness(path, example):
    audio, asked = example
    instrument = instruments.read(path)
    loaded = render.load(instrument.config, instrument.weights)
    sung = render.render(loaded, asked.f0_hz, asked.loudness_db, n_samples=len(audio)).audio
    heard = feature_stage.extract(sung, tracker="tiny")
    voiced = (asked.f0_confidence > 0.5) & (asked.loudness_db > asked.loudness_db.max() - HEARD_DB)
    assert voiced.mean() > 0.8
    cents = 1200 * np.abs(np.log2(heard.f0_hz[voiced] / asked.f0_hz[voiced]))
    assert (cents <= 50).mean() >= 0.99
    asked_db, heard_db = asked.loudness_db[voiced], heard.loudness_db[voiced]
    assert np.corrcoef(asked_db, heard_db)[0, 1] >= 0.97
    assert np.abs(heard_db - asked_db).mean() <= 2.0


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_an_instrument_has_learnt_its_voice(path):
    """On singing that the training never saw, the spectral loss is far below that of untrained weights."""
    instrument = instruments.read(path)
    untrained = random_weights(instrument.config, seed=1)
    losses = build.held_out_losses(build.RECIPES[path.stem], [instrument.weights, untrained])
    print(f"{path.stem}: spectral loss {losses[0]:.2f} on what it never heard, untrained {losses[1]:.2f}")
    assert losses[0] < 0.6 * losses[1], losses


def harmonic_levels_db(audio, f0_hz, centres, *, offset=0.0) -> np.ndarray:
    """Level around the first 40 harmonics of some frames [shape=(n_centres, 40)]; NaN above 7 kHz.

    With an offset, what lies that share of f0 above each.
    """
    levels = np.full((len(centres), 40), np.nan)
    for row, frame in enumerate(centres):
        piece = audio[frame * HOP_SAMPLES - 1024 : frame * HOP_SAMPLES + 1024]
        power = np.abs(np.fft.rfft(piece * np.hanning(2048))) ** 2
        for k in range(1, min(40, int(7000 / f0_hz[frame])) + 1):
            low, high = (round((k + offset + side) * f0_hz[frame] * 2048 / SAMPLE_RATE) for side in (-0.2, 0.2))
            levels[row, k - 1] = 10 * np.log10(power[low : high + 1].sum() + 1e-12)
    return levels


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_an_instrument_has_all_the_harmonics_of_its_voice(path):
    """On singing that it never heard, each harmonic that matters is about as strong as the singer's."""
    instrument, held_out = instruments.read(path), build.RECIPES[path.stem].held_out()
    f0_hz, loudness_db = (held_out[name].astype(np.float32) for name in ("f0_hz", "loudness_db"))
    n_samples = (len(f0_hz) - 1) * HOP_SAMPLES
    loaded = render.load(instrument.config, instrument.weights)
    sung = render.render(loaded, f0_hz, loudness_db, n_samples=n_samples).harmonic  # hiss doesn't stand in for any
    loud = loudness_db > np.percentile(loudness_db, 40)
    centres = [frame for frame in range(100, len(f0_hz) - 100, 10) if loud[frame - 25 : frame + 25].all()]
    wanted, found = (harmonic_levels_db(audio, f0_hz, centres) for audio in (held_out["audio"], sung))
    breath = harmonic_levels_db(held_out["audio"], f0_hz, centres, offset=0.5)
    matters = (wanted > np.nanmax(wanted, axis=1, keepdims=True) - 40) & (wanted > breath + 10)
    error_db = np.abs(found - wanted)[matters]
    print(f"{path.stem}: harmonics off by {error_db.mean():.1f} dB, 95 % within {np.percentile(error_db, 95):.1f} dB")
    assert len(centres) > 50 and matters.sum() > 500
    assert error_db.mean() < 4.0 and np.percentile(error_db, 95) < 10.0


def band_db(audio, low_hz, high_hz):
    """The power of a sound at 48 kHz between two frequencies."""
    hz, power = signal.welch(audio, FULL_BAND_RATE, nperseg=4_096)
    return 10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].sum() * (hz[1] - hz[0]))


def test_the_one_with_a_top_is_aria_below_and_as_loud_as_the_singer_above():
    """On a quarter of a minute at 48 kHz that its top was not made from, octave by octave."""
    aria, wide = (instruments.read(ASSETS / "instruments" / f"{name}.zip") for name in ("aria", build.FULL_BAND))
    assert aria.top is None and wide.config == aria.config
    assert wide.statistics.to_json() == aria.statistics.to_json()
    assert all(np.array_equal(weight, wide.weights[name]) for name, weight in aria.weights.items())
    notes = build.practice(minutes=0.25, low=build.LOW, high=build.HIGH, seed=build.FULL_BAND_SEED + 1)
    sung, f0_hz, _ = build.sing(build.SOPRANO, notes, seed=2, rate_hz=FULL_BAND_RATE)
    asked = loudness.compute(soxr.resample(sung, FULL_BAND_RATE, SAMPLE_RATE))
    n_frames = len(sung) // 192
    part = render.solo(
        render.load(wide.config, wide.weights, wide.top),
        f0_hz[::192][:n_frames].astype(np.float32),
        asked[:n_frames],
        n_samples=n_frames * HOP_SAMPLES,
    )
    blocks = full_band.blocks(part, n_samples=n_frames * HOP_SAMPLES)
    heard = np.concatenate([block.audio for block in blocks])
    for low_hz, high_hz, most_db in ((5_657, 11_314, 5.0), (8_000, 11_314, 3.0), (11_314, 22_600, 3.0)):
        assert abs(band_db(heard, low_hz, high_hz) - band_db(sung, low_hz, high_hz)) < most_db, low_hz


def test_the_examples_at_48_khz_have_consonants_that_16_khz_can_not_hold():
    for name, (audio, _, sounding) in built_examples().items():
        if build.rate_hz(name) == FULL_BAND_RATE:
            hiss = signal.sosfilt(signal.butter(4, 8_000, "high", fs=FULL_BAND_RATE, output="sos"), audio)
            between = ~sounding
            assert np.mean(hiss[between] ** 2) > 10 * np.mean(hiss[sounding] ** 2), name


def test_a_recording_for_training_knows_its_true_pitch():
    """The f0 that the singer reports is that of its sound: the strongest partial of a plain tone lies there."""
    note = build.Note(69.0, 1.0, -6.0)
    voice = build.Voice(((440.0, 400.0, 0.0),), breath=0.0, vibrato_cents=0.0)
    audio, f0_hz, sounding = build.sing(voice, [note], seed=3)
    assert len(audio) == len(f0_hz) == len(sounding) == SAMPLE_RATE
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    assert abs(spectrum.argmax() - f0_hz[2000:-2000].mean()) < 8.0  # 1 Hz a bin; half the vibrato-free drift
    held = build.recording(audio, f0_hz)
    assert len(held["f0_hz"]) == len(held["loudness_db"]) == len(audio) // HOP_SAMPLES


def test_the_build_trains_an_instrument_and_keeps_it(tmp_path, monkeypatch):
    """A tiny model and a short practice, all the way to the file."""
    config = build.ModelConfig(rnn_channels=8, ch=8, layers_per_stack=1, n_harmonics=8, n_noise_bands=5)
    for name, value in {"CONFIG": config, "PRACTICE_MINUTES": 0.1, "BATCH_SIZE": 2, "WINDOW_FRAMES": 125}.items():
        monkeypatch.setattr(build, name, value)
    monkeypatch.setattr(build, "MEASURE_EVERY", 20)
    monkeypatch.setattr(build, "HELD_OUT_STARTS", range(0, 1000, 250))
    monkeypatch.setitem(build.RECIPES, "aria", replace(build.RECIPES["aria"], head_start_steps=60))
    build.train("aria", steps=40, folder=tmp_path)
    made = instruments.read(tmp_path / "aria.zip")
    assert made.config == config and made.provenance.step in (20, 40)
    assert all(np.isfinite(weight).all() for weight in made.weights.values())
    trained, untrained = build.held_out_losses(build.RECIPES["aria"], [made.weights, random_weights(config)])
    assert trained < untrained - 0.1


def test_readme_names_every_asset():
    readme = (Path(build.__file__).parent / "README.md").read_text(encoding="utf-8")
    for path in (*EXAMPLES, *VOICES, *INSTRUMENTS):
        assert path.name in readme
