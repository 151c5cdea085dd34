"""Decoding by FFmpeg, in a process of its own (`ddsing.process.stream`), so that the dashboard never loads it.

FFmpeg is given an open file and told which kind it is, so that no file can make it open another one.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from ddsing.errors import AudioError
from ddsing.sound import aiff

Send = Callable[[dict | bytes], None]
_BATCH_SAMPLES = 16_384
_MAX_DAMAGED = 10_000  # packets that can't be decoded, until the rest isn't tried
_TRUSTED = {"mov", "matroska", "asf", "aiff", "caf", "avi"}  # whose length is written down, not guessed from their size
_MAX_ATOMS = 1_000
_SCALES = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}


def decode(request: dict, send: Send) -> None:
    """Send a file's sound: first ``{rate, n_channels, codec, claimed_s}``, then float32 samples, channels side by side.

    Another ``{rate, n_channels}`` is sent where they change, and ``{n_damaged}`` at the end.

    Parameters
    ----------
    request : dict
        ``path``, and FFmpeg's name ``demuxer`` of the kind of file.
    """
    av.logging.set_level(None)
    demuxer = request["demuxer"]
    try:
        with open(request["path"], "rb") as file, _open(file, demuxer) as container:
            stream = _audio(container)
            codec = stream.codec_context
            codec.thread_count = 1
            claimed_s = _claimed_s(container, stream) if demuxer in _TRUSTED else None
            first = {"codec": codec.name, "claimed_s": claimed_s}
            if request["head_only"]:
                send({"rate": codec.sample_rate or 0, "n_channels": codec.channels or 0} | first)
                return
            _send_all(container, stream, first, send)
    except (FFmpegError, OSError, ValueError, ArithmeticError, MemoryError, LookupError) as error:
        raise AudioError(_reason(error, request)) from None


def _open(file: Any, demuxer: str) -> Any:
    if demuxer == "aiff":
        file = aiff.Mended(file)
    options = {"protocol_whitelist": "none", "probesize": "5000000"}
    return av.open(file, format=demuxer, options=options, metadata_errors="replace")


def _audio(container: Any) -> Any:
    stream = container.streams.best("audio") or next(iter(container.streams.audio), None)
    if stream is None:
        raise AudioError("This file has no sound, only pictures or text.")
    if stream.codec_context is None:
        raise AudioError("The sound in this file is of a kind that can't be decoded")
    return stream


def _claimed_s(container: Any, stream: Any) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / av.time_base


def _reason(error: Exception, request: dict) -> str:
    if isinstance(error, MemoryError):
        return "The recording needs more memory than any real recording"
    if request["demuxer"] == "mov" and not _has_index(request["path"]):
        return "The recording was cut short: its table of contents is missing, so its sound can't be found."
    return "The recording can't be decoded"


def _has_index(path: str) -> bool:
    """Whether an MPEG-4 file has its ``moov``, which many recorders write last."""
    with open(path, "rb") as file:
        for _ in range(_MAX_ATOMS):
            head = file.read(16)
            if len(head) < 8:
                return False
            if head[4:8] in (b"moov", b"moof"):
                return True
            size = int.from_bytes(head[:4], "big")
            size = int.from_bytes(head[8:16], "big") if size == 1 else size
            if size < 8:
                return False
            file.seek(size - len(head), os.SEEK_CUR)
    return False


def _send_all(container: Any, stream: Any, first: dict, send: Send) -> None:
    waiting: list[np.ndarray] = []
    form, n_waiting, n_damaged, told = None, 0, 0, dict(first)

    def flush() -> None:
        nonlocal n_waiting
        if waiting:
            send(np.concatenate(waiting).astype("<f4", copy=False).tobytes())
        waiting.clear()
        n_waiting = 0

    for frame in _frames(container, stream):
        if frame is None:
            n_damaged += 1
            if n_damaged > _MAX_DAMAGED:
                break
            continue
        samples = _samples(frame)
        if (frame.sample_rate, samples.shape[1]) != form:
            flush()
            form = frame.sample_rate, samples.shape[1]
            send({"rate": form[0], "n_channels": form[1]} | told)
            told = {}
        waiting.append(samples)
        n_waiting += len(samples)
        if n_waiting >= _BATCH_SAMPLES:
            flush()
    flush()
    if told and n_damaged:
        raise AudioError("The recording can't be decoded")
    send({"n_damaged": n_damaged})


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Each frame, and None for each packet that is damaged; a file that ends too early just ends."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except FFmpegError:
            yield None
            return
        try:
            yield from packet.decode()
        except FFmpegError:
            yield None


def _samples(frame: Any) -> np.ndarray:
    """A frame's samples [shape=(n_samples, n_channels), float32], full scale 1."""
    sound = frame.to_ndarray()
    if frame.format.is_planar:
        sound = sound.T
    else:
        sound = sound.reshape(frame.samples, -1)
    kind = sound.dtype.str[1:]
    if kind in _SCALES:
        sound = (sound.astype(np.float64) - (128.0 if kind == "u1" else 0.0)) / _SCALES[kind]
    return sound.astype(np.float32)
