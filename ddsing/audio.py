"""Recordings: decoded as a stream with caps, mixed to mono at 16 kHz, and written with a recipe in their metadata.

Files are recognised by their content, never by their name. wav, flac, ogg and mp3 are read through libsndfile, resampled with soxr.
A declared length is never trusted: decoding stops at the limits, whatever the header says.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ddsing.constants import MAX_TRANSFER_S, SAMPLE_RATE
from ddsing.errors import AudioError
from ddsing.units import format_bytes, format_duration

_MAX_BYTES = 2 * 2**30
_BLOCK_SAMPLES = 4_096  # small, because a damaged block is lost whole
_RECIPE_MARK = "ddsing recipe "
_SIGNATURES = {"WAV": (b"RIFF", b"RIFX", b"RF64"), "FLAC": (b"fLaC",), "OGG": (b"OggS",), "MP3": (b"ID3",)}


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
    with _opened(source) as (file, kind, _):
        return AudioInfo(kind, file.samplerate, file.channels, max(file.frames, 0) / file.samplerate, file.subtype)


def decode(source: Path | bytes, *, max_seconds: float = MAX_TRANSFER_S) -> np.ndarray:
    """A recording as 16 kHz mono.

    Parameters
    ----------
    source : Path or bytes
        A file, or a file's content.
    max_seconds : float
        Longer recordings are refused.

    Returns
    -------
    np.ndarray [shape=(n_samples,), float32]

    Raises
    ------
    AudioError
        If it is not audio, empty, too long, outside 8–192 kHz or 1–8 channels, or holds values that are not numbers.
    """
    with _opened(source) as (file, kind, n_bytes):
        limit_s = max_seconds
        if kind in ("MP3", "OGG"):  # a few kB can claim hours
            limit_s = min(max_seconds, n_bytes / 1000.0 + 2.0)
        pieces, n_read, n_allowed = [], 0, int(limit_s * file.samplerate)
        resampler = soxr.ResampleStream(file.samplerate, SAMPLE_RATE, 1, dtype="float32")
        while True:
            block = _read_block(file, n_read)
            n_read += len(block)
            if n_read > n_allowed:
                raise AudioError(_too_long(file, kind, n_bytes, max_seconds, limit_s))
            mono = block.mean(axis=1, dtype=np.float32)
            if not np.isfinite(mono).all():
                raise AudioError("The recording holds samples that are not numbers (NaN or infinite); export it again.")
            last = len(block) == 0  # an MP3 may return less than was asked for before its end
            pieces.append(mono if file.samplerate == SAMPLE_RATE else resampler.resample_chunk(mono, last=last))
            if last:
                break
    audio = np.concatenate(pieces)
    if not len(audio):
        raise AudioError("The recording is empty: it holds no samples.")
    return audio


def content_hash(audio: np.ndarray) -> str:
    """SHA-256 of decoded audio: the same sound has the same hash under any name and in any lossless format."""
    return hashlib.sha256(np.ascontiguousarray(audio, np.float32)).hexdigest()


class AudioWriter:
    """Writes 16 kHz mono 32-bit float WAV block by block, and knows the peak."""

    def __init__(self, path: Path, *, recipe: dict | None = None):
        self.peak = 0.0
        self._file = soundfile.SoundFile(_writable(path), "w", SAMPLE_RATE, 1, format="WAV", subtype="FLOAT")
        if recipe is not None:
            self._file.comment = _RECIPE_MARK + json.dumps(recipe)

    def write(self, block: np.ndarray) -> None:
        """Append samples [shape=(n_samples,), float32]."""
        if len(block):
            self.peak = max(self.peak, float(np.abs(block).max()))
        self._file.write(block)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def encode(source: Path | np.ndarray, *, format: str = "WAV", recipe: dict | None = None) -> bytes:
    """A 24-bit WAV or FLAC of a 16 kHz mono file or array, with the recipe in its metadata.

    Sound beyond full scale is turned down just as much as it takes to fit, and the recipe's ``gain_db`` says by how much.
    """
    audio = soundfile.read(source, dtype="float32")[0] if isinstance(source, Path) else np.asarray(source, np.float32)
    peak = float(np.abs(audio).max()) if len(audio) else 0.0
    gain = 1.0 if peak <= 1.0 else 0.999 / peak
    if recipe is not None and gain < 1.0:
        recipe = {**recipe, "gain_db": round(float(20.0 * np.log10(gain)), 3)}
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", SAMPLE_RATE, 1, format=format, subtype="PCM_24") as file:
        if recipe is not None:
            file.comment = _RECIPE_MARK + json.dumps(recipe)
        file.write(audio * np.float32(gain))
    return buffer.getvalue()


def read_recipe(source: Path | bytes) -> dict | None:
    """The recipe in a file's metadata, if ddsing wrote it."""
    try:
        with _opened(source) as (file, _, _):
            comment = file.comment
        if not comment.startswith(_RECIPE_MARK):
            return None
        recipe = json.loads(comment[len(_RECIPE_MARK) :])
    except (AudioError, ValueError, RecursionError):
        return None
    return recipe if isinstance(recipe, dict) else None


