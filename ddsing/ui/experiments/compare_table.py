"""What differs between takes, and how each measures; what is the same in all is said in one line."""

from __future__ import annotations

import streamlit as st

from ddsing.jobs import paces
from ddsing.jobs.time_left import around
from ddsing.transfer.take import Take
from ddsing.ui.experiments import compare_cache
from ddsing.ui.shell import errors, opened, take_player, work
from ddsing.ui.shell.formatting import format_range, plain

LOWER_IS_BETTER = {
    "f0_cents": True,
    "f0_within_50": False,
    "raw_pitch_accuracy": False,
    "raw_chroma_accuracy": False,
    "voicing_recall": False,
    "voicing_false_alarm": True,
    "loudness_db": True,
    "spectral": True,
}


def show(takes: list[Take]) -> None:
    """The table, and the offer to measure what is not measured yet."""
    from ddsing.experiments.comparison import differences

    rows = differences.table(takes, labels=True)
    measured = compare_cache.metrics(takes)
    several = len(takes) > 1
    lines = {row.label: [plain(value) for value in row.values] for row in rows if row.differs or not several}
    settings = list(lines)
    if any(measured):
        fields = differences.metric_fields(measured)
        lines |= {differences.METRICS[field][0]: _metric(field, measured) for field in fields}
    heads = [f"{number} · {plain(title)}" for number, title in enumerate(take_player.names(takes), start=1)]
    if lines:
        columns = zip(_unique(heads), zip(*lines.values()))
        st.table(
            {"": list(lines)} | {head: list(column) for head, column in columns}, border="horizontal", hide_index=True
        )
    same = [f"{row.label.lower()} {plain(row.values[0])}" for row in rows if not row.differs]
    if several:
        st.caption(("" if settings else "These takes have the same settings. ") + f"Identical: {', '.join(same)}.")
    if any(measured):
        bold = "The best value is bold." if sum(one is not None for one in measured) > 1 else ""
        meanings = [f"**{label}**: {help}" for label, help in map(differences.METRICS.__getitem__, fields)]
        st.caption(" ".join(filter(None, ["Measured:", *meanings, bold])))
    _offer(takes, measured)


def _unique(heads: list[str]) -> list[str]:
    return [head + "\u200b" * heads[:place].count(head) for place, head in enumerate(heads)]


def _metric(field: str, measured: list) -> list[str]:
    """A row of the table; the best of several is bold."""
    from ddsing.experiments.comparison import differences

    values = [getattr(one, field) if one else None for one in measured]
    known = [value for value in values if value is not None]
    best = None
    if field in LOWER_IS_BETTER and len(known) > 1 and max(known) > min(known):
        best = min(known) if LOWER_IS_BETTER[field] else max(known)
    said = [differences.metric(field, one) if one else "not measured" for one in measured]
    return [f"**{text}**" if value is not None and value == best else text for text, value in zip(said, values)]


def _offer(takes: list[Take], measured: list) -> None:
    n_missing = sum(one is None for one in measured)
    n_old = sum(one is not None and not one.complete for one in measured)
    if not n_missing + n_old or work.busy():
        return
    complete = not n_missing
    sound_s = sum(take.duration_s for take in compare_cache.to_measure(takes, complete=complete))
    seconds = compare_cache.part(paces.of(opened.workspace()), sound_s).expected_s
    them = "all takes" if n_missing == len(takes) > 1 else "it" if len(takes) == 1 else f"{n_missing} more"
    what = "Add pitch accuracy and voicing" if complete else f"Measure {them}"
    help = (
        "These takes were measured by an older version. Their existing values are kept."
        if complete
        else "Re-analyses each result and compares it with the target. Runs only once."
    )
    st.button(
        f"{what}: about {format_range(*around(seconds))}",
        key="compare.measure",
        icon=":material/straighten:",
        on_click=_measure,
        args=(takes, complete),
        help=help,
    )


@errors.callback
def _measure(takes: list[Take], complete: bool) -> None:
    missing = compare_cache.to_measure(takes, complete=complete)
    sound_s = sum(take.duration_s for take in missing)
    options = {"takes": [take.id for take in missing], "complete": complete}
    work.order("measure", "Measuring", options, parts=lambda known: [compare_cache.part(known, sound_s)])
