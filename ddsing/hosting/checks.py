"""What the values of ``hosting.toml`` may be: each alone, and together."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from limits import parse
from redis import ConnectionPool

from ddsing.hosting.config import LOOPBACK, Config, Login
from ddsing.jobs import engine

_HOST = re.compile(
    r"(\*\.)?(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE
)
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")  # what may be a bearer's (RFC 6750), and can't be guessed
_DATABASE = re.compile(r"(sqlite:///.+|postgresql(\+psycopg)?://.+)")
_STORAGE = re.compile(r"memory://|rediss?://[^\s]+")
_RANGES = {  # from, to
    "port": (1, 65535),
    "login.session_hours": (0.01, 24 * 30),  # the cookie lives for 30 days
    "guests.most": (1, 10_000),
    "guests.hours": (0.01, 24 * 7),
    "guests.transfer_seconds": (1, 3600),
    "limits.workspace_gb": (0.1, 1e6),
    "limits.recording_minutes": (1, 1e7),
    "limits.transfer_seconds": (1, 3600),
    "limits.live_jobs": (1, 1000),
    "limits.device_minutes_per_day": (1, 1e7),
    "limits.upload_mb": (1, 10_000),
    "rates.people_per_address": (1, 100_000),
    "expiry.days": (1, 36_500),
    "work.processes": (0, 1000),
    "expiry.warning_days": (0, 36_500),
    "expiry.trash_days": (0, 36_500),
    "rest.sign_in_days": (0.01, 366),
}


def wrong(name: str, value: Any) -> str | None:
    """A sentence about a setting whose value can't be used; None if it can."""
    if name in _RANGES:
        low, high = _RANGES[name]
        fine = math.isfinite(value) and low <= value <= high
        return None if fine else f"`{name}` is {value} but must be from {low:g} to {high:,.15g}."
    check = _CHECKS.get(re.sub(r"^login\.providers\.[^.]+\.", "provider.", name))
    return check(name, value) if check else None


def mistakes(config: Config) -> list[str]:
    """Sentences about settings that don't go together."""
    return [*_people(config), *_network(config), *_numbers(config), *engine.mistakes(config.engine)]


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this computer itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() in LOOPBACK


def split_provider(entry: str, login: Login) -> tuple[str, str]:
    """An entry of a list of people, as (provider's name or "" for any, the rest)."""
    name, colon, rest = entry.partition(":")
    return (name, rest) if colon and name in login.providers else ("", entry)


def _people(config: Config) -> Iterator[str]:
    login = config.login
    if not login.providers and not config.guests.allowed:
        yield (
            "No one could come in: add a provider, `[login.providers.NAME]`, or allow guests with "
            "`[guests] allowed = true`."
        )
    some = bool(login.domains or login.addresses or login.claims)
    if login.providers and not login.everybody and not some and not login.admins:
        yield (
            "`login` names no people: add `domains`, `addresses` or `claims`, or set `everybody = true` to let in "
            "everybody who has an account with a provider."
        )
    if login.everybody and some:
        yield "`login.everybody` leaves `domains`, `addresses` and `claims` without effect: keep one or the other."
    yield from _entries(login)


def _entries(login: Login) -> Iterator[str]:
    for name in login.providers:
        if not _PROVIDER.fullmatch(name):
            yield f"`login.providers.{name}` needs a name of small letters, digits and hyphens, up to 31 of them."
    for entry in login.admins:
        provider, rest = split_provider(entry, login)
        if not provider and not _ADDRESS.fullmatch(rest):
            yield (
                f'`login.admins` has "{entry}", which is neither an e-mail address nor PROVIDER:SUBJECT with a '
                "provider of this file."
            )
    for entry in login.addresses:
        if not _ADDRESS.fullmatch(split_provider(entry, login)[1]):
            yield f'`login.addresses` has "{entry}", which is not an e-mail address.'
    for entry in login.domains:
        if not _HOST.fullmatch(split_provider(entry, login)[1]) or "*" in entry:
            yield f'`login.domains` has "{entry}", which is not a domain such as "example.org".'


def _network(config: Config) -> Iterator[str]:
    parts = urlsplit(config.origin)
    if parts.scheme == "http" and not is_loopback(str(parts.hostname)):
        yield f'`address` is "{config.origin}", but passwords and cookies need https there: write "https://{parts.netloc}".'
    if parts.scheme == "http" and not is_loopback(config.listen):
        yield f'`listen` is "{config.listen}", which other computers reach, so that `address` has to begin with https.'


