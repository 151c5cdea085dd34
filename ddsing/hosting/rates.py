"""How often what costs may be asked for: by each person, and from each network address, within a moving window.

The counting is the package `limits`, in memory for one server, or in Redis for several. Where Redis can't be
reached, the site goes on without, and the log says so: a counter that is away must not close the house.
"""

from __future__ import annotations

import ipaddress
import logging
import time

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from ddsing.errors import DdsingError
from ddsing.hosting.config import Rates
from ddsing.units import format_duration

_WORDS = {
    "transfers": "transfers",
    "uploads": "uploads",
    "logins": "sign-ins",
    "guests": "visits as a guest",
}
_REDIS_S = 1.0  # to wait for an answer


class TooOften(DdsingError):
    """What was asked for too often; `wait_s` is when to try again."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class Limiter:
    """Counts, and refuses what is too much."""

    def __init__(self, settings: Rates) -> None:
        self._settings = settings
        options = {} if settings.storage == "memory://" else {"socket_timeout": _REDIS_S, "wrap_exceptions": True}
        self._windows = MovingWindowRateLimiter(storage_from_string(settings.storage, **options))

    def ask(self, what: str, *, who: str = "", address: str = "", n: int = 1) -> None:
        """Count something that somebody does now; raises `TooOften` if it is too much, and then it is not counted.

        Parameters
        ----------
        what : str
            One of the settings: transfers, uploads, logins or guests.
        who : str
            As the audit log names them; empty for one who is not known yet.
        address : str
            From where; many people may share one, so that it may have more.
        n : int
            How many at once.
        """
        asked = self._asked(what, who, address)
        try:
            for item, whose, sentence in asked:
                if not self._windows.test(item, what, whose, cost=min(n, item.amount)):
                    self._refuse(item, what, whose, sentence)
            for item, whose, _ in asked:
                self._windows.hit(item, what, whose, cost=min(n, item.amount))
        except StorageError as error:
            logging.getLogger("ddsing").error("Nothing is counted: %r can't be reached: %s", "rates.storage", error)

    def refusal(self, what: str, *, who: str = "", address: str = "") -> str:
        """Why one more now would be too much, as a sentence; "" if it would not. Nothing is counted."""
        try:
            for item, whose, sentence in self._asked(what, who, address):
                if not self._windows.test(item, what, whose):
                    self._refuse(item, what, whose, sentence)
        except TooOften as error:
            return str(error)
        except StorageError:  # it is in the log once something is counted
            pass
        return ""

    def _asked(self, what: str, who: str, address: str) -> list[tuple[RateLimitItem, str, str]]:
        """What is counted: how many there may be, of whom, and the sentence of a refusal."""
        most, asked = getattr(self._settings, what), []
        if who:
            asked.append((parse(most), who, f"More than {most} {_WORDS[what]} are not possible."))
        if address:
            sentence = f"Very many {_WORDS[what]} come from your network at the moment."
            asked.append((self._of_address(what, most, known=bool(who)), _network(address), sentence))
        return asked

    def most(self, what: str) -> int:
        """How many there may be within the window at most."""
        return parse(getattr(self._settings, what)).amount

    def _of_address(self, what: str, most: str, *, known: bool) -> RateLimitItem:
        """An address may have as much as several people, where those are counted as well."""
        item = parse(most)
        shares = self._settings.people_per_address if known or what == "uploads" else 1
        return type(item)(item.amount * shares, item.multiples, item.namespace)

    def _refuse(self, item: RateLimitItem, what: str, whose: str, sentence: str) -> None:
        wait_s = max(1.0, self._windows.get_window_stats(item, what, whose).reset_time - time.time())
        raise TooOften(f"{sentence} Try again in {format_duration(wait_s)}.", wait_s)


def _network(address: str) -> str:
    """What an address is counted as: of IPv6 a connection has a whole network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)
