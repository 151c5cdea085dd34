"""What the workspace keeps besides its owner's files, and the buttons that clear it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ddsing.errors import DdsingError
from ddsing.ui.shell import errors, jobs, opened, values, visitor
from ddsing.ui.shell.formatting import format_bytes, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from ddsing.workspace import Workspace

_RUN = "storage.run"
_CACHE = "Pitch analyses and converted 2021 instruments. They are recomputed when needed, which takes a while."
_TRASH = "Deleted recordings, instruments and takes. Once the trash is emptied, they can't be restored."


def show() -> None:
    """The popover; nothing is measured until it is opened."""
    panel = st.popover(
        "Storage",
        icon=":material/hard_drive:",
        key="storage",
        on_change="rerun",
        type="tertiary",
        help="Disk space used by the cache and the trash.",
    )
    if panel.open:
        with panel, errors.guard():
            _sizes()


def _sizes() -> None:
    from ddsing import storage

    _quota()
    found = storage.measure(opened.workspace())
    _row("Cache", found.cache_bytes, _CACHE, "Clear the cache", "storage.clear", storage.clear_cache)
    _row("Trash", found.trash_bytes, _TRASH, "Empty the trash", "storage.empty", storage.empty_trash)
    if visitor.current().hosted and not visitor.current().is_guest:
        _runs(storage.runs_and_datasets(opened.workspace()))


def _runs(found: dict[str, int]) -> None:
    """Deleting runs and datasets, where people can't reach the folders themselves."""
    if not found:
        return
    st.markdown(f"**Runs and datasets** {format_bytes(sum(found.values()))}")
    name = st.selectbox(
        "Run or dataset",
        list(found),
        key=values.among(_RUN, list(found)),
        format_func=lambda one: f"{one}, {format_bytes(found[one])}" if one in found else one,
        label_visibility="collapsed",
        help="Checkpoints of a voice, or its prepared dataset. Recordings and instruments stay.",
    )
    st.button("Move to the trash", key="storage.remove", on_click=_remove, args=(name,), width="stretch")


@errors.callback
def _remove(name: str) -> None:
    from ddsing import storage

    if jobs.any_live():
        raise DdsingError("Jobs are running or waiting. Stop them first, or wait for them.")
    storage.remove_run_or_dataset(opened.workspace(), name)
    st.toast(f"{plain(name)} is in the trash.", icon=":material/check:")


def _quota() -> None:
    """What a person on a server uses of what they may use."""
    quota = visitor.current().quota
    if quota is None:
        return
    used, limits = quota.usage(), quota.limits
    st.markdown(f"**Your workspace** {format_bytes(used.n_bytes)} of {format_bytes(quota.most_bytes)}")
    st.progress(min(1.0, used.n_bytes / quota.most_bytes))
    if not visitor.current().is_guest:
        st.caption(
            f"{used.recorded_s / 60.0:,.0f} of {limits.recording_minutes:,.0f} minutes of recordings · "
            f"{used.device_s / 60.0:,.0f} of {limits.device_minutes_per_day:,.0f} minutes of training today (UTC)"
        )


def _row(name: str, n_bytes: int, about: str, label: str, key: str, clear: Callable[[Workspace], int]) -> None:
    st.markdown(f"**{name}** {format_bytes(n_bytes)}")
    st.caption(about)
    st.button(
        label,
        key=key,
        on_click=_clear,
        args=(clear,),
        disabled=not n_bytes,
        width="stretch",
        help="Nothing to clear." if not n_bytes else f"Frees {format_bytes(n_bytes)}.",
    )


@errors.callback
def _clear(clear: Callable[[Workspace], int]) -> None:
    gained = clear(opened.workspace())
    st.toast(f"Freed {format_bytes(gained)}.", icon=":material/check:")
