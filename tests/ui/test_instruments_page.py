"""The Instruments page: import of a 2021 zip, edit, repair, download, audition, undo."""

import io
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from ddsing.instrument import read
from ddsing.instrument import write as write_instrument
from ddsing.instrument.library import Library
from ddsing.ui.instrument import cards, notebook_zip
from ddsing.ui.shell import caches
from ddsing.workspace import Workspace
from tests.hostile.builders import notebook_members, packed
from tests.support import tiny_workspace
from tests.support.pages import clean, finished, open_page, said

NAME = tiny_workspace.NAMES[0]


@pytest.fixture
def root(tmp_path):
    return tiny_workspace.fill(tmp_path / "ws")


@pytest.fixture
def two_checkpoints() -> bytes:
    """A 2021 zip whose files lie in a sub-folder, with the checkpoints of steps 7 and 12."""
    older, newer = notebook_members(step=7), notebook_members(step=12, seed=3)
    members = older | {name: data for name, data in newer.items() if name.startswith("ckpt-")}
    return packed({f"My Voice/{name}": data for name, data in members.items()})


@pytest.mark.slow
def test_import_takes_the_newest_step_and_says_so(monkeypatch, root, two_checkpoints):
    app = open_page(monkeypatch, root, "instruments")
    app.session_state["instruments.import"] = True
    app.run()
    app.file_uploader[0].upload("old voice.zip", two_checkpoints).run()
    app.button(key="instruments.import_now").click().run()
    clean(finished(app))
    assert "contains 2 checkpoints; the newest, step 12, is used" in said(app)
    assert read(root / "instruments" / "old voice.zip").provenance.step == 12
    app.button(key="hear.old voice").click().run()
    clean(app)
    assert "12 steps" in said(app)
    app.session_state["details.old voice"] = True
    app.run()
    clean(app)
    assert "loudness as in ddsp 1.x" in said(app)


@pytest.mark.slow
def test_of_several_zips_each_has_its_line_and_a_bad_one_stops_none(monkeypatch, root, two_checkpoints):
    app = open_page(monkeypatch, root, "instruments")
    app.session_state["instruments.import"] = True
    app.run()
    native = (root / "instruments" / f"{NAME}.zip").read_bytes()
    zips = {"old voice.zip": two_checkpoints, "holiday.zip": packed({"photo.jpg": b"x"}), "Anna.zip": native}
    app.file_uploader[0].set_value([(name, data, "application/zip") for name, data in zips.items()]).run()
    app.button(key="instruments.import_now").click().run()
    clean(finished(app))
    text = said(app)
    assert "**old voice** was added" in text and "**Anna** was added" in text
    assert "**holiday\\.zip**: This zip is not an instrument" in text
    assert {path.stem for path in (root / "instruments").glob("*.zip")} == {*tiny_workspace.NAMES, "old voice", "Anna"}
    assert _cards(app) == ["Anna", "old voice"], "what is new is in sight, and first"
    assert _rows(app)[:2] == ["Anna", "old voice"]
    app.button(key="instruments.results_close").click().run()
    assert "was added" not in said(app)


@pytest.mark.slow
def test_many_are_rows_of_which_only_the_chosen_are_opened(monkeypatch, root):
    folder, about = root / "instruments", tiny_workspace.tiny_instrument("x")
    for number in range(30):
        path = folder / f"Voice {number:02d}.zip"
        write_instrument(about.replaced(name=path.stem, provenance=replace(about.provenance, voice=f"s{number}")), path)
        os.utime(path, (2e9 + number,) * 2)
    app = open_page(monkeypatch, root, "instruments")
    clean(app)
    assert len(_rows(app)) == 32 and _rows(app)[:2] == ["Voice 29", "Voice 28"]
    assert _cards(app) == ["Voice 29"] and len([1 for one in app.get("html") if "Keyboard: " in one.proto.body]) == 1
    assert not app.get("plotly_chart"), "the browser reads five megabytes for the first figure"
    app.selectbox(key="instruments.sort").select("name").run()
    assert _rows(app)[0] == "First voice" and _cards(app) == ["First voice"], "the first row's, until some are chosen"
    app.text_input(key="instruments.find").set_value("S7").run()
    assert _rows(app) == _cards(app) == ["Voice 07"], "found by its voice"
    app.text_input(key="instruments.find").set_value("nobody").run()
    assert "None of the 32 instruments matches" in said(app) and not app.dataframe


