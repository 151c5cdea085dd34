"""What the page Admin works with: the site, what was counted of it, and who people are; for admins only.

Everything asks `site` for it, also each callback: somebody who is no admin any more gets what is said of a page that
does not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.errors import DdsingError
from ddsing.hosting import census, switch
from ddsing.hosting.census import Census
from ddsing.ui.shell import visitor

if TYPE_CHECKING:
    from ddsing.hosting.people import Person
    from ddsing.hosting.site import Site

KINDS = {
    "prepare": "preparing",
    "train": "training",
    "sweep": "sweep",
    "batch": "many recordings",
    "matrix": "voice matrix",
}
ROLES = {"member": "member", "admin": "admin"}


class NoPage(DdsingError):
    """A page that there is not, for whoever is here."""


def site() -> Site:
    """The site; raises `NoPage` for whoever is no admin of one."""
    from ddsing.hosting import site as sites

    found = sites.served() if switch.served() is not None and visitor.current().kind == "admin" else None
    if found is None:
        raise NoPage("There is no such page.")
    return found


def counted() -> Census | None:
    """What was counted last, which is some seconds ago."""
    return census.look(site())


def people() -> dict[int, Person]:
    """Everybody, by number, the last visit first."""
    return {person.id: person for person in site().people.list()}


def by() -> str:
    """The admin who is here, as the audit log has it."""
    return visitor.current().who


def wait_for_count() -> None:
    """Say that nothing is counted yet."""
    st.caption(":material/hourglass_top: Counting for the first time. This takes a moment on a large site.")
