"""How many recordings are sung beside the controls: by a mixture of two instruments, and with octaves repaired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.errors import SettingsError
from ddsing.ui.shell import caches, state, values
from ddsing.ui.shell.formatting import plain
from ddsing.ui.transfer import widgets

if TYPE_CHECKING:
    from typing import Any

    from ddsing.instrument.library import Entry
    from ddsing.transfer.settings import Settings

NONE = "None"
SECOND, _SHARE, _REPAIR = "many.second", "many.share", "many.repair"
_NO_TIMBRE = (
    "A mixture takes the timbre of each recording as it is: timbre from elsewhere, its shifts and the pull don't count."
)


def show(instrument: Entry | None) -> None:
    """The fold with the controls."""
    with widgets.more(state.TRANSFER, "A second instrument, repairs", "many"):
        others = [name for name in _names() if instrument is None or name != instrument.name]
        left, right = st.columns(2)
        second = left.selectbox(
            "Second instrument",
            [NONE, *others],
            key=values.among(SECOND, [NONE, *others]),
            persist_state="session",
            help="All recordings are then sung by a mixture of both, as under Morph on the Experiments page.",
        )
        right.slider(
            "Share of the second instrument, %",
            0,
            100,
            step=5,
            key=values.keep(_SHARE, 50),
            persist_state="session",
            disabled=second == NONE,
            help="How much of the mixture it is." if second != NONE else "Choose a second instrument first.",
        )
        follows = instrument is not None and instrument.config is not None and instrument.config.z is not None
        if second != NONE and follows and state.settings() != state.settings().without_z():
            st.caption(f":material/info: {_NO_TIMBRE}")
        st.toggle(
            "Repair octave slips",
            key=values.keep(_REPAIR, False),
            persist_state="session",
            help="Short stretches that the tracker probably found an octave too high or too low are moved before they "
            "are sung, in each recording. A singer's own leaps of an octave can be among them.",
        )


def order(instrument: Entry, settings: Settings) -> dict[str, Any]:
    """What `ddsing.transfer.job.order` takes of instruments and settings; for callbacks."""
    from ddsing.transfer.morph import Morph

    how: dict[str, Any] = {"repair_octaves": bool(values.get(_REPAIR))}
    second = str(values.get(SECOND))
    if second == NONE:
        return {"instrument": instrument.path, "settings": settings, "name": instrument.name, **how}
    entry = next((one for one in caches.instruments() if one.name == second and not one.error), None)
    if entry is None:
        raise SettingsError(f"The instrument {plain(second)} no longer exists. Choose another one.")
    share = float(values.get(_SHARE)) / 100.0
    morph = Morph((instrument.name, second), ("", ""), ((0.0, (1.0 - share, share)),))
    return {
        "instrument": [instrument.path, entry.path],
        "settings": settings.without_z(),
        "name": f"{instrument.name} and {second}",
        "morph": morph,
        **how,
    }


def _names() -> list[str]:
    return [entry.name for entry in caches.instruments() if not entry.error]
