"""Loudness against ddsp, features that are computed once, and the command that writes them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import scipy.signal

from ddsing import cli
from ddsing.engine.tf import runtime
from ddsing.errors import Cancelled
from ddsing.sound import features, loudness, spectrum
from ddsing.sound.audio import content_hash
from tests.support.paths import GOLDEN
from tests.support.patience import PATIENCE_S
from tests.support.sounds import file_of, form, tone
from tests.support.tiny_workspace import sung


@pytest.mark.slow
@pytest.mark.parametrize("n_samples", [1, 63, 64, 65, 511, 512, 513, 40_000])
def test_loudness_of_generation_3_is_ddsp_s_own(n_samples):
    rng = np.random.default_rng(n_samples)
    audio = (rng.normal(0, 1, n_samples) * np.linspace(0.001, 0.5, n_samples) ** 3).astype(np.float32)
    compute_loudness = runtime.ddsp().spectral_ops.compute_loudness
    expected = compute_loudness(
        audio, sample_rate=16_000, frame_rate=250, n_fft=512, padding="center", range_db=80
    ).numpy()
    ours = loudness.compute(audio, generation=3)
    assert ours.dtype == np.float32
    assert ours.shape == expected.shape == (n_samples // 64 + 1,)
    np.testing.assert_allclose(ours, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["singing_2021", "singing_z_2021"])
def test_loudness_of_generation_1_is_that_of_ddsp_1_6_3(name):
    golden = np.load(GOLDEN / f"{name}.npz")
    ours = loudness.compute(golden["in/audio"][0], generation=1)
    assert ours.shape == (64_000 // 64 + 1,)
    np.testing.assert_allclose(ours[:1000], golden["in/loudness_db"][0], atol=0.01)


@pytest.mark.parametrize("generation", [1, 3])
def test_loudness_does_not_depend_on_the_blocks_it_is_computed_in(generation, monkeypatch):
    audio = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    whole = loudness.compute(audio, generation=generation)
    monkeypatch.setattr(loudness, "_BLOCK_FRAMES", 7)
    np.testing.assert_allclose(loudness.compute(audio, generation=generation), whole, atol=1e-5)


def test_a_weighting_is_librosa_s():
    frequency_hz = np.concatenate([[1e-3], np.geomspace(0.1, 96_000, 500)])
    np.testing.assert_allclose(loudness.a_weighting_db(frequency_hz), librosa.A_weighting(frequency_hz), atol=1e-9)
    assert loudness.a_weighting_db(0.0) == -80.0 and abs(loudness.a_weighting_db(1000.0)) < 0.01


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


def test_pitch_of_workspaces_of_before_is_reused_and_kept_in_the_same_form(tmp_path):
    audio, golden = (
        sung(1.0),
        GOLDEN / "features_center.npz",
    )  # as it was written when datasets had a store of their own
    written = tmp_path / f"{content_hash(audio)}-tiny-v1.npz"
    written.write_bytes(golden.read_bytes())
    found = features.extract(audio, tracker="tiny", cache=features.FeatureCache(tmp_path))
    assert found.reused and found.padding == "center"
    with np.load(golden) as arrays:
        np.testing.assert_array_equal(found.f0_hz, arrays["f0_hz"])
        np.testing.assert_array_equal(found.f0_confidence, arrays["f0_confidence"])
    written.unlink()
    assert not features.extract(audio, tracker="tiny", cache=features.FeatureCache(tmp_path)).reused
    assert form(written) == form(golden)


def test_a_store_without_a_limit_drops_nothing_and_says_when_it_can_t_write(tmp_path, monkeypatch):
    store = features.FeatureCache(tmp_path, padding="same", max_bytes=None)
    track = np.zeros(1000, np.float32)
    store.put("a" * 64, "tiny", track, track)
    path, when = tmp_path / f"{'a' * 64}-tiny.npz", 10**18
    os.utime(path, ns=(when, when))
    assert store.get("a" * 64, "tiny")["f0_hz"].shape == (1000,) and path.stat().st_mtime_ns == when, "not touched"
    np.savez(path, version=2, f0_hz=track, f0_confidence=track)
    assert store.get("a" * 64, "tiny") is None
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        features.FeatureCache(tmp_path / "file" / "x", padding="same", max_bytes=None).put("a", "tiny", track, track)
    features.FeatureCache(tmp_path / "file" / "x").put("a", "tiny", track, track)


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


@pytest.mark.parametrize("name", ["-x.wav", "-- a 'b\" 語.wav"])
def test_the_features_command_takes_any_name_and_writes_exactly_where_it_is_told(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(file_of(tone(0.5, 44_100, 2), 44_100, "WAV"))
    out = "features of -x"  # no .npz
    options = ["features", "--workspace", "w", "--out", out, "--tracker", "tiny", "--json"]
    for number, audio in enumerate((["--", name], [f"./{name}"])):
        assert cli.main(options + audio) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["n_frames"] == 8_000 // 64 + 1
        assert document["reused"] is (number == 1)
        assert document["seconds"] >= 0.0
    with np.load(out) as arrays:
        assert sorted(arrays) == ["f0_confidence", "f0_hz", "loudness_db"]
        assert all(arrays[key].dtype == np.float32 and arrays[key].shape == (126,) for key in arrays)
        assert abs(np.median(arrays["f0_hz"]) - 440.0) < 2.0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, out, "w"])


@pytest.mark.parametrize(
    ("audio", "out", "sentence"),
    [
        ("text.wav", "x.npz", "wav, flac, ogg, mp3, m4a"),
        ("missing.wav", "x.npz", "No such file"),
        (".", "x.npz", "is not a file"),
        ("good.wav", "missing/x.npz", "--out"),
        ("good.wav", ".", "--out"),
    ],
)
def test_the_features_command_says_in_one_sentence_what_is_wrong(audio, out, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("text.wav").write_text("not a sound, whatever its name says")
    Path("good.wav").write_bytes(file_of(tone(0.1), 16_000, "WAV"))
    assert cli.main(["features", audio, "--out", out, "--tracker", "tiny", "--workspace", "w"]) == 2
    captured = capsys.readouterr()
    assert not captured.out and captured.err.count("\n") == 1 and sentence in captured.err
    assert not Path("x.npz").exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", ["features", "transfer"])
def test_the_decoder_s_own_remarks_on_a_damaged_mp3_stay_hidden(command, tmp_path):
    content = b"\xff\xfb" + np.random.default_rng(0).bytes(3_000)
    (tmp_path / "damaged.mp3").write_bytes(content)
    script = "import sys; from ddsing.cli import main; sys.exit(main(sys.argv[1:]))"
    options = [str(tmp_path / "damaged.mp3"), "--out", str(tmp_path / "out.wav"), "--workspace", str(tmp_path)]
    options += ["--instrument", "none"] if command == "transfer" else []
    run = subprocess.run(
        [sys.executable, "-c", script, command, *options],
        capture_output=True,
        text=True,
        cwd=Path(cli.__file__).parents[2],
        timeout=PATIENCE_S,
    )
    assert run.returncode == 2 and run.stderr.count("\n") == 1 and run.stderr.endswith(".\n")


@pytest.mark.parametrize("size", [64, 512, 2048])
def test_spectra_are_framed_and_windowed_as_tensorflow_does(size):
    tf = runtime.tensorflow()
    audio = np.random.default_rng(size).normal(size=5001).astype(np.float32)
    expected = np.abs(tf.signal.stft(audio, size, size // 4, size, pad_end=True))
    found = spectrum.magnitudes(spectrum.frames(audio, size, size // 4))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(spectrum.hann(size), scipy.signal.get_window("hann", size), rtol=0, atol=1e-12)
