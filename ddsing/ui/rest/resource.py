"""An address, and what is done there: whoever asks is known before anything is read, and errors are answered."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ddsing.hosting import switch
from ddsing.ui.rest import answers, callers
from ddsing.ui.rest.answers import Refusal
from ddsing.ui.shell import opened, visitor
from ddsing.ui.shell.visitor import Visitor

T = TypeVar("T")
PREFIX = "/api/v1"


@dataclass(frozen=True)
class Call:
    """A request of somebody who is known."""

    request: Request
    visitor: Visitor

    async def run(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        """Let a thread do something for the visitor, as a page would."""
        return await run_in_threadpool(_lent, self.visitor, functools.partial(function, *args, **options))

    def path(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def address(self, *parts: str) -> str:
        """Where something else of the interface is, as links have it."""
        base = self.request.url.path.partition(PREFIX)[0]
        return "/".join([f"{base}{PREFIX}", *(quote(part, safe="") for part in parts)])


Do = Callable[[Call], Awaitable[Response]]


class Resource:
    """What can be done at an address, by method; an ASGI application."""

    def __init__(self, **methods: Do) -> None:
        self._methods: Mapping[str, Do] = methods | ({"HEAD": methods["GET"]} if "GET" in methods else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        roots: list[Path] = []
        try:
            answer = await self._answer(request, roots)
        except Exception as error:
            answer = answers.refused(error, roots)
        await answer(scope, receive, send)

    async def _answer(self, request: Request, roots: list[Path]) -> Response:
        do = self._methods.get(request.method)
        if do is None:
            raise Refusal(405, f"{request.method[:20]} is not possible here.", {"allow": ", ".join(self._methods)})
        who = await run_in_threadpool(_asking, request)
        roots += await run_in_threadpool(_lent, who, _roots)
        return await do(Call(request, who))


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer below the interface's address where there is nothing."""
    await answers.refused(Refusal(404, "There is nothing at this address; see openapi.json for what there is."))(
        scope, receive, send
    )


def _asking(request: Request) -> Visitor:
    served = None
    if switch.served() is not None:
        from ddsing.hosting import site

        served = site.served()
    return callers.who(request, served)


def _lent(who: Visitor, function: Callable[[], T]) -> T:
    with visitor.lent(who):
        return function()


def _roots() -> Iterable[Path]:
    house = opened.house()
    return [opened.workspace().root, *([] if house is None else [house.root])]
