"""Sounds that are still to be made, at addresses that answer once there is something to hear.

A player can be on the page and ask already while its sound is rendered: drawing it takes the browser as long as that.
An address is one of the dashboard's files, like any other sound's, and is guarded as those are; what is asked for there
is answered here instead of by Streamlit. Who has waited in vain is told so (204), and asks again.

Public: `address`, `Awaited`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from starlette.responses import Response

from ddsing.ui.player import players

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

Look = Callable[[], bytes | None]  # must take no time where there is nothing yet
MOST = 256
WAIT_S = 2.0  # a server that is to end waits for its answers
_LOOK_S, _SLOWEST_S, _SLOWER = 0.005, 0.1, 1.05  # looks often at first, when the sound is due
_sounds: OrderedDict[str, Look] = OrderedDict()  # by the file that their addresses name
_changing = threading.Lock()


def address(name: str, look: Look, place: str) -> str:
    """Where the browser finds a sound once there is something of it.

    Parameters
    ----------
    name : str
        No other sound has it, and nobody can guess it.
    look : callable
        Gives the sound as a WAV, or None while there is none.
    place : str
        Names the spot on the page that it takes.
    """
    url = players.address(f"awaited {name}".encode(), place, known=("awaited", name))
    if url:
        with _changing:
            _sounds[PurePosixPath(url).stem] = look
            while len(_sounds) > MOST:
                _sounds.popitem(last=False)
    return url


class Awaited:
    """ASGI middleware: answers requests for such sounds; all others go on.

    Parameters
    ----------
    base : str
        The dashboard's own path, where it has one. Only the very addresses that a guard before this looks at count.
    """

    def __init__(self, app: ASGIApp, base: str = "") -> None:
        self._app, self._prefix = app, f"/{base}/media/" if base else "/media/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        look = self._asked(scope)
        await (self._app if look is None else await _answer(look))(scope, receive, send)

    def _asked(self, scope: Scope) -> Look | None:
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(self._prefix):
            return None
        file = scope["path"].removeprefix(self._prefix)
        return None if "/" in file else _sounds.get(PurePosixPath(file).stem)


async def _answer(look: Look) -> Response:
    until_s, pause_s = time.monotonic() + WAIT_S, _LOOK_S
    while (sound := look()) is None and time.monotonic() < until_s:
        await asyncio.sleep(pause_s)
        pause_s = min(_SLOWEST_S, _SLOWER * pause_s)
    status = 204 if sound is None else 200
    return Response(sound or None, status, media_type="audio/wav", headers={"Cache-Control": "no-store"})
