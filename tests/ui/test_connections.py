"""What is sent to a browser leaves at once, on connections of a server as Streamlit starts it."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from streamlit.web.server.starlette import starlette_server
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from ddsing.ui.entrance import connections, early

ASKED = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


async def small(_request):
    return Response(b"small")


def in_a_thread(work):
    """What a coroutine returns; in a thread of its own, since a browser's loop may run in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def answered() -> list[int]:
    """Whether TCP may hold nothing back, of each connection that a running server has, after an answer."""
    bound = starlette_server._bind_socket("127.0.0.1", 0, 16)
    async with early.lifespan(None):
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=[Route("/", small)]), log_level="critical"))
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        reader, writer = await asyncio.open_connection(*bound.getsockname())
        writer.write(ASKED)
        assert (await reader.readuntil(b"small")).startswith(b"HTTP/1.1 200")
        used = [one.transport.get_extra_info("socket") for one in server.server_state.connections]
        found = [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in used]
        writer.close()
        server.should_exit = True
        await serving
    return found


@pytest.fixture
def as_in_a_new_process(monkeypatch):
    made = AutoHTTPProtocol.connection_made
    monkeypatch.setattr(AutoHTTPProtocol, "connection_made", getattr(made, "__wrapped__", made))


@pytest.mark.usefixtures("as_in_a_new_process")
def test_nothing_that_a_browser_is_sent_is_held_back():
    assert [bool(one) for one in in_a_thread(answered())] == [True]


@pytest.mark.usefixtures("as_in_a_new_process")
def test_it_is_said_once_however_often_a_server_starts():
    connections.send_at_once()
    first = AutoHTTPProtocol.connection_made
    connections.send_at_once()
    assert AutoHTTPProtocol.connection_made is first


@pytest.mark.usefixtures("as_in_a_new_process")
def test_connections_of_other_kinds_are_left_alone():
    connections.send_at_once()
    here, there = socket.socketpair()  # of Unix, where there are such, as behind a proxy

    async def connected():
        loop = asyncio.get_running_loop()
        config = uvicorn.Config(Starlette())
        config.load()
        state = uvicorn.Server(config).server_state
        transport, made = await loop.connect_accepted_socket(
            lambda: AutoHTTPProtocol(config=config, server_state=state, app_state={}), here
        )
        assert made.transport is transport
        transport.close()

    in_a_thread(connected())
    there.close()


def test_a_connection_whose_browser_has_left_is_taken_as_any_other(monkeypatch):
    taken = []
    monkeypatch.setattr(AutoHTTPProtocol, "connection_made", lambda self, transport: taken.append(transport))
    connections.send_at_once()
    closed = socket.socket()
    closed.close()  # whose options can't be set any more
    transport = asyncio.Transport({"socket": closed})
    AutoHTTPProtocol.connection_made(None, transport)
    assert taken == [transport]
