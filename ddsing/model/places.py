"""The places in z that a voice was trained on: some hundred centres of its dataset's z, and the pull towards them.

A recording of another singer brings a z of its own, part of which is that singer. Pulled, each frame's z moves towards
the places nearest to it: the vowel stays, and what no frame of the voice ever had goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ddsing.errors import InstrumentError

MAX_PLACES = 1024
N_PLACES = 256
MAX_BYTES = 8 * 2**20  # in an instrument's file
_FRAMES_PER_PLACE = 4  # fewer frames make fewer places
_NEAREST = 8  # places that a frame is drawn to
_SHARPNESS = 8.0  # at a place, the next one weighs e to the minus this
_BLOCK = 2048  # frames at a time
_LIMIT = 1e6
_NAME = "places"


@dataclass(frozen=True, eq=False)
class Places:
    """Where a voice has been.

    Attributes
    ----------
    centres : np.ndarray [shape=(n_places, z_dims), float32]
    """

    centres: np.ndarray

    def __post_init__(self) -> None:
        centres = np.array(self.centres, np.float32, order="C")
        if centres.ndim != 2 or not 1 <= len(centres) <= MAX_PLACES or not 1 <= centres.shape[1] <= MAX_PLACES:
            raise InstrumentError(f"The instrument's timbre must be 1 to {MAX_PLACES} places of z.")
        if not np.isfinite(centres).all() or np.abs(centres).max() > _LIMIT:
            raise InstrumentError("The instrument's timbre contains NaN, infinite or far too large values.")
        centres.flags.writeable = False
        object.__setattr__(self, "centres", centres)

    @property
    def z_dims(self) -> int:
        """How many numbers z has."""
        return self.centres.shape[1]

    def arrays(self) -> dict[str, np.ndarray]:
        """For an instrument's file."""
        return {_NAME: self.centres}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> "Places":
        """What `arrays` gave; anything else raises `InstrumentError`."""
        if set(arrays) != {_NAME}:
            raise InstrumentError("The instrument's timbre must be one array of places and nothing else.")
        return cls(arrays[_NAME])

    @cached_property
    def _spread(self) -> np.ndarray:
        """What counts as one in each dimension."""
        return np.maximum(self.centres.std(axis=0), 1e-6)

    @cached_property
    def _reach(self) -> float:
        """How far it typically is from a place to the next, squared."""
        scaled = self.centres / self._spread
        if len(scaled) == 1:
            return 1.0
        distances = _distances(scaled, scaled)
        np.fill_diagonal(distances, np.inf)
        return max(float(np.median(distances.min(axis=1))), 1e-6)

    def pulled(self, z: np.ndarray, share: float) -> np.ndarray:
        """Z moved towards its nearest places, by a share of the way.

        Near a place it is that place, between places a mean of them, so that z moves without jumps.

        Parameters
        ----------
        z : np.ndarray [shape=(n_frames, z_dims), float32]
        share : float
            0 leaves it, bit for bit; 1 goes all the way.
        """
        if share == 0.0:
            return z
        pieces = [self._nearest(z[start : start + _BLOCK]) for start in range(0, len(z), _BLOCK)]
        return (z + np.float32(share) * (np.concatenate(pieces) - z)).astype(np.float32)

    def _nearest(self, z: np.ndarray) -> np.ndarray:
        distances = _distances(z / self._spread, self.centres / self._spread)
        n = min(_NEAREST, len(self.centres))
        chosen = np.argpartition(distances, n - 1, axis=1)[:, :n]
        near = np.take_along_axis(distances, chosen, axis=1)
        weight = np.exp(_SHARPNESS * (near.min(axis=1, keepdims=True) - near) / self._reach)
        weight /= weight.sum(axis=1, keepdims=True)
        return np.einsum("fn,fnd->fd", weight, self.centres[chosen])


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Squared, [n_first, n_second]."""
    products = first @ second.T
    return np.maximum((first**2).sum(axis=1)[:, None] - 2.0 * products + (second**2).sum(axis=1), 0.0)


def measure(z: np.ndarray, *, n_places: int = N_PLACES) -> Places:
    """The places of some z: k-means, the same each time.

    Parameters
    ----------
    z : np.ndarray [shape=(n, z_dims)]
        At least one.
    """
    from scipy.cluster.vq import kmeans2

    z = np.asarray(z, np.float64)
    n = min(n_places, max(1, len(z) // _FRAMES_PER_PLACE))
    spread = np.maximum(z.std(axis=0), 1e-6)
    centres, labels = kmeans2(z / spread, n, iter=20, minit="++", seed=0)
    return Places(centres[np.unique(labels)] * spread)  # without those that nothing is near to
