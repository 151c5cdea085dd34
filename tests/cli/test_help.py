"""The help is quick, complete and true: groups, what is imported for it, and the thresholds that it names."""

import json
import re
import subprocess
import sys

import pytest

from ddsing import cli
from tests.support.paths import ROOT

HEAVY = ("numpy", "scipy", "pandas", "plotly", "soundfile", "h5py", "gin", "streamlit", "tensorflow", "ddsing.ui")


def parsers():
    """Every command and action, with the words that call it."""
    waiting = [((), cli.build_parser())]
    while waiting:
        words, parser = waiting.pop()
        yield words, parser
        for action in parser._actions:
            if isinstance(action.choices, dict):
                waiting += [((*words, name), one) for name, one in action.choices.items()]


def test_help_imports_nothing_that_is_slow_to_import():
    program = (
        "import json, sys\nfrom ddsing import cli\ncli.build_parser().format_help()\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_every_command_stands_in_one_group():
    grouped = [name for names in cli.GROUPS.values() for name in names]
    there = [words[0] for words, _ in parsers() if len(words) == 1]
    assert sorted(grouped) == sorted(there)
    text = cli.build_parser().format_help()
    for heading, names in cli.GROUPS.items():
        section = text[text.index(f"\n{heading}:\n") :].split("\n\n")[0]
        assert re.findall(r"^  ([a-z]+)  ", section, re.MULTILINE) == list(names)


@pytest.mark.parametrize("words", [words for words, _ in parsers() if words], ids=" ".join)
def test_every_command_has_help_takes_a_workspace_and_json(words, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0 and "--workspace DIR" in said and "--json" in said
    assert not re.search(r"\(None\)|%\(", said)


def test_a_command_that_is_not_there_is_one_sentence(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["voice"])
    captured = capsys.readouterr()
    assert ended.value.code == 2 and captured.out == "" and captured.err.count("\n") == 1
