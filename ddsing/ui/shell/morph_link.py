"""A morph's weights as the address of the Experiments page has them."""

from __future__ import annotations

from collections.abc import Mapping

from ddsing.errors import SettingsError
from ddsing.transfer.morph import Morph

Points = tuple[tuple[float, tuple[float, ...]], ...]
PARAMETER = "weights"  # in the address: 60,40 or 0:100,0;8:0,100


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
    if isinstance(settings, Mapping) and settings.get("octave_shift"):
        asked["octave"] = str(settings["octave_shift"])
    if isinstance(settings, Mapping) and settings.get("use_statistics"):
        asked["statistics"] = "true"
    if isinstance(recipe.get("tracker"), str):
        asked["morph-tracker"] = recipe["tracker"]
    return asked
