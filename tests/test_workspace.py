"""The workspace: where it is, and what it begins with."""

import os
from pathlib import Path

import numpy as np
import pytest

from ddsing.errors import WorkspaceError
from ddsing.sound import audio as recordings
from ddsing.workspace import open_workspace


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
