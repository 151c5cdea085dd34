"""A real nginx with ``deploy/nginx.conf`` and a self-signed certificate, in front of dashboards on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

from tests.support.hosting import free_port
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S, until

CONFIGURATION = ROOT / "deploy" / "nginx.conf"
_MAIN = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    {temporary}
    include {folder}/ddsing.conf;
}}
"""


def program() -> str | None:
    """Where nginx is; on Debian its folder is not on everybody's path."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def certificate(folder: Path) -> None:
    """A certificate for localhost that nobody has signed."""
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    more = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*words.split(), *more, *files], check=True, timeout=PATIENCE_S, stderr=subprocess.DEVNULL)


class Front:
    """nginx at free ports of this computer, in front of two dashboards."""

    def __init__(self, folder: Path, base_path: str = "") -> None:
        self.port, self.plain_port = free_port(), free_port()
        self.base_path = base_path
        self.origin = f"https://localhost:{self.port}"
        self.url = self.origin + (f"/{base_path}" if base_path else "")
        self.folder = folder
        self.process: subprocess.Popen | None = None
        certificate(folder)

    def configuration(self, servers: list[int]) -> str:
        """The file in ``deploy``, with what it says is to be changed."""
        first, second = servers
        changes = {
            "#2 ": "",
            ":8501": f":{first}",
            ":8502": f":{second}",
            "    listen 80;\n": f"    listen 127.0.0.1:{self.plain_port};\n",
            "    listen [::]:80;\n": "",
            "    listen 443 ssl http2;\n": f"    listen 127.0.0.1:{self.port} ssl http2;\n",
            "    listen [::]:443 ssl http2;\n": "",
            "/etc/ssl/ddsing/": f"{self.folder}/",
            "sing.example.org": "localhost",
        }
        if self.base_path:
            changes["    location / { "] = f"    location /{self.base_path}/ {{ "
            changes["    location = /_stcore"] = f"    location = /{self.base_path}/_stcore"
        text = CONFIGURATION.read_text("utf-8")
        for before, after in changes.items():
            assert before in text, before
            text = text.replace(before, after)
        return text

    def start(self, servers: list[int]) -> Front:
        (self.folder / "ddsing.conf").write_text(self.configuration(servers), "utf-8")
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n    ".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        user = "user root;" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(_MAIN.format(user=user, folder=self.folder, temporary=temporary))
        nginx = program()
        assert nginx is not None
        with open(self.folder / "nginx.log", "ab") as log:
            command = [nginx, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._answers, told=(self.folder / "nginx.log").read_text)
        return self

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, (self.folder / "nginx.log").read_text()
        trusting = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as plain,
                trusting.wrap_socket(plain, server_hostname="localhost"),
            ):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE_S)
