"""The players in the page: one for a sound or for several switched in place, one for blind tests, one for a table.

They are small components of the page itself (``player/``): no frame, no network. A sound goes to the browser as a file
of the running dashboard, named by its content, like that of any other player.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ddsing import files
from ddsing.constants import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from streamlit.runtime.media_file_manager import MediaFileManager

    from ddsing.sound.wave import Wave

MOST_ADDRESSES = 10_000
_addresses: dict[Hashable, str] = {}  # by content, which is in them as a hash
FOLDER = Path(__file__).parent
WAVESURFER = FOLDER / "vendor" / "wavesurfer.min.js"
PLAY = (
    '<svg class="starting" viewBox="0 0 24 24" aria-hidden="true"><path d="M7 4v16l13-8z"/></svg>'
    '<svg class="pausing" viewBox="0 0 24 24" aria-hidden="true"><path d="M6 4h4v16H6zM14 4h4v16h-4z"/></svg>'
)
SEEK = '<input class="seek" type="range" min="0" max="1" step="0.01" value="0" aria-label="Position">'
SWITCHER = f"""<div class="player" role="group" aria-label="Player">
<div class="transport">
<button type="button" class="play" aria-label="Play" aria-keyshortcuts="Space" disabled>{PLAY}</button>
<div class="scrub"><div class="wave" aria-hidden="true"></div>{SEEK}</div>
<span class="time"></span>
</div>
<div class="tracks" role="radiogroup" aria-label="Now playing"></div>
<div class="options">
<label><input type="checkbox" class="matched"> Match loudness</label>
<label><input type="checkbox" class="loop"> Loop</label>
<span class="keys"><kbd>space</kbd> plays · <kbd class="digits">1–9</kbd> switch · <kbd>←</kbd> <kbd>→</kbd> move ·
<kbd>m</kbd> loudness</span>
</div>
<div class="status" aria-live="polite"></div>
</div>"""

TRIAL = f"""<div class="player" role="group" aria-label="Blind test">
<div class="transport">
<button type="button" class="play" aria-label="Play" disabled>{PLAY}</button>
<div class="scrub"><canvas class="wave" aria-hidden="true"></canvas>{SEEK}</div>
<span class="time"></span>
</div>
<div class="trial" role="group" aria-label="This trial" tabindex="-1"></div>
<div class="options">
<label><input type="checkbox" class="loop"> Loop</label>
<span class="ahead" aria-live="polite"></span>
<span class="keys"></span>
</div>
<div class="status" aria-live="polite"></div>
</div>"""

MATRIX = """<div class="matrix" role="group" aria-label="Voice matrix">
<div class="grid" tabindex="-1"></div>
<div class="status" aria-live="polite"></div>
</div>"""


def text_of(*names: str) -> str:
    """Files of this folder, one after the other."""
    return "\n".join((FOLDER / name).read_text("utf-8") for name in names)


_switcher = st.components.v2.component(
    "ddsing_switcher",
    html=SWITCHER,
    css=text_of("player.css"),
    js=text_of("calls.js", "shared.js", "mixer.js", "growing.js", "wave.js", "switcher.js"),
)

_channel = st.components.v2.component(
    "ddsing_channel", html="<span hidden></span>", js=text_of("shared.js") + "\nexport default function () {}\n"
)

_trial = st.components.v2.component(
    "ddsing_blind_trial",
    html=TRIAL,
    css=text_of("player.css"),
    js=text_of("calls.js", "shared.js", "mixer.js", "listening.js"),
)

_matrix = st.components.v2.component(
    "ddsing_matrix",
    html=MATRIX,
    css=text_of("matrix.css"),
    js=text_of("calls.js", "shared.js", "mixer.js", "matrix.js"),
)


def address(
    sound: Path | bytes | Callable[[], bytes], place: str, *, mime: str = "audio/wav", known: Hashable = None
) -> str:
    """Where the browser finds a sound for as long as it is on the page.

    Parameters
    ----------
    sound : Path, bytes or callable
        A file, which is read again only if it has changed; or what would be in it, or gives that where it is needed.
    place : str
        Names the spot on the page that it takes.
    known : Hashable, optional
        What tells the content from all others, so that it need not be looked at again, where there is no file.
    """
    from streamlit import runtime

    if not runtime.exists():
        return ""
    manager, place = runtime.get_instance().media_file_mgr, f"ddsing.{place}"
    content = files.key(sound) if isinstance(sound, Path) else known
    url = _addresses.get((content, mime)) if content is not None else None
    if url is not None and _kept(manager, url, place):
        return url
    url = manager.add(_content(sound), mime, place)
    if content is not None:
        if len(_addresses) >= MOST_ADDRESSES:
            _addresses.clear()
        _addresses[content, mime] = url
    return url


def _content(sound: Path | bytes | Callable[[], bytes]) -> bytes:
    if isinstance(sound, Path):
        return sound.read_bytes()
    return sound if isinstance(sound, bytes) else sound()


def _kept(manager: MediaFileManager, url: str, place: str) -> bool:
    """Keep what is at an address for this run of the page too; False if it is not there any more.

    As the manager's `add`, which hashes everything while all other tabs wait for it.
    """
    context, file_id = get_script_run_ctx(), PurePosixPath(url).stem
    with manager._lock:
        if context is None or file_id not in manager._file_metadata:
            return False
        manager._files_by_session_and_coord[context.session_id][place] = file_id
    return True


def track(
    name: str,
    url: str,
    *,
    key: str = "1",
    detail: str = "",
    matched_db: float = 0.0,
    wave: Wave | None = None,
    rate_hz: int = SAMPLE_RATE,
) -> dict[str, Any]:
    """A sound of `switcher`.

    Parameters
    ----------
    key : str
        On the keyboard.
    matched_db : float
        The gain for equal loudness.
    wave : Wave
        How it looks.
    rate_hz : int
        Its sample rate: below 48 kHz what is above 8 kHz is not heard.
    """
    drawn = {} if wave is None else {"duration": wave.duration_s, "wave": list(wave.levels)}
    told = {"key": key, "name": name, "detail": detail, "url": url, "rate": rate_hz}
    return told | {"matched_db": round(matched_db, 3), **drawn}


def switcher(
    tracks: Sequence[dict],
    *,
    name: str,
    key: str,
    common_db: float = 0.0,
    matched: bool = True,
    layout: str = "rows",
    fresh: str = "",
    start: str = "",
    interrupts: bool = True,
    parts: Sequence[dict] = (),
    continues: str = "",
    on_matched: Callable = lambda: None,
) -> None:
    """The player, for one sound or for several that are switched in place.

    Parameters
    ----------
    tracks : Sequence of dict
        From `track`.
    name : str
        What plays, for those who can't see it.
    key : str
        The same for as long as it is the same sound: it plays on wherever it is put on the page.
    common_db : float
        The gain of all where loudness is not matched.
    matched : bool
        Whether it is.
    layout : str
        ``rows`` for a comparison, ``chips`` within a card.
    fresh, start : str
        A name for an occasion on which it is brought into view, or starts by itself; once for each.
    interrupts : bool
        Whether it starts also where something else plays.
    parts : Sequence of dict
        Of a sound that is still being made: ``url``, and ``at``, where in the sound a part begins, in s. More follow.
    continues : str
        The key of a player in whose place this one comes: it plays on from where that is.
    on_matched : callable
        Called when equal loudness is switched; the new value is ``st.session_state[key].matched``.
    """
    data = {
        "place": key,
        "name": name,
        "tracks": tuple(tracks),  # a tuple: of a list Streamlit asks pandas whether it is a table
        "common_db": common_db,
        "matched": matched,
        "layout": layout,
        "fresh": fresh,
        "start": start,
        "interrupts": interrupts,
        "parts": tuple(parts),
        "continues": continues,
        "wavesurfer": address(WAVESURFER, f"wavesurfer.{key}", mime="text/javascript"),
    }
    _switcher(key=key, data=data, on_matched_change=on_matched)


def one_at_a_time() -> None:
    """See that no two things play at once on a page, also where none of these players is; shows nothing."""
    _channel(key="players.channel")


def trial(kind: str, number: int, slots: Sequence[dict], *, key: str, on_answer: Callable) -> None:
    """A trial of a blind test.

    Parameters
    ----------
    kind : str
        ``abx`` or ``rating``.
    number : int
        From 0.
    slots : Sequence of dict
        ``slot``, what it is called, ``url`` and ``rate`` in Hz.
    on_answer : callable
        Called once it is answered: ``st.session_state[key].answer`` has ``trial``, ``answer``, ``seconds``, ``plays``.
    """
    data = {"kind": kind, "trial": number, "slots": tuple(slots)}
    _trial(key=key, data=data, on_answer_change=on_answer)


def matrix(columns: Sequence[dict], rows: Sequence[dict], *, key: str, on_compare: Callable) -> None:
    """A table of players, in which a click within a row switches in place.

    Parameters
    ----------
    columns : Sequence of dict
        ``name`` and ``detail`` of each instrument.
    rows : Sequence of dict
        ``name`` and ``detail`` of each recording, and its ``cells``: ``said``; ``url``, ``rate`` in Hz, ``gain_db``
        and ``lines`` where there is something to play, else ``state`` and ``why``.
    on_compare : callable
        Called for a row that is to be compared: ``st.session_state[key].compare`` is its number.
    """
    _matrix(key=key, data={"columns": tuple(columns), "rows": tuple(rows)}, on_compare_change=on_compare)
