"""``serve``: the dashboard; for several people if ``hosting.toml`` says so."""

import argparse
import sys

from ddsing.cli import Failed


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the command."""
    command = subparsers.add_parser(
        "serve",
        help="open the dashboard; with a hosting.toml, for several people",
        description="Opens the dashboard on this computer, until Ctrl+C. With hosting.toml in the current folder, or "
        "the file that DDSING_HOSTING names, it serves several people as described there.",
    )
    command.add_argument("--check", action="store_true", help="only report what would be done, or what is wrong")
    command.add_argument("--host", metavar="H", help="network address to listen on (127.0.0.1, or as in hosting.toml)")
    command.add_argument("--port", type=int, metavar="P", help="port to listen on (8501, or as in hosting.toml)")
    command.add_argument(
        "--rest", action="store_true", help="let programs that have a token use it over HTTP, too, see docs/rest.md"
    )
    command.set_defaults(func=run, text=text)


def run(args: argparse.Namespace) -> dict:
    """Become the server, or report; raises `Failed` with all mistakes of the file."""
    from ddsing.hosting import launch, reading

    path = reading.find()
    if path is None:
        found = launch.local(workspace=args.workspace, host=args.host, port=args.port, rest=args.rest)
        return _end(args, None, found, launch)
    if args.workspace is not None:
        raise launch.ServeError(
            f"--workspace is for one person, but {str(path)!r} is about several: each has a workspace below its `root`."
        )
    if args.rest:
        raise launch.ServeError(
            f"--rest is for one person. For several, write `allowed = true` below `[rest]` in {str(path)!r}."
        )
    try:
        config, found = launch.hosted(path, host=args.host, port=args.port)
    except reading.ConfigError as error:
        if len(error.mistakes) == 1:
            raise
        document = {"file": str(path), "mistakes": list(error.mistakes)}
        raise Failed(f"{str(path)!r} has {len(error.mistakes)} mistakes, listed above.", document) from None
    return _end(args, config, found, launch, file=str(path))


def _end(args: argparse.Namespace, config, found, launch, **more: str) -> dict:
    document = {**more, **found.about}
    if args.check:
        return document
    if config is not None:
        launch.prepare(config)
    print(f"ddsing is at {found.address}; stop it with Ctrl+C.", file=sys.stderr, flush=True)
    return {**document, "status": launch.run(found)}


def text(document: dict) -> str:
    """What would be done, or the mistakes."""
    if "mistakes" in document:
        return "\n".join(document["mistakes"])
    width = max(map(len, document))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in document.items())
