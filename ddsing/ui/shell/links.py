"""The address of a page with views: it says what is shown, a reload shows the same, and a button copies it as a link.

An address speaks for the view that it names, and for all of it: what it leaves out is as by default. What it names wins
over a value that is kept, and a kept value that is restored is written into it at once. Of other views it says nothing:
they are as they were left. An address that says nothing at all is that of somebody who comes as they left.

A view asks what the address says of each part of its state (`asked`), and says how it stands (`keep`). Widgets that
Streamlit binds to the address ask by themselves, and say through `bound` or `say` what was restored.
"""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ddsing.names import find
from ddsing.ui.shell import values

HTML = """<button type="button" class="copy" aria-live="polite"><svg viewBox="0 0 24 24" aria-hidden="true">
<path d="M3.9 12a3.1 3.1 0 0 1 3.1-3.1h4V7H7a5 5 0 0 0 0 10h4v-1.9H7A3.1 3.1 0 0 1 3.9 12zM8 13h8v-2H8v2z
m9-6h-4v1.9h4a3.1 3.1 0 0 1 0 6.2h-4V17h4a5 5 0 0 0 0-10z"/></svg><span>Copy link</span></button>"""
CSS = """
.copy {
  display: inline-flex; align-items: center; gap: 0.45rem; min-height: 2.5rem; padding: 0.25rem 0.75rem; width: 100%;
  justify-content: center; font: 400 0.9rem var(--st-font); color: var(--st-text-color); cursor: pointer;
  background: var(--st-background-color); border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius);
}
.copy:hover { border-color: var(--st-primary-color); color: var(--st-link-color); }
.copy:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.copy svg { width: 1.15rem; height: 1.15rem; fill: currentColor; flex: none; }
"""
JS = """
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector(".copy")
  const said = button.querySelector("span")
  button.onclick = async () => {
    const link = new URL(window.location.href)
    for (const [name, values] of Object.entries(data.state)) {
      link.searchParams.delete(name)
      values.forEach((value) => link.searchParams.append(name, value))
    }
    try {
      await navigator.clipboard.writeText(link.href)
      said.textContent = "Link copied"
    } catch {
      window.history.replaceState(null, "", link)
      said.textContent = "Copy it from the address bar"
    }
    setTimeout(() => { said.textContent = "Copy link" }, 2500)
  }
}
"""
_copy = st.components.v2.component("ddsing_copy_link", html=HTML, css=CSS, js=JS)

ENTRIES_JS = """  // the browser's buttons lead from view to view, and not from value to value
const push = window.history.pushState
window.history.pushState = function (state, title, address) {
  const from = new URL(window.location.href), to = new URL(address ?? from, from)
  const view = (url) => url.searchParams.get("view")
  const stays = from.pathname === to.pathname && (!from.search || view(from) === view(to))
  return stays ? this.replaceState(state, title, address) : push.call(this, state, title, address)
}
"""

VIEW = "view"  # the name of the view, in the address and of its switch
_PAGE = "links.page"  # the page of the run before
_VISIT = "links.visit"  # how often another page has been shown
_ARRIVED = "links.arrived"  # whether somebody has come to the page, or gone back or forward on it
_SPEAKS = "links.speaks"  # the view that the address spoke for when they came
_ANSWERED = "links.answered"  # what was taken up of it since
_STATE = "links.state"  # of this run: what the link has


def arrive(page: str) -> None:
    """Note which page is shown; once in each run."""
    state = st.session_state
    state[_ARRIVED] = state.get(_ARRIVED, False) or state.get(_PAGE) != page or _went_back()
    state[_VISIT] = visit() + (state.get(_PAGE) != page)
    state[_PAGE] = page


def visit() -> int:
    """A number that changes when another page is shown, and when this one is returned to."""
    return st.session_state.get(_VISIT, 0)


def begin(views: Sequence[str]) -> None:
    """Begin a run of a page with views, before their switch is drawn: the address's view, or the one that was left."""
    state = st.session_state
    state[_STATE] = {}
    arrived, spoken = state.pop(_ARRIVED, False), bool(st.query_params.to_dict())
    values.among(VIEW, views)
    if arrived and spoken:
        state[VIEW] = state[_SPEAKS] = next(iter(_among(views, many(VIEW))), views[0])
        state[_ANSWERED] = set()
    elif arrived:
        state.pop(_SPEAKS, None)
    view = state[VIEW]
    values.follow(linked=view == state.get(_SPEAKS), anew=arrived and spoken)
    state[_STATE][VIEW] = [view]
    if many(VIEW) != [view]:
        if arrived and spoken:
            st.query_params[VIEW] = view
        else:
            st.query_params.from_dict({VIEW: view})  # what it said of another view goes
    if arrived and not spoken and _went_back():
        st.rerun()  # or else Streamlit would set all that it has bound to the address to its default


