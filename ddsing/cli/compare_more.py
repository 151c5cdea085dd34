"""``compare session``, ``methods``, ``matrix``, ``listening``: what the Experiments page does beside showing takes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsing import names
from ddsing.cli import actions, background
from ddsing.cli.writing import writing
from ddsing.constants import TRACKERS
from ddsing.errors import AudioError, TakeError
from ddsing.files import write_atomic
from ddsing.workspace import open_workspace

if TYPE_CHECKING:
    from ddsing.transfer.take import Take


def add_to(what: argparse._SubParsersAction) -> None:
    """Add the subcommands to ``compare``."""
    _session(what)
    _methods(what)
    _matrix(what)
    _listening(what)


def _takes_of(args: argparse.Namespace) -> list[Take]:
    from ddsing.experiments.comparison import selection

    return selection.named(open_workspace(args.workspace), args.ids)


def _session(what: argparse._SubParsersAction) -> None:
    parser = actions.action(
        what, "session", _write_session, _session_text, "takes, settings and metrics as one zip with a web page"
    )
    parser.add_argument("ids", nargs="+", metavar="ID", help="ids or names of takes")
    parser.add_argument("--out", required=True, metavar="SESSION.zip")
    parser.add_argument("--title", default="", help="title of the page")
    parser.add_argument("--notes", default="", help="notes to show on the page")


def _write_session(args: argparse.Namespace) -> dict:
    from ddsing.experiments.comparison import session

    workspace, takes, out = open_workspace(args.workspace), _takes_of(args), Path(args.out)
    if not out.absolute().parent.is_dir():
        raise AudioError(f"The folder of {args.out[:200]!r} does not exist. Create it or choose another file.")
    content = session.packed(workspace, takes, title=names.mended(args.title), notes=names.mended(args.notes))
    with writing(args.out):
        write_atomic(out, content)
    return {"out": args.out, "takes": [take.id for take in takes], "bytes": len(content)}


def _session_text(document: dict) -> str:
    return f"Written to {document['out']}: {len(document['takes'])} takes. Open its index.html."


def _methods(what: argparse._SubParsersAction) -> None:
    parser = actions.action(
        what, "methods", _compose, _methods_text, "a methods paragraph for a paper, and what it can't include"
    )
    parser.add_argument("ids", nargs="+", metavar="ID", help="ids or names of takes")


def _compose(args: argparse.Namespace) -> dict:
    from ddsing.experiments.comparison import methods, results

    workspace, takes = open_workspace(args.workspace), _takes_of(args)
    listening = [results.sentence(test) for test in results.of_takes(workspace, takes)]
    found = methods.compose(workspace, takes, listening=listening)
    return {"text": found.text, "unknown": list(found.unknown), "citations": list(found.citations)}


def _methods_text(document: dict) -> str:
    from ddsing.experiments.comparison.methods import Methods

    return Methods(document["text"], tuple(document["unknown"]), tuple(document["citations"])).whole().rstrip()


def _matrix(what: argparse._SubParsersAction) -> None:
    text = background.or_text(_matrix_text)
    parser = actions.action(
        what, "matrix", _render_matrix, text, "every instrument sings every recording, each only once"
    )
    parser.add_argument("--instruments", nargs="+", metavar="NAME", help="instruments to use (all in the workspace)")
    parser.add_argument("--recordings", nargs="+", metavar="FILE", help="recordings in examples/ to use (all)")
    parser.add_argument("--tracker", choices=TRACKERS, default="full")
    parser.add_argument("--as-they-are", action="store_true", help="don't shift octave and loudness into each range")
    background.add_option(parser)


class _Here:
    """The part of a job's context that the matrix uses, for work in the foreground."""

    def report(self, **_: Any) -> None:
        """Nobody listens."""

    def should_stop(self) -> bool:
        """Never asked to."""
        return False


def _render_matrix(args: argparse.Namespace) -> dict:
    from ddsing.cli.quiet import native_messages_hidden
    from ddsing.experiments.comparison import job, matrix
    from ddsing.instrument.library import Library
    from ddsing.sound import audio, folder

    workspace = open_workspace(args.workspace)
    singers = args.instruments or [entry.name for entry in Library(workspace).list() if not entry.error]
    files = args.recordings or [
        folder.name_of(workspace.examples, path)
        for path in folder.recordings(workspace.examples)
        if audio.is_recording(path)
    ]
    wanted = matrix.Matrix(tuple(singers), tuple(files), args.tracker, fitted=not args.as_they_are)
    matrix.paths(workspace, wanted)
    if background.wanted(args):
        return background.start(workspace, job.order(workspace, wanted), args)
    with native_messages_hidden():
        return job.run(workspace, wanted.to_json(), _Here())


def _matrix_text(document: dict) -> str:
    lines = [
        f"Rendered {document['rendered']} of {document['cells']} cells. The others existed already or were refused."
    ]
    return "\n".join(
        lines + [f"{one['instrument']} × {one['recording']}: {one['reason']}" for one in document["refused"]]
    )


def _listening(what: argparse._SubParsersAction) -> None:
    parser = actions.action(what, "listening", _tests, _tests_text, "results of blind tests, with the binomial p-value")
    parser.add_argument("id", nargs="?", metavar="ID", help="show only this test (all)")
    parser.add_argument("--csv", metavar="FILE", help="also write the trials of this test as a CSV table")


def _tests(args: argparse.Namespace) -> dict:
    import json

    from ddsing.experiments.comparison import results
    from ddsing.experiments.comparison.blind import BlindTests

    store = BlindTests(open_workspace(args.workspace))
    tests = (store.get(args.id),) if args.id else store.list()
    if args.csv:
        if not args.id:
            raise TakeError("--csv writes the trials of one test. Add its ID.")
        with writing(args.csv):
            write_atomic(Path(args.csv), results.to_csv(tests[0]).encode())
    return {"tests": [json.loads(results.to_json(test)) | {"said": results.sentence(test)} for test in tests]}


def _tests_text(document: dict) -> str:
    return "\n".join(f"{test['id']}  {test['title']}: {test['said']}" for test in document["tests"]) or "No tests yet."
