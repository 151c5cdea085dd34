"""``users``: the people of a hosted dashboard, and what their guests have left."""

import argparse
import datetime
from pathlib import Path

from ddsing.cli.actions import action, family
from ddsing.units import format_bytes


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the family of commands."""
    users = family(
        subparsers, "users", "the people of a hosted dashboard: list, block, move, put a job first, read the log"
    )
    action(users, "list", list_, list_text, "list everybody: role, last visit, disk space")
    for name, blocked, about in (
        ("block", True, "keep somebody out, at once"),
        ("unblock", False, "let them in again"),
    ):
        command = action(users, name, block, block_text, about)
        command.add_argument("id", type=int, metavar="ID", help="number of the person, see `users list`")
        command.set_defaults(blocked=blocked)
    action(
        users,
        "expire",
        expire,
        expire_text,
        "move expired workspaces to the trash, delete old ones there, and guests'",
    )
    command = action(users, "export", export, export_text, "write one person and their work into a file")
    command.add_argument("id", type=int, metavar="ID", help="number of the person, see `users list`")
    command.add_argument("file", metavar="FILE", help="new file, such as ann.zip")
    command = action(users, "import", import_, import_text, "add the person in such a file to this server")
    command.add_argument("file", metavar="FILE", help="file made by `users export`")
    action(users, "queue", queue, queue_text, "list whose jobs have this computer's devices or wait for them")
    command = action(users, "first", first, first_text, "let a waiting job be the next one on its device")
    command.add_argument("job", metavar="ID", help="of the job, see `users queue`")
    command = action(users, "log", log, log_text, "show who did what and when, the newest first")
    command.add_argument("--most", type=int, default=50, metavar="N", help="number of lines (50)")


def site_here():
    """The site of the hosting.toml that is here or named."""
    from ddsing.errors import DdsingError
    from ddsing.hosting import reading, site

    path = reading.find()
    if path is None:
        raise DdsingError(
            "There is no hosting.toml here: go to its folder, or name it with DDSING_HOSTING. "
            "A local dashboard has one person."
        )
    return site.open_site(reading.read(path))


def list_(args: argparse.Namespace) -> dict:
    """Everybody, the last visit first."""
    from ddsing import storage
    from ddsing.workspace import Workspace

    here = site_here()
    people = [
        {
            "id": person.id,
            "name": person.name,
            "address": person.address,
            "role": person.role,
            "blocked": person.blocked,
            "issuer": person.issuer,
            "subject": person.subject,
            "last_visit": _when(person.seen_s),
            "bytes": storage.total_bytes(Workspace(here.member_folder(person.workspace))),
            "workspace": str(here.member_folder(person.workspace)),
        }
        for person in here.people.list()
    ]
    return {"people": people, "guests": len(here.guests.inside())}


def list_text(document: dict) -> str:
    """A line for each person."""
    guests = document["guests"]
    lines = [
        f"{one['id']:>4}  {one['name'] or one['address'] or one['subject']}  {one['role']}"
        f"{', blocked' if one['blocked'] else ''}, last visit {one['last_visit']}, {format_bytes(one['bytes'])}"
        for one in document["people"]
    ]
    return "\n".join([*(lines or ["No one has signed in yet."]), f"{guests} guest{'' if guests == 1 else 's'}"])


def _person(here, number: int):
    from ddsing.errors import DdsingError

    person = next((one for one in here.people.list() if one.id == number), None)
    if person is None:
        raise DdsingError(f"No person has the number {number}: see `users list`.")
    return person


def block(args: argparse.Namespace) -> dict:
    """Keep somebody out, or let them in again."""
    from ddsing.hosting import oversight

    here = site_here()
    person = _person(here, args.id)
    oversight.keep_out(here, person, args.blocked, by="command line")
    return {"id": person.id, "name": person.called, "blocked": args.blocked}


def block_text(document: dict) -> str:
    """Who is kept out, or let in."""
    return f"{document['name']} {'is blocked' if document['blocked'] else 'can sign in again'}."


def export(args: argparse.Namespace) -> dict:
    """Write one person into a file."""
    from ddsing.hosting import parcel

    here = site_here()
    path = Path(args.file).expanduser().absolute()
    return _moved(parcel.write(here, _person(here, args.id), path), path)


def import_(args: argparse.Namespace) -> dict:
    """Add the person in a file."""
    from ddsing.hosting import parcel

    path = Path(args.file).expanduser().absolute()
    return _moved(parcel.read(site_here(), path), path)


def _moved(found, path: Path) -> dict:
    person = found.person
    return {
        "id": person.id,
        "name": person.called,
        "file": str(path),
        "files": found.n_files,
        "bytes": found.n_bytes,
        "left_out": list(found.left_out),
    }


def export_text(document: dict) -> str:
    """What was written, and what was not."""
    left_out = f" Left out: {', '.join(document['left_out'])}." if document["left_out"] else ""
    return f"{document['name']}: {_amount(document)} written to {document['file']}.{left_out}"


def import_text(document: dict) -> str:
    """Who was added."""
    return f"{document['name']} is person {document['id']} here: {_amount(document)}."


def _amount(document: dict) -> str:
    number = document["files"]
    return f"{number:,} file{'' if number == 1 else 's'}, {format_bytes(document['bytes'])}"


def expire(args: argparse.Namespace) -> dict:
    """Do at once what the servers do once an hour for workspaces without visits, and once a minute for guests'."""
    here = site_here()
    expired, deleted = here.expiry.run()
    return {"guests": here.clean(), "expired": expired, "deleted": deleted}


