"""What a DAW reads in a WAV beside the sound: named markers, and the tempo.

Markers are ``cue`` points with ``labl`` texts in a list ``adtl``, the tempo is in an ``acid`` chunk; all stand behind
the sound, where programs that know none of them pass over them.

Reference: RIFF, New Multimedia Data Types and Data Techniques, 1994 (cue, labl); the acid chunk as Sony ACID writes it.
"""

import struct
from collections.abc import Sequence

MOST = 2000  # markers in a file
_ONE_SHOT, _TEMPO_KNOWN = 1, 0x8000


def marked(
    wav: bytes, markers: Sequence[tuple[int, str]], *, bpm: float | None = None, duration_s: float = 0.0
) -> bytes:
    """A RIFF WAV with markers, and with its tempo where that is known.

    Parameters
    ----------
    markers : Sequence of (int, str)
        Sample and name of each; more than `MOST` are left out.
    bpm : float, optional
        Beats a minute.
    duration_s : float
        Of the sound, for the number of beats in it.
    """
    chunks = wav[8:] + b"\0" * (len(wav) % 2)
    if markers:
        chunks += _cues(markers[:MOST])
    if bpm is not None:
        beats = max(1, round(duration_s * bpm / 60.0))
        content = struct.pack("<IHHfIHHf", _ONE_SHOT, 60, _TEMPO_KNOWN, 0.0, beats, 4, 4, bpm)
        chunks += _chunk(b"acid", content)
    return wav[:4] + struct.pack("<I", len(chunks)) + chunks


def _cues(markers: Sequence[tuple[int, str]]) -> bytes:
    points, labels = struct.pack("<I", len(markers)), b"adtl"
    for number, (sample, name) in enumerate(markers, start=1):
        points += struct.pack("<II4sIII", number, sample, b"data", 0, 0, sample)
        labels += _chunk(b"labl", struct.pack("<I", number) + name.encode("utf-8") + b"\0")
    return _chunk(b"cue ", points) + _chunk(b"LIST", labels)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
