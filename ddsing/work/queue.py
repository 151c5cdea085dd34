"""The queue of a hosted dashboard's work: huey, on SQLite in the private folder, or on Redis for several servers.

What huey carries is only that an order is due, as JSON, with the order's turn as priority. Huey forgets an order as it
hands it out, so the order's folder is the truth: `Queue.recover` gives out again what nobody works at, and a message
about an order that has ended, or that another worker has, does nothing. A queue that is lost is filled again from the
folders (`Queue.restore`).

Public: `Queue`, `Place`, `QueueError`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from huey import Huey
from huey.constants import EmptyData
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import PriorityRedisStorage, SqliteStorage
from redis import ConnectionPool
from redis.exceptions import RedisError

from ddsing.errors import DdsingError
from ddsing.files import write_atomic
from ddsing.jobs.time_left import Range, around
from ddsing.work import folder as folders
from ddsing.work import turns
from ddsing.work.folder import End, OrderFolder
from ddsing.work.order import Order

FOLDER = ".hosting"
FILE = "work.db"
PLACES = ("people/*/*", "guests/*")  # below the root, where workspaces are
_LOCK_S = 30.0
_BUSY_S = 30
_REDIS_S = 10.0
_SNAPSHOT_S = 0.5
_SERVING, _BEGUN, _LIVE = "serving", "begun:", "live:"


class QueueError(DdsingError):
    """A queue that can't be reached."""


class Json(Serializer):
    """Messages as JSON: who can write to the store can't make a worker run anything."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Any:
        found = json.loads(bytes(data))
        return Message(*found) if isinstance(found, list) else found


@dataclass(frozen=True)
class Place:
    """Where an order is in line.

    Attributes
    ----------
    number : int
        1 for the next one.
    left : Range
        Seconds until it is done.
    """

    number: int
    left: Range


@dataclass(frozen=True)
class _Due:
    """A message: the order's owner, its id, and the seconds that it will probably take."""

    owner: str
    order_id: str
    expected_s: float


