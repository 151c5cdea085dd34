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
