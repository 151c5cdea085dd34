"""Which takes are compared: a table to choose from, whose choice the address remembers."""

from __future__ import annotations

import streamlit as st

from ddsing.transfer.takes import Take
from ddsing.ui.shell import caches, links
from ddsing.ui.shell.formatting import percent, when

PARAMETER = "take"
MOST = 9  # a key each
TABLE_PX = 290
_CHOSEN, _GENERATION, _FOUND = "compare.chosen", "compare.generation", "compare.found"


def chosen() -> list[Take]:
    """The takes that are compared, in the order in which they were chosen; at first, the newest two of a recording."""
    from ddsing.experiments.comparison import selection

    said = links.asked(PARAMETER)
    if said or _CHOSEN not in st.session_state:
        _set(said or _first())
    takes = selection.found(caches.workspace(), st.session_state[_CHOSEN])[:MOST]
    links.keep(PARAMETER, [take.id for take in takes])
    return takes


def _first() -> list[str]:
    """The newest take, and the newest but one of the same recording."""
    everything = caches.takes().list()
    return [take.id for take in everything if take.source_hash == everything[0].source_hash][:2]


def put(ids: list[str]) -> None:
    """Compare these from now on; for callbacks."""
    links.changed(PARAMETER)
    _set(ids)


def _set(ids: list[str]) -> None:
    st.session_state[_CHOSEN] = list(ids)
    st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1


def table(takes: list[Take]) -> None:
    """The workspace's takes, newest first, with the chosen ones ticked."""
    from ddsing.ui.experiments import session_notes

    everything = caches.takes().list()
    left, right = st.columns([3, 2])
    with right:
        session_notes.pick_set()
    wanted = left.text_input(
        "Find takes", key="find", bind="query-params", icon=":material/search:", label_visibility="collapsed",
        placeholder="Find by title, recording, instrument, tag or note; ★ for starred ones",
    ).strip()  # fmt: skip
    shown = [take for take in everything if _matches(take, wanted)]
    if not shown:
        st.caption(f"None of {len(everything)} takes fits.")
        return
    places = {take.id: place for place, take in enumerate(shown)}
    ticked = [places[take.id] for take in takes if take.id in places]
    signature = hash((st.session_state.get(_GENERATION, 0), tuple(places)))
    st.session_state[_FOUND] = list(places)
    st.dataframe(
        _columns(shown), hide_index=True, key=f"compare.table.{signature}", on_select=_choose, height=_height(shown),
        selection_mode="multi-row", selection_default={"selection": {"rows": ticked}}, column_config=_configuration(),
        alt=f"{len(shown)} takes, of which {len(ticked)} are chosen", placeholder="",
    )  # fmt: skip


def _choose() -> None:
    """Take up what is ticked in the table, the newly ticked last."""
    found: list[str] = st.session_state[_FOUND]
    key = next(key for key in st.session_state if str(key).startswith("compare.table."))
    ticked = [found[row] for row in st.session_state[key].selection.rows if row < len(found)]
    before = [take_id for take_id in st.session_state[_CHOSEN] if take_id in ticked or take_id not in found]
    after = before + [take_id for take_id in ticked if take_id not in before]
    if len(after) > MOST:
        st.toast(f"At most {MOST} takes are compared at a time.", icon=":material/info:")
    st.session_state[_CHOSEN] = after[:MOST]


def _matches(take: Take, wanted: str) -> bool:
    said = " ".join([take.name, take.source, take.instrument, take.note, *take.tags, "★" if take.star else ""])
    return all(word in said.casefold() for word in wanted.casefold().split())


def _height(shown: list[Take]) -> int:
    return min(TABLE_PX, 37 + 35 * len(shown))


def _columns(shown: list[Take]) -> dict:
    from ddsing.experiments.comparison import measure

    measured = [measure.known(take) for take in shown]
    columns: dict[str, list] = {
        "★": ["★" if take.star else "" for take in shown],
        "Take": [take.name for take in shown],
        "Recording": [take.source for take in shown],
        "Instrument": [take.instrument for take in shown],
        "Fit": [percent(take.fit["inside_share"]) if take.fit else "" for take in shown],
        "f0 error": [metrics.f0_cents if metrics else None for metrics in measured],
        "Loudness error": [metrics.loudness_db if metrics else None for metrics in measured],
        "Tags": [list(take.tags) for take in shown],
        "Made": [when(take.created) for take in shown],
        "Note": [take.note for take in shown],
    }
    bare = ("★", "f0 error", "Loudness error", "Tags", "Note")  # left out where they hold nothing
    return {name: values for name, values in columns.items() if name not in bare or any(values)}


def _configuration() -> dict:
    return {
        "★": st.column_config.TextColumn(width=28),
        "Take": st.column_config.TextColumn(width="medium"),
        "Fit": st.column_config.TextColumn(width=50, help="Share of the singing inside the instrument's range."),
        "f0 error": st.column_config.NumberColumn(
            width=70, format="%.1f cents", help="Median, over the sung frames; once it is measured."
        ),
        "Loudness error": st.column_config.NumberColumn(width=105, format="%.1f dB"),
        "Tags": st.column_config.ListColumn(width="small"),
    }
