"""``/instruments``: what can sing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ddsing import names
from ddsing.constants import FULL_BAND_RATE, SAMPLE_RATE
from ddsing.ui.rest import answers
from ddsing.ui.rest.answers import Refusal
from ddsing.ui.rest.resource import Call
from ddsing.ui.shell import caches, opened

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry


async def list_all(call: Call) -> Response:
    """All that can be sung with: the workspace's own, then those of the house library."""
    return answers.document({"instruments": await call.run(lambda: [about(one) for one in _singing()])})


async def show(call: Call) -> Response:
    """One of them."""
    return answers.document(await call.run(lambda: about(find(call.path("name")))))


def find(name: str) -> Entry:
    """An instrument that can sing, by name; raises `Refusal`."""
    known = {one.name: one for one in _singing()}
    called = names.find(name, known)
    if called is None:
        raise Refusal(404, f"No instrument is named {name[:80]!r}.")
    return known[called]


def about(entry: Entry) -> dict[str, Any]:
    """What is said of one."""
    pitch = None if entry.statistics is None else entry.statistics.pitch_range_midi
    made, config = entry.provenance, entry.config
    return {
        "name": entry.name,
        "house": opened.is_of_house(entry.path),
        "voice": made.voice,
        "pitch_range_midi": None if pitch is None else [float(one) for one in pitch],
        "rate_hz": SAMPLE_RATE if entry.top is None else FULL_BAND_RATE,
        "follows_timbre": config is not None and config.z is not None,
        "author": made.author,
        "licence": made.licence,
        "notes": made.notes,
        "warnings": list(entry.warnings),
    }


def _singing() -> list[Entry]:
    return [one for one in caches.instruments() if not one.error]