def _numbers(config: Config) -> Iterator[str]:
    if config.guests.transfer_seconds > config.limits.transfer_seconds:
        yield (
            f"`guests.transfer_seconds` is {config.guests.transfer_seconds:g}, more than the "
            f"{config.limits.transfer_seconds:g} of `limits.transfer_seconds`."
        )
    if config.expiry.warning_days >= config.expiry.days:
        yield (
            f"`expiry.warning_days` is {config.expiry.warning_days} but must be less than the {config.expiry.days} of "
            "`expiry.days`."
        )


def _address(name: str, value: str) -> str | None:
    try:
        parts = urlsplit(value)
        bare = not (parts.path or parts.query or parts.fragment or parts.username or parts.password)
        fine = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and bare and parts.port != 0
    except ValueError:
        fine = False
    hint = 'such as "https://sing.example.org"; what follows the host name belongs into `base_path`'
    return None if fine else f'`{name}` is "{value}" but must be an address {hint}.'


def _metadata_url(name: str, value: str) -> str | None:
    try:
        parts = urlsplit(value)
        fine = bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(str(parts.hostname)))
        )
    except ValueError:
        fine = False
    example = "https://accounts.example.org/.well-known/openid-configuration"
    return None if fine else f'`{name}` is "{value}" but must be an https address such as "{example}".'


def _is_host(value: str) -> bool:
    return is_loopback(value) or bool(_HOST.fullmatch(value))


def _hosts(name: str, value: tuple[str, ...]) -> str | None:
    bad = next((one for one in value if not _is_host(one)), None)
    return None if bad is None else f'`{name}` has "{bad}", which is not a host name such as "sing.example.org".'


def _listen(name: str, value: str) -> str | None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if value != "localhost":
            return (
                f'`{name}` is "{value}" but must be an IP address of this computer, such as "127.0.0.1" or "0.0.0.0".'
            )
    return None


def _proxies(name: str, value: tuple[str, ...]) -> str | None:
    for one in value:
        try:
            ipaddress.ip_network(one)
        except ValueError:
            return f'`{name}` has "{one}", which is not an IP address or network such as "192.0.2.7" or "10.0.0.0/8".'
    return None


def _token(name: str, value: str) -> str | None:
    if value and not _TOKEN.fullmatch(value):
        return f"`{name}` must be at least 16 letters, digits or characters of -._~+/, without spaces."
    return None


def _base_path(name: str, value: str) -> str | None:
    segments = value.split("/")
    if value and not all(_SEGMENT.fullmatch(one) and one not in (".", "..") for one in segments):
        return (
            f'`{name}` is "{value}" but must be a path without slashes at its ends, such as "ddsing" or "tools/ddsing".'
        )
    return None


def _database(name: str, value: str) -> str | None:
    if value and not _DATABASE.fullmatch(value):
        return f'`{name}` must be "sqlite:///FILE" or "postgresql://USER:PASSWORD@HOST/NAME".'
    return None


def _rate(name: str, value: str) -> str | None:
    try:
        fine = parse(value).amount > 0
    except ValueError:
        fine = False
    return None if fine else f'`{name}` is "{value}" but must be such as "60 per hour" or "20 per 10 minutes".'


def _storage(name: str, value: str) -> str | None:
    return None if _STORAGE.fullmatch(value) else f'`{name}` must be "memory://" or "redis://HOST:PORT/NUMBER".'


def _redis(name: str, value: str) -> str | None:
    try:
        if value:
            ConnectionPool.from_url(value)
    except ValueError:
        return f'`{name}` must be "redis://:PASSWORD@HOST:PORT/NUMBER", or begin with rediss:// where Redis uses TLS.'
    return None


def _scope(name: str, value: str) -> str | None:
    return None if "openid" in value.split() else f'`{name}` is "{value}" but has to contain "openid".'


def _not_empty(name: str, value: str) -> str | None:
    return None if value.strip() else f"`{name}` is empty."


_CHECKS: dict[str, Callable[[str, Any], str | None]] = {
    "address": _address,
    "hosts": _hosts,
    "listen": _listen,
    "proxies": _proxies,
    "metrics.token": _token,
    "base_path": _base_path,
    "database": _database,
    "rates.transfers": _rate,
    "rates.uploads": _rate,
    "rates.logins": _rate,
    "rates.guests": _rate,
    "rates.storage": _storage,
    "work.redis": _redis,
    "provider.metadata_url": _metadata_url,
    "provider.client_id": _not_empty,
    "provider.scope": _scope,
}
