"""What the server signs for a browser: a guest's cookie, and the ticket with which a page may ask for one.

Both are signed with the secret of the root. A ticket is good for a few minutes, so that no other site can make a guest
of somebody who only follows a link.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Literal

from itsdangerous import BadSignature, URLSafeTimedSerializer

from ddsing.hosting import private

GUEST = "ddsing_guest"
TICKET_S = 600
_GUEST_S = 8 * 24 * 3600  # longer than a guest may stay
Purpose = Literal["come", "leave"]


class Signer:
    """Signs and checks with a root's secret."""

    def __init__(self, root: Path) -> None:
        self._secret = private.cookie_secret(root)

    def new_guest(self) -> tuple[str, str]:
        """A random number for a guest, and the cookie with it."""
        token = secrets.token_urlsafe(24)
        return token, str(self._serializer("guest").dumps(token))

    def guest(self, cookie: str | None) -> str | None:
        """The number in a guest's cookie; None if there is none or it is not ours."""
        return self._read("guest", cookie, _GUEST_S)

    def ticket(self, purpose: Purpose) -> str:
        """A ticket to come in as a guest, or to leave."""
        return str(self._serializer("ticket").dumps(purpose))

    def accepts(self, ticket: str | None, purpose: Purpose) -> bool:
        """Whether a ticket is ours, fresh, and for this."""
        return self._read("ticket", ticket, TICKET_S) == purpose

    def _serializer(self, salt: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._secret, salt=f"ddsing {salt}")

    def _read(self, salt: str, signed: str | None, age_s: int) -> str | None:
        try:
            value = self._serializer(salt).loads(signed or "", max_age=age_s)
        except BadSignature:
            return None
        return value if isinstance(value, str) else None
