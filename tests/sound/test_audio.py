"""Recordings of every kind: whole, cut short, damaged, hostile."""

import io
import math
import os
import struct
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ddsing.errors import AudioError
from ddsing.sound import audio as recordings
from tests.support.sounds import file_of, tone


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
        (b"hello, I am not a sound at all", "reads wav, flac, ogg, mp3, m4a"),
        (b"RIFF\x00\x00\x00\x00WAVEjunk", "can't be decoded"),
        (file_of(np.zeros((0, 1)), 16_000, "WAV"), "no samples"),
        (file_of(np.array([0.1, math.nan, 0.2]), 16_000, "WAV", "FLOAT"), "NaN"),
        (file_of(tone(0.1, 4_000), 4_000, "WAV"), "4000 samples per second"),
        (file_of(tone(0.1, 16_000, 9), 16_000, "WAV"), "9 channels"),
    ],
    ids=["empty", "text", "junk", "no samples", "NaN", "4 kHz", "9 channels"],  # a file with the time in it has no id
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


def test_channels_are_averaged_unless_that_loses_the_sound():
    left, right = tone(0.2)[:, 0], tone(0.2, hz=300.0)[:, 0]
    for channels, expected, remark in [
        ((left, right), (left + right) / 2, ""),
        ((left, 0.02 * left), 0.51 * left, ""),
        ((left, -left), left, "Its channels cancel each other out when mixed, so only the left is used."),
        (
            (left, -1.1 * left),
            -1.1 * left,
            "Its channels cancel each other out when mixed, so only the right is used.",
        ),
        ((0 * left, left), left, "Only the right channel has sound, so only that channel is used, at its own level."),
        (
            (1e-3 * right, left, 0 * left),
            left,
            "Only number 2 channel has sound, so only that channel is used, at its own level.",
        ),
        ((0 * left, 0 * left), 0 * left, ""),
    ]:
        found = recordings.read(file_of(np.stack(channels, 1), 16_000, "WAV", "FLOAT"))
        np.testing.assert_allclose(found.audio, expected, atol=1e-6)
        assert " ".join(found.remarks) == remark


def test_what_is_no_file_is_one_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path, tmp_path / "pipe", tmp_path / "missing.wav", Path("a\0b"), Path("/dev/zero")):
        with pytest.raises(AudioError, match="can't be opened|is not a file"):
            recordings.decode(source)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on a file's size stands for the full disk")
def test_a_full_disk_is_said(tmp_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(AudioError, match="disk full"), recordings.AudioWriter(tmp_path / "x.wav") as writer:
            for _ in range(10):
                writer.write(np.zeros(16_000, np.float32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