class _Forward(soundfile.SoundFile):
    """A file that is read from its beginning to its end: soundfile seeks after every read, which damages MP3."""

    def seekable(self):
        return False


class _opened:
    """Open a source by its content; yields (SoundFile, format, size in bytes)."""

    def __init__(self, source):
        self._source = source

    def __enter__(self):
        try:
            self._stream = io.BytesIO(self._source) if isinstance(self._source, bytes) else open(self._source, "rb")  # noqa: SIM115
        except OSError as error:
            raise AudioError(f"The recording {str(self._source)!r} can't be opened: {error.strerror}.") from None
        try:
            return self._open()
        except BaseException:
            self._stream.close()
            raise

    def _open(self):
        n_bytes = self._stream.seek(0, io.SEEK_END)
        self._stream.seek(0)
        head = self._stream.read(16)
        self._stream.seek(0)
        if not n_bytes:
            raise AudioError("The recording is empty: the file has no content.")
        if n_bytes > _MAX_BYTES:
            raise AudioError(f"The recording has {format_bytes(n_bytes)}; the limit is {format_bytes(_MAX_BYTES)}: cut it.")
        kind = next((name for name, starts in _SIGNATURES.items() if head.startswith(starts)), None)
        if kind is None and head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0:
            kind = "MP3"
        if kind is None:
            raise AudioError("This is not a recording that ddsing knows; use wav, flac, ogg or mp3.")
        try:
            self._file = _Forward(self._stream)
        except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError):
            raise AudioError(f"The recording looks like {kind} but can't be decoded; export it again as wav.") from None
        if not 8_000 <= self._file.samplerate <= 192_000:
            raise AudioError(f"The recording has {self._file.samplerate} samples a second; use 8,000 to 192,000.")
        if not 1 <= self._file.channels <= 8:
            raise AudioError(f"The recording has {self._file.channels} channels; use 1 to 8.")
        return self._file, kind, n_bytes

    def __exit__(self, *_):
        self._file.close()
        self._stream.close()


def _read_block(file, n_read):
    try:
        return file.read(_BLOCK_SAMPLES, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError):
        if n_read:  # a damaged end: what was there before it is kept
            return np.zeros((0, file.channels), np.float32)
        raise AudioError("The recording is damaged and can't be decoded; export it again as wav.") from None


def _too_long(file, kind, n_bytes, max_seconds, limit_s):
    if limit_s < max_seconds:
        return f"The {kind} has {format_bytes(n_bytes)} but decodes to more than {format_duration(limit_s)}: it is damaged; export it again."
    claimed_s = file.frames / file.samplerate
    length = f"is {format_duration(claimed_s)} long" if max_seconds < claimed_s < 1e6 else "is too long"
    return f"The recording {length}; the limit is {format_duration(max_seconds)}: cut it."


def _writable(path):
    try:
        return open(path, "wb+")
    except OSError as error:
        raise AudioError(f"{str(path)!r} can't be written: {error.strerror}.") from None
