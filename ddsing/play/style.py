"""How a line is sung: every number of the expression, with a musician's name for it, and three styles.

Reference: OpenUtau's presets of portamento and vibrato; Timmers & Desain 2000 (rate and extent of singers' vibrato);
Saitou et al. 2005 (overshoot, fine fluctuation).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ddsing.errors import ScoreError
from ddsing.transfer.settings import Words


@dataclass(frozen=True)
class Control:
    """A number of a style.

    Attributes
    ----------
    low, high : float
        What it may be.
    option : str
        What it is called on the command line.
    words : Words
        How it is written for people.
    what : str
        What it does, as the end of a line.
    """

    low: float
    high: float
    option: str
    words: Words
    what: str


def _control(low: float, high: float, label: str, what: str, unit: str = "") -> Control:
    return Control(low, high, "--" + label.replace(" ", "-"), Words(label, unit=unit), what)


CONTROLS = {  # in the order in which people read them
    "vibrato_cents": _control(0.0, 200.0, "vibrato depth", "how far the pitch swings to either side", "cents"),
    "vibrato_hz": _control(2.0, 10.0, "vibrato rate", "swings per second", "Hz"),
    "vibrato_delay_s": _control(0.0, 3.0, "vibrato delay", "how long a note is straight at first", "s"),
    "vibrato_delay_share": _control(0.0, 1.0, "vibrato share", "or this share of the note, if that is longer"),
    "vibrato_growth_s": _control(0.0, 3.0, "vibrato growth", "how long the vibrato takes to its full depth", "s"),
    "vibrato_irregularity": _control(0.0, 0.3, "vibrato irregularity", "how much its rate and depth vary, as a share"),
    "vibrato_db": _control(0.0, 6.0, "vibrato loudness", "how far the loudness swings with it", "dB"),
    "portamento_s": _control(0.0, 0.5, "portamento", "how long the pitch glides between connected notes", "s"),
    "overshoot": _control(0.0, 0.5, "overshoot", "how far a glide goes beyond its note, as a share of the interval"),
    "overshoot_s": _control(0.02, 0.5, "overshoot decay", "how soon that is over", "s"),
    "scoop_semitones": _control(0.0, 4.0, "scoop", "how far below its pitch a note after a rest begins", "semitones"),
    "scoop_s": _control(0.0, 0.5, "scoop time", "how long the way up takes", "s"),
    "drift_cents": _control(0.0, 30.0, "drift", "how far the pitch strays, slowly and by chance", "cents"),
    "attack_s": _control(0.004, 0.5, "attack", "how long a soft note takes to begin; a loud one takes half of it", "s"),
    "release_s": _control(0.004, 1.0, "release", "how long a note takes to end", "s"),
    "arch_db_per_s": _control(0.0, 12.0, "swell", "how fast a note grows to its peak and fades after it", "dB/s"),
    "arch_peak": _control(0.0, 1.0, "swell peak", "where in a note its peak is, as a share of the note"),
    "soft": _control(0.0, 1.0, "softest", "share of the voice's notes that are softer than the softest note"),
    "loud": _control(0.0, 1.0, "loudest", "share of the voice's notes that are softer than the loudest note"),
    "legato_gap_s": _control(0.0, 0.5, "legato gap", "shortest rest that is heard as one", "s"),
    "breath_s": _control(0.05, 1.0, "breath", "how long the singer breathes at a breath mark", "s"),
}


@dataclass(frozen=True)
class Style:
    """A style of singing; each number is explained and bounded in `CONTROLS`.

    The defaults are the style ``classical``.
    """

    vibrato_cents: float = 40.0
    vibrato_hz: float = 5.6
    vibrato_delay_s: float = 0.2
    vibrato_delay_share: float = 0.25
    vibrato_growth_s: float = 0.3
    vibrato_irregularity: float = 0.05
    vibrato_db: float = 0.75
    portamento_s: float = 0.08
    overshoot: float = 0.1
    overshoot_s: float = 0.08
    scoop_semitones: float = 0.5
    scoop_s: float = 0.06
    drift_cents: float = 3.0
    attack_s: float = 0.08
    release_s: float = 0.1
    arch_db_per_s: float = 1.0
    arch_peak: float = 0.4
    soft: float = 0.1
    loud: float = 0.9
    legato_gap_s: float = 0.06
    breath_s: float = 0.2

    def __post_init__(self) -> None:
        for name, control in CONTROLS.items():
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and control.low <= value <= control.high):
                unit = f" {control.words.unit}" if control.words.unit else ""
                raise ScoreError(
                    f"The {control.words.label} is {value!r:.40}; it must be a number from {control.low:g} to "
                    f"{control.high:g}{unit}."
                )
            object.__setattr__(self, name, float(value))
        if self.soft > self.loud:
            raise ScoreError(f"The softest note ({self.soft:g}) is louder than the loudest ({self.loud:g}). Swap them.")

    def disabled(self) -> dict[str, str]:
        """The numbers that do nothing as the others stand, each with the reason."""
        reasons: dict[str, str] = {}
        if self.vibrato_cents == 0.0:
            of_vibrato = [name for name in CONTROLS if name.startswith("vibrato_") and name != "vibrato_cents"]
            reasons |= dict.fromkeys(of_vibrato, "Needs vibrato. Set the vibrato depth above 0.")
        if self.overshoot == 0.0:
            reasons["overshoot_s"] = "Needs overshoot. Set it above 0."
        if self.scoop_semitones == 0.0:
            reasons["scoop_s"] = "Needs a scoop. Set it above 0."
        if self.arch_db_per_s == 0.0:
            reasons["arch_peak"] = "Needs a swell. Set it above 0."
        return reasons

    def changed_from(self, other: "Style") -> dict[str, float]:
        """The numbers that differ from another style's, rounded as `to_json` does."""
        own, its = self.to_json(), other.to_json()
        return {name: value for name, value in own.items() if value != its[name]}

    def to_json(self) -> dict[str, float]:
        """A plain dictionary, in four digits."""
        return {name: float(f"{value:.4g}") for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Style":
        """A style from what `to_json` wrote; unknown entries are ignored, bad values raise `ScoreError`."""
        if not isinstance(data, Mapping):
            raise ScoreError("The style can't be read: it must be pairs of names and numbers.")
        return cls(**{one.name: data[one.name] for one in fields(cls) if one.name in data})


STYLES = {
    "plain": Style(
        vibrato_cents=0.0,
        portamento_s=0.05,
        overshoot=0.0,
        scoop_semitones=0.0,
        drift_cents=0.0,
        arch_db_per_s=0.0,
    ),
    "classical": Style(),
    "pop": Style(
        vibrato_cents=25.0,
        vibrato_hz=5.2,
        vibrato_delay_s=0.45,
        vibrato_delay_share=0.5,
        vibrato_irregularity=0.08,
        vibrato_db=0.5,
        portamento_s=0.06,
        scoop_semitones=1.0,
        scoop_s=0.09,
        drift_cents=5.0,
        attack_s=0.06,
        release_s=0.12,
        arch_db_per_s=1.5,
        arch_peak=0.25,
    ),
}
VOICE = "voice:"  # before a voice's name: a style learnt from its dataset


def named(name: str) -> Style:
    """One of `STYLES`."""
    if name not in STYLES:
        raise ScoreError(f"The style is {name!r:.60}; it must be {', '.join(STYLES)}, or {VOICE} and a voice's name.")
    return STYLES[name]


def adjusted(style: Style, changes: Mapping[str, float]) -> Style:
    """A style with some numbers changed."""
    return replace(style, **changes)
