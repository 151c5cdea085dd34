"""``hosting.toml``: what a hosted dashboard is, as frozen dataclasses; one for each table of the file.

Every field with a default may be left out of the file, and every default is the safe one: nobody may come in, and the
server listens on this computer only. `ddsing.hosting.reading` makes a `Config` of a file, or lists all its mistakes.
``docs/hosting.md`` explains every setting; a test compares it with the fields here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True)
class Provider:
    """An OpenID Connect provider, a table ``[login.providers.NAME]``.

    `label` is what the button says, by default the name; `client_secret` may be in a file of its own instead.
    `addresses_verified` takes the provider's e-mail addresses as verified although it does not say so.
    """

    metadata_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    client_secret_file: str = ""
    label: str = ""
    scope: str = "openid profile email"
    prompt: str = "select_account"
    addresses_verified: bool = False


@dataclass(frozen=True)
class Login:
    """Who may sign in, ``[login]``; a person needs one of the domains, addresses or claims, or `everybody`.

    An address or domain may be limited to one provider, ``NAME:ann@example.org``. An admin is named by address, or by
    ``NAME:SUBJECT``.
    """

    session_hours: float = 12.0
    everybody: bool = False
    domains: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=_nothing)
    admins: tuple[str, ...] = ()
    providers: Mapping[str, Provider] = field(default_factory=_nothing)


@dataclass(frozen=True)
class Guests:
    """Visitors without an account, ``[guests]``: at most so many at once, each for some hours."""

    allowed: bool = False
    most: int = 5
    hours: float = 4.0
    transfer_seconds: float = 30.0


@dataclass(frozen=True)
class Limits:
    """What each person may use, ``[limits]``."""

    workspace_gb: float = 10.0
    recording_minutes: float = 600.0
    transfer_seconds: float = 600.0
    live_jobs: int = 2
    device_minutes_per_day: float = 240.0
    upload_mb: int = 300


@dataclass(frozen=True)
class Rates:
    """How often what costs may be asked for, ``[rates]``: ``NUMBER per TIME``; see `ddsing.hosting.rates`."""

    transfers: str = "60 per hour"
    uploads: str = "1000 per hour"
    logins: str = "60 per 10 minutes"
    guests: str = "20 per hour"
    people_per_address: int = 20
    storage: str = field(default="memory://", repr=False)


@dataclass(frozen=True)
class Expiry:
    """When a workspace that nobody opens is removed, ``[expiry]``: first to the trash, and from there for good.

    Who comes in `warning_days` before it would have expired, or later, is told so.
    """

    days: int = 365
    warning_days: int = 30
    trash_days: int = 30


@dataclass(frozen=True)
class Work:
    """How the work of the pages is done, ``[work]``: by so many processes of each server, 0 for one for two cores.

    With the URL of a Redis several servers share the work; else the queue is in a SQLite file below the root.
    """

    processes: int = 0
    redis: str = field(default="", repr=False)


@dataclass(frozen=True)
class Metrics:
    """Who may read ``/metrics``, ``[metrics]``: programs on the server itself; with a token, whoever sends it."""

    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Rest:
    """Whether programs may use the REST interface, ``[rest]``, each with a token of a person's.

    A token works while its owner has signed in within the last `sign_in_days`: who may no longer come in, is out.
    """

    allowed: bool = False
    sign_in_days: float = 30.0


@dataclass(frozen=True)
class Config:
    """The whole file.

    Attributes
    ----------
    root : Path
        The folder of all workspaces; by default ``hosted`` beside the file.
    database : str
        SQLAlchemy URL; by default a SQLite file below `root`.
    address : str
        What people type to get here, without the base path: scheme, host name, port if it is not the usual one; see
        `origin`.
    hosts : tuple of str
        Further host names that the server answers to.
    proxies : tuple of str
        Network addresses of front servers, whose word about who asks, ``X-Forwarded-For``, is believed.
    engine : Mapping
        Where jobs run; passed on as it is.
    """

    root: Path
    database: str = field(default="", repr=False)
    address: str = ""
    hosts: tuple[str, ...] = ()
    base_path: str = ""
    listen: str = "127.0.0.1"
    port: int = 8501
    proxies: tuple[str, ...] = LOOPBACK[1:]
    login: Login = Login()
    guests: Guests = Guests()
    limits: Limits = Limits()
    rates: Rates = Rates()
    expiry: Expiry = Expiry()
    work: Work = Work()
    metrics: Metrics = Metrics()
    rest: Rest = Rest()
    engine: Mapping[str, Any] = field(default_factory=_nothing)

    @property
    def origin(self) -> str:
        """The address; by default this computer's, with the port."""
        return self.address or f"http://localhost:{self.port}"

    @property
    def url(self) -> str:
        """The address with the base path, without a slash at its end."""
        return self.origin + (f"/{self.base_path}" if self.base_path else "")

    @property
    def https(self) -> bool:
        """Whether browsers get here by https."""
        return urlsplit(self.origin).scheme == "https"

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """All host names that the server answers to."""
        return tuple(dict.fromkeys([str(urlsplit(self.origin).hostname), *self.hosts]))

    @property
    def database_url(self) -> str:
        """The database, with the driver that is installed."""
        url = self.database or f"sqlite:///{self.root / 'ddsing.db'}"
        return url.replace("postgresql://", "postgresql+psycopg://", 1)
