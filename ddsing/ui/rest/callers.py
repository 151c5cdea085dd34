"""Which program asks: by its token, and whose workspace that opens.

On a hosted dashboard a token belongs to a person, with whose limits the program lives. It works while they may come
in: not blocked, and signed in not too long ago, since only a sign-in shows who is still in the lists.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.requests import Request

from ddsing import tokens
from ddsing.tokens import Tokens
from ddsing.ui.rest.answers import Refusal
from ddsing.ui.shell import opened, visitor
from ddsing.ui.shell.visitor import Visitor
from ddsing.units import format_number
from ddsing.workspace import Workspace

if TYPE_CHECKING:
    from ddsing.hosting.site import Site

ASK = {"www-authenticate": 'Bearer realm="ddsing"'}
_NEEDED = "This needs a valid token, as the header `Authorization: Bearer TOKEN`; `ddsing token make` makes one."
_DAY_S = 24 * 3600.0


def who(request: Request, served: Site | None) -> Visitor:
    """The owner of the token that came with a request; raises `Refusal`."""
    text = _token(request)
    number = None if text is None else tokens.owner(text)
    if served is None:
        known = text is not None and number == 0 and Tokens(opened.workspace()).accepts(text) is not None
        if not known:
            raise Refusal(401, _NEEDED, ASK)
        return visitor.LOCAL
    return _of_site(served, text or "", number, request.client.host if request.client else "")


def _token(request: Request) -> str | None:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else None


def _of_site(served: Site, text: str, number: int | None, address: str) -> Visitor:
    person = served.people.find(number) if number else None
    folder = None if person is None else served.member_folder(person.workspace)
    if person is None or folder is None or Tokens(Workspace(folder)).accepts(text) is None:
        served.limiter.ask("logins", address=address)  # whoever guesses, is slowed down
        raise Refusal(401, _NEEDED, ASK)
    if person.blocked:
        raise Refusal(403, "An admin has closed this account. Its files are kept.")
    days = served.config.rest.sign_in_days
    if time.time() - person.seen_s > days * _DAY_S:
        raise Refusal(
            403,
            f"Tokens work for {format_number(days)} days after their owner was at the dashboard. Sign in there again.",
        )
    return visitor.of_person(served, person, address=address)
