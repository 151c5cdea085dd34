"""The files that outsiders look for are there, and agree with each other and with what is installed."""

import re

import pytest

import ddsing
from tests.support.paths import ROOT

VERSION = re.compile(r"## (\d+\.\d+\.\d+) \((\d{4}-\d{2}-\d{2})\)")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("LICENSE", ["Apache License", "Version 2.0", "END OF TERMS AND CONDITIONS"]),
        ("NOTICE", ["DDSP", "Apache License", "CREPE", "MIT License", "axe-core", "CC0 1.0"]),
        ("demo/LICENSE", ["CC0 1.0 Universal", "Affirmer"]),
    ],
)
def test_the_licences_are_whole(file, words):
    text = read(file)
    assert [word for word in words if word not in text] == []
    paragraphs = [one for one in text.split("\n\n") if len(one) > 60]
    assert len(set(paragraphs)) == len(paragraphs), "a paragraph stands there twice"


def test_the_release_is_the_same_everywhere():
    version, date = VERSION.search(read("CHANGELOG.md")).groups()
    citation = dict(line.split(": ", 1) for line in read("CITATION.cff").splitlines() if re.match(r"[a-z-]+: ", line))
    assert version == ddsing.__version__ == citation["version"]
    assert date == citation["date-released"]


def test_every_heading_of_the_changelog_is_dated_the_newest_first():
    headings = [line for line in read("CHANGELOG.md").splitlines() if line.startswith("## ")]
    dates = [VERSION.fullmatch(line)[2] for line in headings if line != "## Unreleased"]
    assert dates == sorted(dates, reverse=True) and len(set(headings)) == len(headings)


def test_a_commit_is_formatted_by_the_ruff_of_the_lock():
    assert (
        re.search(r"ruff-pre-commit\n    rev: v(\S+)", read(".pre-commit-config.yaml"))[1]
        == re.search(r"^ruff==(\S+)", read("requirements-test.txt"), re.MULTILINE)[1]
    ), "requirements-test.txt has another ruff than .pre-commit-config.yaml"


@pytest.mark.parametrize(
    "file", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/style.md", "docs/scale.md", "demo/README.md"]
)
def test_a_link_leads_somewhere(file):
    folder, text = (ROOT / file).parent, read(file)
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (folder / link).exists()] == []
    named = re.findall(r"`((?:ddsing|tests|docs|demo|\.github)/[\w./-]+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_nearly_all_is_laid_out_by_ruff():
    """Tables of numbers may be kept as they are written; the count may fall, never rise."""
    kept = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("ddsing", "tests", "pages", "benchmarks", "demo")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if line.endswith(("# fmt: " + "skip", "# fmt: " + "off"))
    ]
    assert len(kept) < 30, "\n".join(kept)
