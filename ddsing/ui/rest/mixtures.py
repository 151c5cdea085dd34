"""What an order says beside instrument and settings: a mixture with other instruments, and repairs of the pitch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ddsing.errors import SettingsError
from ddsing.formats import strict_json
from ddsing.transfer.morph import Morph
from ddsing.ui.rest import instruments

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry
    from ddsing.transfer.settings import Settings

FIELDS = ("morph", "repair_octaves")
_TRUE_FALSE = {"true": True, "false": False}


def how(entry: Entry, settings: Settings, given: Mapping[str, str]) -> dict[str, Any]:
    """What `ddsing.transfer.job.order` takes of instruments, settings and repairs; raises `SettingsError`."""
    said = given.get("repair_octaves", "false")
    if said not in _TRUE_FALSE:
        raise SettingsError(f"The field `repair_octaves` is {said[:60]!r}; it must be true or false.")
    repairs = {"repair_octaves": _TRUE_FALSE[said]}
    if "morph" not in given:
        return {"instrument": entry.path, "name": entry.name, "settings": settings, **repairs}
    others = _shares(given["morph"])
    if settings != settings.without_z():
        raise SettingsError("A mixture takes the timbre of each recording as it is. Leave out the settings of timbre.")
    entries = [entry, *map(instruments.find, others)]
    shares = (max(0.0, 1.0 - sum(others.values())), *others.values())
    if len({one.path for one in entries}) < len(entries):
        raise SettingsError("The field `morph` names an instrument twice; `instrument` has the share that is left.")
    called = tuple(one.name for one in entries)
    return {
        "instrument": [one.path for one in entries],
        "name": " and ".join(called),
        "settings": settings,
        "morph": Morph(called, ("",) * len(called), ((0.0, shares),)),
        **repairs,
    }


def _shares(text: str) -> dict[str, float]:
    """The other instruments' shares, by the names that are given."""
    try:
        given = strict_json.loads(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        raise SettingsError('The field `morph` must be a JSON object, such as {"cello": 0.5}.') from None
    for name, share in given.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0.0 <= share <= 1.0:
            raise SettingsError(f"The share of {name[:80]!r} is {share!r:.40}; it must be 0 to 1.")
    if sum(given.values()) > 1.0 + 1e-9:
        raise SettingsError(f"The shares of the field `morph` add up to {sum(given.values()):g}; it can be at most 1.")
    return {name: float(share) for name, share in given.items()}
