"""Tabs of a hosted dashboard without a browser: signed cookies, and Streamlit's own messages over a WebSocket."""

from __future__ import annotations

import contextlib
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from urllib.error import HTTPError

from google.protobuf import text_format
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from websockets.sync.client import connect

from ddsing.hosting import cookies, private
from tests.support.hosting import Site
from tests.support.patience import PATIENCE_S

XSRF = "_streamlit_xsrf"


def member(site: Site, subject: str, *, provider: str = "university") -> dict[str, str]:
    """The cookies of somebody who has signed in, as the server signs them."""
    claims = {
        "iss": "https://login.example.org",
        "sub": subject,
        "iat": time.time(),
        "email": subject,
        "email_verified": True,
        "provider": provider,
        "origin": f"http://localhost:{site.port}",
        "is_logged_in": True,
    }
    signed = create_signed_value(private.cookie_secret(site.root), "_streamlit_user", json.dumps(claims))
    return {"_streamlit_user": signed.decode()} | _xsrf(site)


def guest(site: Site) -> dict[str, str]:
    """The cookies of a guest who has come in."""
    ticket = cookies.Signer(site.root).ticket("come")
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    opener.open(f"{site.url}/guest/come?ticket={ticket}", timeout=PATIENCE_S).close()
    (jar,) = [one.cookiejar for one in opener.handlers if hasattr(one, "cookiejar")]
    return {one.name: str(one.value) for one in jar} | _xsrf(site)


def stranger(site: Site) -> dict[str, str]:
    """The cookies of somebody who has not come in."""
    return _xsrf(site)


def _xsrf(site: Site) -> dict[str, str]:
    with urllib.request.urlopen(f"{site.url}/_stcore/health", timeout=PATIENCE_S) as answer:
        said = answer.headers.get_all("set-cookie") or []
    return {XSRF: next(one for one in said if one.startswith(XSRF)).split(";")[0].partition("=")[2]}


def ask(
    site: Site, path: str, who: dict[str, str], *, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    """(status, body) of the server's answer."""
    sent = {"Cookie": _cookie(who), "X-Xsrftoken": who[XSRF], **headers}
    request = urllib.request.Request(f"{site.url}/{path}", data=body, headers=sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


class Tab:
    """An open tab; `id` is the server's number of it."""

    def __init__(self, site: Site, who: dict[str, str], *, resumes: str = ""):
        self._socket = connect(
            site.url.replace("http", "ws") + "/_stcore/stream",
            subprotocols=["streamlit", who[XSRF], *([resumes] if resumes else [])],
            origin=f"http://localhost:{site.port}",
            additional_headers={"Cookie": _cookie(who)},
            max_size=None,
        )
        self.id = ""

    def run(self, page: str = "", query: str = "") -> str:
        """Run the script at a page; everything that the server sends, as text."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        self._socket.send(message.SerializeToString())
        return self.read()

    def read(self) -> str:
        """All until the script has ended."""
        said = []
        for received in self._messages():
            if received.HasField("new_session"):
                self.id = received.new_session.initialize.session_id
            said.append(text_format.MessageToString(received, as_utf8=True))
            if received.HasField("script_finished") and received.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                break
        return "\n".join(said)

    def _messages(self) -> Iterator[ForwardMsg]:
        while True:
            received = ForwardMsg()
            received.ParseFromString(self._socket.recv(timeout=PATIENCE_S))
            yield received

    def close(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def tab(site: Site, who: dict[str, str], **options: str) -> Iterator[Tab]:
    opened = Tab(site, who, **options)
    try:
        yield opened
    finally:
        opened.close()


def media(said: str) -> list[str]:
    """The addresses of sounds, pictures and downloads in what a server has sent."""
    return sorted(set(re.findall(r"media/[0-9a-f]{20,}[.\w]*", said)))


def _cookie(who: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in who.items())
