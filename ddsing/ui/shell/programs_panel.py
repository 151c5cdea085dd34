"""The tokens with which programs use the workspace by the REST interface: made, shown once, and revoked.

On a server for several people each makes their own; guests have none, since their workspace is gone soon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.hosting import switch
from ddsing.ui.shell import drafts, errors, opened, values, visitor
from ddsing.ui.shell.formatting import plain, when

if TYPE_CHECKING:
    from ddsing.hosting.site import Site
    from ddsing.tokens import Token, Tokens

_NAME, _DAYS = "programs.name", "programs.days"
_MADE, _REFUSED = "programs.made", "programs.refused"
_CHOICES = {7: "7 days", 30: "30 days", 90: "90 days", 365: "a year"}
_ROWS, _ROWS_PX = 4, 300  # more than so many scroll


def show() -> None:
    """The popover, where programs may use the dashboard; nothing is read until it is opened."""
    if visitor.current().is_guest or not _on():
        return
    panel = st.popover(
        "Programs",
        icon=":material/key:",
        key="programs",
        on_change="rerun",
        type="tertiary",
        help="Tokens for programs that use ddsing over HTTP.",
    )
    if panel.open:
        with panel, errors.guard():
            _panel()
    else:
        st.session_state.pop(_MADE, None)


def _on() -> bool:
    if not visitor.current().hosted:
        return switch.rest()
    served = _site()
    return served is not None and served.config.rest.allowed


def _panel() -> None:
    st.caption(
        "With a token, a program can do with your workspace what docs/rest.md describes. "
        "It is like a password: give it only to programs that you trust."
    )
    _made()
    drafts.form("programs.make", _fields, "Make a token", _make, fields=[_NAME], icon=":material/key:", cancel=_forget)
    errors.show_told(_REFUSED)
    found = _tokens().list()
    if not found:
        st.caption("No tokens yet.")
        return
    with st.container(height=_ROWS_PX if len(found) > _ROWS else "content", border=False):
        for one in found:
            _row(one)


def _made() -> None:
    """The token that was just made; it is in this tab alone, and gone once the panel is closed."""
    called, text = st.session_state.get(_MADE, ("", ""))
    if text:
        st.success(f"**{plain(called)}** is made. Copy its token now: it can't be shown again.", icon=":material/key:")
        st.code(text, language=None, wrap_lines=True)


def _fields() -> None:
    from ddsing.tokens import DAYS, MAX_NAME

    key = drafts.field(_NAME, "")
    st.text_input("What is it for?", key=key, max_chars=MAX_NAME, placeholder="laptop", help="The token's name.")
    st.selectbox(
        "Works for",
        list(_CHOICES),
        key=values.among(_DAYS, list(_CHOICES), DAYS),
        format_func=lambda days: _CHOICES.get(days, f"{days} days"),
        help="Then it ends. You can revoke it earlier.",
    )


def _row(one: Token) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        until = "ended" if one.over else "works until"
        st.markdown(f"**{plain(one.name)}**  \n{until} {when(one.ends_s)}")
        st.button(
            "Revoke",
            key=f"programs.revoke.{one.hash[:16]}",
            type="tertiary",
            icon=":material/block:",
            on_click=_revoke,
            args=(one.name,),
            help=f"{plain(one.name)} stops working at once. This can't be undone.",
        )


@errors.callback
def _make() -> None:
    visitor.members_only()
    with errors.told(_REFUSED):  # the field keeps what was typed
        name, days = str(values.get(_NAME)), float(values.get(_DAYS))
        made, text = _tokens().make(name, owner=_owner(), days=days)
        st.session_state[_MADE] = (made.name, text)
        _note("token made")
        drafts.drop([_NAME])


@errors.callback
def _revoke(name: str) -> None:
    visitor.members_only()
    with errors.told(_REFUSED):
        gone = _tokens().revoke(name)
        if st.session_state.get(_MADE, ("", ""))[0] == gone.name:
            del st.session_state[_MADE]
        _note("token revoked")
        st.toast(f"**{plain(gone.name)}** no longer works.", icon=":material/check:")


def _forget() -> None:
    st.session_state.pop(_REFUSED, None)


def _tokens() -> Tokens:
    from ddsing.tokens import Tokens

    return Tokens(opened.workspace())


def _owner() -> int:
    """The person's number, 0 on a local dashboard."""
    quota = visitor.current().quota
    return 0 if quota is None or quota.person is None else quota.person


def _note(what: str) -> None:
    """For the log of a server for several people."""
    served = _site() if visitor.current().hosted else None
    if served is not None:
        from ddsing.hosting import audit

        audit.record(served.engine, visitor.current().who, what, f"person {_owner()}")


def _site() -> Site | None:
    from ddsing.hosting import site

    return site.served()
