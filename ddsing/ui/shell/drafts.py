"""Fields that a button sends, such as a name and a note: what is typed is kept until it is sent or cancelled.

Streamlit's own forms hold what is typed in the browser only, and lose it with the page. Here each field is a control
like any other, whose value `ddsing.ui.shell.values` keeps; its default is what it edits, so that a field that nothing
was typed into shows what is there now. The fields and their buttons are a fragment, so that typing draws nothing else
anew, and the Enter key sends them.

A tap takes the focus from a field and presses something else in one moment, and the browser sends both as one run of
the field's fragment. So a run that more than a field has changed in is followed by one of the page.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from ddsing.ui.shell import errors, fragments, values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_RESTORED = "drafts.restored"  # what fields began with, by key
ENTER_JS = """
document.addEventListener("keydown", (event) => {
  const field = event.target, draft = field.closest?.('[class*="st-key-draft-"]')
  const line = field.matches?.('input[type="text"]:not([role="combobox"])')
  const sends = line || (field.matches?.("textarea") && (event.ctrlKey || event.metaKey))
  if (event.key !== "Enter" || event.isComposing || !draft || !sends) return
  const send = draft.querySelector('[data-testid="stBaseButton-primary"]')
  setTimeout(() => send?.click())  // once Streamlit has the value
})
"""


def form(
    name: str,
    draw: Callable[[], object],
    send: str,
    on_send: Callable[..., None],
    *,
    fields: Sequence[str],
    args: Sequence[Any] = (),
    icon: str | None = None,
    help: str | None = None,
    cancel: Callable[[], None] | None = None,
) -> None:
    """Draw fields, the button that sends them, and the one that puts them back.

    Parameters
    ----------
    name : str
        Of the form; its buttons are ``<name>.send`` and ``<name>.cancel``.
    draw : callable
        Draws the fields, each with a key from `field`.
    send, icon, help : str
        The button's label, icon and help.
    on_send : callable
        Its callback, called with `args`; it takes what was typed (`changed`), and drops the fields (`drop`) then.
    fields : Sequence of str
        The keys of the fields.
    cancel : callable, optional
        What else is done on Cancel, such as closing a panel.
    """

    def draw_all(alone: bool) -> None:
        errors.guarded(draw)()
        with st.container(horizontal=True, vertical_alignment="center"):
            pressed = st.button(
                send,
                key=f"{name}.send",
                type="primary",
                icon=icon,
                help=help,
                on_click=on_send,
                args=tuple(args),
            ) | st.button(
                "Cancel",
                key=f"{name}.cancel",
                type="tertiary",
                help="Discards what you have typed here.",
                on_click=_cancel,
                args=(tuple(fields), cancel),
            )
        if alone and (pressed or errors.called_back() or values.moved()):
            st.rerun(scope="app")

    with st.container(key=f"draft-{name}"):
        fragments.alone(draw_all)


def field(key: str, default: Any, *, about: str = "") -> str:
    """Put the value of a field in place: what was typed, or what it edits; returns the key."""
    values.keep(key, default, about=about)
    restored = st.session_state.setdefault(_RESTORED, {})
    if restored.setdefault(key, st.session_state[key]) == st.session_state[key] != default:
        # In each run: a folded panel, or a run that a click has ended, has not shown the browser what was kept.
        with contextlib.suppress(StreamlitAPIException):  # it was drawn in this run
            st.session_state[key] = restored[key]
    return key


def changed(fields: Sequence[str]) -> dict[str, Any]:
    """What was typed, by key: saving no more than that leaves what somebody else has edited meanwhile as it is."""
    return {key: values.get(key) for key in fields if values.chosen(key)}


def drop(fields: Sequence[str]) -> None:
    """Begin these fields anew: they were sent, or cancelled; for callbacks."""
    for key in fields:
        values.forget(key)
        st.session_state.get(_RESTORED, {}).pop(key, None)


@errors.callback
def _cancel(fields: Sequence[str], more: Callable[[], None] | None) -> None:
    drop(fields)
    if more is not None:
        more()
