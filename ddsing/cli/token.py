"""``token``: what programs show to the REST interface; made, listed and revoked here."""

import argparse
import datetime

from ddsing.cli import actions


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add ``token`` and its actions to the command line."""
    family = actions.family(subparsers, "token", "tokens for programs that use the REST interface: make, list, revoke")
    make = actions.action(family, "make", _make, _make_text, "make a token and print it; it can't be shown again")
    make.add_argument("name", metavar="NAME", help="what it is for, such as 'laptop'")
    make.add_argument("--days", type=float, metavar="N", help="how long it works (90)")
    list_ = actions.action(family, "list", _list, _list_text, "all tokens: their names, and until when they work")
    revoke = actions.action(family, "revoke", _revoke, _revoke_text, "end a token, at once")
    revoke.add_argument("name", metavar="NAME", help="see `token list`")
    for command in (make, list_, revoke):
        command.add_argument("--person", type=int, metavar="ID", help="of a hosted dashboard, see `users list`")


def _place(args: argparse.Namespace):
    """Whose tokens: the workspace, the person's number, and the site, where there are several people."""
    from ddsing.errors import DdsingError
    from ddsing.hosting import reading
    from ddsing.workspace import Workspace, open_workspace

    if args.person is None:
        if args.workspace is None and reading.find() is not None:
            raise DdsingError("There is a hosting.toml here: name the person with --person ID, see `users list`.")
        return open_workspace(args.workspace), 0, None
    from ddsing.cli.users import site_here
    from ddsing.hosting import oversight

    here = site_here()
    person = oversight.person(here, args.person)
    return Workspace(here.member_folder(person.workspace)), person.id, here


def _note(site, what: str, person: int) -> None:
    from ddsing.hosting import audit

    if site is not None:
        audit.record(site.engine, "command line", what, f"person {person}")


def _make(args: argparse.Namespace) -> dict:
    from ddsing.errors import DdsingError
    from ddsing.tokens import DAYS, Tokens

    workspace, person, site = _place(args)
    if site is not None and not workspace.root.is_dir():
        raise DdsingError(f"Person {person} has no workspace now; make the token after their next sign-in.")
    token, text = Tokens(workspace).make(args.name, owner=person, days=DAYS if args.days is None else args.days)
    _note(site, "token made", person)
    return {**_about(token), "token": text}


def _list(args: argparse.Namespace) -> dict:
    from ddsing.tokens import Tokens

    workspace, _, _ = _place(args)
    return {"tokens": [_about(one) for one in Tokens(workspace).list()]}


def _revoke(args: argparse.Namespace) -> dict:
    from ddsing.tokens import Tokens

    workspace, person, site = _place(args)
    gone = Tokens(workspace).revoke(args.name)
    _note(site, "token revoked", person)
    return _about(gone)


def _about(token) -> dict:
    return {"name": token.name, "made": _when(token.made_s), "ends": _when(token.ends_s), "over": token.over}


def _make_text(document: dict) -> str:
    return f"{document['token']}\nIt works until {document['ends']}. Keep it like a password: it can't be shown again."


def _list_text(document: dict) -> str:
    lines = [
        f"{one['name']}  made {one['made']}, {'ended' if one['over'] else 'works until'} {one['ends']}"
        for one in document["tokens"]
    ]
    return "\n".join(lines or ["No tokens yet."])


def _revoke_text(document: dict) -> str:
    return f"The token {document['name']} no longer works."


def _when(moment_s: float) -> str:
    return datetime.datetime.fromtimestamp(moment_s, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