def begin_plain() -> None:
    """The same for a page without views, of which the address speaks whenever it says anything."""
    state = st.session_state
    state[_STATE] = {}
    arrived, spoken = state.pop(_ARRIVED, False), bool(st.query_params.to_dict())
    if arrived:
        state.pop(_SPEAKS, None)
    if arrived and spoken:
        state[_SPEAKS], state[_ANSWERED] = state.get(VIEW), set()
    values.follow(linked=_SPEAKS in state, anew=arrived and spoken)


def _went_back() -> bool:
    """Whether the browser's buttons led here."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def copy_button(*, key: str) -> None:
    """A button that copies a link to just what is shown; to be called once everything is kept."""
    _copy(key=key, data={"state": st.session_state.get(_STATE, {})})


def many(name: str) -> list[str]:
    """The values that the address has of a name."""
    return st.query_params.get_all(name)


def asked(name: str) -> list[str] | None:
    """What the address asks for, once: a link was followed, or the browser went back. None where it asks for nothing.

    An empty list asks for the default, and an empty text for none at all.
    """
    state = st.session_state
    if _SPEAKS not in state or state[_SPEAKS] != state.get(VIEW) or name in state[_ANSWERED]:
        return None
    state[_ANSWERED].add(name)
    return many(name)


def keep(name: str, said: Sequence[str], *, first: Sequence[str] = ()) -> None:
    """Have the link say this, and the address too, unless it is the default, `first`, and the address leaves it out."""
    wanted = list(said) or ([""] if first else [])
    st.session_state.setdefault(_STATE, {})[name] = wanted
    if many(name) == wanted:
        return
    if wanted != list(first):
        st.query_params[name] = wanted
    elif name in st.query_params:
        del st.query_params[name]


def bound(
    key: str, default: Any, *, options: Sequence[Any] | None = None, shown: Callable[[Any], str] | None = None
) -> str:
    """Put the value of a widget in place that Streamlit binds to the address (`bind="query-params"`); returns the key.

    Parameters
    ----------
    options : Sequence, optional
        Those of a choice.
    shown : callable, optional
        What the widget calls an option, by which Streamlit knows it in the address.
    """
    if options is None:
        values.keep(key, default, addressed=True)
    else:
        values.among(key, options, default, addressed=True)
    return say(key, default, shown)


def say(key: str, default: Any, shown: Callable[[Any], str] | None = None) -> str:
    """Have the address say a value that was put in place from code, before the widget that is bound to it is drawn."""
    value = st.session_state[key]
    if value == default or key in st.query_params:
        return key
    try:
        st.query_params[key] = _written(value, shown or _text)
    except StreamlitAPIException:  # the widget was drawn before, and Streamlit writes what is set anew
        st.session_state[key] = value
    return key


def _written(value: Any, shown: Callable[[Any], str]) -> str | list[str]:
    return [shown(one) for one in value] or "" if isinstance(value, list | tuple) else shown(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def choices(name: str, options: Sequence[str], first: Sequence[str]) -> None:
    """Give a multiselect, which is drawn next, its choice: the address's, the one it had, or at first `first`."""
    values.keep(name, list(first), addressed=True)
    said = asked(name) or []
    found = _among(options, said)
    if found or said == [""]:
        st.session_state[name] = found
    st.session_state[name] = [value for value in st.session_state[name] if value in options]


def _among(options: Sequence[str], said: Sequence[str]) -> list[str]:
    """Those of the options that the address says, however their letters are composed there."""
    found = [find(value, options) for value in said]
    return [value for value in found if value is not None]


def choice(name: str, options: Sequence[str], default: str | None = None) -> None:
    """The same for a choice of one: by `default`, or else the first."""
    values.among(name, options, default, addressed=True)
    said = _among(options, asked(name) or [])
    if said:
        st.session_state[name] = said[0]
