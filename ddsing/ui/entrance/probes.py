"""What machines ask a hosted server: ``/healthz``, ``/readyz`` and ``/metrics``, below the base path and without it.

The first two are for anybody and answer to any host name, since what watches a server asks it by its number.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from streamlit import runtime

from ddsing.hosting import metrics
from ddsing.hosting.config import Config
from ddsing.hosting.health import Readiness
from ddsing.hosting.site import Site
from ddsing.hosting.totals import Totals

NAMES = ("healthz", "readyz", "metrics")
_STREAMLIT = "_stcore/metrics"  # has the same kind of thing, and Streamlit shows it to everybody
_HIDDEN = "Metrics are for programs on the server itself."
_TOKEN = "Metrics need the token of hosting.toml."
_TABS = "active_sessions"
_NOT_KEPT = {"cache-control": "no-store"}


def routes(here: Site, totals: Totals) -> list[Route]:
    """The three addresses, at both places."""
    answers: dict[str, Callable] = {
        "healthz": alive,
        "readyz": functools.partial(ready, Readiness(here)),
        "metrics": functools.partial(numbers, here, totals),
    }
    return [Route(prefix + name, answers[name], methods=["GET"]) for prefix in _prefixes(here.config) for name in NAMES]


def is_probe(config: Config, path: str) -> bool:
    """Whether an address is one of these."""
    return path in {prefix + name for prefix in _prefixes(config) for name in NAMES}


def hides(config: Config, path: str, client: str | None, headers: dict[str, str]) -> tuple[int, str] | None:
    """Status and sentence for somebody who may not read the metrics that are at an address; None for all else."""
    if path not in {prefix + name for prefix in _prefixes(config) for name in ("metrics", _STREAMLIT)}:
        return None
    if metrics.may_read(config, client, headers):
        return None
    return (401, _TOKEN) if config.metrics.token else (403, _HIDDEN)


async def alive(request: Request) -> Response:
    """The process lives, and answers."""
    return _fresh("ok\n")


def ready(readiness: Readiness, request: Request) -> Response:
    """It can do its work, or a line for each thing that keeps it from that."""
    mistakes = readiness.mistakes()
    return _fresh("".join(f"{one}\n" for one in mistakes), 503) if mistakes else _fresh("ok\n")


def numbers(here: Site, totals: Totals, request: Request) -> Response:
    """The metrics; `hides` has been asked before."""
    return Response(metrics.page(here, totals, n_tabs=_n_tabs()), media_type=CONTENT_TYPE_LATEST, headers=_NOT_KEPT)


def _fresh(text: str, status: int = 200) -> Response:
    return PlainTextResponse(text, status_code=status, headers=_NOT_KEPT)


def _n_tabs() -> int:
    if not runtime.exists():
        return 0
    found = runtime.get_instance().stats_mgr.get_stats(family_names=[_TABS])
    return int(sum(getattr(one, "value", 0) for one in found.get(_TABS, ())))


def _prefixes(config: Config) -> tuple[str, ...]:
    return ("/", f"/{config.base_path}/") if config.base_path else ("/",)
