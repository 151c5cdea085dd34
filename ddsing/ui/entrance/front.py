"""What a hosted server adds to Streamlit's: guests' cookies, host names, security headers, a cap on uploads.

Requests for other host names, WebSockets from other sites and uploads that are too large are refused before Streamlit
sees them.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ddsing.errors import DdsingError
from ddsing.hosting import census, cookies, site
from ddsing.hosting.config import Config
from ddsing.hosting.rates import Limiter, TooOften
from ddsing.hosting.site import Site
from ddsing.hosting.totals import Totals
from ddsing.ui.entrance import probes
from ddsing.ui.entrance.ownership import Ownership
from ddsing.ui.player import awaited
from ddsing.ui.rest import routes as rest

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "content-security-policy": "frame-ancestors 'self'; base-uri 'self'; object-src 'none'; form-action 'self'",
    "permissions-policy": "camera=(), geolocation=(), payment=(), usb=(), microphone=(self)",
}
COUNTED = {"/auth/login": "logins", "/guest/come": "guests", "/_stcore/upload_file/": "uploads"}
_YEAR_S = 365 * 24 * 3600
_MB = 1_000_000
_SLACK_BYTES = 1_000_000  # what a browser sends around a file


class TooLarge(Exception):
    """More bytes came than were announced or are allowed."""


def served() -> Site:
    """The site of this process; a server without one would have no sign-in, and does not start."""
    found = site.served()
    if found is None:
        raise DdsingError("Start the dashboard for several people with ddsing serve.")
    return found


def routes() -> Sequence[Route]:
    """The addresses that make somebody a guest and end that, and those for machines."""
    here = served()
    site.keep_clean(here)
    census.keep_counting(here)
    here.start_workers()
    totals = Totals(here.config.root)
    totals.keep()
    return addresses(here, totals)


def addresses(here: Site, totals: Totals) -> list[Route]:
    """Those of `routes`, without starting anything."""
    base = f"/{here.config.base_path}" if here.config.base_path else ""
    return [
        *probes.routes(here, totals),
        *(rest.routes(base) if here.config.rest.allowed else ()),
        Route(f"{base}/guest/come", functools.partial(come, here), methods=["GET"]),
        Route(f"{base}/guest/leave", functools.partial(leave, here), methods=["GET"]),
    ]


def middleware() -> Sequence[Middleware]:
    """The guard around everything, and what answers once there is a sound."""
    here = served()
    return [
        Middleware(Guard, config=here.config, limiter=here.limiter),
        Middleware(awaited.Awaited, base=here.config.base_path),
    ]


def come(here: Site, request: Request) -> Response:
    """Make the visitor a guest, and go back to the first page; without a ticket, only go back."""
    signer, home = cookies.Signer(here.config.root), RedirectResponse(_home(here.config), status_code=303)
    if not signer.accepts(request.query_params.get("ticket"), "come"):
        return home
    known, cookie = signer.guest(request.cookies.get(cookies.GUEST)), None
    if known is None or here.guests.ended(known):
        known, cookie = signer.new_guest()
    try:
        here.guests.come(known)
    except DdsingError as error:
        return PlainTextResponse(str(error), status_code=503)
    if cookie is not None:
        home.set_cookie(cookies.GUEST, cookie, httponly=True, samesite="lax", path=_cookie_path(here.config))
    return home


def leave(here: Site, request: Request) -> Response:
    """End a guest's time and forget the cookie."""
    signer, home = cookies.Signer(here.config.root), RedirectResponse(_home(here.config), status_code=303)
    known = signer.guest(request.cookies.get(cookies.GUEST))
    if known is not None and signer.accepts(request.query_params.get("ticket"), "leave"):
        here.guests.leave(known)
        home.delete_cookie(cookies.GUEST, path=_cookie_path(here.config))
    return home


