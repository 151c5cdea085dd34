"""The help is quick, complete and true: groups, what is imported for it, and the thresholds that it names."""

import argparse
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys

import pytest

from ddsing import cli
from tests.support.paths import ROOT

HEAVY = (
    "numpy",
    "scipy",
    "pandas",
    "plotly",
    "soundfile",
    "h5py",
    "gin",
    "streamlit",
    "tensorflow",
    "onnxruntime",
    "psutil",
    "filelock",
    "urllib.request",
    "importlib.metadata",
    "ddsing.ui",
    "ddsing.jobs.store",
)


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


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], None),
        (["--help"], None),
        (["--help", "takes"], None),
        (["voice", "takes"], None),
        (["takes", "list", "--help"], "takes"),
        (["--json", "--workspace", "train", "takes"], "takes"),
        (["--workspace=train", "takes"], "takes"),
        (["--workspace"], None),
    ],
)
def test_the_command_that_is_called_is_known_from_the_words(words, command):
    assert cli._command(words) == command


def test_a_command_that_is_called_is_imported_alone():
    program = (
        "import sys\nfrom ddsing import cli\n"
        "try: cli.main(['--json', 'takes', '--help'])\nexcept SystemExit: pass\n"
        "print(*(name for name in sys.modules if name.startswith('ddsing.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    names = set(done.stdout.splitlines()[-1].split())
    assert "ddsing.cli.takes" in names and not names & {f"ddsing.cli.{one}" for one in ("transfer", "train", "jobs")}


def test_every_command_stands_in_one_group():
    grouped = [name for names in cli.GROUPS.values() for name in names]
    modules = [module.name for module in pkgutil.iter_modules(cli.__path__)]
    there = [name for name in modules if hasattr(importlib.import_module(f"ddsing.cli.{name}"), "add_parser")]
    assert sorted(grouped) == sorted(there) == sorted(words[0] for words, _ in parsers() if len(words) == 1)
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


def defaults():
    """What help texts say in brackets, and what the code does: ``--steps`` of train, for instance."""
    from ddsing.dataset import report
    from ddsing.experiments.comparison.blind import LONG_S
    from ddsing.experiments.curves.numbers import DEFAULT_SMOOTHING_STEPS
    from ddsing.training import recipe, sanity
    from ddsing.transfer.settings import Settings

    full, small = recipe.config_file(recipe.DEFAULT_CONFIG), recipe.config_file("singing_small")
    z = recipe.config_file("singing_z").model.z
    recipes = {
        "--steps": f"{full.steps:,} for singing",
        "--batch-size": f"{full.batch_size} for singing",
        "--save-every": f"{full.save_every} for singing",
        "--learning-rate": f"{full.learning_rate:g} for singing",
        "--harmonics": f"{full.model.n_harmonics} for singing",
        "--noise-bands": f"{full.model.n_noise_bands} for singing",
        "--z-rate": f"{z.z_time_steps} for singing_z",
        "--z-width": f"{z.z_dims} for singing_z",
        "--head-start-steps": f"{small.head_start_steps} for the small models",
    }
    yield from ((("train",), option, said) for option, said in recipes.items())
    shown = inspect.signature(report.report).parameters["tracker"].default
    yield ("dataset", "report"), "--tracker", f"({shown})"
    yield ("compare", "losses"), "--smoothing", f"({DEFAULT_SMOOTHING_STEPS:g})"
    yield ("blind", "create"), "--excerpt", f"the first {LONG_S:g}"
    yield ("resynthesise",), "--window", f"({('one', 'two', 'three')[sanity._USUAL_WINDOWS - 1]})"
    yield ("transfer",), "--mask-threshold", f"({Settings().mask_threshold:g})"
    yield ("transfer",), "--attenuation", f"({Settings().attenuation_db:g})"


@pytest.mark.parametrize(("words", "option", "said"), list(defaults()))
def test_defaults_in_help_are_those_of_the_code(words, option, said):
    (parser,) = (parser for found, parser in parsers() if found == words)
    (action,) = (action for action in parser._actions if option in action.option_strings)
    assert said in action.help


def test_what_help_gives_as_default_is_the_option_s_default():
    for words, parser in parsers():
        for action in parser._actions:
            said = re.search(r"\((-?[\w.]+)\)$", action.help or "")
            if said and action.default not in (None, argparse.SUPPRESS) and not isinstance(action.default, list):
                plain = f"{action.default:g}" if isinstance(action.default, int | float) else str(action.default)
                assert said[1] in (plain, "yes"), (words, action.option_strings)
