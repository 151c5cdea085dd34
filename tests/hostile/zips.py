"""5,000 mutants of native and 2021 zips: their bytes, their headers, and members changed under right checksums."""

import hashlib
import json
import re

from ddsing.instrument import read
from ddsing.instrument.archive import open_archive
from ddsing.instrument.convert import convert
from ddsing.instrument.format import is_native
from tests.hostile.builders import native_members, notebook_members, packed

N_MUTANTS = 5_000


def genuine() -> list[bytes]:
    return [
        packed(members, deflate=deflate)
        for members in (native_members(), notebook_members())
        for deflate in (False, True)
    ]


def run(data: bytes):
    return read(data) if is_native(open_archive(data)) else convert(data, name="x")


def cases(rng, folder, n_mutants):
    wholes = genuine()
    members = [native_members(), notebook_members()]
    for index in range(n_mutants):
        if index % 2:
            yield f"inner {index}", inner_mutant(rng, dict(rng.choice(members)))
        else:
            yield f"outer {index}", outer_mutant(rng, bytearray(rng.choice(wholes)))


def outer_mutant(rng, data: bytearray) -> bytes:
    marks = [match.start() for match in re.finditer(rb"PK[\1\3\5][\2\4\6]", bytes(data))]
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = (rng.choice(marks) + rng.randrange(60)) if rng.random() < 0.7 else rng.randrange(len(data))
        place = min(place, len(data) - 1)
        kind = rng.randrange(6)
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[place : place + 4] = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\0\0", rng.randbytes(4)))
        elif kind == 2:
            del data[place : place + rng.randrange(1, 64)]
        elif kind == 3:
            data[place:place] = rng.randbytes(rng.randrange(1, 64))
        elif kind == 4:
            data[place:place] = data[place : place + rng.randrange(1, 300)]
        else:
            data[place : place + 8] = rng.choice((b"../../..", b"/etc/pas", b"C:\\x.txt", b"\x00\x00canar"))
        if not data:
            data.append(0)
    return bytes(data)


def inner_mutant(rng, members: dict[str, bytes]) -> bytes:
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice(sorted(members))
        content = bytearray(members[name])
        for _ in range(rng.choice((1, 1, 3, 10))):
            place = rng.randrange(max(1, len(content)))
            kind = rng.randrange(5)
            if kind == 0 and content:
                content[place] ^= 1 << rng.randrange(8)
            elif kind == 1:
                content[place : place + 4] = rng.choice(
                    (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\xc0\x7f", rng.randbytes(4))
                )
            elif kind == 2:
                del content[place : place + rng.randrange(1, 64)]
            elif kind == 3:
                content[place:place] = rng.randbytes(rng.randrange(1, 16))
            else:
                content[place:place] = rng.choice(
                    (b"[" * 50, b'"a":1,', b"1e999", b"null", b"-1", b"NaN", b"import os\n", b"{}")
                )
        kind = rng.randrange(12)
        if kind == 0:
            del members[name]
        elif kind == 1:
            members[
                rng.choice(("../x", "/x", "a/../../x", "C:x", "x\\y", name.upper(), "sub/" + name, "ckpt-99.index"))
            ] = bytes(content)
        else:
            members[name] = bytes(content)
    if "instrument.json" in members and rng.random() < 0.8:
        members = _with_right_hashes(members)
    return packed(members, deflate=rng.random() < 0.3)


def _with_right_hashes(members: dict[str, bytes]) -> dict[str, bytes]:
    """The mutant as an attacker would write it: the manifest's hashes fit."""
    try:
        document = json.loads(members["instrument.json"])
        for name, entry in document["members"].items():
            entry["sha256"] = hashlib.sha256(members[name]).hexdigest()
        return members | {"instrument.json": json.dumps(document).encode()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return members
