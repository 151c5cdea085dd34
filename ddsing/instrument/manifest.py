"""``instrument.json``: where an instrument comes from, and the checks on its free text.

It comes from strangers too, so it is strict JSON (`ddsing.formats.strict_json`), and text is bounded and free of
control characters.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ddsing import names
from ddsing.errors import InstrumentError
from ddsing.formats import strict_json
from ddsing.model.statistics import DatasetStatistics

MAX_NAME = 120
MAX_LINE = 300
MAX_NOTES = 10_000
EDITABLE = ("voice", "author", "licence", "notes")  # of a `Provenance`: what people write about it


@dataclass(frozen=True)
class Provenance:
    """Where an instrument comes from; empty or None where nobody said.

    Attributes
    ----------
    voice : str
        Whose or what voice it was trained on.
    step, loss : int, float or None
        Training steps, and the loss at the last of them.
    author, licence, notes, date : str
        Free text; `date` as ISO 8601 where ddsing wrote it.
    dataset_hash : str
        SHA-256 of the training recordings, as hexadecimal digits.
    source_format : str
        ``native`` where ddsing trained it, ``notebook`` where it was converted from a zip of the 2021 notebooks,
        ``vst`` where it was read from a file of ddsp-vst's.
    """

    voice: str = ""
    step: int | None = None
    loss: float | None = None
    author: str = ""
    licence: str = ""
    notes: str = ""
    date: str = ""
    dataset_hash: str = ""
    source_format: str = "native"

    def __post_init__(self) -> None:
        for field in ("voice", "author", "licence", "date", "dataset_hash"):
            check_text(getattr(self, field), field, MAX_LINE)
        check_text(self.notes, "notes", MAX_NOTES, lines=True)
        if self.source_format not in ("native", "notebook", "vst"):
            raise InstrumentError(
                f"The instrument's source format is {self.source_format!r}; it must be native, notebook or vst."
            )
        if self.step is not None and (type(self.step) is not int or not 0 <= self.step < 10**12):
            raise InstrumentError(f"The instrument's step is {self.step!r:.40}; it must be a whole number from 0.")
        if self.loss is not None:
            if type(self.loss) not in (int, float) or not abs(self.loss) <= 1e9:
                raise InstrumentError(f"The instrument's loss is {self.loss!r:.40}; it must be a finite number.")
            object.__setattr__(self, "loss", float(self.loss))

    def to_json(self) -> dict:
        """What ``instrument.json`` holds."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping) -> "Provenance":
        """The inverse of `to_json`; raises `InstrumentError`."""
        try:
            return cls(**data)
        except TypeError as error:
            raise InstrumentError(f"The instrument's provenance can't be read: {error}.") from None


def check_text(text: object, field: str, limit: int, *, lines: bool = False) -> str:
    """The text itself, where it is a string of at most `limit` printable characters; else `InstrumentError`."""
    if not isinstance(text, str):
        raise InstrumentError(f"The instrument's {field} must be text.")
    if len(text) > limit:
        raise InstrumentError(f"The instrument's {field} has {len(text):,} characters; at most {limit:,} are kept.")
    for letter in text:
        if not printable(letter) and not (lines and letter in "\n\t\r"):
            raise InstrumentError(f"The instrument's {field} contains {ascii(letter)}; use printable characters only.")
    return text


def printable(letter: str) -> bool:
    """Whether a text may have it: no control character, and none without a meaning but those of `ddsing.names`."""
    return unicodedata.category(letter) not in ("Cc", "Cs", "Co", "Cn") or names.is_mark(letter)


def check_name(name: object) -> str:
    """An instrument's display name: one non-empty line."""
    text = check_text(name, "name", MAX_NAME)
    if not text.strip():
        raise InstrumentError("The instrument has no name; give it one.")
    return text


def loads(data: bytes) -> dict:
    """The object in ``instrument.json``; `InstrumentError` where it is not strict JSON."""
    try:
        return strict_json.loads(data)
    except ValueError as error:
        raise InstrumentError(f"The instrument's instrument.json can't be read: {str(error)[:120]}.") from None


def ranges(statistics: DatasetStatistics | None) -> dict | None:
    """Pitch (MIDI) and loudness (dB) that the instrument was trained on, as ``{"pitch_midi": [low, high], ...}``."""
    if statistics is None:
        return None
    found = {"pitch_midi": statistics.pitch_range_midi, "loudness_db": statistics.loudness_range_db}
    return {name: list(limits) for name, limits in found.items() if limits is not None}
