"""The full band on the pages: asked for where a voice is trained, suggested where an instrument is given a top."""

import json
import shutil

import pytest
import soundfile

from ddsing.dataset import scan, voices
from ddsing.jobs.launcher import LocalLauncher
from ddsing.ui.shell import voice_picker
from ddsing.ui.training import full_band
from ddsing.workspace import Workspace
from tests.support import tiny_workspace, tops
from tests.support.pages import clean, open_page, said

pytestmark = pytest.mark.slow
FIRST = tiny_workspace.NAMES[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A voice at 16 kHz, and one at 48 kHz that comes after it; both were looked at on the Datasets page."""
    workspace = Workspace(tiny_workspace.fill(tmp_path_factory.mktemp("wide") / "ws"))
    (workspace.audio / "wide").mkdir()
    soundfile.write(workspace.audio / "wide" / "one.wav", tops.wide(4.0), 48_000)
    for name in ("alto", "wide"):
        scan.scan(voices.get(workspace, name))
    return workspace


@pytest.fixture
def root(made, tmp_path, monkeypatch):
    monkeypatch.setattr(LocalLauncher, "start", lambda self, folder: None)  # jobs are ordered and never start
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    shutil.copytree(made.root, tmp_path / "ws", copy_function=shutil.copy2)
    return tmp_path / "ws"


def ordered(root):
    (path,) = (root / "jobs").glob("*/spec.json")
    return json.loads(path.read_text("utf-8"))["options"]


def chosen(app, voice):
    app.selectbox(key=voice_picker.VOICE).set_value(voice).run()
    return app


def plainly(text):
    """Without what keeps Markdown from reading names as its own."""
    return text.replace("\\", "")


def switch(app, key=full_band.KEY):
    return next(toggle for toggle in app.toggle if toggle.key in (key, f"{key}.off"))


def test_the_switch_is_kept_and_the_job_gets_it(root, monkeypatch):
    app = chosen(open_page(monkeypatch, root, "training"), "wide")
    assert switch(app).value is False and not switch(app).disabled
    switch(app).set_value(True).run()
    app.switch_page("pages/datasets.py").run()
    app.switch_page("pages/training.py").run()
    assert switch(app).value is True
    app.button(key="train.start").click().run()
    clean(app)
    assert ordered(root)["full_band"] is True


def test_a_voice_at_16_khz_says_why_it_has_none(root, monkeypatch):
    app = chosen(open_page(monkeypatch, root, "training"), "alto")
    assert switch(app).disabled and "one.wav: It has 16 kHz; a top takes 44.1 kHz or more." in plainly(switch(app).help)
    app.button(key="train.start").click().run()
    clean(app)
    assert ordered(root)["full_band"] is None  # as always


def test_a_sweep_is_asked_for_it_too(root, monkeypatch):
    app = open_page(monkeypatch, root, "experiments")
    app.button_group(key="view").set_value("parameters").run()
    app.selectbox(key="ps_voice").set_value("wide").run()
    switch(app, "sweep.full_band").set_value(True).run()
    app.button(key="sweep.start").click().run()
    clean(app)
    assert ordered(root)["recipe"]["full_band"] is True


def test_the_voice_that_is_suggested_can_give_a_top(root, monkeypatch):
    app = open_page(monkeypatch, root, "instruments")
    app.session_state[f"top.{FIRST}"] = True
    app.run()
    clean(app)
    assert app.selectbox(key=f"top_voice.{FIRST}").value == "wide"
    assert not app.button(key=f"make_top.{FIRST}").disabled
    app.selectbox(key=f"top_voice.{FIRST}").set_value("alto").run()
    assert app.button(key=f"make_top.{FIRST}").disabled and "one.wav: It has 16 kHz" in plainly(said(app))


def test_where_no_voice_can_the_reason_is_said(root, monkeypatch):
    shutil.rmtree(root / "audio" / "wide")
    app = open_page(monkeypatch, root, "instruments")
    app.session_state[f"top.{FIRST}"] = True
    app.run()
    clean(app)
    assert app.selectbox(key=f"top_voice.{FIRST}").value == "alto"
    assert app.button(key=f"make_top.{FIRST}").disabled and "one.wav: It has 16 kHz" in plainly(said(app))
