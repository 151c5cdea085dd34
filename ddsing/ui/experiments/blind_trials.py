"""Blind tests: set up, answered trial by trial, and what they have shown."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.transfer.take import Take
from ddsing.ui.experiments import blind_results, chosen_takes, takes_table
from ddsing.ui.player import players
from ddsing.ui.shell import errors, links, opened, per_workspace, values
from ddsing.ui.shell.formatting import format_duration, plain

if TYPE_CHECKING:
    from ddsing.experiments.comparison.blind import BlindTest

TEST = "test"
_OPEN, _EXCERPT = "blind.test", "blind.excerpt"
HELP = {
    "abx": "Can you hear a difference? X is either A or B: decide which. Guessing is right half of the time.",
    "rating": "How good is each take? Rate all takes of a recording, with the recording itself hidden among them.",
}


def show() -> None:
    """The view: the test that the address names, else the set-up and earlier results."""
    wanted = _wanted()
    test = None
    with errors.guard():
        test = store().get(wanted) if wanted else None
    if test is not None and not test.finished:
        links.keep(chosen_takes.PARAMETER, [])
        _run(test)
        return
    if test is not None:
        with errors.guard():
            blind_results.show(test)
        st.button("Another test", key="blind.another", icon=":material/replay:", on_click=_open, args=("",))
    else:
        with errors.guard():
            _set_up()
    with errors.guard():
        blind_results.table(store().list(), on_open=_open)


def store():
    """The workspace's tests."""
    from ddsing.experiments.comparison.blind import BlindTests

    return BlindTests(opened.workspace())


def _wanted() -> str:
    said = links.asked(TEST)
    if said is not None:
        st.session_state[_OPEN] = said[0] if said else ""
    wanted = st.session_state.setdefault(_OPEN, "")
    links.keep(TEST, [wanted] if wanted else [])
    return wanted


@errors.callback
def _open(test_id: str) -> None:
    st.session_state[_OPEN] = test_id


def _set_up() -> None:
    takes = chosen_takes.chosen()
    st.write("Listen blind: takes play unnamed, loudness-matched and in random order.")
    if not opened.takes().list():
        st.info("No takes yet. Make some on the Timbre transfer page first.", icon=":material/graphic_eq:")
        st.page_link("pages/timbre_transfer.py", label="Go to Timbre transfer", icon=":material/graphic_eq:")
        return
    opens = values.keep("blind.takes", len(takes) < 2)
    panel = st.expander("Takes to test", icon=":material/checklist:", key=opens, on_change="rerun")
    if panel.open:
        with panel, errors.guard():
            takes_table.show(takes)
    from ddsing.experiments.comparison import blind, differences
    from ddsing.experiments.comparison.blind import KINDS

    st.markdown(" ".join(f":gray-badge[{plain(name)}]" for name in differences.names(takes)) or "No takes selected.")

    with st.container(border=True):
        kind = st.segmented_control(
            "Kind of test",
            list(KINDS),
            key=values.among("blind.kind", list(KINDS), "abx"),
            required=True,
            format_func=KINDS.__getitem__,
        )
        st.caption(HELP[kind or "abx"])
        left, middle, right = st.columns(3)
        if kind == "rating":
            left.number_input(
                "Repeats",
                1,
                10,
                key=values.keep("blind.repeats", 1),
                persist_state="session",
                help="How often each recording is played.",
            )
            middle.text_input("Question", key=values.keep("blind.question", "How good does it sound?"), max_chars=300)
        else:
            left.number_input(
                "Trials",
                4,
                200,
                key=values.keep("blind.trials", 16),
                help="Of 16, 12 right answers are significant; of 8, 7 are.",
            )
            middle.text_input(
                "Title", key=values.keep("blind.title", ""), max_chars=120, placeholder="Aria or the cello?"
            )
        right.text_input(
            "Listener",
            key=values.keep("blind.listener", ""),
            max_chars=120,
            placeholder="anonymous",
            help="Saved with the answers. Optional.",
        )
        _excerpt(takes)
        reason = blind.unsuitable(kind or "abx", takes)
        st.button(
            "Start",
            type="primary",
            key="blind.begin",
            icon=":material/hearing:",
            width="stretch",
            help=reason,
            on_click=_begin,
            args=(kind, [take.id for take in takes]),
            disabled=reason is not None,
        )
        if reason:
            st.caption(reason)


def _excerpt(takes: list[Take]) -> None:
    from ddsing.experiments.comparison.blind import excerpt_of

    longest = max((take.duration_s for take in takes), default=0.0)
    if longest > 2.0:
        end = round(longest, 1)
        values.keep(_EXCERPT, excerpt_of(takes), about=f"{end:g} s")
        st.slider(
            "Excerpt, s",
            0.0,
            end,
            step=0.1,
            key=_EXCERPT,
            help="Differences are easiest to hear in a few seconds, looped.",
        )


@errors.callback
def _begin(kind: str, ids: list[str]) -> None:
    from ddsing.experiments.comparison import selection

    state = st.session_state
    takes = selection.found(opened.workspace(), ids)
    start, stop = state.get(_EXCERPT) or (0.0, 600.0)
    question = state.get("blind.question") or "" if kind == "rating" else ""
    test = store().begin(
        kind,
        takes,
        n_trials=int(state.get("blind.trials") or 16),
        repeats=int(state.get("blind.repeats") or 1),
        title=state.get("blind.title") or "",
        listener=state.get("blind.listener") or "",
        question=question,
        excerpt_s=(start, max(stop, start + 0.5)),
    )
    _open(test.id)


def _run(test: BlindTest) -> None:
    from ddsing.experiments.comparison import blind

    trial = len(test.answers)
    title, stop = st.columns([5, 2], vertical_alignment="center")
    title.header(f"Trial {trial + 1} of {len(test.trials)}")
    with stop, st.container(horizontal=True, horizontal_alignment="right"):
        st.button(
            "Stop here",
            key="blind.stop",
            icon=":material/stop_circle:",
            on_click=_stop,
            args=(test.id,),
            help="Your answers count. The result notes that the test was stopped early.",
        )
    st.progress(trial / len(test.trials))
    asked = "Is X A or B?" if test.kind == "abx" else test.question or "How good does it sound?"
    st.markdown(f"**{plain(asked)}**")
    rate_hz = blind.rate_hz(opened.workspace(), test, trial)
    sounds = [_stimulus(test.id, trial, slot, test) for slot in test.slots(trial)]
    slots = [
        {"slot": slot, "url": players.address(sound, f"blind.{number}"), "rate": rate_hz}
        for number, (slot, sound) in enumerate(zip(test.slots(trial), sounds))
    ]
    key = f"blind.trial.{test.id}"
    players.trial(test.kind, trial, slots, key=key, on_answer=functools.partial(_answer, key, test.id))
    start, end = test.excerpt_s
    st.caption(
        f"Up to {format_duration(end - start)}, loudness-matched. An answer can't be undone. You can leave "
        "and come back with the link."
    )
    with st.container(width=170):
        links.copy_button(key="blind.link")


@per_workspace.data(max_entries=24, show_spinner="Preparing the sounds")
def _stimulus(test_id: str, trial: int, slot: str, _test: BlindTest) -> bytes:
    from ddsing.experiments.comparison import blind

    return blind.stimulus(opened.workspace(), _test, trial, slot)


@errors.callback
def _answer(key: str, test_id: str) -> None:
    given = st.session_state[key].answer
    if given is not None:
        store().answer(test_id, int(given["trial"]), given["answer"], seconds=given["seconds"], plays=given["plays"])


@errors.callback
def _stop(test_id: str) -> None:
    store().stop(test_id)
