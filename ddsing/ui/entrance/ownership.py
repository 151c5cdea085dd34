"""Addresses that name a tab, or what a tab shows: for anybody but its owner they lead where nothing is.

Streamlit knows a tab by a random number and a sound by its content, and serves whoever has such an address. Here the
browser's cookies say who asks; what belongs to somebody else is replaced by what never exists, before Streamlit sees
it. So its answer is the one for what is not there, whether or not somebody has it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.requests import HTTPConnection
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from ddsing.hosting import admission, cookies, guests
from ddsing.hosting.config import Config
from ddsing.ui.shell import tab_owners

NOBODY_S = "00000000-0000-0000-0000-000000000000"  # a tab, and a file, that there never is
_PROTOCOLS = "sec-websocket-protocol"
Scope = MutableMapping[str, Any]


class Ownership:
    """Rewrites the addresses of a site's requests."""

    def __init__(self, config: Config) -> None:
        base = f"/{config.base_path}" if config.base_path else ""
        self._media, self._upload = f"{base}/media/", f"{base}/_stcore/upload_file/"
        self._config = config

    def applied(self, scope: Scope) -> Scope:
        """The same request, with nobody's addresses in the place of those that belong to somebody else."""
        if scope["type"] == "websocket":
            return self._own_tab(scope)
        path = scope["path"]
        if path.startswith(self._media):
            file = os.path.splitext(path.removeprefix(self._media))[0]  # noqa: PTH122  as Streamlit finds it
            return scope if tab_owners.may_see(file, self._asking(scope)) else _at(scope, self._media + NOBODY_S)
        if path.startswith(self._upload):
            tab, _, rest = path.removeprefix(self._upload).partition("/")
            owner = tab_owners.of_tab(tab)
            if owner is not None and owner != self._asking(scope):
                return _at(scope, f"{self._upload}{NOBODY_S}/{rest}")
        return scope

    def _own_tab(self, scope: Scope) -> Scope:
        """A tab that comes back after its connection was lost names itself in the third of its subprotocols."""
        named = [one.strip() for one in HTTPConnection(scope).headers.get(_PROTOCOLS, "").split(",")]
        owner = tab_owners.of_tab(named[2]) if len(named) > 2 else None
        if owner is None or owner == self._asking(scope):
            return scope
        value = ", ".join([*named[:2], NOBODY_S]).encode("latin-1")
        others = [pair for pair in scope["headers"] if pair[0].lower() != _PROTOCOLS.encode()]
        return {**scope, "headers": [*others, (_PROTOCOLS.encode(), value)], "subprotocols": [*named[:2], NOBODY_S]}

    def _asking(self, scope: Scope) -> str | None:
        """Who the cookies say it is; None for anybody who has not come in."""
        sent = HTTPConnection(scope).cookies
        member = _member(sent)
        if member is not None:
            return member
        token = cookies.Signer(self._config.root).guest(sent.get(cookies.GUEST))
        return None if token is None else guests.name(token)


def _member(sent: Mapping[str, str]) -> str | None:
    """The workspace of who has signed in, by Streamlit's cookie."""
    secret = get_cookie_secret()

    def one(name: str) -> bytes | None:
        return decode_signed_value(secret, name, sent[name].encode("latin-1")) if name in sent else None

    signed = get_cookie_with_chunks(one, USER_COOKIE_NAME)
    try:
        claims = json.loads(signed) if signed else None
    except ValueError:
        return None
    if not isinstance(claims, dict) or not claims.get("is_logged_in"):
        return None
    found = admission.identity(claims)
    return None if found is None else admission.workspace(found.issuer, found.subject)


def _at(scope: Scope, path: str) -> Scope:
    return {**scope, "path": path, "raw_path": path.encode("latin-1")}
