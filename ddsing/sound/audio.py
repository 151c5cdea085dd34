"""Recordings: decoded as a stream with caps, mixed to mono at 16 kHz, and written with a recipe in their metadata.

Files are recognised by their content, never by their name; wav, flac, ogg and mp3 are read through libsndfile and
resampled with soxr, block by block. A declared length is never trusted: decoding stops at the limits, whatever the
header says.
"""

import hashlib
import io
import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ddsing import names
from ddsing.constants import MAX_TRANSFER_S, SAMPLE_RATE
from ddsing.errors import AudioError
from ddsing.units import format_bytes, format_duration

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")  # of files that are listed; what is in them decides
_MAX_BYTES = 2 * 2**30
_BLOCK_SAMPLES = 4_096  # small, because a damaged block is lost whole
_MAX_PEAK = 1e6  # full scale is 1; beyond this it is not sound, and its power overflows
_RECIPE_MARK = "ddsing recipe "
_MAX_COMMENT_BYTES = 2_000  # libsndfile reads no longer one from a wav, and drops it without a word
_SIGNATURES = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"ID3")
_FORMATS = {"WAV": "WAV", "WAVEX": "WAV", "RF64": "WAV", "FLAC": "FLAC", "OGG": "OGG", "MP3": "MP3", "MPEG": "MP3"}
_UNKNOWN_S = 1e6  # a claim beyond it means that the length isn't known, as in a flac from a pipe
_BYTES_PER_S = {"MP3": 1000, "OGG": 20}  # the least: 8 kbit/s for mp3; ogg Vorbis silence takes 120, Opus less
_WRITE_FAULTS = (soundfile.SoundFileError, RuntimeError, AssertionError)  # soundfile's, on a full disk


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself: `duration_s` is its claim, only decoding tells the truth."""

    format: str
    sample_rate_hz: int
    n_channels: int
    duration_s: float
    subtype: str


def probe(source: Path | bytes) -> AudioInfo:
    """Format, sample rate, channels and claimed duration; raises `AudioError` if it is not audio."""
    with _Opened(source) as (file, kind, n_bytes):
        claimed_s = min(max(file.frames, 0) / file.samplerate, _credible_s(kind, n_bytes))
        return AudioInfo(kind, file.samplerate, file.channels, claimed_s, file.subtype)


def decode(
    source: Path | bytes,
    *,
    max_seconds: float = MAX_TRANSFER_S,
    channel: int | None = None,
    hear: Callable[[np.ndarray, int], None] | None = None,
) -> np.ndarray:
    """A recording as 16 kHz mono: the mean of its channels.

    Parameters
    ----------
    source : Path or bytes
        A file, or a file's content.
    max_seconds : float
        Longer recordings are refused.
    channel : int, optional
        Take this one instead of the mean.
    hear : callable, optional
        Given each block as it is in the file [shape=(n_samples, n_channels), float32], and its sample rate.

    Returns
    -------
    np.ndarray [shape=(n_samples,), float32]

    Raises
    ------
    AudioError
        If it is not audio, empty, too long, outside 8–192 kHz or 1–8 channels, or holds values that are not numbers.
    """
    with _Opened(source) as (file, kind, n_bytes):
        limit_s = min(max_seconds, _credible_s(kind, n_bytes))
        if kind in ("WAV", "FLAC") and max_seconds < file.frames / file.samplerate < _UNKNOWN_S:
            raise AudioError(_too_long(file, kind, n_bytes, max_seconds, limit_s))  # at once; no claim is believed
        resampler = soxr.ResampleStream(file.samplerate, SAMPLE_RATE, 1, dtype="float32")
        pieces, n_read = [], 0
        while True:
            block = _read(file, n_read)
            if hear is not None:
                hear(block, file.samplerate)
            mono = _mono(block, channel)
            n_read += len(mono)
            if n_read > limit_s * file.samplerate:
                raise AudioError(_too_long(file, kind, n_bytes, max_seconds, limit_s))
            if not (np.abs(mono) <= _MAX_PEAK).all():  # NaN is not less, either
                raise AudioError(
                    "The recording holds samples that are not sound (NaN, infinite, or above 1e6): export it again."
                )
            last = len(mono) == 0  # an MP3 may return less than was asked for before its end
            pieces.append(mono if file.samplerate == SAMPLE_RATE else resampler.resample_chunk(mono, last=last))
            if last:
                break
    audio = np.concatenate(pieces)
    if not len(audio):
        raise AudioError("The recording is empty: it holds no samples.")
    return audio


def content_hash(audio: np.ndarray) -> str:
    """SHA-256 of decoded audio: the same sound has the same hash under any name and in any lossless format."""
    return hashlib.sha256(np.ascontiguousarray(audio, np.float32).data).hexdigest()


class AudioWriter:
    """Writes 16 kHz mono 32-bit float WAV block by block, and knows the peak."""

    def __init__(self, path: Path, *, recipe: dict | None = None):
        self.peak = 0.0
        self._path = path
        comment = None if recipe is None else _comment(recipe)
        try:
            with open(path, "wb"):  # says why it can't be written, which soundfile doesn't
                pass
            self._file = soundfile.SoundFile(os.fsencode(path), "w", SAMPLE_RATE, 1, format="WAV", subtype="FLOAT")
        except (OSError, *_WRITE_FAULTS) as error:
            reason = getattr(error, "strerror", None) or "is the disk full?"
            raise AudioError(f"{str(path)!r} can't be written: {reason}.") from None
        if comment is not None:
            self._file.comment = comment

    def write(self, block: np.ndarray) -> None:
        """Append samples [shape=(n_samples,), float32]."""
        if len(block):
            self.peak = max(self.peak, float(np.abs(block).max()))
        try:
            self._file.write(block)
        except _WRITE_FAULTS:
            raise AudioError(f"{str(self._path)!r} can't be written to its end: is the disk full?") from None

    def close(self) -> None:
        """Finish the file."""
        try:
            self._file.close()
        except _WRITE_FAULTS:
            raise AudioError(f"{str(self._path)!r} can't be written to its end: is the disk full?") from None

    def __enter__(self):
        return self

    def __exit__(self, *_: object):
        self.close()


def encode(source: Path | np.ndarray, *, format: str = "WAV", recipe: dict | None = None) -> bytes:
    """A 24-bit WAV or FLAC of a 16 kHz mono file or array, with the recipe in its metadata.

    Sound beyond full scale is turned down as much as it takes to fit, and the recipe's ``gain_db`` says by how much;
    anything else stays as loud as it is.
    """
    if isinstance(source, Path):
        source = soundfile.read(os.fsencode(source), dtype="float32")[0]
    audio = np.asarray(source, np.float32)
    peak = float(np.abs(audio).max()) if len(audio) else 0.0
    gain = 1.0 if peak <= 1.0 else 0.999 / peak
    if recipe is not None and gain < 1.0:
        recipe = {**recipe, "gain_db": round(float(20.0 * np.log10(gain)), 3)}
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", SAMPLE_RATE, 1, format=format, subtype="PCM_24") as file:
        if recipe is not None:
            file.comment = _comment(recipe)
        file.write(audio * np.float32(gain))
    return buffer.getvalue()


def _comment(recipe: dict):
    text = _RECIPE_MARK + json.dumps(recipe, ensure_ascii=False, separators=(",", ":"))
    n_bytes = len(text.encode(errors="surrogatepass"))
    if n_bytes > _MAX_COMMENT_BYTES:
        raise AudioError(
            f"The recipe has {n_bytes} bytes and a file's metadata takes {_MAX_COMMENT_BYTES}: shorten the names in it."
        )
    return text.encode(errors="replace").decode()


def read_recipe(source: Path | bytes) -> dict | None:
    """The recipe in a file's metadata, if ddsing wrote it."""
    try:
        with _Opened(source) as (file, _, _):
            comment = file.comment
        if not comment.startswith(_RECIPE_MARK):
            return None
        recipe = names.mended(json.loads(comment[len(_RECIPE_MARK) :]))
    except (AudioError, ValueError, RecursionError):
        return None
    return recipe if isinstance(recipe, dict) else None


