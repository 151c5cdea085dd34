"""Scales and keys: which pitches belong to them, and the nearest of those to a pitch.

A scale is a tonic and its degrees, in semitones above the tonic, which need not be whole: ``C:major``, ``F#:blues``,
``D:rast``; ``chromatic`` has every semitone and no tonic. Keys are written as librosa writes them, a note, a colon and
a mode (``Eb:dorian``, ``A:min``). Tonics stand where A4 = `tuning_hz` puts them, by equal temperament; the degrees of
just and Arab scales lie where their own tuning has them above the tonic.

References: major, minor and the modes, librosa.key_to_degrees; pentatonic, blues, whole-tone and octatonic scales,
N. Slonimsky, Thesaurus of Scales and Melodic Patterns (1947), and music21.scale; just intonation, Ptolemy's intense
diatonic, in H. v. Helmholtz, On the Sensations of Tone (1885); maqamat in quarter tones, H. H. Touma, The Music of the
Arabs (1996).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ddsing.errors import SettingsError
from ddsing.units import hz_to_midi, midi_to_hz

if TYPE_CHECKING:  # at run time only with arrays: what only reads and writes scales does without
    import numpy as np
    from numpy.typing import ArrayLike

CHROMATIC = "chromatic"
CONCERT_HZ = 440.0
TUNING_RANGE_HZ = (392.0, 494.0)  # A4 a whole tone lower and higher: all pitches that were ever in use, and some more
SCALES: dict[str, tuple[float, ...]] = {  # semitones above the tonic; the order is that of a menu
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic-minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic-minor": (0, 2, 3, 5, 7, 9, 11),
    "major-pentatonic": (0, 2, 4, 7, 9),
    "minor-pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "major-blues": (0, 2, 3, 4, 7, 9),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "whole-tone": (0, 2, 4, 6, 8, 10),
    "octatonic": (0, 2, 3, 5, 6, 8, 9, 11),
    "just-major": tuple(12 * math.log2(x) for x in (1, 9 / 8, 5 / 4, 4 / 3, 3 / 2, 5 / 3, 15 / 8)),
    "just-minor": tuple(12 * math.log2(x) for x in (1, 9 / 8, 6 / 5, 4 / 3, 3 / 2, 8 / 5, 9 / 5)),
    "rast": (0, 2, 3.5, 5, 7, 9, 10.5),
    "bayati": (0, 1.5, 3, 5, 7, 8, 10),
    "hijaz": (0, 1, 4, 5, 7, 8, 10),
    "saba": (0, 1.5, 3, 4, 7, 8, 10),
    "sikah": (0, 1.5, 3.5, 5.5, 7, 8.5, 10.5),
    "quarter-tones": tuple(0.5 * step for step in range(24)),
}
TONICS = ("C", "C#", "Db", "D", "D#", "Eb", "E", "F", "F#", "Gb", "G", "G#", "Ab", "A", "A#", "Bb", "B")
_SAME = {"B#": "C", "Cb": "B", "E#": "F", "Fb": "E"}
_ALSO = {
    **{"maj": "major", "ionian": "major", "ion": "major", "min": "minor", "natural-minor": "minor", "aeolian": "minor"},
    **{"aeol": "minor", "aeo": "minor", "dor": "dorian", "phryg": "phrygian", "phr": "phrygian", "lyd": "lydian"},
    **{"mixolyd": "mixolydian", "mix": "mixolydian", "locr": "locrian", "loc": "locrian", "diminished": "octatonic"},
    **{"pentatonic": "major-pentatonic", "minor-blues": "blues", "wholetone": "whole-tone"},
}
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHIFT = {"": 0, "#": 1, "b": -1}
_KEY = re.compile(r"([A-Ga-g])([#♯b♭]?)\s*:\s*(.+)")


@dataclass(frozen=True)
class Scale:
    """A scale on a tonic.

    Attributes
    ----------
    name : str
        As `parse` reads it: ``chromatic``, ``C:major``, ``F#:harmonic-minor``.
    tonic : int
        Semitones above C.
    degrees : tuple[float, ...]
        Semitones above the tonic, ascending from 0, below 12.
    """

    name: str
    tonic: int
    degrees: tuple[float, ...]

    @classmethod
    def parse(cls, text: str) -> Scale:
        """A scale from how people write it, such as ``c: Maj`` or ``Bb:harmonic minor``; else a `SettingsError`."""
        said = text.strip() if isinstance(text, str) else ""
        if said.lower() == CHROMATIC:
            return cls(CHROMATIC, 0, tuple(float(step) for step in range(12)))
        found = _KEY.fullmatch(said)
        kind = "" if found is None else re.sub(r"[\s_]+", "-", found[3].strip().lower())
        kind = _ALSO.get(kind, kind)
        if found is None or kind not in SCALES:
            raise SettingsError(
                f"The scale is {str(text)[:60]!r}; write chromatic, or a note, a colon and a scale, such as C:major or "
                f"F#:minor-pentatonic. The scales are {', '.join(SCALES)}."
            )
        accidental = found[2].replace("♯", "#").replace("♭", "b")
        note = found[1].upper() + accidental
        note = _SAME.get(note, note)
        tonic = (_NATURAL[note[0]] + _SHIFT[note[1:]]) % 12
        return cls(f"{note}:{kind}", tonic, tuple(float(step) for step in SCALES[kind]))

    @property
    def title(self) -> str:
        """For people: ``chromatic``, ``C major``, ``F♯ harmonic minor``."""
        tonic, _, kind = self.name.rpartition(":")
        return f"{written(tonic)} {titled(kind)}".strip()

    def off(self, midi: ArrayLike) -> np.ndarray:
        """How far pitches lie above the nearest of the scale, in semitones; halfway between two, the lower is nearest.

        Parameters
        ----------
        midi : array_like [shape=(...), float]
            Fractional MIDI note numbers.

        Returns
        -------
        np.ndarray [shape=(...), float64]
        """
        import numpy as np

        above = (np.asarray(midi, np.float64) - self.tonic) % 12.0
        ladder = np.array([*self.degrees, 12.0])
        place = np.searchsorted((ladder[1:] + ladder[:-1]) / 2.0, above, side="left")
        return above - ladder[place]

    def nearest_hz(self, f0_hz: ArrayLike, tuning_hz: float = CONCERT_HZ) -> np.ndarray:
        """The scale's nearest pitch to each frequency, where A4 is `tuning_hz`.

        Parameters
        ----------
        f0_hz : array_like [shape=(...), float]
            In Hz; 0 and below (unvoiced) stays as it is.

        Returns
        -------
        np.ndarray [shape=(...), float64]
        """
        import numpy as np

        f0_hz = np.asarray(f0_hz, np.float64)
        midi = hz_to_midi(f0_hz)
        nearest = midi_to_hz(midi - self.off(midi - off_concert(tuning_hz)))
        return np.where(f0_hz > 0.0, nearest, f0_hz)


def off_concert(tuning_hz: float) -> float:
    """How far a tuning lies above A4 = 440 Hz, in semitones."""
    return 12.0 * math.log2(tuning_hz / CONCERT_HZ)


def titled(kind: str) -> str:
    """One of `SCALES`, for people: ``harmonic minor``."""
    return kind.replace("-", " ")


def written(tonic: str) -> str:
    """One of `TONICS`, for people: ``F♯``."""
    return tonic[:1] + tonic[1:].replace("#", "♯").replace("b", "♭")
