"""A dashboard on a server of its own, for the tests in a browser."""

import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S, until

QUIET = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}  # waiting threads spin on a busy machine


class Server:
    """A dashboard on a free port."""

    def __init__(self, workspace: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.workspace = workspace
        self.log = workspace.with_suffix(".log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={self.port}"],
                cwd=ROOT,
                env={**os.environ, **QUIET, "DDSING_WORKSPACE": str(workspace)},
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Until it answers."""
        until(self._answers, told=self.log.read_text)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=PATIENCE_S):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


def new_context(browser, **options):
    """One of the browser's contexts, which waits with the patience of these tests."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_S * 1000)
    return context


def foreign(url: str, server: Server) -> bool:
    """Whether an address is outside what a server and its page give themselves."""
    return not url.startswith((server.url, "blob:", "data:", server.url.replace("http", "ws")))


def settled(tab) -> None:
    """Wait until the page's script has ended."""
    tab.wait_for_timeout(250)
    tab.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
