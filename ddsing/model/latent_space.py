"""Where the z of a voice lies: its mean, its spread, and the directions in which it varies most.

Directions are principal components, the strongest first, each with its standard deviation as its unit: ``+1`` along a
direction is as far from the mean as a third of what the voice does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ddsing.errors import InstrumentError

MAX_DIRECTIONS = 8
MAX_DIMENSIONS = 1024
_LIMIT = 1e6


@dataclass(frozen=True, eq=False)
class LatentSpace:
    """The z of a voice, in numbers.

    Attributes
    ----------
    mean, std : np.ndarray [shape=(z_dims,), float64]
        Over the frames that sound.
    directions : np.ndarray [shape=(n_directions, z_dims), float64]
        Of length 1, at right angles, the strongest first.
    scales : np.ndarray [shape=(n_directions,), float64]
        Standard deviation along each.
    explained : np.ndarray [shape=(n_directions,), float64]
        Share of the whole variance.
    """

    mean: np.ndarray
    std: np.ndarray
    directions: np.ndarray
    scales: np.ndarray
    explained: np.ndarray

    def __post_init__(self) -> None:
        arrays = {name: np.array(value, np.float64) for name, value in vars(self).items()}
        (n_dims,), (n_directions, width) = arrays["mean"].shape, arrays["directions"].shape
        right = {"mean": (n_dims,), "std": (n_dims,), "directions": (n_directions, n_dims)}
        right |= {"scales": (n_directions,), "explained": (n_directions,)}
        if width != n_dims or any(arrays[name].shape != shape for name, shape in right.items()):
            raise InstrumentError("The latent space's mean, spread and directions don't fit each other.")
        if not 1 <= n_dims <= MAX_DIMENSIONS or n_directions > MAX_DIRECTIONS:
            raise InstrumentError(
                f"A latent space has up to {MAX_DIRECTIONS} directions of {MAX_DIMENSIONS} dimensions."
            )
        for name, array in arrays.items():
            if not (np.isfinite(array).all() and (np.abs(array) <= _LIMIT).all()):
                raise InstrumentError(f"The latent space's {name} contains NaN, infinite or far too large values.")
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def n_directions(self) -> int:
        """How many directions are known."""
        return len(self.scales)

    def offset(self, shifts: Sequence[float]) -> np.ndarray:
        """How far z moves [shape=(z_dims,), float32] with some standard deviations along the first directions."""
        amounts = np.asarray(shifts, np.float64)[: self.n_directions]
        return ((amounts * self.scales[: len(amounts)]) @ self.directions[: len(amounts)]).astype(np.float32)

    def project(self, z: np.ndarray) -> np.ndarray:
        """Where z lies along the directions, in standard deviations.

        Parameters
        ----------
        z : np.ndarray [shape=(n, z_dims)]

        Returns
        -------
        np.ndarray [shape=(n, n_directions), float64]
        """
        return (np.asarray(z, np.float64) - self.mean) @ self.directions.T / np.maximum(self.scales, 1e-12)

    def to_json(self) -> dict:
        """Plain values, for an instrument's manifest."""
        return {name: np.round(getattr(self, name), 7).tolist() for name in _NAMES}

    @classmethod
    def from_json(cls, data: object) -> "LatentSpace":
        """What `to_json` gave; anything else raises `InstrumentError`."""
        if not isinstance(data, Mapping) or set(data) != set(_NAMES):
            raise InstrumentError(f"The latent space must contain {', '.join(_NAMES)} and nothing else.")
        try:
            arrays = {name: np.array(data[name], np.float64) for name in _NAMES}
            return cls(**arrays)
        except (TypeError, ValueError, OverflowError):
            raise InstrumentError("The latent space can't be read: it must contain lists of numbers.") from None


_NAMES = ("mean", "std", "directions", "scales", "explained")


def measure(z: np.ndarray, *, n_directions: int = MAX_DIRECTIONS) -> LatentSpace:
    """The latent space of some z.

    Parameters
    ----------
    z : np.ndarray [shape=(n, z_dims)]
        At least one.
    """
    z = np.asarray(z, np.float64)
    mean = z.mean(axis=0)
    _, singular, directions = np.linalg.svd(z - mean, full_matrices=False)
    kept = min(n_directions, len(singular))
    directions = directions[:kept]
    largest = directions[np.arange(kept), np.abs(directions).argmax(axis=1)]
    variances = singular**2 / len(z)
    total = variances.sum()
    return LatentSpace(
        mean=mean,
        std=z.std(axis=0),
        directions=directions * np.where(largest < 0, -1.0, 1.0)[:, None],  # a direction's sign is nobody's choice
        scales=np.sqrt(variances[:kept]),
        explained=variances[:kept] / total if total > 0 else np.zeros(kept),
    )
