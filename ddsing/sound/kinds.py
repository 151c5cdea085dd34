"""The kinds of files that are read as recordings: one list for pages, commands and folders, told apart by content.

Public: `SUFFIXES`, `UPLOAD_TYPES`, `WORDS`, `CONVERT`, `Kind`, `of`, `mime`.

wav, flac, ogg and mp3 are decoded here, by libsndfile; everything else by FFmpeg, in a process of its own.
"""

from dataclasses import dataclass

from ddsing.sound import mpeg

SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".mp3"),
    *(".m4a", ".aac", ".opus", ".oga", ".webm", ".aiff", ".aif", ".aifc", ".caf", ".wma", ".amr", ".w64", ".rf64"),
    *(".mp4", ".mov", ".mkv", ".mka", ".avi", ".3gp", ".m4b", ".m4v", ".mp2"),
)  # of files that are listed; what is in them decides
UPLOAD_TYPES = [suffix[1:] for suffix in SUFFIXES]
WORDS = "wav, flac, ogg, mp3, m4a, aac, opus, webm, aiff, caf, wma, amr, or the sound of a video (mp4, mov, mkv, avi)"
CONVERT = "convert it to wav, for example with Audacity or ffmpeg (ffmpeg -i FILE FILE.wav)."
HEAD_BYTES = 65_536  # in which a kind shows; an mp3 may have that many zeros before it


@dataclass(frozen=True)
class Kind:
    """A kind of file: its name, and FFmpeg's name of it, "" if libsndfile decodes it."""

    name: str
    demuxer: str = ""


WAV, FLAC, OGG, MP3 = Kind("WAV"), Kind("FLAC"), Kind("OGG"), Kind("MP3")
_MP4, _MATROSKA, _ASF = Kind("MP4", "mov"), Kind("MATROSKA", "matroska"), Kind("WMA", "asf")
_AAC, _MP2, _AIFF, _CAF = Kind("AAC", "aac"), Kind("MP2", "mp3"), Kind("AIFF", "aiff"), Kind("CAF", "caf")
_AMR, _AVI = Kind("AMR", "amr"), Kind("AVI", "avi")
_RIFF = (b"RIFF", b"RIFX", b"RF64", b"BW64")
W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_STARTS = (
    (W64_RIFF, WAV),
    (b"fLaC", FLAC),
    (b"OggS", OGG),
    (b"\x1a\x45\xdf\xa3", _MATROSKA),
    (b"caff", _CAF),
    (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), _ASF),
    (b"#!AMR", _AMR),
)
_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"pnot")  # with which a QuickTime or MPEG-4 file begins
_PICTURES = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"crx ")  # which begin as films do
_MIMES = {
    "FLAC": "audio/flac",
    "OGG": "audio/ogg",
    "MP3": "audio/mpeg",
    "WAV": "audio/wav",
    "MP4": "audio/mp4",
    "AAC": "audio/aac",
}


def of(head: bytes) -> Kind | None:
    """The kind of a file that begins so (the more of `HEAD_BYTES`, the better); None if it is no recording."""
    if head.startswith(_RIFF):
        return {b"WAVE": WAV, b"AVI ": _AVI}.get(head[8:12])
    if head.startswith(b"FORM"):
        return _AIFF if head[8:12] in (b"AIFF", b"AIFC") else None
    if head[4:8] in _ATOMS and head[8:12] not in _PICTURES:
        return _MP4
    found = next((kind for start, kind in _STARTS if head.startswith(start)), None)
    return found or _mpeg(head)


def mime(head: bytes) -> str | None:
    """How a browser calls a file that begins so; None if it may be unable to play it."""
    kind = of(head)
    if kind is None or (kind is WAV and not head.startswith(b"RIFF")):
        return None
    return _MIMES.get(kind.name)


def _mpeg(head: bytes) -> Kind | None:
    """MPEG audio, which has no mark but its frames: behind tags, and behind zeros."""
    place = mpeg.begin(head)
    if place is None:
        return MP3 if head.startswith(b"ID3") else None  # behind a large picture; libsndfile finds out
    if head[place : place + 4] in (b"fLaC", b"OggS"):
        return of(head[place:])
    return {0: _AAC, 1: MP3}.get(head[place + 1] >> 1 & 3, _MP2)
