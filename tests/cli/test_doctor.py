"""The command line's root, and the doctor."""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ddsing import cli
from ddsing.cli import doctor
from ddsing.errors import AudioError, FeaturesError
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S


def command(*arguments):
    program = [sys.executable, "-m", "ddsing", *map(str, arguments)]
    return subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)


@pytest.fixture
def sing(monkeypatch, capsys):
    """Run a command `sing` that does what a function says; returns (status, stdout, stderr)."""

    def run(function, *arguments):
        parser = cli._Parser(prog="python -m ddsing")
        commands = parser.add_subparsers(required=True)
        singing = commands.add_parser("sing")
        singing.set_defaults(func=function, text=lambda document: f"sang {document['what']}")
        cli._add_common(parser)
        parser.set_defaults(workspace=None, json=False)
        monkeypatch.setattr(cli, "build_parser", lambda command=None: parser)
        status = cli.main(["sing", *arguments])
        return status, *capsys.readouterr()

    return run


def raises(error):
    def function(args):
        raise error

    return function


def test_a_document_is_words_for_people_and_json_for_programs(sing):
    def function(args):
        print("by the way")
        return {"what": "A4", "nan": np.float32("nan"), "path": Path("a"), "array": np.arange(2)}

    assert sing(function) == (0, "by the way\nsang A4\n", "")
    status, out, err = sing(function, "--json")
    assert json.loads(out) == {"what": "A4", "nan": None, "path": "a", "array": [0, 1]}
    assert (status, err) == (0, "by the way\n")


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (AudioError("Too\nlong."), 2, "Too long.\n"),
        (FileNotFoundError(2, "No such file or directory", "/nowhere"), 2, "'/nowhere': No such file or directory.\n"),
        (OSError(28, "No space left on device"), 2, "No space left on device.\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_goes_wrong_for_the_user_ends_in_a_sentence(sing, error, status, sentence):
    assert sing(raises(error)) == (status, "", sentence)


def test_a_bug_is_not_hidden(sing):
    with pytest.raises(ZeroDivisionError):
        sing(raises(ZeroDivisionError()))


def test_a_failure_with_a_document_shows_both(sing):
    assert sing(raises(cli.Failed("Flat.", {"what": "G4"}))) == (2, "sang G4\n", "Flat.\n")


@pytest.mark.parametrize(
    "arguments", [[], ["sing!"], ["doctor", "--jsn"], ["doctor", "--js"], ["transfer"], ["features", "--out"]]
)
def test_a_wrong_command_line_is_one_sentence(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    out, err = capsys.readouterr()
    assert stopped.value.code == 2 and out == "" and err.count("\n") == 1 and "--help" in err


@pytest.mark.parametrize(
    ("arguments", "workspace", "as_json"),
    [
        (["doctor"], None, False),
        (["--workspace", "a", "--json", "doctor"], "a", True),
        (["doctor", "--workspace", "a", "--json"], "a", True),
        (["--workspace", "a", "doctor", "--workspace", "b"], "b", False),
        (["--json", "instrument", "--workspace", "a", "list"], "a", True),
        (["instrument", "list", "--workspace", "a", "--json"], "a", True),
    ],
)
def test_workspace_and_json_may_stand_anywhere(arguments, workspace, as_json):
    args = cli.build_parser().parse_args(arguments)
    assert (args.workspace, args.json) == (workspace, as_json)


def test_every_command_has_a_function_a_text_and_help():
    def leaves(parser):
        groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        if not groups:
            yield parser
        for group in groups:
            assert {pseudo.dest for pseudo in group._choices_actions if pseudo.help} == set(group.choices)
            for child in group.choices.values():
                yield from leaves(child)

    commands = list(leaves(cli.build_parser()))
    assert {"doctor", "features", "transfer"} <= {command.prog.split()[-1] for command in commands}
    assert all(callable(command.get_default("func")) and callable(command.get_default("text")) for command in commands)


def test_help_is_quick_and_loads_no_tensorflow():
    code = "import sys\nfrom ddsing import cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    program = [sys.executable, "-c", code]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert "doctor" in done.stdout
    assert not {"tensorflow", "streamlit", "ddsp"} & set(done.stdout.splitlines()[-1].split())


def test_plain_knows_dataclasses_and_infinity():
    @dataclass(frozen=True)
    class Note:
        f0_hz: float
        tags: tuple = ()

    assert cli.plain({1: Note(float("inf"), ("a", None, True))}) == {"1": {"f0_hz": None, "tags": ["a", None, True]}}


@pytest.mark.slow
def test_the_doctor_finds_everything_fine(tmp_path):
    done = command("doctor", "--json", "--workspace", tmp_path / "w")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["ok"] and report["problems"] == [] and report["weights"] == {"full": True, "tiny": True}
    assert report["instant"] is True
    assert report["device"]["kind"] in ("cpu", "gpu") and report["device"]["cores"] >= 1
    assert report["render"]["n_samples"] == 16_000
    assert report["packages"]["ddsp"] == "3.7.0" and all(report["packages"].values())
    assert report["workspace"]["path"] == str(tmp_path / "w") and report["workspace"]["free_bytes"] > 0
    assert "Everything is fine." in doctor.text(report)


def test_the_doctor_says_what_is_wrong(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    monkeypatch.setattr(doctor, "_locked_versions", lambda: {"numpy": "1.0"})
    monkeypatch.setattr(doctor, "_device", raises_without_arguments(ImportError("libcuda is gone")))
    monkeypatch.setattr("ddsing.sound.pitch.weights.path", raises(FeaturesError("CREPE's weights are not installed.")))
    assert cli.main(["doctor", "--workspace", str(tmp_path / "file")]) == 2
    out, err = capsys.readouterr()
    for word in ("numpy is", "no-such-package is not", "libcuda is gone", "weights are not installed", "can't be used"):
        assert word in out
    assert err.count("\n") == 1 and "5 more above" in err


def raises_without_arguments(error):
    return lambda: raises(error)(None)


def test_a_full_disk_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "MIN_FREE_BYTES", float("inf"))
    monkeypatch.setattr(doctor, "format_bytes", lambda n_bytes: f"{n_bytes}")
    problems = []
    doctor._workspace(str(tmp_path / "w"), problems)
    assert len(problems) == 1 and "are free on the disk of the workspace" in problems[0]
