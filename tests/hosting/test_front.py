"""What a hosted server adds to Streamlit's: whom it answers, how much it takes, what headers and cookies it sends."""

import dataclasses
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from ddsing.hosting import cookies
from ddsing.hosting.config import Config, Limits
from ddsing.hosting.guests import Admitted, Over
from ddsing.hosting.site import open_site
from ddsing.ui.entrance import front, ownership
from ddsing.ui.player import awaited
from tests.hosting.test_config import PEOPLE, read

HTTPS = Config(
    root="unused",
    address="https://sing.example.org",
    hosts=("voice.example.org", "*.wild.example"),
    base_path="ddsing",
    limits=Limits(upload_mb=2),
)


async def _taken(request: Request):
    n_bytes = 0
    async for chunk in request.stream():
        n_bytes += len(chunk)
    answer = PlainTextResponse(str(n_bytes))
    answer.set_cookie("theirs", "1")
    return answer


async def _spoken(websocket):
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


def client(config, base_url="https://sing.example.org"):
    routes = [Route("/{path:path}", _taken, methods=["GET", "PUT"]), WebSocketRoute("/stream", _spoken)]
    app = Starlette(routes=routes, middleware=[Middleware(front.Guard, config=config)])
    return TestClient(app, base_url=base_url, follow_redirects=False)


@pytest.mark.parametrize("host", ["sing.example.org", "SING.example.org:443", "voice.example.org", "a.wild.example"])
def test_it_answers_to_its_names(host):
    assert client(HTTPS).get("/x", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "sing.example.org.evil.example", "wild.example", "", "[::1", "127.0.0.1"]
)
def test_it_answers_to_no_other_name(host):
    answer = client(HTTPS).get("/x", headers={"host": host})
    assert answer.status_code == 421 and answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_pages_by_another_of_its_names_go_to_the_first():
    there = client(HTTPS).get("/ddsing/training?x=1", headers={"host": "voice.example.org", "accept": "text/html"})
    assert there.status_code == 307 and there.headers["location"] == "https://sing.example.org/ddsing/training?x=1"


@pytest.mark.parametrize(
    ("origin", "fine"),
    [
        ("https://sing.example.org", True),
        (None, True),
        ("https://evil.example", False),
        ("null", False),
        ("http://localhost", False),
    ],
)
def test_only_its_own_pages_open_a_websocket(origin, fine):
    headers = {"origin": origin} if origin else {}
    if fine:
        with client(HTTPS).websocket_connect("wss://sing.example.org/stream", headers=headers) as stream:
            assert stream.receive_text() == "hello"
        return
    with (
        pytest.raises(WebSocketDisconnect),
        client(HTTPS).websocket_connect("wss://sing.example.org/stream", headers=headers),
    ):
        pass


def test_an_upload_has_a_limit_announced_or_not():
    here = client(HTTPS)
    assert here.put("/x", content=b"x" * 2_000_000).text == "2000000"
    assert here.put("/x", content=b"x" * 3_100_000).status_code == 413
    pieces = (b"x" * 100_000 for _ in range(40))
    answer = here.put("/x", content=pieces)
    assert answer.status_code == 413 and "2 MB" in answer.text
    assert "content-length" in here.get("/x").headers


def test_cookies_go_by_https_only_where_the_site_does():
    assert client(HTTPS).get("/x").headers["set-cookie"].endswith("; Secure")
    assert "max-age" in client(HTTPS).get("/x").headers["strict-transport-security"]
    plain = client(Config(root="unused"), "http://localhost:8501").get("/x")
    assert "Secure" not in plain.headers["set-cookie"] and "strict-transport-security" not in plain.headers
    assert {name: plain.headers[name] for name in front.HEADERS} == front.HEADERS


def test_a_provider_s_refusal_is_said_on_the_first_page():
    answer = client(HTTPS).get("/ddsing/oauth2callback?error=access_denied&state=x")
    assert answer.status_code == 307 and answer.headers["location"] == "/ddsing/?sign_in=failed"
    assert client(HTTPS).get("/ddsing/oauth2callback?code=x").status_code == 200


