"""Whether a hosted dashboard can do its work, for ``/readyz``: database and queue answer, workspaces can be written to.

A sentence for each thing that is not so; none names a path or a host, since anybody may ask.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError

from sqlalchemy import text

from ddsing.hosting import database
from ddsing.hosting.site import Site

PATIENCE_S = 5.0  # from then on something does not answer
_MEMO_S = 1.0
_BLOCK = b"\0" * 4096


class Readiness:
    """Asks at most once a second, however many want to know; what does not answer is asked only once at a time."""

    def __init__(self, site: Site, *, patience_s: float = PATIENCE_S) -> None:
        self._site = site
        self._patience_s = patience_s
        self._checks: dict[str, Callable[[], None]] = {
            "The database does not answer.": self._ask_database,
            "The folder of the workspaces can't be written to.": self._write,
            "The queue of the work does not answer.": lambda: site.work.check(),  # opened at the first look
        }
        self._pool = ThreadPoolExecutor(len(self._checks), thread_name_prefix="ready")
        self._asked: dict[str, Future] = {}
        self._asking = threading.Lock()
        self._memo: tuple[float, list[str]] | None = None

    def mistakes(self) -> list[str]:
        """What keeps the dashboard from its work; empty if nothing does."""
        with self._asking:
            if self._memo is None or time.monotonic() - self._memo[0] > _MEMO_S:
                self._memo = time.monotonic(), self._look()
            return self._memo[1]

    def _look(self) -> list[str]:
        for sentence, check in self._checks.items():
            before = self._asked.get(sentence)
            if before is None or before.done():
                self._asked[sentence] = self._pool.submit(check)
        deadline_s = time.monotonic() + self._patience_s
        return [one for one, asked in self._asked.items() if not _fine(one, asked, deadline_s)]

    def _ask_database(self) -> None:
        with database.reading(self._site.engine) as connection:
            connection.execute(text("SELECT 1"))

    def _write(self) -> None:
        with tempfile.TemporaryFile(dir=self._site.config.root, buffering=0) as file:
            file.write(_BLOCK)


def _fine(sentence: str, asked: Future, deadline_s: float) -> bool:
    try:
        asked.result(max(0.0, deadline_s - time.monotonic()))
    except TimeoutError:
        logging.getLogger("ddsing").error("Not ready: %s", sentence)
        return False
    except Exception as error:
        logging.getLogger("ddsing").error("Not ready: %s %s", sentence, error)
        return False
    return True
