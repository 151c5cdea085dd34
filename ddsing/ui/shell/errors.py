"""The one place where what went wrong becomes a sentence on the page.

A `DdsingError` carries its own sentence. Anything else is a bug: it goes to the log in full, and the page says so
politely.
"""

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from ddsing.errors import Cancelled, DdsingError
from ddsing.ui.shell import visitor
from ddsing.ui.shell.formatting import plain

logger = logging.getLogger("ddsing")
SORRY = "Something went wrong in ddsing. The details are in the dashboard's log. Your files are untouched."
_LATER = "errors.later"
_CALLED = "errors.called"


def sentence(error: BaseException) -> str:
    """What the page says about an error, as markdown; bugs are logged here."""
    if isinstance(error, DdsingError):
        return plain(_from_workspace(str(error)))
    if isinstance(error, PermissionError) and error.filename:
        return plain(_from_workspace(f"{str(error.filename)!r} can't be used: {error.strerror}."))
    logger.error("Unexpected error", exc_info=error)
    return SORRY


def _from_workspace(text: str) -> str:
    """Paths as seen from the workspace, where the server's folders say nothing to people."""
    try:
        folder = visitor.current().folder
    except DdsingError:
        return text
    return text if folder is None else text.replace(f"{folder}/", "").replace(str(folder), "workspace")


@contextmanager
def guard() -> Iterator[None]:
    """Show whatever is raised inside as a message in place; the rest of the page goes on."""
    try:
        yield
    except Cancelled:
        st.info("Stopped.", icon=":material/stop_circle:")
    except Exception as error:
        st.error(sentence(error), icon=":material/error:")


def guarded(function: Callable) -> Callable:
    """`guard` for a whole function, for fragments and dialogs."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any):
        with guard():
            return function(*args, **kwargs)

    return wrapper


def callback(function: Callable) -> Callable:
    """`guard` for a widget's callback: the message waits for the page that follows."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any):
        st.session_state[_CALLED] = True
        try:
            return function(*args, **kwargs)
        except Exception as error:
            st.session_state.setdefault(_LATER, []).append(sentence(error))

    return wrapper


@contextmanager
def told(slot: str, about: str = "") -> Iterator[None]:
    """Keep what goes wrong inside in the tab, for `show_told`: it outlasts the runs in which a page fills up."""
    st.session_state.pop(slot, None)
    try:
        yield
    except DdsingError as error:
        st.session_state[slot] = (about, sentence(error))


def show_told(slot: str, about: str = "") -> None:
    """Show what was kept last, if it is about this, beside what it is about."""
    kept, why = st.session_state.get(slot, (None, ""))
    if kept == about:
        st.error(why, icon=":material/block:")


def called_back() -> bool:
    """Whether a callback was called since the page was drawn, or this was asked."""
    return st.session_state.pop(_CALLED, False)


def show_waiting() -> None:
    """Show what callbacks left behind; the page is drawn next."""
    called_back()
    for message in st.session_state.pop(_LATER, []):
        st.error(message, icon=":material/error:")
