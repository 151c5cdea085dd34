"""A card for each instrument that is chosen: what a musician wants to know, a phrase, and what can be done with it."""

from __future__ import annotations

import functools
import secrets
from typing import TYPE_CHECKING

import streamlit as st

from ddsing.constants import FULL_BAND_RATE, GENERATIONS, SAMPLE_RATE
from ddsing.ui.instrument import house_cards, notebook_zip, table, top_popover, vst_file
from ddsing.ui.play import presets, stage
from ddsing.ui.player import players
from ddsing.ui.shell import allowed, caches, drafts, errors, opened, short_work, state, undo, values
from ddsing.ui.shell.formatting import format_bytes, loudness_range, note_name, pitch_range, plain, when

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ddsing.instrument.library import Entry
    from ddsing.instrument.manifest import Provenance

TRANSFER_PAGE, PLAY_PAGE = "pages/timbre_transfer.py", "pages/play.py"
REPAIR = (
    "Rewrites it in ddsing's own format with only what it needs to play: no optimizer state, no other "
    "checkpoints. The old file is moved to the trash."
)
_HEARD = "instruments.heard"  # names whose audition is open, with the occasion on which it was asked for
_USE = "instruments.use"  # the page on which one is to be used
_DRAWN = "instruments.drawn"  # names of the cards, in order, with the offers to undo between them


def show() -> None:
    """The instruments in a table, with the cards of the chosen ones, or where to get a first instrument."""
    page = st.session_state.pop(_USE, None)
    if page:
        st.switch_page(page)
    entries = caches.instruments()
    undo.forget("instruments", [entry.name for entry in entries])
    if not entries:
        st.info(
            "No instruments yet. Import one above: in ddsing's format, from the 2021 notebooks, or from ddsp-vst.",
            icon=":material/piano:",
        )
    found = {entry.name: entry for entry in table.pick(entries)} if entries else {}
    shown = _in_order(list(found), undo.places("instruments"))
    st.session_state[_DRAWN] = shown
    for name in shown:
        if name in found:
            with st.container(border=True, key=f"card.{name}"), errors.guard():
                _broken(found[name]) if found[name].error else _card(found[name])
        else:
            undo.offer("instruments", lambda token: opened.library().undo(token), place=name)


def _in_order(names: list[str], deleted: Iterable[str]) -> list[str]:
    """The names of the cards, with those that were deleted where they were when the cards were drawn last."""
    before = st.session_state.get(_DRAWN, [])
    for name in sorted(deleted, key=lambda name: (name not in before, before.index(name) if name in before else 0)):
        names.insert(before.index(name) if name in before else len(names), name)
    return names


def _phrase(entry: Entry) -> None:
    name = entry.name
    address = players.address(short_work.audition(entry), f"audition.{name}")
    rate_hz = SAMPLE_RATE if entry.top is None else FULL_BAND_RATE
    track = players.track(name, address, wave=short_work.audition_wave(entry), rate_hz=rate_hz)
    asked = st.session_state[_HEARD][name]
    players.switcher([track], name=f"{name} sings a short phrase", key=f"player.audition.{name}", start=asked)


def _broken(entry: Entry) -> None:
    st.markdown(f"## {plain(entry.name)}")
    st.error(plain(entry.error), icon=":material/broken_image:")
    _actions(entry, playable=False)


def _card(entry: Entry) -> None:
    about, range_side = st.columns([5, 4], gap="large")
    with about:
        _title(entry)
        _facts(entry)
    with range_side:
        _range(entry)
    _actions(entry, playable=True)
    for kind in (notebook_zip.KIND, vst_file.KIND, vst_file.NEAR):
        kind.progress(entry)
    top_popover.progress(entry)
    if entry.name in st.session_state.get(_HEARD, ()):
        with errors.guard():
            _phrase(entry)
    details = st.expander(
        "Details", icon=":material/data_object:", key=values.keep(f"details.{entry.name}", False), on_change="rerun"
    )
    if details.open:
        with details, errors.guard():
            _details(entry)


