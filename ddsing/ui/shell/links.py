"""Links that reproduce what a page shows: what the address says of its state, and the button that copies the link.

A view asks what the address says of each part of its state (`asked`), and says how it stands (`keep`).
"""

import contextlib
from collections.abc import Sequence

import streamlit as st
from streamlit.errors import StreamlitAPIException

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


_SEEN = "links.seen"  # what the address said last, or stood for, by name
_KEPT = "links.kept"  # what was written into it, by view: for coming back
_STATE = "links.state"  # of this run: what the link has


def begin(view: str, first: str) -> None:
    """Begin a run of the page with a view; what others have left in the address goes, what it had itself comes back."""
    st.session_state[_STATE] = {}
    before = st.session_state.setdefault(_SEEN, {}).get("view")
    if before in (None, [view]):
        keep("view", [view])
        return
    st.session_state[_SEEN]["view"] = [view]
    st.session_state[_STATE]["view"] = [view]
    wanted = {"view": [view], **st.session_state.get(_KEPT, {}).get(view, {})}
    for name in [name for name in st.query_params if name not in wanted]:
        _write(name, [])
    for name, said in wanted.items():
        if name != "view" or view != first or one("view"):
            _write(name, said)


def copy_button(*, key: str) -> None:
    """A button that copies a link to just what is shown; to be called once everything is kept."""
    _copy(key=key, data={"state": st.session_state.get(_STATE, {})})


def many(name: str) -> list[str]:
    """The values that the address has of a name."""
    return st.query_params.get_all(name)


def one(name: str, default: str = "") -> str:
    """The value that the address has of a name."""
    return st.query_params.get(name, default)


def asked(name: str) -> list[str]:
    """What the address says and did not say before: a link was followed, or the browser went back. Else nothing."""
    said, seen = many(name), st.session_state.setdefault(_SEEN, {})
    if not said or said == seen.get(name):
        return []
    seen[name] = said
    return said


def keep(name: str, said: Sequence[str]) -> None:
    """Have the link say this.

    The address says it too, once it was changed here: what a page begins with is not written, or else nobody could go
    back with the browser to the page before.
    """
    wanted, seen = list(said), st.session_state.setdefault(_SEEN, {})
    state = st.session_state.setdefault(_STATE, {})
    state[name] = wanted
    if name not in seen:
        seen[name] = wanted
    elif wanted != seen[name]:
        seen[name] = wanted
        view = (state.get("view") or [""])[0]
        st.session_state.setdefault(_KEPT, {}).setdefault(view, {})[name] = wanted
        _write(name, wanted)


def changed(name: str) -> None:
    """A choice was made outside of its widget: the address is to say what is kept next."""
    st.session_state.setdefault(_SEEN, {}).setdefault(name, [])


def _write(name: str, said: Sequence[str]) -> None:
    with contextlib.suppress(StreamlitAPIException):  # it belongs to a widget
        if said and many(name) != list(said):
            st.query_params[name] = list(said)
        elif not said and name in st.query_params:
            del st.query_params[name]


def choices(name: str, options: Sequence[str], first: Sequence[str]) -> None:
    """Give a multiselect, which is drawn next, its choice: the address's, the one it had, or at first `first`."""
    values.keep(name, list(first), addressed=True)
    said = _among(options, name)
    st.session_state[name] = [value for value in said or st.session_state[name] if value in options]


def _among(options: Sequence[str], name: str) -> list[str]:
    """Those of the options that the address says, however their letters are composed there."""
    found = [find(value, options) for value in asked(name)]
    return [value for value in found if value is not None]


def choice(name: str, options: Sequence[str], default: str | None = None) -> None:
    """The same for a choice of one: by `default`, or else the first."""
    values.among(name, options, default, addressed=True)
    said = _among(options, name)
    if said:
        st.session_state[name] = said[0]
