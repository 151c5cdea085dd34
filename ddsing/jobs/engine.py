"""Which engine runs the jobs, and with what: the table of a TOML file, read and checked.

``local``, the default, is this computer; ``slurm`` is a cluster that takes batch jobs; ``ray`` is a Ray cluster, by
its REST interface. What is set comes from the first of these that is there: the file that ``DDSING_ENGINE_OPTIONS``
names, or ``engine.toml`` in the workspace; in either, a table ``[engine]`` or the whole file. ``DDSING_ENGINE`` names
the kind, whatever the file says. On a server for several people (``DDSING_SERVED``) it is the table ``[engine]`` of its
``hosting.toml``, and nothing that lies in a person's workspace counts: the settings hold commands of the shell.

Public: `Engine`, `from_table`, `mistakes`, `read`, `chosen`.
"""

import ipaddress
import os
import re
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ddsing.errors import SettingsError

KINDS = ("local", "slurm", "ray")
REMOTE = KINDS[1:]
FILE_NAME = "engine.toml"
MAX_BYTES = 100_000
_TIME = re.compile(r"(?:\d{1,3}-)?\d{1,4}(?::\d{2}){0,2}")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,:|&=*@+-]*")


@dataclass(frozen=True)
class Engine:
    """Where jobs run, and what each of them asks for.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    cpus, gpus, memory_gb : int, int, float
        Of each job, or each run of a sweep.
    at_once : int
        How many runs of a sweep are under way at a time.
    python : str
        The Python of the nodes; empty for the one that runs here.
    delay_s : float
        How long what a node has written may take to be seen here; a shared file system caches.
    partition, account, qos, constraint, gres, time : str
        Slurm's, as ``sbatch`` takes them; `time` is the limit of one job. Empty ones are left to the cluster.
    signal_s : int
        How long before that limit a job saves and lets the next one continue.
    setup : tuple[str, ...]
        Lines of shell before the job's process, such as ``module load cuda``.
    options : tuple[str, ...]
        More options of ``sbatch``.
    url, token_file : str
        Of Ray's dashboard; the token may also be in ``DDSING_RAY_TOKEN``.
    """

    kind: str = "local"
    cpus: int = 2
    gpus: int = 0
    memory_gb: float = 0.0
    at_once: int = 4
    python: str = ""
    delay_s: float = 60.0
    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    gres: str = ""
    time: str = "24:00:00"
    signal_s: int = 120
    setup: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    url: str = ""
    token_file: str = ""

    @property
    def token(self) -> str:
        """The bearer token of Ray; empty without one. Raises `SettingsError` if its file can't be used."""
        if not self.token_file:
            return os.environ.get("DDSING_RAY_TOKEN", "").strip()
        path = Path(self.token_file).expanduser()
        try:
            if hasattr(os, "getuid") and stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise SettingsError(f"Others can read the token file {str(path)!r}. Protect it with `chmod 600`.")
            return path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not plain text"
            raise SettingsError(f"The token file {str(path)!r} can't be read: {reason}.") from None


def from_table(table: Mapping[str, Any]) -> Engine:
    """The engine that a table describes; raises `SettingsError` with one sentence for each mistake."""
    found = mistakes(table)
    if found:
        raise SettingsError(" ".join(found))
    return Engine(**{name: _value(value) for name, value in table.items()})


def mistakes(table: Mapping[str, Any]) -> list[str]:
    """One sentence for each mistake in a table; none where `from_table` takes it."""
    known = {field.name for field in fields(Engine)}
    found = [
        f"Unknown engine setting {name[:60]!r}; available: {', '.join(sorted(known))}."
        for name in table
        if name not in known
    ]
    for name, check in _CHECKS.items():
        if name in table and (wanted := check(table[name])):
            found.append(f"The engine's {name} is {_shown(table[name])}; {wanted}.")
    if not found and table.get("kind") == "ray" and not table.get("url"):
        found.append("Ray needs the url of its dashboard, such as https://ray.example.org or http://127.0.0.1:8265.")
    return found


