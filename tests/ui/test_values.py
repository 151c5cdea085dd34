"""Every control of every page keeps its value: its page left, its panel folded, in another tab, after a restart."""

import json
import shutil

import pytest
import streamlit as st

from ddsing.sound.audio import encode
from ddsing.transfer.takes import TakeStore
from ddsing.ui.shell import errors
from ddsing.workspace import Workspace
from tests.support import controls, tiny_workspace
from tests.support.furnished import furnish
from tests.support.pages import clean, open_page, said

pytestmark = pytest.mark.slow

VIEWS = ("takes", "blind", "matrix", "morph", "voices", "parameters", "latent")
PAGES = ["timbre_transfer", "play", "datasets", "training", "instruments", *(f"experiments/{view}" for view in VIEWS)]
FEWEST = {"timbre_transfer": 12, "datasets": 6, "training": 9, "experiments/blind": 4, "experiments/matrix": 4}


@pytest.fixture(scope="module")
def furnished(tiny_models, shared, tmp_path_factory):
    """A workspace in which every page has something for each of its controls."""
    return furnish(tmp_path_factory.mktemp("furnished") / "ws", shared)


@pytest.fixture
def root(furnished, tmp_path):
    shutil.copytree(furnished.root, tmp_path / "ws", copy_function=shutil.copy2)
    return tmp_path / "ws"


def opened(monkeypatch, root, place):
    """A tab on a page, or on a view of it, as somebody who begins finds it."""
    page, _, view = place.partition("/")
    app = open_page(monkeypatch, root, page)
    if view and app.button_group(key="view").value != view:
        app.button_group(key="view").set_value(view).run()
    clean(app)
    return app


def unbroken(app):
    """No bug of ours is on the page; that a training has no checkpoint to sing with may be said."""
    assert not app.exception and errors.SORRY not in [error.value for error in app.error]


def unfolded(app):
    """Open panel after panel."""
    controls.drawn_out(app)
    for _ in range(20):
        closed = [key for key, is_open in controls.panels(app).items() if not is_open]
        if not closed:
            return app
        controls.fold(app, closed[0], opened=True)
        assert not app.exception
    raise AssertionError(closed)


def changed(app, among=dict):
    """Set every control to something else, one after the other; those that appear with another's value as well."""
    about = {"view", "voice.name", "ps_voice", "train.preset"}  # which decide what the others are about
    done = set()
    while todo := [key for key in among(controls.controls(app)) if key not in done | about]:
        done.add(todo[0])
        before = controls.standing(app)
        if controls.change(app, todo[0]):
            assert not app.exception, todo[0]
            after = controls.standing(app)
            key = controls.SLOT.sub("", todo[0])
            assert after.get(key) != before[key] or key == "transfer.source_kind", key
    return done


@pytest.mark.parametrize("place", PAGES)
def test_every_control_keeps_its_value(place, monkeypatch, root):
    app = opened(monkeypatch, root, place)
    if place in ("training", "datasets"):
        app.selectbox(key="voice.name").select("bass" if place == "training" else "alto").run()
    unfolded(app)
    at_first = controls.standing(app)
    assert len(changed(app)) >= FEWEST.get(place, 1)
    unfolded(app)
    stand = controls.standing(app)
    assert stand != at_first or place == "instruments"
    page = place.partition("/")[0]

    for other in (
        ("instruments", "datasets") if page not in ("instruments", "datasets") else ("training", "experiments")
    ):
        app.switch_page(f"pages/{other}.py").run()
    controls.drawn_out(app.switch_page(f"pages/{page}.py").run())
    unbroken(app)
    assert controls.standing(app) == stand, "another page was visited"

    for key in [*controls.panels(app)]:
        controls.fold(app, key, opened=False)
        app.run()
        controls.fold(app, key, opened=True)
        app.run()
        assert controls.standing(app) == stand, f"{key} was folded"

    st.cache_resource.clear()
    st.cache_data.clear()
    again = controls.drawn_out(open_page(monkeypatch, root, page))
    unbroken(again)
    assert controls.standing(again) == stand, "the dashboard was started again"


def at(monkeypatch, root, address):
    """A tab that is opened on the Experiments page by an address."""
    app = open_page(monkeypatch, root)
    for name, value in address.items():
        app.query_params[name] = value
    controls.drawn_out(app.switch_page("pages/experiments.py").run())
    unbroken(app)
    return app


