"""What the server does before the first page: the modules that it needs, and Streamlit's own files."""

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.server.starlette.starlette_static_routes import create_streamlit_static_assets_routes

from ddsing.ui.entrance import assets, early
from ddsing.ui.shell import router
from tests.support import scripts, tiny_workspace
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

PROGRAM = """
import json, os, sys
from streamlit.testing.v1 import AppTest
from ddsing.ui.entrance import early
early.prepare()
before = set(sys.modules)
from ddsing.ui.shell import warmup
warmup.start = lambda: None
os.environ["DDSING_WORKSPACE"] = sys.argv[2]
app = AppTest.from_file(sys.argv[1], default_timeout=float(sys.argv[3])).run()
new = sorted(name for name in set(sys.modules) - before if name.startswith("ddsing"))
print(json.dumps([new, [title.value for title in app.title]]))
"""


@pytest.mark.slow
def test_the_first_page_finds_its_modules_imported(tmp_path):
    workspace = tiny_workspace.fill(tmp_path / "ws")
    command = [sys.executable, "-c", PROGRAM, str(ROOT / "app.py"), str(workspace), str(PATIENCE_S)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [[], ["Timbre transfer"]]
    assert "can't be prepared" not in done.stderr


@pytest.mark.slow
def test_the_first_run_of_all_goes_through_the_app_whatever_page_it_shows(monkeypatch, tmp_path):
    monkeypatch.setenv("DDSING_WORKSPACE", str(tiny_workspace.fill(tmp_path / "ws")))
    monkeypatch.setattr("ddsing.ui.shell.warmup.start", lambda: None)
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)  # as in a new process
    monkeypatch.setattr(router, "_routed", False)
    ways, plain = [], router.navigation
    monkeypatch.setattr(router, "navigation", lambda: ways.append(sys._getframe(1).f_code.co_name) or plain())

    async def first_run():
        async with early.lifespan(None), scripts.dashboard() as runtime:
            return await scripts.Tab(runtime).open("instruments")

    with ThreadPoolExecutor(1) as pool:  # a thread without a loop, whatever other tests have left in this one
        taken = pool.submit(asyncio.run, first_run()).result()
    assert ways == ["page"], "by the door, once"
    assert any("Instruments" in str(element) for element in taken.sent.values())


def test_every_module_that_is_prepared_is_there():
    assert len(early.needed()) > 20 and not [name for name in early.needed() if "*" in name]


@pytest.fixture(scope="module")
def clients():
    """Streamlit's own server of its files, and the same behind ours."""
    plain = Starlette(routes=create_streamlit_static_assets_routes(base_url=None))
    return TestClient(plain), TestClient(assets.Assets(plain))


def some_files():
    """One of each kind, and the largest."""
    by_kind = {path.suffix: address for address, path in assets.known().items()}
    largest = max(assets.known(), key=lambda address: assets.known()[address].stat().st_size)
    return [*by_kind.values(), largest]


def test_streamlit_s_files_are_those_that_streamlit_brings(clients):
    for address in some_files():
        theirs, ours = (client.get(address) for client in clients)
        assert ours.status_code == theirs.status_code == 200
        assert ours.content == theirs.content
        for name in ("content-type", "content-length", "cache-control"):
            assert ours.headers[name] == theirs.headers[name], (address, name)
        assert "etag" not in ours.headers, "it was ours"


@pytest.mark.parametrize(
    ("address", "method", "headers"),
    [
        ("/", "GET", {}),
        ("/static/js/no such file.js", "GET", {}),
        ("/static/js/../../index.html", "GET", {}),
        ("/static/js/..%2f..%2fmanifest.json", "GET", {}),
        (next(iter(assets.known())), "HEAD", {}),
        (next(iter(assets.known())), "POST", {}),
        (next(iter(assets.known())), "GET", {"Range": "bytes=0-9"}),
        (next(iter(assets.known())), "GET", {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
    ],
)
def test_all_else_is_streamlit_s(clients, address, method, headers):
    theirs, ours = (client.request(method, address, headers=headers) for client in clients)
    assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    assert ours.headers == theirs.headers
