"""The README is true: its commands and files exist, and its numbers are those of the tests."""

import re

import pytest

from ddsing import cli
from ddsing.sound import kinds
from tests.hostile import bombs, gins, pickles, zips
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
MAX_IMAGE_BYTES = 400_000


def subcommands(parser) -> dict:
    """The commands of a parser, or a command's actions, each with its own parser."""
    found = [action.choices for action in parser._actions if action.choices and not action.option_strings]
    return found[0] if found and isinstance(found[0], dict) else {}


def test_the_table_names_every_command_with_all_its_actions_and_no_other():
    table = README[README.index("| command | does |") : README.index("Every command takes")]
    named: dict[str, list[str]] = {}
    for row in table.splitlines()[2:]:
        if row.startswith("|"):
            first, *others = re.findall(r"`([^`]+)`", row.split("|")[1])
            command, *rest = first.split()
            is_action = rest and re.fullmatch("[a-z]+", rest[0])
            named[command] = ([rest[0]] if is_action else []) + others
    there = {name: list(subcommands(parser)) for name, parser in subcommands(cli.build_parser()).items()}
    assert {name: sorted(names) for name, names in named.items()} == {
        name: sorted(names) for name, names in there.items()
    }


def test_it_names_the_kinds_of_recordings_that_are_read():
    assert kinds.WORDS in " ".join(README.split())


def test_every_file_it_names_is_there():
    images = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert images
    for name in (*images, "requirements.txt", "requirements-test.txt", "docs/screenshots.py", "pyproject.toml"):
        assert name in README and (ROOT / name).is_file(), name
    for name in images:
        assert (ROOT / name).stat().st_size < MAX_IMAGE_BYTES, name


def test_every_picture_is_shown():
    assert {path.name for path in (ROOT / "docs" / "screenshots").glob("*.png")} == set(
        re.findall(r"screenshots/([a-z-]+\.png)", README)
    )


@pytest.mark.parametrize(
    ("count", "what"),
    [
        (pickles.N_MUTANTS + 60, "hostile\\s+pickles"),
        (zips.N_MUTANTS, "mutated zips"),
        (gins.N_MUTANTS + 40, "gin files"),
        (15, "checkpoint files"),
        (len(bombs.BOMBS), "zip bombs"),
    ],
)
def test_the_numbers_of_hostile_files_are_those_of_the_tests(count, what):
    assert re.search(rf"\b{count:,} {what}", README)


FIGURES = {  # what stands there, and where the same figure stands in what holds it
    r"each refused within ([0-9]+) MB": ("tests/instrument/test_hostile.py", r'report\["memory_mb"\] < ([0-9]+)'),
    r"([0-9]+) `kill -9`": ("tests/training/test_runs.py", r"N_KILLS, N_WHILE_SAVING = rounds\(full=([0-9]+)"),
    r"full disk at ([0-9]+) points": ("tests/training/test_runs.py", r"FULL_DISKS = range\(([0-9]+)\) if full"),
    r"([0-9]+) starts\s+at once": ("tests/jobs/test_processes.py", r"N_AT_ONCE = rounds\(full=([0-9]+)"),
    r"([0-9]+) records that name": ("tests/jobs/test_processes.py", r"for number in range\(([0-9]{3})\)"),
    r"rendered in\s+\(within (1e-[0-9])\)": (
        "tests/engine/test_engine.py",
        r"blocks\.audio, whole\.audio, atol=(1e-[0-9])",
    ),
    r"ddsp 1\.6\.3 within (1e-[0-9])": ("tests/engine/test_engine.py", r'amplitudes"\]\[0\], atol=(1e-[0-9])'),
    r"equal within (1e-[0-9])": ("tests/sound/test_pitch.py", r'golden\["activation"\], rtol=0, atol=(1e-[0-9])'),
    r"given ([0-9]+) s of processor time": ("tests/instrument/test_hostile.py", r'\["memory", "([0-9]+)"'),
    r"loudness at ([0-9]+) frames per second": ("ddsing/constants.py", r"FRAME_RATE = ([0-9]+)"),
    r"curves of ([0-9]+) runs": ("benchmarks/event_files.py", r'"--runs", type=int, default=([0-9]+)'),
    r"tensorflow\[and-cuda\]==([0-9.]+)": ("requirements.txt", r"(?m)^tensorflow==([0-9.]+)"),
}


@pytest.mark.parametrize("said", FIGURES)
def test_figures_are_those_of_what_holds_them(said):
    path, held = FIGURES[said]
    (here,), there = set(re.findall(said, README)), re.findall(held, (ROOT / path).read_text("utf-8"))
    assert there and there[0].replace("_", "") == here


def test_what_comes_with_it_is_as_many_as_it_says():
    numbers = {"one": 1, "two": 2, "three": 3, "four": 4}
    examples, instruments = re.search(r"(\w+) examples and (\w+) instruments come with it", README).groups()
    assets = ROOT / "demo" / "assets"
    assert len(list((assets / "examples").glob("[!.]*"))) == numbers[examples]
    assert len(list((assets / "instruments").glob("*.zip"))) == numbers[instruments]


def test_every_row_of_the_speed_table_is_printed_by_a_benchmark():
    table = README[README.index("## Speed") : README.index("The server needs 1.3 s")]
    rows = [row.split("|")[1].strip() for row in table.splitlines() if row.startswith("| ")][1:]
    of = {  # the first words of a row
        "rendering": "transfer",
        "CREPE": "pitch",
        "preparing": "dataset",
        "a training step": "training",
        "reading the curves": "event_files",
        "time to a voice": "time_to_voice",
        "a real voice": "voice",
    }
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for row in rows:
        (module,) = (module for words, module in of.items() if row.startswith(words))
        assert f"python -m benchmarks.{module}" in makefile and (ROOT / "benchmarks" / f"{module}.py").is_file()
    for module in re.findall(r"python -m benchmarks\.([a-z_]+)", README):
        assert (ROOT / "benchmarks" / f"{module}.py").is_file()
