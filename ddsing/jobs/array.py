"""A job of several tasks as one: what all of them together have done, and how they ended.

On a cluster the runs of a sweep are tasks of their own, each in a folder of a job; the job's own record, steps and
result follow from theirs. Nothing here reads a file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ddsing.jobs.states import ENDED
from ddsing.jobs.word import Word

_LIVE_FIRST = ("unknown", "stopping", "running", "starting", "waiting")
_ENDED_FIRST = ("failed", "paused", "lost", "stopped", "done")


@dataclass(frozen=True)
class Part:
    """A task to be: its title, its options, and the steps that it has done before and is to do."""

    title: str
    options: Mapping[str, Any] = field(default_factory=dict)
    step: int = 0
    steps: int = 0


@dataclass(frozen=True)
class Task:
    """A task at one moment: its title, the state that follows from its files and the engine's word, and its record."""

    title: str
    state: str
    record: Mapping[str, Any]
    word: Word | None = None


def state(tasks: Sequence[Task], *, stop_requested: bool) -> str:
    """The state of the whole: the liveliest of those that live, else the worst of the ends."""
    states = {task.state for task in tasks}
    if stop_requested and not states <= ENDED:
        return "unknown" if "unknown" in states else "stopping"
    return next((one for one in (*_LIVE_FIRST, *_ENDED_FIRST) if one in states), "lost")


def record(tasks: Sequence[Task]) -> dict[str, Any]:
    """What the whole would have reported."""
    running = [task for task in tasks if task.state in ("running", "stopping")]
    at_work = max(running, key=lambda task: _number(task.record, "reported"), default=None)
    done = [task for task in tasks if task.state in ENDED]
    told: dict[str, Any] = {
        "step": sum(int(_number(task.record, "step")) for task in tasks),
        "steps": sum(int(_number(task.record, "steps")) for task in tasks),
        "steps_per_s": sum(_number(task.record, "steps_per_s") for task in running) or None,
        "message": f"{len(done)} of {len(tasks)} runs are finished" + (f", {len(running)} running" if running else ""),
        "extra": {"n": len(done), "n_cells": len(tasks), "cell": ", ".join(task.title for task in running)},
        "started": min((_number(task.record, "started") for task in tasks if task.record.get("started")), default=None),
        "ended": max((_number(task.record, "ended") for task in tasks if task.record.get("ended")), default=None),
    }
    if at_work is not None:
        told |= {name: at_work.record.get(name) for name in ("stage", "loss", "reported")}
    return {name: value for name, value in told.items() if value is not None}


def sentence(tasks: Sequence[Task]) -> str:
    """What is to be said of the ends: each message once, with the titles of those that have it."""
    said: dict[str, list[str]] = {}
    for task in tasks:
        message = str(task.record.get("message") or "")
        if message and task.state in ENDED:
            said.setdefault(message, []).append(task.title)
    return " ".join(f"{', '.join(titles)}: {message}" for message, titles in said.items())


def result(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The results of all tasks as one: lists and dictionaries are joined, and what was true for one is true."""
    joined: dict[str, Any] = {}
    for one in results:
        for name, value in one.items():
            before = joined.get(name)
            if isinstance(value, list | tuple):
                joined[name] = [*(before or []), *value]
            elif isinstance(value, dict):
                joined[name] = {**(before or {}), **value}
            elif isinstance(value, bool):
                joined[name] = bool(before) or value
            elif isinstance(value, str):
                joined[name] = " ".join(filter(None, [before, value]))
    return joined


def _number(record: Mapping[str, Any], name: str) -> float:
    value = record.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value == value else 0.0
