"""TensorBoard, the real one: what it shows of a workspace, to whom, and that nothing is left when it has ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import psutil
import pytest

from ddsing import cli
from ddsing.errors import DatasetError
from ddsing.formats import event_log
from ddsing.training import board, board_process
from tests.support import tiny_runs, tiny_workspace
from tests.support.pages import clean, open_page, said
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quiet")]

NAMES = ("Aria", "Söhne & Töchter, 2: a")
LOSS = "losses/total_loss"


@pytest.fixture
def trained(workspace):
    """A workspace with two trainings."""
    for number, name in enumerate(NAMES):
        tiny_runs.run(workspace, name, end=5.0 - number, seed=number)
    return workspace


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files, which is empty at first."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def _closed(workspace):
    yield
    board_process.close(workspace)


class Command:
    """The command ``tensorboard`` in a process, once it listens."""

    def __init__(self, workspace, *arguments):
        command = [sys.executable, "-m", "ddsing", "tensorboard", "--workspace", str(workspace.root), "--port", "0"]
        self.process = subprocess.Popen([*command, *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self.said = self.process.stderr.readline()
        self.address = next(word.rstrip(";") for word in self.said.split() if word.startswith("http"))
        self.family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.process.stderr.close()

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(20)


def get(address, path, **headers):
    request = urllib.request.Request(address + path, headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def runs(address, n_runs):
    return until(lambda: len(found := get(address, "data/runs")) == n_runs and found)


@pytest.mark.parametrize("reader", ["compiled", "python"])
def test_it_shows_every_training_with_all_its_numbers(trained, monkeypatch, reader):
    if reader == "python":  # as where there is no compiled one, on Windows for instance
        monkeypatch.setenv("TENSORBOARD_DATA_SERVER_BINARY", str(trained.root / "none"))
    with Command(trained) as command:
        assert "2 runs" in command.said and len(command.family) == (2 if reader == "compiled" else 1)
        assert runs(command.address, 2) == sorted(NAMES)
        for name in NAMES:
            query = urllib.parse.urlencode({"run": name, "tag": LOSS})
            found = np.array(until(lambda q=query: get(command.address, f"data/plugin/scalars/scalars?{q}")))
            expected = event_log.read(trained.audio / f"{name}_checkpoints" / "summaries" / "train")[LOSS]
            np.testing.assert_array_equal(found[:, 1], expected.steps)
            np.testing.assert_allclose(found[:, 2], expected.values, rtol=1e-6)
        assert not {"projector", "debugger-v2"} & get(command.address, "data/plugins_listing").keys()


def test_it_listens_on_this_computer_only_and_checks_the_host(trained):
    with Command(trained) as command:
        port = int(command.address.rstrip("/").rsplit(":", 1)[1])
        listening = [
            one.laddr
            for process in command.family
            for one in process.net_connections("tcp")
            if one.status == psutil.CONN_LISTEN
        ]
        assert ("127.0.0.1", port) in listening and {ip for ip, _ in listening} <= {"127.0.0.1", "::1"}
        cards = psutil.net_if_addrs().values()
        for address in {one.address for card in cards for one in card if one.family == socket.AF_INET}:
            if not address.startswith("127."):
                with (
                    pytest.raises(ConnectionRefusedError),
                    socket.create_connection((address, port), PATIENCE_S),
                ):
                    pass
        assert get(f"http://127.0.0.1:{port}/", "data/runs") is not None
        for host in ("evil.example", f"evil.example:{port}", ""):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                get(command.address, "data/runs", Host=host)
        with urllib.request.urlopen(command.address, timeout=PATIENCE_S) as page:
            assert page.status == 200 and "http" not in page.headers["Content-Security-Policy"]


def test_a_proxy_is_never_asked(trained, monkeypatch):
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        proxy.listen()
        for name in ("http_proxy", "https_proxy", "grpc_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with Command(trained) as command:
            runs(command.address, 2)
        proxy.settimeout(0.1)
        with pytest.raises(TimeoutError):
            proxy.accept()


@pytest.mark.skipif(not hasattr(psutil.Process, "memory_maps"), reason="this system does not tell what is loaded")
def test_it_does_without_tensorflow(trained):
    with Command(trained) as command:
        runs(command.address, 2)
        loaded = {Path(one.path).name for one in psutil.Process(command.process.pid).memory_maps()}
        assert any("cygrpc" in name for name in loaded)  # so it would be seen
        assert not [name for name in loaded if "tensorflow" in name]


@pytest.mark.skipif(sys.platform == "win32", reason="there, a process gets no signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_nothing_is_left_when_it_has_ended(trained, temporary, name):
    number = getattr(signal, name)
    before = {path: path.stat().st_mtime_ns for path in trained.audio.rglob("*")}
    with Command(trained) as command:
        runs(command.address, 2)
        assert list(temporary.iterdir())
        assert command.end(number) == (-number if name == "SIGKILL" else 0)
        _, alive = psutil.wait_procs(command.family, timeout=PATIENCE_S)
        assert alive == []
    assert name == "SIGKILL" or list(temporary.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in trained.audio.rglob("*")} == before


def test_some_trainings_are_shown_and_no_others(trained):
    with Command(trained, NAMES[1]) as command:
        assert "one run" in command.said
        tiny_runs.run(trained, "Later")
        assert runs(command.address, 1) == [NAMES[1]]


def test_a_training_that_begins_meanwhile_appears_and_one_that_is_deleted_goes(trained):
    with Command(trained) as command:
        runs(command.address, 2)
        tiny_runs.run(trained, "Later")
        assert "Later" in runs(command.address, 3)
        (links,) = Path(tempfile.gettempdir()).glob("ddsing-tensorboard-*/Later")
        (trained.audio / "Later_checkpoints").rename(trained.audio / "elsewhere")
        until(lambda: not os.path.lexists(links))
        assert list((trained.audio / "elsewhere" / "summaries" / "train").iterdir())


def test_what_can_not_be_shown_is_one_sentence(trained, capsys):
    where = ["--workspace", str(trained.root)]
    assert cli.main([*where, "tensorboard", "Nobody"]) == 2
    assert "choose from: 'Aria'" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert cli.main([*where, "tensorboard", "--port", port]) == 2
        assert f"port {port}" in (error := capsys.readouterr().err) and error.count("\n") == 1
    assert cli.main([*where, "tensorboard", "--port", "70000"]) == 2
    assert "port 70000" in capsys.readouterr().err
    for name in NAMES:
        (trained.audio / f"{name}_checkpoints").rename(trained.root / name)
    assert cli.main([*where, "tensorboard"]) == 2
    assert "No training runs" in capsys.readouterr().err
    with pytest.raises(DatasetError):
        board_process.start(trained)


def listening(found):
    until(lambda: found.address or found.failure)
    return found


def test_a_server_has_one_which_is_found_again_and_closed(trained):
    found = listening(board_process.start(trained))
    assert found.failure == "" and board_process.start(trained) is found is board_process.current(trained)
    assert runs(found.address, 2) == sorted(NAMES)
    family = [psutil.Process(found.pid), *psutil.Process(found.pid).children(recursive=True)]
    board_process.close(trained)
    assert board_process.current(trained) is None and not found.running
    assert psutil.wait_procs(family, timeout=PATIENCE_S)[1] == []
    board_process.close(trained)  # harmless


def test_one_of_another_workspace_takes_its_place(trained, tmp_path):
    from ddsing.workspace import Workspace

    other = Workspace(tiny_workspace.empty(tmp_path / "other"))
    tiny_runs.run(other, "Bruno")
    first, second = board_process.start(trained), board_process.start(other)
    try:
        assert not first.running and board_process.current(trained) is None
        assert runs(listening(second).address, 1) == ["Bruno"]
    finally:
        board_process.close(other)


def looked_at(address, idle_s) -> bool:
    """Look for longer than a board waits; whether all looks were near enough, as on a busy computer they may not be."""
    began_s = last_s = 0.0
    while last_s - began_s < 2 * idle_s or not began_s:
        try:
            get(address, "data/runs")
        except OSError:
            if began_s and time.monotonic() - last_s <= 0.5 * idle_s:
                raise
            return False
        before_s, last_s = last_s, time.monotonic()
        if began_s and last_s - before_s > 0.5 * idle_s:
            return False
        began_s = began_s or last_s
        time.sleep(0.25 * idle_s)
    return True


def test_it_ends_when_nobody_looks_at_it(trained):
    def kept():
        found = listening(board_process.start(trained, idle_s=2.0))
        if looked_at(found.address, 2.0):
            return found
        board_process.close(trained)
        return None

    found = until(kept)
    assert found.running
    until(lambda: not found.running)
    again = board_process.start(trained)
    assert again is not found and again.running


def test_it_ends_with_the_server_however_that_ends(trained):
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom ddsing.training import board_process\n"
        "from ddsing.workspace import Workspace\nfound = board_process.start(Workspace(Path(sys.argv[1])))\n"
        "while not found.address: time.sleep(0.1)\nprint(found.pid, flush=True)\ntime.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, str(trained.root)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        started = psutil.Process(int(server.stdout.readline()))
        family = [started, *started.children(recursive=True)]
        server.kill()
        assert psutil.wait_procs(family, timeout=PATIENCE_S)[1] == []


def test_why_it_could_not_start_is_a_sentence(workspace, monkeypatch):
    empty = board_process.BoardProcess(workspace, idle_s=5.0)
    assert "No training runs" in listening(empty).failure and not empty.address
    (workspace.root / "ddsing").mkdir()
    (workspace.root / "ddsing" / "__init__.py").write_text("raise ImportError('this is no ddsing')")
    monkeypatch.setattr(board_process, "_PROJECT", workspace.root)
    broken = listening(board_process.BoardProcess(workspace, idle_s=5.0))
    assert broken.failure.startswith("TensorBoard failed to start:") and "this is no ddsing" in broken.failure
    broken.close()


def test_the_training_page_opens_finds_and_closes_it(trained, monkeypatch):
    app = open_page(monkeypatch, trained.root, "training")
    clean(app)
    app.button(key="board.open").click().run()
    clean(app)
    assert "TensorBoard is starting" in said(app) or app.get("link_button")
    address = listening(board_process.current(trained)).address
    app.run()
    (link,) = app.get("link_button")
    assert link.proto.url == address and address.rstrip("/") in link.proto.label
    again = open_page(monkeypatch, trained.root, "training")  # another tab, or a reload
    assert [one.proto.url for one in again.get("link_button")] == [address]
    again.button(key="board.close").click().run()
    clean(again)
    assert board_process.current(trained) is None and again.button(key="board.open")
    app.run()
    assert not app.get("link_button") and app.button(key="board.open")


def test_there_is_no_button_where_nothing_was_trained(workspace, monkeypatch):
    for path in list(workspace.audio.glob("*_checkpoints")):
        path.rename(workspace.root / path.name)
    app = open_page(monkeypatch, workspace.root, "training")
    clean(app)
    assert not [button for button in app.button if str(button.key).startswith("board.")]


def test_the_links_are_kept_up_to_date(tmp_path):
    links, target = tmp_path / "links", tmp_path / "events"
    links.mkdir()
    target.mkdir()
    (target / "file").write_text("")
    board._link(links, {"one": target, "two": target})
    board._link(links, {"two": target, "three": target})
    assert sorted(path.name for path in links.iterdir()) == ["three", "two"] and (target / "file").exists()