class Queue:
    """The orders that are due.

    Parameters
    ----------
    root : Path
        Below it lie all workspaces.
    redis : str
        URL of a Redis; "" for SQLite below `root`.
    processes : int
        How many workers serve it, as far as is known here; for the time left.
    """

    def __init__(self, root: Path, redis: str = "", *, processes: int = 1):
        self.root, self.processes = root, max(1, processes)
        self.on_due: Callable[[OrderFolder], None] | None = None
        (root / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
        with _said():
            self.huey = _huey(root, redis)
        self._due = self.huey.task(name="due")(self._is_due)
        self._suspects: set[str] = set()
        self._looking = threading.Lock()
        self._seen_s, self._seen = -_SNAPSHOT_S, ([], 0.0)  # type: tuple[float, tuple[list[_Due], float]]

    # By pages

    def submit(self, workspace: Path, order: Order, *, tab: str = "") -> OrderFolder:
        """Accept an order: from now on it will be done, whatever ends meanwhile; `QueueError` if it can't be."""
        owner = self._owner(workspace)
        with _said(), self._alone():
            try:
                made = OrderFolder.create(workspace, order, tab=tab, turn=self._next_turn(owner, workspace))
            except OSError as error:
                raise QueueError(f"This can't be started: {error.strerror}. Free some disk space.") from None
            try:
                self._put(_LIVE + made.id, owner)
                self._give_out(made, order.expected_s)
            except BaseException:
                made.forget()
                raise
        return made

    def cancel(self, order: OrderFolder) -> None:
        """Ask for an order's end; one that waits ends at once."""
        order.cancel()
        if order.ended() is not None:
            with contextlib.suppress(QueueError), _said():
                self.huey.storage.delete_data(_LIVE + order.id)

    def place(self, order: OrderFolder) -> Place | None:
        """Where an order that waits is in line; None for one that does not, or where the queue can't be reached."""
        try:
            waiting, running_s = self._look()
        except QueueError:
            return None
        ahead_s = running_s
        for number, due in enumerate(waiting, start=1):
            if due.order_id == order.id:
                return Place(number, around(ahead_s / self.processes + due.expected_s))
            ahead_s += due.expected_s
        return None

    def check(self) -> None:
        """Raise `QueueError` if it can't be reached."""
        with _said():
            self._get(_SERVING, None)

    # By workers

    def begin(self, order: OrderFolder) -> None:
        """Note that an order's turn has come."""
        owner, turn = self._owner(order.workspace), order.turn()
        with contextlib.suppress(QueueError), _said(), self._alone():
            self._put(_SERVING, max(turn, self._get(_SERVING, 0)))
            self._put(_BEGUN + owner, max(turn, self._get(_BEGUN + owner, turn)))

    def end(self, order: OrderFolder, end: End) -> None:
        """Write an order's end; it is not due any more."""
        order.end(end)
        with contextlib.suppress(QueueError), _said():
            self.huey.storage.delete_data(_LIVE + order.id)

    # By who watches

    def restore(self) -> int:
        """Look through all workspaces for orders that are to be done, and forget old ends; returns how many."""
        found: list[OrderFolder] = []
        for pattern in PLACES:
            for path in self.root.glob(f"{pattern}/{folders.NAME}/*"):
                order = OrderFolder(path)
                if order.ended() is None:
                    found += [order] if order.exists() else []
                else:
                    order.forget_if_old()
        with _said(), self._alone():
            for order in found:
                self._put(_LIVE + order.id, self._owner(order.workspace))
            first = min((order.turn() for order in found), default=0)  # a store that was lost would begin below it
            self._put(_SERVING, max(first, self._get(_SERVING, 0)))
        return len(found)

    def recover(self) -> int:
        """Give out again what is due and neither waits nor is worked at, seen twice; returns how many."""
        with _said():
            if self._get(_SERVING, None) is None:  # the store has lost everything
                self.restore()
            live, waiting = self._live(), {due.order_id for due in self._waiting()}
        lost = {one for one, owner in live.items() if one not in waiting and self._is_lost(owner, one)}
        again = lost & self._suspects
        for order_id in again:
            order = self._folder(live[order_id], order_id)
            assert order is not None
            order.set_back()
            with _said():
                self._give_out(order, order.expected_s())
        self._suspects = lost - again
        return len(again)

    def _is_lost(self, owner: str, order_id: str) -> bool:
        """Whether an order that is due is to be done and has no worker; what is not to be done is due no more."""
        order = self._folder(owner, order_id)
        if order is None or not order.exists() or order.ended() is not None:
            with _said():
                self.huey.storage.delete_data(_LIVE + order_id)
            return False
        return self._is_free(order)

    def _is_free(self, order: OrderFolder) -> bool:
        with order.held(patience_s=0.0) as mine:
            return mine

    # Inside

    def _is_due(self, owner: str, order_id: str, expected_s: float) -> None:
        order = self._folder(owner, order_id)
        if order is not None and self.on_due is not None and order.exists() and order.ended() is None:
            self.on_due(order)

    def _give_out(self, order: OrderFolder, expected_s: float) -> None:
        turn = order.turn()
        task = self._due.s(self._owner(order.workspace), order.id, expected_s, priority=-turn)
        self.huey.enqueue(task)

    def _next_turn(self, owner: str, workspace: Path) -> int:
        waiting = []
        for order in folders.of_workspace(workspace):
            if order.ended() is None:
                waiting.append(order.turn())
            else:
                order.forget_if_old()
        return turns.turn(self._get(_SERVING, 0), self._get(_BEGUN + owner, None), waiting)

    def _look(self) -> tuple[list[_Due], float]:
        """Those that wait, in their order, and the seconds that are left of those at work; all tabs share one look."""
        with self._looking:
            if time.monotonic() - self._seen_s > _SNAPSHOT_S:
                with _said():
                    waiting = self._waiting()
                    live = self._live()
                ids = {due.order_id for due in waiting}
                running = [self._folder(owner, one) for one, owner in live.items() if one not in ids]
                left_s = sum(_left_s(order) for order in running if order is not None)
                self._seen_s, self._seen = time.monotonic(), (waiting, left_s)
            return self._seen

    def _waiting(self) -> list[_Due]:
        """The messages in their order, without those about orders that have ended."""
        messages = [self.huey.serializer.deserialize(data) for data in self.huey.storage.enqueued_items()]
        found: dict[str, _Due] = {}
        for message in messages:
            due = _Due(*message.args)
            order = self._folder(due.owner, due.order_id)
            if order is not None and order.exists() and order.ended() is None:
                found.setdefault(due.order_id, due)
        return list(found.values())

    def _live(self) -> dict[str, str]:
        """Owners of the orders that are due, by id."""
        items = {_text(key): value for key, value in self.huey.storage.result_items().items()}
        return {key[len(_LIVE) :]: json.loads(bytes(value)) for key, value in items.items() if key.startswith(_LIVE)}

    def _folder(self, owner: str, order_id: str) -> OrderFolder | None:
        """An order's folder, if what a message names can be one."""
        names = [*owner.split("/"), order_id]
        fine = all(name.replace("-", "").isalnum() for name in names) and names[0] in ("people", "guests")
        return OrderFolder(self.root / owner / folders.NAME / order_id) if fine else None

    def _owner(self, workspace: Path) -> str:
        """Whose a workspace is: its path below the root."""
        return workspace.relative_to(self.root).as_posix()

    def _get(self, key: str, default: Any) -> Any:
        value = self.huey.storage.peek_data(key)
        return default if value is EmptyData else json.loads(bytes(value))

    def _put(self, key: str, value: Any) -> None:
        self.huey.storage.put_data(key, json.dumps(value).encode())

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else reads and changes turns meanwhile."""
        try:
            with FileLock(self.root / FOLDER / "work.lock", timeout=_LOCK_S, thread_local=False):
                yield
        except Timeout:
            raise QueueError("The queue is busy at the moment. Please try again in a minute.") from None


def _huey(root: Path, redis: str) -> Huey:
    common: dict[str, Any] = {"results": False, "serializer": Json()}
    if redis:
        pool = ConnectionPool.from_url(redis, socket_timeout=_REDIS_S, socket_connect_timeout=_REDIS_S)
        return Huey(_name(root), storage_class=PriorityRedisStorage, connection_pool=pool, **common)
    path = str(root / FOLDER / FILE)
    return Huey("ddsing", storage_class=SqliteStorage, filename=path, strict_fifo=True, timeout=_BUSY_S, **common)


def _name(root: Path) -> str:
    """What tells this site's queue from others in the same Redis; the same for all servers that share a root."""
    path = root / FOLDER / "work.id"
    with contextlib.suppress(FileExistsError):
        write_atomic(path, secrets.token_hex(8).encode(), new=True)
    return f"ddsing{path.read_text('ascii').strip()}"


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """What the store raises, in a sentence; the details are for the log."""
    try:
        yield
    except (RedisError, sqlite3.Error) as error:
        logging.getLogger("ddsing").error("The queue can't be used: %s", error)
        raise QueueError("The queue can't be reached at the moment. Please try again in a minute.") from None


def _left_s(order: OrderFolder) -> float:
    """Seconds that are left of an order at work, as far as it has told."""
    status = order.status()
    left = status.get("left_s")
    if not isinstance(left, list):
        return order.expected_s()
    return max(0.0, Range(*left).middle_s - (time.time() - float(status["at"])))


def _text(key: str | bytes) -> str:
    return key.decode() if isinstance(key, bytes) else key
