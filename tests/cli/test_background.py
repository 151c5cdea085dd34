"""Leaving a command's work to a job, at a terminal."""

import json

import pytest

from ddsing import cli
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A workspace whose jobs are ordered and never start."""
    monkeypatch.setattr(LocalLauncher, "start", lambda self, folder: None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    return tiny_workspace.fill(tmp_path / "w")


COMMANDS = {
    "prepare": ["dataset", "prepare", "alto"],
    "train": ["train", "alto", "--config", "singing_small"],
    "sweep": ["sweep", "alto", "--config", "singing_small"],
    "matrix": ["compare", "matrix"],
    "batch": ["transfer", "EXAMPLES", "--instrument", tiny_workspace.NAMES[0]],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", COMMANDS)
def test_it_starts_a_job_says_how_to_follow_it_and_a_second_time_starts_none(root, capsys, kind):
    command = [str(root / "examples") if word == "EXAMPLES" else word for word in COMMANDS[kind]]
    for _ in range(2):
        assert cli.main([*command, "--background", "--workspace", str(root)]) == 0
        said = capsys.readouterr().out
        (job,) = JobStore(Workspace(root)).list()
        assert job.kind == kind and said == f"Started as job {job.id}. Follow it with `jobs show {job.id}`.\n"
    assert cli.main([*command, "--background", "--json", "--workspace", str(root)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["job"], document["state"]) == (job.id, "starting")


@pytest.mark.parametrize("words", [["dataset", "prepare"], ["train"], ["sweep"]])
def test_a_voice_that_is_not_there_is_said_at_once(root, capsys, words):
    assert cli.main([*words, "nobody", "--background", "--workspace", str(root)]) == 2
    assert "nobody" in capsys.readouterr().err and not JobStore(Workspace(root)).list()


def test_help_names_it(capsys):
    for words in COMMANDS.values():
        command = words[:2] if words[0] in ("dataset", "compare") else words[:1]
        with pytest.raises(SystemExit):
            cli.main([*command, "--help"])
        assert "--background" in capsys.readouterr().out


def test_many_recordings_by_a_mixture_with_repairs_are_left_to_a_job(root, capsys):
    first, second = tiny_workspace.NAMES
    given = ["transfer", str(root / "examples"), "--instrument", first, "--background", "--workspace", str(root)]
    assert cli.main([*given, "--morph", "nobody=0.5"]) == 2
    assert "No instrument 'nobody'" in capsys.readouterr().err and not (root / ".batches").exists()
    assert cli.main([*given, "--morph", f"{second}=0.3", "--repair-octaves"]) == 0
    (job,) = JobStore(Workspace(root)).list()
    assert job.options["morph"]["instruments"] == [first, second] and job.options["repair_octaves"] is True
    assert job.options["morph"]["points"] == [[0.0, [0.7, 0.3]]] and job.title.endswith(f"to {first} and {second}")
