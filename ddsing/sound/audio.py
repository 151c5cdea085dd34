"""Recordings: decoded as a stream with caps, mixed to mono at 16 kHz, and written with a recipe in their metadata.

Files are recognised by their content, never by their name (`kinds`); `reading` opens them, and soxr resamples them
block by block. A declared length is never trusted: decoding stops at the limits, whatever the header says, and goes on
to the end of what there is.

There is one way to mono: the mean of the channels, unless that would lose the sound, see `channels`.
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
from ddsing.sound import attached, kinds
from ddsing.sound.channels import Channels
from ddsing.sound.reading import AudioInfo, Opened
from ddsing.units import format_bytes, format_duration

__all__ = ["AudioInfo", "AudioWriter", "Decoded", "content_hash", "decode", "encode", "is_recording", "probe", "read"]

_MAX_PEAK = 1e6  # full scale is 1; beyond this it is not sound, and its power overflows
_RECIPE_MARK = "ddsing recipe "
_MAX_COMMENT_BYTES = 2_000  # libsndfile reads no longer one from a wav, and drops it without a word
_MAX_FLAC_COMMENT_BYTES = 4_000_000
_LONG = "pitch_edit"  # the part of a recipe that may be long
_WRITE_FAULTS = (soundfile.SoundFileError, RuntimeError, AssertionError)  # soundfile's, on a full disk
Hear = Callable[[np.ndarray, int], None]


@dataclass(frozen=True, eq=False)
class Decoded:
    """A recording as it was read.

    Attributes
    ----------
    audio : np.ndarray [shape=(n_samples,), float32]
        16 kHz mono.
    info : AudioInfo
        What its file says of itself.
    remarks : tuple[str, ...]
        Sentences about what is odd in it: a file that is cut short, channels that cancel each other.
    recipe : dict or None
        How ddsing made it, if it did.
    """

    audio: np.ndarray
    info: AudioInfo
    remarks: tuple[str, ...]
    recipe: dict | None


def probe(source: Path | bytes) -> AudioInfo:
    """Format, sample rate, channels and claimed duration; raises `AudioError` if it is not audio."""
    with Opened(source, max_seconds=0.0, head_only=True) as opened:
        return opened.info


def decode(source: Path | bytes, *, max_seconds: float = MAX_TRANSFER_S) -> np.ndarray:
    """A recording as 16 kHz mono [shape=(n_samples,), float32]; see `read`."""
    return read(source, max_seconds=max_seconds).audio


def read(
    source: Path | bytes,
    *,
    max_seconds: float = MAX_TRANSFER_S,
    hear: Hear | None = None,
    check: Callable[[], None] = lambda: None,
    rate_hz: int = SAMPLE_RATE,
) -> Decoded:
    """Decode a recording to 16 kHz mono.

    Parameters
    ----------
    source : Path or bytes
        A file, or a file's content.
    max_seconds : float
        Longer recordings are refused.
    hear : callable, optional
        Given each block as it is in the file [shape=(n_samples, n_channels), float32], and its sample rate.
    check : callable
        Called now and then; what it raises passes through.
    rate_hz : int
        Another sample rate than 16 kHz.

    Raises
    ------
    AudioError
        If it is not audio, empty, too long, outside 8–192 kHz or 1–8 channels, or holds values that are not numbers.
    """
    channels = Channels()

    def first(block: np.ndarray, rate: int) -> None:
        check()
        channels.take(block)
        if hear is not None:
            hear(block, rate)

    with Opened(source, max_seconds=max_seconds) as opened:
        audio = _mono(opened, max_seconds, None, first, rate_hz)
        info, remarks, recipe = opened.info, tuple(opened.remarks), _recipe_of(opened)
    if not len(audio):
        raise AudioError("The recording is empty: it has no samples.")
    found = channels.instead_of_the_mix()
    if found is not None:
        with Opened(source, max_seconds=max_seconds) as opened:
            audio = _mono(opened, max_seconds, found.channel, lambda *_: check(), rate_hz)
        remarks = (*remarks, found.remark)
    return Decoded(audio, info, remarks, recipe)


def _mono(opened: Opened, max_seconds: float, channel: int | None, hear: Hear, wanted_hz: int) -> np.ndarray:
    limit_s = min(max_seconds, opened.limit_s)
    if opened.info.format == "WAV" and opened.info.duration_s > max_seconds:  # its bytes were counted
        raise _too_long(opened, max_seconds, limit_s)
    resampler, rate_hz, n_s = None, 0, 0.0
    found = _Growing()
    for block, rate in opened.blocks():
        hear(block, rate)
        mono = _mixed(block, channel)
        n_s += len(mono) / rate
        if n_s > limit_s + 1e-6:
            raise _too_long(opened, max_seconds, limit_s)
        if not (np.abs(mono) <= _MAX_PEAK).all():  # NaN is not less, either
            raise AudioError("The recording contains invalid samples (NaN, infinite or above 1e6). Export it again.")
        if rate != rate_hz:
            found.add(_rest(resampler))
            resampler = None if rate == wanted_hz else soxr.ResampleStream(rate, wanted_hz, 1, dtype="float32")
            rate_hz = rate
        found.add(mono if resampler is None else resampler.resample_chunk(mono))
    found.add(_rest(resampler))
    return found.whole()


def _rest(resampler: soxr.ResampleStream | None) -> np.ndarray:
    nothing = np.zeros(0, np.float32)
    return nothing if resampler is None else resampler.resample_chunk(nothing, last=True)


class _Growing:
    """Samples that are put one after the other: pieces that are joined at the end would take their memory twice."""

    def __init__(self) -> None:
        self._samples, self._n = np.empty(2**16, np.float32), 0

    def add(self, piece: np.ndarray) -> None:
        """Append samples [shape=(n_samples,), float32]."""
        stop = self._n + len(piece)
        if stop > len(self._samples):
            room = max(stop, len(self._samples) * 9 // 8)
            self._samples.resize(room, refcheck=False)  # which moves pages of memory, and copies none
        self._samples[self._n : stop] = piece
        self._n = stop

    def whole(self) -> np.ndarray:
        """All of them; nothing can be added after that."""
        self._samples.resize(self._n, refcheck=False)
        return self._samples


def content_hash(audio: np.ndarray) -> str:
    """SHA-256 of decoded audio: the same sound has the same hash under any name and in any lossless format."""
    return hashlib.sha256(np.ascontiguousarray(audio, np.float32).data).hexdigest()


class AudioWriter:
    """Writes mono 32-bit float WAV block by block, at 16 kHz unless told otherwise, and knows the peak."""

    def __init__(self, path: Path, *, recipe: dict | None = None, rate_hz: int = SAMPLE_RATE):
        self.peak = 0.0
        self._path = path
        comment = None if recipe is None else _comment(recipe)
        self._recipe = recipe if recipe is not None and _is_long(recipe) else None
        try:
            with open(path, "wb"):  # says why it can't be written, which soundfile doesn't
                pass
            self._file = soundfile.SoundFile(os.fsencode(path), "w", rate_hz, 1, format="WAV", subtype="FLOAT")
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
            raise AudioError(f"{str(self._path)!r} could not be written completely: is the disk full?") from None

    def close(self) -> None:
        """Finish the file."""
        try:
            self._file.close()
            if self._recipe is not None:
                with open(self._path, "r+b") as file:
                    attached.attach(file, self._recipe)
        except _WRITE_FAULTS:
            raise AudioError(f"{str(self._path)!r} could not be written completely: is the disk full?") from None

    def __enter__(self):
        return self

    def __exit__(self, *_: object):
        self.close()


def encode(
    source: Path | np.ndarray, *, format: str = "WAV", recipe: dict | None = None, rate_hz: int = SAMPLE_RATE
) -> bytes:
    """A 24-bit WAV or FLAC of a mono file at its own rate, or of an array, with the recipe in its metadata.

    Sound beyond full scale is turned down as much as it takes to fit, and the recipe's ``gain_db`` says by how much;
    anything else stays as loud as it is.
    """
    if isinstance(source, Path):
        source, rate_hz = soundfile.read(os.fsencode(source), dtype="float32")
    audio = np.asarray(source, np.float32)
    peak = float(np.abs(audio).max()) if len(audio) else 0.0
    gain = 1.0 if peak <= 1.0 else 0.999 / peak
    if recipe is not None and gain < 1.0:
        recipe = {**recipe, "gain_db": round(float(20.0 * np.log10(gain)), 3)}
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", rate_hz, 1, format=format, subtype="PCM_24") as file:
        if recipe is not None:
            file.comment = _comment(recipe, wav=format == "WAV")
        file.write(audio * np.float32(gain))
    if format == "WAV" and recipe is not None and _is_long(recipe):
        attached.attach(buffer, recipe)
    return buffer.getvalue()


def _comment(recipe: dict, *, wav: bool = True):
    """A recipe as a comment; of one that is too long for a WAV's without what is long, which is attached instead."""
    if wav and _is_long(recipe):
        recipe = {name: value for name, value in recipe.items() if name != _LONG} | {"attached": True}
    text, n_bytes = _text(recipe)
    most = _MAX_COMMENT_BYTES if wav or _LONG not in recipe else _MAX_FLAC_COMMENT_BYTES
    if n_bytes > most:
        raise AudioError(f"The recipe has {n_bytes} bytes, but only {most} fit a file's metadata. Shorten its names.")
    return text.encode(errors="replace").decode()


