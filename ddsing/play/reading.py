"""A score's file, whatever it is: MIDI, MusicXML as text, or MusicXML packed. What it is, its content says."""

import hashlib
import os
import stat
from pathlib import Path

from ddsing import names
from ddsing.errors import ScoreError
from ddsing.play import midi, musicxml, mxl
from ddsing.play.score import Score, shown
from ddsing.units import format_bytes

SUFFIXES = (".mid", ".midi", ".musicxml", ".xml", ".mxl")
WORDS = "MIDI (.mid) or MusicXML (.musicxml, .xml, .mxl)"
MAX_BYTES = musicxml.MAX_BYTES


def read(source: Path | bytes, *, name: str = "") -> Score:
    """The score in a file, given as its path or its content; raises `ScoreError` for what is none.

    Parameters
    ----------
    name : str
        What it is called; the file's name by default.
    """
    content = source if isinstance(source, bytes) else _content(source)
    called = names.read(name or (source.name if isinstance(source, Path) else "score"))
    found = hashlib.sha256(content).hexdigest()
    if not content:
        raise ScoreError(f"{shown(called)} is empty. Export the score again.")
    if midi.is_midi(content):
        return midi.read(content, called, found)
    if mxl.is_zip(content):
        return musicxml.read(mxl.unpacked(content, called), called, found)
    if musicxml.is_xml(content):
        return musicxml.read(content, called, found)
    raise ScoreError(f"{shown(called)} is not a score that can be read; use {WORDS}.")


def _content(path: Path) -> bytes:
    """A file's bytes, as long as it is an ordinary file of a score's size."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a file's name"
        raise ScoreError(f"The score {shown(str(path))} can't be opened: {reason}.") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise ScoreError(f"{shown(str(path))} is not a file; a score is {WORDS}.")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > MAX_BYTES:
            raise ScoreError(
                f"{shown(str(path))} has {format_bytes(status.st_size)}; a score can have {format_bytes(MAX_BYTES)}. "
                "Export the part to be sung alone."
            )
        return file.read(MAX_BYTES + 1)
