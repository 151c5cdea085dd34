"""A morph's weights and settings as the address of the Experiments page has them.

Settings are one text, ``transpose:3.5;scale:C:major``, of those that are not as by default; octaves and statistics have
names of their own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ddsing.errors import SettingsError
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings

Points = tuple[tuple[float, tuple[float, ...]], ...]
PARAMETER = "weights"  # in the address: 60,40 or 0:100,0;8:0,100
MORE = "settings"  # in the address: transpose:3.5;scale:C:major
_OWN_NAMES = {"octave": "octave_shift", "statistics": "use_statistics"}
SETTINGS = (*_OWN_NAMES, MORE)
_FIELDS: dict[str, Any] = {
    one.name: one.default for one in fields(Settings) if not one.name.startswith("z_") and one.name != "pull"
}


def text(points: Points) -> str:
    """Points as the address has them, in per cent."""
    said = [",".join(f"{100 * share:.4g}" for share in shares) for _, shares in points]
    if len(points) == 1 and points[0][0] == 0:
        return said[0]
    return ";".join(f"{time_s:g}:{shares}" for (time_s, _), shares in zip(points, said))


def read(said: str, n: int) -> Points | None:
    """Points from the address; None for what is none, or is of another number of instruments."""
    try:
        parts = [part.rpartition(":") for part in said.split(";")]
        points = tuple(
            (float(time_s or 0), tuple(float(share) / 100 for share in shares.split(",")))
            for time_s, _, shares in parts
        )
        return Morph(("",) * n, ("",) * n, points).points
    except (ValueError, SettingsError):
        return None


def settings_query(settings: Settings) -> dict[str, str]:
    """What the address says of settings, under each name of `SETTINGS`; "" where they are as by default."""
    default, stand = Settings(), settings.without_z()
    values = {one: getattr(stand, one) for one in _FIELDS if getattr(stand, one) != getattr(default, one)}
    own = {name: _written(values.pop(one)) if one in values else "" for name, one in _OWN_NAMES.items()}
    return own | {MORE: ";".join(f"{one}:{_written(value)}" for one, value in values.items())}


def read_settings(said: Mapping[str, str]) -> Settings:
    """Settings from what the address says under the names of `SETTINGS`; what can't be read is as by default."""
    pairs = [part.partition(":")[::2] for part in said.get(MORE, "").split(";")]
    found: dict[str, Any] = {}
    for one, value in [*pairs, *((one, said.get(name, "")) for name, one in _OWN_NAMES.items())]:
        with contextlib.suppress(KeyError, ValueError, SettingsError):
            Settings(**{one: _read_value(one, value)})
            found[one] = _read_value(one, value)
    return Settings(**found)


def _written(value: Any) -> str:
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:.10g}" if isinstance(value, float) else str(value)
    )


def _read_value(one: str, text: str) -> Any:
    default = _FIELDS[one]
    if isinstance(default, bool):
        return text == "true"
    return float(text) if default is None else type(default)(text)


def query(recipe: Mapping) -> dict[str, str | list[str]]:
    """The address of the view that makes a recipe's morph again; {} if it is of none, or can't be read."""
    from ddsing.transfer.take import read_morph

    try:
        morph = read_morph(recipe)
    except SettingsError:
        return {}
    if morph is None:
        return {}
    asked: dict[str, str | list[str]] = {"view": "morph", "between": list(morph.names), PARAMETER: text(morph.points)}
    source, settings = recipe.get("source"), recipe.get("settings")
    if isinstance(source, Mapping) and isinstance(source.get("name"), str):
        asked["recording"] = source["name"]
    if isinstance(settings, Mapping):
        with contextlib.suppress(SettingsError):
            asked |= {name: said for name, said in settings_query(Settings.from_json(settings)).items() if said}
    if isinstance(recipe.get("tracker"), str):
        asked["morph-tracker"] = recipe["tracker"]
    return asked
