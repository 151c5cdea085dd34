"""The command line: what the pages do, at a terminal. This is its root: what there is, and how it ends.

Each module with an ``add_parser(subparsers)`` is a command, or a family of commands. It sets ``func(args)``, returning
a document (a dictionary that JSON can hold), and ``text(document)``, the same in words for people. A module imports
what is slow to import, NumPy and the job store among it, inside `func`, so that ``--help`` is quick; a command that is
called is imported alone. `GROUPS` is where a person finds a command: it stands in the module of its name.

Exit status: 0; 2 with one sentence on stderr; 130 when interrupted with Ctrl-C.
"""

import argparse
import contextlib
import dataclasses
import importlib
import itertools
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import ddsing
from ddsing import names
from ddsing.errors import Cancelled, DdsingError

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
_SPOKEN = "DDSING_TERMINAL_ENCODING"
GROUPS = {  # as the pages are: every command stands in one of them
    "timbre transfer": ("transfer", "preset", "fit", "takes", "features"),
    "play": ("sing",),
    "datasets": ("dataset",),
    "training": ("train", "checkpoint", "resynthesise", "jobs", "tensorboard"),
    "instruments": ("instrument",),
    "experiments": ("compare", "sets", "blind", "sweep", "latent"),
    "this computer": ("serve", "token", "users", "house", "doctor", "storage"),
}


class Failed(DdsingError):
    """A command that has something to show although it failed: `document` is printed as if it hadn't."""

    def __init__(self, message: str, document: Mapping) -> None:
        super().__init__(message)
        self.document = document


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence; the usage is what ``--help`` is for."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        message = " ".join(message.split()).rstrip(".")
        self.exit(EXIT_ERROR, f"{message[:1].upper()}{message[1:]}; try {self.prog} --help.\n")


class _Root(_Parser):
    """Lists the commands by the pages that do the same."""

    def format_help(self) -> str:
        """The usage, the groups of commands, and the options."""
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        (commands,) = (action for action in self._actions if isinstance(action, argparse._SubParsersAction))
        described = {one.dest: one for one in commands._choices_actions}
        for heading, commands_there in GROUPS.items():
            formatter.start_section(heading)
            formatter.add_arguments([described[name] for name in commands_there])
            formatter.end_section()
        formatter.start_section("options")
        formatter.add_arguments(self._optionals._group_actions)
        formatter.end_section()
        formatter.add_text(self.epilog)
        return formatter.format_help()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (argparse itself raises `SystemExit` with it)."""
    if arguments is None:
        _read_names_as_utf8()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what the terminal can't show
    try:
        words = sys.argv[1:] if arguments is None else arguments
        return _run(build_parser(_command(words)).parse_args(words))
    except (KeyboardInterrupt, Cancelled):
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, `head` for instance, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except DdsingError as error:
        return _complain(str(error))
    except OSError as error:
        name = f"{os.fsdecode(error.filename)!r}: " if isinstance(error.filename, str | bytes) else ""
        return _complain(f"{name}{error.strerror or error}.")


def _read_names_as_utf8() -> None:
    """Begin anew, and with us what we start, where names of files would be read in the terminal's other encoding."""
    spoken = f"{sys.stdout.encoding}:backslashreplace" if sys.stdout else ""
    if os.environ.get("PYTHONUTF8") == "1":
        if os.environ.get(_SPOKEN) and os.environ.get("PYTHONIOENCODING") == os.environ.pop(_SPOKEN):
            del os.environ["PYTHONIOENCODING"]  # the terminal's; a job's log is none
    elif sys.getfilesystemencoding() != "utf-8":
        os.environ["PYTHONUTF8"] = "1"
        if "PYTHONIOENCODING" not in os.environ:
            os.environ |= {"PYTHONIOENCODING": spoken, _SPOKEN: spoken}
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _command(words: Sequence[str]) -> str | None:
    """The command that is called; None if it is none of ours, or if an option of the root, as ``--help``, is first."""
    waiting = iter(words)
    for word in waiting:
        if word == "--workspace":
            next(waiting, None)
        elif word != "--json" and not word.startswith("--workspace="):
            return word if any(word in commands for commands in GROUPS.values()) else None
    return None


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands, or of one alone, which says the same and is there sooner."""
    root = _Root(
        prog="ddsing" if Path(sys.argv[0]).stem == "ddsing" else "python -m ddsing",
        description=ddsing.__doc__,
        epilog="See `COMMAND --help` for details. Blind tests and comparing by ear in one player need the "
        "dashboard: open it with make app.",
    )
    root.add_argument("--version", action="version", version=f"ddsing {ddsing.__version__}")
    commands = root.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for name in [command] if command else itertools.chain.from_iterable(GROUPS.values()):
        importlib.import_module(f"{__name__}.{name}").add_parser(commands)
    _add_common(root)
    root.set_defaults(workspace=None, json=False)
    return root


def _add_common(parser: argparse.ArgumentParser) -> None:
    """``--workspace`` and ``--json``, before and after each command; absent in one place, they hold from the other."""
    where = "the workspace folder (default: DDSING_WORKSPACE, else ./workspace)"
    parser.add_argument("--workspace", metavar="DIR", default=argparse.SUPPRESS, help=where)
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document")
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _add_common(command)


def _run(args: argparse.Namespace) -> int:
    failure = None
    try:
        # stdout holds the document and nothing else
        with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
            document = args.func(args)
    except Failed as failed:
        document, failure = failed.document, str(failed)
    text = json.dumps(plain(document), indent=2, allow_nan=False) if args.json else names.shown(args.text(document))
    print(text)
    sys.stdout.flush()
    return 0 if failure is None else _complain(failure)


def _complain(sentence: str) -> int:
    print(names.shown(" ".join(sentence.split())), file=sys.stderr)
    return EXIT_ERROR


def plain(value: Any) -> Any:
    """`value` in JSON's own types: arrays as lists, dataclasses as objects, paths as text, NaN and infinity as None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "tolist"):  # numpy's, without importing it
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)