@pytest.mark.parametrize("view", [view for view in VIEWS if view != "blind"])
def test_the_address_says_what_is_shown_and_a_reload_changes_nothing(view, monkeypatch, root):
    app = unfolded(opened(monkeypatch, root, f"experiments/{view}"))
    at_first = controls.standing(app)
    changed(app)
    stand, address = controls.standing(app), dict(app.query_params)
    assert controls.standing(at(monkeypatch, root, address)) == stand, "the page was loaded again"

    other = "morph" if view == "matrix" else "matrix"
    app.button_group(key="view").set_value(other).run()
    visited = at(monkeypatch, root, dict(app.query_params))
    assert visited.button_group(key="view").value == other
    controls.drawn_out(visited.button_group(key="view").set_value(view).run())
    assert controls.standing(visited) == stand, "another view was loaded again"
    assert dict(visited.query_params) == address, "what was restored is in the address"

    app.button_group(key="view").set_value(view).run()
    restored = at(monkeypatch, root, {})
    assert controls.standing(restored) == stand
    assert dict(restored.query_params) == address, "what was restored is in the address"

    plain = at(monkeypatch, root, {"view": view})  # which says that all of it is as by default
    assert controls.addressed(controls.standing(plain)) == controls.addressed(at_first)

    (root / ".cache" / "choices.json").unlink()
    alone = unfolded(at(monkeypatch, root, address))
    assert controls.addressed(controls.standing(alone)) == controls.addressed(stand), "from the address alone"


FORMS = {  # the pages with fields that a button sends, and how many there are at least
    "timbre_transfer": 6,
    "datasets": 2,
    "training": 2,
    "instruments": 5,
    "experiments/takes": 3,
}


@pytest.mark.parametrize("place", FORMS)
def test_what_was_typed_is_kept_until_it_is_cancelled(place, monkeypatch, root):
    app = opened(monkeypatch, root, place)
    if place == "training":
        app.selectbox(key="voice.name").select("bass").run()
    unfolded(app)
    at_first = controls.typed(controls.standing(app))
    assert len(at_first) >= FORMS[place]
    done = changed(app, among=controls.typed)
    stand = controls.typed(controls.standing(app))
    assert done == at_first.keys() == stand.keys() and sum(stand[key] != at_first[key] for key in stand) >= FORMS[place]
    again = unfolded(open_page(monkeypatch, root, place.partition("/")[0]))
    assert controls.typed(controls.standing(again)) == stand, "the dashboard was started again"

    for key in [button.key for button in again.button if button.key and button.key.endswith(".cancel")]:
        again.button(key=key).click().run()
        unbroken(again)
    assert controls.typed(controls.standing(again)) == at_first
    other = unfolded(open_page(monkeypatch, root, place.partition("/")[0]))
    assert controls.typed(controls.standing(other)) == at_first


def test_what_was_typed_is_gone_once_it_is_sent(monkeypatch, root):
    app = opened(monkeypatch, root, "datasets")
    app.text_input(key="voice.new").set_value("Tenor").run()
    app = open_page(monkeypatch, root, "datasets")
    assert app.text_input(key="voice.new").value == "Tenor"
    app.button(key="voice.new.send").click().run()
    clean(app)
    assert (root / "audio" / "Tenor").is_dir() and app.text_input(key="voice.new").value == ""
    assert open_page(monkeypatch, root, "datasets").text_input(key="voice.new").value == ""

    app = controls.drawn_out(open_page(monkeypatch, root))
    key = next(key for key in controls.controls(app) if key.startswith("take_name."))
    app.text_input(key=key).set_value("Renamed").run()
    app.button(key=key.replace("_name", "_edit") + ".send").click().run()
    clean(app)
    TakeStore(Workspace(root)).rename(key.partition(".")[2], "Once more")
    assert controls.drawn_out(open_page(monkeypatch, root)).text_input(key=key).value == "Once more"


def test_an_uploaded_recording_is_still_there_in_another_tab(monkeypatch, root):
    app = open_page(monkeypatch, root)
    app.get_by_key("transfer.source_kind").set_value("upload").run()
    app.file_uploader[0].upload("my song.wav", encode(tiny_workspace.sung(2.5))).run()
    clean(app)
    again = open_page(monkeypatch, root)
    clean(again)
    assert "Still available, uploaded earlier: my song\\.wav" in said(again) and "2.5 s" in said(again)


def test_each_tab_keeps_its_own_value_and_a_new_one_begins_with_the_last(monkeypatch, root):
    one, other = open_page(monkeypatch, root), open_page(monkeypatch, root)
    one.get_by_key("setting.octave_shift").set_value(1).run()
    other.get_by_key("setting.octave_shift").set_value(2).run()
    for tab, value in ((one, 1), (other, 2), (open_page(monkeypatch, root), 2)):
        tab.run()
        assert tab.get_by_key("setting.octave_shift").value == value


def test_values_of_another_version_are_passed_over(monkeypatch, root):
    path = root / ".cache" / "choices.json"
    kept = {"setting.octave_shift": "high", "setting.gate_db": "low", "transfer.instrument": 7}
    path.write_text(json.dumps({"version": 1, "values": kept}))
    app = controls.unfold_groups(open_page(monkeypatch, root))
    clean(app)
    assert app.get_by_key("setting.octave_shift").value == 0 and app.get_by_key("setting.gate_db").value is None
    path.write_text(json.dumps({"version": 1, "values": {"setting.gate_db": -42.5}}))  # no step of the slider's own
    app = controls.unfold_groups(open_page(monkeypatch, root))
    clean(app)
    assert app.get_by_key("setting.gate_db").value == -42.5 and "−42.5 dB" in app.get_by_key("setting.gate_db").options
    path.write_text("{")
    clean(open_page(monkeypatch, root))
