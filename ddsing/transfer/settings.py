"""What a musician sets before a transfer, with the ranges and meaning of the original notebooks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from ddsing.errors import SettingsError

RANGES = {
    "mask_threshold": (0.0, 2.0),
    "attenuation_db": (0.0, 50.0),
    "autotune": (0.0, 1.0),
    "octave_shift": (-3, 3),
    "loudness_shift_db": (-30.0, 30.0),
    "seed": (0, 2**63 - 1),
}
Z_SOURCES = ("recording", "other", "mean")
MAX_Z_SHIFTS = 8
MAX_Z_SHIFT = 6.0  # standard deviations


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
        How far f0 is drawn to the semitones, 0 to 1.
    octave_shift : int
        -3 to 3.
    loudness_shift_db : float
        -30 to 30 dB.
    seed : int
        Of the noise.
    z_from : str
        For instruments that listen to timbre, whose it is: the ``recording``'s, an ``other`` one's, or the voice's
        ``mean``.
    z_recording : str
        What the other recording is called.
    z_shift : tuple[float, ...]
        How far timbre is moved along the voice's first principal directions, in standard deviations.
    """

    show_full_output: bool = False
    use_statistics: bool = False
    mask_threshold: float = 1.0
    attenuation_db: float = 20.0
    autotune: float = 0.0
    octave_shift: int = 0
    loudness_shift_db: float = 0.0
    seed: int = 0
    z_from: str = "recording"
    z_recording: str = ""
    z_shift: tuple[float, ...] = ()

    def __post_init__(self):
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            whole = isinstance(low, int)
            fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
            if not fits or not low <= value <= high:
                kind = "a whole number" if whole else "a number"
                raise SettingsError(f"The {_said(name)} is {value!r}; it must be {kind} from {low:g} to {high:g}.")
        for name in ("show_full_output", "use_statistics"):
            if not isinstance(getattr(self, name), bool):
                raise SettingsError(f"The setting {_said(name)} is {getattr(self, name)!r}; it must be true or false.")
        self._check_z()

    def _check_z(self):
        if self.z_from not in Z_SOURCES:
            raise SettingsError(f"The timbre is to come from {self.z_from!r:.60}; it must be {', '.join(Z_SOURCES)}.")
        if not isinstance(self.z_recording, str) or len(self.z_recording) > 300:
            raise SettingsError("The recording that the timbre comes from must be named in at most 300 characters.")
        try:
            shifts = [float(shift) for shift in self.z_shift]
        except (TypeError, ValueError):
            raise SettingsError("The timbre's shift must be a list of numbers.") from None
        if len(shifts) > MAX_Z_SHIFTS or not all(abs(shift) <= MAX_Z_SHIFT for shift in shifts):
            raise SettingsError(
                f"The timbre is moved in up to {MAX_Z_SHIFTS} directions, by up to {MAX_Z_SHIFT:g} standard deviations."
            )
        while shifts and shifts[-1] == 0.0:
            shifts.pop()
        object.__setattr__(self, "z_shift", tuple(shifts))

    @property
    def timbre(self) -> str:
        """Whose timbre, and how far it is moved, as ``the voice's mean, 1: +1.5``; "" where nothing was asked."""
        said = {"recording": "", "mean": "the voice's mean", "other": f"from {self.z_recording or 'another recording'}"}
        moved = [f"{number}: {shift:+g}".replace("-", "−") for number, shift in enumerate(self.z_shift, 1) if shift]
        return ", ".join(filter(None, [said[self.z_from], *moved]))

    def without_z(self) -> "Settings":
        """The settings for an instrument that does not listen to timbre."""
        return replace(self, z_from="recording", z_recording="", z_shift=())

    def disabled(self) -> dict[str, str]:
        """The settings that do nothing as the others stand, each with the reason."""
        reasons = {}
        if not self.use_statistics:
            reasons["attenuation_db"] = "Works together with loudness statistics; turn them on."
            if self.autotune == 0:
                reasons["mask_threshold"] = "Works together with loudness statistics or autotune; turn one on."
        return reasons

    def changed_since(self, previous: "Settings") -> tuple[str, ...]:
        """The names of the settings that differ from `previous`."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) != getattr(previous, field.name))

    def to_json(self) -> dict:
        """A plain dictionary."""
        return asdict(self) | {"z_shift": list(self.z_shift)}

    @classmethod
    def from_json(cls, data: Mapping) -> "Settings":
        """Settings from a recipe or a take; unknown entries are ignored, bad values raise `SettingsError`."""
        if not isinstance(data, Mapping):
            raise SettingsError("The settings can't be read: they must be a list of names and values.")
        return cls(**{field.name: data[field.name] for field in fields(cls) if field.name in data})


def _said(name):
    return name.removesuffix("_db").replace("_", " ")
