r"""Names of files as text that can be written anywhere, and the way back to the same file.

A name on disk is bytes. Nearly all are UTF-8, and are that text here. A byte that is not (``canci\xf3n.wav``, from an
old disk) stands as a character of its own, U+F780 to U+F7FF, which says the byte: so a name fits into JSON, a page, a
link, a log and another name, all encodings of the terminal are the same, and `on_disk` leads back to the file, bit for
bit. A name that has one of those characters itself has its bytes written so. People are `shown` U+FFFD in their place.

Names are the `same` if they look the same: ``ñ`` is one letter, or ``n`` and a tilde, as disks from a Mac have it (NFC,
NFD). Files keep their spelling; two that differ in capitals are two.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

_MARK = 0xF700  # and the byte
_MARKS = re.compile("[\uf780-\uf7ff]")
_LOST = re.compile("[\ud800-\udfff\uf780-\uf7ff]")  # what `os` has for such bytes, and our own characters
_SHOWN = re.compile(r"[\ud800-\udfff\uf780-\uf7ff]|\\ud[89a-f][0-9a-f]{2}|\\uf7[89a-f][0-9a-f]")  # or as repr has them


def read(name: str | os.PathLike[str]) -> str:
    """The text of a name or a path as `os` and `pathlib` have it."""
    name = os.fspath(name)
    if name.isascii():
        return name
    return _LOST.sub(_marked, os.fsencode(name).decode("utf-8", "surrogateescape"))


def on_disk(text: str) -> str:
    """A name for `os` and `pathlib`, from its text."""
    if text.isascii():
        return text
    named = _MARKS.sub(lambda mark: chr(0xDC00 + ord(mark[0]) - _MARK), text)
    return os.fsdecode(named.encode("utf-8", "surrogateescape"))


def same(one: str, other: str) -> bool:
    """Whether two names look the same."""
    return one == other or key(one) == key(other)


def key(text: str) -> str:
    """What names that look the same have in common."""
    return unicodedata.normalize("NFC", mended(text))


def find(wanted: str, known: Iterable[str]) -> str | None:
    """That of the known names which is wanted: as it is spelled, or else one that looks the same; None for none."""
    known = list(known)
    spellings = [mended(wanted)]
    if not wanted.isascii() and _LOST.search(wanted):
        spellings.append(_spelled(wanted))
    for spelling in spellings:
        if spelling in known:
            return spelling
    return next((name for spelling in spellings for name in known if same(name, spelling)), None)


def _spelled(wanted: str) -> str:
    """As a terminal gives the name of a file that has one of our own characters."""
    try:
        return read(wanted)
    except UnicodeEncodeError:  # it never came from a disk
        return mended(wanted)


def mended(value: Any) -> Any:
    """Text, or what JSON can hold, without what can't be written: bytes that `os` marks become our own characters."""
    if isinstance(value, str):
        return value if value.isascii() else re.sub("[\ud800-\udfff]", _marked, value)
    if isinstance(value, dict):
        return {mended(name): mended(entry) for name, entry in value.items()}
    return [mended(entry) for entry in value] if isinstance(value, list) else value


def is_mark(letter: str) -> bool:
    """Whether a character stands for a byte that is no text."""
    return _MARKS.fullmatch(letter) is not None


def shown(text: str) -> str:
    """For people: the same text, with U+FFFD for a byte that is no text."""
    return _SHOWN.sub("\ufffd", text)


def _marked(lost: re.Match[str]) -> str:
    code = ord(lost[0])
    if 0xDC80 <= code <= 0xDCFF:  # one byte, which `os` calls so
        return chr(_MARK + code - 0xDC00)
    return "".join(chr(_MARK + byte) for byte in lost[0].encode("utf-8", "surrogatepass"))