def test_what_is_deleted_is_offered_back_where_it_was(monkeypatch, root):
    app = open_page(monkeypatch, root, "instruments")
    first, second = _cards(app)
    app.button(key=f"delete.{first}").click().run()
    clean(app)
    keys = [str(button.key) for button in app.button]
    assert _cards(app) == [second]
    assert keys.index(f"instruments.undo.{first}") < keys.index(f"delete.{second}")
    app.button(key=f"instruments.undo.{first}").click().run()
    assert _cards(app) == [first, second]


def _opened(app, panel):
    """A popover of the card, open."""
    app.session_state[f"{panel}.{NAME}"] = True
    return app.run()


def test_what_a_card_folds_is_drawn_once_it_is_open(monkeypatch, root):
    app = open_page(monkeypatch, root, "instruments")
    folded = (f"native.{NAME}", f"make_notebook.{NAME}", f"make_vst.{NAME}", f"edit.{NAME}.send", f"edit_name.{NAME}")
    drawn = [app.download_button, app.button, app.text_input, app.text_area]
    assert not {str(one.key) for kind in drawn for one in kind} & set(folded)
    for panel in ("download", "edit_panel"):
        _opened(app, panel)
        clean(app)
    drawn = [app.download_button, app.button, app.text_input, app.text_area]
    assert {str(one.key) for kind in drawn for one in kind} >= set(folded)


@pytest.mark.slow
def test_what_was_typed_is_there_when_the_card_is_unfolded_again(monkeypatch, root):
    app = _opened(open_page(monkeypatch, root, "instruments"), "edit_panel")
    app.text_area(key=f"edit_notes.{NAME}").set_value("half a sent").run()
    app.session_state[f"edit_panel.{NAME}"] = False
    app.run()
    assert not app.text_area
    _opened(app, "edit_panel")
    assert app.text_area(key=f"edit_notes.{NAME}").value == "half a sent"
    app.button(key=f"edit.{NAME}.cancel").click().run()
    assert "half a sent" not in app.text_area(key=f"edit_notes.{NAME}").value


def _rows(app) -> list[str]:
    return list(app.dataframe[0].value["Instrument"])


def _cards(app) -> list[str]:
    return [key.removeprefix("delete.") for button in app.button if (key := str(button.key)).startswith("delete.")]


@pytest.mark.slow
def test_what_is_no_instrument_is_one_sentence(monkeypatch, root):
    app = open_page(monkeypatch, root, "instruments")
    app.session_state["instruments.import"] = True
    app.run()
    app.file_uploader[0].upload("holiday.zip", packed({"photo.jpg": b"x"})).run()
    app.button(key="instruments.import_now").click().run()
    clean(finished(app))
    assert "**holiday\\.zip**: This zip is not an instrument" in said(app)
    assert not (root / "instruments" / "holiday.zip").exists()


def test_a_card_says_what_a_musician_wants_to_know(monkeypatch, root):
    app = open_page(monkeypatch, root, "instruments")
    text = said(app)
    for fact in (
        "an invented voice",
        "1,200 steps, loss 5.25",
        "24 Nov 2026",
        "A\\. Tester",
        "CC0",
        "E3 to G♯4",
        "dB",
        "kB",
        "Made of \\*random\\* numbers",
    ):
        assert fact in text, fact
    assert "ddsp" not in text, "which is for those who open the details"
    app.session_state[f"details.{NAME}"] = True
    app.run()
    clean(app)
    assert "loudness as in ddsp 3.x" in said(app)


def test_edit_renames_and_keeps_what_people_wrote(monkeypatch, root):
    app = _opened(open_page(monkeypatch, root, "instruments"), "edit_panel")
    wanted = {"name": "Anna", "voice": "my own", "author": "Me", "licence": "CC BY 4.0", "notes": "Two\nlines"}
    for field in ("name", "voice", "author", "licence"):
        app.text_input(key=f"edit_{field}.{NAME}").set_value(wanted[field])
    app.text_area(key=f"edit_notes.{NAME}").set_value(wanted["notes"])
    app.button(key=f"edit.{NAME}.send").click().run()
    clean(app)
    found = read(root / "instruments" / "Anna.zip").provenance
    assert (found.voice, found.author, found.licence, found.notes) == ("my own", "Me", "CC BY 4.0", "Two\nlines")
    assert not (root / "instruments" / f"{NAME}.zip").exists()


def test_another_instrument_of_the_name_is_not_edited_for_the_one_that_was_shown(monkeypatch, root):
    app, library = _opened(open_page(monkeypatch, root, "instruments"), "edit_panel"), Library(Workspace(root))
    other = library.get(NAME)
    weights = {name: -weight for name, weight in other.weights.items()}
    library.delete(NAME)
    there = library.add(other.replaced(weights=weights), name=NAME).path.read_bytes()
    app.text_area(key=f"edit_notes.{NAME}").set_value("for the one before")
    app.button(key=f"edit.{NAME}.send").click().run()
    assert "is another instrument now" in str(app.session_state["errors.later"])
    assert library.find(NAME).path.read_bytes() == there
    assert app.text_area(key=f"edit_notes.{NAME}").value == "for the one before"


