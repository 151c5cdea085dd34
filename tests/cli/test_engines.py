"""Commands that leave their work to a cluster: one that can't be reached, and settings with a mistake."""

import json

import pytest

from ddsing import cli
from ddsing.jobs.launcher import LocalLauncher
from tests.support import tiny_workspace


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A workspace on a computer that has none of Slurm's commands; jobs of its own never start."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setattr(LocalLauncher, "start", lambda self, folder: None)
    return tiny_workspace.fill(tmp_path / "w")


def ddsing(root, capsys, *words):
    """The exit status, and what was written to standard output and standard error."""
    status = cli.main([*words, "--workspace", str(root)])
    return status, *capsys.readouterr()


def test_a_job_for_a_cluster_that_does_not_answer_is_kept_and_shown_as_unknown(root, capsys):
    status, out, _ = ddsing(root, capsys, "train", "alto", "--config", "singing_small", "--engine", "slurm")
    assert status == 0 and out.startswith("Started as job ")
    job = out.split()[3].rstrip(".")
    assert ddsing(root, capsys, "train", "alto", "--engine", "slurm")[1] == out, "the same job"
    _, listed, _ = ddsing(root, capsys, "jobs", "list")
    assert f"{job}  unknown " in listed and "Slurm does not answer" in listed
    document = json.loads(ddsing(root, capsys, "jobs", "show", job, "--json")[1])
    assert document["state"] == "unknown" and document["engine"] == "Slurm"
    status, _, said = ddsing(root, capsys, "jobs", "delete", job)
    assert status == 2 and "Stop it first" in said


def test_the_engine_of_one_job_is_not_that_of_others(root, capsys):
    (root / "engine.toml").write_text('kind = "slurm"\n')
    _, out, _ = ddsing(root, capsys, "train", "alto", "--config", "singing_small", "--background", "--engine", "local")
    document = json.loads(ddsing(root, capsys, "jobs", "show", out.split()[3].rstrip("."), "--json")[1])
    assert document["state"] == "starting" and document["engine"] == ""


@pytest.mark.parametrize(
    ("content", "words", "sentence"),
    [
        ("", ["--engine", "ray"], "Ray needs the url of its dashboard"),
        ('kind = "slurm"\ncpus = 0\n', ["--background"], "engine.toml: The engine's cpus is 0; use a whole number"),
        ("kind = slurm\n", ["--background"], "is not valid TOML"),
    ],
)
def test_a_mistake_in_the_settings_is_a_sentence(root, capsys, content, words, sentence):
    (root / "engine.toml").write_text(content)
    status, _, said = ddsing(root, capsys, "train", "alto", "--config", "singing_small", *words)
    assert status == 2 and sentence in said and "Traceback" not in said
    assert json.loads(ddsing(root, capsys, "jobs", "list", "--json")[1])["jobs"] == []
    status, _, said = ddsing(root, capsys, "jobs", "watch", "--every", "0")
    assert status == 2 and "use 1 to 3,600 seconds" in said