def _text(recipe: dict) -> tuple[str, int]:
    text = _RECIPE_MARK + json.dumps(recipe, ensure_ascii=False, separators=(",", ":"))
    return text, len(text.encode(errors="surrogatepass"))


def _is_long(recipe: dict) -> bool:
    return _LONG in recipe and _text(recipe)[1] > _MAX_COMMENT_BYTES


def read_recipe(source: Path | bytes) -> dict | None:
    """The recipe in a file's metadata, if ddsing wrote it."""
    try:
        head = source[: kinds.HEAD_BYTES] if isinstance(source, bytes) else _head(source)
        kind = kinds.of(head)
        if kind is None or kind.demuxer:  # none that we write
            return None
        with Opened(source, max_seconds=0.0, head_only=True) as opened:
            return _recipe_of(opened)
    except (AudioError, OSError, ValueError):
        return None


def _recipe_of(opened: Opened) -> dict | None:
    recipe = _recipe_in(opened.comment)
    whole = opened.attached() if recipe is not None and recipe.get("attached") is True else None
    return recipe if whole is None else names.mended(whole)


def _recipe_in(comment: str) -> dict | None:
    if not comment.startswith(_RECIPE_MARK):
        return None
    try:
        recipe = names.mended(json.loads(comment[len(_RECIPE_MARK) :]))
    except (ValueError, RecursionError):
        return None
    return recipe if isinstance(recipe, dict) else None


