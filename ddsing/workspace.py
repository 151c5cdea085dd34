"""The workspace folder: recordings, instruments and takes, in the layout of the 2021 notebooks.

An empty workspace is filled with the demo.
"""

import contextlib
import os
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ddsing.errors import WorkspaceError
from ddsing.files import write_atomic
from ddsing.resources import resource

DEMO = resource("demo/assets")
FOLDERS = ("audio", "examples", "instruments", "experiments")


@dataclass(frozen=True)
class Workspace:
    """A workspace's folders."""

    root: Path

    @property
    def audio(self) -> Path:
        """Source recordings, datasets and checkpoints of the voices."""
        return self.root / "audio"

    @property
    def examples(self) -> Path:
        """Recordings to transform."""
        return self.root / "examples"

    @property
    def instruments(self) -> Path:
        """One zip per instrument."""
        return self.root / "instruments"

    @property
    def experiments(self) -> Path:
        """Takes."""
        return self.root / "experiments"

    @property
    def presets(self) -> Path:
        """Controls of a transfer under names."""
        return self.root / "presets"

    @property
    def jobs(self) -> Path:
        """One folder per background job."""
        return self.root / "jobs"

    @property
    def cache(self) -> Path:
        """What can be computed again."""
        return self.root / ".cache"


def open_workspace(root: str | Path | None = None, *, with_demo: bool = True) -> Workspace:
    """The workspace at `root`, else at ``DDSING_WORKSPACE``, else at ``./workspace``.

    It is made, and filled with the demo unless that is not wanted, if it is not there. Raises `WorkspaceError` if the
    folder can't be made or written, or lies where Python imports from.
    """
    path = Path(root or os.environ.get("DDSING_WORKSPACE") or "workspace").expanduser().absolute()
    _refuse_importable(path)
    workspace = Workspace(path)
    try:
        new = not any((path / folder).is_dir() for folder in FOLDERS)
        for folder in FOLDERS:
            (path / folder).mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # all goes without the cache, only slower
            workspace.cache.mkdir(exist_ok=True)
        if new and with_demo:
            _fill_with_demo(workspace)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        reason = error.strerror or "it can't be written"
        message = f"The workspace {str(path)!r} can't be used: {reason}. Choose another with --workspace."
        raise WorkspaceError(message) from None
    return workspace


def _refuse_importable(path: Path):
    """A file that someone put into a folder of code would be importable, and so could run."""
    resolved = path.resolve()
    entries = {Path(entry or ".").resolve() for entry in sys.path}
    trees = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "purelib", "platlib")}
    trees |= {entry for entry in entries if entry.name in ("site-packages", "dist-packages")}
    trees.add(Path(__file__).resolve().parent)
    if resolved in entries or any(resolved.is_relative_to(tree) for tree in trees):
        raise WorkspaceError(
            f"The workspace {str(path)!r} is in a folder that Python imports code from. Use another folder."
        )


def _fill_with_demo(workspace: Workspace):
    for folder in ("audio", "examples", "instruments"):
        _copy_demo(folder, workspace)
    with contextlib.suppress(OSError):
        _copy_demo(".cache", workspace)


def _copy_demo(folder: str, workspace: Workspace):
    for file in sorted(path for path in (DEMO / folder).rglob("*") if path.is_file()):
        target = workspace.root / file.relative_to(DEMO)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, file.read_bytes())
