"""What the address remembers of a page's state, so that a link reproduces it; and the button that copies the link."""

from collections.abc import Sequence

import streamlit as st

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
export default function ({ parentElement }) {
  const button = parentElement.querySelector(".copy")
  const said = button.querySelector("span")
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(window.location.href)
      said.textContent = "Link copied"
    } catch {
      said.textContent = "Copy it from the address bar"
    }
    setTimeout(() => { said.textContent = "Copy link" }, 2500)
  }
}
"""
_copy = st.components.v2.component("ddsing_copy_link", html=HTML, css=CSS, js=JS)


def copy_button(*, key: str = "link.copy") -> None:
    """A button that copies the page's address, which reproduces what is shown."""
    _copy(key=key)


def many(name: str) -> list[str]:
    """The values that the address has of a name."""
    return st.query_params.get_all(name)


def one(name: str, default: str = "") -> str:
    """The value that the address has of a name."""
    return st.query_params.get(name, default)


def put(name: str, value: str | Sequence[str] | None) -> None:
    """Have the address remember a value, several, or none; it is written only where it changes."""
    if value is None or value == "" or (not isinstance(value, str) and not len(value)):
        if name in st.query_params:
            del st.query_params[name]
        return
    wanted = [value] if isinstance(value, str) else list(value)
    if many(name) != wanted:
        st.query_params[name] = wanted


def begin_with(key: str, value) -> None:
    """What a widget that the address is bound to begins with. It is no default: those the address leaves out."""
    if key not in st.query_params:
        st.session_state.setdefault(key, value)
