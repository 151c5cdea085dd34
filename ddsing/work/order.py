"""What a page asks for, as data: nothing in it belongs to the process or the tab that asks.

Public: `Order`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ddsing.jobs.time_left import Part
from ddsing.sound.recording import Recording


@dataclass(frozen=True, eq=False)
class Order:
    """Work that somebody has asked for.

    Attributes
    ----------
    kind : str
        One of `ddsing.work.kinds.KINDS`.
    label : str
        What is done, for people, as markdown.
    options : Mapping
        What that kind of work needs to know; JSON can hold it.
    sound : Recording or None
        The recording that it is about, decoded.
    parts : Sequence of Part
        The stages that take their time, see `ddsing.jobs.time_left`.
    """

    kind: str
    label: str
    options: Mapping[str, Any]
    sound: Recording | None = None
    parts: Sequence[Part] = field(default=())

    @property
    def expected_s(self) -> float:
        """Seconds that it will probably take."""
        return sum(part.expected_s for part in self.parts)
