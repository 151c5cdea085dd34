"""Recordings of every kind, loudness against ddsp, and features that are computed once."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ddsing import audio as recordings
from ddsing import features, loudness
from ddsing.engine import runtime
from ddsing.errors import AudioError, Cancelled, WorkspaceError
from ddsing.workspace import open_workspace, restore, safe_name, trash

GOLDEN = Path(__file__).parent / "golden"


def tone(seconds=1.0, rate=16_000, channels=1, hz=440.0):
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1)


def file_of(samples, rate, format, subtype=None):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=format, subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("format", "subtype", "rate", "channels"),
    [
        ("WAV", "PCM_U8", 8_000, 1),
        ("WAV", "PCM_16", 44_100, 2),
        ("WAV", "PCM_24", 192_000, 8),
        ("WAV", "DOUBLE", 11_025, 3),
        ("FLAC", "PCM_16", 48_000, 2),
        ("OGG", "VORBIS", 44_100, 2),
        ("MP3", "MPEG_LAYER_III", 44_100, 2),
        ("MP3", "MPEG_LAYER_III", 16_000, 1),
    ],
)
def test_every_format_gives_the_same_tone(format, subtype, rate, channels, tmp_path):
    path = tmp_path / "-a strange 'näme'\".txt"
    path.write_bytes(file_of(tone(1.0, rate, channels), rate, format, subtype))
    audio = recordings.decode(path)
    assert audio.dtype == np.float32
    assert abs(len(audio) - 16_000) < 2_500  # mp3 pads
    middle = audio[4_000:12_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert abs(spectrum.argmax() * 2.0 - 440.0) <= 2.0
    assert 0.33 < np.sqrt(np.mean(middle**2)) < 0.37
    assert recordings.probe(path).format == format


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no content"),
        (b"hello, I am not a sound at all", "wav, flac, ogg or mp3"),
        (b"RIFF\x00\x00\x00\x00WAVEjunk", "can't be decoded"),
        (file_of(np.zeros((0, 1)), 16_000, "WAV"), "no samples"),
        (file_of(np.array([0.1, math.nan, 0.2]), 16_000, "WAV", "FLOAT"), "not numbers"),
        (file_of(tone(0.1, 4_000), 4_000, "WAV"), "4000 samples a second"),
        (file_of(tone(0.1, 16_000, 9), 16_000, "WAV"), "9 channels"),
    ],
)
def test_bad_recordings_are_one_sentence(content, sentence):
    with pytest.raises(AudioError, match=sentence):
        recordings.decode(content)


def test_long_recordings_are_refused_with_the_limit_and_bombs_by_their_size():
    with pytest.raises(AudioError, match="limit is 2.0 s"):
        recordings.decode(file_of(tone(3.0), 16_000, "WAV"), max_seconds=2.0)
    silence = file_of(np.zeros((16_000 * 700, 1)), 16_000, "FLAC")
    with pytest.raises(AudioError, match="limit is 10 min"):
        recordings.decode(silence)


def test_a_truncated_recording_gives_what_is_there():
    whole = file_of(np.random.default_rng(0).normal(0, 0.1, (32_000, 1)), 16_000, "FLAC")
    assert 4_000 < len(recordings.decode(whole[: len(whole) // 2])) < 32_000


def test_the_recipe_travels_in_wav_and_flac_and_a_loud_result_is_turned_down():
    recipe = {"instrument": "Ägir's \"voice\"", "settings": {"octave_shift": -1}}
    for format in ("WAV", "FLAC"):
        content = recordings.encode(np.array([0.0, 0.5, -0.5], np.float32), format=format, recipe=recipe)
        assert recordings.read_recipe(content) == recipe
        loud = recordings.encode(np.array([0.0, 2.0, -1.0], np.float32), format=format, recipe=recipe)
        assert recordings.read_recipe(loud)["gain_db"] == pytest.approx(-6.03, abs=0.01)
        assert np.abs(recordings.decode(loud)).max() == pytest.approx(0.999, abs=1e-4)
    assert recordings.read_recipe(file_of(tone(), 16_000, "WAV")) is None


def test_loudness_of_generation_3_is_ddsp_s_own():
    rng = np.random.default_rng(1)
    audio = (rng.normal(0, 1, 40_000) * np.linspace(0, 0.5, 40_000) ** 3).astype(np.float32)
    expected = runtime.ddsp().spectral_ops.compute_loudness(audio).numpy()
    ours = loudness.compute(audio, generation=3)
    assert ours.shape == expected.shape == (40_000 // 64 + 1,)
    np.testing.assert_allclose(ours, expected, atol=1e-3)


@pytest.mark.parametrize("name", ["singing_2021", "singing_z_2021"])
def test_loudness_of_generation_1_is_that_of_ddsp_1_6_3(name):
    golden = np.load(GOLDEN / f"{name}.npz")
    ours = loudness.compute(golden["in/audio"][0], generation=1)
    np.testing.assert_allclose(ours[:1000], golden["in/loudness_db"][0], atol=2e-3)


def test_silence_has_the_lowest_loudness_of_its_generation():
    assert (loudness.compute(np.zeros(1000, np.float32), generation=3) == -80.0).all()
    assert (loudness.compute(np.zeros(1000, np.float32), generation=1) == -120.0).all()


def test_features_are_computed_once_for_the_same_sound(tmp_path):
    cache = features.FeatureCache(tmp_path)
    audio = tone(0.5)[:, 0].astype(np.float32)
    first = features.extract(audio, tracker="tiny", cache=cache)
    again = features.extract(audio, tracker="tiny", generation=1, cache=features.FeatureCache(tmp_path))
    assert not first.reused and again.reused
    assert first.f0_hz.shape == first.f0_confidence.shape == first.loudness_db.shape == (8_000 // 64 + 1,)
    assert np.array_equal(first.f0_hz, again.f0_hz)
    assert again.loudness_db.min() < first.loudness_db.min()
    next(tmp_path.glob("*.npz")).write_bytes(b"broken")
    assert not features.extract(audio, tracker="tiny", cache=cache).reused
    cache.clear()
    assert cache.size_bytes() == 0


def test_the_cache_is_bounded_and_a_cancelled_run_leaves_nothing(tmp_path):
    cache = features.FeatureCache(tmp_path, max_bytes=5_000)
    for number in range(20):
        cache.put(f"{number:064d}", "tiny", np.zeros(100, np.float32), np.zeros(100, np.float32))
    assert 0 < cache.size_bytes() <= 5_000
    assert cache.has(f"{19:064d}", "tiny") and not cache.has(f"{0:064d}", "tiny")

    def stop(_):
        raise Cancelled

    cache.clear()
    with pytest.raises(Cancelled):
        features.extract(np.zeros(16_000, np.float32), tracker="tiny", cache=cache, progress=stop)
    assert not list(tmp_path.iterdir())


def test_a_workspace_is_made_and_never_inside_code(tmp_path):
    workspace = open_workspace(tmp_path / "my workspace")
    assert workspace.instruments.is_dir() and workspace.experiments.is_dir()
    with pytest.raises(WorkspaceError, match="imports code"):
        open_workspace(Path(recordings.__file__).parent / "inside")
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkspaceError, match="--workspace"):
        open_workspace(tmp_path / "file")


def test_what_is_deleted_can_be_brought_back(tmp_path):
    path = tmp_path / "voice.zip"
    path.write_text("1")
    trashed = trash(path)
    assert not path.exists()
    path.write_text("2")
    assert restore(trashed).read_text() == "1"
    assert path.read_text() == "2"


@pytest.mark.parametrize("text", ["../../etc/passwd", "", "...", "/", "a\x00b", "-rf", "x" * 500])
def test_names_are_made_safe(text):
    name = safe_name(text)
    assert name and len(name) <= 80 and "/" not in name and not name.startswith((".", "-"))
