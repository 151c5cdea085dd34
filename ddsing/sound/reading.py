"""A file opened as a recording, whatever its kind: its sound in blocks as they are in the file, and what it claims.

A declared length is never believed: what there is is read, and a claim that it does not bear out is told in `remarks`.

Public: `Opened`, `AudioInfo`.
"""

import contextlib
import io
import os
import stat
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import soundfile

from ddsing import process
from ddsing.errors import AudioError, ProcessError
from ddsing.sound import attached, kinds, mpeg, ogg, riff, sizes
from ddsing.sound.kinds import Kind
from ddsing.units import format_bytes, format_duration

MAX_BYTES = 2 * 2**30
_BLOCK_SAMPLES = 4_096  # small, because a damaged block is lost whole
_UNKNOWN_S = 1e6  # a claim beyond it means that the length isn't known, as in a flac from a pipe
_BYTES_PER_S = {"MP3": 1000, "OGG": 20}  # the least: 8 kbit/s for mp3; ogg Vorbis silence takes 120, Opus less
_SLACK_S = {"WAV": 0.001, "FLAC": 0.001, "MP3": 0.25}  # by which a file may be shorter than it says, without a word
_MAX_WALKED_BYTES = 64 * 2**20  # of an mp3 that is looked through for its last frame
_LIBSNDFILE_TAGS = {1, 2, 3, 6, 7, 0x11, 0x14, 0x31, 0x40, 0x45, 0x64, 0x65}  # codings in a wav, of which PCM is 1
_MEMORY_BYTES, _CPU_S, _CPU_S_PER_S = 2**30, 20.0, 0.05  # of FFmpeg's process; the last for each second that is allowed
_PIPED_BYTES = 0x7F000000  # a claim of so many is written by programs that don't know how many will follow
_UNSAID = "Its header gives no length, as after an interrupted recording. It is read to the end."
_LIBSNDFILE_ERRORS = (soundfile.SoundFileError, RuntimeError, TypeError, ValueError)
_FFMPEG = "ddsing.sound.ffmpeg:decode"

