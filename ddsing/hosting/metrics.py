"""``/metrics`` of a hosted dashboard, in Prometheus' text format; nothing in it names a person or a file.

What is asked of the database with each scrape are four counts. Jobs and bytes are what `ddsing.hosting.totals` found
last. Transfers are counted by `ddsing.work.counted`.
"""

from __future__ import annotations

import hmac
import os
import platform
import shutil
from collections.abc import Iterable, Iterator, Mapping
from typing import get_args
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from ddsing import __version__
from ddsing.hosting import checks, database
from ddsing.hosting.admission import Role
from ddsing.hosting.config import Config
from ddsing.hosting.database import DatabaseError
from ddsing.hosting.site import Site
from ddsing.hosting.tables import people
from ddsing.hosting.totals import Totals
from ddsing.work import counted, counters

_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", "via")


def may_read(config: Config, client: str | None, headers: Mapping[str, str]) -> bool:
    """Whether somebody may read the metrics.

    With a token in the file, whoever sends it as ``Authorization: Bearer TOKEN``; without, a program on the server that
    asks it directly. A front server on the same computer asks from there too, but for somebody else, and says so in a
    header; any such header is enough for a no, since some front servers pass on what a stranger has written there.

    Parameters
    ----------
    client : str, optional
        The network address that asks.
    headers : Mapping
        By their names in small letters.
    """
    if config.metrics.token:
        scheme, _, sent = headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(sent.strip().encode(), config.metrics.token.encode())
        return right and scheme.lower() == "bearer"
    try:
        asked = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    direct = not any(name in headers for name in _FORWARDED)
    return direct and client is not None and checks.is_loopback(client) and checks.is_loopback(asked)


def page(site: Site, totals: Totals, *, n_tabs: int) -> bytes:
    """The metrics as text; `n_tabs` is how many pages are open."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Known(site, totals, n_tabs))
    if os.environ.get(counted.FOLDER):
        MultiProcessCollector(registry)
    else:
        registry.register(counters.TRANSFERS)
    return generate_latest(registry)


class _Known(Collector):
    """What is known without looking far."""

    def __init__(self, site: Site, totals: Totals, n_tabs: int) -> None:
        self._site, self._totals, self._n_tabs = site, totals, n_tabs

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead: that would ask the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        version = {"version": __version__, "python": platform.python_version()}
        yield InfoMetricFamily("ddsing_build", "What runs here.", value=version)
        yield _one("ddsing_tabs", "Pages that are open in this process.", self._n_tabs)
        free = shutil.disk_usage(self._site.config.root)
        yield _one("ddsing_root_free_bytes", "Free space on the disk of the workspaces.", free.free)
        yield _one("ddsing_root_size_bytes", "Size of the disk of the workspaces.", free.total)
        yield from self._of_all()
        try:
            families = list(self._of_the_database())
        except DatabaseError:
            families = []
        yield _one("ddsing_database_up", "Whether the database answers.", int(bool(families)))
        yield from families

    def _of_all(self) -> Iterator[Metric]:
        found = self._totals
        yield _by("ddsing_jobs", "Jobs of everybody, by state.", "state", found.jobs)
        yield _by("ddsing_workspaces_bytes", "Bytes of all workspaces, measured now and then.", "kind", found.bytes)

    def _of_the_database(self) -> Iterator[Metric]:
        site = self._site
        with database.reading(site.engine) as connection:
            counts = select(people.c.role, people.c.blocked, func.count()).group_by(people.c.role, people.c.blocked)
            found = [tuple(row) for row in connection.execute(counts)]
        by_role = dict.fromkeys(get_args(Role), 0)
        for role, _, number in found:
            by_role[role] = by_role.get(role, 0) + number
        yield _by("ddsing_people", "People with an account, by role.", "role", by_role)
        n_blocked = sum(number for _, blocked, number in found if blocked)
        yield _one("ddsing_people_blocked", "People who are blocked.", n_blocked)
        yield _one("ddsing_sessions", "Sign-ins that have not ended.", site.people.count_sessions())
        n_inside, n_waiting = site.guests.count()
        yield _one("ddsing_guests", "Guests who are in.", n_inside)
        yield _one("ddsing_guests_waiting", "Guests who wait for a place.", n_waiting)


def _one(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=value)


def _by(name: str, about: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family
