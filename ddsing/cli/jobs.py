"""``jobs``: what runs in the background, and how it is stopped and resumed."""

from __future__ import annotations

import argparse
import dataclasses
import time
from typing import TYPE_CHECKING

from ddsing.cli import actions, trashed
from ddsing.errors import SettingsError
from ddsing.files import restore
from ddsing.units import format_duration, format_range
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    from ddsing.jobs.status import JobStatus
    from ddsing.jobs.store import JobStore


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add ``jobs`` and its actions to the command line."""
    family = actions.family(subparsers, "jobs", "work in the background: list, show, stop, resume and delete")
    actions.action(family, "list", _list, _list_text, "all jobs, newest first")
    for name, func, text, help_text in (
        ("show", _show, _show_text, "progress of a job, and the end of its log"),
        ("stop", _stop, _line, "stop a job after its current step; saves first"),
        ("resume", _resume, _line, "resume a job that was stopped, paused, lost or failed"),
        ("delete", _delete, _delete_text, "move a finished job to the trash; its results are kept"),
    ):
        action = actions.action(family, name, func, text, help_text)
        action.add_argument("id", metavar="ID")
        if name == "stop":
            action.add_argument("--force", action="store_true", help="kill it; unsaved work is lost")
    watch = actions.action(
        family, "watch", _watch, _list_text, "wait until all jobs have ended, and restart those that a cluster lost"
    )
    watch.add_argument("--every", type=float, default=30.0, metavar="SECONDS", help="between two looks (30)")
    trashed.add_argument(actions.action(family, "restore", _restore, _restored_text, "restore a deleted job"))


def _store(args: argparse.Namespace) -> JobStore:
    from ddsing.jobs.store import JobStore

    return JobStore(open_workspace(args.workspace))


def _document(status: JobStatus) -> dict:
    return {field.name: getattr(status, field.name) for field in dataclasses.fields(status)}


def _list(args: argparse.Namespace) -> dict:
    shown = ("log_tail", "result")
    jobs = [_document(status) for status in _store(args).list()]
    return {"jobs": [{name: value for name, value in job.items() if name not in shown} for job in jobs]}


def _watch(args: argparse.Namespace) -> dict:
    if not 1.0 <= args.every <= 3600.0:
        raise SettingsError(f"--every is {args.every:g}; use 1 to 3,600 seconds.")
    while _store(args).live():
        time.sleep(args.every)
    return _list(args)


def _list_text(document: dict) -> str:
    return "\n".join(_line(job) for job in document["jobs"]) or "No jobs yet."


def _show(args: argparse.Namespace) -> dict:
    status = _store(args).status(args.id)
    document = _document(status)
    if status.kind == "batch":
        from ddsing.transfer.job import outcomes

        document["recordings"] = [one.to_json() for one in outcomes(status)]
    return document


def _show_text(document: dict) -> str:
    report = ""
    if document.get("recordings"):
        from ddsing.cli import transfer_many

        report = transfer_many.report(document["recordings"])
    lines = [_line(document), document["message"], report, document["log_tail"]]
    return "\n".join(line for line in lines if line)


def _stop(args: argparse.Namespace) -> dict:
    return _document(_store(args).stop(args.id, force=args.force))


def _resume(args: argparse.Namespace) -> dict:
    return _document(_store(args).resume(args.id))


def _delete(args: argparse.Namespace) -> dict:
    return {"id": args.id, "token": _store(args).delete(args.id)}


def _delete_text(document: dict) -> str:
    return f"Moved {document['id']} to the trash. Restore it with `jobs restore {document['id']}`."


def _restore(args: argparse.Namespace) -> dict:
    jobs = open_workspace(args.workspace).jobs
    return {"id": restore(trashed.find([jobs], args.deleted, what="job")).name}


def _restored_text(document: dict) -> str:
    return f"Restored {document['id']}."


def _line(job: dict) -> str:
    """A job in a line, such as ``20260102-…  running  Train Aria: step 250 of 40,000, loss 6.12, 3 h 20 min left``."""
    parts = []
    if job["stage"] and job["state"] in ("running", "stopping"):
        parts.append(job["stage"])
    if job["step"] is not None:
        parts.append(f"step {job['step']:,}" + (f" of {job['steps']:,}" if job["steps"] else ""))
    elif job["fraction"] is not None:
        parts.append(f"{job['fraction']:.0%}")
    if job["loss"] is not None:
        parts.append(f"loss {job['loss']:.2f}")
    if job["eta_low_s"] is not None and job["eta_high_s"] is not None:
        parts.append(f"{format_range(job['eta_low_s'], job['eta_high_s'])} left")
    if job["state"] == "unknown":
        parts.append(f"{job['engine'] or 'the cluster'} does not answer")
    if job["state"] == "waiting" and job["ahead"]:
        parts.append(f"{len(job['ahead'])} ahead")
    if job["alive"] and (job["heartbeat_age_s"] or 0.0) > 60.0:
        parts.append(f"no response for {format_duration(job['heartbeat_age_s'])}")
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(job["created"]))
    return f"{job['id']}  {job['state']:<8}  {when}  {job['title']}" + (f": {', '.join(parts)}" if parts else "")
