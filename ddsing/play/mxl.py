"""Packed MusicXML (.mxl): a zip whose ``META-INF/container.xml`` names the score.

The zip is read as an instrument's is, by `ddsing.instrument.archive`: nothing is unpacked to disk, and a bomb is
refused.
"""

from ddsing.errors import InstrumentError, ScoreError
from ddsing.instrument.archive import open_archive
from ddsing.play import musicxml
from ddsing.play.score import shown

_CONTAINER = "META-INF/container.xml"
_MAX_CONTAINER_BYTES = 64 * 2**10


def is_zip(content: bytes) -> bool:
    """Whether a file begins as a zip does."""
    return content[:2] == b"PK"


def unpacked(content: bytes, name: str) -> bytes:
    """The MusicXML in a packed score."""
    try:
        archive = open_archive(content)
        member = None
        if _CONTAINER in archive.members:
            root = musicxml.parsed(archive.read(_CONTAINER, max_bytes=_MAX_CONTAINER_BYTES), name)
            member = next((one.get("full-path") for one in root.iter() if one.tag.endswith("rootfile")), None)
        if member is None:  # some programs leave the container out
            scores = (one for one in archive.members if one.endswith((".xml", ".musicxml")) and one != _CONTAINER)
            member = next(scores, None)
        if member not in archive.members:
            raise ScoreError(f"{shown(name)} is a zip without a score. Export it as MusicXML again.")
        return archive.read(member, max_bytes=musicxml.MAX_BYTES)
    except InstrumentError as error:
        raise ScoreError(f"{shown(name)} can't be unpacked: {str(error).replace('instrument', 'score')}") from None
