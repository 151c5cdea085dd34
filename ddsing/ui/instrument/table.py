"""All instruments as one-line rows, searched and sorted; those that are ticked, or clicked, have their cards below."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import streamlit as st

from ddsing.ui.shell import errors, opened, tables, ticks, values
from ddsing.ui.shell.formatting import NO_BREAK, format_bytes, pitch_range

if TYPE_CHECKING:
    from ddsing.instrument.library import Entry

TABLE = "instruments.table"
TABLE_PX = 252  # six rows, so that on a small laptop the first card begins in the window
FEW = 3  # of up to so many all cards are shown, and of more the first, until some are chosen
MOST = 9  # cards at a time
CHOSEN, FIND, SORT = "instruments.chosen", "instruments.find", "instruments.sort"
SORTS: dict[str, tuple[str, Callable[[Entry], Any]]] = {
    "newest": ("Newest first", lambda entry: -entry.changed_s),
    "name": ("By name", lambda entry: ()),
    "voice": ("By voice", lambda entry: (not entry.provenance.voice, entry.provenance.voice.casefold())),
    "lowest": ("Lowest voice first", lambda entry: _pitches(entry) or (999.0, 999.0)),
    "largest": ("Largest first", lambda entry: -entry.n_bytes),
}


def pick(entries: list[Entry]) -> list[Entry]:
    """Search, order and table; the instruments whose cards are shown, the one that was clicked first."""
    left, right = st.columns([3, 1])
    wanted = left.text_input(
        "Find instruments",
        key=values.keep(FIND, ""),
        icon=":material/search:",
        label_visibility="collapsed",
        placeholder="Find by name, voice, author, licence or note",
        help="Shows the instruments with all of these words.",
    )
    order = right.selectbox(
        "Order",
        list(SORTS),
        key=values.among(SORT, list(SORTS)),
        format_func=lambda name: SORTS[name][0],
        label_visibility="collapsed",
        help="How the table is sorted.",
    )
    everything = sorted(entries, key=SORTS[order][1])  # the library has them by name, which decides between equals
    shown = [entry for entry in everything if _matches(entry, wanted)]
    found = {entry.name: entry for entry in shown}
    values.keep(CHOSEN, [])
    chosen = [name for name in st.session_state[CHOSEN] if name in found] or (list(found) if len(found) <= FEW else [])
    if not shown:
        st.caption(f"None of the {len(entries)} instruments matches.")
        return []
    _table(shown, chosen)
    if not chosen:
        st.caption("Click an instrument to open its card, or tick several.")
    return [found[name] for name in chosen] or shown[:1]


def choose(names: Iterable[str]) -> None:
    """Show these from now on, whatever was searched for; for callbacks and before the table is drawn."""
    st.session_state[CHOSEN] = list(names)[:MOST]
    st.session_state[FIND] = ""
    ticks.elsewhere(TABLE)


def rename(name: str, new_name: str) -> None:
    """Keep an instrument chosen under its new name; for callbacks."""
    st.session_state[CHOSEN] = [new_name if one == name else one for one in values.get(CHOSEN)]


def _matches(entry: Entry, wanted: str) -> bool:
    about = entry.provenance
    said = " ".join([entry.name, about.voice, about.author, about.licence, about.notes]).casefold()
    return all(word in said for word in wanted.casefold().split())


def _table(shown: list[Entry], chosen: list[str]) -> None:
    names = [entry.name for entry in shown]
    key = ticks.key(TABLE, tuple(names))
    st.dataframe(
        tables.written(_columns(shown), {"Size": _size}),
        hide_index=True,
        key=key,
        on_select=lambda: _take_up(key, names),
        selection_mode=["multi-row", "single-cell"],
        selection_default={"selection": {"rows": [row for row, name in enumerate(names) if name in chosen]}},
        height=min(TABLE_PX, 37 + 35 * len(shown)),
        column_config={
            "Instrument": st.column_config.TextColumn(width="medium"),
            "Date": st.column_config.DatetimeColumn(
                format="D MMM YYYY, HH:mm", help="When it was added, or edited last."
            ),
            "Size": st.column_config.NumberColumn(width="small"),
        },
        alt=f"{len(shown)} instruments, of which {len(chosen)} are shown below",
        placeholder="",
    )


@errors.callback
def _take_up(key: str, names: list[str]) -> None:
    """Take up what is ticked in the table, and the one in whose row a cell was clicked."""
    selection = st.session_state[key].selection
    rows = dict.fromkeys([*(row for row, _ in selection.cells), *selection.rows])
    chosen = [names[row] for row in rows if row < len(names)]
    if len(chosen) > MOST:
        st.toast(f"At most {MOST} instruments are shown at a time.", icon=":material/info:")
    st.session_state[CHOSEN] = chosen[:MOST]


def _columns(shown: list[Entry]) -> dict[str, list]:
    of_house = {"Library": ["house" if opened.is_of_house(entry.path) else "yours" for entry in shown]}
    return {
        "Instrument": [entry.name for entry in shown],
        **(of_house if opened.house() is not None else {}),
        "Voice": ["can't be opened" if entry.error else entry.provenance.voice for entry in shown],
        "Range": ["" if (pitches := _pitches(entry)) is None else pitch_range(pitches) for entry in shown],
        "Date": [datetime.datetime.fromtimestamp(entry.changed_s) for entry in shown],
        "Size": [entry.n_bytes for entry in shown],
    }


def _pitches(entry: Entry) -> tuple[float, float] | None:
    return entry.statistics.pitch_range_midi if entry.statistics else None


def _size(n_bytes: float) -> str:
    return format_bytes(n_bytes).replace(" ", NO_BREAK)
