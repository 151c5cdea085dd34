"""Which launcher a workspace's jobs get, and which one knows a job that is there already."""

from pathlib import Path

from ddsing.errors import SettingsError
from ddsing.jobs import engine as engines
from ddsing.jobs.engine import Engine
from ddsing.jobs.launcher import Launcher, LocalLauncher
from ddsing.jobs.ray import RayLauncher
from ddsing.jobs.remote import RemoteLauncher, Unusable
from ddsing.jobs.slurm import SlurmLauncher

_REMOTE: dict[str, type[RemoteLauncher]] = {"slurm": SlurmLauncher, "ray": RayLauncher}


def make(engine: Engine) -> Launcher:
    """The launcher of an engine."""
    return _REMOTE[engine.kind](engine) if engine.kind in _REMOTE else LocalLauncher()


def of(workspace: Path, kind: str = "") -> Launcher:
    """The launcher for new jobs of a workspace, see `ddsing.jobs.engine.chosen`. Raises `SettingsError`."""
    return make(engines.chosen(workspace, kind))


def that_knows(kind: str, workspace: Path) -> RemoteLauncher:
    """The launcher that can be asked about jobs that were given to a kind of engine."""
    if kind not in _REMOTE:
        return Unusable(kind or "unknown", "this version of ddsing does not know that engine")
    try:
        return _REMOTE[kind](engines.chosen(workspace, kind))
    except SettingsError as error:
        return Unusable(kind, str(error).rstrip("."))
