"""Between instruments: which, and with what weights at what time.

A morph has two to four instruments and one or more points ``(time_s, weights)``. Weights are shares: they are scaled
to a sum of 1, run linearly from point to point, and hold before the first and after the last. One point is a fixed
mixture. What is mixed, and on which scale, is told in `ddsing.engine.morph`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ddsing.constants import FRAME_RATE
from ddsing.errors import SettingsError

MIN_INSTRUMENTS, MAX_INSTRUMENTS = 2, 4
MAX_POINTS = 12  # a recipe must fit into a file's metadata


@dataclass(frozen=True)
class Morph:
    """A mixture of instruments, fixed or over time.

    Attributes
    ----------
    names, digests : tuple[str, ...]
        Of the instruments; a digest may be "" where it is not known.
    points : tuple[tuple[float, tuple[float, ...]], ...]
        (time in seconds, a weight per instrument), ascending in time; the weights of a point add up to 1.
    """

    names: tuple[str, ...]
    digests: tuple[str, ...]
    points: tuple[tuple[float, tuple[float, ...]], ...]

    def __post_init__(self) -> None:
        n = len(self.names)
        if not MIN_INSTRUMENTS <= n <= MAX_INSTRUMENTS:
            raise SettingsError(f"A morph needs {MIN_INSTRUMENTS} to {MAX_INSTRUMENTS} instruments; this one has {n}.")
        if len(self.digests) != n or not all(isinstance(text, str) for text in (*self.names, *self.digests)):
            raise SettingsError("The morph's instruments can't be read: each needs a name and a digest.")
        if not 1 <= len(self.points) <= MAX_POINTS:
            raise SettingsError(f"A morph has 1 to {MAX_POINTS} points in time; this one has {len(self.points)}.")
        scaled = tuple(sorted((_time(time_s), _shares(weights, n)) for time_s, weights in self.points))
        for (earlier_s, _), (later_s, _) in zip(scaled, scaled[1:]):
            if earlier_s == later_s:
                raise SettingsError(f"Two of the morph's points are at {earlier_s:g} s; give each its own time.")
        object.__setattr__(self, "points", scaled)

    @property
    def fixed(self) -> bool:
        """Whether the weights stay the same throughout."""
        return len({weights for _, weights in self.points}) == 1

    def weights(self, n_frames: int) -> np.ndarray:
        """The weights of every frame [shape=(n_frames, n_instruments), float64]; each row adds up to 1."""
        times_s = np.arange(n_frames) / FRAME_RATE
        at_s = [time_s for time_s, _ in self.points]
        columns = np.array([weights for _, weights in self.points])
        weights = np.stack([np.interp(times_s, at_s, column) for column in columns.T], axis=1)
        weights[weights > 1.0 - 1e-9] = 1.0  # a pure instrument is exactly that
        weights[(weights == 1.0).any(axis=1)[:, None] & (weights != 1.0)] = 0.0
        return weights

    def said(self) -> str:
        """For people: ``60 % Aria, 40 % Cello`` or ``Aria at 0 s → Cello at 8 s``."""
        if self.fixed:
            return self._mixture(self.points[0][1])
        return " → ".join(f"{self._mixture(weights)} at {time_s:g} s" for time_s, weights in self.points)

    def _mixture(self, weights: Sequence[float]) -> str:
        heard = [(share, name) for name, share in zip(self.names, weights) if share > 0]
        return heard[0][1] if len(heard) == 1 else ", ".join(f"{100 * share:.0f} % {name}" for share, name in heard)

    def to_json(self) -> dict:
        """A plain dictionary."""
        points = [[time_s, [round(weight, 6) for weight in weights]] for time_s, weights in self.points]
        return {"instruments": list(self.names), "digests": list(self.digests), "points": points}

    @classmethod
    def from_json(cls, data: Mapping) -> "Morph":
        """A morph from a recipe or a take; raises `SettingsError` for what is none."""
        try:
            points = tuple((time_s, tuple(weights)) for time_s, weights in data["points"])
            return cls(tuple(data["instruments"]), tuple(data["digests"]), points)
        except (KeyError, TypeError, ValueError):
            raise SettingsError("The morph can't be read: it must name instruments and weights.") from None


def parse(base: str, others: Sequence[str]) -> Morph:
    """A morph as the command line says it: ``NAME=SHARE``, or ``NAME=TIME:SHARE,TIME:SHARE``; `base` has the rest.

    ``parse("Aria", ["Cello=0:0,8:1"])`` goes from Aria to Cello in eight seconds.
    """
    curves = [_curve(text) for text in others]
    times_s = sorted({time_s for _, points in curves for time_s, _ in points})
    points = []
    for time_s in times_s:
        shares = [float(np.interp(time_s, [t for t, _ in curve], [w for _, w in curve])) for _, curve in curves]
        if sum(shares) > 1.0 + 1e-9:
            raise SettingsError(
                f"The morph's shares add up to {sum(shares):g} at {time_s:g} s; the total can be at most 1."
            )
        points.append((time_s, (max(0.0, 1.0 - sum(shares)), *shares)))
    names = (base, *(name for name, _ in curves))
    return Morph(names, ("",) * len(names), tuple(points))


def _curve(text: str) -> tuple[str, list[tuple[float, float]]]:
    name, equals, said = text.rpartition("=")
    try:
        pairs = [part.split(":") for part in said.split(",")]
        points = (
            [(0.0, float(pairs[0][0]))]
            if pairs[0][1:] == []
            else [(float(time), float(share)) for time, share in pairs]
        )
    except ValueError:
        points = []
    if not equals or not name or not points or (len(pairs) > 1 and len(pairs[0]) == 1):
        raise SettingsError(
            f"--morph is {text[:120]!r}; write NAME=SHARE, such as Cello=0.5, or NAME=TIME:SHARE,TIME:SHARE."
        )
    for _, share in points:
        if not 0.0 <= share <= 1.0:
            raise SettingsError(f"The morph's share of {name[:80]!r} is {share:g}; it must be 0 to 1.")
    return name, sorted(points)


def _time(time_s: Any) -> float:
    if isinstance(time_s, bool) or not isinstance(time_s, int | float) or not 0.0 <= time_s < 1e6:
        raise SettingsError(f"A point of the morph is at {time_s!r} s; it must be 0 s or later.")
    return float(time_s)


def _shares(weights: Iterable, n: int) -> tuple[float, ...]:
    values = tuple(weights)
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(values) != n or len(numbers) != n or not all(math.isfinite(value) and value >= 0 for value in numbers):
        raise SettingsError(f"A point of the morph has the weights {values!r}; it needs {n} numbers of 0 or more.")
    total = float(sum(numbers))
    if total <= 0:
        raise SettingsError("A point of the morph gives every instrument the weight 0; give at least one of them more.")
    return tuple(float(value) / total for value in numbers)