def is_recording(path: Path) -> bool:
    """Whether a file begins as a recording does, whatever its name."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and kinds.of(_head(path)) is not None
    except (OSError, ValueError):
        return False


def mime(path: Path) -> str | None:
    """How a browser calls a file; None if it may be unable to play it."""
    return kinds.mime(_head(path))


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(kinds.HEAD_BYTES)


def _mixed(block: np.ndarray, channel: int | None):
    n_channels = block.shape[1]
    if channel is not None:
        return np.ascontiguousarray(block[:, min(channel, n_channels - 1)])
    with np.errstate(invalid="ignore", over="ignore"):  # a product, since numpy is slow at means over a few channels
        return block @ np.full(n_channels, 1.0 / n_channels, np.float32)


def _too_long(opened: Opened, max_seconds: float, limit_s: float) -> AudioError:
    if limit_s < max_seconds:
        size, most = format_bytes(opened.n_bytes), format_duration(limit_s)
        return AudioError(
            f"The {opened.info.format} has {size} but decodes to more than {most}: it is damaged. Export it again."
        )
    claimed_s = opened.claimed_s or opened.info.duration_s
    length = f"is {format_duration(claimed_s)} long" if max_seconds < claimed_s else "is too long"
    return AudioError(f"The recording {length}; the limit is {format_duration(max_seconds)}. Cut it.")
