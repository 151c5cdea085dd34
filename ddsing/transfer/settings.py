"""What a musician sets before a transfer, with the ranges and meaning of the original notebooks, and its words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from ddsing.errors import SettingsError
from ddsing.sound.scales import CHROMATIC, TUNING_RANGE_HZ, Scale

RANGES = {
    "mask_threshold": (0.0, 2.0),
    "attenuation_db": (0.0, 50.0),
    "autotune": (0.0, 1.0),
    "autotune_speed_ms": (0.0, 1000.0),
    "octave_shift": (-3, 3),
    "transpose": (-36.0, 36.0),
    "formant_shift": (-12.0, 12.0),
    "breath_db": (-24.0, 24.0),
    "loudness_shift_db": (-30.0, 30.0),
    "gate_db": (-80.0, -10.0),
    "keep_unvoiced": (0.0, 1.0),
    "seed": (0, 2**63 - 1),
    "pull": (0.0, 1.0),
}
_CAN_BE_OFF = ("gate_db",)  # which is None
Z_SOURCES = ("recording", "other", "mean")
MAX_Z_SHIFTS = 8
MAX_Z_SHIFT = 6.0  # standard deviations
SHOWN = (  # in the order in which people read them; `timbre` stands for what is set about z
    *("octave_shift", "transpose", "loudness_shift_db", "autotune", "scale", "autotune_speed_ms", "tuning_hz"),
    *("use_statistics", "mask_threshold", "attenuation_db", "gate_db", "keep_unvoiced", "full_band"),
    *("breath_db", "formant_shift", "show_full_output", "seed", "timbre", "pull"),
)
ALWAYS_SHOWN = frozenset(  # the settings of the notebooks; the others are left out of lists where nobody set them
    {"octave_shift", "loudness_shift_db", "autotune", "use_statistics", "mask_threshold", "attenuation_db"}
    | {"show_full_output", "seed"}
)


@dataclass(frozen=True)
class Words:
    """How a setting is written for people.

    Attributes
    ----------
    label : str
        What it is called, as within a sentence.
    unit : str
    signed : bool
        Whether values have a sign, as shifts do.
    quiet : bool
        Whether the default is only worth showing where it has just changed.
    heard : bool
        Whether the sound depends on it.
    """

    label: str
    unit: str = ""
    signed: bool = False
    quiet: bool = False
    heard: bool = True

    @property
    def title(self) -> str:
        """The label at the beginning of a line."""
        return self.label[:1].upper() + self.label[1:]

    def text(self, value: Any) -> str:
        """A value: ``on``, ``+1``, ``−5 dB``, ``0.5``; None is ``off``."""
        if value is None or isinstance(value, bool):
            return "on" if value else "off"
        if isinstance(value, str):
            return value
        number = str(value) if isinstance(value, int) else f"{value + 0.0:g}"  # which makes -0 a 0
        sign = "+" if self.signed and value > 0 else ""
        unit = self.unit.removesuffix("s") if self.unit == "semitones" and abs(value) == 1 else self.unit
        return f"{sign}{number} {unit}".strip().replace("-", "−")


def _setting(default: Any, label: str, **how: Any) -> Any:
    return field(default=default, metadata={"words": Words(label, **how)})


@dataclass(frozen=True)
class Settings:
    """The controls of a transfer.

    Attributes
    ----------
    show_full_output : bool
        Whether all curves and spectrograms are shown; the sound is the same.
    use_statistics : bool
        Match the loudness of the notes to the instrument's own, and quieten what is no note.
    mask_threshold : float
        How clear a note must be, 0 to 2.
    attenuation_db : float
        How much what is no note is quietened, 0 to 50 dB; with `use_statistics` only.
    autotune : float
        How far f0 is drawn to the scale, 0 to 1.
    octave_shift : int
        -3 to 3.
    transpose : float
        Semitones beside the octaves, -36 to 36; what is behind the point are cents.
    scale : str
        What autotune draws f0 to, as `ddsing.sound.scales.Scale` reads and writes it.
    autotune_speed_ms : float
        The time that autotune takes from note to note, 0 (at once) to 1000 ms.
    tuning_hz : float
        Where A4 is for autotune; 0 for the recording's own tuning.
    formant_shift : float
        -12 to 12 semitones.
    breath_db : float
        How much louder the instrument's noise is beside its harmonics, -24 to 24 dB.
    loudness_shift_db : float
        -30 to 30 dB.
    gate_db : float or None
        What lies this much below the recording's loud parts is silenced, -80 to -10 dB; None silences nothing.
    keep_unvoiced : float
        How far the recording's own noise takes the instrument's place where there is no pitch, 0 to 1.
    seed : int
        Of the noise.
    full_band : bool
        Whether an instrument with a top sings up to 24 kHz, at a sample rate of 48 kHz; if not, up to 8 kHz.
    z_from : str
        For instruments that listen to timbre, whose it is: the ``recording``'s, an ``other`` one's, or the voice's
        ``mean``.
    z_recording : str
        What the other recording is called.
    z_shift : tuple[float, ...]
        How far timbre is moved along the voice's first principal directions, in standard deviations.
    pull : float
        How far timbre is drawn, frame by frame, to the nearest that the voice was trained on, 0 to 1.
    """

    show_full_output: bool = _setting(False, "full output", heard=False)
    use_statistics: bool = _setting(False, "loudness statistics")
    mask_threshold: float = _setting(1.0, "mask threshold")
    attenuation_db: float = _setting(20.0, "attenuation", unit="dB")
    autotune: float = _setting(0.0, "autotune")
    octave_shift: int = _setting(0, "octave shift", signed=True)
    loudness_shift_db: float = _setting(0.0, "loudness shift", unit="dB", signed=True)
    gate_db: float | None = _setting(None, "noise gate", unit="dB", quiet=True)
    keep_unvoiced: float = _setting(0.0, "consonant and breath share", quiet=True)
    seed: int = _setting(0, "noise seed", quiet=True)
    full_band: bool = _setting(True, "full band", quiet=True)
    transpose: float = _setting(0.0, "transposition", unit="semitones", signed=True, quiet=True)
    scale: str = _setting(CHROMATIC, "scale", quiet=True)
    autotune_speed_ms: float = _setting(0.0, "autotune speed", unit="ms", quiet=True)
    tuning_hz: float = _setting(0.0, "tuning", unit="Hz", quiet=True)
    formant_shift: float = _setting(0.0, "formant shift", unit="semitones", signed=True, quiet=True)
    breath_db: float = _setting(0.0, "breath", unit="dB", signed=True, quiet=True)
    z_from: str = "recording"
    z_recording: str = ""
    z_shift: tuple[float, ...] = ()
    pull: float = _setting(0.0, "pull towards the voice", quiet=True)

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is None and name in _CAN_BE_OFF:
                continue
            whole = isinstance(low, int)
            fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
            if not fits or not low <= value <= high:
                label, kind = words(name).label, "a whole number" if whole else "a number"
                raise SettingsError(f"The {label} is {value!r}; it must be {kind} from {low:g} to {high:g}.")
        for name in ("show_full_output", "use_statistics", "full_band"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise SettingsError(f"The setting {words(name).label} is {value!r}; it must be true or false.")
        self._check_tuning()
        self._check_z()

    def _check_tuning(self) -> None:
        object.__setattr__(self, "scale", Scale.parse(self.scale).name)
        low, high = TUNING_RANGE_HZ
        number = isinstance(self.tuning_hz, int | float) and not isinstance(self.tuning_hz, bool)
        if not number or not (self.tuning_hz == 0 or low <= self.tuning_hz <= high):
            raise SettingsError(
                f"The tuning is {self.tuning_hz!r:.60}; it must be {low:g} to {high:g} Hz for A4, or 0 for the "
                "recording's own."
            )

    def _check_z(self) -> None:
        if self.z_from not in Z_SOURCES:
            raise SettingsError(f"The timbre source is {self.z_from!r:.60}; it must be {', '.join(Z_SOURCES)}.")
        if not isinstance(self.z_recording, str) or len(self.z_recording) > 300:
            raise SettingsError("The name of the recording for the timbre can have at most 300 characters.")
        try:
            shifts = [float(shift) for shift in self.z_shift]
        except (TypeError, ValueError):
            raise SettingsError("The timbre's shift must be a list of numbers.") from None
        if len(shifts) > MAX_Z_SHIFTS or not all(abs(shift) <= MAX_Z_SHIFT for shift in shifts):
            raise SettingsError(
                f"The timbre can be shifted in up to {MAX_Z_SHIFTS} directions, by up to {MAX_Z_SHIFT:g} standard "
                "deviations."
            )
        while shifts and shifts[-1] == 0.0:
            shifts.pop()
        object.__setattr__(self, "z_shift", tuple(shifts))

    @property
    def timbre(self) -> str:
        """Whose timbre, and how far it is moved, as ``the voice's mean, 1: +1.5``; "" where nothing was asked."""
        said = {
            "recording": "",
            "mean": "the voice's average",
            "other": f"from {self.z_recording or 'another recording'}",
        }
        moved = [f"{number}: {shift:+g}".replace("-", "−") for number, shift in enumerate(self.z_shift, 1) if shift]
        return ", ".join(filter(None, [said[self.z_from], *moved]))

    def without_z(self) -> "Settings":
        """The settings for an instrument that does not listen to timbre."""
        return replace(self, z_from="recording", z_recording="", z_shift=(), pull=0.0)

    def disabled(self) -> dict[str, str]:
        """The settings that do nothing as the others stand, each with the reason."""
        reasons = {}
        if self.autotune == 0:
            reasons = dict.fromkeys(("scale", "autotune_speed_ms", "tuning_hz"), "Needs autotune. Turn it up.")
        if not self.use_statistics:
            reasons["attenuation_db"] = "Needs loudness statistics. Turn them on."
            if self.autotune == 0:
                reasons["mask_threshold"] = "Needs loudness statistics or autotune. Turn one of them on."
        return reasons

    def changed_since(self, previous: "Settings") -> tuple[str, ...]:
        """The names of the settings that differ from `previous`."""
        return tuple(one.name for one in fields(self) if getattr(self, one.name) != getattr(previous, one.name))

    def to_json(self) -> dict:
        """A plain dictionary."""
        return asdict(self) | {"z_shift": list(self.z_shift)}

    @classmethod
    def from_json(cls, data: Mapping) -> "Settings":
        """Settings from a recipe or a take; unknown entries are ignored, bad values raise `SettingsError`."""
        if not isinstance(data, Mapping):
            raise SettingsError("The settings can't be read: they must be pairs of names and values.")
        return cls(**{one.name: data[one.name] for one in fields(cls) if one.name in data})


_WORDS = {one.name: one.metadata["words"] for one in fields(Settings) if "words" in one.metadata}
_WORDS["timbre"] = Words("timbre", quiet=True)


def words(name: str) -> Words:
    """How one of `SHOWN` is written for people."""
    return _WORDS[name]


def shown(settings: "Settings") -> tuple[str, ...]:
    """Those of `SHOWN` that a list of these settings has: all but what nobody set that is not `ALWAYS_SHOWN`."""
    default = Settings()
    return tuple(name for name in SHOWN if name in ALWAYS_SHOWN or getattr(settings, name) != getattr(default, name))


def text(name: str, value: Any) -> str:
    """A setting's value for people; ``of the recording`` where nothing was asked about timbre or tuning."""
    if name == "scale":
        return Scale.parse(value).title
    if name == "tuning_hz" and not value:
        return "of the recording"
    return "of the recording" if name == "timbre" and not value else words(name).text(value)