class _Forward(soundfile.SoundFile):
    """A file that is read from its beginning to its end: soundfile seeks after every read, which damages MP3."""

    def seekable(self):
        return False


class _Opened:
    """Open a source by its content; yields (SoundFile, format, size in bytes)."""

    def __init__(self, source: Path | bytes):
        self._source = source

    def __enter__(self):
        self._stream = io.BytesIO(self._source) if isinstance(self._source, bytes) else _open_file(self._source)
        try:
            return self._open()
        except BaseException:
            self._stream.close()
            raise

    def _open(self):
        n_bytes = self._stream.seek(0, io.SEEK_END)
        self._stream.seek(0)
        head = self._stream.read(4)
        self._stream.seek(0)
        if not n_bytes:
            raise AudioError("The recording is empty: the file has no content.")
        if n_bytes > _MAX_BYTES:
            raise AudioError(
                f"The recording has {format_bytes(n_bytes)}; the limit is {format_bytes(_MAX_BYTES)}: "
                "cut it, or export it as flac."
            )
        if not head.startswith(_SIGNATURES) and not _is_mpeg_sync(head):
            raise AudioError("This is not a recording that ddsing knows; use wav, flac, ogg or mp3.")
        try:
            self._file = _Forward(self._stream)
        except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError):
            raise AudioError("This looks like a recording but can't be decoded; export it again as wav.") from None
        kind = _FORMATS.get(self._file.format)
        if kind is None:
            raise AudioError(f"This is a recording of the kind {self._file.format}; use wav, flac, ogg or mp3.")
        if not 8_000 <= self._file.samplerate <= 192_000:
            raise AudioError(f"The recording has {self._file.samplerate} samples a second; use 8,000 to 192,000.")
        if not 1 <= self._file.channels <= 8:
            raise AudioError(f"The recording has {self._file.channels} channels; use 1 to 8.")
        return self._file, kind, n_bytes

    def __exit__(self, *_: object):
        self._file.close()
        self._stream.close()


