"""What was recorded on the keys: ordered to be rendered, and the newest take of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.shell import allowed, caches, errors, opened, router, take_player, work
from ddsing.ui.shell.formatting import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ddsing.instrument.library import Entry
    from ddsing.jobs.paces import Paces
    from ddsing.jobs.time_left import Part
    from ddsing.ui.play.manner import Manner


@errors.callback
def order(entry: Entry, manner: Manner, sent: Mapping | None) -> None:
    """Have what the browser sent rendered, with the instrument that it was played on."""
    from ddsing.play.played import Played
    from ddsing.transfer import band, expected
    from ddsing.transfer.settings import Settings
    from ddsing.work import kinds
    from ddsing.work.kinds import AtHand

    if not sent or sent.get("name") != entry.name:  # another was chosen meanwhile
        return
    style = {"style": manner.style.to_json(), "style_name": manner.style_name}
    played = Played.from_json({**sent, **style, "breath_db": manner.breath_db, "timbre": manner.timbre_shift})
    loaded = caches.instrument(entry)
    played.curves(loaded.config.generation)  # says at once if there is nothing in it
    rate_hz = band.planned_rate_hz(Settings(), [loaded])
    allowed.require_transfer(played.duration_s, rate_hz)

    def parts(known: Paces) -> list[Part]:
        return [expected.singing(known, [loaded.config], played.duration_s, rate_hz=rate_hz)]

    work.order(
        "played",
        f"Rendering what was played on {plain(entry.name)}",
        kinds.played_options(loaded, opened.owner(entry.path), played),
        at_hand=lambda: AtHand(caches.models(), {loaded.digest: loaded}),
        parts=parts,
    )


def show() -> None:
    """The newest take of something played, with its player."""
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
