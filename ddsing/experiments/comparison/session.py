"""A session of takes as one zip: the sounds, what made them, how they measure, and a page to read it on.

``index.html`` stands by itself and names nothing outside the zip: no script, no network, no path of this computer.
"""

from __future__ import annotations

import html
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ddsing import __version__
from ddsing.errors import TakeError
from ddsing.experiments.comparison import differences, measure, methods, results
from ddsing.files import safe_name
from ddsing.sound.audio import encode
from ddsing.transfer import titles
from ddsing.transfer.take import Take
from ddsing.workspace import Workspace

STYLE = """
:root { color-scheme: light dark; --ink: #20282b; --paper: #fdfcf9; --line: #d9d5ca; --quiet: #566067;
  --mark: #0d746b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eae7; --paper: #14191c; --line: #384247; --quiet: #a5b0b5; --mark: #6fd3c6; }
}
body { font: 1rem/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2.5rem auto; padding: 0 1.2rem; }
h1, h2, h3 { font-family: Georgia, serif; line-height: 1.2; }
h2 { margin-top: 2.4rem; border-bottom: 1px solid var(--line); padding-bottom: 0.3rem; }
.quiet, figcaption { color: var(--quiet); font-size: 0.92rem; }
article { border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.4rem 1rem 1rem; margin: 1rem 0; }
article h3 { margin: 0.6rem 0 0.2rem; }
audio { width: 100%; margin: 0.3rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.95rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.8rem 0.35rem 0;
  border-bottom: 1px solid var(--line); }
tr.differs th, tr.differs td { font-weight: 600; color: var(--mark); }
pre { white-space: pre-wrap; font: inherit; border-left: 3px solid var(--line); padding-left: 1rem; }
"""
_BACK = (
    "To continue with one of these takes, unpack the zip and drop the take's file, which is in the folder audio, onto "
    "the page Timbre transfer of ddsing: it contains the take's settings, and all controls are set to them."
)
_MADE_FROM = {"original": "The recording", "guide": "The guide: a plain tone of what is sung"}


def write(
    file: BinaryIO | Path,
    workspace: Workspace,
    takes: Sequence[Take],
    *,
    title: str = "",
    notes: str = "",
    tags: Sequence[str] = (),
    listening: Mapping[str, str] | None = None,
    listened: Sequence[str] = (),
) -> None:
    """Write the zip.

    Parameters
    ----------
    file : binary file or Path
    takes : Sequence[Take]
        At least one; every one is in it with its result and its original or guide as FLAC, those that are the same
        once, at the highest rate that a take has kept.
    title, notes, tags
        About them all.
    listening : Mapping of str to str, optional
        Name and content of further files: results of blind tests.
    listened : Sequence of str
        Sentences about them.
    """
    if not takes:
        raise TakeError("Nothing to export. Choose a take first.")
    title = title.strip() or (takes[0].name if len(takes) == 1 else f"{len(takes)} takes")
    called = titles.of(takes)
    names = [f"audio/{number:02d} {safe_name(called[take.id])}.flac" for number, take in enumerate(takes, start=1)]
    originals = {
        take.source_hash: f"audio/{take.made_from} {number:02d} {safe_name(Path(take.source).stem)}.flac"
        for number, take in enumerate({take.source_hash: take for take in takes}.values(), start=1)
    }
    widest = {take.source_hash: take for take in sorted(takes, key=lambda take: take.rate_hz)}
    found = methods.compose(workspace, takes, listening=listened)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        page = _page(title, notes, tags, takes, names, originals, found, dict(listening or {}))
        archive.writestr("index.html", page)
        archive.writestr(
            "takes.json", json.dumps(_document(title, notes, tags, takes, names), ensure_ascii=False, indent=1)
        )
        measured = [measure.known(take) for take in takes]
        if any(measured):
            archive.writestr("metrics.csv", differences.to_csv(takes, measured))
        archive.writestr("methods.txt", found.whole())
        for name, content in (listening or {}).items():
            archive.writestr(f"listening/{safe_name(name)}", content)
        for take, name in zip(takes, names):  # one sound in memory at a time
            _store(archive, name, encode(take.folder / "result.wav", format="FLAC", recipe=take.recipe()))
        for source_hash, take in widest.items():  # a take at 16 kHz has kept its recording at 16 kHz only
            _store(archive, originals[source_hash], encode(take.folder / "original.wav", format="FLAC"))


def packed(
    workspace: Workspace, takes: Sequence[Take], *, title: str = "", notes: str = "", tags: Sequence[str] = ()
) -> bytes:
    """The zip of `write`, with the results of the takes' blind tests."""
    tests = results.of_takes(workspace, takes)
    buffer = io.BytesIO()
    write(
        buffer,
        workspace,
        takes,
        title=title,
        notes=notes,
        tags=tags,
        listening=results.files(tests),
        listened=[results.sentence(test) for test in tests],
    )
    return buffer.getvalue()


