"""Who is at a tab: the owner of a local dashboard, or, on a hosted one, the person or guest who has come in.

On a hosted dashboard this is asked of the database anew in every run, at most a second later, and by everything that
wants to know a workspace: a page, a fragment, a callback. So a session that ends, or that was ended in another tab,
ends everywhere. A tab belongs to the one who opened it: should the browser's cookie come to name somebody else, the
tab's state is not theirs.

A thread of the background has no tab; it is lent the visitor who started it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ddsing.errors import DdsingError
from ddsing.hosting import switch
from ddsing.ui.shell import tab_owners
from ddsing.workspace import Workspace

if TYPE_CHECKING:  # a local dashboard needs no database
    from ddsing.hosting.house import House
    from ddsing.hosting.people import Person
    from ddsing.hosting.quotas import Quota
    from ddsing.hosting.rates import Limiter
    from ddsing.hosting.site import Site

MEMBERS_ONLY = "Guests can't do this. Sign in to use all of ddsing."
_MEMO_S = 1.0
_MEMO, _OWNER, _NOTED = "visitor.memo", "visitor.owner", "visitor.noted"
_thread = threading.local()


class Outside(DdsingError):
    """A visitor who has not come in; the message says why, and is empty for one who has just arrived."""


class Refused(Outside):
    """Somebody who has signed in and may not come in: `called` is their name."""

    def __init__(self, message: str, called: str) -> None:
        super().__init__(message)
        self.called = called


class InLine(Outside):
    """A guest who waits; `place` is 1 for the next one in."""

    def __init__(self, place: int) -> None:
        super().__init__("All places for guests are taken.")
        self.place = place


@dataclass(frozen=True)
class Visitor:
    """Who is at the tab.

    Attributes
    ----------
    kind : str
        ``local``, ``member``, ``admin`` or ``guest``.
    called : str
        A name for people to read.
    who : str
        As the audit log names them; nobody else has the same.
    folder : Path or None
        The workspace; None for the one that a local dashboard was started for.
    ends_s : float or None
        When a session or a guest's time ends, in seconds since 1970.
    quota : Quota or None
        What may be used, where that is limited.
    notice : str
        What somebody who is back after a long time should know.
    limiter : Limiter or None
        Counts what is asked for, where that is limited.
    house : House or None
        The library that everybody has beside their own, where there is one.
    address : str
        The network address of a program; that of a page is known to its tab.
    """

    kind: str
    called: str = ""
    who: str = ""
    folder: Path | None = None
    ends_s: float | None = None
    quota: Quota | None = None
    notice: str = ""
    limiter: Limiter | None = None
    house: House | None = None
    address: str = ""

    @property
    def hosted(self) -> bool:
        """Whether the dashboard is for several people."""
        return self.kind != "local"

    @property
    def is_admin(self) -> bool:
        """Whether this is somebody who looks after a hosted dashboard."""
        return self.kind == "admin"

    @property
    def is_guest(self) -> bool:
        """Whether there is no account."""
        return self.kind == "guest"


LOCAL = Visitor("local")


def current() -> Visitor:
    """Who is here; raises `Outside` for anybody who has not come in."""
    lent = getattr(_thread, "visitor", None)
    if lent is not None:
        return lent
    if switch.served() is None:
        return LOCAL
    if get_script_run_ctx() is None:
        raise Outside("Sign in first.")
    at_s, known = st.session_state.get(_MEMO, (0.0, None))
    if known is None or time.monotonic() - at_s > _MEMO_S:
        st.session_state.pop(_MEMO, None)
        known = _ask()
        if st.session_state.setdefault(_OWNER, known.who) != known.who:
            raise Outside("Another person has signed in in this browser. Reload the page to continue.")
        st.session_state[_MEMO] = (time.monotonic(), known)
        if known.folder is not None:
            tab_owners.note_tab(known.folder.name)
    return known


def members_only() -> None:
    """Raise `Outside` for guests, who can't do what follows."""
    if current().is_guest:
        raise Outside(MEMBERS_ONLY)


