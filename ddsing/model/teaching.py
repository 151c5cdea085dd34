"""How a model is taught beyond ddsp's own way; all of it is off unless its macro in gin says otherwise.

The model and the loss that is reported stay as they are: what is said here has no part in an instrument.
"""

from dataclasses import dataclass, fields

from ddsing.errors import SettingsError

LIMITS = {
    "loss_mel": (0.0, 1.0),
    "loss_random": (0.0, 1.0),
    "loudness_augmentation_db": (0.0, 20.0),
    "z_noise": (0.0, 2.0),
    "z_dropout": (0.0, 0.9),
    "room_ms": (0.0, 500.0),
}
OF_Z = ("z_noise", "z_dropout")  # which mean something only to models with z


@dataclass(frozen=True)
class Teaching:
    """The macros of ``gin/optimization/base.gin`` that only ddsing makes use of.

    Attributes
    ----------
    loss_mel : float
        The share, 0 to 1, of a distance of mel spectra in what is learnt by; the rest is ddsp's spectral loss.
    loss_random : float
        The share, 0 to 1, of spectra at resolutions that are drawn anew for each step; with `loss_mel` at most 1.
    loudness_augmentation_db : float
        By how much, at most, each window is made louder or softer, recording and loudness together.
    z_noise : float
        How much noise z is given while it is learnt, in standard deviations of z.
    z_dropout : float
        How likely each number of z is left out of a window while it is learnt, 0 to 0.9; the others are raised for it.
    room_ms : float
        How long the room of the recordings is that is learnt beside the voice, and left out when it sings.
    """

    loss_mel: float = 0.0
    loss_random: float = 0.0
    loudness_augmentation_db: float = 0.0
    z_noise: float = 0.0
    z_dropout: float = 0.0
    room_ms: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise SettingsError(f"The training's {name} is {value!r}; it must be {low:g} to {high:g}.")
        if self.loss_mel + self.loss_random > 1.0:
            raise SettingsError(
                f"The training's loss_mel and loss_random are {self.loss_mel:g} and {self.loss_random:g}; together "
                "they must be at most 1."
            )

    def said(self) -> dict[str, float]:
        """What is not off."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name)}
