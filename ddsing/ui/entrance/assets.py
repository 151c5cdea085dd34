"""Streamlit's own scripts, styles and fonts as the browser asks for them, seventy before the first page is there.

Streamlit brings each through half a dozen layers and as many changes of thread; here it is read and sent at once. What
is anything but a plain request for one of them is left to Streamlit.
"""

from __future__ import annotations

import functools
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import Response
from streamlit import file_util
from streamlit.web.server.starlette.starlette_server_config import STATIC_ASSET_CACHE_MAX_AGE_SECONDS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/static/"
_KEPT = f"public, immutable, max-age={STATIC_ASSET_CACHE_MAX_AGE_SECONDS}"  # as Streamlit says: names have a hash
_SPECIAL = ("range", "if-none-match", "if-modified-since")


class Assets:
    """Answers requests for Streamlit's files; all others go on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        path = _asked(scope)
        await (self._app if path is None else _answer(path))(scope, receive, send)


def _asked(scope: Scope) -> Path | None:
    """The file that a plain request asks for; None for anything else."""
    if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(PREFIX):
        return None
    headers = Headers(scope=scope)
    return None if any(name in headers for name in _SPECIAL) else known().get(scope["path"])


def _answer(path: Path) -> Response:
    kind = mimetypes.guess_type(path)[0] or "text/plain"
    return Response(path.read_bytes(), media_type=kind, headers={"Cache-Control": _KEPT})


@functools.cache
def known() -> Mapping[str, Path]:
    """Streamlit's files by their addresses; none whose name may stay while its content changes."""
    folder = Path(file_util.get_static_dir())
    found = (path for path in (folder / "static").rglob("*") if path.suffix in (".js", ".css", ".woff2", ".ttf"))
    return {f"/{path.relative_to(folder).as_posix()}": path for path in found if path.is_file()}
