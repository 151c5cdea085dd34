"""How a take of a score was sung, in words."""

from __future__ import annotations

from collections.abc import Mapping

from ddsing.play.hummed import RULE
from ddsing.play.style import CONTROLS, VOICE


def said(score: Mapping, seed: int) -> list[str]:
    """Style, what was changed in it, and where and which notes of a score were sung, see `ddsing.play.sing.recipe`."""
    style, numbers, moved = str(score.get("style", "")), score.get("numbers"), score.get("transpose")
    found = [f"style of {style.removeprefix(VOICE)}" if style.startswith(VOICE) else f"style {style}"]
    if isinstance(numbers, Mapping) and not style.startswith(VOICE):
        found += [_number(field, value) for field, value in numbers.items() if field in CONTROLS]
    found += [f"transposed {moved:+d}".replace("-", "−")] if isinstance(moved, int) and moved else []
    part = [] if score.get("line") == RULE else [f"part {score.get('part')}"]
    found += [*part, f"{score.get('line')} notes", f"seed {seed}"]
    return found + (["edited"] if score.get("edit") else [])


def _number(field: str, value: object) -> str:
    """A number of a style, such as ``vibrato depth 60 cents``."""
    words = CONTROLS[field].words
    return f"{words.label} {words.text(float(value) if isinstance(value, int | float) else 0.0)}"
