"""An instrument's *top*: what it sounds like above 8 kHz, where its model of 16 kHz ends.

A top is a small log-linear model: from what the instrument is given and what its decoder makes of it, frame by frame
(`ddsing.engine.top.inputs`), to the power density in the bands of `ddsing.sound.bands`, and the share of it that is
harmonic, up to 12 kHz.

Public: `Top`, `check_about`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np

from ddsing.errors import InstrumentError

VERSION = 1  # of the meaning of the inputs and the bands
N_INPUTS = 14
MAX_BANDS = 64
MAX_BYTES = 256 * 2**10
_MAX_LOG = 100.0  # of a power density, natural logarithm


def shapes(n_bands: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array of a top."""
    found: dict[str, tuple[int, ...]] = {"kernel": (N_INPUTS, n_bands)}
    found |= dict.fromkeys(("centre", "scale", "low", "high"), (N_INPUTS,))
    return found | dict.fromkeys(("bias", "least", "most", "harmonic_share"), (n_bands,))


@dataclass(frozen=True, eq=False)
class Top:
    """What an instrument sounds like above 8 kHz.

    Attributes
    ----------
    centre, scale : np.ndarray [shape=(N_INPUTS,), float32]
        By which inputs are normalised.
    low, high : np.ndarray [shape=(N_INPUTS,), float32]
        What inputs are limited to: the range that it was made from.
    kernel : np.ndarray [shape=(N_INPUTS, n_bands), float32]
    bias : np.ndarray [shape=(n_bands,), float32]
        With the normalised inputs: the natural logarithm of the power density in each band, full scale² per Hz.
    least, most : np.ndarray [shape=(n_bands,), float32]
        What that logarithm is limited to.
    harmonic_share : np.ndarray [shape=(n_bands,), float32]
        0 to 1: how much of the power is harmonic where the voice is.
    minutes : float
        Of recordings that it was made from.
    """

    centre: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray
    least: np.ndarray
    most: np.ndarray
    harmonic_share: np.ndarray
    minutes: float = 0.0

    def __post_init__(self) -> None:
        n_bands = len(np.atleast_1d(self.bias))
        if not 4 <= n_bands <= MAX_BANDS:
            raise InstrumentError(f"The instrument's top has {n_bands} bands; ddsing plays tops with 4 to {MAX_BANDS}.")
        if not isinstance(self.minutes, int | float) or not 0.0 <= self.minutes <= 1e6:
            raise InstrumentError("The instrument's top must say how many minutes it was made from.")
        for name, shape in shapes(n_bands).items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), shape))
        if not (self.scale > 0).all() or not (self.low <= self.high).all() or not (self.least <= self.most).all():
            raise InstrumentError("The instrument's top has limits that contradict each other. Make it again.")
        if np.abs(self.most).max() > _MAX_LOG or not ((self.harmonic_share >= 0) & (self.harmonic_share <= 1)).all():
            raise InstrumentError("The instrument's top has levels or shares that no sound has. Make it again.")

    @property
    def n_bands(self) -> int:
        """How many bands it has."""
        return len(self.bias)

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """Its arrays by name."""
        return MappingProxyType({name: getattr(self, name) for name in sorted(shapes(self.n_bands))})

    def to_json(self) -> dict:
        """What a manifest says of it."""
        return {"version": VERSION, "n_bands": self.n_bands, "minutes": round(float(self.minutes), 3)}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], about: Mapping) -> "Top":
        """The top of a file: its arrays, and what the manifest says; anything wrong raises `InstrumentError`."""
        known = {field.name for field in fields(cls)} - {"minutes"}
        if set(arrays) != known:
            wrong = sorted(set(arrays) ^ known)[0]
            raise InstrumentError(f"The instrument's top has missing or unknown arrays, such as {ascii(wrong)[:40]}.")
        made = cls(**arrays, minutes=about["minutes"])
        if made.n_bands != about["n_bands"]:
            raise InstrumentError(f"The instrument's top has {made.n_bands} bands, its manifest says otherwise.")
        return made


def check_about(about: object) -> dict:
    """What a manifest says of a top, where it can be so; else `InstrumentError`."""
    if not isinstance(about, dict) or set(about) != {"version", "n_bands", "minutes"}:
        raise InstrumentError("The instrument's manifest entry top must have version, n_bands and minutes.")
    if about["version"] != VERSION or type(about["version"]) is not int:
        raise InstrumentError(
            f"The instrument's top has version {about['version']!r:.20}; this ddsing plays version {VERSION}. "
            "Update ddsing."
        )
    if type(about["n_bands"]) is not int or type(about["minutes"]) not in (int, float):
        raise InstrumentError("The instrument's manifest entry top must hold numbers.")
    return about


def _checked(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(array)
    if array.shape != shape or array.dtype.kind != "f":
        raise InstrumentError(
            f"The instrument's top {name} is {array.dtype} of shape {array.shape}; it must be float32 of {shape}."
        )
    array = np.ascontiguousarray(array, "<f4").view()
    if not np.isfinite(array).all():
        raise InstrumentError(f"The instrument's top {name} contains NaN or infinite values. Make it again.")
    array.flags.writeable = False
    return array