class Guard:
    """ASGI middleware: refuses what is not for this site, and adds headers to what is answered."""

    def __init__(self, app: Callable, config: Config, limiter: Limiter | None = None) -> None:
        self._app = app
        self._config = config
        self._limiter = limiter or Limiter(config.rates)
        self._most_bytes = config.limits.upload_mb * _MB + _SLACK_BYTES
        self._ownership = Ownership(config)
        self._headers = dict(HEADERS)
        if config.https:
            self._headers["strict-transport-security"] = f"max-age={_YEAR_S}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        elsewhere = None if refusal is not None else self._elsewhere(scope, headers)
        often = None if refusal is not None else await self._too_often(scope)
        if refusal is not None:
            await self._refuse(refusal, scope, receive, send)
        elif often is not None:
            headers = {"retry-after": f"{math.ceil(often.wait_s)}"}
            answer = self._sentence(scope, 429, str(often), headers)
            await answer(scope, receive, self._with_headers(send))
        elif elsewhere is not None:
            await RedirectResponse(elsewhere)(scope, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await self._app(self._ownership.applied(scope), receive, send)
        else:
            await self._pass_on(self._ownership.applied(scope), receive, send)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """Status and sentence for what is not let through."""
        probe = scope["type"] == "http" and probes.is_probe(self._config, scope["path"])
        if not probe and not self._is_ours(f"//{headers.get('host', '')}"):
            return 421, "This server has another name."
        origin = headers.get("origin")
        if scope["type"] == "websocket" and origin is not None and not self._is_ours(origin):
            return 403, "This page belongs to another site."
        announced = headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > self._most_bytes:
            return 413, f"Files can be up to {self._config.limits.upload_mb} MB."
        if scope["type"] == "http" and self._is_of_programs(scope) and rest.misleading(scope["path"]):
            return 404, "There is nothing at this address."
        client = scope.get("client")
        return probes.hides(self._config, scope["path"], client[0] if client else None, headers)

    def _elsewhere(self, scope: Scope, headers: dict[str, str]) -> str | None:
        """Where a page has to be opened instead: the cookies of a sign-in belong to the site's first name."""
        canonical, host = urlsplit(self._config.origin).hostname, urlsplit(f"//{headers.get('host', '')}").hostname
        if scope["type"] == "http" and scope["path"] == _cookie_path(self._config).rstrip("/") + "/oauth2callback":
            asked = parse_qs(scope.get("query_string", b"").decode("latin-1"))
            if "error" in asked:  # Streamlit would go back to the first page as if nothing had been
                logging.getLogger("ddsing").warning("A provider refused a sign-in: %r", asked["error"][0][:100])
                return f"{_home(self._config)}?sign_in=failed"
        if scope["type"] != "http" or host == canonical or "text/html" not in headers.get("accept", ""):
            return None
        if probes.is_probe(self._config, scope["path"]):
            return None
        query = scope.get("query_string", b"").decode("latin-1")
        return self._config.origin + scope["path"] + (f"?{query}" if query else "")

    async def _too_often(self, scope: Scope) -> TooOften | None:
        """The refusal of what an address asks for too often: signing in, coming as a guest, uploading."""
        path = scope["path"].removeprefix(_cookie_path(self._config).rstrip("/"))
        what = next((what for start, what in COUNTED.items() if path.startswith(start)), None)
        if scope["type"] != "http" or what is None or scope["method"] in ("OPTIONS", "HEAD", "DELETE"):
            return None
        address = (scope.get("client") or ("",))[0]
        try:
            await asyncio.to_thread(self._limiter.ask, what, address=address)
        except TooOften as often:
            return often
        return None

    def _is_ours(self, address: str) -> bool:
        try:
            host = (urlsplit(address).hostname or "").rstrip(".")
        except ValueError:
            return False
        return any(
            host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed.lower()
            for allowed in self._config.allowed_hosts
        )

    async def _refuse(self, refusal: tuple[int, str], scope: Scope, receive: Receive, send: Send) -> None:
        status, sentence = refusal
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": sentence})
            return
        await self._sentence(scope, status, sentence)(scope, receive, self._with_headers(send))

    def _sentence(self, scope: Scope, status: int, text: str, headers: dict[str, str] | None = None) -> Response:
        """A sentence for people, or, where a program asks, as JSON."""
        if self._is_of_programs(scope):
            return rest.refusal(status, text, headers)
        return PlainTextResponse(text, status_code=status, headers=headers)

    def _is_of_programs(self, scope: Scope) -> bool:
        base = _cookie_path(self._config).rstrip("/")
        return self._config.rest.allowed and rest.is_of_programs(scope["path"], base)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        came, began = 0, False

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most_bytes:
                raise TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, counted, self._with_headers(noted))
        except TooLarge:
            if began:
                raise
            await self._refuse((413, f"Files can be up to {self._config.limits.upload_mb} MB."), scope, receive, send)

    def _with_headers(self, send: Send) -> Send:
        async def added(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = [(name.lower(), self._secured(name, value)) for name, value in message.get("headers", [])]
                names = {name for name, _ in there}
                more = [(name.encode(), value.encode()) for name, value in self._headers.items()]
                message = {**message, "headers": there + [one for one in more if one[0] not in names]}
            await send(message)

        return added

    def _secured(self, name: bytes, value: bytes) -> bytes:
        """A cookie that goes by https only, where the site is there by https."""
        if not self._config.https or name.lower() != b"set-cookie" or b"secure" in value.lower().split(b"; "):
            return value
        return value + b"; Secure"


def _cookie_path(config: Config) -> str:
    return f"/{config.base_path}" if config.base_path else "/"


def _home(config: Config) -> str:
    return f"/{config.base_path}/" if config.base_path else "/"
