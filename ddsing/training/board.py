"""TensorBoard itself, on the trainings of a workspace: a run for each, by its name.

Meant for a process of its own, the command ``tensorboard`` or the one that `board_process` starts for the dashboard.
TensorBoard would load TensorFlow where it is installed; here it is told to do without, which event files don't need.
It listens on 127.0.0.1 only and turns other host names away, as the dashboard does. Of its plugins those are left out
that read files which a configuration in the folder names (the projector, the debugger), and the mere advertisements.

TensorBoard finds runs by walking a folder. It is given one with a link to each training's events, made anew every few
seconds, so that trainings that begin meanwhile appear; the workspace itself is only read.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsing.errors import DatasetError, TrainingError
from ddsing.names import find
from ddsing.training import folder
from ddsing.workspace import Workspace

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"
PORT = 6006
_HOSTS = ("localhost", HOST)
_FOREIGN = re.compile(r" https://(www\.gstatic\.com|ui\.perfetto\.dev)")  # whom TensorBoard's own rules let in
_POLL_S, _RELINK_S = 0.25, 5.0


def chosen(workspace: Workspace, names: Sequence[str]) -> dict[str, Path]:
    """Where the events of some trainings lie, by their names; all of them where none is named."""
    found = _events_of(workspace)
    if not found:
        raise DatasetError("No training runs in this workspace yet, so TensorBoard has nothing to show.")
    wanted = {name: find(name, found) for name in names}
    for name, spelled in wanted.items():
        if spelled is None:
            raise DatasetError(
                f"No training run named {name[:80]!r}; choose from: {', '.join(map(repr, list(found)[:8]))}."
            )
    return {name: found[name] for name in (wanted.values() if names else found) if name is not None}


def _events_of(workspace: Workspace) -> dict[str, Path]:
    return {name: path / folder.SUMMARIES for name, path in folder.trained(workspace).items()}


def serve(
    workspace: Workspace,
    names: Sequence[str] = (),
    *,
    port: int = PORT,
    idle_s: float | None = None,
    ended: threading.Event | None = None,
    ready: Callable[[str, int], None] = lambda address, n_runs: None,
) -> None:
    """Run TensorBoard until SIGINT, SIGTERM, SIGHUP or `ended`; for the main thread of its process.

    Parameters
    ----------
    names : Sequence[str]
        Of the trainings that are shown; all of the workspace, also those to come, where none is named.
    port : int
        0 takes any free one.
    idle_s : float, optional
        It ends by itself when nobody has asked it for anything for so long.
    ended : threading.Event, optional
        Ends it when it is set.
    ready : function
        Is told its address, and how many runs it shows.
    """
    ended = threading.Event() if ended is None else ended
    runs = chosen(workspace, names)
    with tempfile.TemporaryDirectory(prefix="ddsing-tensorboard-") as links, _set_by_signals(ended):
        _link(Path(links), runs)
        server, asked = _launch(Path(links), port)
        try:
            ready(f"http://localhost:{server.server_port}/", len(runs))
            linked_s = time.monotonic()
            while not ended.wait(_POLL_S):
                now_s = time.monotonic()
                if idle_s is not None and now_s - asked[-1] > idle_s:
                    break
                if not names and now_s - linked_s > _RELINK_S:
                    linked_s = now_s
                    _link(
                        Path(links), {name: path / folder.SUMMARIES for name, path in folder.trained(workspace).items()}
                    )
        finally:
            server.shutdown()
            server.server_close()


def _link(links: Path, runs: dict[str, Path]) -> None:
    """Let a folder hold a link to each run and nothing else."""
    for name in {entry.name for entry in links.iterdir()} - runs.keys():
        (links / name).unlink(missing_ok=True)
    for name, path in runs.items():
        if not (links / name).is_symlink() and not (links / name).exists():
            _link_folder(links / name, path.absolute())


def _link_folder(link: Path, target: Path) -> None:
    if sys.platform == "win32":  # there, links to folders need no rights if they are junctions
        import _winapi

        _winapi.CreateJunction(str(target), str(link))
    else:
        link.symlink_to(target, target_is_directory=True)


def _launch(links: Path, port: int) -> tuple[Any, list[float]]:
    """The server, which serves in threads of its own, and a list of one: when it was last asked for something."""
    sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("tensorboard.compat.notf"))  # no TensorFlow
    os.environ["no_grpc_proxy"] = "localhost"  # noqa: SIM112  its reader is here, whatever proxy there is
    from tensorboard import program

    asked, servers = [time.monotonic()], []

    def make(app: WSGIApplication, flags: object) -> Any:
        try:
            servers.append(program.WerkzeugServer(_guarded(app, asked), flags))
        except program.TensorBoardServerException as error:
            raise TrainingError(_refusal(port, error.msg)) from None
        return servers[0]

    _require_free(port)  # before its reader is started
    board = program.TensorBoard(plugins=_plugins(), server_class=make)
    board.configure(argv=["tensorboard"], logdir=str(links), host=HOST, port=port)
    with contextlib.redirect_stderr(open(os.devnull, "w")):  # advice about flags that it doesn't take here
        board.launch()
    servers[0].board = board  # which keeps its reader alive
    return servers[0], asked


def _plugins() -> list:
    from tensorboard.plugins.audio.audio_plugin import AudioPlugin
    from tensorboard.plugins.core.core_plugin import CorePluginLoader
    from tensorboard.plugins.custom_scalar.custom_scalars_plugin import CustomScalarsPlugin
    from tensorboard.plugins.distribution.distributions_plugin import DistributionsPlugin
    from tensorboard.plugins.histogram.histograms_plugin import HistogramsPlugin
    from tensorboard.plugins.hparams.hparams_plugin import HParamsPlugin
    from tensorboard.plugins.image.images_plugin import ImagesPlugin
    from tensorboard.plugins.metrics.metrics_plugin import MetricsPlugin
    from tensorboard.plugins.scalar.scalars_plugin import ScalarsPlugin
    from tensorboard.plugins.text.text_plugin import TextPlugin

    return [
        CorePluginLoader(),
        MetricsPlugin,
        ScalarsPlugin,
        CustomScalarsPlugin,
        ImagesPlugin,
        AudioPlugin,
        DistributionsPlugin,
        HistogramsPlugin,
        TextPlugin,
        HParamsPlugin,
    ]


def _guarded(app: WSGIApplication, asked: list[float]) -> WSGIApplication:
    """The application, for this computer's own names only; notes when it was asked. Its pages may ask nobody else."""

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked[-1] = time.monotonic()
        host = environ.get("HTTP_HOST", "").rsplit(":", 1)[0]
        if host not in _HOSTS:
            start_response("403 Forbidden", [("Content-Type", "text/plain"), ("Content-Length", "10")])
            return [b"Forbidden\n"]

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [(name, _FOREIGN.sub("", value)) for name, value in headers], *rest)

        return app(environ, start)

    return guarded


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise TrainingError(_refusal(port, getattr(error, "strerror", None) or str(error))) from None


def _refusal(port: int, reason: str) -> str:
    return f"TensorBoard can't listen on port {port} ({reason}); choose another with --port, or 0 for any free port."


@contextlib.contextmanager
def _set_by_signals(ended: threading.Event) -> Iterator[None]:
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(argv: Sequence[str] | None = None) -> int:
    """The process that the dashboard starts: prints one line of JSON when it listens, ends with its standard input."""
    parser = argparse.ArgumentParser(prog="python -m ddsing.training.board")
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--idle-s", type=float)
    args = parser.parse_args(argv)
    ended = threading.Event()

    def wait() -> None:
        with contextlib.suppress(OSError):
            while sys.stdin.buffer.read(1024):
                pass
        ended.set()

    def tell(address: str, n_runs: int) -> None:
        print(json.dumps({"address": address, "runs": n_runs}), flush=True)

    threading.Thread(target=wait, name="standard input", daemon=True).start()
    try:
        serve(Workspace(args.workspace), port=0, idle_s=args.idle_s, ended=ended, ready=tell)
    except (DatasetError, TrainingError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
