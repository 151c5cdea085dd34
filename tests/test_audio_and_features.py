"""Recordings of every kind, loudness against ddsp, and features that are computed once."""

import io
import json
import math
import os
import resource
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from ddsing import audio as recordings
from ddsing import cli, features, loudness
from ddsing.engine import runtime
from ddsing.errors import AudioError, Cancelled, WorkspaceError
from ddsing.workspace import open_workspace, restore, safe_name, trash, write_atomic

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
        (file_of(np.array([0.1, math.nan, 0.2]), 16_000, "WAV", "FLOAT"), "NaN"),
        (file_of(tone(0.1, 4_000), 4_000, "WAV"), "4000 samples a second"),
        (file_of(tone(0.1, 16_000, 9), 16_000, "WAV"), "9 channels"),
    ],
)
def test_bad_recordings_are_one_sentence(content, sentence):
    with pytest.raises(AudioError, match=sentence):
        recordings.decode(content)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 192_000])
def test_a_recording_keeps_its_length_and_its_place_in_time(rate):
    audio = recordings.decode(file_of(tone(1.5, rate, 2), rate, "WAV"))
    assert abs(len(audio) - 24_000) <= 1
    expected = tone(1.5)[1_000:23_000, 0]
    np.testing.assert_allclose(audio[1_000:23_000], expected, atol=1e-3)


def test_channels_are_averaged_and_antiphase_is_silence():
    wave = tone(0.2)[:, 0]
    np.testing.assert_allclose(
        recordings.decode(file_of(np.stack([wave, 0 * wave], 1), 16_000, "WAV", "FLOAT")), wave / 2, atol=1e-6
    )
    assert not recordings.decode(file_of(np.stack([wave, -wave], 1), 16_000, "WAV", "FLOAT")).any()


def test_what_is_no_file_is_one_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path, tmp_path / "pipe", tmp_path / "missing.wav", Path("a\0b"), Path("/dev/zero")):
        with pytest.raises(AudioError, match="can't be opened|is not a file"):
            recordings.decode(source)


def test_long_recordings_are_refused_with_the_limit_in_bounded_memory():
    with pytest.raises(AudioError, match="limit is 2.0 s"):
        recordings.decode(file_of(tone(3.0), 16_000, "WAV"), max_seconds=2.0)
    silence = file_of(np.zeros((16_000 * 1200, 1), np.float32), 16_000, "FLAC")
    assert len(silence) < 300_000
    with pytest.raises(AudioError, match="is 20 min 00 s long; the limit is 10 min"):
        recordings.decode(silence)
    unknown = bytearray(silence)  # STREAMINFO's number of samples, 36 bits; 0 means that the encoder didn't know it
    unknown[21] &= 0xF0
    unknown[22:26] = bytes(4)
    tracemalloc.start()
    with pytest.raises(AudioError, match="is too long; the limit is 10 min"):
        recordings.decode(bytes(unknown))
    assert tracemalloc.get_traced_memory()[1] < 60e6  # ten minutes are 38 MB
    tracemalloc.stop()


def test_a_small_mp3_that_claims_hours_is_taken_for_what_it_holds_or_refused():
    content = bytearray(file_of(tone(0.5), 16_000, "MP3"))
    place = max(content.find(b"Xing"), content.find(b"Info"))
    assert place > 0 and content[place + 7] & 1  # the number of frames follows
    content[place + 8 : place + 12] = struct.pack(">I", 0x7FFFFFFF)
    assert recordings.probe(bytes(content)).duration_s < 10.0
    try:
        assert len(recordings.decode(bytes(content))) < 16_000 * 10
    except AudioError as error:
        assert "damaged" in str(error)


def test_long_silence_in_ogg_is_no_bomb():
    content = file_of(np.zeros((16_000 * 60, 1)), 16_000, "OGG")
    assert len(content) < 16_000  # fewer bytes than any mp3 of a minute
    assert len(recordings.decode(content)) == 16_000 * 60


