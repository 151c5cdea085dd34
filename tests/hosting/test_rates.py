"""How often what costs may be asked for: each person and address has a number in a window, in memory or in Redis."""

import os
import shutil
import subprocess

import pytest
import redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ddsing.hosting.config import Config, Rates
from ddsing.hosting.rates import Limiter, TooOften
from ddsing.ui.entrance import front
from ddsing.ui.shell import allowed, visitor
from ddsing.ui.shell.visitor import Visitor
from tests.hosting.test_config import PEOPLE, read
from tests.support.hosting import free_port
from tests.support.patience import PATIENCE_S, until


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory):
    """The address of a Redis of these tests. Where it is not installed they are skipped, in CI they fail."""
    if shutil.which("redis-server") is None:
        message = "These tests need Redis: apt-get install redis-server (Debian)."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    folder = tmp_path_factory.mktemp("redis")
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        asked = redis.Redis(port=port)

        def answers():
            try:
                return asked.ping()
            except redis.ConnectionError:
                return False

        until(answers)
        yield f"redis://127.0.0.1:{port}/0"
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.fixture(params=["memory", "redis"])
def storage(request):
    return "memory://" if request.param == "memory" else request.getfixturevalue("redis_server")


def test_each_person_has_their_number_and_learns_when_to_try_again(storage, request):
    here, who = Limiter(Rates(transfers="3 per hour", storage=storage)), f"ann {request.node.name}"
    for _ in range(3):
        here.ask("transfers", who=who)
    with pytest.raises(TooOften, match=r"More than 3 per hour transfers are not possible. Try again in (59 min|1 h)"):
        here.ask("transfers", who=who)
    here.ask("transfers", who=f"bob {who}")
    here.ask("uploads", who=who)


def test_an_address_has_as_much_as_the_people_who_share_it(storage, request):
    here = Limiter(Rates(transfers="2 per hour", people_per_address=2, storage=storage))
    who = request.node.name
    for n in range(4):
        here.ask("transfers", who=f"{who} {n}", address="2001:db8::1")
    with pytest.raises(TooOften, match="from your network"):
        here.ask("transfers", who=f"{who} 5", address="2001:db8::2")  # the same network
    here.ask("transfers", who=f"{who} 5", address="2001:db8:1::2")


def test_what_is_refused_is_not_counted(storage, request):
    here, who = Limiter(Rates(uploads="5 per hour", storage=storage)), f"x {request.node.name}"
    here.ask("uploads", who=who, n=4)
    with pytest.raises(TooOften):
        here.ask("uploads", who=who, n=2)
    here.ask("uploads", who=who, n=1)


def test_several_servers_count_together_in_redis(redis_server):
    servers = [Limiter(Rates(logins="4 per hour", storage=redis_server)) for _ in range(2)]
    for n in range(4):
        servers[n % 2].ask("logins", address="192.0.2.1")
    for one in servers:
        with pytest.raises(TooOften):
            one.ask("logins", address="192.0.2.1")


def test_without_its_redis_the_site_goes_on_and_the_log_says_so(caplog):
    here = Limiter(Rates(logins="1 per hour", storage=f"redis://:hidden@127.0.0.1:{free_port()}/0"))
    for _ in range(3):
        here.ask("logins", address="192.0.2.1")
    assert "can't be reached" in caplog.text and "hidden" not in caplog.text


# The server


async def _answer(request):
    return PlainTextResponse("fine")


@pytest.fixture
def server():
    def make(base_path="", **rates):
        config = Config(root="unused", base_path=base_path, rates=Rates(**rates))
        app = Starlette(
            routes=[Route("/{path:path}", _answer, methods=["GET", "PUT"])],
            middleware=[Middleware(front.Guard, config=config)],
        )
        return TestClient(app, base_url="http://localhost:8501", client=("192.0.2.7", 1234), follow_redirects=False)

    return make


@pytest.mark.parametrize("base", ["", "tools/ddsing"])
def test_signing_in_coming_as_a_guest_and_uploading_are_counted(server, base):
    here = server(base, logins="1 per hour", guests="1 per hour", uploads="1 per hour", people_per_address=2)
    below = f"/{base}" if base else ""
    for path, method, n in (
        (f"{below}/auth/login?provider=x", here.get, 1),
        (f"{below}/guest/come?ticket=x", here.get, 1),
        (f"{below}/_stcore/upload_file/a/b", here.put, 2),
    ):
        for _ in range(n):
            assert method(path).status_code == 200
        refused = method(path)
        assert refused.status_code == 429 and "Try again in" in refused.text
        assert 3000 < int(refused.headers["retry-after"]) <= 3600
        assert refused.headers["x-content-type-options"] == "nosniff"
    assert all(here.get(f"{below}/").status_code == 200 for _ in range(5))


# The pages


def test_a_page_counts_for_its_visitor(monkeypatch, tmp_path):
    limiter = Limiter(Rates(transfers="1 per hour"))
    ann, bob = (Visitor("member", name, name, tmp_path, limiter=limiter) for name in ("ann", "bob"))
    for one in (ann, bob):
        monkeypatch.setattr(visitor, "current", lambda one=one: one)
        assert [allowed.transfer_refusal(1.0) for _ in range(3)] == [""] * 3  # which counts nothing
        allowed.require_transfer(1.0)
    assert "More than 1 per hour transfers are not possible. Try again in" in allowed.transfer_refusal(1.0)
    with pytest.raises(TooOften):
        allowed.require_transfer(1.0)
    monkeypatch.setattr(visitor, "current", lambda: visitor.LOCAL)
    for _ in range(5):
        allowed.require_transfer(1.0)


# The file


def test_the_file_s_rates_are_read(tmp_path):
    text = '[rates]\ntransfers = "5 per 10 minutes"\nstorage = "redis://:hidden@db:6379/1"\n' + PEOPLE
    config = read(tmp_path, text)
    assert config.rates.transfers == "5 per 10 minutes" and "hidden" not in repr(config)
