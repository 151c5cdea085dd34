"""What launchers have in common that give jobs to an engine: Slurm's, Ray's.

An engine is asked about all jobs at once, every few seconds at most, whoever wants to know; what it answered is shared
by the whole process. While it does not answer nobody waits for it: pages get the last answer at once, and a new one is
fetched beside them. A job is given to it under its own name, and only by whoever could make the marker of that order:
a click that arrives fifty times is one job there.

Public: `RemoteLauncher`, `Silent`, `key`.
"""

import contextlib
import os
import platform
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ddsing.errors import JobError
from ddsing.files import write_atomic, write_json
from ddsing.jobs.engine import Engine
from ddsing.jobs.folder import ENGINE_NAME, JobFolder
from ddsing.jobs.states import ENDED, written_state
from ddsing.jobs.word import OVER, QUEUED, RUNNING, Word, silence

FRESH_S = 3.0  # an answer is shared for so long
STALE_S = 15.0  # and given out, while a new one is fetched, for so long
SENDING_S = 40.0  # longer than it takes to give a job to an engine
SILENCE_S = 10.0  # after no answer, before the next question


class Silent(Exception):
    """The engine does not answer; the message says why, as far as is known."""


@dataclass
class _Answers:
    """What an engine has answered last."""

    words: Mapping[str, Word] | None = None
    asked_s: float = float("-inf")
    at: float = 0.0  # seconds since 1970
    reason: str = ""
    asking: threading.Lock = field(default_factory=threading.Lock)


_answers: dict[object, _Answers] = {}
_answers_lock = threading.Lock()


def key(folder: JobFolder) -> str:
    """Under which an engine's answers have a job, or a task of one."""
    whole = folder.whole
    return whole.id if whole is folder else f"{whole.id}/{folder.id}"


