"""Running commands as a person and as a program does."""

import json

import pytest

from ddsing import cli
from ddsing.experiments.comparison import measure
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace
from tests.support import tiny_workspace


@pytest.fixture
def command(capsys):
    """Runs a command in a workspace; returns its document with ``--json``, else what it printed, else its complaint."""

    def run(root, *words, status=0):
        capsys.readouterr()
        assert cli.main([*map(str, words), "--workspace", str(root)]) == status, capsys.readouterr().err
        captured = capsys.readouterr()
        if status == 2:
            assert captured.out == "" and captured.err.count("\n") == 1 and "Traceback" not in captured.err
            return captured.err
        return json.loads(captured.out) if "--json" in words else captured.out

    return run


@pytest.fixture(scope="session")
def sung(tmp_path_factory):
    """A workspace with two takes of one recording by two instruments, one of them measured; never changed."""
    root = tiny_workspace.fill(tmp_path_factory.mktemp("sung") / "w")
    workspace = Workspace(root)
    source = next(workspace.examples.glob("*.wav"))
    takes = [
        pipeline.run(workspace, source, name, Settings(octave_shift=number), tracker="tiny", source_name="song.wav")
        for number, name in enumerate(tiny_workspace.NAMES)
    ]
    measure.measure(takes[0])
    return root
