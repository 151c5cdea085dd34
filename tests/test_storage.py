"""What the cache and the trash take, and that clearing them touches nothing else."""

import json

import pytest

from ddsing import cli, storage
from ddsing.files import trash
from ddsing.instrument.library import Library
from ddsing.jobs.store import JobStore
from ddsing.sound.features import FeatureCache
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import open_workspace
from tests.support import idle_jobs, tiny_workspace
from tests.support.idle_jobs import NoLauncher


@pytest.fixture
def used(tmp_path):
    """A workspace with a known pitch track, and with a deleted instrument and recording."""
    workspace = open_workspace(tiny_workspace.fill(tmp_path / "ws"))
    track = tiny_workspace.sung()[::64]
    FeatureCache(workspace.cache / "features").put("a" * 64, "tiny", track, track)
    Library(workspace).delete(tiny_workspace.NAMES[1])
    trash(workspace.audio / "alto" / "one.wav")
    return workspace


def files(workspace):
    return sorted(
        str(path.relative_to(workspace.root))
        for path in workspace.root.rglob("*")
        if path.is_file() and not {".trash", ".cache"} & set(path.parts)
    )


def test_sizes_are_those_of_the_files(used):
    found = storage.measure(used)
    hidden = [path for path in used.root.rglob("*") if path.is_file()]
    for folder, n_bytes in ((".cache", found.cache_bytes), (".trash", found.trash_bytes)):
        assert n_bytes == sum(path.stat().st_size for path in hidden if folder in path.parts) > 0


def test_clearing_takes_only_what_it_says(used):
    before, sizes = files(used), storage.measure(used)
    assert storage.clear_cache(used) == sizes.cache_bytes
    assert storage.measure(used) == storage.Storage(0, sizes.trash_bytes)
    assert storage.empty_trash(used) == sizes.trash_bytes
    assert storage.measure(used) == storage.Storage(0, 0)
    assert files(used) == before
    assert TakeStore(used).list() == []


def test_a_link_is_not_followed(used, tmp_path):
    outside = tmp_path / "mine"
    outside.mkdir()
    (outside / "song.wav").write_bytes(b"x" * 1000)
    (used.experiments / ".trash").symlink_to(outside, target_is_directory=True)
    (used.examples / "linked").symlink_to(outside, target_is_directory=True)
    storage.empty_trash(used)
    assert (outside / "song.wav").read_bytes() == b"x" * 1000


def test_the_command(used, capsys):
    sizes = storage.measure(used)
    assert cli.main(["storage", "--workspace", str(used.root), "--clear-cache", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "cache_bytes": 0,
        "trash_bytes": sizes.trash_bytes,
        "gained_bytes": sizes.cache_bytes,
        "runs_and_datasets": {},
        "removed": [],
    }
    assert cli.main(["storage", "--workspace", str(used.root), "--empty-trash"]) == 0
    assert ". Cache: 0 B. Trash: 0 B." in capsys.readouterr().out


def test_a_run_is_moved_to_the_trash_by_command_but_not_under_a_job(used, capsys, own_locks):
    (used.audio / "alto_checkpoints").mkdir()
    (used.audio / "alto_checkpoints" / "data").write_bytes(bytes(1000))
    store = JobStore(used, launcher=NoLauncher())
    job = idle_jobs.submit(store)
    command = ["storage", "--workspace", str(used.root), "--remove", "alto_checkpoints"]
    assert cli.main(command) == 2 and "Jobs are running" in capsys.readouterr().err
    idle_jobs.write(store, job, state="stopped")
    assert cli.main(["storage", "--workspace", str(used.root)]) == 0
    assert "alto_checkpoints, 1.0 kB" in capsys.readouterr().out
    assert cli.main(command) == 0
    assert "In the trash now: alto_checkpoints." in capsys.readouterr().out
    assert not (used.audio / "alto_checkpoints").exists()
    assert cli.main(command) == 2 and "No run or dataset 'alto_checkpoints'" in capsys.readouterr().err
