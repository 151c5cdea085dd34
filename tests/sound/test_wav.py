"""WAV files as any program may write them: order of chunks, lengths, widths, and lengths that are not true."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddsing.errors import AudioError
from ddsing.sound import audio as recordings
from tests.support import encoders
from tests.support.encoders import chunk, fmt, wav
from tests.support.sounds import file_of, tone

WIDTHS = {8: "u1", 16: "i2", 24: "i3", 32: "i4", -32: "f4", -64: "f8"}  # negative: float
UNSAID = "Its header gives no length, as after an interrupted recording. It is read to the end."
N_SAMPLES = 8_901


def samples_of(n_channels: int, seed: int) -> np.ndarray:
    """Noise with values that every width holds exactly."""
    return np.random.default_rng(seed).integers(-100, 100, (N_SAMPLES, n_channels)) / 128.0


def encoded(samples: np.ndarray, width: int, order: str) -> bytes:
    """Samples in a WAV's coding; of 8 bits they are unsigned."""
    if width < 0:
        return samples.astype(f"{order}{WIDTHS[width]}").tobytes()
    whole = np.round(samples * 2.0 ** (width - 1)).astype(np.int64)
    if width == 8:
        return (whole + 128).astype(np.uint8).tobytes()
    content = np.frombuffer(whole.astype(order + "i8").tobytes(), np.uint8).reshape(-1, 8)
    n_bytes = width // 8
    return (content[:, :n_bytes] if order == "<" else content[:, 8 - n_bytes :]).tobytes()


extra = st.tuples(st.sampled_from([b"LIST", b"bext", b"JUNK", b"fact", b"cue ", b"iXML"]), st.binary(max_size=99))


