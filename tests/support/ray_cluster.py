"""A real Ray cluster of two nodes with one core each on 127.0.0.1, in a virtual environment of its own, for tests."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

PACKAGE = "ray[default]==2.60.0"
START_S = 300.0


def install(folder: Path) -> str:
    """Install Ray into a new environment; returns why it could not be, empty if it was."""
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return f"{PACKAGE} can't be installed: {done.stderr.strip()[-500:]}"
    return ""


class RayCluster:
    """The cluster; `start` it and in any case `stop` it."""

    def __init__(self, environment: Path) -> None:
        self.program = environment / "bin" / "ray"
        self.token = secrets.token_hex(16)
        self.folder = Path(tempfile.mkdtemp(prefix="ray"))  # short: paths of sockets are
        self.port, self.dashboard, self.client = (_free_port() for _ in range(3))
        self.url = f"http://127.0.0.1:{self.dashboard}"
        self.processes: dict[str, subprocess.Popen] = {}

    def start(self) -> str:
        """Start both nodes; returns why they did not come up, empty if they did."""
        return self.start_head() or self.start_node()

    def start_head(self) -> str:
        self._start(
            "head",
            "--head",
            f"--port={self.port}",
            "--dashboard-host=127.0.0.1",
            f"--dashboard-port={self.dashboard}",
            f"--ray-client-server-port={self.client}",
            f"--temp-dir={self.folder}/r",
        )
        return self._until("head", lambda: self.ask("/api/jobs/") == 200)

    def start_node(self) -> str:
        self._start("node", f"--address=127.0.0.1:{self.port}")
        return self._until("node", lambda: self._n_nodes() == 2)

    def lose(self, name: str) -> None:
        """Kill a node at once, with all that runs there."""
        process = self.processes.pop(name)
        with contextlib.suppress(psutil.Error):
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            for member in family:
                with contextlib.suppress(psutil.Error):
                    member.kill()
            psutil.wait_procs(family, timeout=30)
        process.wait()

    def node_of(self, pid: int) -> str:
        """The name of the node that runs a process."""
        parents = {parent.pid for parent in psutil.Process(pid).parents()}
        return next(name for name, process in self.processes.items() if process.pid in parents)

    def stop(self) -> None:
        for name in list(self.processes):
            self.lose(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, path: str, *, token: str | None = None) -> int:
        """The status of an answer of the dashboard; 0 where there is none."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=10) as got:
                self.answer = got.read()
                return got.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def _n_nodes(self) -> int:
        return self.answer.count(b'"state": "ALIVE"') if self.ask("/api/v0/nodes?detail=0") == 200 else 0

    def _start(self, name: str, *arguments: str) -> None:
        ours = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token, "RAY_USAGE_STATS_ENABLED": "0"}
        command = [str(self.program), "start", "--block", "--num-cpus=1", "--node-ip-address=127.0.0.1", *arguments]
        log = open(self.folder / f"{name}.log", "ab")  # noqa: SIM115  the node's for life
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DDSING_", "PYTEST_"))}
        self.processes[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=kept | ours, start_new_session=True
        )
        log.close()

    def _until(self, name: str, ready) -> str:
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s and self.processes[name].poll() is None:
            if ready():
                return ""
            time.sleep(0.5)
        return f"Ray's {name} does not start: {(self.folder / f'{name}.log').read_text()[-800:]}"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
