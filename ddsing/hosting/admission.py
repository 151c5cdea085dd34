"""Who a provider says has signed in, and whether they may come in: pure functions of its claims and of the file.

Identity is (issuer, subject). An e-mail address only ever opens the door, and only if the provider has verified it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ddsing.hosting.checks import split_provider
from ddsing.hosting.config import Login

Role = Literal["member", "admin"]
_LONGEST = {"issuer": 500, "subject": 500, "name": 200, "address": 320}


@dataclass(frozen=True)
class Identity:
    """Who has signed in.

    Attributes
    ----------
    issuer, subject : str
        Who it is, for good.
    provider : str
        The provider's name in the file.
    name, address : str
        As the provider gives them, for people to read; empty if it gives none.
    session : str
        This one sign-in, as a hash.
    issued_s : float
        When the provider confirmed it, in seconds since 1970.
    """

    issuer: str
    subject: str
    provider: str
    name: str
    address: str
    session: str
    issued_s: float


def identity(claims: Mapping[str, Any]) -> Identity | None:
    """The identity in the claims of a provider's answer; None if they are not what OpenID Connect demands."""
    issuer, subject, issued = claims.get("iss"), claims.get("sub"), claims.get("iat")
    timed = isinstance(issued, int | float) and not isinstance(issued, bool) and 0 < issued < 1e11
    if not (_text(issuer, "issuer") and _text(subject, "subject") and timed):
        return None
    provider, address = str(claims.get("provider", "")), claims.get("email")
    name = next((claims[key] for key in ("name", "preferred_username", "nickname") if _text(claims.get(key))), "")
    about = [issuer, subject, provider, issued, claims.get("nonce"), claims.get("sid"), claims.get("jti")]
    return Identity(
        issuer=str(issuer),
        subject=str(subject),
        provider=provider,
        name=str(name)[: _LONGEST["name"]],
        address=str(address) if _text(address, "address") else "",
        session=hashlib.sha256(json.dumps(about, default=str).encode()).hexdigest(),
        issued_s=float(str(issued)),
    )


def role(found: Identity, claims: Mapping[str, Any], login: Login) -> Role | None:
    """What a person may be here; None for somebody who may not come in."""
    if found.provider not in login.providers:
        return None
    address = _verified(found, claims, login)
    if any(_is_admin(entry, found, address, login) for entry in login.admins):
        return "admin"
    domain = address.rpartition("@")[2]
    if (
        login.everybody
        or _listed(domain, found, login.domains, login)
        or _listed(address, found, login.addresses, login)
        or any(_has(claims.get(name), values) for name, values in login.claims.items())
    ):
        return "member"
    return None


def workspace(issuer: str, subject: str) -> str:
    """The name of a person's workspace: a hash of who they are."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()[:40]


def _text(value: Any, what: str = "name") -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST[what] and "\0" not in value


def _verified(found: Identity, claims: Mapping[str, Any], login: Login) -> str:
    """The e-mail address in small letters, if the provider vouches for it."""
    vouched = claims.get("email_verified") is True or login.providers[found.provider].addresses_verified
    return found.address.lower() if vouched else ""


def _listed(value: str, found: Identity, entries: tuple[str, ...], login: Login) -> bool:
    parts = [split_provider(entry, login) for entry in entries]
    return bool(value) and any(rest.lower() == value and name in ("", found.provider) for name, rest in parts)


def _is_admin(entry: str, found: Identity, address: str, login: Login) -> bool:
    name, rest = split_provider(entry, login)
    if name:
        return name == found.provider and (rest == found.subject or (bool(address) and rest.lower() == address))
    return bool(address) and rest.lower() == address


def _has(value: Any, wanted: tuple[str, ...]) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and one in wanted for one in values)
