"""Whether the visitor may store or start something more; on a local dashboard always.

`ddsing.hosting.quotas` decides how much, `ddsing.hosting.rates` how often. Each of these raises their errors, a
sentence with the numbers and what to delete, or when to try again, before anything is kept.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator

import streamlit as st

from ddsing.constants import FULL_BAND_RATE
from ddsing.errors import DdsingError
from ddsing.ui.shell import visitor
from ddsing.units import format_duration


def require_bytes(name: str, n_bytes: float) -> None:
    """So many more bytes in the workspace; `name` begins the sentence."""
    quota = visitor.current().quota
    if quota is not None:
        quota.require_bytes(name, n_bytes)


def require_transfer(duration_s: float, rate_hz: int = FULL_BAND_RATE) -> None:
    """A transfer of so much sound, and the take that it makes, at its sample rate."""
    quota = visitor.current().quota
    if quota is not None:
        quota.require_transfer(duration_s, rate_hz)
    count("transfers")


def longest_transfer_s(most_s: float) -> float:
    """The longest recording that the visitor may transfer, of `most_s` at most."""
    quota = visitor.current().quota
    return most_s if quota is None else min(most_s, quota.transfer_s)


def transfer_refusal(duration_s: float) -> str:
    """Why so much sound can't be transferred now, as a sentence; "" if it can. Nothing is counted."""
    found = visitor.current()
    if found.quota is not None:
        try:
            found.quota.require_transfer(duration_s)
        except DdsingError as error:
            return str(error)
    if found.limiter is None:
        return ""
    return found.limiter.refusal("transfers", who=found.who, address=st.context.ip_address or "")


def count_batch(durations_s: Iterable[float]) -> None:
    """Count the transfers of many recordings by how long they are altogether; more than there may be are refused.

    They count as as many transfers as that much sound needs in pieces of the length that one may have: what a batch
    can ask of the server within the window is what single transfers can.
    """
    found = visitor.current()
    if found.limiter is None or found.quota is None:
        return
    total_s, longest_s = sum(durations_s), found.quota.transfer_s
    n, most = max(1, math.ceil(total_s / longest_s)), found.limiter.most("transfers")
    if n > most:
        from ddsing.hosting.quotas import QuotaError

        raise QuotaError(
            f"The recordings are {format_duration(total_s)} long altogether, and {format_duration(most * longest_s)} "
            "can be transferred at once. Choose fewer."
        )
    count("transfers", n)


def count(what: str, n: int = 1) -> None:
    """Count something that costs; raises `ddsing.hosting.rates.TooOften` where it is too much."""
    found = visitor.current()
    if found.limiter is not None:
        found.limiter.ask(what, who=found.who, address=found.address or st.context.ip_address or "", n=n)


@contextlib.contextmanager
def adding() -> Iterator[Callable[[str, int, float], None] | None]:
    """Within it recordings are added: yields what `ddsing.dataset.adding.add` asks before each."""
    quota = visitor.current().quota
    if quota is None:
        yield None
        return
    with quota.adding() as room:
        yield room