@pytest.mark.parametrize(("format", "subtype"), [("WAV", "PCM_24"), ("FLAC", None), ("OGG", "VORBIS"), ("MP3", None)])
def test_a_truncated_recording_gives_what_is_there(format, subtype):
    whole = file_of(np.random.default_rng(0).normal(0, 0.1, (64_000, 1)), 16_000, format, subtype)
    audio = recordings.decode(whole[: len(whole) // 2])
    assert 10_000 < len(audio) < 50_000
    np.testing.assert_allclose(audio[:8_000], recordings.decode(whole)[:8_000], atol=1e-6)


def test_damaged_recordings_end_in_sound_or_a_known_sentence():
    rng = np.random.default_rng(0)
    kinds = [("WAV", "PCM_16", 1), ("WAV", "FLOAT", 2), ("FLAC", None, 2), ("OGG", "VORBIS", 1), ("MP3", None, 1)]
    whole = [file_of(tone(0.25, 16_000, n), 16_000, format, subtype) for format, subtype, n in kinds]
    n_refused = 0
    for number in range(500):
        content = bytearray(whole[number % len(whole)])
        for place in rng.integers(0, rng.choice([60, len(content)]), 3):
            content[place] = rng.integers(256)
        try:
            audio = recordings.decode(bytes(content))
            assert audio.ndim == 1 and len(audio) and np.isfinite(audio).all()
            recordings.probe(bytes(content))
        except AudioError as error:
            n_refused += 1
            assert str(error).endswith(".") and "\n" not in str(error)
    assert 50 < n_refused < 450


def test_the_recipe_travels_in_wav_and_flac_and_a_loud_result_is_turned_down():
    recipe = {"instrument": 'Ägir\'s "voice"', "settings": {"octave_shift": -1}}
    for format in ("WAV", "FLAC"):
        content = recordings.encode(np.array([0.0, 0.5, -0.5], np.float32), format=format, recipe=recipe)
        assert recordings.read_recipe(content) == recipe
        loud = recordings.encode(np.array([0.0, 2.0, -1.0], np.float32), format=format, recipe=recipe)
        assert recordings.read_recipe(loud)["gain_db"] == pytest.approx(-6.03, abs=0.01)
        assert np.abs(recordings.decode(loud)).max() == pytest.approx(0.999, abs=1e-4)
    assert recordings.read_recipe(file_of(tone(), 16_000, "WAV")) is None


def test_a_recipe_of_any_text_survives_and_one_too_long_is_refused_not_lost(tmp_path):
    recipe = {"source": 'ünï"\\\n\0 ' + "語" * 300 + "𝄞" * 50, "numbers": [0.1, -3, 1e-9, None, True]}
    for format in ("WAV", "FLAC"):
        content = recordings.encode(np.zeros(100, np.float32), format=format, recipe=recipe)
        assert recordings.read_recipe(content) == recipe
    longest = {"source": "x" * (2_000 - len('ddsing recipe {"source":""}'))}
    assert recordings.read_recipe(recordings.encode(np.zeros(100, np.float32), recipe=longest)) == longest
    with pytest.raises(AudioError, match="2001 bytes"):
        recordings.AudioWriter(tmp_path / "x.wav", recipe={"source": longest["source"] + "x"})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("comment", ["hello", "ddsing recipe ", "ddsing recipe [1]", "ddsing recipe " + "[" * 50_000])
def test_a_foreign_comment_is_no_recipe(comment):
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", 16_000, 1, format="FLAC") as file:
        file.comment = comment
        file.write(np.zeros(10))
    assert recordings.read_recipe(buffer.getvalue()) is None


def test_a_take_s_sound_is_written_in_blocks_as_32_bit_float(tmp_path):
    path = tmp_path / "-ä '.wav"
    audio = np.random.default_rng(0).normal(0, 1, 10_000).astype(np.float32)
    with recordings.AudioWriter(path, recipe={"a": 1}) as writer:
        for start in range(0, 10_000, 3_000):
            writer.write(audio[start : start + 3_000])
    assert writer.peak == np.abs(audio).max() > 1.0
    assert np.array_equal(recordings.decode(path), audio)
    assert recordings.read_recipe(path) == {"a": 1} and recordings.probe(path).subtype == "FLOAT"
    with pytest.raises(AudioError, match="can't be written"):
        recordings.AudioWriter(tmp_path / "missing" / "x.wav")


def test_a_full_disk_is_said(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(AudioError, match="disk full"), recordings.AudioWriter(tmp_path / "x.wav") as writer:
            for _ in range(10):
                writer.write(np.zeros(16_000, np.float32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


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
    np.testing.assert_allclose(ours[:1000], golden["in/loudness_db"][0], atol=1e-3)


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
    (tmp_path / "link").symlink_to(Path(np.__file__).parent.parent)
    for inside in (tmp_path / "link" / "inside", Path(os.__file__).parent / "inside"):
        with pytest.raises(WorkspaceError, match="imports code"):
            open_workspace(inside)


def test_the_workspace_comes_from_the_option_the_environment_or_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DDSING_WORKSPACE", raising=False)
    assert open_workspace().root == tmp_path / "workspace"
    monkeypatch.setenv("DDSING_WORKSPACE", str(tmp_path / "of the environment"))
    assert open_workspace().root == tmp_path / "of the environment"
    assert open_workspace(str(tmp_path / "named")).root == tmp_path / "named"


def test_an_empty_workspace_gets_the_demo_once(tmp_path):
    workspace = open_workspace(tmp_path)
    examples = list(workspace.examples.iterdir())
    assert examples and all(len(recordings.decode(path)) > 16_000 for path in examples)
    examples[0].unlink()
    open_workspace(tmp_path)
    assert not examples[0].exists()


def test_writing_is_whole_or_not_at_all_and_spares_devices(tmp_path):
    write_atomic(tmp_path / ("語" * 80), b"1")
    with pytest.raises(OSError):
        write_atomic(Path("/dev/null"), b"1")
    with pytest.raises(OSError):
        write_atomic(tmp_path, b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["語" * 80]


def test_what_is_deleted_can_be_brought_back(tmp_path):
    path = tmp_path / "voice.zip"
    path.write_text("1")
    trashed = trash(path)
    assert not path.exists()
    path.write_text("2")
    assert restore(trashed).read_text() == "1"
    assert path.read_text() == "2"


@pytest.mark.parametrize("text", ["../../etc/passwd", "", "...", "/", "a\x00b", "-rf", "x" * 500, "𠀀" * 90])
def test_names_are_made_safe(text):
    name = safe_name(text)
    assert name and len(name) <= 80 and len(name.encode()) <= 200
    assert "/" not in name and not name.startswith((".", "-"))


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
        ("text.wav", "x.npz", "wav, flac, ogg or mp3"),
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


@pytest.mark.parametrize("command", ["features", "transfer"])
def test_the_decoder_s_own_remarks_on_a_damaged_mp3_stay_hidden(command, tmp_path):
    content = b"\xff\xfb" + np.random.default_rng(0).bytes(3_000)
    (tmp_path / "damaged.mp3").write_bytes(content)
    script = "import sys; from ddsing.cli import main; sys.exit(main(sys.argv[1:]))"
    options = [str(tmp_path / "damaged.mp3"), "--out", str(tmp_path / "out.wav"), "--workspace", str(tmp_path)]
    options += ["--instrument", "none"] if command == "transfer" else []
    run = subprocess.run(
        [sys.executable, "-c", script, command, *options],
        capture_output=True, text=True, cwd=Path(cli.__file__).parents[2], timeout=120,
    )  # fmt: skip
    assert run.returncode == 2 and run.stderr.count("\n") == 1 and run.stderr.endswith(".\n")