@pytest.mark.slow
def test_what_was_edited_elsewhere_meanwhile_stays(monkeypatch, root):
    app, library = _opened(open_page(monkeypatch, root, "instruments"), "edit_panel"), Library(Workspace(root))
    library.edit(NAME, author="Ann")
    app.run()
    app.text_area(key=f"edit_notes.{NAME}").set_value("hers")
    app.button(key=f"edit.{NAME}.send").click().run()
    clean(app)
    assert (library.find(NAME).provenance.author, library.find(NAME).provenance.notes) == ("Ann", "hers")


@pytest.mark.slow
def test_repair_keeps_what_it_plays_and_says_what_was_gained(monkeypatch, root, two_checkpoints):
    path = root / "instruments" / "old.zip"
    members = notebook_members() | {"junk.bin": np.random.default_rng(0).bytes(100_000)}
    path.write_bytes(packed(members))
    app = open_page(monkeypatch, root, "instruments")
    assert "2021 zip" in said(app)
    app.button(key="repair.old").click().run()
    clean(app)
    assert "kB before" in said(app) and path.stat().st_size < 50_000
    assert read(path).provenance.step == 7
    assert not [button for button in app.button if button.key == "repair.old"]
    trashed = list((root / "instruments" / ".trash").glob("*/old.zip"))
    assert len(trashed) == 1 and trashed[0].stat().st_size > 100_000


@pytest.mark.slow
def test_both_downloads_hold_the_instrument(monkeypatch, root):
    app = open_page(monkeypatch, root, "instruments")
    entry = next(entry for entry in Library(Workspace(root)).list() if entry.name == NAME)
    assert read(cards.archive(entry)).digest == read(entry.path).digest
    _opened(app, "download")
    assert {button.label for button in app.download_button} == {"ddsing's own format"}
    app.button(key=f"make_notebook.{NAME}").click().run()
    (bar,) = app.get("progress")
    assert f"Writing {NAME} for the notebooks" in bar.proto.text
    assert [str(button.key) for button in app.button].index("work.cancel") > [
        str(button.key) for button in app.button
    ].index(f"delete.{NAME}"), "on the card where it was asked for"
    clean(finished(app))
    assert {button.label for button in app.download_button} == {"ddsing's own format", notebook_zip.LABEL}
    assert app.get_by_key(f"notebook_ready.{NAME}"), "and then the zip"
    with zipfile.ZipFile(io.BytesIO(notebook_zip._made().get(caches.stamp(entry.path)))) as file:
        assert {"ckpt-1200.index", "operative_config-0.gin", "dataset_statistics.pkl"} <= set(file.namelist())


@pytest.mark.slow
def test_a_zip_for_the_notebooks_that_is_cancelled_is_not_offered(monkeypatch, root):
    app = _opened(open_page(monkeypatch, root, "instruments"), "download")
    app.button(key=f"make_notebook.{NAME}").click().run()
    app.session_state["work.current"].cancel()
    clean(finished(app))
    assert {button.label for button in app.download_button} == {"ddsing's own format"}
    assert "Nothing was saved" in said(app)


@pytest.mark.slow
def test_details_show_the_gin_text(monkeypatch, root):
    app = open_page(monkeypatch, root, "instruments")
    app.session_state[f"details.{NAME}"] = True
    app.run()
    clean(app)
    assert app.code[0].value == "Autoencoder.decoder = @RnnFcDecoder()"
    assert "20 harmonics, 17 noise bands" in said(app)


def test_use_it_opens_the_transfer_with_it(monkeypatch, root):
    app = open_page(monkeypatch, root, "instruments")
    app.button(key=f"use.{tiny_workspace.NAMES[1]}").click().run()
    clean(app)
    assert app.title[0].value == "Timbre transfer"
    assert app.selectbox(key="transfer.instrument").value == tiny_workspace.NAMES[1]


@pytest.mark.slow
def test_a_zip_of_2021_in_the_folder_is_listed_as_it_is(monkeypatch, root, two_checkpoints):
    path = root / "instruments" / "from 2021.zip"
    path.write_bytes(two_checkpoints)
    app = open_page(monkeypatch, root, "instruments")
    clean(app)
    assert "step 12, is used" in said(app)
    assert path.read_bytes() == two_checkpoints
    assert zipfile.is_zipfile(path)
