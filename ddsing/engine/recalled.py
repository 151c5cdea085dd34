"""Controls that were decoded once, kept for whatever is changed in them or in the sound afterwards.

A noise gate, consonants, a formant shift, an edit or another seed touch what a network gives and not what it is given:
the next rendering recalls the controls and runs no network.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from ddsing.engine.changed import Around
from ddsing.engine.render import Renderable

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ddsing.engine.decoder import Controls

Frames = tuple[int, int]


class Recalled:
    """Controls by what they depend on; bounded, safe for threads. What was not used for longest gives way.

    Parameters
    ----------
    max_bytes : int
        0 keeps nothing. Of what is longer, the beginning is kept.
    """

    def __init__(self, max_bytes: int = 0):
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._kept: OrderedDict[Hashable, dict[Frames, tuple[Controls, Any]]] = OrderedDict()
        self._lock = Lock()

    def of(self, part: Renderable[Any], key: Hashable) -> Renderable[Any]:
        """`part`, whose controls are decoded once for all that have its key."""
        return _Recalling(part, self, key) if self._max_bytes else part

    def knows(self, key: Hashable) -> bool:
        """Whether controls are kept, from the beginning on."""
        with self._lock:
            return bool(self._kept.get(key))

    def get(self, key: Hashable, frames: slice) -> tuple[Controls, Any] | None:
        """The controls of some frames and the state after them, if they are kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key, {}).get((frames.start, frames.stop))

    def put(self, key: Hashable, frames: slice, controls: Controls, state: Any) -> None:
        """Keep the controls of some frames, if there is room; nobody may change them from now on."""
        n_bytes = _n_bytes(controls)
        for values in controls.values():
            values.flags.writeable = False
        with self._lock:
            blocks = self._kept.setdefault(key, {})
            self._kept.move_to_end(key)
            while self._n_bytes + n_bytes > self._max_bytes and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._n_bytes -= sum(_n_bytes(old) for old, _ in gone.values())
            at = frames.start, frames.stop
            if at not in blocks and self._n_bytes + n_bytes <= self._max_bytes:
                blocks[at] = controls, state
                self._n_bytes += n_bytes


def _n_bytes(controls: Controls) -> int:
    return sum(values.nbytes for values in controls.values())


@dataclass(frozen=True, eq=False)
class _Recalling(Around):
    """What is rendered, recalled as far as it is kept."""

    kept: Recalled
    key: Hashable

    def hear(self, frames: slice) -> Any:
        """What the part can be given of the frames; nothing where it need not decode them."""
        return None if self.kept.get(self.key, frames) is not None else super().hear(frames)

    def decode(self, frames: slice, state: Any, heard: Any = None) -> tuple[Controls, Any]:
        """Controls of consecutive frames, and the state after them."""
        found = self.kept.get(self.key, frames)
        if found is None:
            found = super().decode(frames, state, heard)
            self.kept.put(self.key, frames, *found)
        return found
