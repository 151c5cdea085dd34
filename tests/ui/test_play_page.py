"""The page Play, without its sound: which instrument its address opens, and the styles that an instrument has."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from ddsing import instrument
from ddsing.dataset import prepare, voices
from ddsing.play import learning
from ddsing.play.presets import PlayPreset, PlayPresets
from ddsing.play.style import STYLES
from ddsing.transfer.presets import Presets
from ddsing.transfer.takes import TakeStore
from ddsing.ui.play import manner, recorded, singing
from ddsing.ui.shell import visitor, work
from ddsing.ui.shell.formatting import plain
from ddsing.ui.shell.visitor import Visitor
from ddsing.workspace import Workspace
from tests.support import prepared_voices, tiny_workspace
from tests.support.pages import clean, open_page, said
from tests.support.patience import until

FIRST, SECOND = tiny_workspace.NAMES


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "ws"))


def test_the_address_opens_an_instrument_and_follows_the_choice(monkeypatch, workspace):
    app = open_page(monkeypatch, workspace.root)
    app.query_params["instrument"] = SECOND
    app.switch_page("pages/play.py").run()
    clean(app)
    assert app.selectbox(key="instrument").value == SECOND
    app.selectbox(key="instrument").set_value(FIRST).run()
    assert dict(app.query_params) == {"instrument": FIRST}
    app.run()
    assert app.selectbox(key="instrument").value == FIRST
    again = open_page(monkeypatch, workspace.root, "play")  # an address that says nothing: as it was left
    assert again.selectbox(key="instrument").value == FIRST and dict(again.query_params) == {"instrument": FIRST}
    clean(again)


def test_an_address_of_an_instrument_that_is_not_here_says_so_once(monkeypatch, workspace):
    app = open_page(monkeypatch, workspace.root)
    app.query_params["instrument"] = "Nobody"
    app.switch_page("pages/play.py").run()
    clean(app)
    assert "No instrument **Nobody** here" in said(app)
    assert app.selectbox(key="instrument").value == FIRST
    assert "Nobody" not in said(app.run())


def test_instruments_lead_to_play(monkeypatch, workspace):
    app = open_page(monkeypatch, workspace.root, "instruments")
    app.button(key=f"play.{SECOND}").click().run()
    clean(app)
    assert app.title[0].value == "Play" and app.selectbox(key="instrument").value == SECOND
    assert dict(app.query_params) == {"instrument": SECOND}


@pytest.mark.slow
def test_the_own_style_of_a_voice_is_played_where_it_has_one(monkeypatch, tmp_path):
    voice = prepared_voices.unprepared(tmp_path)
    workspace = Workspace(tmp_path / "w")
    made = tiny_workspace.tiny_instrument("Alto")
    made = replace(made, provenance=replace(made.provenance, voice=voice.name))
    instrument.write(made, workspace.instruments / "Alto.zip")
    instrument.write(tiny_workspace.tiny_instrument("Other"), workspace.instruments / "Other.zip")
    app = open_page(monkeypatch, workspace.root, "play", instrument="Alto")
    assert app.button_group(key=manner.STYLE).options == ["Plain", "Classical", "Pop"]
    prepare.prepare(voice, tracker="tiny")
    app.run()
    app.button_group(key=manner.STYLE).set_value("voice:alto").run()
    clean(app)
    learnt = learning.learn(workspace, voices.get(workspace, "alto").name)
    assert "Learnt from the recordings of alto" in said(app)
    assert learnt.style.changed_from(STYLES["classical"])
    assert app.slider(key="play.vibrato_cents").value == pytest.approx(learnt.style.vibrato_cents, abs=2.5)
    assert app.slider(key="play.attack_s").value == pytest.approx(1000 * learnt.style.attack_s, abs=2.5)
    app.selectbox(key="instrument").set_value("Other").run()
    assert len(app.button_group(key=manner.STYLE).options) == 3
    clean(app)


def test_the_octave_of_the_microphone_is_kept_for_each_instrument(monkeypatch, workspace):
    app = open_page(monkeypatch, workspace.root, "play", instrument=FIRST)
    app.session_state["play.more"] = True
    app.run().slider(key=singing.OCTAVES).set_value(1).run()
    app.selectbox(key="instrument").set_value(SECOND).run()
    assert app.slider(key=singing.OCTAVES).value == 0
    app.selectbox(key="instrument").set_value(FIRST).run()
    assert app.slider(key=singing.OCTAVES).value == 1
    clean(app)


def with_panel(monkeypatch, root, **address):
    """The page with the panel of its presets open."""
    app = open_page(monkeypatch, root, "play", **address)
    app.session_state["play.preset.panel"] = True
    return app.run()


def test_a_preset_is_saved_and_loaded_and_comes_with_its_instrument(monkeypatch, workspace):
    store, app = PlayPresets(workspace), with_panel(monkeypatch, workspace.root, instrument=FIRST)
    app.button_group(key=manner.STYLE).set_value("pop").run()
    app.slider(key="play.vibrato_cents").set_value(85).run()
    app.slider(key=manner.BREATH).set_value(-4).run()
    app.text_input(key="play.preset.name").set_value("Torch").run()
    app.button(key="play.preset.save.send").click().run()
    clean(app)
    (kept,) = store.list()
    assert kept == PlayPreset("Torch", replace(STYLES["pop"], vibrato_cents=85.0), "pop", -4.0)
    assert "style pop · vibrato 85 cents · breath −4 dB" in said(app) and "Set to" in said(app)
    app.toggle(key="play.preset.default").set_value(True).run()
    app.slider(key="play.vibrato_cents").set_value(10).run()
    app.button_group(key=manner.STYLE).set_value("plain").run()
    assert "Set to" not in said(app)
    app.selectbox(key="instrument").set_value(SECOND).run()
    assert app.button_group(key=manner.STYLE).value == "classical" and app.slider(key=manner.BREATH).value == 0
    app.button(key="play.preset.load").click().run()
    assert app.button_group(key=manner.STYLE).value == "pop" and app.slider(key="play.vibrato_cents").value == 85
    app.slider(key="play.vibrato_cents").set_value(30).run()
    app.selectbox(key="instrument").set_value(FIRST).run()  # whose default it is, whatever stood there
    assert app.button_group(key=manner.STYLE).value == "pop" and app.slider(key="play.vibrato_cents").value == 85
    assert app.slider(key=manner.BREATH).value == -4
    app.selectbox(key="instrument").set_value(SECOND).run()
    assert app.slider(key="play.vibrato_cents").value == 30, "what was set for the other one stays"
    assert Presets(workspace).list() == (), "those of transfers are others"
    clean(app)


def test_what_another_person_has_recorded_in_this_tab_is_refused(monkeypatch, tmp_path):
    """Somebody signs out, and the next one in the same tab sends what the browser still has of the first."""
    owners = {}
    for number, name in enumerate(("ann", "bob")):
        root = tiny_workspace.fill(tmp_path / name)
        monkeypatch.setattr(visitor, "current", lambda n=number, root=root: Visitor("member", "", f"person {n}", root))
        monkeypatch.setattr(recorded.st, "session_state", {})
        owners[name] = recorded.known()["owner"]
    assert owners["ann"] != owners["bob"] and str(tmp_path) not in owners["ann"]
    curve = base64.b64encode(np.full(250, -20.0, "<f4").tobytes()).decode()
    sent = {"id": "1", "name": FIRST, "owner": owners["ann"], "f0_hz": curve, "loudness_db": curve}
    recorded.order(sent | {"style": {}, "style_name": "pop", "breath_db": 0.0, "timbre": []})
    assert recorded.st.session_state["errors.later"] == [plain(recorded.ELSEWHERE)]
    assert recorded.known() == {"owner": owners["bob"], "ordered": (), "answered": "1"} and not work._works
    assert TakeStore(Workspace(tmp_path / "bob")).list() == []


def test_a_recording_is_not_rendered_on_another_loudness_scale(monkeypatch, workspace):
    """The instrument was replaced, under the same name, by one of another generation since it was recorded."""
    monkeypatch.setattr(visitor, "current", lambda: Visitor("member", "", "ann", workspace.root))
    monkeypatch.setattr(recorded.st, "session_state", {})
    curve = base64.b64encode(np.full(250, -20.0, "<f4").tobytes()).decode()
    sent = {"id": "1", "name": FIRST, "owner": recorded.known()["owner"], "f0_hz": curve, "loudness_db": curve}
    manner_of_it = {"style": {}, "style_name": "pop", "breath_db": 0.0, "timbre": [], "generation": 1}
    recorded.order(sent | manner_of_it)
    (why,) = recorded.st.session_state["errors.later"]
    assert "that was one of ddsp 1" in why and "this is one of ddsp 3" in why
    assert recorded.known()["ordered"] == () and not work._works, "it is kept"


@pytest.mark.slow
def test_what_is_ordered_is_known_after_a_reload(monkeypatch, workspace):
    """The browser keeps a recording until it hears that it is ordered, which may be after a reload."""
    monkeypatch.setattr(visitor, "current", lambda: Visitor("member", "", "ann", workspace.root))
    monkeypatch.setattr(recorded.st, "session_state", {})
    curve = base64.b64encode(np.full(250, -20.0, "<f4").tobytes()).decode()
    pitch = base64.b64encode(np.full(250, 220.0, "<f4").tobytes()).decode()
    sent = {"id": "1", "name": FIRST, "owner": recorded.known()["owner"], "f0_hz": pitch, "loudness_db": curve}
    recorded.order(sent | {"style": {}, "style_name": "pop", "breath_db": 0.0, "timbre": [], "generation": 3})
    assert "errors.later" not in recorded.st.session_state
    monkeypatch.setattr(recorded.st, "session_state", {})
    assert recorded.known()["ordered"] == ("1",)
    until(lambda: len(TakeStore(workspace).list()) == 1)