def _store(archive: zipfile.ZipFile, name: str, content: bytes | str) -> None:
    archive.writestr(zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_STORED)


def _document(title: str, notes: str, tags: Sequence[str], takes: Sequence[Take], names: Sequence[str]) -> dict:
    listed = []
    for take, name in zip(takes, names):
        metrics = measure.known(take)
        about = {"id": take.id, "name": take.name, "audio": name, "note": take.note, "tags": list(take.tags)}
        facts = {"fit": dict(take.fit) if take.fit else None, "created": take.created, "duration_s": take.duration_s}
        listed.append(about | facts | {"recipe": take.recipe(), "metrics": metrics.to_json() if metrics else None})
    return {"ddsing": __version__, "title": title, "notes": notes, "tags": list(tags), "takes": listed}


def _page(
    title: str,
    notes: str,
    tags: Sequence[str],
    takes: Sequence[Take],
    names: Sequence[str],
    originals: Mapping[str, str],
    found: methods.Methods,
    listening: Mapping[str, str],
) -> str:
    said = html.escape
    parts = [f"<h1>{said(title)}</h1>"]
    parts += [f'<p class="quiet">{said(", ".join(tags))}</p>'] if tags else []
    parts += [f"<p>{said(line)}</p>" for line in notes.splitlines() if line.strip()]
    parts.append("<h2>Takes</h2>")
    heard: set[str] = set()
    called = titles.of(takes)
    for number, (take, name) in enumerate(zip(takes, names), start=1):
        titled = replace(take, name=called[take.id])
        parts.append(_take(number, titled, name, originals[take.source_hash], take.source_hash not in heard))
        heard.add(take.source_hash)
    parts.append(f'<p class="quiet">{said(_BACK)}</p>')
    parts += ["<h2>Settings</h2>", _settings(takes)]
    if any(measure.known(take) for take in takes):
        parts += ["<h2>Metrics</h2>", _metrics(takes)]
        parts.append('<p class="quiet">As a table: <a href="metrics.csv">metrics.csv</a>.</p>')
    if listening:
        links = "".join(
            f'<li><a href="listening/{_href(name)}">{said(name)}</a></li>' for name in map(safe_name, listening)
        )
        parts += ["<h2>Listening tests</h2>", f"<ul>{links}</ul>"]
    unknown = f'<p class="quiet">Not recorded: {said("; ".join(found.unknown))}.</p>' if found.unknown else ""
    cited = "".join(f"<li>{said(citation)}</li>" for citation in found.citations)
    parts += ["<h2>Methods</h2>", f"<p>{said(found.text)}</p>", unknown, f"<ol>{cited}</ol>"]
    parts.append(
        f'<p class="quiet">Made with ddsing {said(__version__)}. Everything as data: '
        '<a href="takes.json">takes.json</a>.</p>'
    )
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{said(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _take(number: int, take: Take, name: str, original: str, first: bool) -> str:
    said = html.escape
    star = "★ " if take.star else ""
    about = " · ".join([take.morph.said() if take.morph else take.instrument, take.source, *take.tags])
    lines = [f"<article><h3>{number}. {star}{said(take.name)}</h3>", f'<p class="quiet">{said(about)}</p>']
    lines.append(f'<audio controls preload="none" src="{_href(name)}"></audio>')
    lines += [f"<p>{said(line)}</p>" for line in take.note.splitlines() if line.strip()]
    if first:
        lines.append(
            f"<figcaption>{_MADE_FROM[take.made_from]}</figcaption>"
            f'<audio controls preload="none" src="{_href(original)}"></audio>'
        )
    return "\n".join([*lines, "</article>"])


def _settings(takes: Sequence[Take]) -> str:
    rows = [(row.label, row.values, row.differs) for row in differences.table(takes)]
    return _table(rows, len(takes))


def _metrics(takes: Sequence[Take]) -> str:
    measured = [measure.known(take) for take in takes]
    shown = [(field, *differences.METRICS[field]) for field in differences.metric_fields(measured)]
    rows = [
        (label, [differences.metric(field, metrics) if metrics else "not measured" for metrics in measured], False)
        for field, label, _ in shown
    ]
    meanings = " ".join(f"{label}: {meaning}" for _, label, meaning in shown)
    return _table(rows, len(takes)) + f'<p class="quiet">{html.escape(meanings)}</p>'


def _table(rows: Iterable[tuple[str, Sequence[str], bool]], n_takes: int) -> str:
    head = "".join(f"<th>{number}</th>" for number in range(1, n_takes + 1))
    lines = []
    for label, values, differs in rows:
        cells = "".join(f"<td>{html.escape(value)}</td>" for value in values)
        mark = ' class="differs"' if differs else ""
        lines.append(f"<tr{mark}><th>{html.escape(label)}</th>{cells}</tr>")
    return f'<div class="scroll"><table><tr><th></th>{head}</tr>{"".join(lines)}</table></div>'


def _href(name: str) -> str:
    from urllib.parse import quote

    return quote(name)