Block = tuple[np.ndarray, int]  # [shape=(n_samples, n_channels), float32], and its sample rate


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself: `duration_s` is its claim, only decoding tells the truth."""

    format: str
    sample_rate_hz: int
    n_channels: int
    duration_s: float
    subtype: str


class Opened:
    """A source opened by its content, for ``with``.

    Attributes
    ----------
    info : AudioInfo
    remarks : list[str]
        What is odd about the file; complete once all blocks are read.
    comment : str
        In its metadata.
    limit_s : float
        The most seconds that so many bytes can hold: a few kB can claim hours. Of many kinds, any number.
    claimed_s : float or None
        The length that it claims, if it does.
    """

    def __init__(self, source: Path | bytes, *, max_seconds: float, head_only: bool = False):
        self._source, self._max_seconds, self._head_only = source, max_seconds, head_only
        self._closing = contextlib.ExitStack()
        self.remarks: list[str] = []
        self.comment = ""
        self.claimed_s: float | None = None
        self._share = 1.0  # of what is there: how much the header says that there is
        self._cut = False

    def __enter__(self) -> "Opened":
        with contextlib.ExitStack() as closing:
            source = self._source
            self._stream = closing.enter_context(io.BytesIO(source) if isinstance(source, bytes) else _open(source))
            self._closing = closing
            self._enter()
            self._closing = closing.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def attached(self) -> dict[str, Any] | None:
        """The recipe at the file's end, see `ddsing.sound.attached`."""
        return attached.read(self._stream)

    def blocks(self) -> Iterator[Block]:
        """The sound from its beginning to its end; raises `AudioError`."""
        n_s = 0.0
        for block, rate in self._blocks:
            n_s += len(block) / rate
            yield block, rate
        self._say_if_cut(n_s)

    def _enter(self) -> None:
        stream = self._stream
        self.n_bytes = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        head = stream.read(kinds.HEAD_BYTES)
        if head.startswith(b"ID3"):  # pictures in it can be large
            head += stream.read(mpeg.after_tags(head))
        if not self.n_bytes:
            raise AudioError("The recording is empty: the file has no content.")
        if self.n_bytes > MAX_BYTES:
            raise AudioError(
                f"The recording has {format_bytes(self.n_bytes)}; the limit is {format_bytes(MAX_BYTES)}. "
                "Cut it, or export it as flac."
            )
        kind = kinds.of(head)
        if kind is None:
            raise AudioError(
                f"This is not a recording that ddsing can read. It reads {kinds.WORDS}. If it is one, {kinds.CONVERT}"
            )
        self.limit_s = self.n_bytes / _BYTES_PER_S[kind.name] + 2.0 if kind.name in _BYTES_PER_S else float("inf")
        self._choose(kind, head)
        _check(self.info.sample_rate_hz, self.info.n_channels)

    def _choose(self, kind: Kind, head: bytes) -> None:
        if kind.demuxer:
            declared = sizes.declared_bytes(kind, head)
            self._share = declared / self.n_bytes if declared else 1.0
            return self._by_ffmpeg(kind)
        if kind is kinds.WAV:
            return self._wav()
        if kind is kinds.OGG:
            return self._ogg()
        stream: Any = self._stream
        begins = mpeg.begin(head) if kind is kinds.MP3 else None
        if begins is not None and begins != mpeg.after_tags(head):  # zeros stand before it
            stream = _Part(self._stream, begins, self.n_bytes)
        self._by_libsndfile(kind, [stream])
        self.claimed_s = mpeg.claimed_s(head) if kind is kinds.MP3 else self.info.duration_s or None
        return None

    def _wav(self) -> None:
        sound = riff.find(self._stream, self.n_bytes)
        if sound is None:
            return self._by_libsndfile(kinds.WAV, [self._stream])
        if sound.declared is None and sound.n_bytes:
            self.remarks.append(_UNSAID)
        elif sound.n_bytes:
            self._share = (sound.declared or 0) / sound.n_bytes
        if sound.tag not in _LIBSNDFILE_TAGS:
            return self._by_ffmpeg(Kind("WAV", "wav"))
        if sound.regular:
            with contextlib.suppress(AudioError):  # there are chunks that libsndfile stumbles over
                return self._by_libsndfile(kinds.WAV, [self._stream])
        part = _Part(self._stream, sound.start, sound.start + sound.n_bytes, riff.header(sound))
        return self._by_libsndfile(kinds.WAV, [part])

    def _ogg(self) -> None:
        chain = ogg.chain(self._stream, self.n_bytes)
        parts = [_Part(self._stream, begin, end) for begin, end in chain.parts]
        try:
            self._by_libsndfile(kinds.OGG, [self._stream] if len(parts) == 1 else parts)
        except AudioError:
            self._by_ffmpeg(Kind("OGG", "ogg"))
        self._cut = not chain.whole
        if len(parts) > 1:
            self.remarks.append(f"It contains {len(parts)} recordings in a row; all are used.")

    def _say_if_cut(self, there_s: float) -> None:
        claimed_s, kind = self.claimed_s, self.info.format
        if self._share != 1.0:
            claimed_s = there_s * self._share
        there = format_duration(there_s)
        if claimed_s is not None and self.n_bytes * claimed_s > _PIPED_BYTES * there_s > 0:
            self.remarks.append(_UNSAID)
        elif claimed_s is not None and there_s < claimed_s - _SLACK_S.get(kind, max(0.25, 0.01 * claimed_s)):
            about = "about " if self._share != 1.0 and kind != "WAV" else ""
            self.remarks.append(f"The file is cut short: it holds {there} of {about}{format_duration(claimed_s)}.")
        elif self._share < 1.0 and claimed_s is not None and kind == "WAV":
            says = format_duration(claimed_s)
            self.remarks.append(f"Its header gives {says}, but it contains {there}. It is read to the end.")
        elif self._cut or (kind in ("MP3", "AAC", "MP2") and claimed_s is None and not self._ends_whole()):
            self.remarks.append(f"The file is cut short: it ends after {there}.")

    def _ends_whole(self) -> bool:
        if self.n_bytes > _MAX_WALKED_BYTES:
            return True
        self._stream.seek(0)
        return mpeg.ends_whole(self._stream.read())

    # By libsndfile, in this process

    def _by_libsndfile(self, kind: Kind, streams: list[Any]) -> None:
        streams[0].seek(0)
        try:
            file = self._closing.enter_context(contextlib.closing(_Forward(streams[0])))
        except _LIBSNDFILE_ERRORS:
            raise AudioError(f"This looks like a recording but can't be decoded; {kinds.CONVERT}") from None
        claimed_s = min(max(file.frames, 0) / max(file.samplerate, 1), self.limit_s)
        claimed_s = claimed_s if claimed_s < _UNKNOWN_S else 0.0
        self.info = AudioInfo(kind.name, file.samplerate, file.channels, claimed_s, file.subtype)
        self.comment = file.comment
        self._blocks: Iterator[Block] = self._native_blocks(file, streams[1:])

    def _native_blocks(self, file: soundfile.SoundFile, more: list[Any]) -> Iterator[Block]:
        yield from _read_all(file)
        for stream in more:
            try:
                following = _Forward(stream)
            except _LIBSNDFILE_ERRORS:
                self.remarks.append("Part of it can't be decoded and is left out.")
                continue
            with contextlib.closing(following):
                _check(following.samplerate, following.channels)
                yield from _read_all(following)

    # By FFmpeg, in another

    def _by_ffmpeg(self, kind: Kind) -> None:
        path = self._source if isinstance(self._source, Path) else self._written(self._source)
        request = {"path": str(path.absolute()), "demuxer": kind.demuxer, "head_only": self._head_only}
        limits = process.Limits(_MEMORY_BYTES, _CPU_S + _CPU_S_PER_S * self._max_seconds)
        messages = cast(Generator[dict | bytes, None, None], process.stream(_FFMPEG, request, limits))
        self._closing.enter_context(contextlib.closing(messages))
        self._messages = messages
        first = self._next()
        if not isinstance(first, dict) or "rate" not in first:
            raise AudioError("The recording is empty: it has no samples.")
        claimed_s = first["claimed_s"]
        self.claimed_s = claimed_s if claimed_s and claimed_s > 0 else None
        self.info = AudioInfo(kind.name, first["rate"], first["n_channels"], self.claimed_s or 0.0, first["codec"])
        self._blocks = self._foreign_blocks(first["rate"], first["n_channels"])

    def _written(self, content: bytes) -> Path:
        path = Path(self._closing.enter_context(tempfile.TemporaryDirectory(prefix="ddsing-sound-")), "sound")
        try:
            path.write_bytes(content)
        except OSError as error:
            raise AudioError(f"The recording can't be written to {str(path.parent)!r}: {error.strerror}.") from None
        return path

    def _foreign_blocks(self, rate: int, n_channels: int) -> Iterator[Block]:
        n_damaged = 0
        while (message := self._next()) is not None:
            if isinstance(message, bytes):
                yield np.frombuffer(message, "<f4").reshape(-1, n_channels), rate
            elif "rate" in message:
                rate, n_channels = message["rate"], message["n_channels"]
                _check(rate, n_channels)
            else:
                n_damaged = message["n_damaged"]
        if n_damaged > 1:  # one is where a file is cut
            self.remarks.append("Parts of it are damaged and are left out.")

    def _next(self) -> dict | bytes | None:
        try:
            return next(self._messages, None)
        except ProcessError:
            raise AudioError(
                f"The recording can't be decoded within the limits of memory and time: it is damaged or malicious; "
                f"{kinds.CONVERT}"
            ) from None
        except AudioError as error:
            reason = str(error)
            raise AudioError(reason if reason.endswith(".") else f"{reason}; {kinds.CONVERT}") from None


