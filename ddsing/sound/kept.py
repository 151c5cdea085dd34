"""Arrays that were computed, kept in memory for the next who asks for the same: bounded by their bytes.

Public: `Kept`.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

import numpy as np


class Kept:
    """Arrays by key, safe for threads; those that were not used for longest give way.

    What is kept can't be written to: everyone who asks gets the same array.

    Parameters
    ----------
    max_bytes : int
        Of all together; what is larger by itself is not kept.
    """

    def __init__(self, max_bytes: int):
        self._max_bytes, self._n_bytes = max_bytes, 0
        self._arrays: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        """What is kept under a key, else what `make` gives; it is made outside the lock, so that others can go on."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        made = make()
        made.flags.writeable = False
        with self._lock:
            if key not in self._arrays and made.nbytes <= self._max_bytes:
                self._arrays[key] = made
                self._n_bytes += made.nbytes
                while self._n_bytes > self._max_bytes:
                    self._n_bytes -= self._arrays.popitem(last=False)[1].nbytes
        return made