@contextlib.contextmanager
def lent(visitor: Visitor) -> Iterator[None]:
    """Let this thread, which has no tab, do something for a visitor."""
    before = getattr(_thread, "visitor", None)
    _thread.visitor = visitor if visitor.hosted else None
    try:
        yield
    finally:
        _thread.visitor = before


def sign_out() -> None:
    """End all sessions of the person at this tab; for callbacks."""
    from ddsing.hosting import admission

    found = admission.identity(st.user.to_dict())
    if switch.served() is not None and found is not None:
        _site().people.sign_out(found)
    st.session_state.pop(_MEMO, None)


def _site() -> Site:
    from ddsing.hosting import site

    found = site.served()
    assert found is not None
    return found


def _ask() -> Visitor:
    """Who is here, as the database says now; what is wrong with the database is for the log, not for strangers."""
    from ddsing.hosting.database import DatabaseError

    try:
        return _known_to(_site())
    except DatabaseError as error:
        logging.getLogger("ddsing").error("%s", error)
        raise DdsingError("The site can't reach its database at the moment. Please try again in a minute.") from None


def _known_to(served: Site) -> Visitor:
    from ddsing.hosting import cookies

    claims = st.user.to_dict()
    if claims.get("is_logged_in"):
        return _member(served, claims)
    token = cookies.Signer(served.config.root).guest(st.context.cookies.get(cookies.GUEST))
    if token is None:
        raise Outside("")
    return _guest(served, token)


def _member(served: Site, claims: dict) -> Visitor:
    from ddsing.hosting import admission
    from ddsing.hosting.people import SessionOver

    found = admission.identity(claims)
    role = None if found is None else admission.role(found, claims, served.config.login)
    if found is None or role is None:
        called = "" if found is None else found.address or found.name
        _note_refusal(served, "" if found is None else found.provider)
        raise Refused("This account has no access here.", called)
    try:
        visit = served.people.enter(found, role)
    except SessionOver as over:
        raise Outside(str(over)) from None
    if not served.member_folder(visit.person.workspace).is_dir():  # a first visit, or the first after a long time
        served.expiry.restore(visit.person)
    notice = served.expiry.notice(visit.person)
    return replace(of_person(served, visit.person), kind=role, ends_s=visit.ends_s, notice=notice)


def of_person(served: Site, person: Person, *, address: str = "") -> Visitor:
    """Somebody with an account, as a member, with what they may use; whether they may come in, is asked before."""
    from ddsing.hosting.quotas import Quota

    folder, limits = served.member_folder(person.workspace), served.config.limits
    quota = Quota(limits, Workspace(folder), limits.transfer_seconds, person.id, served.use)
    return Visitor(
        *("member", person.called, person.who, folder),
        quota=quota,
        limiter=served.limiter,
        house=served.house,
        address=address,
    )


def _guest(served: Site, token: str) -> Visitor:
    from ddsing.hosting.guests import Admitted, GuestsError, Waiting
    from ddsing.hosting.quotas import Quota

    try:
        state = served.guests.look(token)
    except GuestsError as error:
        raise Outside(str(error)) from None
    if isinstance(state, Waiting):
        raise InLine(state.place)
    if not isinstance(state, Admitted):
        raise Outside("Your time as a guest is over, and your recordings and takes are deleted.")
    folder, config = served.guest_folder(state.id), served.config
    quota = Quota(config.limits, Workspace(folder), config.guests.transfer_seconds)
    return Visitor("guest", "Guest", state.who, folder, state.ends_s, quota, limiter=served.limiter, house=served.house)


def _note_refusal(served: Site, provider: str) -> None:
    """Once for each tab, without saying who it was: strangers did not ask to be remembered."""
    from ddsing.hosting import audit

    if _NOTED not in st.session_state:
        st.session_state[_NOTED] = True
        audit.record(served.engine, "stranger", "refused", f"by {provider}" if provider else "")
