"""A job at one moment, as its folder tells it; what the states mean stands in `ddsing.jobs.states`."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ddsing.jobs import array, log, time_left
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.states import ENDED, LIVE, RESUMABLE, classify, written_state
from ddsing.jobs.word import QUEUED, RUNNING, Word, silence

LOST = (
    "It stopped unexpectedly: the computer was switched off, or the process was killed. "
    "Resume it to continue from its last save."
)
UNREADABLE = "This job's settings are unreadable. You can only delete it."
_MAX_REMEMBERED = 5000
_ended: dict[str, tuple[tuple[int, ...], "JobStatus"]] = {}  # by folder, with its `stamps`; bounded


@dataclass(frozen=True)
class JobStatus:
    """A job at one moment.

    Attributes
    ----------
    voice : str | None
        ``options["voice"]``.
    stage, step, steps, loss, steps_per_s, eta_s, fraction, message, extra
        What the job reported last; `eta_s` and `fraction` follow from the steps where it reported none. `extra` is
        a dictionary of the kind's own.
    eta_low_s, eta_high_s : float | None
        The range about `eta_s`.
    created, started, ended : float | None
        Seconds since 1970; `started` is when the latest run began, after it had waited.
    ahead : tuple[str, ...]
        While waiting: the titles of the jobs before it, the one that has the device first.
    wait_low_s, wait_high_s : float | None
        While others of several people's wait too: how long the one that has the device is still going to take.
    error : str
        Of a failed or paused one: the class of `ddsing.errors` that ended it, such as ``Diverged``; else empty.
    alive : bool
        Whether its process lives.
    heartbeat_age_s : float | None
        Since its process was last heard of.
    log_tail : str
        The last lines it printed; empty in `JobStore.list`.
    result : dict | None
        What it returned, once done.
    engine : str
        Of a job on a cluster that has not ended: the engine that has it, such as ``Slurm``.
    order : int
        Its place in the engine's own order.
    """

    id: str
    kind: str
    title: str
    voice: str | None
    options: Mapping[str, Any]
    device: str | None
    key: str
    state: str
    stage: str = ""
    step: int | None = None
    steps: int | None = None
    loss: float | None = None
    steps_per_s: float | None = None
    eta_s: float | None = None
    eta_low_s: float | None = None
    eta_high_s: float | None = None
    fraction: float | None = None
    message: str = ""
    error: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    ahead: tuple[str, ...] = ()
    wait_low_s: float | None = None
    wait_high_s: float | None = None
    alive: bool = False
    heartbeat_age_s: float | None = None
    log_tail: str = ""
    result: Mapping[str, Any] | None = None
    engine: str = ""
    order: int = 0

    @property
    def live(self) -> bool:
        """Whether it runs, or is going to by itself."""
        return self.state in LIVE

    @property
    def resumable(self) -> bool:
        """Whether `JobStore.resume` would take it up again."""
        return self.state in RESUMABLE


Ask = Callable[[JobFolder], Word]


def _nobody(folder: JobFolder) -> Word:
    return silence("")


def read(folder: JobFolder, *, whole: bool = False, ask: Ask = _nobody) -> JobStatus:
    """The job in a folder at this moment; `whole` also reads its log and result.

    Parameters
    ----------
    ask : Callable[[JobFolder], Word]
        Gives an engine's word about a job; needed only for those on a cluster.
    """
    spec, (record, locked) = folder.spec(), folder.look()
    now_s = time.time()
    word = ask(folder) if folder.handle() is not None and written_state(record) not in ENDED else None
    tasks = _tasks(folder, ask) if word is not None else []
    state = classify(record, locked=locked, stop_requested=folder.stop.exists(), now_s=now_s, word=word)
    if tasks:
        state, record = array.state(tasks, stop_requested=folder.stop.exists()), (record or {}) | array.record(tasks)
        word = next((task.word for task in tasks if task.state == state and task.word is not None), word)
    alive = locked if word is None else word.state == RUNNING or any(task.state == "running" for task in tasks)
    if spec is None and state not in LIVE:
        state = "failed"
    spec, record = spec or {}, record or {}
    options: dict[str, Any] = spec["options"] if isinstance(spec.get("options"), dict) else {}
    device = spec.get("device") if isinstance(spec.get("device"), str) else None
    queued = record.get("ahead") if state == "waiting" else None
    ahead = tuple(map(str, queued)) if isinstance(queued, list) else ()
    running = state in ("running", "stopping")
    return JobStatus(
        id=folder.id,
        kind=str(spec.get("kind") or "unknown"),
        title=str(spec.get("title") or folder.id),
        voice=options.get("voice") if isinstance(options.get("voice"), str) else None,
        options=options,
        device=device,
        key=str(spec.get("key") or ""),
        state=state,
        stage=str(record.get("stage") or ""),
        step=_integer(record.get("step")),
        steps=_integer(record.get("steps")),
        loss=_number(record.get("loss")),
        steps_per_s=_number(record.get("steps_per_s")) if running else None,
        eta_s=eta_s(record) if running else None,
        **_range(record) if running else {},
        fraction=fraction(record),
        message=(_message(state, record, device, ahead) if word is None else _said(state, record, word))
        if spec
        else UNREADABLE,
        error=str(record.get("error") or "") if state in ("failed", "paused") else "",
        extra=record["extra"] if isinstance(record.get("extra"), dict) else {},
        created=_number(spec.get("created")) or 0.0,
        started=_number(record.get("started")),
        ended=_number(record.get("ended")),
        ahead=ahead,
        alive=alive,
        heartbeat_age_s=folder.heartbeat_age_s() if alive and not tasks else None,
        log_tail=_log_tail(folder) if whole else "",
        result=folder.result() if whole and state == "done" else None,
        engine=word.engine if word is not None else "",
        order=word.order if word is not None else 0,
    )


def glance(folder: JobFolder, *, ask: Ask = _nobody) -> JobStatus:
    """`read`, but one that has ended is read again only if its files have changed since."""
    known = ended(folder)
    if known is not None:
        return known
    stamps = _stamps(folder)
    found = read(folder, ask=ask)
    last = found.message != UNREADABLE and written_state(folder.record()) == found.state and found.state in ENDED
    if last and stamps is not None and stamps == _stamps(folder):
        if len(_ended) >= _MAX_REMEMBERED:
            _ended.clear()
        _ended[str(folder.path)] = (stamps, found)
    return found


def ended(folder: JobFolder) -> JobStatus | None:
    """What is remembered of a job that has ended and whose files are as they were; None where it has to be read."""
    known = _ended.get(str(folder.path))
    return known[1] if known is not None and known[0] == _stamps(folder) else None


def _stamps(folder: JobFolder) -> tuple[int, ...] | None:
    try:
        return folder.stamps()
    except OSError:
        return None


def _tasks(folder: JobFolder, ask: Ask) -> list[array.Task]:
    """The tasks of a job on a cluster."""
    found = []
    for task in folder.tasks():
        record = task.record() or {}
        word = None if written_state(record) in ENDED else ask(task)
        state = classify(record, locked=False, stop_requested=task.stop_requested(), now_s=0.0, word=word)
        found.append(array.Task(str((task.spec() or {}).get("title") or task.id), state, record, word))
    return found


def _log_tail(folder: JobFolder) -> str:
    """The end of its log; of several tasks those of the ones that wrote last."""
    tails = [(task, log.tail(task.log, 10)) for task in folder.tasks()]
    if not any(tail for _, tail in tails):
        return log.tail(folder.log)
    written = sorted((pair for pair in tails if pair[1]), key=lambda pair: pair[0].log.stat().st_mtime)
    return "\n".join(f"[{(task.spec() or {}).get('title') or task.id}]\n{tail}" for task, tail in written[-4:])


def fraction(record: Mapping[str, Any]) -> float | None:
    """How much is done, from 0 to 1: as reported, else by the steps."""
    reported, step, steps = (_number(record.get(name)) for name in ("fraction", "step", "steps"))
    if step is not None and steps:
        reported = step / steps
    return None if reported is None else min(1.0, max(0.0, reported))


def eta_s(record: Mapping[str, Any]) -> float | None:
    """Seconds left: as reported, else by the steps, else by how long this stage has taken so far."""
    names = ("eta_s", "step", "steps", "steps_per_s", "fraction", "stage_began", "reported")
    reported_s, step, steps, steps_per_s, done, began, now = (_number(record.get(name)) for name in names)
    if reported_s is not None:
        return max(0.0, reported_s)
    if step is not None and steps is not None:
        return time_left.by_steps(step, steps, steps_per_s)
    if done is None or began is None or now is None:
        return None
    return time_left.by_share(done, now - began)


def _range(record: Mapping[str, Any]) -> dict[str, float]:
    """The least and the most seconds left: as reported, else about the one figure; nothing without that."""
    middle_s = eta_s(record)
    if middle_s is None:
        return {}
    low_s, high_s = (_number(record.get(name)) for name in ("eta_low_s", "eta_high_s"))
    around = time_left.around(middle_s, time_left.UNDER_WAY)
    if low_s is None or high_s is None or not low_s <= middle_s * 1.001 <= high_s * 1.01:
        low_s, high_s = around
    return {"eta_low_s": max(0.0, low_s), "eta_high_s": max(0.0, high_s)}


def _message(state: str, record: Mapping[str, Any], device: str | None, ahead: tuple[str, ...]) -> str:
    if state == "lost":
        return LOST
    if state == "waiting" and ahead:
        more = f", and {len(ahead) - 1} more before this one" if len(ahead) > 1 else ""
        return f"Waiting for the {(device or '').upper()}: {ahead[0]!r} is using it{more}. It starts automatically."
    return str(record.get("message") or "")


def _said(state: str, record: Mapping[str, Any], word: Word) -> str:
    """What there is to say of a job on a cluster."""
    if state == "unknown":
        reason = f" ({word.said})" if word.said else ""
        return (
            f"{word.engine or 'The cluster'} does not answer{reason}, so it is unknown whether this job is running. "
            "Nothing is lost, and it continues automatically."
        )
    if state == "waiting" and word.state == QUEUED:
        reason = f" ({word.said})" if word.said else ""
        at = f", expected to start {time.strftime('%a %H:%M', time.localtime(word.starts))}" if word.starts else ""
        return f"Waiting in the queue of {word.engine}{reason}{at}. It starts automatically."
    if state == "waiting":
        reason = f" ({word.said})" if word.said else ""
        return f"{word.engine} no longer runs it{reason}. It continues automatically from its last checkpoint."
    return str(record.get("message") or "")


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def _integer(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
