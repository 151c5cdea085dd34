"""Connections of browsers: what the server sends leaves at once, however little it is.

TCP holds back a small packet until the one before it was acknowledged, and browsers acknowledge up to 40 ms late. An
answer is two packets, head and content, and a page begins with seventy small files over six connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket


def send_at_once() -> None:
    """Let TCP hold back nothing on connections that are made from now on; once for each process.

    asyncio does so by itself, but only where a socket was made with its protocol named, and Streamlit's is not.
    """
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    made = AutoHTTPProtocol.connection_made
    if hasattr(made, "__wrapped__"):
        return

    @functools.wraps(made)
    def connection_made(self: asyncio.Protocol, transport: asyncio.Transport) -> None:
        used = transport.get_extra_info("socket")
        if used is not None and used.family in (socket.AF_INET, socket.AF_INET6):
            with contextlib.suppress(OSError):  # some systems refuse it once the browser has left
                used.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made(self, transport)

    AutoHTTPProtocol.connection_made = connection_made  # type: ignore[assignment,method-assign]
