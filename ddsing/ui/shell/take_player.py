"""The player of a take: its sounds and the take before it, switched in place; and what takes are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.ui.player import players
from ddsing.ui.shell import looks, opened, per_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ddsing.experiments.comparison.heard import Heard
    from ddsing.transfer.take import Take

NAMES = {"result": "Result", "original": "Original", "harmonic": "Harmonic", "noise": "Noise"}
MATCHED = "takes.matched"  # whether loudness is, for all takes of the tab
HEARD = 512


def called() -> dict[str, str]:
    """What the workspace's takes are called, by their ids, so that no two are alike."""
    return looks.once(("titles", opened.key()), _called)


def _called() -> dict[str, str]:
    from ddsing.transfer import titles

    listed, kept = opened.takes().list(), _titled()
    for before, found in kept:
        if len(before) == len(listed) and all(one is other for one, other in zip(before, listed)):
            return found
    kept[:] = [(listed, titles.of(listed))]
    return kept[0][1]


@per_workspace.resource(max_entries=1, show_spinner=False)
def _titled() -> list[tuple[Sequence[Take], dict[str, str]]]:
    """The takes that were called something last, and what; a take that has changed is another."""
    return []


def names(takes: Sequence[Take]) -> list[str]:
    """What some takes are called, which may be cells of the voice matrix as well."""
    from ddsing.transfer import titles

    known = called()
    if any(take.id not in known for take in takes):
        everything = {take.id: take for take in [*opened.takes().list(), *takes]}
        known = titles.of(list(everything.values()))
    return [known[take.id] for take in takes]


def label_of(take: Take, name: str) -> str:
    """What one of a take's sounds is called."""
    return take.made_from.capitalize() if name == "original" else NAMES[name]


def heard(take: Take, name: str = "result") -> Heard:
    """How loud one of a take's sounds is, and how it looks."""
    from ddsing import files

    return _heard(take.id, name, files.stamp(take.folder / f"{name}.wav"), take)


@per_workspace.data(max_entries=HEARD, show_spinner=False)
def _heard(take_id: str, name: str, stamp: tuple[int, ...], _take: Take) -> Heard:
    from ddsing.experiments.comparison import heard

    return heard.of(opened.workspace().cache, _take, name)


def show(
    take: Take,
    title: str,
    *,
    previous: Take | None = None,
    parts: bool = True,
    fresh: str = "",
    start: str = "",
    continues: str = "",
) -> None:
    """The player of a take.

    Parameters
    ----------
    title : str
        What it is called.
    previous : Take, optional
        The take before it, whose result is one more sound to switch to.
    parts : bool
        Whether there is more than the result.
    fresh, start, continues : str
        See `players.switcher`.
    """
    from ddsing.experiments.comparison import matching
    from ddsing.transfer import titles

    shown = NAMES if parts else ("result",)
    sounds = [(take, name, label_of(take, name), "") for name in shown if (take.folder / f"{name}.wav").exists()]
    if previous is not None:
        differs = titles.changes(previous, take)
        sounds.append((previous, "result", "Previous take", differs or "same settings"))
    known = [heard(of, name) for of, name, _, _ in sounds]
    loud = [one.loudness for one in known]
    tracks = [
        players.track(
            label,
            players.address(of.folder / f"{name}.wav", f"take.{take.id}.{number}"),
            key=str(number),
            detail=detail,
            matched_db=gain_db,
            wave=one.wave,
            rate_hz=of.rate_hz,
        )
        for number, ((of, name, label, detail), one, gain_db) in enumerate(
            zip(sounds, known, matching.matched_gains_db(loud)), start=1
        )
    ]
    key = f"player.{take.id}"
    players.switcher(
        tracks,
        name=title,
        key=key,
        common_db=round(matching.common_gain_db(loud), 3),
        matched=st.session_state.setdefault(MATCHED, True),
        layout="chips",
        fresh=fresh,
        start=start,
        interrupts=False,
        continues=continues,
        on_matched=lambda: st.session_state.update({MATCHED: bool(st.session_state[key].matched)}),
    )
