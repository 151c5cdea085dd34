"""What a job's function sees of its job."""

import contextlib
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from ddsing.errors import Cancelled
from ddsing.jobs import log, tending
from ddsing.jobs.attempt import Attempt
from ddsing.jobs.folder import JobFolder, plain

FIELDS = (
    "stage",
    "step",
    "steps",
    "loss",
    "steps_per_s",
    "eta_s",
    "eta_low_s",
    "eta_high_s",
    "fraction",
    "message",
    "extra",
)
PULSE_S = 0.25  # between two looks at what is to be written, and at whether to stop
HEARTBEAT_S = 1.0
NOTE_S = 60.0  # between two lines in the log about the same stage
RESERVE_BYTES = 32_768  # given up on a full disk, so that the last word can be written
LAST_WORD_TRIES = 10


class Reporter(Protocol):
    """As much of a `JobContext` as a job's function uses; in the foreground something else may stand there."""

    def report(self, **fields: Any) -> None:
        """See `JobContext.report`."""

    def should_stop(self) -> bool:
        """See `JobContext.should_stop`."""


def earlier(job: Reporter) -> Mapping[str, Any]:
    """What a job, or its part before it was stopped, has reported as `extra`; nothing in the foreground."""
    return job.extra if isinstance(job, JobContext) else {}