class RemoteLauncher(ABC):
    """Gives jobs to an engine.

    Parameters
    ----------
    program : Iterable[str]
        What runs on a node, with the folder as its last argument; the process of all jobs if it is empty.
    """

    title = ""

    def __init__(self, engine: Engine, program: Iterable[str] = ()) -> None:
        self.engine = engine
        self.program = tuple(program) or (engine.python or sys.executable, "-m", "ddsing.jobs.run")

    def start(self, path: Path) -> None:
        """Give it the job of a folder, or those of its tasks that were ordered with it.

        Starting twice what was ordered once is harmless. Where the engine does not answer, the folder says so, and the
        job is given to it later, see `ddsing.jobs.tending`. Raises `JobError` if it refuses the job, OSError.
        """
        folder = JobFolder(path)
        ordered = (folder.record() or {}).get("ordered")
        try:
            write_atomic(folder.path / f"submitted-{ordered}", f"{platform.node()} {os.getpid()}".encode(), new=True)
        except FileExistsError:
            return
        tasks = [task for task in folder.tasks() if _to_start(task.record(), ordered)]
        try:
            self.submit(folder, tasks)
            sent = True
        except Silent:
            sent = False
        finally:
            self.forget()
        for part in tasks or [folder]:
            self.note(part, sent=sent)

    def note(self, folder: JobFolder, *, sent: bool | None) -> None:
        """Write the handle of a job: whether the engine has it, or None while it is being given to it."""
        before = folder.handle() or {}
        told = {
            "engine": self.engine.kind,
            "n": _count(before.get("n")) + (sent is None),  # of the times that it was given to an engine
            "sent": sent,
            "submitted": time.time(),
            "delay_s": self.engine.delay_s,
        }
        write_json(folder.path / ENGINE_NAME, told)

    @abstractmethod
    def submit(self, folder: JobFolder, tasks: list[JobFolder]) -> None:
        """Give it to the engine; raises `Silent`, or `JobError` if it refuses."""

    def room(self, folder: JobFolder) -> int:
        """How many more tasks of a job it may be given now; an engine with job arrays sees to that itself."""
        return sys.maxsize

    @abstractmethod
    def ask(self) -> Mapping[str, Word]:
        """The engine's words about all jobs of this user that it knows, by `key`; raises `Silent`."""

    def ended(self, folder: JobFolder, word: Word) -> Word:
        """The word about a job that the engine has forgotten, with what its accounts still say of it."""
        return word

    @abstractmethod
    def ask_to_stop(self, words: Sequence[Word]) -> None:
        """Tell running jobs to save and end, beside the file that says so in their folders; raises `Silent`."""

    @abstractmethod
    def cancel(self, words: Sequence[Word], *, kill: bool = False) -> None:
        """Take jobs that wait out of the queue; `kill` ends those that run, at once. Raises `Silent`."""

    @abstractmethod
    def source(self) -> object:
        """What is asked: the same for all launchers that would get the same answers."""

    def word(self, folder: JobFolder, *, fresh: bool = False) -> Word:
        """What the engine says of a job."""
        answers = self._answered(fresh=fresh)
        if answers.words is None:
            return silence(self.title, answers.reason)
        found = answers.words.get(key(folder)) or Word(OVER, self.title)
        handle, sign = folder.handle() or {}, _heartbeat(folder)
        if found.state == QUEUED and sign > answers.at + 1.0:  # it has started since the question
            return replace(found, state=RUNNING)
        last = max(_taken(handle), sign if handle.get("sent") else 0.0)
        return found.seen(last, delay_s=_seconds(handle.get("delay_s")), now_s=time.time())

    def forget(self) -> None:
        """Ask anew at the next question."""
        self._shared().asked_s = float("-inf")

    def _shared(self) -> _Answers:
        with _answers_lock:
            return _answers.setdefault(self.source(), _Answers())

    def _answered(self, *, fresh: bool) -> _Answers:
        shared = self._shared()
        age_s = time.monotonic() - shared.asked_s
        if not fresh and age_s < (SILENCE_S if shared.words is None else FRESH_S):
            return shared
        if fresh or age_s == float("inf"):
            with shared.asking:
                if time.monotonic() - shared.asked_s >= (0.0 if fresh else FRESH_S):
                    self._fetch(shared)
        elif shared.asking.acquire(blocking=False):
            thread = threading.Thread(target=self._fetch_beside, args=(shared,), name="ask the engine", daemon=True)
            thread.start()
            if age_s >= STALE_S and shared.words is not None:
                thread.join()
        return shared

    def _fetch_beside(self, shared: _Answers) -> None:
        try:
            self._fetch(shared)
        finally:
            shared.asking.release()

    def _fetch(self, shared: _Answers) -> None:
        at = time.time()
        try:
            shared.words, shared.reason, shared.at = self.ask(), "", at
        except Silent as error:
            shared.words, shared.reason = None, str(error)
        shared.asked_s = time.monotonic()


def _to_start(record: Mapping[str, Any] | None, ordered: object) -> bool:
    return record is not None and written_state(record) not in ENDED and record.get("ordered") == ordered


def _heartbeat(folder: JobFolder) -> float:
    """When its process was last seen to live, never in the future."""
    with contextlib.suppress(OSError):
        return min(folder.heartbeat.stat().st_mtime, time.time())
    return 0.0


def _taken(handle: Mapping[str, Any]) -> float:
    """When the engine took it; 0 where it did not answer when it was to be given to it."""
    if handle.get("sent") is None:
        return _seconds(handle.get("submitted")) + SENDING_S
    return _seconds(handle.get("submitted")) if handle["sent"] else 0.0


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


class Unusable(RemoteLauncher):
    """Stands for an engine whose jobs are here but that can't be asked, with a sentence that says why."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(Engine(), ())
        self.title, self._reason = kind.capitalize(), reason

    def submit(self, folder: JobFolder, tasks: list[JobFolder]) -> None:
        """See `RemoteLauncher`."""
        raise JobError(self._reason)

    def ask(self) -> Mapping[str, Word]:
        """See `RemoteLauncher`."""
        raise Silent(self._reason)

    def ask_to_stop(self, words: Sequence[Word]) -> None:
        """See `RemoteLauncher`."""
        raise Silent(self._reason)

    def cancel(self, words: Sequence[Word], *, kill: bool = False) -> None:
        """See `RemoteLauncher`."""
        raise Silent(self._reason)

    def source(self) -> object:
        """See `RemoteLauncher`."""
        return (self.title, self._reason)
