"""Zips made by the programs that people have, where they are installed, and by a writer that has each one's habits."""

import os
import shutil
import struct
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE_S


def program(*names: str) -> str:
    """The first of these programs that is installed; on a machine that runs all checks one of them must be."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        assert not os.environ.get("CI"), f"{names[0]} is not installed; .ci/run installs it"
        pytest.skip(f"{names[0]} is not installed")
    return found


def run(*command: str | Path, cwd: Path, output: Path | None = None) -> None:
    """Run an archiver; its standard output, a pipe, goes into `output`."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, (done.stdout[-500:], done.stderr[-500:])
    if output is not None:
        output.write_bytes(done.stdout)


def bsdtar(folder: Path, target: Path) -> None:
    run(program("bsdtar"), "-a", "-cf", target, folder.name, cwd=folder.parent)


def bsdtar_stored_from_within(folder: Path, target: Path) -> None:
    run(program("bsdtar"), "-a", "--options", "zip:compression=store", "-cf", target, ".", cwd=folder)


def bsdtar_streamed(folder: Path, target: Path) -> None:
    run(program("bsdtar"), "--format", "zip", "-cf", "-", folder.name, cwd=folder.parent, output=target)


def info_zip(folder: Path, target: Path) -> None:
    run(program("zip"), "-r", target, folder.name, cwd=folder.parent)


def info_zip_streamed(folder: Path, target: Path) -> None:
    run(program("zip"), "-r", "-", folder.name, cwd=folder.parent, output=target)


def info_zip_zip64(folder: Path, target: Path) -> None:
    run(program("zip"), "-fz", "-r", target, folder.name, cwd=folder.parent)


def info_zip_commented(folder: Path, target: Path) -> None:
    info_zip(folder, target)
    comment = b"Sung by Ann. \xe2\x99\xaa"
    subprocess.run(
        [program("zip"), "-z", str(target)], input=comment, capture_output=True, timeout=PATIENCE_S, check=True
    )


def info_zip_self_extracting(folder: Path, target: Path) -> None:
    """A program before the zip, whose offsets are mended as `zip -A` does."""
    info_zip_behind_a_program(folder, target)
    run(program("zip"), "-A", target, cwd=folder)


def info_zip_behind_a_program(folder: Path, target: Path) -> None:
    """The same without mending, as `cat` makes it."""
    info_zip(folder, target)
    target.write_bytes(b"#!/bin/sh\nexec unzip $0\n" + target.read_bytes())


def seven_zip(folder: Path, target: Path) -> None:
    run(program("7z", "7zz"), "a", "-tzip", target, folder.name, cwd=folder.parent)


def seven_zip_stored(folder: Path, target: Path) -> None:
    run(program("7z", "7zz"), "a", "-tzip", "-mx=0", target, f".{os.sep}*", cwd=folder)


def seven_zip_piped(folder: Path, target: Path) -> None:
    run(program("7z", "7zz"), "a", "-tzip", "-so", "-an", folder.name, cwd=folder.parent, output=target)


ARCHIVERS = [
    bsdtar, bsdtar_stored_from_within, bsdtar_streamed, info_zip, info_zip_streamed, info_zip_zip64, info_zip_commented,
    info_zip_self_extracting, info_zip_behind_a_program, seven_zip, seven_zip_stored, seven_zip_piped,
]  # fmt: skip


@dataclass(frozen=True)
class Habits:
    """What programs do differently where the format leaves it open.

    Attributes
    ----------
    sizes : str
        Of a member's own header: ``there``; ``later`` (zeros, a descriptor follows); ``half`` (the unpacked size is
        there, as bsdtar writes it, and a descriptor follows); ``zip64`` or ``zip64 later`` (in the ZIP64 field).
    signed : bool
        Whether a descriptor begins with a signature.
    end : str
        ``short``, ``zip64`` (all numbers in the ZIP64 end record) or ``both``.
    moved : bool
        Whether offsets count from the file's beginning even where something stands before the zip.
    """

    deflate: bool = True
    sizes: str = "there"
    signed: bool = True
    end: str = "short"
    utf8: bool = True
    system: int = 3
    extra: bytes = b""
    comment: bytes = b""
    member_comment: bytes = b""
    before: bytes = b""
    moved: bool = False
    between: bytes = b""
    after: bytes = b""


def written(members: dict[str, bytes], habits: Habits) -> bytes:
    """A zip of these members; a name that ends in ``/`` is a folder."""
    body, directory = habits.before, b""
    base = 0 if habits.moved else len(habits.before)
    for name, data in members.items():
        header, entry = _member(name, data, habits, len(body) - base)
        body += header + habits.between
        directory += entry
    place, count = len(body) - base, len(members)
    end = b""
    if habits.end != "short":
        at = len(body) + len(directory) - base
        end += struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), place)
        end += struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    numbers = (
        (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF) if habits.end == "zip64" else (count, count, len(directory), place)
    )
    end += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *numbers, len(habits.comment))
    return body + directory + end + habits.comment + habits.after


def _member(name: str, data: bytes, habits: Habits, offset: int) -> tuple[bytes, bytes]:
    """A member with its header, and its entry in the directory."""
    raw = name.encode("utf-8" if habits.utf8 else "cp437")
    packed, method = data, 0
    if habits.deflate and not name.endswith("/"):
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed, method = packer.compress(data) + packer.flush(), 8
    true = (zlib.crc32(data), len(packed), len(data))
    later, large = habits.sizes in ("later", "half", "zip64 later"), habits.sizes.startswith("zip64")
    flags = (0x800 if habits.utf8 else 0) | (8 if later else 0)
    own = {"there": true, "later": (0, 0, 0), "half": (0, 0, len(data))}.get(habits.sizes, (0, 2**32 - 1, 2**32 - 1))
    field = struct.pack("<2H2Q", 1, 16, *((0, 0) if later else (len(data), len(packed)))) if large else b""
    extra = habits.extra + field
    crc = own[0] if later else true[0]
    header = struct.pack(
        "<4s5H3L2H", b"PK\3\4", 45, flags, method, 0, 0x5A21, crc, own[1], own[2], len(raw), len(extra)
    )
    descriptor = b""
    if later:
        sizes = struct.pack("<L2Q" if large else "<3L", *true)
        descriptor = (b"PK\7\x08" if habits.signed else b"") + sizes
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", habits.system << 8 | 45, 45, flags, method, 0, 0x5A21, *true, len(raw),
        len(habits.extra), len(habits.member_comment), 0, 0, 0, offset,
    )  # fmt: skip
    return header + raw + extra + packed + descriptor, entry + raw + habits.extra + habits.member_comment
