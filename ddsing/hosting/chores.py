"""What is done now and then for the whole site: of its servers, one does it."""

from __future__ import annotations

import time

from sqlalchemy import Engine, insert, select, update

from ddsing.hosting import database
from ddsing.hosting.tables import chores


def due(engine: Engine, name: str, every_s: float) -> bool:
    """Whether a chore is this process's to do now; then no other server does it for a while."""
    mine = chores.c.name == name
    with database.writing(engine) as connection:
        now_s = time.time()
        done_s = connection.execute(select(chores.c.done_s).where(mine)).scalar()
        if done_s is not None and abs(now_s - done_s) < every_s:  # servers' clocks differ a little
            return False
        if done_s is None:
            connection.execute(insert(chores).values({"name": name, "done_s": now_s}))
        else:
            connection.execute(update(chores).where(mine).values({"done_s": now_s}))
    return True
