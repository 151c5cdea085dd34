"""What was deleted of a kind, and the offer to bring it back, in the place where it was."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import streamlit as st

from ddsing.ui.shell import errors
from ddsing.ui.shell.formatting import plain

MOST = 5  # offers of a kind; older ones are dropped, and what they are about stays in the trash


class Deleted(NamedTuple):
    """What was deleted: its name, what the store takes to undo it, and where it was."""

    name: str
    token: object
    place: str


def remember(kind: str, name: str, token: object, *, place: str = "") -> None:
    """Remember a deletion, by what the store takes to undo it; for callbacks.

    `place` is what `places` has for it, the key by which a list is in order; "" where there is one place for all.
    """
    held = [one for one in _held(kind) if one.place != place or not place]
    st.session_state[_key(kind)] = [*held, Deleted(name, token, place)][-MOST:]


def places(kind: str) -> set[str]:
    """Where something was deleted, to be put in order with what is still there."""
    return {one.place for one in _held(kind)}


def forget(kind: str, there: Iterable[str]) -> None:
    """Offer nothing any more for places where something is again."""
    kept = set(there)
    st.session_state[_key(kind)] = [one for one in _held(kind) if one.place not in kept or not one.place]


def offer(kind: str, bring_back: Callable, *, what: str = "", gone: str = "was deleted", place: str = "") -> None:
    """A line with a button for what was deleted last at a place, such as ``The set **Octaves** was ungrouped``."""
    held = [one for one in _held(kind) if one.place == place]
    if not held:
        return
    key = f"{kind}.undo" + (f".{place}" if place else "")
    with st.container(key=f"{key}.line", horizontal=True, vertical_alignment="center", border=bool(place)):
        st.markdown(f":material/delete: {what} **{plain(held[-1].name)}** {gone}.", width="stretch")
        st.button(
            "Undo",
            key=key,
            icon=":material/undo:",
            on_click=_undo,
            args=(kind, bring_back, held[-1]),
            help="Restore it.",
        )


def _key(kind: str) -> str:
    return f"{kind}.deleted"


def _held(kind: str) -> list[Deleted]:
    return st.session_state.get(_key(kind), [])


@errors.callback
def _undo(kind: str, bring_back: Callable, deleted: Deleted) -> None:
    st.session_state[_key(kind)] = [one for one in _held(kind) if one != deleted]
    bring_back(deleted.token)
