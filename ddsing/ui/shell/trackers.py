"""The pitch trackers as musicians choose them: by what each costs and gives. Elsewhere they have their short names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import TRACKER_WORDS, TRACKERS
from ddsing.jobs.time_left import around
from ddsing.ui.shell import opened, warmup
from ddsing.ui.shell.formatting import format_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ddsing.jobs.paces import Paces

LABELS = TRACKER_WORDS
POLL_S = 1.0
QUALITIES = """

- **Best** (*full*): CREPE full, 250 times per second, as in the paper
- **Quicker** (*fast*): CREPE full, 100 times per second, interpolated; accurate to a cent or two
- **Draft** (*tiny*): CREPE tiny; many times faster, a few cents off, and less precise about what is voiced
- **Instant** (*instant*): SwiftF0, 62.5 times per second, interpolated; the fastest by far, a few cents off; finds \
pitches from 47 to 2,093 Hz"""


def choose(
    key: str,
    purpose: str,
    more: str = "Each recording is analysed only once per tracker.",
    *,
    disabled: str = "",
) -> str:
    """The choice of a tracker, whose value is kept under `key` already; returns its short name.

    Parameters
    ----------
    purpose, more : str
        What the help says before the trackers' qualities, and after them.
    disabled : str
        Why there is nothing to choose, which the help then says instead.
    """
    chosen = st.segmented_control(
        "Pitch tracker",
        TRACKERS,
        format_func=label,
        key=key,
        required=True,
        disabled=bool(disabled),
        help=disabled or f"{purpose}{QUALITIES}\n\n{more}",
        persist_state="session",
    )
    return chosen or TRACKERS[0]


def label(name: str) -> str:
    """A tracker's label; a name that is none of ours stays as it is."""
    return LABELS.get(name, name)


def show_times(duration_s: float | Mapping[str, float], *, of: str, known: Iterable[str] = ()) -> None:
    """A line that says what each costs on this computer, as soon as that is measured.

    Parameters
    ----------
    duration_s : float or Mapping
        Seconds of sound to analyse, for all or by tracker.
    of : str
        What is analysed, such as ``this recording``.
    known : Iterable of str
        Trackers whose result is there already.
    """
    by_name = duration_s if not isinstance(duration_s, float | int) else dict.fromkeys(TRACKERS, float(duration_s))
    measuring = _measuring(known)
    with st.container(key="tracker-times"):  # two lines high, so that nothing below moves when the times change
        st.fragment(_times, run_every=POLL_S if measuring else None)(by_name, of, frozenset(known), measuring)


def _measuring(known: Iterable[str]) -> bool:
    """Whether a time is still to come."""
    return not warmup.status().over and not all(name in known or unit_s(name) for name in TRACKERS)


def _times(duration_s: Mapping[str, float], of: str, known: frozenset[str], asks_again: bool) -> None:
    if asks_again and not _measuring(known):
        st.rerun(scope="app")  # a fragment can't end by itself that it is asked for again
    if asks_again:
        st.caption("Measuring how fast each one is on this computer …")
        return
    said = []
    for name in TRACKERS:
        found_s = None if name in known else unit_s(name)
        if name in known:
            said.append(f"{label(name)} is done")
        elif found_s:
            said.append(f"{label(name)} {_time(found_s * duration_s[name])}")
    if said:
        st.caption(f"Time for {of}: {', '.join(said)}")


def _time(middle_s: float) -> str:
    return format_range(*around(middle_s))


def unit_s(name: str) -> float | None:
    """Seconds that a tracker takes here for a second of sound; None until that is measured."""
    from ddsing.sound.pitch import pace_key

    return known_paces().unit_s(pace_key(name)) or warmup.status().costs.get(name)


def known_paces() -> Paces:
    """The workspace's paces, which learn what the warm-up has measured of a tracker that has not been at work here."""
    from ddsing.jobs import paces
    from ddsing.sound.pitch import pace_key

    known = paces.of(opened.workspace())
    costs = {pace_key(name): cost for name, cost in warmup.status().costs.items()}
    if new := {key: cost for key, cost in costs.items() if known.unit_s(key) is None}:
        known.learn(new)
    return known