# Guests


@pytest.fixture
def site(tmp_path):
    opened = open_site(read(tmp_path, 'base_path = "ddsing"\n' + PEOPLE))
    yield opened
    opened.engine.dispose()


@pytest.fixture
def guest(site):
    """A browser; its cookies stay."""
    routes = [
        Route("/ddsing/guest/come", lambda request: front.come(site, request)),
        Route("/ddsing/guest/leave", lambda request: front.leave(site, request)),
    ]
    return TestClient(Starlette(routes=routes), base_url="http://localhost:8501", follow_redirects=False)


def test_a_ticket_makes_a_guest_once(site, guest):
    signer = cookies.Signer(site.config.root)
    answer = guest.get("/ddsing/guest/come", params={"ticket": signer.ticket("come")})
    assert answer.status_code == 303 and answer.headers["location"] == "/ddsing/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/ddsing" in cookie
    token = signer.guest(guest.cookies[cookies.GUEST])
    assert isinstance(site.guests.look(token), Admitted)
    assert "set-cookie" not in guest.get("/ddsing/guest/come", params={"ticket": signer.ticket("come")}).headers
    guest.get("/ddsing/guest/leave", params={"ticket": signer.ticket("leave")})
    assert site.guests.look(token) == Over() and cookies.GUEST not in guest.cookies


@pytest.mark.parametrize("ticket", [None, "", "forged", "leave"])
def test_without_a_ticket_nobody_becomes_a_guest(site, guest, ticket):
    signer = cookies.Signer(site.config.root)
    params = {} if ticket is None else {"ticket": signer.ticket("leave") if ticket == "leave" else ticket}
    answer = guest.get("/ddsing/guest/come", params=params)
    assert answer.status_code == 303 and "set-cookie" not in answer.headers and site.guests.inside() == set()


def test_a_ticket_or_cookie_of_another_server_is_worth_nothing(site, tmp_path):
    here, there = cookies.Signer(site.config.root), cookies.Signer(tmp_path / "elsewhere")
    token, cookie = there.new_guest()
    assert here.guest(cookie) is None and there.guest(cookie) == token
    assert not here.accepts(there.ticket("come"), "come")
    assert here.guest(here.ticket("come")) is None and not here.accepts(here.new_guest()[1], "come")
    ours = here.new_guest()[1]
    for place in range(len(ours)):
        changed = ours[:place] + ("A" if ours[place] != "A" else "B") + ours[place + 1 :]
        assert here.guest(changed) in (None, here.guest(ours))  # the last letter of base64 has bits that say nothing


def test_a_site_without_guests_makes_none(site, tmp_path):
    closed = dataclasses.replace(site, guests=type(site.guests)(site.engine, type(site.config.guests)()))
    app = Starlette(routes=[Route("/guest/come", lambda request: front.come(closed, request))])
    ticket = cookies.Signer(site.config.root).ticket("come")
    answer = TestClient(app).get("/guest/come", params={"ticket": ticket})
    assert answer.status_code == 503 and "not admitted" in answer.text and "set-cookie" not in answer.headers


def test_a_sound_that_is_still_made_is_guarded_as_any_file(monkeypatch, tmp_path):
    config = dataclasses.replace(HTTPS, root=tmp_path)
    monkeypatch.setattr(front, "served", lambda: SimpleNamespace(config=config, limiter=None))
    monkeypatch.setitem(awaited._sounds, "a0b1", lambda: b"RIFF")
    app = Starlette(routes=[Route("/{path:path}", _taken)], middleware=front.middleware())
    there = TestClient(app, base_url="https://sing.example.org")
    monkeypatch.setattr(ownership.tab_owners, "may_see", lambda file, owner: file == "a0b1")
    assert there.get("/ddsing/media/a0b1.wav").content == b"RIFF"
    monkeypatch.setattr(ownership.tab_owners, "may_see", lambda file, owner: False)
    for address in ("/ddsing/media/a0b1.wav", "/ddsing/media/a0b1", "/media/a0b1.wav", "/ddsing//media/a0b1.wav"):
        assert there.get(address).content == b"0", address
