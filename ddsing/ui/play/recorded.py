"""What was recorded on the keys: ordered to be rendered, and the newest take of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import streamlit as st

from ddsing.constants import GENERATIONS
from ddsing.errors import ScoreError
from ddsing.ui.shell import allowed, caches, errors, opened, router, take_player, values, work
from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ddsing.instrument.library import Entry
    from ddsing.jobs.paces import Paces
    from ddsing.jobs.time_left import Part


ELSEWHERE = "This was recorded in another workspace, and can be rendered only there."
_SHORT_S = 1.0
MOST = 50  # ids of recordings that are remembered
_ORDERED, _ANSWERED = "play.ordered", "play.answered"


def known() -> dict[str, Any]:
    """What the browser, which keeps a recording until it is rendered, needs to know."""
    state = st.session_state  # what is ordered is known after a reload, too, if the browser has not heard of it before
    return {"owner": _owner(), "ordered": state[values.keep(_ORDERED, ())], "answered": state.get(_ANSWERED, "")}


def _owner() -> str:
    """Tells this workspace from all others, and says nothing of it."""
    return hashlib.sha256(f"played in {opened.workspace().root}".encode()).hexdigest()[:32]


@errors.callback
def order(sent: Mapping | None) -> None:
    """Have what the browser sent rendered, with the instrument that it was played on."""
    if not sent:
        return
    state, called = st.session_state, str(sent.get("id"))[:40]
    state[_ANSWERED] = called
    values.keep(_ORDERED, ())
    if called in values.get(_ORDERED):  # pressed twice
        return
    if sent.get("owner") != _owner():
        raise ScoreError(ELSEWHERE)
    entry = _instrument_of(str(sent.get("name")))
    _require_same_scale(entry, sent.get("generation"))
    _order(entry, sent)
    values.put(_ORDERED, (*values.get(_ORDERED), called)[-MOST:])


def _instrument_of(name: str) -> Entry:
    found = next((one for one in caches.instruments() if one.name == name and not one.error), None)
    if found is None:
        raise ScoreError(
            f"The instrument {name[:80]!r}, with which this was recorded, is missing. Restore or import it, and press "
            "Render again."
        )
    return found


def _require_same_scale(entry: Entry, generation: object) -> None:
    """Raise `ScoreError` where the instrument of that name is now another one, whose loudness means something else."""
    own = caches.instrument(entry).config.generation
    if isinstance(generation, int) and generation in GENERATIONS and generation != own:
        raise ScoreError(
            f"{entry.name[:80]!r} is not the instrument with which this was recorded: that was one of "
            f"{GENERATIONS[generation]}, this is one of {GENERATIONS[own]}, whose loudness has another scale. Restore "
            "the one before under this name, or discard the recording."
        )


def _order(entry: Entry, sent: Mapping) -> None:
    from ddsing.play.played import Played
    from ddsing.transfer import band, expected
    from ddsing.transfer.settings import Settings
    from ddsing.work import order_options
    from ddsing.work.kinds import AtHand

    played = Played.from_json(sent)
    loaded = caches.instrument(entry)
    played.curves(loaded.config.generation)  # says at once if there is nothing in it
    rate_hz = band.planned_rate_hz(Settings(), [loaded])
    allowed.require_transfer(played.duration_s, rate_hz)

    def parts(known: Paces) -> list[Part]:
        return [expected.singing(known, [loaded.config], played.duration_s, rate_hz=rate_hz)]

    work.order(
        "played",
        f"Rendering what was played on {plain(entry.name)}",
        order_options.played(loaded, opened.owner(entry.path), played),
        at_hand=lambda: AtHand(caches.models(), {loaded.digest: loaded}),
        parts=parts,
    )


def show() -> None:
    """The newest take of something played, with its player, and why nothing could be rendered now."""
    refused = allowed.transfer_refusal(_SHORT_S)
    if refused:
        st.info(plain(f"What you record is kept, but can't be rendered now. {refused}"), icon=":material/block:")
    found = next((take for take in opened.takes().list() if take.score and take.score.get("played")), None)
    if found is None:
        st.caption("Press **Record**, play, and press it again: the take is rendered in full quality and kept.")
        return
    st.header("Recorded last")
    title = take_player.called()[found.id]
    with st.container(border=True, key=f"played.{found.id}"):
        st.markdown(f"### {plain(title)}")
        take_player.show(found, title)
        for warning in found.warnings:
            st.warning(plain(warning), icon=":material/warning:")
        router.link("pages/timbre_transfer.py", label="All takes", icon=":material/graphic_eq:")