def _title(entry: Entry) -> None:
    badges = [":blue-badge[:material/home: house]"] if opened.is_of_house(entry.path) else []
    badges += [":violet-badge[follows timbre]"] if entry.config is not None and entry.config.z else []
    badges += [":green-badge[full band]"] if entry.top is not None else []
    if entry.bloated:
        badges.append(":orange-badge[2021 zip]")
    st.markdown(f"## {plain(entry.name)}\n\n" + " ".join(badges))


def _facts(entry: Entry) -> None:
    origin = entry.provenance
    facts = [
        ("Voice", plain(origin.voice) or "unknown"),
        ("Training", _training(origin)),
        ("Date", plain(when(origin.date)) or "unknown"),
        ("Author", plain(origin.author) or "unknown"),
        ("Licence", plain(origin.licence) or "unknown"),
        ("Size", format_bytes(entry.n_bytes)),
    ]
    st.markdown("  \n".join(f":gray[{name}] {value}" for name, value in facts))
    if origin.notes:
        st.markdown(plain(origin.notes))
    for warning in entry.warnings:
        st.caption(f":material/info: {plain(warning)}")


def _training(origin: Provenance) -> str:
    parts = [] if origin.step is None else [f"{origin.step:,} steps"]
    parts += [] if origin.loss is None else [f"loss {origin.loss:.2f}"]
    return ", ".join(parts) or "unknown"


def _range(entry: Entry) -> None:
    statistics = entry.statistics
    pitches = statistics.pitch_range_midi if statistics else None
    if statistics is None or pitches is None:
        st.caption("This instrument has no training statistics, so its pitch and loudness range are unknown.")
        return
    from ddsing.plots import keyboard

    mean = statistics.values.get("mean_pitch_note", statistics.values.get("mean_pitch"))
    around = "" if mean is None else f" · :orange[●] on average {note_name(mean)}"  # the keyboard's dot
    st.markdown(f":gray[Pitch] {pitch_range(pitches)}{around}")
    st.html(keyboard.html(pitches, mean_midi=mean))
    st.markdown(f":gray[Loudness] {loudness_range(statistics.loudness_range_db)}")


def _actions(entry: Entry, *, playable: bool) -> None:
    with st.container(horizontal=True):
        if playable:
            st.button(
                "Audition",
                key=f"hear.{entry.name}",
                icon=":material/play_circle:",
                on_click=_hear,
                args=(entry.name,),
                help="Plays a short built-in phrase in the middle of its range.",
            )
            st.button(
                "Sing with it",
                key=f"use.{entry.name}",
                icon=":material/graphic_eq:",
                on_click=_use,
                args=(entry.name,),
                help="Opens Timbre transfer with this instrument.",
            )
            st.button(
                "Play",
                key=f"play.{entry.name}",
                icon=":material/music_note:",
                on_click=_play,
                args=(entry.name,),
                help="Opens Play with this instrument under your fingers.",
            )
            _download_popover(entry)
            house_cards.show(entry)
            if not opened.is_of_house(entry.path):
                top_popover.show(entry)
                _edit_popover(entry)
            if entry.bloated and not opened.is_of_house(entry.path):
                st.button(
                    "Repair",
                    key=f"repair.{entry.name}",
                    icon=":material/healing:",
                    on_click=_repair,
                    args=(entry,),
                    help=REPAIR,
                )
        if opened.is_of_house(entry.path):
            return
        st.button(
            "Delete",
            key=f"delete.{entry.name}",
            icon=":material/delete:",
            on_click=_delete,
            args=(entry,),
            help="Can be undone.",
        )


def archive(entry: Entry) -> bytes:
    """An instrument's zip for downloading, in our own format."""
    from ddsing.instrument import format

    return format.to_bytes(caches.instrument(entry))


def _download_popover(entry: Entry) -> None:
    """The files that an instrument is to be had as; drawn once it is open."""
    panel = st.popover(
        "Download",
        icon=":material/download:",
        help="For ddsing, the 2021 notebooks, or a DAW.",
        key=f"download.{entry.name}",
        on_change="rerun",
    )
    if not panel.open:
        return
    with panel, errors.guard():
        st.download_button(
            "ddsing's own format",
            data=lambda: archive(entry),
            key=f"native.{entry.name}",
            file_name=f"{entry.name}.zip",
            mime="application/zip",
            on_click="ignore",
            help="Small, without code, and with a record of its origin.",
        )
        notebook_zip.show(entry)
        vst_file.show(entry)


