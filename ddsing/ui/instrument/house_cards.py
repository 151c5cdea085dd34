"""Between the house library and one's own: copying an instrument to one's own, and an admin's publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing import names
from ddsing.errors import DdsingError
from ddsing.ui.instrument import table
from ddsing.ui.shell import allowed, caches, errors, opened, visitor
from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from ddsing.hosting.house import House
    from ddsing.instrument.library import Entry

ADMINS_ONLY = "Only admins can change the house library."


def show(entry: Entry) -> None:
    """The buttons of an instrument's card; none on a local dashboard."""
    if opened.house() is None:
        return
    if opened.is_of_house(entry.path):
        st.button(
            "Copy to mine",
            key=f"copy.{entry.name}",
            icon=":material/library_add:",
            on_click=_copy,
            args=(entry,),
            help="Adds a copy to your own instruments, which you can edit.",
        )
    if visitor.current().is_admin:
        _for_admins(entry)


def _for_admins(entry: Entry) -> None:
    of_house = opened.is_of_house(entry.path)
    st.button(
        "Withdraw" if of_house else "Publish",
        key=f"{'withdraw' if of_house else 'publish'}.{entry.name}",
        icon=":material/unpublished:" if of_house else ":material/publish:",
        on_click=_withdraw if of_house else _publish,
        args=(entry,),
        help="Removes it from the house library. Copies that people have made stay."
        if of_house
        else "Adds a copy to the house library, for everybody on this site.",
    )


@errors.callback
def _copy(entry: Entry) -> None:
    visitor.members_only()
    allowed.require_bytes("The instrument", entry.n_bytes)
    made = opened.library().add(caches.instrument(entry), name=names.read(entry.path.stem))
    table.choose([made.name])
    st.toast(f"{plain(made.name)} was added to your instruments.", icon=":material/check:")


@errors.callback
def _publish(entry: Entry) -> None:
    made = _house().publish(caches.instrument(entry), by=visitor.current().who)
    st.toast(f"{plain(made.name)} is in the house library now.", icon=":material/check:")


@errors.callback
def _withdraw(entry: Entry) -> None:
    _house().withdraw(names.read(entry.path.stem), by=visitor.current().who)
    st.toast(f"{plain(entry.name)} was withdrawn from the house library.", icon=":material/check:")


def _house() -> House:
    """The house library, for those who may change it."""
    found = visitor.current()
    if found.house is None or not found.is_admin:
        raise DdsingError(ADMINS_ONLY)
    return found.house
