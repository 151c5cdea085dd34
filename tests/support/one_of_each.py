"""A workspace with one of each kind of thing, and the names by which somebody else could ask for each of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ddsing import storage
from ddsing.dataset import voices, windows
from ddsing.experiments.comparison.blind import BlindTests
from ddsing.experiments.comparison.sets import SetStore
from ddsing.instrument.library import Library
from ddsing.jobs.store import JobStore
from ddsing.tokens import Tokens
from ddsing.transfer.presets import Preset, Presets
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import idle_jobs
from tests.support.furnished import furnish
from tests.support.idle_jobs import NoLauncher

JOBS = ("prepare", "train", "sweep", "matrix")


def make(root: Path, shared: Path) -> Workspace:
    """Make it at `root`: what `furnish` makes, and what people make of that on the pages."""
    workspace = furnish(root, shared)
    takes = TakeStore(workspace)
    first, second, third = takes.list()[:3]
    sets, tests = SetStore(workspace), BlindTests(workspace)
    sets.create("Anns octaves", [first.id, second.id])
    sets.delete(sets.create("Anns fifths", [first.id, second.id]).id)
    tests.begin("abx", [first, second], title="Anns ears")
    tests.delete(tests.begin("rating", [first, second], title="Anns doubts").id)
    alto = voices.get(workspace, "alto")
    windows.exclude(alto, [0])
    (alto.folder / "one.wav").rename(alto.folder / "Anns sigh.wav")
    voices.remove(alto, "Anns sigh.wav")
    library = Library(workspace)
    library.delete(library.rename("Second voice", "Anns second voice").name)
    takes.delete(third.id)
    sources = workspace.cache / storage.SOURCES
    sources.mkdir(parents=True, exist_ok=True)
    (sources / "source.uploaded").write_bytes(b"what Ann has sung")
    presets = Presets(workspace)
    presets.save(Preset("Anns dusk", Settings(octave_shift=-1)))
    presets.set_default("Second voice", "Anns dusk")
    presets.delete(presets.save(Preset("Anns dawn", Settings(octave_shift=1))).name)
    Tokens(workspace).make("Anns laptop")
    jobs = JobStore(workspace, launcher=NoLauncher())
    for kind in (*JOBS, "train"):
        job = jobs.submit(idle_jobs.order(kind, f"Anns {kind} {len(jobs.list())}"))
        idle_jobs.write(jobs, job, state="stopped")
        idle_jobs.folder(jobs, job).log.write_text("Anns log\n")
    jobs.delete(job.id)
    return workspace


def asked(workspace: Workspace) -> dict[str, list[str]]:
    """By kind of thing: ids, names and tokens of those in a workspace."""
    takes, sets, tests, jobs = (
        TakeStore(workspace).list(),
        SetStore(workspace).list(),
        BlindTests(workspace).list(),
        JobStore(workspace, launcher=NoLauncher()).list(),
    )
    found = {
        "voice": [voice.name for voice in voices.trainings(workspace)],
        "recording": ["long.wav"],
        "instrument": [entry.name for entry in Library(workspace).list()],
        "take": [name for take in takes for name in (take.id, take.name)],
        "set": [name for one in sets for name in (one.id, one.title)],
        "test": [one.id for one in tests],
        "job": [job.id for job in jobs],
        "preset": [one.name for one in Presets(workspace).list()],
        "token": [one.name for one in Tokens(workspace).list()],
        "example": [path.name for path in workspace.examples.iterdir()],
    }
    for kind, folder in (
        ("take", workspace.experiments),
        ("set", workspace.experiments / "sets"),
        ("test", workspace.experiments / "listening"),
        ("job", workspace.jobs),
        ("instrument", workspace.instruments),
        ("recording", workspace.audio / "alto"),
        ("preset", workspace.root / "presets"),
    ):
        trashed = sorted(folder.glob(".trash/*/*"))
        assert trashed, f"one {kind} at least was deleted, from {folder}"
        found[f"deleted {kind}"] = [name for path in trashed for name in (path.name, path.stem, str(path))]
    return {kind: sorted(set(names)) for kind, names in found.items()}


def by_path(workspace: Workspace, names: list[str], elsewhere: Workspace) -> list[str]:
    """What leads to things by a path: from another workspace, and from everywhere."""
    places = {folder: workspace.root / folder for folder in ("audio", "instruments", "experiments", "jobs", "examples")}
    found = []
    for name in names:
        for folder, path in places.items():
            if any((path / f"{name}{ending}").exists() for ending in ("", ".zip", ".json")):
                found += [f"../../{workspace.root.name}/{folder}/{name}", str(path / name)]
    assert elsewhere.root.parent == workspace.root.parent
    return sorted(set(found))


def content(root: Path, *, but: tuple[str, ...] = ()) -> dict[str, str]:
    """What a workspace holds: a hash of each file's content, by its place; locks and what is in `but` don't count."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and not path.name.endswith((".lock", ".gate", ".changing"))
        and not path.relative_to(root).as_posix().startswith(but)
    }
