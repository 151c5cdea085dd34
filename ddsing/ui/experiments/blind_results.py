"""What a blind test has shown, in words, numbers and files; and the list of all tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.files import safe_name
from ddsing.ui.shell import errors, opened, undo
from ddsing.ui.shell.formatting import percent, plain, unseen, when

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from ddsing.experiments.comparison.blind import BlindTest

SHOWN = 20


def show(test: BlindTest) -> None:
    """A test's result, now that it is over."""
    from ddsing.experiments.comparison import results

    st.header(plain(test.title))
    n_left = len(test.trials) - len(test.answers)
    about = [f"{len(test.answers)} trials", plain(test.listener) or "anonymous", when(test.created)]
    if n_left:
        about.append(f"stopped {n_left} trials early, which makes the p-value look better than it is")
    st.caption(" · ".join(about))
    if not test.answers:
        st.info("No answers were given.", icon=":material/info:")
    elif test.kind == "abx":
        _abx(test, results)
    else:
        _rating(test, results)
    _files(test, results)


def _abx(test: BlindTest, results: ModuleType) -> None:
    found = results.score(test)
    low, high = found.interval
    with st.container(horizontal=True):
        st.metric("Right", f"{found.n_right} of {found.n}", border=True, width=170)
        st.metric("Share", percent(found.n_right / found.n), border=True, width=170)
        st.metric(
            "p", results.said_p(found.p), border=True, width=170, help="One-sided binomial test against guessing."
        )
        st.metric(
            "95 % interval",
            f"{100 * low:.0f}–{100 * high:.0f} %",
            border=True,
            width=190,
            help="Wilson interval of the share.",
        )
    heard = found.p < results.ALPHA
    (st.success if heard else st.info)(plain(results.verdict(found)), icon=":material/hearing:")
    pairs = results.scores_by_pair(test)
    names = [" or ".join(plain(test.names.get(take_id, take_id)) for take_id in pair.pair) for pair in pairs]
    st.table(
        {
            "Pair": names,
            "Right": [f"{pair.n_right} of {pair.n}" for pair in pairs],
            "p": [results.said_p(pair.p) for pair in pairs],
        },
        border="horizontal",
        hide_index=True,
    )


def _rating(test: BlindTest, results: ModuleType) -> None:
    rated = results.ratings(test)
    st.markdown(f"**{plain(test.question or 'How good does it sound?')}**")
    st.table(
        {
            "Item": [plain(one.name) for one in rated],
            "Mean": [f"{one.mean:.0f}" for one in rated],
            "SD": ["" if one.deviation is None else f"{one.deviation:.0f}" for one in rated],
            "Ratings": [", ".join(f"{value:g}" for value in one.scores) for one in rated],
        },
        border="horizontal",
        hide_index=True,
    )
    first = rated[0]
    if first.item != results.REFERENCE:
        st.caption(
            "The hidden original was not rated best: either the takes are that good, or you did not recognise it."
        )


def _files(test: BlindTest, results: ModuleType) -> None:
    name = safe_name(test.title)
    with st.container(horizontal=True):
        st.download_button(
            "CSV",
            data=lambda: results.to_csv(test),
            file_name=f"{name}.csv",
            mime="text/csv",
            key="blind.csv",
            icon=":material/table:",
            on_click="ignore",
        )
        st.download_button(
            "JSON",
            data=lambda: results.to_json(test),
            file_name=f"{name}.json",
            key="blind.json",
            mime="application/json",
            icon=":material/data_object:",
            on_click="ignore",
        )


def table(tests: Sequence[BlindTest], *, on_open: Callable) -> None:
    """All tests, newest first, each to be opened or gone on with."""
    found = {test.id: test for test in tests[:SHOWN]}
    undo.forget("blind", found)
    places = sorted({*found, *undo.places("blind")}, reverse=True)  # ids sort by time
    if not places:
        return
    st.header("Tests")
    for test_id in places:
        if test_id in found:
            with st.container(border=True, key=f"blind.row.{test_id}"):
                _row(found[test_id], on_open)
        else:
            undo.offer("blind", lambda token: _store().undo(token), what="The test", place=test_id)


def _row(test: BlindTest, on_open: Callable) -> None:
    from ddsing.experiments.comparison import results
    from ddsing.experiments.comparison.blind import KINDS

    about, actions = st.columns([4, 1], vertical_alignment="center")
    n_done = f"{len(test.answers)} of {len(test.trials)} trials"
    said = [KINDS[test.kind], n_done, plain(test.listener) or "anonymous", when(test.created)]
    if test.kind == "abx" and test.answers and test.finished:
        found = results.score(test)
        said.append(f"{found.n_right} right, p = {results.said_p(found.p)}")
    about.markdown(f"**{plain(test.title)}**  \n:gray[{' · '.join(said)}]")
    with actions, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        st.button(
            "Results" if test.finished else "Continue", key=f"blind.open.{test.id}", on_click=on_open, args=(test.id,)
        )
        st.button(
            unseen(f"Delete {plain(test.title)}"),
            key=f"blind.delete.{test.id}",
            icon=":material/delete:",
            on_click=_delete,
            args=(test.id,),
            help="Delete. Can be undone.",
        )


def _store():
    from ddsing.experiments.comparison.blind import BlindTests

    return BlindTests(opened.workspace())


@errors.callback
def _delete(test_id: str) -> None:
    title = _store().get(test_id).title
    undo.remember("blind", title, _store().delete(test_id), place=test_id)
