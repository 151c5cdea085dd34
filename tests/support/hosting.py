"""A hosted dashboard on loopback with real providers: what ``ddsing serve`` starts, and npm's oidc-provider."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from tests.support.dashboard import QUIET, settled
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S, until

PACKAGE = "oidc-provider@9.13.3"
SECRET = "secret-of-the-client-ddsing"


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as free:
        free.bind((host, 0))
        return free.getsockname()[1]


def install_provider(folder: Path) -> Path:
    """The folder with npm's packages in it; of several processes one installs them."""
    with FileLock(folder / "lock"):
        if not (folder / "node_modules" / "oidc-provider").is_dir():
            command = ["npm", "install", "--no-audit", "--no-fund", "--silent", PACKAGE]
            subprocess.run(command, cwd=folder, check=True, timeout=PATIENCE_S)
        shutil.copy(ROOT / "tests" / "support" / "oidc" / "provider.mjs", folder)
    return folder


class Provider:
    """An OpenID Connect provider; each has an address of its own, so that no cookie is another's."""

    def __init__(self, folder: Path, log: Path, redirect_uri: str, *, host: str = "127.0.0.1"):
        port = free_port(host)
        self.issuer = f"http://{host}:{port}"
        self.metadata_url = f"{self.issuer}/.well-known/openid-configuration"
        self.log = log
        with open(log, "wb") as file:
            command = ["node", "provider.mjs", host, str(port), redirect_uri]
            self.process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=file)

    def wait(self) -> None:
        until(lambda: _answers(self.metadata_url, self.process, self.log), told=self.log.read_text)

    def stop(self) -> None:
        _stop(self.process)


class Site:
    """A dashboard that ``ddsing serve`` has started; `write` its file first."""

    def __init__(self, folder: Path, base_path: str = ""):
        self.port = free_port()
        self.base_path = base_path
        self.url = f"http://localhost:{self.port}" + (f"/{base_path}" if base_path else "")
        self.redirect_uri = f"{self.url}/oauth2callback"
        self.folder = folder
        self.root = folder / "hosted"
        self.file = folder / "hosting.toml"
        self.log = folder / "site.log"
        self.process: subprocess.Popen | None = None

    def write(self, tables: str, providers: dict[str, Provider] | None = None) -> None:
        """The file, with some tables and providers."""
        text = f'port = {self.port}\nbase_path = "{self.base_path}"\n{tables}\n'
        for name, provider in (providers or {}).items():
            values = {"metadata_url": provider.metadata_url, "client_id": "ddsing", "client_secret": SECRET}
            lines = [f"{key} = {json.dumps(one)}\n" for key, one in {**values, "prompt": "login"}.items()]
            text += f"[login.providers.{name}]\n" + "".join(lines)
        self.file.write_text(text, encoding="utf-8")

    def start(self) -> Site:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ddsing", "serve"],
                cwd=ROOT,
                env={**os.environ, **QUIET, "DDSING_HOSTING": str(self.file)},
                stdout=log,
                stderr=log,
            )
        until(lambda: _answers(f"{self.url}/_stcore/health", self.process, self.log), told=self.log.read_text)
        return self

    def stop(self) -> None:
        if self.process is not None:
            _stop(self.process)


@contextlib.contextmanager
def signing_in(npm: Path, folder: Path, tables: str, *, base_path: str = "") -> Iterator[Site]:
    """A site that runs, with two providers, ``university`` and ``company``."""
    made = Site(folder, base_path)
    providers = {
        name: Provider(npm, folder / f"{name}.log", made.redirect_uri, host=host)
        for name, host in (("university", "127.0.0.1"), ("company", "127.0.0.2"))
    }
    try:
        for provider in providers.values():
            provider.wait()
        made.write(tables, providers)
        yield made.start()
    finally:
        made.stop()
        for provider in providers.values():
            provider.stop()


def sign_in(tab, site: Site, name: str, *, provider: str = "university", again: bool = False) -> None:
    """From the sign-in page through the provider back to the dashboard; `again` while the provider's session lasts."""
    tab.goto(site.url)
    tab.get_by_role("button", name=f"Sign in with {provider}").click()
    fill_in(tab, name, consents=again)
    tab.wait_for_url(f"{site.url}/")
    settled(tab)


def fill_in(tab, name: str, *, consents: bool = False) -> None:
    """The provider's own pages: name and password, then consent if there is none yet."""
    tab.get_by_placeholder("Enter any login").fill(name)
    tab.get_by_placeholder("and password").fill("any")
    tab.get_by_role("button", name="Sign-in").click()
    if not consents:
        tab.get_by_role("button", name="Continue").click()


def sign_out(tab, site: Site) -> None:
    """By the button in the sidebar, and the provider's question."""
    tab.get_by_role("button", name="Sign out").click()
    tab.get_by_role("button", name="Yes, sign me out").click()
    tab.wait_for_url(f"{site.url}/")
    settled(tab)


def _answers(url: str, process: subprocess.Popen | None, log: Path) -> bool:
    assert process is not None and process.poll() is None, log.read_text()
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S):
            return True
    except OSError:
        return False


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
