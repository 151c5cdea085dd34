"""The weights of a morph: sliders for a fixed mixture, a table of points for one over time; the address has them."""

from __future__ import annotations

import secrets

import pandas as pd
import streamlit as st

from ddsing.transfer.morph import MAX_POINTS, Morph
from ddsing.ui.shell import links, values
from ddsing.ui.shell.formatting import plain, spoken
from ddsing.ui.shell.morph_link import PARAMETER, Points, read, text

MODES = ("Fixed", "Over time")
_MODE, _KEPT, _TABLE, _TEXT = "morph.mode", "morph.kept", "morph.points", "morph.text"


def edit(names: list[str], duration_s: float) -> Points:
    """The widgets; the points as they stand, weights adding up to 1."""
    about, said = tuple(names), links.asked(PARAMETER)
    held = st.session_state.get(_KEPT)
    values.keep(_TEXT, "", about="|".join(names), addressed=True)
    if (
        said is not None or held is None or held[0] != about
    ):  # first of all what a link says, then what it was, or an even mixture
        begun = read(said[0] if said else st.session_state[_TEXT], len(names))
        held = (about, begun, secrets.token_hex(3))  # new keys, so that the widgets begin anew
        st.session_state[f"{_MODE}.{held[2]}"] = MODES[1] if begun and len(begun) > 1 else MODES[0]
    slot = held[2]
    mode = st.segmented_control("Weights", MODES, key=f"{_MODE}.{slot}", required=True, persist_state="session")
    if mode == MODES[1]:
        if f"{_TABLE}.{slot}" not in st.session_state:  # a table that was not there begins with what it was left with
            held = (about, read(st.session_state[_TEXT], len(names)) or held[1], slot)
        points = _over_time(names, duration_s, held[1], slot)
    else:
        points = _fixed(names, held[1], slot)
    st.session_state[_KEPT] = (about, points if f"{_TABLE}.{slot}" not in st.session_state else held[1], slot)
    values.put(_TEXT, text(points))
    links.keep(PARAMETER, [text(points)])
    return points


def _fixed(names: list[str], begun: Points | None, slot: str) -> Points:
    shares = begun[0][1] if begun else (1 / len(names),) * len(names)
    if len(names) == 2:
        key = f"morph.share.{slot}"
        st.session_state.setdefault(key, round(100 * shares[1]))
        st.caption(f"0 % is only {plain(names[0])}, 100 % only {plain(names[1])}.")
        share = st.slider(f"Share of {spoken(names[1])}", 0, 100, format="%d %%", key=key, persist_state="session")
        return ((0.0, (1 - share / 100, share / 100)),)
    weights = []
    for place, (name, weight) in enumerate(zip(names, shares)):
        key = f"morph.weight.{place}.{slot}"
        st.session_state.setdefault(key, round(100 * weight))
        weights.append(float(st.slider(spoken(name), 0, 100, key=key, persist_state="session")))
    return Morph(tuple(names), ("",) * len(names), ((0.0, tuple(weights)),)).points


def _over_time(names: list[str], duration_s: float, begun: Points | None, slot: str) -> Points:
    points = begun if begun and len(begun) > 1 else _from_first_to_last(len(names), duration_s)
    columns = _unique(names)
    table = pd.DataFrame(
        [[time_s, *(100 * share for share in shares)] for time_s, shares in points], columns=["Time, s", *columns]
    )
    st.caption("Each row is a moment; weights change linearly between rows. Add or delete rows as you like.")
    edited = st.data_editor(
        table,
        num_rows="dynamic",
        hide_index=True,
        key=f"{_TABLE}.{slot}",
        column_config={
            "Time, s": st.column_config.NumberColumn(min_value=0.0, format="%.2f", required=True),
            **{
                name: st.column_config.NumberColumn(min_value=0, max_value=100, format="%.0f", required=True)
                for name in columns
            },
        },
    )
    whole = edited.dropna().sort_values("Time, s").drop_duplicates("Time, s")[:MAX_POINTS]
    rows = tuple((float(row[0]), tuple(float(weight) for weight in row[1:])) for row in whole.itertuples(index=False))
    return Morph(tuple(names), ("",) * len(names), rows).points


def _from_first_to_last(n: int, duration_s: float) -> Points:
    """Evenly from the first instrument through all others to the last."""
    times_s = [round(place * duration_s / (n - 1), 2) for place in range(n)]
    return tuple((time_s, tuple(float(place == other) for other in range(n))) for place, time_s in enumerate(times_s))


def _unique(names: list[str]) -> list[str]:
    return [name if name != "Time, s" else "Time, s " for name in names]
