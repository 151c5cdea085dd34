"""Counting what people do, for ``/metrics``; a local dashboard counts nothing and loads nothing for it.

The processes of a run count together: each writes into a folder of the run, and whoever is asked adds it up
(`prometheus_client`'s multiprocess mode). Who did something, and with which recording, is not kept.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

from ddsing.errors import Cancelled

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the variable by which `ddsing serve` names it; without it nothing is counted


@contextlib.contextmanager
def transfer() -> Iterator[None]:
    """What happens in the block is a transfer: how it ends and the seconds that it takes are counted."""
    if not os.environ.get(FOLDER):
        yield
        return
    result, began_s = "failed", time.monotonic()
    try:
        yield
        result = "done"
    except Cancelled:
        result = "cancelled"
        raise
    finally:
        from ddsing.work import counters

        counters.TRANSFERS.labels(result).observe(time.monotonic() - began_s)
