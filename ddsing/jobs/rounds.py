"""Turns by owner: of those who wait for a device, each has one before anybody has a second.

Turns come in rounds. Whoever had one in the round of now is next in the round after it, and an owner's further jobs
follow in one round after the other; within a round, everybody's first job before anybody's second, and then who ordered
first. So everybody's n-th waiting job comes after everybody else's (n-1)-th, however many somebody has ordered, and
whenever. What an admin has put first comes before all that, the last one put there before the others, and costs its
owner no turn.

What has to be remembered is in a file beside the tickets: the round of now, and who had a turn in it. Only who holds
the device writes it. Without it, a round begins anew. On a computer of one person it is not written, and the order is
that of the orders.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from ddsing.files import read_json, write_json

NAME = "rounds.json"
_MAX_BYTES = 2**20


class Waiting(Protocol):
    """As much of a ticket as decides about its turn."""

    @property
    def state(self) -> str:
        """``running``, or another."""

    @property
    def owner(self) -> str:
        """Whose it is."""

    @property
    def ordered_ns(self) -> int:
        """When it was ordered."""

    @property
    def first_ns(self) -> int:
        """When it was put first, or 0."""


T = TypeVar("T", bound=Waiting)


@dataclass(frozen=True)
class Rounds:
    """The round of now, counted from 0, and who had a turn in it."""

    now: int = 0
    had: frozenset[str] = field(default_factory=frozenset)


def in_turn(tickets: Iterable[T], rounds: Rounds) -> tuple[T, ...]:
    """Those that run, then the others in their turns."""
    tickets = list(tickets)
    running = sorted((one for one in tickets if one.state == "running"), key=lambda one: one.ordered_ns)
    waiting = [one for one in tickets if one.state != "running"]
    first = sorted((one for one in waiting if one.first_ns), key=lambda one: -one.first_ns)
    turns = [(turn, number, one) for turn, number, one in _turns(waiting, rounds) if not one.first_ns]
    others = sorted(turns, key=lambda found: (found[0], found[1], found[2].ordered_ns))
    return (*running, *first, *(one for _, _, one in others))


def served(tickets: Sequence[T], one: T, rounds: Rounds) -> Rounds:
    """The rounds once it is the turn of a waiting one of some tickets."""
    if one.first_ns:
        return rounds
    waiting = [ticket for ticket in tickets if ticket.state != "running"]
    turn = next((turn for turn, _, ticket in _turns(waiting, rounds) if ticket is one), rounds.now)
    return Rounds(turn, (rounds.had if turn == rounds.now else frozenset()) | {one.owner})


def read(folder: Path) -> Rounds:
    """The rounds of a device's queue."""
    found = read_json(folder / NAME, max_bytes=_MAX_BYTES) or {}
    now, had = found.get("now"), found.get("had")
    if not isinstance(now, int) or not isinstance(had, list):
        return Rounds()
    return Rounds(now, frozenset(map(str, had)))


def write(folder: Path, rounds: Rounds) -> None:
    """Remember the rounds; nothing is written where only the owner of a local computer has had a turn."""
    if not rounds.had <= {""} or (folder / NAME).exists():
        with contextlib.suppress(OSError):  # on a full disk the order is only less fair
            write_json(folder / NAME, {"now": rounds.now, "had": sorted(rounds.had)}, durable=False)


def _turns(waiting: Iterable[T], rounds: Rounds) -> list[tuple[int, int, T]]:
    """The round of each, and its number among its owner's."""
    n_of: dict[str, int] = {}
    found = []
    for one in sorted(waiting, key=lambda one: one.ordered_ns):
        number = n_of.get(one.owner, 0)
        found.append((rounds.now + (one.owner in rounds.had) + number, number, one))
        if not one.first_ns:
            n_of[one.owner] = number + 1
    return found