def _edit_popover(entry: Entry) -> None:
    """What can be said about an instrument; drawn once it is open."""
    panel = st.popover(
        "Edit",
        icon=":material/edit:",
        help="Name, voice, author, licence and notes.",
        key=f"edit_panel.{entry.name}",
        on_change="rerun",
    )
    if not panel.open:
        return
    with panel, errors.guard():
        drafts.form(
            f"edit.{entry.name}",
            functools.partial(_words, entry),
            "Save",
            _edit,
            fields=list(_fields(entry.name)),
            args=(entry,),
            help="Written into the file.",
        )


def _words(entry: Entry) -> None:
    """The fields of what can be said about an instrument."""
    for name, label, max_chars, help in (
        ("name", "Name", 80, "Also its file's name."),
        ("voice", "Voice", 300, "Who or what sings."),
        ("author", "Author", 300, "Who trained it."),
        ("licence", "Licence", 300, "What others may do with it. CC0-1.0 allows anything."),
    ):
        known = entry.name if name == "name" else getattr(entry.provenance, name)
        key = drafts.field(_field(name, entry.name), known)
        st.text_input(label, key=key, max_chars=max_chars, live=True, help=help)
    key = drafts.field(_field("notes", entry.name), entry.provenance.notes)
    st.text_area("Notes", key=key, max_chars=10_000, help="Saved in the file.")


def _field(name: str, instrument: str) -> str:
    return f"edit_{name}.{instrument}"


def _fields(instrument: str) -> dict[str, str]:
    """What the form edits, by the keys of its fields."""
    from ddsing.instrument.manifest import EDITABLE

    return {_field(name, instrument): name for name in ("name", *EDITABLE)}


def _details(entry: Entry) -> None:
    instrument = caches.instrument(entry)
    config = instrument.config
    st.markdown(
        f"GRU of {config.rnn_channels}, stacks of {config.layers_per_stack} × {config.ch}, "
        f"{config.n_harmonics} harmonics, {config.n_noise_bands} noise bands; "
        f"{sum(weight.size for weight in instrument.weights.values()):,} weights; "
        f"loudness as in {GENERATIONS[config.generation]}"
        f"{f'; an encoder of timbre with {config.z.z_dims} dimensions' if config.z else ''}."
    )
    st.caption(f"Content `{instrument.digest}`")
    if instrument.provenance.dataset_hash:
        st.caption(f"Dataset `{plain(instrument.provenance.dataset_hash)}`")
    if instrument.gin_text:
        st.code(instrument.gin_text, language=None, height=300)
    else:
        st.caption("It has no gin configuration.")


@errors.callback
def _hear(name: str) -> None:
    st.session_state[_HEARD] = {**st.session_state.get(_HEARD, {}), name: secrets.token_hex(4)}  # a new one plays


@errors.callback
def _use(name: str) -> None:
    st.session_state[state.INSTRUMENT] = name
    st.session_state[_USE] = TRANSFER_PAGE


@errors.callback
def _play(name: str) -> None:
    st.session_state[stage.INSTRUMENT] = name
    presets.instrument_chosen(name)
    st.session_state[_USE] = PLAY_PAGE


@errors.callback
def _edit(entry: Entry) -> None:
    name, library = entry.name, opened.library()
    fields = _fields(name)
    changes = {fields[key]: text for key, text in drafts.changed(list(fields)).items()}
    new_name = changes.pop("name", name).strip()
    if changes:
        library.edit(name, seen=entry, **changes)
    if new_name != name:
        table.rename(name, library.rename(name, new_name, seen=entry).name)
    drafts.drop(list(fields))


@errors.callback
def _repair(entry: Entry) -> None:
    allowed.require_bytes("Repairing", entry.n_bytes)  # the file as it was stays in the trash
    after = opened.library().repair(entry.name, seen=entry).n_bytes
    said = f"{format_bytes(entry.n_bytes)} before, {format_bytes(after)} now"
    st.toast(f"{plain(entry.name)}: {said}.", icon=":material/healing:")


@errors.callback
def _delete(entry: Entry) -> None:
    undo.remember("instruments", entry.name, opened.library().delete(entry.name, seen=entry), place=entry.name)
