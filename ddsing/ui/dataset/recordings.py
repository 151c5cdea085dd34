"""The recordings of a voice as a table: listen to one, remove some, and undo that."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from ddsing import files
from ddsing.constants import MAX_TRANSFER_S
from ddsing.dataset import hearing, verdict, voices
from ddsing.ui.dataset import add, cache
from ddsing.ui.shell import caches, errors, tables, undo
from ddsing.ui.shell.formatting import format_bytes, format_duration, format_number, plain, signed

if TYPE_CHECKING:
    from pathlib import Path

    from ddsing.dataset.scan import RecordingFacts

MOST_UNUSABLE = 6
CLIPPED_HELP = (
    f"Share of the 4 ms frames that stay at full scale for {1000 * hearing.CLIPPED_S:.2f} ms or "
    f"longer. A recording counts as clipped at more than {100 * verdict.CLIPPED_SHARE:g} %."
)
SILENT_HELP = (
    f"Share below {signed(hearing.SILENT_DB, 'dB')}, or more than {-hearing.SILENT_BELOW_LOUD_DB:g} dB below the "
    "loudest 5 %."
)


def show(voice: voices.Voice) -> None:
    """The table with its actions, and the importer."""
    found = voice.recordings()
    st.header("Recordings")
    add.show(voice, expanded=not found)
    if not found and not voice.unreadable():
        _offer_back(voice)
        return
    facts = _facts(voice)
    picked = _table(voice, facts)
    _summary(facts)
    _offer_back(voice)  # where Remove was
    _actions(voice, [facts[row] for row in picked if row < len(facts)])
    _unusable(facts)


def _offer_back(voice: voices.Voice) -> None:
    undo.offer(
        _kind(voice),
        lambda tokens: [voices.restore(voice, token) for token in tokens],
        gone=f"removed from {plain(voice.name)}",
    )


def _facts(voice: voices.Voice) -> list:
    slot = st.empty()

    def tell(done: float) -> None:
        slot.progress(min(1.0, done), text="Reading the recordings")

    try:
        return cache.facts(voice, tell)
    finally:
        slot.empty()


def _table(voice: voices.Voice, facts: list) -> list[int]:
    columns = {
        "Recording": [fact.name for fact in facts],
        "Length": [format_duration(fact.duration_s) if not fact.error else "" for fact in facts],
        "Format": [_format(fact) for fact in facts],
        "Level": [None if fact.error else fact.rms_dbfs for fact in facts],
        "Peak": [None if fact.error else fact.peak_dbfs for fact in facts],
        "Clipped": [None if fact.error else fact.clipped_share * 100 for fact in facts],
        "Silent": [None if fact.error else fact.silent_share * 100 for fact in facts],
        "Voiced": [None if fact.voiced_share is None else fact.voiced_share * 100 for fact in facts],
        "Remarks": [_remarks(fact) for fact in facts],
    }
    event = st.dataframe(
        tables.written(columns, {"Level": format_number, "Peak": partial(format_number, digits=1)}),
        hide_index=True,
        key=f"dataset.table.{voice.name}",
        on_select="rerun",
        selection_mode="multi-row",
        height=min(420, 38 + 35 * max(1, len(facts))),
        alt=f"{len(facts)} recordings of {voice.name} with length, format, levels, silence and voicing",
        column_config={
            "Recording": st.column_config.TextColumn(width="medium"),
            "Level": st.column_config.NumberColumn("Level, dB", help="Mean level relative to full scale."),
            "Peak": st.column_config.NumberColumn("Peak, dB", help="Loudest sample; full scale is 0 dB."),
            "Clipped": st.column_config.NumberColumn("Clipped, %", format="%.2f", help=CLIPPED_HELP),
            "Silent": st.column_config.ProgressColumn(
                format="%.0f %%",
                min_value=0,
                max_value=100,
                color="gray",
                width=90,
                help=SILENT_HELP,
            ),
            "Voiced": st.column_config.ProgressColumn(
                format="%.0f %%",
                min_value=0,
                max_value=100,
                width=90,
                help="Share with a clear pitch. Known after the report or preparing.",
            ),
            "Remarks": st.column_config.TextColumn(width="large"),
        },
    )
    return list(event.selection.rows)


def _format(fact: RecordingFacts) -> str:
    if fact.error:
        return ""
    channels = {1: "mono", 2: "stereo"}.get(fact.n_channels, f"{fact.n_channels} channels")
    return f"{fact.format}, {fact.sample_rate_hz / 1000:g} kHz, {channels}"


def _remarks(fact: RecordingFacts) -> str:
    return fact.error or " ".join(fact.remarks)


def _summary(facts: list) -> None:
    good = [fact for fact in facts if not fact.error]
    clipped = sum(verdict.clips(fact) for fact in good)
    parts = [
        f"{len(facts)} recording{'' if len(facts) == 1 else 's'}",
        format_duration(sum(fact.duration_s for fact in good)),
        format_bytes(sum(fact.n_bytes for fact in facts)),
    ]
    parts += [f"{clipped} clipped"] if clipped else []
    parts += [f"{len(facts) - len(good)} can't be used"] if len(good) < len(facts) else []
    st.caption(" · ".join(parts) + " · select rows to listen or remove")


def _unusable(facts: list) -> None:
    """Why recordings can't be used, where one has to read it."""
    found = [fact for fact in facts if fact.error]
    if found:
        said = "\n".join(f"- {plain(fact.name)}: {plain(fact.error)}" for fact in found[:MOST_UNUSABLE])
        more = f"\n- and {len(found) - MOST_UNUSABLE} more" if len(found) > MOST_UNUSABLE else ""
        st.warning(said + more, title="Left out", icon=":material/block:")


def _actions(voice: voices.Voice, picked: list) -> None:
    if not picked:
        return
    readable = [fact for fact in picked if not fact.error]
    player, button = st.columns([4, 1], vertical_alignment="center")
    if readable:
        with player, errors.guard():
            _play(voice.path_of(readable[0].name), readable[0])
    said = plain(picked[0].name) if len(picked) == 1 else f"{len(picked)} recordings"
    button.button(
        "Remove",
        key="dataset.remove",
        icon=":material/delete:",
        width="stretch",
        on_click=_remove,
        args=(voice, {fact.name: _stamp(voice, fact) for fact in picked}),
        help=f"Remove {said} from the voice. Can be undone.",
    )


def _play(path: Path, fact: RecordingFacts) -> None:
    """The file itself where browsers can play it, else its sound as it is used."""
    from ddsing.sound import audio

    alt, mime = f"the recording {fact.name}", audio.mime(path)
    if mime is not None and not fact.remarks:
        st.audio(str(path), format=mime, alt=alt)
    elif fact.duration_s <= MAX_TRANSFER_S:
        st.audio(caches.recording(path).wav, format="audio/wav", alt=alt)
    else:
        st.caption("Browsers can't play this kind of file, and it is too long to convert for listening.")


@errors.callback
def _remove(voice: voices.Voice, seen: dict[str, tuple[int, ...] | None]) -> None:
    said = next(iter(seen)) if len(seen) == 1 else f"{len(seen)} recordings"
    tokens: list[str] = []
    try:
        for name, stamp in seen.items():
            tokens.append(voices.remove(voice, name, seen=stamp))
    finally:
        if tokens:
            undo.remember(_kind(voice), said, tokens)


def _stamp(voice: voices.Voice, fact: RecordingFacts) -> tuple[int, ...] | None:
    with contextlib.suppress(OSError):
        return files.stamp(voice.path_of(fact.name))
    return None


def _kind(voice: voices.Voice) -> str:
    return f"dataset.{voice.name}"
