"""What people say about takes: titles, notes, tags and stars, sets of takes, a session to pass on, and the methods."""

from __future__ import annotations

import streamlit as st

from ddsing.files import safe_name
from ddsing.transfer.take import Take
from ddsing.ui.experiments import set_picker
from ddsing.ui.shell import drafts, errors, opened, undo, values
from ddsing.ui.shell.formatting import plain

_EDITS = "session.edits"  # how often the table was saved: a new key each time, so that no edit is applied twice


def actions(takes: list[Take]) -> None:
    """Listening blind, and the whole session as a file."""
    st.button(
        "Listen blind",
        key="compare.blind",
        icon=":material/hearing:",
        on_click=_blind,
        disabled=len(takes) < 2,
        help="Can you tell them apart, and which do you prefer? Needs two takes.",
    )
    name = safe_name(_set_of(takes).title if _set_of(takes) else takes[0].name if len(takes) == 1 else "session")
    st.download_button(
        "Export",
        data=lambda: export(takes),
        file_name=f"{name}.zip",
        mime="application/zip",
        key="compare.export",
        icon=":material/folder_zip:",
        on_click="ignore",
        help="One zip with audio, settings, metrics, notes and a report page. A take's file in it, dropped onto the "
        "page Timbre transfer, sets all controls as they were.",
    )


@errors.callback
def _blind() -> None:
    st.session_state["view"] = "blind"


def export(takes: list[Take]) -> bytes:
    """The session's zip, with the results of its listening tests."""
    from ddsing.experiments.comparison import session

    kept = _set_of(takes)
    about = {"title": kept.title, "notes": kept.notes, "tags": kept.tags} if kept else {}
    return session.packed(opened.workspace(), takes, **about)


def show(takes: list[Take]) -> None:
    """The section under the comparison."""
    st.header("Notes")
    _table(takes)
    if len(takes) > 1:
        _set(takes)
    undo.offer("set", lambda token: set_picker.sets().undo(token), what="The set", gone="was ungrouped")
    _methods(takes)


def _table(takes: list[Take]) -> None:
    """Title, star, tags and notes of each take, to be edited in place."""
    key = f"session.table.{st.session_state.get(_EDITS, 0)}.{hash(tuple(take.id for take in takes))}"
    st.data_editor(
        {
            "★": [take.star for take in takes],
            "Title": [take.name for take in takes],
            "Notes": [take.note for take in takes],
            "Tags": [list(take.tags) for take in takes],
        },
        key=key,
        hide_index=True,
        num_rows="fixed",
        on_change=_edit,
        args=(key, [take.id for take in takes]),
        column_config={
            "★": st.column_config.CheckboxColumn(width=30),
            "Title": st.column_config.TextColumn(max_chars=120, required=True, width="medium"),
            "Notes": st.column_config.TextColumn(max_chars=2000, width="large"),
            "Tags": st.column_config.ListColumn(width="medium"),
        },
    )


@errors.callback
def _edit(key: str, ids: list[str]) -> None:
    from ddsing.experiments.comparison import selection

    for row, changes in st.session_state[key]["edited_rows"].items():
        take = selection.find(opened.workspace(), ids[int(row)])
        store = selection.store_of(opened.workspace(), take)
        if "Title" in changes:
            store.rename(take.id, str(changes["Title"] or ""))
        if "Notes" in changes:
            store.note(take.id, str(changes["Notes"] or ""))
        store.label(take.id, tags=changes.get("Tags"), star=changes.get("★"))
    st.session_state[_EDITS] = st.session_state.get(_EDITS, 0) + 1


def _set_of(takes: list[Take]):
    """The set that holds exactly these takes."""
    return set_picker.sets().of(take.id for take in takes)


def _set(takes: list[Take]) -> None:
    """Keeping the takes as a set, or changing the set that they are."""
    kept = _set_of(takes)
    slot = kept.id if kept else "new"
    title = "This set" if kept else f"Save these {len(takes)} takes as a set"

    def draw() -> None:
        left, right = st.columns([3, 2])
        left.text_input(
            "Title",
            key=drafts.field(f"set.title.{slot}", kept.title if kept else ""),
            max_chars=120,
            live=True,
            placeholder="Aria and the cello on Greensleeves",
        )
        tags = drafts.field(f"set.tags.{slot}", list(kept.tags) if kept else [])
        options = sorted({*_known_tags(), *(kept.tags if kept else ()), *st.session_state[tags]})
        right.multiselect("Tags", options, key=tags, accept_new_options=True)
        notes = drafts.field(f"set.notes.{slot}", kept.notes if kept else "")
        st.text_area("Notes", key=notes, max_chars=10_000, height=90)
        st.checkbox("★ Star", key=drafts.field(f"set.star.{slot}", bool(kept and kept.star)))

    with st.container(border=True):
        st.markdown(f"**{title}**")
        drafts.form(
            f"set.{slot}",
            draw,
            "Save" if kept else "Save as set",
            _keep,
            fields=_fields(slot),
            args=(slot, [take.id for take in takes]),
            icon=":material/bookmark_add:",
        )
    if kept:
        st.button(
            "Ungroup",
            key="set.delete",
            icon=":material/delete:",
            type="tertiary",
            on_click=_delete,
            args=(kept.id, kept.title),
            help="The takes are kept. You can undo this.",
        )


def _known_tags() -> set[str]:
    return {tag for take in opened.takes().list() for tag in take.tags} | {
        tag for one in set_picker.sets().list() for tag in one.tags
    }


def _fields(slot: str) -> list[str]:
    return [f"set.{name}.{slot}" for name in ("title", "notes", "tags", "star")]


@errors.callback
def _keep(slot: str, ids: list[str]) -> None:
    typed = {key.split(".")[1]: value for key, value in drafts.changed(_fields(slot)).items()}
    if slot == "new":
        set_picker.sets().create(typed.pop("title", ""), ids, **typed)
    else:
        set_picker.sets().change(slot, **typed)
    drafts.drop(_fields(slot))
    st.toast("Set saved.", icon=":material/check:")


@errors.callback
def _delete(set_id: str, title: str) -> None:
    undo.remember("set", title, set_picker.sets().delete(set_id))


def _methods(takes: list[Take]) -> None:
    panel = st.expander(
        "Methods paragraph for a paper",
        icon=":material/article:",
        key=values.keep("session.methods", False),
        on_change="rerun",
    )
    if not panel.open:
        return
    with panel, errors.guard():
        from ddsing.experiments.comparison import methods, results

        tests = results.of_takes(opened.workspace(), takes)
        found = methods.compose(opened.workspace(), takes, listening=[results.sentence(test) for test in tests])
        cited = "\n".join(f"[{number}] {citation}" for number, citation in enumerate(found.citations, start=1))
        st.code(f"{found.text}\n\n{cited}", language=None, wrap_lines=True)
        missing = plain("; ".join(found.unknown))
        st.caption(f"Generated from the workspace. Not recorded, so not included: {missing}.")