def _open_file(path: Path):
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would keep us waiting, and can't be read twice
            raise AudioError(f"{str(path)!r} is not a file; name a wav, flac, ogg or mp3 file.")
        return open(path, "rb")
    except OSError as error:
        raise AudioError(f"The recording {str(path)!r} can't be opened: {error.strerror}.") from None
    except ValueError:  # a zero byte in the name
        raise AudioError(f"The recording {str(path)!r} can't be opened: that is no file name.") from None


def is_recording(path: Path) -> bool:
    """Whether a file begins as a recording does, whatever its name."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            head = file.read(12)
    except (OSError, ValueError):
        return False
    if head[:4] in (b"RIFF", b"RIFX", b"RF64"):  # films and pictures begin so, too
        return head[8:] == b"WAVE"
    return head.startswith(_SIGNATURES) or _is_mpeg_sync(head)


def _is_mpeg_sync(head: bytes):
    """Whether a layer III frame header stands at the beginning."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2


def _credible_s(kind: str, n_bytes: int):
    """The most seconds that so many bytes can hold: a few kB can claim hours. Of flac, any number."""
    return n_bytes / _BYTES_PER_S[kind] + 2.0 if kind in _BYTES_PER_S else float("inf")


def _read(file: soundfile.SoundFile, n_read: int):
    try:
        return file.read(_BLOCK_SAMPLES, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError):
        if n_read:  # a damaged end: what was there before it is kept
            return np.zeros((0, file.channels), np.float32)
        raise AudioError("The recording is damaged and can't be decoded; export it again as wav.") from None


def _mono(block: np.ndarray, channel: int | None):
    if channel is not None:
        return np.ascontiguousarray(block[:, channel])
    n_channels = block.shape[1]
    with np.errstate(invalid="ignore", over="ignore"):  # a product, since numpy is slow at means over a few channels
        return block @ np.full(n_channels, 1.0 / n_channels, np.float32)


def _too_long(file: soundfile.SoundFile, kind: str, n_bytes: int, max_seconds: float, limit_s: float):
    if limit_s < max_seconds:
        found = f"The {kind} has {format_bytes(n_bytes)} but decodes to more than {format_duration(limit_s)}"
        return f"{found}: it is damaged; export it again."
    claimed_s = file.frames / file.samplerate
    length = f"is {format_duration(claimed_s)} long" if max_seconds < claimed_s < _UNKNOWN_S else "is too long"
    return f"The recording {length}; the limit is {format_duration(max_seconds)}: cut it."
