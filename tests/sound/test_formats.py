"""Recordings as phones, browsers, recorders and editors leave them: every kind that is offered, and cut short."""

import struct

import av
import numpy as np
import pytest

from ddsing import process
from ddsing.errors import AudioError
from ddsing.sound import audio as recordings
from ddsing.sound import kinds
from ddsing.units import format_duration
from tests.support import encoders
from tests.support.encoders import ffmpeg, ffmpeg_pipe, sox
from tests.support.sounds import file_of, tone

SECONDS = 3.0
VIDEO = ("-f", "lavfi", "-i", "testsrc=d=3:size=176x144")
KINDS = {  # by suffix: how ffmpeg writes it, and its name here
    "wav": ((), "WAV"),
    "rf64": (("-rf64", "always", "-f", "wav"), "WAV"),
    "w64": ((), "WAV"),
    "flac": ((), "FLAC"),
    "ogg": (("-c:a", "libvorbis"), "OGG"),
    "oga": (("-c:a", "flac"), "OGG"),
    "opus": (("-c:a", "libopus"), "OGG"),
    "mp3": (("-c:a", "libmp3lame"), "MP3"),
    "mp2": ((), "MP2"),
    "m4a": (("-c:a", "aac"), "MP4"),
    "m4b": (("-c:a", "alac", "-f", "ipod"), "MP4"),
    "aac": ((), "AAC"),
    "webm": (("-c:a", "libopus"), "MATROSKA"),
    "mka": (("-c:a", "libvorbis"), "MATROSKA"),
    "aiff": ((), "AIFF"),
    "aif": (("-c:a", "pcm_s24be"), "AIFF"),
    "aifc": (("-c:a", "pcm_f32be", "-f", "aiff"), "AIFF"),
    "caf": (("-c:a", "alac"), "CAF"),
    "wma": ((), "WMA"),
    "mp4": ((*VIDEO, "-c:a", "aac"), "MP4"),
    "m4v": ((*VIDEO, "-c:a", "aac", "-f", "mp4"), "MP4"),
    "mov": ((*VIDEO, "-c:a", "pcm_s16le"), "MP4"),
    "3gp": ((*VIDEO, "-c:a", "aac"), "MP4"),
    "mkv": ((*VIDEO, "-c:a", "aac"), "MATROSKA"),
    "avi": ((*VIDEO, "-c:a", "libmp3lame"), "AVI"),
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Three seconds of 440 Hz, 44.1 kHz stereo."""
    path = tmp_path_factory.mktemp("reference") / "reference.wav"
    path.write_bytes(file_of(tone(SECONDS, 44_100, 2), 44_100, "WAV"))
    return path


def check_tone(audio, *, seconds=SECONDS, slack_s=0.08):
    assert audio.dtype == np.float32 and abs(len(audio) / 16_000 - seconds) < slack_s
    middle = audio[4_000:12_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert abs(2 * spectrum.argmax() - 440) <= 2
    assert 0.32 < np.sqrt(np.mean(middle**2)) < 0.38


def test_the_kinds_that_are_offered_are_those_that_are_tried_here():
    assert {f".{suffix}" for suffix in (*KINDS, "amr")} == set(kinds.SUFFIXES)
    assert [f".{suffix}" for suffix in kinds.UPLOAD_TYPES] == list(kinds.SUFFIXES)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", KINDS)
def test_every_kind_is_read_by_its_content_whatever_it_is_called(suffix, reference, tmp_path):
    options, kind = KINDS[suffix]
    path = ffmpeg(reference, tmp_path / f"x.{suffix}", *options)
    path = path.rename(tmp_path / "a wrong 'näme.mp3")
    assert recordings.is_recording(path)
    found = recordings.read(path)
    check_tone(found.audio)
    assert found.info.format == kind and found.info.n_channels == 2 and found.remarks == ()
    assert recordings.probe(path).sample_rate_hz == found.info.sample_rate_hz
    assert np.array_equal(recordings.read(path.read_bytes()).audio, found.audio)
    assert recordings.read_recipe(path) is None


def test_amr_is_read(tmp_path):
    path = encoders.amr(tone(SECONDS, 8_000)[:, 0], tmp_path / "x.amr")
    found = recordings.read(path)
    assert found.info.format == "AMR" and found.info.sample_rate_hz == 8_000
    assert (
        abs(len(found.audio) / 16_000 - SECONDS) < 0.1 and 0.28 < np.sqrt(np.mean(found.audio[8_000:24_000] ** 2)) < 0.4
    )


@pytest.mark.slow
@pytest.mark.parametrize("coding", ["pcm_s16be", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be", "pcm_alaw"])
def test_what_is_lossless_is_the_same_to_the_last_bit(coding, reference, tmp_path):
    found = recordings.read(ffmpeg(reference, tmp_path / "x.aiff", "-c:a", coding))
    same = ffmpeg(reference, tmp_path / "x.wav", "-c:a", coding.replace("be", "le"))
    assert np.array_equal(found.audio, recordings.decode(same))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("big.wav", ("-B",)),
        ("big.wav", ("-B", "-b", "24")),
        ("big.wav", ("-B", "-b", "16")),
        ("law.wav", ("-e", "mu-law")),
        ("gsm.wav", ("-e", "gsm-full-rate", "-r", "8000")),
        ("float.wav", ("-e", "floating-point", "-b", "64")),
        ("eight.wav", ("-b", "8", "-e", "unsigned-integer")),
    ],
)
def test_sox_s_codings_are_read(name, options, reference, tmp_path):
    check_tone(recordings.read(sox(reference, tmp_path / name, *options)).audio)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [("wav", ()), ("aiff", ()), ("flac", ()), ("mp3", ()), ("ogg", ("-c:a", "libopus")), ("webm", ()), ("adts", ())]
    + [
        ("mp4", ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov")),
        ("matroska", ()),
        ("wav", ("-c:a", "libmp3lame")),
    ],
)
def test_what_was_written_to_a_pipe_is_read_to_its_end(kind, options, reference, tmp_path):
    found = recordings.read(ffmpeg_pipe(reference, tmp_path / "x", kind, *options))
    check_tone(found.audio)
    assert not any("cut short" in remark for remark in found.remarks)
    if kind == "wav":
        assert "header gives no length" in found.remarks[0]


HALVED = {suffix: options for suffix, (options, kind) in KINDS.items() if kind != "MP4"}
HALVED["caf"] = ()  # with ALAC, a table that follows the sound is needed to read it


@pytest.mark.slow
@pytest.mark.parametrize("suffix", HALVED)
def test_half_a_file_is_read_and_that_is_said(suffix, tmp_path):
    noise = np.random.default_rng(0).normal(0.0, 0.1, (6 * 44_100, 2))
    (tmp_path / "noise.wav").write_bytes(file_of(noise, 44_100, "WAV"))
    content = ffmpeg(tmp_path / "noise.wav", tmp_path / f"x.{suffix}", *HALVED[suffix]).read_bytes()
    whole, found = recordings.decode(content), recordings.read(content[: len(content) // 2 - 9])
    assert 16_000 < len(found.audio) < 5 * 16_000
    assert np.corrcoef(found.audio[1_000:15_000], whole[1_000:15_000])[0, 1] > 0.99
    (remark,) = found.remarks
    assert remark.startswith("The file is cut short: it ")
    assert format_duration(len(found.audio) / 16_000) in remark, "how much there is"
    if suffix in ("wma", "avi", "caf"):
        assert " of about " in remark
    elif suffix not in ("ogg", "oga", "opus", "aac", "mp2"):  # which do not say how long they are
        assert remark.endswith(("of 6.0 s.", "of 6.1 s."))


def test_an_mp3_without_a_header_of_its_own_is_noticed_where_it_breaks_off(reference, tmp_path):
    content = ffmpeg_pipe(reference, tmp_path / "x.mp3", "mp3", "-write_xing", "0", "-id3v2_version", "0").read_bytes()
    assert recordings.read(content).remarks == ()
    assert recordings.read(content[:-5]).remarks == ("The file is cut short: it ends after 3.0 s.",)
    assert recordings.read(content + b"TAG" + bytes(125)).remarks == ()


@pytest.mark.slow
def test_a_film_that_was_cut_before_its_table_of_contents_is_a_sentence(reference, tmp_path):
    content = ffmpeg(reference, tmp_path / "x.m4a").read_bytes()
    with pytest.raises(AudioError, match="table of contents is missing"):
        recordings.read(content[: len(content) // 2])
    early = ffmpeg(reference, tmp_path / "y.m4a", "-movflags", "faststart").read_bytes()
    found = recordings.read(early[: len(early) // 2])
    assert found.remarks[0].startswith("The file is cut short: it holds 1.") and found.remarks[0].endswith("of 3.0 s.")


def test_films_without_sound_and_pictures_are_sentences(tmp_path):
    command = [*VIDEO, tmp_path / "silent.mp4"]
    encoders.subprocess.run([encoders.program("ffmpeg"), "-v", "error", *command], check=True)
    with pytest.raises(AudioError, match="has no sound"):
        recordings.read(tmp_path / "silent.mp4")
    with pytest.raises(AudioError, match="not a recording that ddsing can read.*convert it to wav"):
        recordings.read(b"\0\0\0\x18ftypheic" + bytes(100))


def test_streams_that_follow_each_other_in_an_ogg_file_are_all_read(reference, tmp_path):
    first = ffmpeg(reference, tmp_path / "a.ogg", "-c:a", "libvorbis").read_bytes()
    second = ffmpeg(reference, tmp_path / "b.ogg", "-c:a", "libvorbis", "-ar", "22050", "-ac", "1").read_bytes()
    third = ffmpeg(reference, tmp_path / "c.opus").read_bytes()
    apart = [recordings.decode(content) for content in (first, second, third)]
    found = recordings.read(first + second + third)
    assert np.array_equal(found.audio, np.concatenate(apart))
    assert found.remarks == ("It contains 3 recordings in a row; all are used.",)


@pytest.mark.slow
@pytest.mark.parametrize("n_zeros", [1, 417, 40_000])
def test_an_mp3_behind_zeros_is_the_same_mp3(n_zeros, reference, tmp_path):
    plain = ffmpeg(reference, tmp_path / "x.mp3", "-id3v2_version", "0").read_bytes()
    tagged = ffmpeg(reference, tmp_path / "y.mp3", "-metadata", "title=x").read_bytes()
    place = 10 + (tagged[8] << 7 | tagged[9])
    assert tagged.startswith(b"ID3") and tagged[place] == 0xFF
    expected = recordings.decode(plain)
    for content in (bytes(n_zeros) + plain, tagged[:place] + bytes(n_zeros) + tagged[place:], tagged):
        found = recordings.read(content)
        assert np.array_equal(found.audio, expected) and found.info.format == "MP3" and found.remarks == ()


@pytest.mark.slow
def test_a_large_picture_before_the_sound_hides_nothing(reference, tmp_path):
    plain = ffmpeg(reference, tmp_path / "x.aac").read_bytes()
    size = 300_000
    tag = b"ID3\3\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + b"\x89PNG" + bytes(size - 4)
    assert np.array_equal(recordings.decode(tag + plain), recordings.decode(plain))


@pytest.mark.slow
def test_sound_that_is_no_sound_and_absurd_headers_are_sentences(tmp_path):
    bad = tone(0.5)[:, 0].astype(">f4")
    bad[100] = np.nan
    form = struct.pack(">HIH", 1, len(bad), 32) + bytes.fromhex("400cfa00000000000000") + b"fl32\0\0"
    sound = bytes(8) + bad.tobytes()

    def aifc(common, content):
        chunks = b"FVER" + struct.pack(">II", 4, 0xA2805140)
        for name, body in ((b"COMM", common), (b"SSND", content)):
            chunks += name + struct.pack(">I", len(body)) + body
        return b"FORM" + struct.pack(">I", len(chunks) + 4) + b"AIFC" + chunks

    good = aifc(form, bytes(8) + tone(0.5)[:, 0].astype(">f4").tobytes())
    assert len(recordings.decode(good)) == 8_000
    with pytest.raises(AudioError, match="NaN, infinite"):
        recordings.decode(aifc(form, sound))
    for common in (
        b"\0\0" + form[2:],
        b"\0\x09" + form[2:],
        form[:8] + bytes.fromhex("4015f424000000000000") + form[18:],
    ):
        with pytest.raises(AudioError, match=r"channels; use|samples per second; use|can't be decoded"):
            recordings.decode(aifc(common, sound))


@pytest.mark.slow
def test_a_small_file_of_hours_is_refused_at_the_limit(tmp_path):
    path = tmp_path / "x.webm"
    silence = np.zeros((1, 960), np.float32)
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        for number in range(50 * 700):
            frame = av.AudioFrame.from_ndarray(silence, format="flt", layout="mono")
            frame.sample_rate, frame.pts = 48_000, 960 * number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(AudioError, match="is 11 min 40 s long; the limit is 10 min"):
        recordings.decode(path)
    assert len(recordings.decode(path, max_seconds=701.0)) > 16_000 * 699


def test_what_takes_more_than_it_may_is_ended_with_a_sentence(reference, tmp_path, monkeypatch):
    path = ffmpeg(reference, tmp_path / "x.m4a")
    monkeypatch.setattr("ddsing.sound.reading._CPU_S", 0.0)
    with pytest.raises(AudioError, match="within the limits of memory and time"):
        recordings.decode(path, max_seconds=1e-9)
    monkeypatch.undo()
    monkeypatch.setattr("ddsing.sound.reading._MEMORY_BYTES", 30 * 2**20)
    with pytest.raises(AudioError, match="limits of memory|more memory|can't be decoded"):
        recordings.decode(path)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["m4a", "m4b", "aac", "webm", "caf", "aiff", "wma", "avi", "mp4"])
def test_damaged_files_end_in_sound_or_a_known_sentence(suffix, reference, tmp_path):
    rng = np.random.default_rng(len(suffix))
    whole = ffmpeg(reference, tmp_path / f"x.{suffix}", "-t", "0.5", *KINDS[suffix][0], "-t", "0.5").read_bytes()
    for number in range(6):
        content = bytearray(whole)
        for place in rng.integers(0, len(content) if number % 2 else min(600, len(content)), 4):
            content[place] = rng.integers(256)
        try:
            audio = recordings.decode(bytes(content[: rng.integers(len(content) // 2, len(content))]))
            assert audio.ndim == 1 and len(audio) and np.isfinite(audio).all()
        except AudioError as error:
            assert str(error).endswith(".") and "\n" not in str(error)


def test_no_file_makes_ffmpeg_open_another(reference, tmp_path):
    (tmp_path / "list.ffconcat").write_text(f"ffconcat version 1.0\nfile {reference.name}\n")
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:3,\n{reference}\n#EXT-X-ENDLIST\n")
    for path in tmp_path.iterdir():
        assert not recordings.is_recording(path)
        with pytest.raises(AudioError, match="not a recording"):
            recordings.decode(path)


def test_the_process_ends_when_nobody_listens_any_more(reference, tmp_path):
    path = ffmpeg(reference, tmp_path / "x.m4a")
    request = {"path": str(path), "demuxer": "mov", "head_only": False}
    messages = process.stream("ddsing.sound.ffmpeg:decode", request, process.Limits(2**30, 60.0))
    assert next(messages)["rate"] == 44_100
    messages.close()
    with pytest.raises(StopIteration):
        next(messages)
