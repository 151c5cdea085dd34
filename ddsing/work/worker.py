"""A process that does the work of a hosted dashboard's pages, one order at a time, for as long as its server lives.

``python -m ddsing.work.worker`` reads from its standard input where the queue is, as a line of JSON, and then what it
is never sent: the input's end is the server's end, and the worker's too.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huey.consumer import Consumer

from ddsing.errors import Cancelled, DdsingError
from ddsing.instrument.models import Models
from ddsing.jobs import paces
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore
from ddsing.work import kinds, order_options
from ddsing.work.folder import MOST_ATTEMPTS, End, OrderFolder
from ddsing.work.kinds import AtHand
from ddsing.work.progress import STARTING, Progress
from ddsing.work.queue import Queue
from ddsing.workspace import Workspace

_WORKSPACES = 4  # whose instruments are in memory, the house library's among them
_MODELS = 2  # of each
_TELL_S = 0.2  # how often progress is written, and Cancel heard, at most
_POLL_S = (0.05, 0.25)  # how soon a new order is seen, on SQLite
_AWAY_S = 5.0  # how often a Redis that is away is asked, at least
_HELD_S = 2.0  # for the look of who watches
_logger = logging.getLogger("ddsing")


class Worker:
    """Does the orders that the queue says are due."""

    def __init__(self, queue: Queue):
        self._queue = queue
        self._models: OrderedDict[Path, Models] = OrderedDict()
        queue.on_due = self.do

    def run(self) -> None:
        """Serve until the process ends."""
        first_s, longest_s = _POLL_S
        longest_s = _AWAY_S if self._queue.huey.storage.blocking else longest_s
        Consumer(self._queue.huey, workers=1, periodic=False, initial_delay=first_s, max_delay=longest_s).run()

    def do(self, order: OrderFolder) -> None:
        """Do an order, unless it has ended or another worker has it."""
        with order.held(patience_s=_HELD_S) as mine:
            if not mine or not order.exists() or order.ended() is not None:
                return
            try:
                self._queue.begin(order)
                end = End(result=self._done(order))
            except Exception as error:
                end = End.of_error(error)
                if not isinstance(error, DdsingError):
                    _logger.exception("An order ended with an error")
            if order.exists():  # else its workspace has gone
                self._queue.end(order, end)

    def _done(self, order: OrderFolder) -> dict:
        attempt = order.attempt()
        if attempt > MOST_ATTEMPTS:
            raise DdsingError(
                f"The process that did this was ended {MOST_ATTEMPTS} times, perhaps because memory ran out. Try again "
                "with a shorter recording."
            )
        workspace, asked = Workspace(order.workspace), order.order()
        takes = NotedTakes(workspace, order)
        if attempt > 1 and (take := takes.of_attempt_before()) is not None:
            return {"take": take.id}
        progress, known = Progress(asked.parts), paces.of(workspace)
        report = _Report(order, progress)
        report(STARTING, 0.0)
        models = self._models_of(order_options.owner(asked) or workspace.root)
        result = kinds.do(workspace, asked, AtHand(models, takes=takes), report)
        known.learn(progress.took())
        return result

    def _models_of(self, root: Path) -> Models:
        """Of each workspace apart, so that nobody can tell what another has used; the house library's serve all."""
        models = self._models.pop(root, None) or Models(_MODELS)
        self._models[root] = models
        while len(self._models) > _WORKSPACES:
            self._models.popitem(last=False)
        return models


class _Report:
    """Writes progress into the order's folder, and raises `Cancelled` once that is asked for."""

    def __init__(self, order: OrderFolder, progress: Progress):
        self._order, self._progress = order, progress
        self._told_s, self._stage = -_TELL_S, ""

    def __call__(self, stage: str, fraction: float | None) -> None:
        self._progress.at(stage, fraction)
        now = time.monotonic()
        if stage == self._stage and now - self._told_s < _TELL_S:
            return
        if self._order.cancelled() or not self._order.exists():
            raise Cancelled("Stopped.")
        self._told_s, self._stage = now, stage
        left = self._progress.left()
        self._order.tell(
            stage=stage,
            fraction=self._progress.fraction,
            left_s=None if left is None else list(left),
            process=os.getpid(),
        )


class NotedTakes(TakeStore):
    """The workspace's takes; an order notes which it is making, so that it makes one however often it is begun."""

    def __init__(self, workspace: Workspace, order: OrderFolder):
        super().__init__(workspace)
        self._order = order

    @contextmanager
    def building(self, title: str) -> Iterator[tuple[str, Path]]:
        """As `TakeStore.building`; the id is written down first."""
        with super().building(title) as (take_id, folder):
            self._order.note_take(take_id)
            yield take_id, folder

    def of_attempt_before(self) -> Take | None:
        """The take that a killed attempt has finished; what it has half made is removed."""
        take_id = self._order.noted_take()
        if take_id is None:
            return None
        shutil.rmtree(self.folder / f".{take_id}.partial", ignore_errors=True)
        return self.get(take_id) if (self.folder / take_id).is_dir() else None


def _end_with_server() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


def main() -> None:
    """Be a worker."""
    logging.basicConfig(format="%(asctime)s worker %(process)d: %(message)s", level=logging.WARNING)
    about = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_server, name="end with the server", daemon=True).start()
    Worker(Queue(Path(about["root"]), about["redis"])).run()


if __name__ == "__main__":
    main()