def read(path: Path, *, whole: bool = True) -> Engine:
    """The engine of a TOML file: of its table ``[engine]``, else of the `whole` file. Raises `SettingsError`."""
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise SettingsError(f"{str(path)!r} is longer than {MAX_BYTES:,} bytes, too long for engine settings.")
        document = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise SettingsError(f"The engine settings {str(path)!r} can't be read: {error.strerror}.") from None
    except ValueError as error:  # of TOML or of UTF-8
        raise SettingsError(f"{str(path)!r} is not valid TOML: {error}.") from None
    table = document.get("engine", document if whole else {})
    if not isinstance(table, dict):
        raise SettingsError(f"In {str(path)!r}, engine is a value; write a table, [engine].")
    try:
        return from_table(table)
    except SettingsError as error:
        raise SettingsError(f"{path.name}: {error}") from None


def chosen(workspace: Path, kind: str = "") -> Engine:
    """The engine for a workspace's jobs; `kind`, else ``DDSING_ENGINE``, overrules that of the file.

    Raises `SettingsError` for a mistake in the file, or a kind that can't be used with it.
    """
    served, named = os.environ.get("DDSING_SERVED"), os.environ.get("DDSING_ENGINE_OPTIONS")
    path = Path(served or named or workspace / FILE_NAME).expanduser()
    engine = read(path, whole=not served) if served or named or path.is_file() else Engine()
    kind = kind or os.environ.get("DDSING_ENGINE", "")
    if not kind or kind == engine.kind:
        return engine
    if kind not in KINDS:
        raise SettingsError(f"Unknown engine {kind[:40]!r}; available: {', '.join(KINDS)}.")
    if kind == "ray" and not engine.url:
        raise SettingsError(f'Ray needs the url of its dashboard: write kind = "ray" and url = "…" in {path.name}.')
    return replace(engine, kind=kind)


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _shown(value: object) -> str:
    return repr(value)[:80]


def _one_of(value: object) -> str:
    return "" if value in KINDS else f"use {', '.join(KINDS[:-1])} or {KINDS[-1]}"


def _integer(low: int, high: int) -> Callable[[object], str]:
    def check(value: object) -> str:
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return "" if fits else f"use a whole number from {low} to {high:,}"

    return check


def _number(low: float, high: float) -> Callable[[object], str]:
    def check(value: object) -> str:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        return "" if fits else f"use a number from {low:g} to {high:,g}"

    return check


def _word(value: object) -> str:
    """What may be an option's value of ``sbatch``, and nothing that could be another option."""
    fits = isinstance(value, str) and len(value) <= 200 and (not value or _WORD.fullmatch(value))
    return "" if fits else "use letters, digits and . , : | & = * @ + - _"


def _path(value: object) -> str:
    fits = isinstance(value, str) and len(value) <= 4000 and value.isprintable() and not value.startswith("-")
    return "" if fits else "use the path of a file"


def _time(value: object) -> str:
    fits = isinstance(value, str) and _TIME.fullmatch(value)
    return "" if fits else 'use for example "12:00:00" or "2-00:00:00"'


def _lines(value: object) -> str:
    fits = isinstance(value, list) and all(isinstance(line, str) and "\0" not in line for line in value)
    return "" if fits else 'use a list of lines, such as ["module load cuda"]'


def _options(value: object) -> str:
    fits = isinstance(value, list) and all(isinstance(word, str) and word.startswith("--") for word in value)
    return "" if fits else 'use a list of long options, such as ["--exclude=node7"]'


def _url(value: object) -> str:
    """Https, or http to this computer: a token and all that is run would pass the network in the open."""
    if not isinstance(value, str):
        return "use an address such as https://ray.example.org"
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "use an address such as https://ray.example.org"
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        return "use an address such as https://ray.example.org"
    if parts.scheme == "http" and not is_loopback(host):
        return "use https, since http is allowed only for this computer itself (127.0.0.1)"
    return ""


def is_loopback(host: str) -> bool:
    """Whether it is this computer."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_CHECKS: dict[str, Callable[[Any], str]] = {
    "kind": _one_of,
    "cpus": _integer(1, 1024),
    "gpus": _integer(0, 64),
    "memory_gb": _number(0, 100_000),
    "at_once": _integer(1, 1000),
    "python": _path,
    "delay_s": _number(0, 3600),
    "partition": _word,
    "account": _word,
    "qos": _word,
    "constraint": _word,
    "gres": _word,
    "time": _time,
    "signal_s": _integer(10, 3600),
    "setup": _lines,
    "options": _options,
    "url": _url,
    "token_file": _path,
}
