"""Hearing a voice form: the same phrase as the voice sang it at moments of its training, in a row along the curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.training import cache

if TYPE_CHECKING:
    from ddsing.training.history import History, Save

MOST = 6  # players in the row
CARD_PX = 128


def worth(history: History) -> frozenset[int]:
    """The steps that are always to be heard: the chosen one, and that with the lowest loss."""
    chosen = history.verdict.step if history.verdict else None
    return frozenset(step for step in (chosen, history.best_step) if step is not None)


def moments(saves: tuple, always: frozenset[int], *, most: int = MOST) -> list:
    """The saves to hear: a voice forms fast at first, so each lies about twice as far as the one before.

    The first, the newest and the steps `always` are among them, and a moment that was shown stays while newer ones
    come, until there are too many.
    """
    heard = [save for save in saves if save.preview is not None]
    if len(heard) <= most:
        return heard
    kept = {heard[0].step, heard[-1].step}
    kept |= {save.step for save in heard} & always
    places = [2**k - 1 for k in range(len(heard).bit_length()) if 2**k - 1 < len(heard)]
    for place in reversed(places):  # when there are too many, the very first ones sound alike
        if len(kept) < most:
            kept.add(heard[place].step)
    return [save for save in heard if save.step in kept]


def show(history: History) -> None:
    """The row, oldest first, and one player with all of it in a row."""
    found = moments(history.saves, worth(history))
    st.markdown("## Hear it learn")
    if not found:
        st.caption("At each checkpoint the voice sings a built-in phrase. The first comes with the first checkpoint.")
        return
    if len(found) > 1:
        st.caption(f"From the first checkpoint to the latest: {len(found)} moments in a row.")
        st.audio(
            cache.forming(tuple(save.preview for save in found)),
            format="audio/wav",
            alt=f"the phrase at {len(found)} moments of training, in a row",
        )
    with st.grid(len(found), min_column_width=CARD_PX, gap="small"):
        for save in found:
            _card(
                save, newest=save is found[-1], chosen=history.verdict is not None and save.step == history.verdict.step
            )


def _card(save: Save, *, newest: bool, chosen: bool) -> None:
    with st.container(gap="xsmall", key=f"preview.{save.step}"):
        mark = " :orange[:material/star:]" if chosen else " :green[:material/fiber_new:]" if newest else ""
        st.markdown(f"**Step {save.step:,}**{mark}")
        st.audio(str(save.preview), format="audio/flac", alt=f"the phrase after {save.step:,} steps")
        st.caption(_measured(save))


def _measured(save: Save) -> str:
    parts = [f"loss {save.loss:.2f}"] if save.loss is not None else []
    parts += [f"pitch error {save.f0_cents:.0f} cents"] if save.f0_cents is not None else []
    parts += [f"timbre error {save.timbre_db:.1f} dB"] if save.timbre_db is not None else []
    return "  \n".join(parts)
