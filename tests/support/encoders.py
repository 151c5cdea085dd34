"""Recordings as other people's programs write them: ffmpeg and sox, as Debian has them, and FFmpeg through PyAV."""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest


def program(name: str) -> str:
    """Where a program is; without it the test is skipped, but where CI is set it fails."""
    found = shutil.which(name)
    if found is None and os.environ.get("CI"):
        pytest.fail(f"{name} is not installed, and .ci/run should have done it")
    return found or pytest.skip(f"{name} is not installed")


def ffmpeg(source: Path, target: Path, *options: str) -> Path:
    """A recording encoded by ffmpeg; what kind of file it becomes follows from the name."""
    command = [program("ffmpeg"), "-v", "error", "-y", "-i", source, *options, target]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return target


def ffmpeg_pipe(source: Path, target: Path, kind: str, *options: str) -> Path:
    """The same, written to a pipe: nothing of it can be written again once it is finished."""
    command = [program("ffmpeg"), "-v", "error", "-i", source, *options, "-f", kind, "-"]
    done = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    target.write_bytes(done.stdout)
    return target


def sox(source: Path, target: Path, *options: str) -> Path:
    """A recording converted by sox."""
    subprocess.run([program("sox"), source, *options, target], check=True)
    return target


def amr(samples: np.ndarray, target: Path) -> Path:
    """8 kHz mono as telephones record it; Debian's ffmpeg can't write that, PyAV's can."""
    with av.open(str(target), "w", format="amr") as container:
        stream = container.add_stream("libopencore_amrnb", rate=8_000, layout="mono")
        stream.bit_rate = 12_200
        for start in range(0, len(samples) - 159, 160):
            block = (samples[None, start : start + 160] * 32_767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8_000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target


def chunk(name: bytes, content: bytes, *, order: str = "<", size: int | None = None, pad: bool = True) -> bytes:
    """A RIFF chunk; its length as it is, or as told."""
    declared = struct.pack(order + "I", len(content) if size is None else size)
    return name + declared + content + b"\0" * (len(content) % 2 if pad else 0)


def wav(chunks: bytes, *, mark: bytes = b"RIFF", order: str = "<", size: int | None = None) -> bytes:
    """A WAV file of chunks."""
    return mark + struct.pack(order + "I", len(chunks) + 4 if size is None else size) + b"WAVE" + chunks


def fmt(n_channels: int, n_bits: int, *, rate: int = 16_000, real: bool = False, order: str = "<", long: bool = False):
    """The content of a ``fmt`` chunk; `long` for the extensible form."""
    tag, align = 3 if real else 1, n_channels * n_bits // 8
    plain = struct.pack(order + "HHIIHH", 0xFFFE if long else tag, n_channels, rate, rate * align, align, n_bits)
    if not long:
        return plain
    guid = struct.pack(order + "IHH", tag, 0, 16) + bytes.fromhex("800000aa00389b71")
    return plain + struct.pack(order + "HHI", 22, n_bits, 0) + guid