class JobContext:
    """Reports progress and knows when to stop. All methods are cheap, and any thread may call them."""

    def __init__(self, folder: JobFolder, record: Mapping[str, Any], *, attempt: Attempt | None = None) -> None:
        self._folder = folder
        self._record = dict(record)
        self._attempt = attempt
        self._first: dict[str, float] = {}  # the step and the fraction that this process reported first
        self._guard = threading.Lock()
        self._unwritten = False
        self._stopping = False  # a plain bool: the signal handler may interrupt anything, also an Event's own lock
        self._reserve = folder.path / "reserve"
        self._noted: tuple[str, str] = ("", "")
        self._noted_s = -math.inf

    @property
    def folder(self) -> Path:
        """The job's folder."""
        return self._folder.path

    @property
    def extra(self) -> Mapping[str, Any]:
        """What was reported last as `extra`, perhaps by the part of the job before it was stopped."""
        with self._guard:
            found = self._record.get("extra")
            return dict(found) if isinstance(found, dict) else {}

    def report(self, **fields: Any) -> None:
        """Tell how far it is: any of the names in `FIELDS`.

        What is not named stays as it was. Written a few times a second, by a thread of its own; never raises for a
        full disk.
        """
        unknown = fields.keys() - set(FIELDS)
        if unknown:
            raise TypeError(f"A job reports {', '.join(FIELDS)}; not {', '.join(sorted(unknown))}.")
        cleaned = {name: plain(value) for name, value in fields.items()}
        with self._guard:
            if cleaned.get("stage", self._record.get("stage")) != self._record.get("stage"):
                cleaned["stage_began"] = time.time()
            self._record.update(cleaned, reported=time.time())
            self._note_progress(cleaned)
            self._unwritten = True

    def _note_progress(self, told: Mapping[str, Any]) -> None:
        """Whether an attempt has come further than where it began, see `ddsing.jobs.tending`."""
        for name in ("step", "fraction") if self._attempt is not None else ():
            value = told.get(name)
            if isinstance(value, int | float) and value > self._first.setdefault(name, value):
                self._record["stepped"] = True

    def progress(self, stage: str, fraction: float) -> None:
        """`report` as a progress callback: raises `Cancelled` once the job should stop."""
        if self.should_stop():
            raise Cancelled("Stopped.")
        self.report(stage=stage, fraction=min(1.0, max(0.0, float(fraction))))

    def should_stop(self) -> bool:
        """Whether it was asked to finish its step, save and return."""
        return self._stopping

    @property
    def on_engine(self) -> bool:
        """Whether an engine started it."""
        return self._attempt is not None

    @property
    def interrupted(self) -> bool:
        """Whether it is to stop only so that another attempt continues."""
        return self._attempt is not None and self._stopping and not self._folder.stop_requested()

    def request_stop(self) -> None:
        """Make `should_stop` true; for signal handlers too."""
        self._stopping = True

    def enter(self, state: str, **facts: Any) -> None:
        """Write the state that the job is in now; on a full disk it follows when there is room."""
        with self._guard:
            self._record.update(facts, state=state)
            self._unwritten = not self._write(durable=True)

    def leave(self, state: str, message: str = "", *, error: str = "") -> None:
        """Write how the job ended, in the room that was kept for it if there is no other; the log has it first."""
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {state}. {message}")
        with self._guard:
            self._record.update(state=state, message=message, error=error, ended=time.time(), ahead=[])
            for attempt in range(LAST_WORD_TRIES):
                if self._write(durable=True):
                    self._unwritten = False
                    return
                if not self.folder.exists():
                    break
                with contextlib.suppress(OSError):
                    self._reserve.unlink(missing_ok=True)
                time.sleep(0.05 * attempt)
        logging.getLogger("ddsing").error("The last status could not be written to disk: %s %s", state, message)

    def hand_over(self) -> str:
        """Write that another attempt is to continue, or that there have been enough; returns the state."""
        fruitless = tending.fruitless_after(self._record)
        if fruitless >= tending.MOST_FRUITLESS:
            self.leave("failed", tending.gave_up(""))
            return "failed"
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} starting. Saved. It continues automatically.")
        self.enter("starting", ordered=time.time(), fruitless=fruitless, attempt="", message="")
        return "starting"

    @contextlib.contextmanager
    def pulse(self) -> Iterator[None]:
        """Within it a thread writes what is reported, shows that the process lives, and looks whether to stop."""
        with contextlib.suppress(OSError):
            self._reserve.write_bytes(os.urandom(RESERVE_BYTES))  # what can't be compressed away
        over = threading.Event()
        thread = threading.Thread(target=self._beat, args=(over,), name="pulse", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            _try(lambda: self._reserve.unlink(missing_ok=True), lambda: log.bound(self._folder.log))

    def _beat(self, over: threading.Event) -> None:
        beaten_s = -math.inf
        while True:
            if self._folder.stop_requested() or not self.folder.exists():
                self.request_stop()
            if self._attempt is not None and self._attempt.interrupted():
                self.request_stop()
            if time.monotonic() - beaten_s >= HEARTBEAT_S:
                beaten_s = time.monotonic()
                if self._attempt is not None and not self._attempt.counts(self._folder):
                    os._exit(0)  # another attempt has the folder now
                _try(self._folder.heartbeat.touch, lambda: log.bound(self._folder.log))
            with self._guard:
                if self._unwritten:
                    self._unwritten = not self._write(durable=False)
                self._note()
            if over.wait(PULSE_S):
                return

    def _note(self) -> None:
        """A line in the log whenever the stage changes, and once a minute."""
        stage, due = self._record.get("stage"), time.monotonic() - self._noted_s >= NOTE_S
        words = _words(self._record)
        if stage and words != self._noted[1] and (due or stage != self._noted[0]):
            self._noted, self._noted_s = (stage, words), time.monotonic()
            print(time.strftime("%H:%M:%S"), words, flush=True)

    def _write(self, *, durable: bool) -> bool:
        try:
            self._folder.write_record(self._record, durable=durable)
        except OSError:
            return False
        return True


def _words(record: Mapping[str, Any]) -> str:
    """How far it is, in a line: ``training, step 250 of 40000, loss 6.12``."""
    step, steps, loss, fraction = (record.get(name) for name in ("step", "steps", "loss", "fraction"))
    parts = [str(record.get("stage")), str(record.get("message") or "")]
    if step is not None:
        parts.append(f"step {step}" + (f" of {steps}" if steps else ""))
    elif isinstance(fraction, float):
        parts.append(f"{fraction:.0%}")
    if isinstance(loss, float):
        parts.append(f"loss {loss:.4g}")
    return ", ".join(filter(None, parts))


def _try(*chores: Callable[[], object]) -> None:
    """Each of them, whether or not the disk lets the others through."""
    for chore in chores:
        with contextlib.suppress(OSError):
            chore()
