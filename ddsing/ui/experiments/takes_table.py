"""The table in which takes are chosen to be compared."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ddsing.transfer.take import Take
from ddsing.ui.experiments import chosen_takes, set_picker
from ddsing.ui.shell import errors, links, opened, take_player, ticks
from ddsing.ui.shell.formatting import percent, when

TABLE_PX = 290


def show(takes: list[Take]) -> None:
    """What is compared of the voice matrix, then the workspace's takes, newest first; the chosen ones are ticked."""
    listed = opened.takes().list()
    ids = {take.id for take in listed}
    everything = [*(take for take in takes if take.id not in ids), *listed]
    left, right = st.columns([3, 2])
    with right:
        set_picker.show()
    wanted = left.text_input(
        "Find takes",
        key=links.bound("find", ""),
        bind="query-params",
        icon=":material/search:",
        label_visibility="collapsed",
        placeholder="Find by title, recording, instrument, tag or note; ★ for starred ones",
    ).strip()
    called = dict(zip([take.id for take in everything], take_player.names(everything)))
    shown = [take for take in everything if _matches(take, called[take.id], wanted)]
    if not shown:
        st.caption(f"None of the {len(everything)} takes match.")
        return
    places = {take.id: place for place, take in enumerate(shown)}
    ticked = [places[take.id] for take in takes if take.id in places]
    key = ticks.key(chosen_takes.TABLE, tuple(places))
    st.dataframe(
        _columns(shown, called),
        hide_index=True,
        key=key,
        on_select=partial(_choose, key, list(places)),
        height=_height(shown),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": ticked}},
        column_config=_configuration(),
        alt=f"{len(shown)} takes, {len(ticked)} selected",
        placeholder="",
    )


@errors.callback
def _choose(key: str, shown: list[str]) -> None:
    """Take up what is ticked in the table, the newly ticked last."""
    ticked = [shown[row] for row in st.session_state[key].selection.rows if row < len(shown)]
    if chosen_takes.tick(ticked, among=shown) > chosen_takes.MOST:
        st.toast(f"You can compare up to {chosen_takes.MOST} takes at a time.", icon=":material/info:")


def _matches(take: Take, title: str, wanted: str) -> bool:
    said = " ".join([title, take.source, take.instrument, take.note, *take.tags, "★" if take.star else ""])
    return all(word in said.casefold() for word in wanted.casefold().split())


def _height(shown: list[Take]) -> int:
    return min(TABLE_PX, 37 + 35 * len(shown))


def _columns(shown: list[Take], called: dict[str, str]) -> dict:
    from ddsing.experiments.comparison import measure

    measured = [measure.known(take) for take in shown]
    columns: dict[str, list] = {
        "★": ["★" if take.star else "" for take in shown],
        "Take": [called[take.id] for take in shown],
        "Recording": [take.source for take in shown],
        "Instrument": [take.instrument for take in shown],
        "Fit": [_fit(take) for take in shown],
        "Pitch error": [metrics.f0_cents if metrics else None for metrics in measured],
        "Loudness error": [metrics.loudness_db if metrics else None for metrics in measured],
        "Tags": [list(take.tags) for take in shown],
        "Made": [when(take.created) for take in shown],
        "Note": [take.note for take in shown],
    }
    bare = ("★", "Pitch error", "Loudness error", "Tags", "Note")  # left out where they hold nothing
    return {name: values for name, values in columns.items() if name not in bare or any(values)}


def _configuration() -> dict:
    return {
        "★": st.column_config.TextColumn(width=28),
        "Take": st.column_config.TextColumn(width=360),
        "Fit": st.column_config.TextColumn(width=50, help="Share of the singing inside the instrument's range."),
        "Pitch error": st.column_config.NumberColumn(
            width=70, format="%.1f cents", help="Median over voiced frames, once measured."
        ),
        "Loudness error": st.column_config.NumberColumn(width=105, format="%.1f dB"),
        "Tags": st.column_config.ListColumn(width="small"),
    }


def _fit(take: Take) -> str:
    share = take.fit["inside_share"] if take.fit else None
    return "" if share is None else percent(share)
