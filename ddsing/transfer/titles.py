"""What takes are called where several are listed: names that tell them apart.

Public: `of`, `changes`.
"""

from collections.abc import Mapping, Sequence

from ddsing.constants import TRACKER_WORDS
from ddsing.transfer.settings import SHOWN, text, words
from ddsing.transfer.take import Take


def of(takes: Sequence[Take]) -> dict[str, str]:
    """What each take is called where several are listed, by its id: no two alike.

    Takes that have one name, as those of one recording and instrument do until somebody renames them, are told apart by
    what changed since the one before, such as ``song → Aria · octave shift +1``, or by a number where that is not
    enough. A take's name stays as it is.
    """
    titled: dict[str, str] = {}
    used: set[str] = {take.name for take in takes}
    before: dict[str, tuple[Take, str]] = {}  # by name, the newest so far and its title without a number
    for take in sorted(takes, key=lambda take: take.id):
        bare = title = take.name
        if take.name in before:
            previous, bare = before[take.name]
            changed = changes(take, previous)
            bare = f"{take.name} · {changed}" if changed else bare
            title = _numbered(bare, used)
        titled[take.id] = title
        used.add(title)
        before[take.name] = (take, bare)
    return titled


def changes(take: Take, previous: Take) -> str:
    """What changed since another take, in words: ``octave shift +1, autotune 0.5``, or "" where nothing did."""
    said = []
    if take.source != previous.source:
        said.append(take.source)
    if take.instrument != previous.instrument:
        said.append(take.instrument)
    elif take.morph != previous.morph and take.morph is not None:
        said.append(take.morph.said())
    if take.score != previous.score and take.score is not None:
        said += _sung(take.score, previous.score or {})
    elif take.tracker != previous.tracker:
        said.append(f"{TRACKER_WORDS.get(take.tracker, take.tracker)} tracker")
    idle = take.settings.disabled()
    for name in SHOWN:
        value = getattr(take.settings, name)
        if words(name).heard and name not in idle and value != getattr(previous.settings, name):
            said.append(f"{words(name).label} {text(name, value)}")
    if take.edit != previous.edit:
        said.append(
            "pitch edited"
            if previous.edit is None
            else "pitch as tracked"
            if take.edit is None
            else "another pitch edit"
        )
    return ", ".join(said)


def _sung(score: Mapping, before: Mapping) -> list[str]:
    """What changed in how a score is sung: its style, its transposition, its line, its edit."""
    said = []
    if any(score.get(name) != before.get(name) for name in ("style", "numbers")):
        said.append(f"{score.get('style', '')} style{', adjusted' if score.get('numbers') else ''}".strip())
    if score.get("transpose") != before.get("transpose") and isinstance(score.get("transpose"), int):
        said.append(f"transposed {score['transpose']:+d}".replace("-", "−").replace("+0", "0"))
    if any(score.get(name) != before.get(name) for name in ("part", "line")):
        said.append(f"part {score.get('part')}, {score.get('line')} notes")
    if score.get("edit") != before.get("edit"):
        said.append("as written" if not score.get("edit") else "another edit" if before.get("edit") else "edited")
    return said


def _numbered(title: str, used: set[str]) -> str:
    """The title, or with the first number from 2 on that makes it another than those in use."""
    if title not in used:
        return title
    number = 2
    while f"{title} · {number}" in used:
        number += 1
    return f"{title} · {number}"
