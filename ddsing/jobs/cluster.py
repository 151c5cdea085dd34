"""The jobs of a workspace that an engine runs: giving them to it, asking it, stopping them, and tending them.

To tend is to do what is due (`ddsing.jobs.tending`): give a job to the engine again whose process it lost, and write
the end of one that can't write it any more. Whoever looks at the jobs does that, one at a time.
"""

import contextlib
import functools
import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from ddsing.errors import DdsingError, JobError
from ddsing.jobs import array, launchers, tending
from ddsing.jobs.array import Part, Task
from ddsing.jobs.folder import TASKS, JobFolder
from ddsing.jobs.kinds import PARTS
from ddsing.jobs.launcher import Launcher
from ddsing.jobs.remote import RemoteLauncher, Silent
from ddsing.jobs.states import ENDED, written_state
from ddsing.jobs.tending import Due
from ddsing.jobs.word import OVER, QUEUED, RUNNING, Word
from ddsing.workspace import Workspace

KEPT = ("step", "steps", "loss", "fraction", "extra")  # shown until the job's next process reports its own
FORCED = "Stopped by force. Resume it to continue from its last save."


class Cluster:
    """The jobs of a workspace that an engine runs.

    Parameters
    ----------
    launcher : Callable[[], Launcher]
        Gives that of new jobs.
    """

    def __init__(self, workspace: Workspace, launcher: Callable[[], Launcher]) -> None:
        self._workspace = workspace
        self._launcher = launcher
        self._others: dict[str, RemoteLauncher] = {}

    def launcher(self) -> RemoteLauncher | None:
        """That of new jobs; None where they run on this computer."""
        launcher = self._launcher()
        return launcher if isinstance(launcher, RemoteLauncher) else None

    def launcher_of(self, folder: JobFolder) -> RemoteLauncher | None:
        """That of a job to be started: its engine's where it has been on one, else that of new jobs."""
        return self.launcher() if folder.handle() is None else self._of(folder)

    def word(self, folder: JobFolder, *, fresh: bool = False) -> Word:
        """What its engine says of a job."""
        return self._of(folder).word(folder, fresh=fresh)

    def _of(self, folder: JobFolder) -> RemoteLauncher:
        """The launcher that knows a job: that of new jobs, or one for its engine."""
        kind = str((folder.handle() or {}).get("engine") or "")
        with contextlib.suppress(DdsingError):
            launcher = self.launcher()
            if launcher is not None and launcher.engine.kind == kind:
                return launcher
        if kind not in self._others:
            self._others[kind] = launchers.that_knows(kind, self._workspace.root)
        return self._others[kind]

    # Giving

    def _divide(self, folder: JobFolder, spec: Mapping[str, Any]) -> None:
        """Make the tasks of a job whose kind has some."""
        if spec["kind"] not in PARTS or folder.tasks():
            return
        module, _, function = PARTS[spec["kind"]].partition(":")
        parts: list[Part] = getattr(importlib.import_module(module), function)(self._workspace, spec["options"])
        for number, part in enumerate(parts):
            task = JobFolder(folder.path / TASKS / str(number))
            task.create({**spec, "title": part.title, "options": part.options, "key": f"{spec['key']}/{number}"})
            task.write_record({"state": "starting", "step": part.step, "steps": part.steps})

    def order(
        self, folder: JobFolder, spec: Mapping[str, Any], record: Mapping[str, Any], launcher: RemoteLauncher
    ) -> None:
        """Write that a job should start, and those of its tasks that have not come to a good end.

        Raises `DdsingError` where it can't be divided into tasks, OSError.
        """
        self._divide(folder, spec)
        folder.write_record(record)
        launcher.note(folder, sent=None)
        tasks = [task for task in folder.tasks() if written_state(task.record()) != "done"]
        for task in tasks:
            end(task, "stopped")  # none of them counts as live while the room is looked at
        room = launcher.room(folder)
        for number, task in enumerate(tasks):
            self._again(
                task, record["ordered"] if number < room else 0.0, launcher, sent=None if number < room else False
            )

    def _again(
        self, folder: JobFolder, ordered: float, launcher: RemoteLauncher, *, sent: bool | None = None, **new: int
    ) -> None:
        before = folder.record() or {}
        kept = {name: before[name] for name in KEPT if name in before}
        folder.write_record(kept | {"state": "starting", "ordered": ordered} | new)
        launcher.note(folder, sent=sent)

    # Stopping

    def stop(self, folder: JobFolder, *, force: bool) -> None:
        """Make a job that was asked to stop hear it now; one that waits in the queue ends at once."""
        launcher = self._of(folder)
        parts = [part for part in folder.tasks() or [folder] if written_state(part.record()) not in ENDED]
        launcher.forget()
        words = [(part, launcher.word(part)) for part in parts]
        queued = [(part, word) for part, word in words if word.state == QUEUED]
        running = [word for _, word in words if word.state == RUNNING]
        with contextlib.suppress(Silent):
            if queued:
                launcher.cancel([word for _, word in queued])
                for part, _ in queued:
                    end(part, "stopped")
            if running:
                (functools.partial(launcher.cancel, kill=True) if force else launcher.ask_to_stop)(running)
            if force:
                for part in parts:
                    end(part, "stopped", FORCED)
        launcher.forget()
        self._finish(folder)

    # Tending

    def tend(self, folder: JobFolder, alone: Callable[[], AbstractContextManager[None]]) -> None:
        """Do what is due about a job, if anything is; `alone` keeps others from doing the same."""
        handle = folder.handle()
        if handle is None or written_state(folder.record()) in ENDED:
            return
        launcher = self._of(folder)
        if not self._anything_due(folder, launcher):
            return
        with contextlib.suppress(DdsingError, OSError), alone():
            launcher.forget()
            again = [(part, due) for part, due in _due(folder, launcher) if self._ended(part, due)]
            if again:
                self._continue(folder, again, launcher)
            self._finish(folder)

    def _anything_due(self, folder: JobFolder, launcher: RemoteLauncher) -> bool:
        tasks = folder.tasks()
        if tasks and all(written_state(task.record()) in ENDED for task in tasks):
            return True
        return next(_due(folder, launcher), None) is not None

    def _ended(self, part: JobFolder, due: Due) -> bool:
        """Write the end that is due; True where there is none, and the job is to start again."""
        if due.state != "starting":
            end(part, due.state, due.message)
        return due.state == "starting"

    def _continue(self, folder: JobFolder, again: list[tuple[JobFolder, Due]], launcher: RemoteLauncher) -> None:
        now_s = time.time()
        for part, due in again:
            self._again(part, now_s, launcher, fruitless=due.fruitless)
        if again[0][0] is not folder:
            folder.write_record((folder.record() or {}) | {"ordered": now_s})
        try:
            launcher.start(folder.path)
        except (JobError, OSError) as error:
            for part, _ in again:
                end(part, "failed", str(error))

    def _finish(self, folder: JobFolder) -> None:
        """Write the end of a job all of whose tasks have ended."""
        tasks = folder.tasks()
        records = [task.record() or {} for task in tasks]
        if not tasks or not all(written_state(record) in ENDED for record in records):
            return
        found = [
            Task(str((task.spec() or {}).get("title") or task.id), written_state(record), record)
            for task, record in zip(tasks, records)
        ]
        state = array.state(found, stop_requested=False)
        result = array.result([done for task in tasks if (done := task.result()) is not None])
        folder.write_result(result)
        told = (folder.record() or {}) | array.record(found)
        errors = next((record["error"] for record in records if record.get("error")), "")
        folder.write_record(told | {"state": state, "message": array.sentence(found), "error": errors})


def end(folder: JobFolder, state: str, message: str = "") -> None:
    """Write an end that the job's own process can't write."""
    with contextlib.suppress(OSError):
        record = folder.record() or {}
        if written_state(record) not in ENDED:
            folder.write_record(record | {"state": state, "message": message, "ended": time.time()})


def _due(folder: JobFolder, launcher: RemoteLauncher) -> Iterator[tuple[JobFolder, Due]]:
    """The job, or those of its tasks, about which something is due."""
    room = launcher.room(folder)
    for part in folder.tasks() or [folder]:
        record = part.record() or {}
        if written_state(record) in ENDED:
            continue
        word = launcher.word(part)
        if word.state == OVER and not word.said:
            word = launcher.ended(part, word)
        sent = bool((part.handle() or {}).get("sent"))
        due = tending.due(record, word, stop_requested=part.stop_requested(), sent=sent)
        if due is not None and (due.state != "starting" or room > 0):
            room -= due.state == "starting"
            yield part, due