@pytest.mark.slow
@given(
    width=st.sampled_from(sorted(WIDTHS)),
    n_channels=st.integers(1, 3),
    mark=st.sampled_from([b"RIFF", b"RIFX", b"RF64", b"BW64"]),
    long=st.booleans(),
    before=st.lists(extra, max_size=3),
    between=st.lists(extra, max_size=3),
    after=st.lists(extra, max_size=2),
    pad=st.booleans(),
    length=st.sampled_from(["true", "zero", "unsaid", "more", "less"]),
    whole_size=st.sampled_from([None, 0, 0xFFFFFFFF]),
    seed=st.integers(0, 99),
)
@settings(max_examples=150, deadline=None)
def test_any_wav_is_read_to_its_last_sample(
    width, n_channels, mark, long, before, between, after, pad, length, whole_size, seed
):
    order = ">" if mark == b"RIFX" else "<"
    samples = samples_of(n_channels, seed)
    content = encoded(samples, width, order)
    size = {"true": None, "zero": 0, "unsaid": 0xFFFFFFFF, "more": len(content) * 2, "less": len(content) // 2}[length]
    wide = mark in (b"RF64", b"BW64")
    chunks = b""
    if wide:
        told = len(content) if size is None else size
        chunks += chunk(b"ds64", struct.pack("<QQQI", 0, 0 if told == 0xFFFFFFFF else told, N_SAMPLES, 0))
        size = 0xFFFFFFFF
    for name, body in before:
        chunks += chunk(name, body, order=order, pad=pad)
    description = fmt(n_channels, abs(width), real=width < 0, order=order, long=long)
    chunks += chunk(b"fmt ", description, order=order)
    for name, body in between:
        chunks += chunk(name, body, order=order, pad=pad)
    chunks += chunk(b"data", content, order=order, size=size, pad=length == "true")
    if length == "true":
        for name, body in after:
            chunks += chunk(name, body, order=order)
    found = recordings.read(wav(chunks, mark=mark, order=order, size=0xFFFFFFFF if wide else whole_size))
    np.testing.assert_allclose(found.audio, samples.mean(axis=1), atol=1e-6)
    half, there, twice = "0.3 s", "0.6 s", "1.1 s"
    assert (
        found.remarks
        == {
            "true": (),
            "zero": (UNSAID,),
            "unsaid": (UNSAID,),
            "more": (f"The file is cut short: it holds {there} of {twice}.",),
            "less": (f"Its header gives {half}, but it contains {there}. It is read to the end.",),
        }[length]
    )


@pytest.mark.parametrize("name", [b"LIST", b"bext"])
@pytest.mark.parametrize("body", [b"\0", b"abc", bytes(7)])
@pytest.mark.parametrize("width", sorted(WIDTHS))
def test_a_chunk_of_odd_length_without_padding_hides_no_sound(width, body, name):
    """A byte further on stands ``ata`` and the first byte of a length, which may look like a name."""
    samples = samples_of(2, 0)
    chunks = chunk(b"fmt ", fmt(2, abs(width), real=width < 0)) + chunk(name, body, pad=False)
    found = recordings.read(wav(chunks + chunk(b"data", encoded(samples, width, "<"), pad=True)))
    np.testing.assert_allclose(found.audio, samples.mean(axis=1), atol=1e-6)


@pytest.mark.slow
@given(place=st.integers(0, 43), value=st.integers(0, 255), cut=st.integers(0, 600))
@settings(max_examples=150, deadline=None)
def test_a_damaged_header_ends_in_sound_or_a_sentence(place, value, cut):
    content = bytearray(file_of(tone(0.1, 16_000, 2), 16_000, "WAV"))
    content[place] = value
    try:
        found = recordings.read(bytes(content[: len(content) - cut]))
        assert len(found.audio) and np.isfinite(found.audio).all()
    except AudioError as error:
        assert str(error).endswith(".") and "\n" not in str(error)


def test_an_empty_one_with_chunks_behind_it_is_empty():
    chunks = chunk(b"fmt ", fmt(1, 16)) + chunk(b"data", b"") + chunk(b"LIST", b"INFOISFT\4\0\0\0sox\0")
    with pytest.raises(AudioError, match="has no samples"):
        recordings.read(wav(chunks))


def test_what_is_behind_the_sound_and_is_none_is_left_out():
    content = encoded(samples_of(1, 0), 16, "<")
    for behind in (b"TAG" + bytes(125), bytes(50_000), b"ID3\4\0\0\0\0\1\0" + bytes(138), b"abc", b"\xff" * 9_000):
        found = recordings.read(wav(chunk(b"fmt ", fmt(1, 16)) + chunk(b"data", content) + behind))
        assert len(found.audio) == N_SAMPLES and found.remarks == ()


def test_a_crashed_recorder_s_file_with_chunks_before_the_sound(tmp_path):
    """As field recorders leave it: room kept for RF64, the producer's notes, lengths never written."""
    samples = samples_of(2, 1)
    chunks = chunk(b"JUNK", bytes(28)) + chunk(b"bext", bytes(602)) + chunk(b"fmt ", fmt(2, 24, long=True))
    chunks += chunk(b"data", encoded(samples, 24, "<"), size=0)
    found = recordings.read(wav(chunks, size=0))
    np.testing.assert_allclose(found.audio, samples.mean(axis=1), atol=1e-6)
    assert found.remarks == (UNSAID,)


def test_a_wave64_is_read_whole_cut_short_and_unfinished(tmp_path):
    (tmp_path / "x.wav").write_bytes(file_of(samples_of(2, 2), 16_000, "WAV", "PCM_24"))
    content = bytearray(encoders.ffmpeg(tmp_path / "x.wav", tmp_path / "x.w64", "-c:a", "pcm_s24le").read_bytes())
    expected = recordings.decode(tmp_path / "x.wav")
    assert np.array_equal(recordings.decode(bytes(content)), expected)
    cut = recordings.read(bytes(content[:-24_000]))
    assert np.array_equal(cut.audio, expected[: len(expected) - 4_000])
    assert cut.remarks == ("The file is cut short: it holds 0.3 s of 0.6 s.",)
    place = content.find(b"data")
    content[place + 16 : place + 24] = bytes(8)
    unfinished = recordings.read(bytes(content))
    assert np.array_equal(unfinished.audio, expected) and unfinished.remarks == (UNSAID,)