def expire_text(document: dict) -> str:
    """How many."""
    guests = document["guests"]
    return (
        f"Deleted the workspaces of {guests} guest{'' if guests == 1 else 's'}. "
        f"Expired workspaces: {document['expired']} moved to the trash, {document['deleted']} deleted from it."
    )


def queue(args: argparse.Namespace) -> dict:
    """The jobs of all people on this computer's devices, in their turns; without titles, which have names of voices."""
    from ddsing.hosting import oversight

    return {
        "jobs": [
            {
                "id": turn.job,
                "kind": turn.kind,
                "device": turn.device,
                "place": turn.place,
                "person": turn.person.id,
                "name": turn.person.called,
            }
            for turn in oversight.turns(site_here())
        ]
    }


def queue_text(document: dict) -> str:
    """A line for each."""
    lines = [
        f"{one['device']}  {'running' if one['place'] == 0 else one['place']:>7}  {one['id']}  {one['kind']}  "
        f"{one['name']} (person {one['person']})"
        for one in document["jobs"]
    ]
    return "\n".join(lines or ["Nothing runs or waits."])


def first(args: argparse.Namespace) -> dict:
    """Put somebody's waiting job first."""
    from ddsing.errors import DdsingError
    from ddsing.hosting import oversight

    here = site_here()
    turn = next((one for one in oversight.turns(here) if one.job == args.job), None)
    if turn is None:
        raise DdsingError(f"No job with the ID {args.job} waits for a device here: see `users queue`.")
    if turn.place == 0:
        raise DdsingError(f"{args.job} is running already.")
    oversight.put_first(here, turn.person.id, turn.job, by="command line")
    return {"id": turn.job, "kind": turn.kind, "device": turn.device, "person": turn.person.id}


def first_text(document: dict) -> str:
    """What is next."""
    return f"{document['id']} is the next one on {document['device']}."


def log(args: argparse.Namespace) -> dict:
    """The newest lines of the audit log."""
    from ddsing.errors import DdsingError
    from ddsing.hosting import audit

    if args.most < 1:
        raise DdsingError("--most must be at least 1.")
    found = audit.newest(site_here().engine, args.most)
    return {"entries": [{"at": _when(one.at_s), "who": one.who, "what": one.what, "about": one.about} for one in found]}


def log_text(document: dict) -> str:
    """A line for each."""
    lines = []
    for one in document["entries"]:
        about = f" ({one['about']})" if one["about"] else ""
        lines.append(f"{one['at']}  {one['who']}  {one['what']}{about}")
    return "\n".join(lines or ["Nothing has happened yet."])


def _when(moment_s: float) -> str:
    return datetime.datetime.fromtimestamp(moment_s, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
