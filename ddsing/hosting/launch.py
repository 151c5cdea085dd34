"""How the dashboard's server is started: which program, with which options; locally, or as ``hosting.toml`` says.

Nothing secret is among the options, which every account on the computer can read: Streamlit reads that from a file in
a private folder of the run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.engine import make_url

from ddsing.errors import DdsingError
from ddsing.hosting import checks, private, reading
from ddsing.hosting.config import Config
from ddsing.hosting.switch import REST, SERVED, VARIABLE
from ddsing.resources import resource
from ddsing.work import counted, pool

DEFAULT_PORT = 8501


class ServeError(DdsingError):
    """A server that can't be started as it was asked to."""


@dataclass(frozen=True)
class Launch:
    """A server to start.

    Attributes
    ----------
    program : tuple of str
        The command line.
    environment : Mapping
        What is added to the environment.
    address : str
        What people type.
    about : Mapping
        What it does, in words, for ``--check``.
    """

    program: tuple[str, ...]
    environment: Mapping[str, str]
    address: str
    about: Mapping[str, str]


def local(
    *, workspace: str | None = None, host: str | None = None, port: int | None = None, rest: bool = False
) -> Launch:
    """The dashboard of one person, on this computer only; `ServeError` for a host that others could reach.

    With `rest`, programs that have a token can use it, too.
    """
    if host is not None and not checks.is_loopback(host):
        raise ServeError(
            f"Without hosting.toml the dashboard is for this computer only, and {host!r} can be reached from others: "
            "leave out --host, or describe the server in hosting.toml."
        )
    options: dict[str, str | tuple[str, ...]] = {"server.address": host or "127.0.0.1"}
    if port is not None:
        options["server.port"] = str(_port(port))
    environment = {} if workspace is None else {"DDSING_WORKSPACE": str(Path(workspace).expanduser().absolute())}
    environment |= {REST: "1"} if rest else {}
    address = f"http://localhost:{port or DEFAULT_PORT}"
    about = {"mode": "local: one workspace, this computer only, no login", "address": address}
    about |= {"REST interface": f"{address}/api/v1, with tokens"} if rest else {}
    return Launch(_program("rest.py" if rest else "app.py", options), environment, address, about)


def hosted(path: Path, *, host: str | None = None, port: int | None = None) -> tuple[Config, Launch]:
    """The dashboard as a ``hosting.toml`` describes it; nothing is written yet, see `prepare`."""
    config = reading.read(path)
    changed = replace(config, listen=host or config.listen, port=config.port if port is None else _port(port))
    wrong = checks.wrong("listen", changed.listen)
    mistakes = [wrong] if wrong else checks.mistakes(changed)
    if mistakes:
        raise reading.ConfigError(path, mistakes)
    options: dict[str, str | tuple[str, ...]] = {
        "server.address": changed.listen,
        "server.port": str(changed.port),
        "server.baseUrlPath": changed.base_path,
        "server.enableXsrfProtection": "true",
        "server.enableCORS": "true",
        "server.maxUploadSize": str(changed.limits.upload_mb),
        "server.allowedHosts": changed.allowed_hosts,
        "browser.serverAddress": changed.allowed_hosts[0],
        "secrets.files": str(secrets_file(changed)),
        "logger.hideWelcomeMessage": "true",
    }
    environment = {
        SERVED: str(path),
        "FORWARDED_ALLOW_IPS": ",".join(changed.proxies),  # for uvicorn, which then knows who asks
        counted.FOLDER: str(_counts_folder(changed)),
    }
    return changed, Launch(_program("hosted.py", options), environment, changed.url, _about(changed))


def prepare(config: Config) -> None:
    """Write what the server reads when it starts: the secret of its cookies, and the providers."""
    target = secrets_file(config)
    private.folder(config.root)
    target.parent.mkdir(mode=0o700, exist_ok=True)
    private.write(target, private.streamlit_secrets(config))
    shutil.rmtree(_counts_folder(config), ignore_errors=True)
    _counts_folder(config).mkdir(mode=0o700)


def secrets_file(config: Config) -> Path:
    """Streamlit's secrets, in the private folder of the run; servers that share a root have a folder each."""
    return config.root / private.FOLDER / f"run-{config.port}" / "secrets.toml"


def _counts_folder(config: Config) -> Path:
    """Where the processes of a run count what they do; emptied when the run starts."""
    return secrets_file(config).with_name("counts")


def run(launch: Launch) -> int:
    """Become the server; where a process can't become another, wait for it. Returns the exit status."""
    environment = {**os.environ, **launch.environment}
    environment.pop(VARIABLE, None)
    if os.name == "posix":
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(launch.program[0], launch.program, environment)
    with contextlib.suppress(KeyboardInterrupt):
        return subprocess.call(launch.program, env=environment)
    return 0


def _program(script: str, options: Mapping[str, str | tuple[str, ...]]) -> tuple[str, ...]:
    return (sys.executable, "-m", "streamlit", "run", str(resource(script)), *_flags(options))


def _flags(options: Mapping[str, str | tuple[str, ...]]) -> Iterator[str]:
    for name, value in options.items():
        for one in (value,) if isinstance(value, str) else value:
            yield f"--{name}={one}"


def _port(port: int) -> int:
    if not 1 <= port <= 65535:
        raise ServeError(f"--port is {port} but must be from 1 to 65535.")
    return port


def _queue(config: Config) -> str:
    """Where the queue is, without a password."""
    return make_url(config.work.redis).render_as_string(hide_password=True) if config.work.redis else "SQLite"


def _about(config: Config) -> dict[str, str]:
    login, guests = config.login, config.guests
    names = [provider.label or name for name, provider in login.providers.items()]
    lists = {
        "domains": login.domains,
        "addresses": login.addresses,
        "claims": tuple(f"{name} = {' or '.join(values)}" for name, values in login.claims.items()),
    }
    allowed = [f"{name} {', '.join(values)}" for name, values in lists.items() if values]
    who = "everybody with an account there" if login.everybody else "; ".join(allowed) or "admins only"
    return {
        "mode": "hosted",
        "address": config.url,
        "listens on": f"{config.listen}, port {config.port}",
        "answers to": ", ".join(config.allowed_hosts),
        "workspaces": str(config.root),
        "database": make_url(config.database_url).render_as_string(hide_password=True),
        "sign-in": f"{', '.join(names)} ({who}), for {login.session_hours:g} hours" if names else "none",
        "admins": ", ".join(login.admins) or "none",
        "work": f"{config.work.processes or pool.default_processes()} processes, queue in {_queue(config)}",
        "guests": f"{guests.most} at once, for {guests.hours:g} hours, transfers up to {guests.transfer_seconds:g} s"
        if guests.allowed
        else "none",
        "REST interface": f"with tokens of people who signed in within {config.rest.sign_in_days:g} days"
        if config.rest.allowed
        else "off",
        "metrics": "with the token" if config.metrics.token else "for programs on this computer",
    }