class _Forward(soundfile.SoundFile):
    """A file that is read from its beginning to its end: soundfile seeks after every read, which damages MP3."""

    def seekable(self):
        return False


class _Part(io.RawIOBase):
    """A part of a stream as a file of its own, with something put before it."""

    def __init__(self, stream: BinaryIO, begin: int, end: int, before: bytes = b""):
        self._stream, self._begin, self._before, self._place = stream, begin, before, 0
        self._n_bytes = len(before) + end - begin

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._n_bytes}[whence]
        self._place = max(0, origin + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), max(0, self._n_bytes - self._place))
        own = self._before[self._place : self._place + wanted]
        view[: len(own)] = own
        if wanted > len(own):
            self._stream.seek(self._begin + self._place + len(own) - len(self._before))
            content = self._stream.read(wanted - len(own))
            view[len(own) : len(own) + len(content)] = content
            wanted = len(own) + len(content)
        self._place += wanted
        return wanted


def _open(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would keep us waiting, and can't be read twice
            raise AudioError(f"{str(path)!r} is not a file; choose a recording: {kinds.WORDS}.")
        return open(path, "rb")
    except OSError as error:
        raise AudioError(f"The recording {str(path)!r} can't be opened: {error.strerror}.") from None
    except ValueError:  # a zero byte in the name
        raise AudioError(f"The recording {str(path)!r} can't be opened: this is not a valid file name.") from None


def _check(sample_rate_hz: int, n_channels: int) -> None:
    if not 8_000 <= sample_rate_hz <= 192_000:
        raise AudioError(f"The recording has {sample_rate_hz} samples per second; use 8,000 to 192,000.")
    if not 1 <= n_channels <= 8:
        raise AudioError(f"The recording has {n_channels} channels; use 1 to 8.")


def _read_all(file: soundfile.SoundFile) -> Iterator[Block]:
    """Blocks until there are no more: an MP3 may return fewer samples than were asked for before its end."""
    n_read = 0
    while True:
        try:
            block = file.read(_BLOCK_SAMPLES, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, RuntimeError):
            if n_read:  # a damaged end: what was there before it is kept
                return
            raise AudioError(f"The recording is damaged and can't be decoded; {kinds.CONVERT}") from None
        if not len(block):
            return
        n_read += len(block)
        yield block, file.samplerate
