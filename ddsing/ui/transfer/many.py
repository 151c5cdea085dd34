"""Many recordings: a fold that sends several to a background job, and the report of what became of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.errors import SettingsError
from ddsing.files import spelled
from ddsing.sound import kinds
from ddsing.ui.shell import batches, drafts, errors, jobs, opened, sources, state, tables, values, visitor
from ddsing.ui.shell.formatting import format_duration, percent, plain
from ddsing.ui.transfer import many_how

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

    from ddsing.instrument.library import Entry
    from ddsing.jobs.status import JobStatus
    from ddsing.transfer.batch import Outcome
    from ddsing.transfer.job import Source

POLL_S = 1.0
_SHOWN = 10  # sentences about single recordings; the rest is counted
EXAMPLES, UPLOADS, FOLDER = "All examples", "Uploads", "A folder"
_PANEL, _KIND, _ROUND, _PATH, _REFUSED = (f"many.{name}" for name in ("panel", "kind", "round", "path", "refused"))
_COUNT = "many.count"  # of the recordings that were done when the page was drawn


def show(instrument: Entry | None) -> None:
    """The fold, and before it the job that is under way; guests have no jobs."""
    if visitor.current().is_guest:
        return
    found = [job for job in jobs.listed() if job.kind == "batch"]
    newest = found[0] if found else None
    live = newest is not None and newest.live
    if newest is not None and live:
        st.session_state[_COUNT] = newest.step
        _progress(newest.id)
    panel = st.expander(
        "Many recordings",
        icon=":material/library_music:",
        key=values.keep(_PANEL, False),
        on_change="rerun",
    )
    if panel.open:
        with panel, errors.guard():
            _choose(instrument, live=live)
            if newest is not None:
                _report(newest)


def _choose(instrument: Entry | None, *, live: bool) -> None:
    options = [UPLOADS, EXAMPLES, *([] if visitor.current().hosted else [FOLDER])]
    kind = st.segmented_control(
        "Recordings",
        options,
        key=values.among(_KIND, options),
        required=True,
        persist_state="session",
        help="All are sung by the instrument above, with the controls as they are. Changes of the pitch by hand are "
        "for one recording, and are not used here.",
    )
    found: list[Source] = []
    if kind == UPLOADS:
        found = _uploads()
    elif kind == EXAMPLES:
        found = _examples()
    else:
        _path(instrument, live=live)
    many_how.show(instrument)
    if kind != FOLDER:
        reason = _missing(instrument, found, live=live)
        number = "" if not found else f"{len(found)} recordings" if len(found) > 1 else "1 recording"
        st.button(
            f"Transfer {number}".strip(),
            key="many.start",
            type="primary",
            icon=":material/graphic_eq:",
            disabled=reason is not None,
            on_click=_start,
            args=(instrument, found),
            help=reason or "Runs in the background: you can close the page. Each result is a take like the others.",
        )
    errors.show_told(_REFUSED)


def _missing(instrument: Entry | None, found: list[Source], *, live: bool) -> str | None:
    if live:
        return "Wait until the recordings above are done, or stop them."
    if instrument is None:
        return "Import an instrument first, on the Instruments page."
    return None if found else "Choose recordings first."


def _uploads() -> list[Source]:
    from ddsing.transfer.job import Source

    files = st.file_uploader(
        "Upload recordings",
        type=kinds.UPLOAD_TYPES,
        accept_multiple_files=True,
        key=f"many.uploader.{st.session_state.setdefault(_ROUND, 0)}",
        label_visibility="collapsed",
        help=f"Each up to {format_duration(batches.most_s())}: {kinds.WORDS}.",
    )
    return [Source(file.name, file.getvalue()) for file in files or ()]


def _examples() -> list[Source]:
    from ddsing.transfer.job import Source

    return [Source(sources.name_of(path), path) for path in sources.examples()]


def _path(instrument: Entry | None, *, live: bool) -> None:
    root = opened.workspace().root

    def draw() -> None:
        st.text_input(
            "Folder on this computer",
            key=drafts.field(_PATH, ""),
            live=True,
            placeholder=str(root / "my recordings"),
            help="All recordings in it and below it. A path that does not start with / is relative to the workspace, "
            f"{plain(root)}.",
        )

    drafts.form(
        "many.folder",
        draw,
        "Transfer the folder",
        _start_folder,
        fields=[_PATH],
        args=(instrument, live),
        icon=":material/graphic_eq:",
    )


@errors.callback
def _start_folder(instrument: Entry | None, live: bool) -> None:
    with errors.told(_REFUSED):
        if visitor.current().hosted:
            raise SettingsError("Folders on the server can't be transferred. Upload the recordings instead.")
        found = _in_folder(str(values.get(_PATH)).strip().strip("\"'"))
        reason = _missing(instrument, found, live=live)
        if reason is not None or instrument is None:
            raise SettingsError(reason or "")
        _submit(instrument, found)
        drafts.drop([_PATH])


def _in_folder(text: str) -> list[Source]:
    from ddsing.transfer import batch
    from ddsing.transfer.job import Source

    if not text:
        raise SettingsError("Enter the path of a folder first.")
    path = spelled(opened.workspace().root / Path(text).expanduser())
    if not path.exists():
        raise SettingsError(f"No file or folder {str(path)!r} on this computer. Check the spelling.")
    gathered = batch.gather([path])
    if not gathered.items:
        raise SettingsError(next(iter(gathered.refused.values()), batch.EMPTY))
    return [Source(item.name, item.path) for item in gathered.items]


@errors.callback
def _start(instrument: Entry, found: list[Source]) -> None:
    with errors.told(_REFUSED):
        _submit(instrument, found)
        st.session_state[_ROUND] += 1  # a new key empties the uploader, and with it the server's copy


def _submit(instrument: Entry, found: list[Source]) -> None:
    batches.submit(found, lambda: many_how.order(instrument, state.settings()), tracker=st.session_state[state.TRACKER])


@st.fragment(run_every=POLL_S)
@errors.guarded
def _progress(job_id: str) -> None:
    """How far the job is; the page is shown again with each take that it has made."""
    job = jobs.store().status(job_id)
    if not job.live or job.step != st.session_state.get(_COUNT):
        st.rerun(scope="app")
    with st.container(border=True, key="many.progress"):
        bar, button = st.columns([6, 1], vertical_alignment="center")
        left = f", {jobs.time_left(job)}" if jobs.time_left(job) else ""
        said = f"{job.stage or jobs.STATES.get(job.state, (job.state,))[0]}{left}"
        bar.progress(job.fraction or 0.0, text=plain(said))
        button.button(
            "Stop",
            key="many.stop",
            icon=":material/stop_circle:",
            on_click=jobs.stop,
            args=(job_id,),
            width="stretch",
            disabled=job.state == "stopping",
            help="What is done stays. It can be resumed later.",
        )


def _report(job: JobStatus) -> None:
    """The table of what became of each recording, and what can be done with the job."""
    from ddsing.transfer.batch import summary
    from ddsing.transfer.job import outcomes

    found = outcomes(job)
    if not job.live:
        st.markdown(f"{jobs.badge(job)} {plain(job.title)}")
    good = [one for one in found if not one.error]
    if good:
        st.dataframe(_table(good), hide_index=True, width="stretch", key="many.report")
    _say_failed([one for one in found if one.error])
    if found:
        st.caption(plain(summary(found)))
    if job.state in ("failed", "paused") and job.message:
        st.warning(plain(job.message), icon=":material/warning:")
    with st.container(horizontal=True):
        if job.resumable:
            st.button(
                "Resume",
                key="many.resume",
                icon=":material/play_arrow:",
                on_click=jobs.resume,
                args=(job.id,),
                help="Transfers those that are still missing.",
            )
        if not job.live:
            st.button(
                "Remove the report",
                key="many.remove",
                icon=":material/delete:",
                type="tertiary",
                on_click=jobs.delete,
                args=(job.id,),
                help="The takes are kept.",
            )


def _say_failed(found: list[Outcome]) -> None:
    """The sentences about those that could not be transferred."""
    said = [f"- {plain(one.name)}: {plain(one.error)}" for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        said.append(f"- and {len(found) - _SHOWN} more")
    if said:
        st.warning("\n".join(said), title="Not transferred", icon=":material/block:")


def _table(found: list[Outcome]) -> Styler:
    from ddsing.transfer.batch import HEADINGS

    name, result, length, inside = HEADINGS
    columns: dict[str, list] = {
        name: [one.name for one in found],
        result: [one.result for one in found],
        length: [one.duration_s for one in found],
        inside: [one.inside_share for one in found],
    }
    if any(one.warnings for one in found):
        columns["Remarks"] = [one.said for one in found]
    return tables.written(columns, {length: format_duration, inside: percent})
