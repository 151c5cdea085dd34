"""Programs that use a real server's REST interface, and that server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx

from ddsing.hosting import switch
from tests.support.dashboard import QUIET
from tests.support.hosting import free_port
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S, until

ENDED = ("done", "failed", "stopped", "paused", "lost")


class Program(httpx.Client):
    """Asks a server as somebody with a token."""

    def __init__(self, url: str, token: str = "", **options):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        super().__init__(base_url=f"{url}/api/v1", headers=headers, timeout=PATIENCE_S, **options)

    def order(self, content: bytes, instrument: str, *, name: str = "song.wav", **fields: str) -> httpx.Response:
        files = {"recording": (name, content)}
        return self.post("/transfers", files=files, data={"instrument": instrument, "tracker": "instant", **fields})

    def ended(self, transfer: dict) -> dict:
        """The transfer once it has ended."""
        found = transfer

        def over() -> bool:
            nonlocal found
            found = self.get(f"/transfers/{transfer['id']}").json()
            return found["state"] in ENDED

        until(over, told=lambda: str(found))
        return found


class LocalServer:
    """What ``ddsing serve --rest`` starts for one person."""

    def __init__(self, workspace: Path):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = workspace.with_suffix(".log")
        words = ["serve", "--rest", "--port", str(self.port), "--workspace", str(workspace)]
        environment = {name: value for name, value in os.environ.items() if name != switch.VARIABLE}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ddsing", *words], cwd=ROOT, env={**environment, **QUIET}, stdout=log, stderr=log
            )

    def wait(self) -> LocalServer:
        until(self._answers, told=self.log.read_text)
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/_stcore/health", timeout=PATIENCE_S).is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
