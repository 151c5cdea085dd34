"""The addresses of the REST interface, below ``/api/v1``, and how a server gets them."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ddsing.ui.rest import analysis, answers, instruments, openapi, resource, takes, transfers
from ddsing.ui.rest.answers import Refusal
from ddsing.ui.rest.resource import PREFIX, Resource

_BELOW = "/api/"


def routes(base: str = "") -> list[Route]:
    """All of them, on a server whose address begins with `base`."""
    known: dict[str, ASGIApp] = {
        "/openapi.json": described,
        "/instruments": Resource(GET=instruments.list_all),
        "/instruments/{name}": Resource(GET=instruments.show),
        "/transfers": Resource(GET=transfers.list_all, POST=transfers.order),
        "/transfers/{id}": Resource(GET=transfers.show),
        "/transfers/{id}/stop": Resource(POST=transfers.stop),
        "/takes/{id}/result.wav": Resource(GET=takes.sound),
        "/takes/{id}/recipe.json": Resource(GET=takes.recipe),
        "/features": Resource(POST=analysis.find),
    }
    found = [Route(f"{base}{PREFIX}{path}", _application(one)) for path, one in known.items()]
    return [*found, Route(f"{base}{_BELOW}{{rest:path}}", _application(resource.nothing))]


def local() -> Sequence[Route]:
    """Those of a dashboard of one person."""
    return routes()


def middleware() -> Sequence[Middleware]:
    """What a dashboard of one person puts around Streamlit for it; a hosted one has its own guard."""
    return [Middleware(PlainPaths)]


def is_of_programs(path: str, base: str = "") -> bool:
    """Whether an address is one of the interface's, or below it."""
    return path.startswith(f"{base}{_BELOW}")


def misleading(path: str) -> bool:
    """Whether a path is one that Streamlit refuses, with an answer that is no JSON."""
    from streamlit.path_security import is_unsafe_path_pattern

    return path.startswith(("//", "\\\\")) or is_unsafe_path_pattern(path.lstrip("/"))


class PlainPaths:
    """ASGI middleware: paths of the interface that lead elsewhere are refused as everything else there."""

    def __init__(self, app: ASGIApp, base: str = "") -> None:
        self._app, self._base = app, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and is_of_programs(scope["path"], self._base) and misleading(scope["path"]):
            await resource.nothing(scope, receive, send)
            return
        await self._app(scope, receive, send)


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """How a guard around the interface refuses a program."""
    return answers.refused(Refusal(status, sentence, headers))


async def described(scope: Scope, receive: Receive, send: Send) -> None:
    """The OpenAPI document, for everybody."""
    request = Request(scope, receive, send)
    if request.method not in ("GET", "HEAD"):
        answer = refusal(405, f"{request.method[:20]} is not possible here.", {"allow": "GET, HEAD"})
    else:
        answer = answers.document(openapi.document(scope["path"].removesuffix("/openapi.json")))
    await answer(scope, receive, send)


def _application(app: ASGIApp) -> ASGIApp:
    """An application that a route takes as one, with all methods, though it is a function."""
    return app if isinstance(app, Resource) else _Application(app)


class _Application:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
