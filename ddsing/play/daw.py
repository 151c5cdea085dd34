"""A take for a DAW: its parts as 24-bit WAV that lie on each other, a marker for every note, the notes as MIDI.

All parts begin together and have one gain, so that harmonic part and noise together are the result, and the recording
lies beside it, or the guide of a take that has none: a plain tone of its pitch and loudness. A take of a score brings
the score's tempos and what it sang with bends; of any other the notes are those that are heard in the pitch as it was
sung, at 120 beats a minute. Of several takes each has a folder, and its name before that of each file, since a DAW
calls its tracks by them.

Public: `bundle`, `bundle_several`, `curves_of`.
"""

import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import numpy as np
import soundfile

from ddsing.constants import FRAME_RATE
from ddsing.errors import TakeError
from ddsing.files import safe_name
from ddsing.play import export, placing, sing
from ddsing.play.expression import Curves
from ddsing.sound import audio, markers
from ddsing.sound.curve import midi, segments
from ddsing.sound.curve.contour import Curve
from ddsing.transfer.take import Take
from ddsing.units import note_name

PARTS = ("result", "harmonic", "noise", "original")
_TOGETHER = PARTS[:3]
_SURE = 0.5
_NOTES = "notes.mid"
Marked = tuple[float, str]  # seconds, name


def bundle(take: Take) -> bytes:
    """A zip of ``result.wav``, ``harmonic.wav``, ``noise.wav``, ``original.wav`` or ``guide.wav``, and ``notes.mid``.

    Raises
    ------
    TakeError
        If a part of the take can't be read.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in _files(take):
            file.writestr(name, content)
    return buffer.getvalue()


def bundle_several(file: BinaryIO, takes: Iterable[tuple[str, Take]]) -> None:
    """Write a zip of several takes with what each is called; one is in memory at a time.

    Raises
    ------
    TakeError
        If a part of one of the takes can't be read.
    """
    used: set[str] = set()
    with zipfile.ZipFile(file, "w") as archive:
        for title, take in takes:
            called = _free(safe_name(title), used)
            for name, content in _files(take):
                archive.writestr(f"{called}/{called} {name}", content)


def _free(name: str, used: set[str]) -> str:
    """A name that no other folder has, whatever its case."""
    candidate, number = name, 1
    while candidate.casefold() in used:
        number += 1
        candidate = f"{name} {number}"
    used.add(candidate.casefold())
    return candidate


def _files(take: Take) -> Iterator[tuple[str, bytes]]:
    marks, content, bpm = _of_score(take) if take.sung else _of_recording(take)
    sounds = {part: _read(take, part) for part in PARTS}
    loudest = max(_peak(sounds[part][0]) for part in _TOGETHER)
    for part, (sound, rate_hz) in sounds.items():
        peak = loudest if part in _TOGETHER else _peak(sound)
        scaled = sound if peak <= 1.0 else sound * np.float32(0.999 / peak)
        wav = audio.encode(scaled, recipe=take.recipe() if part == PARTS[0] else None, rate_hz=rate_hz)
        at = [(round(at_s * rate_hz), name) for at_s, name in marks]
        name = part if part in _TOGETHER else take.made_from
        yield f"{name}.wav", markers.marked(wav, at, bpm=bpm, duration_s=len(sound) / rate_hz)
    if content:
        yield _NOTES, content


def _of_score(take: Take) -> tuple[Sequence[Marked], bytes, float | None]:
    """Markers, MIDI and the tempo of the beginning, of what was sung from a score."""
    assert take.score is not None
    line = placing.transposed(sing.sung_by(take), int(take.score.get("transpose", 0)))
    marks = [(note.start_s, note_name(note.midi)) for note in line.notes]
    return marks, export.midi(line, curves_of(take)), float(line.tempos[0][1]) if line.tempos else None


def curves_of(take: Take) -> Curves:
    """The curves of a take that was sung from a score or played, as it was rendered from them."""
    found = take.curves()
    sounding = found["f0_confidence"] > _SURE
    return Curves(found["f0_hz_used"], found["loudness_db_used"], sounding, take.generation)


def _of_recording(take: Take) -> tuple[Sequence[Marked], bytes, float | None]:
    """Markers and MIDI of the notes in the pitch as it was sung; a recording has no tempo that is known."""
    found = take.curves()
    voiced = found["voiced"] if "voiced" in found else np.ones(len(found["f0_hz_used"]), bool)
    notes = segments.notes(Curve(found["f0_hz_used"], found["f0_confidence"], voiced))
    marks = [(note.start / FRAME_RATE, note_name(note.midi)) for note in notes]
    return marks, midi.write(notes) if notes else b"", None


def _read(take: Take, part: str) -> tuple[np.ndarray, int]:
    try:
        return soundfile.read(os.fsencode(take.folder / f"{part}.wav"), dtype="float32")
    except (OSError, soundfile.SoundFileError):
        raise TakeError(f"The {part} of the take {take.name!r} can't be read. Render it again.") from None


def _peak(sound: np.ndarray) -> float:
    return float(np.abs(sound).max()) if len(sound) else 0.0
