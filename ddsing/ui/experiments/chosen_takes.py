"""Which takes are compared; the address remembers them."""

from __future__ import annotations

import streamlit as st

from ddsing.transfer.take import Take
from ddsing.ui.shell import links, opened, ticks, values

PARAMETER = "take"
MOST = 9  # a key each
TABLE = "compare.table"
_CHOSEN = "compare.chosen"


def chosen() -> list[Take]:
    """The takes that are compared, in the order in which they were chosen; at first, the newest two of a recording."""
    from ddsing.experiments.comparison import selection

    first = _first()
    values.keep(_CHOSEN, first, addressed=True)
    said = links.asked(PARAMETER)
    if said is not None:
        put(list(filter(None, said)) if said else first)
    takes = selection.found(opened.workspace(), st.session_state[_CHOSEN])[:MOST]
    links.keep(PARAMETER, [take.id for take in takes], first=first)
    return takes


def _first() -> list[str]:
    """The newest take, and the newest but one of the same recording."""
    everything = opened.takes().list()
    return [take.id for take in everything if take.source_hash == everything[0].source_hash][:2]


def put(ids: list[str]) -> None:
    """Compare these from now on; for callbacks, and before the table is drawn."""
    st.session_state[_CHOSEN] = list(ids)
    ticks.elsewhere(TABLE)


def tick(ticked: list[str], *, among: list[str]) -> int:
    """Take up what is ticked among the takes shown, the newly ticked last; returns how many that would be."""
    before = [take_id for take_id in st.session_state[_CHOSEN] if take_id in ticked or take_id not in among]
    after = before + [take_id for take_id in ticked if take_id not in before]
    st.session_state[_CHOSEN] = after[:MOST]
    return len(after)
