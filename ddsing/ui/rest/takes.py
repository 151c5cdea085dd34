"""``/takes``: what was sung, as a sound and as its recipe."""

from __future__ import annotations

from starlette.responses import Response

from ddsing.errors import TakeError
from ddsing.transfer.take import Take
from ddsing.ui.rest import answers
from ddsing.ui.rest.answers import Refusal
from ddsing.ui.rest.resource import Call
from ddsing.ui.shell import opened


async def sound(call: Call) -> Response:
    """The result as a 24-bit WAV with the recipe inside."""

    def wav() -> bytes:
        return opened.takes().export(_find(call.path("id")).id, "WAV")

    return Response(await call.run(wav), media_type="audio/wav", headers=answers.HEADERS)


async def recipe(call: Call) -> Response:
    """What it was sung from, by whom and how."""
    return answers.document(await call.run(lambda: _find(call.path("id")).recipe()))


def _find(take_id: str) -> Take:
    try:
        found = opened.takes().get(take_id)
    except (TakeError, ValueError):
        raise Refusal(404, f"No take has the id {take_id[:80]!r}.") from None
    if found.id != take_id:  # what only looks like it
        raise Refusal(404, f"No take has the id {take_id[:80]!r}.")
    return found
