"""What an admin does about people and their jobs; each is a line of the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ddsing.errors import DdsingError
from ddsing.hosting import audit, expiry
from ddsing.hosting.people import Person
from ddsing.hosting.site import Site
from ddsing.jobs import device, queue
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.store import JobStore
from ddsing.tokens import Tokens
from ddsing.workspace import Workspace


class OversightError(DdsingError):
    """Something that an admin can't do."""


@dataclass(frozen=True)
class Turn:
    """A job that has a device of this computer, or waits for it.

    Attributes
    ----------
    place : int
        In the device's queue; 0 for the one that has it.
    """

    device: str
    place: int
    person: Person
    job: str
    kind: str


def turns(site: Site) -> list[Turn]:
    """The jobs of all people on this computer's devices, in their turns."""
    everybody = {one.workspace: one for one in site.people.list()}
    return [
        Turn(name, place, everybody[ticket.owner], ticket.job.name, _kind(ticket.job))
        for name in device.names()
        for place, ticket in enumerate(queue.tickets(name), start=_first_place(name))
        if ticket.owner in everybody
    ]


def _kind(job: Path) -> str:
    return str((JobFolder(job).spec() or {}).get("kind", ""))


def _first_place(device_name: str) -> int:
    """0 if somebody has the device, which is the first of its tickets."""
    return 0 if any(ticket.state == "running" for ticket in queue.tickets(device_name)[:1]) else 1


def person(site: Site, number: int) -> Person:
    """Somebody by number; raises `OversightError` if there is nobody."""
    found = next((one for one in site.people.list() if one.id == number), None)
    if found is None:
        raise OversightError(f"No person has the number {number}.")
    return found


def block(site: Site, number: int, blocked: bool, *, by: str) -> Person:
    """Keep somebody out, or let them in again; nobody can do that to themselves."""
    found = person(site, number)
    if found.who == by and blocked:
        raise OversightError("You can't block yourself: ask another admin.")
    keep_out(site, found, blocked, by=by)
    return found


def keep_out(site: Site, found: Person, blocked: bool, *, by: str) -> None:
    """Keep somebody out, whose tokens end for good, or let them in again."""
    site.people.block(found, blocked, by=by)
    for folder in (site.member_folder(found.workspace), site.config.root / expiry.TRASH / found.workspace):
        if blocked and folder.is_dir():
            Tokens(Workspace(folder)).clear()


def stop(site: Site, number: int, job: str, *, by: str, force: bool = False) -> None:
    """Ask somebody's job to save and stop; `force` kills it."""
    found = person(site, number)
    status = JobStore(Workspace(site.member_folder(found.workspace))).stop(job, force=force)
    audit.record(site.engine, by, "stopped a job", f"{found.who}, {status.kind}")


def put_first(site: Site, number: int, job: str, *, by: str) -> None:
    """Let somebody's waiting job be the next one on its device."""
    found = person(site, number)
    workspace = Workspace(site.member_folder(found.workspace))
    status = JobStore(workspace).status(job)
    if not status.device or not queue.put_first(status.device, workspace.jobs / status.id):
        raise OversightError("This job no longer waits for a device.")
    audit.record(site.engine, by, "put a job first", f"{found.who}, {status.kind}")
