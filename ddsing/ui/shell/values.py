"""What was chosen on the pages: each control keeps its value, wherever its widget has gone meanwhile.

Streamlit forgets a widget's value once it is not drawn: its page was left, its panel folded. So the value is held
beside the widget, by the widget's key: in the tab, and in the workspace's cache, from which a reload, another tab and
the dashboard started anew take it. A tab keeps its own values; a new one begins with those that were set last.

``keep`` is called where the key is given, ``st.slider("Steps", 0, 9, key=values.keep("steps", 3))``, and puts the
value in place before the widget is drawn. Where a value is kept without its widget being drawn in the same run, the
widget has ``persist_state="session"`` too, or else Streamlit would bring back what it began with. What equals its
default is not held, so that a default may change. What the address says goes first: where it speaks for what is shown
(`follow`), a value that it has too begins with what it says, or by default, and not with what is held.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from ddsing.files import read_json, write_json
from ddsing.ui.shell import opened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME = "choices.json"
MOST = 1000  # values on disk; the oldest go first
_TAB = "values.tab"
_VERSION = 1
_writing = threading.Lock()


@dataclass
class _Tab:
    """What a tab holds.

    Attributes
    ----------
    held : dict
        The values that are not as by default, by place: a key, and what else the value belongs to.
    seen : dict
        By key: place, default and value, as they were when the key was kept last.
    linked : bool
        Whether the address speaks for what is shown.
    followed : set
        The keys that have begun anew since it does.
    """

    held: dict[str, Any]
    seen: dict[str, tuple[str, Any, Any]] = field(default_factory=dict)
    linked: bool = False
    followed: set[str] = field(default_factory=set)

    def note(self, key: str, value: Any) -> None:
        """Take up a value that may have changed."""
        place, default, before = self.seen[key]
        if value != before:
            self.seen[key] = (place, default, value)
            self.hold(place, value, default)

    def hold(self, place: str, value: Any, default: Any) -> None:
        """Hold a value, here and on disk; let go of one that is as by default."""
        self.held.pop(place, None)
        if value != default:
            self.held[place] = value
        _write(place, self.held.get(place))


def keep(key: str, default: Any, *, about: str = "", addressed: bool = False) -> str:
    """Put the value of a control in place; returns the key, for the widget that is drawn next.

    Parameters
    ----------
    default : bool, int, float, str, None, or a list or tuple of them
        The value of somebody who has chosen nothing.
    about : str
        What the value belongs to, such as a voice; for another one it begins with what is held for that.
    addressed : bool
        Whether the address has it too: where that speaks for what is shown, it begins with what that says.
    """
    tab, state = _tab(), st.session_state
    place = f"{key}@{about}" if about else key
    before = tab.seen.get(key)
    if addressed and tab.linked and key not in tab.followed:
        tab.followed.add(key)
        state[key] = default
        tab.seen[key] = (place, default, default)
    elif before is not None and before[0] == place:
        chosen = before[2] != before[1]
        tab.seen[key] = (place, default, before[2])
        if key in state and (chosen or state[key] != before[2]):
            tab.note(key, state[key])
        elif key not in state or default != before[1]:  # what was not chosen follows the default
            state[key] = before[2] if chosen else default
            tab.seen[key] = (place, default, state[key])
    else:
        if before is None and key in state:  # set by code, such as by a button of another page
            tab.hold(place, state[key], default)
        else:
            state[key] = _held(tab, place, default)
        tab.seen[key] = (place, default, state[key])
    return key


def among(key: str, options: Sequence[Any], default: Any = None, *, about: str = "", addressed: bool = False) -> str:
    """`keep` for a choice: what is not among the options any more becomes the default, or else the first of them."""
    first = options[0] if default is None else default
    keep(key, first, about=about, addressed=addressed)
    if st.session_state[key] not in options:
        st.session_state[key] = first
    return key


def follow(*, linked: bool, anew: bool) -> None:
    """Say whether the address speaks for what is shown from here on; `anew` if it is one that was not followed yet."""
    tab = _tab()
    tab.linked = linked
    if anew:
        tab.followed.clear()


def get(key: str) -> Any:
    """The value of a control, drawn or not; for callbacks, since Streamlit has none for one that is folded."""
    return st.session_state[key] if key in st.session_state else _tab().seen[key][2]


def held(key: str, default: Any, *, about: str) -> Any:
    """The value that a control has for something else than what it is shown for."""
    return _held(_tab(), f"{key}@{about}", default)


def hold(key: str, value: Any, default: Any, *, about: str) -> None:
    """Set the value that a control has for something, whether or not it is shown for that; for callbacks."""
    tab, place = _tab(), f"{key}@{about}"
    if key in tab.seen and tab.seen[key][0] == place:
        st.session_state[key] = value
    else:
        tab.hold(place, value, default)


def chosen(key: str) -> bool:
    """Whether a value is other than its default, as that was when its control was drawn last."""
    return get(key) != _tab().seen[key][1]


def moved() -> bool:
    """Whether a control has another value than when the page, or this part of it, was drawn last."""
    state = st.session_state
    return any(key in state and state[key] != value for key, (_, _, value) in _tab().seen.items())


def put(key: str, value: Any) -> None:
    """Set, at once, the value of something that is kept and is no widget's."""
    st.session_state[key] = value
    _tab().note(key, value)


def forget(key: str) -> None:
    """Let go of a value: its control begins by default; for callbacks."""
    tab = _tab()
    if key in tab.seen:
        place, default, _ = tab.seen.pop(key)
        tab.hold(place, default, default)
    st.session_state.pop(key, None)


def collect() -> None:
    """Take up what was changed last, before a page is shown that may not have its widget; once in each run."""
    tab = _tab()
    for key in list(tab.seen):
        if key in st.session_state:
            tab.note(key, st.session_state[key])


def _held(tab: _Tab, place: str, default: Any) -> Any:
    """The value that is held, if it can be one of the control's: the file may be of another version."""
    value = tab.held.get(place, default)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value if default is None or value is None or type(value) is type(default) else default


def _tab() -> _Tab:
    if _TAB not in st.session_state:
        st.session_state[_TAB] = _Tab(_read())
    return st.session_state[_TAB]


# On disk


def _path() -> Path:
    return opened.workspace().cache / NAME


def _read() -> dict[str, Any]:
    document = read_json(_path())
    if not isinstance(document, dict) or document.get("version") != _VERSION:
        return {}
    values = document.get("values")
    return {name: _decoded(value) for name, value in values.items()} if isinstance(values, dict) else {}


def _write(place: str, value: Any) -> None:
    """Put one value into the file, or take it out; a disk that can't be written only means that it is chosen again."""
    with _writing, contextlib.suppress(OSError):
        values = _read()
        values.pop(place, None)
        if value is not None:
            values[place] = value
        kept = dict(list(values.items())[-MOST:])
        document = {"version": _VERSION, "values": {name: _encoded(one) for name, one in kept.items()}}
        write_json(_path(), document, indent=None)


def _encoded(value: Any) -> Any:
    return {"tuple": list(value)} if isinstance(value, tuple) else value


def _decoded(value: Any) -> Any:
    return tuple(value["tuple"]) if isinstance(value, dict) else value
