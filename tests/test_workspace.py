"""The workspace: where it is, what is written into it, and what can be brought back."""

import os
from pathlib import Path

import numpy as np
import pytest

from ddsing.errors import WorkspaceError
from ddsing.sound import audio as recordings
from ddsing.workspace import open_workspace, restore, safe_name, trash, write_atomic


def test_a_workspace_is_made_and_never_inside_code(tmp_path):
    workspace = open_workspace(tmp_path / "my workspace")
    assert workspace.instruments.is_dir() and workspace.experiments.is_dir()
    with pytest.raises(WorkspaceError, match="imports code"):
        open_workspace(Path(recordings.__file__).parent / "inside")
    (tmp_path / "file").write_text("x")
    with pytest.raises(WorkspaceError, match="--workspace"):
        open_workspace(tmp_path / "file")
    (tmp_path / "link").symlink_to(Path(np.__file__).parent.parent)
    for inside in (tmp_path / "link" / "inside", Path(os.__file__).parent / "inside"):
        with pytest.raises(WorkspaceError, match="imports code"):
            open_workspace(inside)


def test_the_workspace_comes_from_the_option_the_environment_or_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DDSING_WORKSPACE", raising=False)
    assert open_workspace().root == tmp_path / "workspace"
    monkeypatch.setenv("DDSING_WORKSPACE", str(tmp_path / "of the environment"))
    assert open_workspace().root == tmp_path / "of the environment"
    assert open_workspace(str(tmp_path / "named")).root == tmp_path / "named"


def test_an_empty_workspace_gets_the_demo_once(tmp_path):
    workspace = open_workspace(tmp_path)
    examples = list(workspace.examples.iterdir())
    assert examples and all(len(recordings.decode(path)) > 16_000 for path in examples)
    examples[0].unlink()
    open_workspace(tmp_path)
    assert not examples[0].exists()


def test_writing_is_whole_or_not_at_all_and_spares_devices(tmp_path):
    write_atomic(tmp_path / ("語" * 80), b"1")
    with pytest.raises(OSError):
        write_atomic(Path("/dev/null"), b"1")
    with pytest.raises(OSError):
        write_atomic(tmp_path, b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["語" * 80]


def test_what_is_deleted_can_be_brought_back(tmp_path):
    path = tmp_path / "voice.zip"
    path.write_text("1")
    trashed = trash(path)
    assert not path.exists()
    path.write_text("2")
    assert restore(trashed).read_text() == "1"
    assert path.read_text() == "2"


@pytest.mark.parametrize("text", ["../../etc/passwd", "", "...", "/", "a\x00b", "-rf", "x" * 500, "𠀀" * 90])
def test_names_are_made_safe(text):
    name = safe_name(text)
    assert name and len(name) <= 80 and len(name.encode()) <= 200
    assert "/" not in name and not name.startswith((".", "-"))
