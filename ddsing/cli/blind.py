"""``blind``: blind tests: draw one, list them, read what they showed. They are listened to in the dashboard."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from ddsing.cli import actions, trashed
from ddsing.cli.writing import writing
from ddsing.errors import TakeError
from ddsing.files import write_atomic
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    from ddsing.experiments.comparison.blind import BlindTest, BlindTests

_KINDS = ("abx", "rating")
WHERE = "Take it on the Experiments page, under Blind test"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add ``blind`` and its actions to the command line."""
    family = actions.family(
        subparsers, "blind", "blind tests: create one and read the results; the listening is done in the dashboard"
    )
    actions.action(family, "list", _list, _list_text, "all tests with their results, newest first")
    create = actions.action(
        family, "create", _create, _created_text, "create a test of takes, to take in the dashboard"
    )
    create.add_argument("kind", choices=_KINDS, help="can they be told apart (abx), or how good is each (rating)")
    create.add_argument("takes", metavar="TAKE", nargs="+", help="ids or names of takes, of one recording for abx")
    create.add_argument("--trials", type=int, default=16, metavar="N", help="number of trials, for abx (16)")
    create.add_argument(
        "--repeats", type=int, default=1, metavar="N", help="how often each recording is played, for rating (1)"
    )
    create.add_argument("--title", default="", help="title of the test")
    create.add_argument("--question", default="", help="question to answer, for rating (How good does it sound?)")
    create.add_argument("--listener", default="", help="a name to save with the answers")
    create.add_argument("--excerpt", nargs=2, type=float, metavar=("FROM", "TO"), help="seconds to play (the first 12)")
    create.add_argument("--seed", type=int, metavar="N", help="seed of the random order (random)")
    for name, func, text, help_text in (
        ("show", _show, _show_text, "the result of a test, in words and numbers"),
        ("stop", _stop, _show_text, "end a test early; the answers so far count"),
        ("delete", _delete, _delete_text, "move a test to the workspace's trash"),
    ):
        action = actions.action(family, name, func, text, help_text)
        action.add_argument("id", metavar="ID", help="id of the test, see `blind list`")
        if name == "show":
            action.add_argument("--csv", metavar="FILE", help="also write its trials as a CSV table")
    trashed.add_argument(actions.action(family, "restore", _restore, _show_text, "restore a deleted test"))


def _store(args: argparse.Namespace) -> BlindTests:
    from ddsing.experiments.comparison.blind import BlindTests

    return BlindTests(open_workspace(args.workspace))


def _document(test: BlindTest) -> dict:
    from ddsing.experiments.comparison import results

    numbers = {"finished": test.finished, "n_answers": len(test.answers), "n_trials": len(test.trials)}
    if not test.finished:  # who hides behind which slot, and how it went so far, is nobody's business yet
        known = ("id", "kind", "title", "question", "listener", "created", "takes", "names", "excerpt_s", "loudness")
        return {name: getattr(test, name) for name in known} | numbers | {"said": f"Not finished. {WHERE}."}
    return json.loads(results.to_json(test)) | numbers | {"said": results.sentence(test)}


def _list(args: argparse.Namespace) -> dict:
    return {"tests": [_document(test) for test in _store(args).list()]}


def _list_text(document: dict) -> str:
    lines = [
        f"{test['id']}  {test['title']}: {test['n_answers']} of {test['n_trials']} trials answered"
        + ("" if test["finished"] else ", not finished")
        for test in document["tests"]
    ]
    return "\n".join(lines) or "No tests yet. Create one with `blind create abx TAKE TAKE`."


def _create(args: argparse.Namespace) -> dict:
    from ddsing.experiments.comparison import blind, selection

    takes = selection.named(open_workspace(args.workspace), args.takes)
    reason = blind.unsuitable(args.kind, takes)
    if reason:
        raise TakeError(reason)
    start_s, stop_s = args.excerpt or blind.excerpt_of(takes)
    test = _store(args).begin(
        args.kind,
        takes,
        n_trials=args.trials,
        repeats=args.repeats,
        title=args.title,
        question=args.question,
        listener=args.listener,
        excerpt_s=(start_s, stop_s),
        seed=args.seed,
    )
    return _document(test)


def _created_text(document: dict) -> str:
    return f"{document['id']}  {document['title']}: {document['n_trials']} trials. {WHERE}."


def _show(args: argparse.Namespace) -> dict:
    from ddsing.experiments.comparison import results

    test = _store(args).get(args.id)
    if args.csv:
        with writing(args.csv):
            write_atomic(actions.require_folder(args.csv), results.to_csv(test).encode())
    return _document(test)


def _show_text(document: dict) -> str:
    answered = f"{document['n_answers']} of {document['n_trials']} trials answered"
    return f"{document['id']}  {document['title']}, {answered}\n{document['said']}"


def _stop(args: argparse.Namespace) -> dict:
    return _document(_store(args).stop(args.id))


def _delete(args: argparse.Namespace) -> dict:
    store = _store(args)
    test = store.get(args.id)
    return {"id": test.id, "title": test.title, "token": store.delete(test.id)}


def _delete_text(document: dict) -> str:
    return f"Moved {document['title']} to the trash. Restore it with `blind restore {document['id']}`."


def _restore(args: argparse.Namespace) -> dict:
    store = _store(args)
    return _document(store.undo(trashed.titled(store.folder, args.deleted, what="test")))
