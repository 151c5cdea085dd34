"""What users read is plain English, with one word per thing: the glossary of docs/architecture.md.

The texts are collected from the sources (all strings of a page, a command or an error) and from the documents. One that
uses a discouraged word is refused, with what to write instead.
"""

import ast
import re
from collections.abc import Iterable, Iterator

import pytest

from tests.support.paths import ROOT

INSTEAD = {  # what reads as translated, or is a second word for a thing; and what to write instead
    r"any more\b": "no longer, missing",
    r"\b(?:go|goes|going|gone) on\b": "continue, resume, run",
    r"\bby (?:itself|themselves)\b": "automatically",
    r"\bin all\b": "total, in total",
    r"\ba training\b(?! (?:run|step|part|window|loss|curve))": "a run, a training run",
    r"\b(?:trainings|(?:another|this|its|one) training)\b(?! (?:run|at a time|windows))": "run, runs",
    r"\b(?:tells|told|telling)\b(?! which| apart)": "shows, gives",
    r"\b(?:is|are|was|and|be) said\b": "is reported, is shown",
    r"\bwithout a (?:last )?word\b": "unexpectedly, silently",
    r"\bnot (?:been |yet )?(?:heard|hear)\b": "held-out, not responding",
    r"\bwhere (?:it|they) (?:was|were) heard\b": "aligned with the audio",
    r"\bheld against\b|\bholds? it against\b": "compared with",
    r"\bstands?\b(?!-| (?:for|out|in the way)\b)": "is, stays",
    r"\blies?\b": "is",
    r"\b(?:be|is|are|was|were) called\b|\bcalls? (?:it|a take|an instrument)\b": "be named, rename",
    r"\bthere (?:is|are) no (?:take|voice|instrument|window|recording|checkpoint|set|job|model|point)\b": "No take …",
    r"\bnobody\b": "is unknown",
    r"\b(?:is|are) (?:back|no (?:number|zip|instrument|note|function|part))\b": "was restored; is not a zip",
    r"\bpassed over\b": "skipped",
    r"\bbeg[aiu]ns? (?:again|with another)\b|\bbegun\b|\banew\b": "start, start from scratch, again",
    r"\bmeanwhile\b": "in the meantime",
    r"\b(?:bring|brings|brought) (?:\w+ )?(?:back|in)\b": "restore, add, import",
    r"\btak(?:es?|ing) (?:it|them|(?:its|the|an?) \w+) (?:away|back)\b": "remove, include again",
    r"\bto and fro\b": "back and forth",
    r"\b(?:frames|steps|samples) a second\b": "per second",
    r"\bof (?:its|their|one's|our) own\b": "its own, separate, new",
    r"\bmake room\b|\bmend(?:s|ed)?\b": "free some space; fix, repair",
    r"\bdissolve[ds]?\b": "ungroup",
    r"\beyes shut\b": "blind",
    r"\bfor instance\b": "for example",
    r"\b(?:is|are) off\b|\boff by\b": "error",
    r"\bgained\b": "freed",
    r"\bsung frames\b": "voiced frames",
    r"\bbuilt to do harm\b": "malicious",
}
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "demo/README.md",
    "CHANGELOG.md",
    "docs/architecture.md",
    "docs/scale.md",
    "docs/engines.md",
    "docs/hosting.md",
    "docs/rest.md",
)
SCRIPTS = sorted((ROOT / "ddsing" / "ui" / "player").glob("*.js"))
SOURCES = sorted(
    [
        ROOT / "app.py",
        ROOT / "hosted.py",
        ROOT / "rest.py",
        *(ROOT / "pages").glob("*.py"),
        *(ROOT / "ddsing").rglob("*.py"),
    ]
)


def texts(source: str) -> Iterator[tuple[int, str]]:
    """The strings of a module that may be read by somebody: with a space, and no docstring; with the line of each."""
    tree = ast.parse(source)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in alone | inside:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def paragraphs(document: str) -> Iterator[tuple[int, str]]:
    """A document's paragraphs and list items, without code, quotations and the glossary's column of words to avoid."""
    document = re.sub(r"(?m)^ {4}.*$", "", re.sub(r"(?m)^(\| \*\*[^|]*\|[^|]*\|)[^|\n]*\|$", r"\1", document))
    for found in re.finditer(r"(?s)\S.*?(?=\n\s*\n|\n\s*[-|] |\Z)", document):
        line = document.count("\n", 0, found.start()) + 1
        yield line, re.sub(r'`[^`]*`|"[^"]*"|\*[A-Z][\w ]*\*', "…", " ".join(found[0].split()))


def refused(found: Iterable[tuple[int, str]]) -> list[str]:
    """One line for each discouraged word: where, in what, and what to write instead."""
    lines = []
    for number, text in found:
        for pattern, instead in INSTEAD.items():
            word = re.search(pattern, text, re.IGNORECASE)
            if word:
                lines.append(f"{number}: {word[0]!r} in {text[:200]!r}: write {instead}")
    return lines


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_users_read_is_plain(path):
    assert refused(texts(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_what_the_players_write_is_plain(path):
    strings = re.finditer(r"""(["`])((?:(?!\1)[^\n])* (?:(?!\1)[^\n])*)\1""", path.read_text("utf-8"))
    assert refused((found.start(), found[2]) for found in strings) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_plain(name):
    assert refused(paragraphs((ROOT / name).read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("The loss is no number any more.", "any more"),
        ("Go on with the training", "Go on"),
        ("It starts by itself.", "by itself"),
        ("12 minutes in all", "in all"),
        ("Begin a training from it", "a training"),
        ("The page tells how far it is.", "tells"),
        ("It can't be called 'x'", "be called"),
        ("The training ended without a word", "without a word"),
        ("as the controls stand", "stand"),
    ],
)
def test_what_reads_as_translated_is_refused(text, word):
    (line,) = [line for line in refused(texts(f"print({text!r})")) if repr(word) in line]
    assert "write " in line and refused(texts(f'"""{text}"""')) == []
    assert [line for line in refused(paragraphs(f"# Title\n\n{text}\n")) if repr(word) in line]
    assert refused(paragraphs(f"`{text}`")) == []
