"""Text for the page: file names made safe for markdown, and numbers as a person writes them."""

import contextlib
import re
from datetime import datetime
from pathlib import Path

from ddsing import names
from ddsing.units import format_bytes, format_duration, format_number, format_range, note_name

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$<>^=&])")
_SHORTCODE = re.compile(r":(?=\S)")  # :smile:, :red[...], :material/...:
_LINKED = re.compile(r"(?<=@)(?=\S)|(?<=www)(?=\.)", re.IGNORECASE)  # ann@example.org, www.example.org
_SEEN_MARKS = re.compile(r"[\\`*\[\]~$]|<(?=[A-Za-z/!?])|&(?=#|\w+;)|(?<![^\W_])_|_(?![^\W_])|:(?=\S)")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
NO_BREAK = "\u00a0"  # between a number and its unit, which stay on one line
_WORD_JOINER = "\u2060"  # invisible; keeps a colon from starting a shortcode, and addresses from becoming links


def plain(text: object) -> str:
    """`text` so that Streamlit's markdown shows it letter for letter, on one line."""
    unlinked = _LINKED.sub(_WORD_JOINER, _BREAKS.sub(" ", names.shown(str(text))))
    escaped = _SPECIAL.sub(r"\\\1", unlinked)
    return _SHORTCODE.sub(":" + _WORD_JOINER, escaped)


def unseen(label: str) -> str:
    """The label of a control that shows its icon only: it is read aloud, and hidden by ``page.css``.

    Without one, Streamlit calls the control after its icon: "delete icon".
    """
    return f":small[{label}]"


def spoken(text: object) -> str:
    """`text` for a label that Streamlit both shows as markdown and has read aloud as it stands.

    Nothing can be escaped in one, or the mark would be read: what markdown would take for a mark becomes a space. So
    are the labels of popovers, sliders, toggles, checkboxes, buttons in a group, and fields for text and numbers.
    """
    return re.sub(" +", " ", _SEEN_MARKS.sub(" ", _BREAKS.sub(" ", names.shown(str(text))))).strip()


def signed(value: float, unit: str = "", *, digits: int = 0) -> str:
    """A number with its sign: ``+2 octaves``, ``−5 dB``, ``0 dB``."""
    return f"{format_number(value, digits=digits, sign=True)}{NO_BREAK}{unit}".rstrip()


def octaves(count: int) -> str:
    """``+1 octave``, ``−2 octaves``."""
    return signed(count, "octave" if abs(count) == 1 else "octaves")


def percent(share: float) -> str:
    """A share as whole per cent, never rounded up to 100 or down to 0."""
    value = 100.0 * share
    if 99.0 < value < 100.0:
        return f"99{NO_BREAK}%"
    if 0.0 < value < 1.0:
        return f"under 1{NO_BREAK}%"
    return f"{value:.0f}{NO_BREAK}%"


def pitch_range(range_midi: tuple[float, float] | None) -> str:
    """``A2 to E5``."""
    return "unknown" if range_midi is None else f"{note_name(range_midi[0])} to {note_name(range_midi[1])}"


def loudness_range(range_db: tuple[float, float] | None) -> str:
    """``−62 to −18 dB``."""
    if range_db is None:
        return "unknown"
    return f"{format_number(range_db[0])} to {format_number(range_db[1])}{NO_BREAK}dB"


def when(moment: object) -> str:
    """A date as ``24 Nov 2026, 14:05``; text that is no ISO date stays as it is."""
    if isinstance(moment, (int, float)):
        return _date(datetime.fromtimestamp(moment), with_time=True)
    text = str(moment or "")
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return text
    local = parsed.astimezone() if parsed.tzinfo else parsed
    return _date(local, with_time=len(text) > 10)


def _date(moment: datetime, *, with_time: bool):
    """Windows can't leave out a day's leading zero by itself."""
    return f"{moment.day} {moment:%b %Y, %H:%M}" if with_time else f"{moment.day} {moment:%b %Y}"


def home_relative(path: Path) -> str:
    """A folder as people write it, ``~`` for their home."""
    path = Path(path)
    with contextlib.suppress(ValueError):
        path = Path("~") / path.relative_to(Path.home())
    return names.shown(str(path))


__all__ = [
    "format_bytes",
    "format_duration",
    "format_number",
    "format_range",
    "home_relative",
    "loudness_range",
    "note_name",
    "octaves",
    "percent",
    "pitch_range",
    "plain",
    "signed",
    "when",
]
