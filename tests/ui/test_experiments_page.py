"""The Experiments page without a browser: every view on an empty and a filled workspace, and what can be done there."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ddsing.experiments.comparison import blind, differences, measure
from ddsing.experiments.comparison.sets import SetStore
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.controls import unfold_groups
from tests.support.pages import clean, finished, open_page
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

VIEWS = ("takes", "blind", "matrix", "morph")


@pytest.fixture
def filled(tmp_path) -> Workspace:
    """Three takes of one recording, whose names are markdown."""
    workspace = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    source = next(workspace.examples.glob("*.wav"))
    for shift in range(3):
        options = {"tracker": "tiny", "source_name": "a *song*.wav"}
        take = pipeline.run(workspace, source, tiny_workspace.NAMES[0], Settings(octave_shift=shift), **options)
        TakeStore(workspace).rename(take.id, f"*take* {shift}")
    return workspace


def _open(monkeypatch, root: Path, **query) -> AppTest:
    app = open_page(monkeypatch, root, "experiments", **query)
    clean(app)
    return app


def _text(app: AppTest) -> str:
    return " ".join(element.value for kind in (app.markdown, app.caption, app.header) for element in kind)


@pytest.mark.parametrize("view", VIEWS)
def test_view_on_an_empty_workspace(view, monkeypatch, tmp_path):
    app = _open(monkeypatch, tiny_workspace.empty(tmp_path / "ws"), view=view)
    assert app.info and len(app.title) == 1


@pytest.mark.slow
def test_every_view_on_a_filled_workspace(monkeypatch, filled):
    app = _open(monkeypatch, filled.root)
    assert dict(app.query_params) == {"view": VIEWS[0]}  # and nothing that is as by default
    for view in (*VIEWS[1:], VIEWS[0]):
        app.get_by_key("view").set_value(view).run()
        assert not app.exception and [error.value for error in app.error] == [], view
        assert app.query_params["view"] == view


@pytest.mark.slow
def test_the_table_lists_cells_of_the_matrix_that_are_compared(monkeypatch, filled):
    takes = TakeStore(filled).list()
    cell = filled.experiments / "matrix" / takes[0].id
    shutil.copytree(takes[0].folder, cell)
    TakeStore(filled).delete(takes[0].id)
    app = _open(monkeypatch, filled.root, view="takes", take=[takes[0].id, takes[1].id])
    assert list(app.dataframe[0].value["Take"]) == [take.name for take in takes]
    assert "2 takes" in [header.value for header in app.header]


@pytest.mark.slow
def test_what_differs_stands_out_and_what_does_not_is_one_line(monkeypatch, filled):
    takes = TakeStore(filled).list()[:2]
    app = _open(monkeypatch, filled.root, view="takes", take=[take.id for take in takes])
    table = app.table[0].value
    assert list(table[""]) == ["Octave shift"]
    assert [str(value) for value in table.iloc[0]][1:] == ["\\+2", "\\+1"]
    assert "Identical: instrument First voice, recording a \\*song\\*\\.wav, tracker Draft" in _text(app)
    assert ("tiny", "tiny") in [row.values for row in differences.table(takes)], "elsewhere it has its short name"
    assert app.query_params["take"] == [take.id for take in takes]


@pytest.mark.slow
def test_curves_of_the_same_takes_are_drawn_once(monkeypatch, filled):
    from ddsing.plots import comparison

    drawn, overlay = [], comparison.overlay
    monkeypatch.setattr(
        comparison, "overlay", lambda curves, **how: drawn.append(len(curves)) or overlay(curves, **how)
    )
    app = _open(monkeypatch, filled.root, take=[take.id for take in TakeStore(filled).list()])
    assert not drawn, "it is not in sight"
    app.session_state["in-sight.compare.overlay"] = {"seen": True}  # as the browser says
    app.run()
    app.run()
    assert not app.exception and len(drawn) == 1


@pytest.mark.slow
def test_measuring_fills_the_table_and_is_offered_once(monkeypatch, filled):
    take = TakeStore(filled).list()[0]
    app = _open(monkeypatch, filled.root, take=take.id)
    app.button(key="compare.measure").click().run()
    finished(app)
    assert measure.known(take) is not None
    labels = list(app.table[0].value[""])
    assert {"Pitch error", "Loudness error", "Harmonic energy", "Spectral distance"} <= set(labels)
    assert {"Raw pitch accuracy", "Raw chroma accuracy", "Voicing recall", "Voicing false alarm"} <= set(labels)
    assert "Pitch within 50 cents" not in labels and "ignoring octave errors" in _text(app)
    assert not [button for button in app.button if button.key == "compare.measure"]


@pytest.mark.slow
def test_takes_measured_before_have_empty_cells_until_they_are_completed(monkeypatch, filled):
    old, new = TakeStore(filled).list()[:2]
    measure.measure(new)
    metrics = {"f0_cents": 7.25, "f0_within_50": 0.875, "spectral": 4.25, "sung_s": 1.5}
    (old.folder / measure.FILE).write_text(json.dumps({"version": 1, "metrics": metrics}))
    app = _open(monkeypatch, filled.root, take=[old.id, new.id])
    table = app.table[0].value.set_index("")
    assert table.loc["Raw pitch accuracy"].iloc[0] == "" != table.loc["Raw pitch accuracy"].iloc[1]
    assert "87.5 %" in str(table.loc["Pitch within 50 cents"].iloc[0])
    button = app.button(key="compare.measure")
    assert button.label.startswith("Add pitch accuracy and voicing")
    button.click().run()
    finished(app)
    table = app.table[0].value.set_index("")
    assert "%" in str(table.loc["Raw pitch accuracy"].iloc[0]) and "7.2 cents" in str(table.loc["Pitch error"].iloc[0])
    assert "Pitch within 50 cents" not in table.index
    assert not [button for button in app.button if button.key == "compare.measure"]


@pytest.mark.slow
def test_a_set_is_kept_opened_changed_and_dissolved(monkeypatch, filled):
    takes = TakeStore(filled).list()
    app = _open(monkeypatch, filled.root, take=[takes[0].id, takes[2].id])
    app.text_input(key="set.title.new").set_value("Two *octaves*")
    app.text_area(key="set.notes.new").set_value("They differ.")
    app.checkbox(key="set.star.new").check()
    next(button for button in app.button if button.label == "Save as set").click().run()
    assert not app.exception
    (kept,) = SetStore(filled).list()
    assert (kept.title, kept.notes, kept.star) == ("Two *octaves*", "They differ.", True)
    assert set(kept.takes) == {takes[0].id, takes[2].id}
    other = _open(monkeypatch, filled.root, take=takes[1].id)
    other.selectbox(key="set.pick").select(kept.id).run()
    assert other.query_params["take"] == list(kept.takes)
    other.button(key="set.delete").click().run()
    assert SetStore(filled).list() == ()
    other.button(key="set.undo").click().run()
    assert len(SetStore(filled).list()) == 1


@pytest.mark.slow
def test_the_methods_paragraph_is_composed_when_it_is_opened(monkeypatch, filled):
    app = _open(monkeypatch, filled.root)
    assert not app.code
    app.session_state["session.methods"] = True
    app.run()
    assert not app.exception
    assert "20 harmonics" in app.code[0].value and "ICASSP" in app.code[0].value and "Not recorded" in _text(app)


@pytest.mark.slow
def test_a_blind_test_is_begun_stopped_and_read(monkeypatch, filled):
    takes = TakeStore(filled).list()[:2]
    app = _open(monkeypatch, filled.root, view="blind", take=[take.id for take in takes])
    app.number_input(key="blind.trials").set_value(8).run()
    app.button(key="blind.begin").click().run()
    assert not app.exception and "Trial 1 of 8" in _text(app)
    assert not any(take.name in _text(app) or take.id in str(dict(app.query_params)) for take in takes)
    (test,) = blind.BlindTests(filled).list()
    right = "A" if test.trials[0][2] == test.trials[0][0] else "B"
    blind.BlindTests(filled).answer(test.id, 0, right)
    app.run()
    assert "Trial 2 of 8" in _text(app)
    app.button(key="blind.stop").click().run()
    assert not app.exception and app.metric[0].value == "1 of 1" and "stopped 7 trials early" in _text(app)
    app.button(key="blind.another").click().run()
    assert app.button(key="blind.begin") and not app.exception
    app.button(key=f"blind.delete.{test.id}").click().run()
    assert blind.BlindTests(filled).list() == () and "The test **A/B/X of 2 takes** was deleted" in _text(app)
    app.button(key=f"blind.undo.{test.id}").click().run()
    assert [one.id for one in blind.BlindTests(filled).list()] == [test.id] and "was deleted" not in _text(app)


@pytest.mark.slow
def test_the_takes_to_choose_a_blind_test_from_are_drawn_where_some_are_to_be_chosen(monkeypatch, filled):
    takes = [take.id for take in TakeStore(filled).list()[:2]]
    assert _open(monkeypatch, filled.root, view="blind", take=takes[:1]).dataframe
    app = _open(monkeypatch, filled.root, view="blind", take=takes)
    assert not app.dataframe, "folded"
    app.session_state["blind.takes"] = True
    assert len(app.run().dataframe) == 1 and not app.exception
    assert app.query_params["take"] == takes and app.button(key="blind.begin")


@pytest.mark.slow
def test_a_test_of_different_recordings_or_of_one_take_says_what_it_needs(monkeypatch, filled):
    app = _open(monkeypatch, filled.root, view="blind", take=TakeStore(filled).list()[0].id)
    assert app.button(key="blind.begin").disabled and "Choose two takes or more" in _text(app)


@pytest.mark.slow
def test_a_morph_is_made_and_says_what_it_is(monkeypatch, filled):
    first, second = tiny_workspace.NAMES
    query = {"view": "morph", "between": [first, second], "weights": "25,75", "morph-tracker": "tiny"}
    app = _open(monkeypatch, filled.root, **query)
    app.button(key="morph.start").click().run()
    finished(app)
    assert not app.exception and [error.value for error in app.error] == []
    take = TakeStore(filled).list()[0]
    assert take.morph.points == ((0.0, (0.25, 0.75)),) and take.tracker == "tiny"
    assert "25 % First voice, 75 % Second voice" in _text(app)
    app.button(key=f"morph.compare.{take.id}").click().run()
    assert app.query_params["view"] == "takes" and len(app.query_params["take"]) == 2


@pytest.mark.slow
def test_a_morph_has_the_controls_of_a_transfer_and_its_address_too(monkeypatch, filled):
    query = {"view": "morph", "morph-tracker": "tiny"}
    query |= {"octave": "-1", "settings": "transpose:3.5;scale:D:minor;gate_db:-40;seed:x;pull:1"}
    app = _open(monkeypatch, filled.root, **query)
    unfold_groups(app, "morph.")
    assert app.slider(key="morph.setting.pull").disabled and "takes its timbre from the recording" in _text(app)
    app.slider(key="morph.setting.formant_shift").set_value(2.0).run()
    app.button(key="morph.start").click().run()
    finished(app)
    assert not app.exception and [error.value for error in app.error] == []
    take = TakeStore(filled).list()[0]
    wanted = Settings(octave_shift=-1, transpose=3.5, scale="D:minor", gate_db=-40.0, formant_shift=2.0)
    assert take.settings == wanted, "what can't be read, or be done by a mixture, is as by default"
    curves = take.curves()
    np.testing.assert_allclose(curves["f0_hz_used"], curves["f0_hz"] * 2 ** (-8.5 / 12), rtol=1e-5)


@pytest.mark.slow
def test_a_cell_of_an_instrument_or_a_recording_that_was_replaced_is_not_shown(monkeypatch, filled):
    from ddsing import instrument
    from ddsing.experiments.comparison import job, matrix
    from ddsing.sound.audio import encode

    class Here:
        def report(self, **_):
            pass

        def should_stop(self):
            return False

    first, second = tiny_workspace.NAMES
    source = next(filled.examples.glob("*.wav"))
    job.run(filled, matrix.Matrix((first, second), (source.name,), "tiny").to_json(), Here())
    app = _open(monkeypatch, filled.root, view="matrix", tracker="tiny")
    assert not [button for button in app.button if button.key == "matrix.start"]
    instrument.write(tiny_workspace.tiny_instrument(second, seed=8), filled.instruments / f"{second}.zip")
    app.run()
    assert app.button(key="matrix.start").label.startswith("Render 1 cell")
    source.write_bytes(encode(tiny_workspace.sung(hz=200.0)))
    app.run()
    assert app.button(key="matrix.start").label.startswith("Render 2 cells")


@pytest.mark.slow
def test_a_file_of_a_morph_leads_back_to_its_mixture(monkeypatch, filled):
    from ddsing.transfer.morph import Morph

    source = next(filled.examples.glob("*.wav"))
    between = Morph(tiny_workspace.NAMES, ("", ""), ((0.0, (0.3, 0.7)),))
    take = pipeline.run(filled, source, between.names, Settings(), morph=between, tracker="tiny")
    monkeypatch.setenv("DDSING_WORKSPACE", str(filled.root))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE_S).run()
    app.get_by_key("transfer.source_kind").set_value("upload").run()
    app.file_uploader[0].upload("made.flac", TakeStore(filled).export(take.id, "FLAC")).run()
    assert not app.exception
    (link,) = [link for link in app.page_link if "morph" in link.value]
    assert "weights=30%2C70" in link.proto.query_string and "between=First+voice" in link.proto.query_string


def test_the_address_of_a_morph_is_read_back_from_a_files_recipe():
    from ddsing.transfer.morph import Morph
    from ddsing.ui.shell import morph_link

    morph = Morph(("a", "b"), ("", ""), ((0.0, (1, 0)), (2.5, (0.25, 0.75))))
    recipe = {
        "morph": morph.to_json(),
        "tracker": "tiny",
        "source": {"name": "x.wav"},
        "settings": (asked_for := Settings(octave_shift=-1, autotune=0.3, gate_db=-45.0, full_band=False)).to_json(),
    }
    asked = morph_link.query(recipe)
    assert morph_link.read_settings({name: asked.get(name, "") for name in morph_link.SETTINGS}) == asked_for
    assert morph_link.read(asked["weights"], 2) == morph.points
    assert asked["between"] == ["a", "b"] and asked["octave"] == "-1" and asked["recording"] == "x.wav"
    assert morph_link.query({}) == {} == morph_link.query({"morph": {"instruments": "?"}})
    for nonsense in ("", "x", "1", "1,2,3", "0:1,1;0:1,1", "-1,2"):
        assert morph_link.read(nonsense, 2) is None
