"""Files of an instrument that TensorFlow writes: made in the background by a process of its own, then offered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.jobs import paces
from ddsing.jobs.time_left import around
from ddsing.ui.shell import caches, errors, opened, work
from ddsing.ui.shell.formatting import format_range, plain

if TYPE_CHECKING:
    from ddsing.instrument import Instrument
    from ddsing.instrument.library import Entry
    from ddsing.jobs.paces import Paces
    from ddsing.jobs.time_left import Part
    from ddsing.ui.dataset.cache import Kept

MOST = 2  # files that are kept of each kind
_ASKED = "made_file.asked"  # which kind of whose file is being made, or was made last, in this tab


@dataclass(frozen=True)
class Kind:
    """A kind of such files.

    Attributes
    ----------
    key : str
        Of its widgets.
    label, help : str
        Of its button, which says "Make" before the label.
    ready : str
        What is said once a file is there.
    purpose : str
        As in "Writing Ada for the notebooks".
    doing : str
        What it does, stage by stage.
    suffix, mime : str
        Of the file's name, behind the instrument's; of its content.
    make : Callable
        The file's bytes from an instrument and a callable that is told stages and shares.
    made : Callable
        The files that were made lately, by the instruments' files.
    told : Callable or None
        What is said of a file, a sentence.
    """

    key: str
    label: str
    help: str
    ready: str
    purpose: str
    doing: str
    suffix: str
    mime: str
    make: Callable[[Instrument, Callable[[str, float], None]], bytes]
    made: Callable[[], Kept]
    told: Callable[[bytes], str] | None = None

    def show(self, entry: Entry, *, why_not: str = "") -> None:
        """The button that makes it, or, once it is made, the download."""
        made = self.made().get(caches.stamp(entry.path))
        if made is not None and not why_not:
            self._download(entry, made, key=f"{self.key}.{entry.name}")
            self._tell(made)
            return
        takes = f" Takes {format_range(*around(self._part(paces.of(opened.workspace())).expected_s))}."
        st.button(
            f"Make {self.label[0].lower()}{self.label[1:]}",
            key=f"make_{self.key}.{entry.name}",
            icon=":material/inventory_2:",
            on_click=_start,
            args=(self, entry),
            disabled=work.busy() or bool(why_not),
            help=why_not or f"{self.help}{takes}",
        )

    def progress(self, entry: Entry) -> None:
        """How far the file is, and the file once it is there; nothing for instruments of which none was asked for."""
        if st.session_state.get(_ASKED, ("", "", None))[:2] != (self.key, entry.name):
            return
        if at_work():
            work.show_progress()
            return
        made = self.made().get(caches.stamp(entry.path))
        if made is not None:
            with st.container(horizontal=True, vertical_alignment="center", key=f"{self.key}.ready"):
                st.markdown(f":material/check: {self.ready}")
                self._download(entry, made, key=f"{self.key}_ready.{entry.name}")
            self._tell(made)

    def _tell(self, made: bytes) -> None:
        if self.told is not None:
            st.caption(f":material/straighten: {self.told(made)}")

    def _download(self, entry: Entry, made: bytes, *, key: str) -> None:
        st.download_button(
            self.label,
            data=made,
            key=key,
            file_name=f"{entry.name}{self.suffix}",
            mime=self.mime,
            icon=":material/download:",
            on_click="ignore",
            help=self.help,
        )

    def _part(self, known: Paces) -> Part:
        """Nearly all of it is loading TensorFlow, so that the instrument's size does not matter."""
        name = f"instrument/{self.key} {self.suffix.rpartition('.')[2]}"
        return known.part(self.doing, 1, name, guess_s=20.0, turn=0)


def at_work() -> bool:
    """Whether the tab's work is such a file, whose progress is shown where it was asked for."""
    current = work.current()
    return current is not None and st.session_state.get(_ASKED, ("", "", None))[2] is current


@errors.callback
def _start(kind: Kind, entry: Entry) -> None:
    loaded, kept, about = caches.instrument(entry), kind.made(), caches.stamp(entry.path)

    def make(report: work.Report) -> None:
        made = kind.make(loaded, lambda stage, share: report(kind.doing, None))
        kept.put(about, made)
        report(kind.doing, 1.0)

    work.start(f"Writing {plain(entry.name)} for {kind.purpose}", make, parts=lambda known: [kind._part(known)])
    st.session_state[_ASKED] = (kind.key, entry.name, work.current())
