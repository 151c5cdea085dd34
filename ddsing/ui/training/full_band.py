"""The choice whether a voice's instrument gets a top, made when it has been trained; off where nothing can make one."""

from __future__ import annotations

import streamlit as st

from ddsing.dataset.voices import Voice
from ddsing.names import same
from ddsing.ui.shell import caches, looks, opened, values
from ddsing.ui.shell.formatting import plain
from ddsing.ui.training import cache

KEY = "train.full_band"
LABEL = "Full band, up to 24 kHz"
_HELP = (
    "The instrument gets a top: it sings up to 24 kHz, at 48 kHz, instead of 8 kHz. It is made from the voice's "
    "recordings at 44.1 or 48 kHz, in seconds to minutes, after training and whenever an instrument is made from "
    "this run. Below 8 kHz it sounds the same."
)


def keep(voice: Voice, *, about: str) -> None:
    """Put the choice in place: as the run was begun, else on where the voice's instrument has a top."""
    values.keep(KEY, _first(voice), about=about)


def show(voice: Voice, key: str = KEY) -> None:
    """The switch; off with its reason where the voice's recordings teach no top."""
    reason = why_not(voice)
    if reason:
        st.toggle(LABEL, value=False, key=f"{key}.off", disabled=True, help=plain(reason))
    else:
        st.toggle(LABEL, key=key, persist_state="session", help=_HELP)


def why_not(voice: Voice) -> str:
    """Why the voice's recordings teach no top, as far as they were read; else empty."""
    from ddsing.training import top

    return looks.once(("no top", opened.key(), voice.name), lambda: top.why_not(cache.source(voice)))


def wanted(voice: Voice) -> bool | None:
    """What the form asks for; None, as the run was begun, where it says nothing new."""
    if why_not(voice):
        return None
    chosen = bool(values.get(KEY))
    return chosen if chosen or _first(voice) else None


def _first(voice: Voice) -> bool:
    asked = cache.history(voice).recipe.get("full_band")
    if isinstance(asked, bool):
        return asked
    return any(same(entry.name, voice.name) and entry.top is not None for entry in caches.own_instruments())
