"""Presets of how the page Play is played: a style with its numbers, breath and timbre under a name.

They are kept as those of a transfer are, in a folder of their own, and one can be the default of an instrument.

Public: `PlayPreset`, `PlayPresets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ddsing.errors import DdsingError
from ddsing.play.style import CONTROLS, STYLES, VOICE, Style
from ddsing.transfer.presets import PresetError, Store, clean_name, refuse_unknown
from ddsing.workspace import Workspace

FOLDER = "play"  # below the workspace's presets
MAX_BREATH_DB, MAX_TIMBRE = 24.0, 3.0
_MAX_DIRECTIONS, _MAX_STYLE_NAME = 2, 100


@dataclass(frozen=True)
class PlayPreset:
    """How it is played, under a name.

    Attributes
    ----------
    name : str
        Up to 80 characters on one line.
    style : Style
    style_name : str
        What it began as: one of `STYLES`, or ``voice:`` and a name.
    breath_db : float
        By which the noise is louder than the instrument's own.
    timbre : tuple[float, ...]
        Standard deviations from the mean timbre, along its first directions.
    default_for : tuple[str, ...]
        Names of the instruments whose default it is.
    """

    FORMAT: ClassVar[str] = "ddsing play presets"
    ENTRIES: ClassVar[tuple[str, ...]] = ("name", "style_name", "style", "breath_db", "timbre")

    name: str
    style: Style = STYLES["classical"]
    style_name: str = "classical"
    breath_db: float = 0.0
    timbre: tuple[float, ...] = ()
    default_for: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", clean_name(self.name))
        known = self.style_name in STYLES or self.style_name.startswith(VOICE)
        if not known or len(self.style_name) > _MAX_STYLE_NAME:
            raise PresetError(f"The style is {self.style_name!r:.60}; it must be {', '.join(STYLES)} or a voice's own.")
        if not abs(self.breath_db) <= MAX_BREATH_DB:
            raise PresetError(f"The breath is {self.breath_db:g} dB; it must be within {MAX_BREATH_DB:g} dB of 0.")
        if len(self.timbre) > _MAX_DIRECTIONS or not all(abs(share) <= MAX_TIMBRE for share in self.timbre):
            raise PresetError(
                f"The timbre must be up to {_MAX_DIRECTIONS} numbers from -{MAX_TIMBRE:g} to {MAX_TIMBRE:g}."
            )

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary, as files have it."""
        return {
            "name": self.name,
            "style_name": self.style_name,
            "style": self.style.to_json(),
            "breath_db": self.breath_db,
            "timbre": list(self.timbre),
        }

    @classmethod
    def from_json(cls, data: object) -> PlayPreset:
        """What `to_json` has written, perhaps by somebody else; `DdsingError` for anything that can't be meant."""
        if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
            raise PresetError("A preset must have a name.")
        refuse_unknown("A preset", data, cls.ENTRIES)
        style = data.get("style", {})
        if isinstance(style, Mapping):
            refuse_unknown(f"The style of the preset {data['name'][:80]!r}", style, tuple(CONTROLS))
        try:
            breath_db, timbre = float(data.get("breath_db", 0.0)), tuple(map(float, data.get("timbre", ())))
            return cls(
                data["name"], Style.from_json(style), str(data.get("style_name", "classical")), breath_db, timbre
            )
        except (TypeError, ValueError) as error:
            if isinstance(error, DdsingError):
                raise
            raise PresetError(f"The preset {data['name'][:80]!r} has a number that is none.") from None


class PlayPresets(Store[PlayPreset]):
    """The presets of the page Play in a workspace."""

    def __init__(self, workspace: Workspace):
        super().__init__(workspace.presets / FOLDER, PlayPreset)
