"""Presets on the page: saved, loaded, renamed, deleted and brought back, an instrument's default, a file of them."""

import pytest

from ddsing.transfer import presets
from ddsing.transfer.presets import Preset, Presets
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page, said

FIRST, SECOND = tiny_workspace.NAMES


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "ws"))


def panel(monkeypatch, workspace):
    """The page with its panel open."""
    app = open_page(monkeypatch, workspace.root)
    app.session_state["preset.panel"] = True
    return app.run()


def set_to(app, field, value):
    app.get_by_key(f"setting.{field}").set_value(value).run()


@pytest.mark.slow
def test_controls_are_saved_loaded_updated_renamed_and_deleted(monkeypatch, workspace):
    app, store = panel(monkeypatch, workspace), Presets(workspace)
    assert "No presets yet" in said(app)
    set_to(app, "octave_shift", -1)
    app.get_by_key("transfer.tracker").set_value("tiny").run()
    app.text_input(key="preset.name").set_value("Dark *one*").run()
    app.button(key="preset.save.send").click().run()
    clean(app)
    assert store.list() == (Preset("Dark *one*", Settings(octave_shift=-1), "tiny"),)
    assert app.text_input(key="preset.name").value == "" and "octave shift −1" in said(app)
    set_to(app, "octave_shift", 2)
    app.button(key="preset.load").click().run()
    assert app.slider(key="setting.octave_shift").value == -1
    set_to(app, "octave_shift", 2)
    app.button(key="preset.update").click().run()
    assert store.get("Dark *one*").settings.octave_shift == 2
    app.text_input(key="preset.rename").set_value("Bright").run()
    app.button(key="preset.rename.send").click().run()
    assert [one.name for one in store.list()] == ["Bright"] and app.selectbox(key="preset.chosen").value == "Bright"
    app.button(key="preset.delete").click().run()
    assert store.list() == () and "The preset **Bright** was deleted" in said(app)
    app.button(key="presets.undo").click().run()
    assert [one.name for one in store.list()] == ["Bright"]
    clean(app)


@pytest.mark.slow
def test_an_instrument_s_default_is_loaded_with_it_and_only_then(monkeypatch, workspace):
    store = Presets(workspace)
    store.save(Preset("High", Settings(octave_shift=1), "fast"))
    app = panel(monkeypatch, workspace)
    app.selectbox(key="transfer.instrument").set_value(SECOND).run()
    app.toggle(key="preset.default").set_value(True).run()
    assert store.default_of(SECOND).name == "High" and app.slider(key="setting.octave_shift").value == 0
    app.selectbox(key="transfer.instrument").set_value(FIRST).run()
    assert not app.toggle(key="preset.default").value and app.slider(key="setting.octave_shift").value == 0
    app.selectbox(key="transfer.instrument").set_value(SECOND).run()
    assert app.slider(key="setting.octave_shift").value == 1 and app.get_by_key("transfer.tracker").value == "fast"
    set_to(app, "octave_shift", 0)
    app.run()
    assert app.slider(key="setting.octave_shift").value == 0
    app.toggle(key="preset.default").set_value(False).run()
    assert store.default_of(SECOND) is None
    clean(app)


def test_what_can_t_be_done_is_said_in_place_and_another_tab_is_no_harm(monkeypatch, workspace):
    store = Presets(workspace)
    for name in ("One", "Two"):
        store.save(Preset(name, Settings()))
    app = panel(monkeypatch, workspace)
    app.button(key="preset.save.send").click().run()
    assert "1 to 80 characters" in [error.value for error in app.error][0]
    app.text_input(key="preset.rename").set_value("Two").run()
    app.button(key="preset.rename.send").click().run()
    assert "already" in [error.value for error in app.error][0] and app.text_input(key="preset.rename").value == "Two"
    app.button(key="preset.rename.cancel").click().run()
    assert app.selectbox(key="preset.chosen").value == "One" and not app.error
    store.delete("One")
    app.button(key="preset.load").click().run()
    assert "No preset 'One'" in said(app) and app.selectbox(key="preset.chosen").value == "Two"


def test_a_file_of_presets_is_imported_whole_or_not_at_all(monkeypatch, workspace):
    content = presets.to_file([Preset("Deep", Settings(octave_shift=-2)), Preset("Odd", Settings(seed=3))])
    app = panel(monkeypatch, workspace)
    app.file_uploader(key="preset.file").set_value(("p.json", content, "application/json")).run()
    assert [one.name for one in Presets(workspace).list()] == ["Deep", "Odd"]
    assert app.selectbox(key="preset.chosen").value == "Deep"
    app.file_uploader(key="preset.file").set_value(("bad.json", content[:-5], "application/json")).run()
    assert "can't be read" in [error.value for error in app.error][0] and len(Presets(workspace).list()) == 2
