"""Many recordings on the page: ordered as a job, its report, and what is refused."""

import pytest

from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.store import JobStore
from ddsing.sound import audio
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import idle_jobs, tiny_workspace
from tests.support.pages import clean, open_page, said
from tests.support.patience import until


@pytest.fixture
def workspace(tmp_path, own_locks):
    return Workspace(tiny_workspace.fill(tmp_path / "ws"))


def panel(monkeypatch, workspace, kind):
    app = open_page(monkeypatch, workspace.root)
    app.session_state["many.panel"] = True
    app.run()
    return app.get_by_key("many.kind").set_value(kind).run()


@pytest.mark.slow
def test_uploads_are_sung_in_the_background_and_reported(monkeypatch, workspace):
    app = panel(monkeypatch, workspace, "Uploads")
    app.get_by_key("transfer.tracker").set_value("instant").run()
    app.slider(key="setting.octave_shift").set_value(1).run()
    files = [(f"{n}.wav", audio.encode(tiny_workspace.sung(1.2, hz=200.0 + n)), "audio/wav") for n in range(2)]
    app.file_uploader(key="many.uploader.0").set_value([*files, ("bad.wav", b"nothing", "audio/wav")]).run()
    button = app.button(key="many.start")
    assert button.label == "Transfer 3 recordings" and not button.disabled
    button.click().run()
    clean(app)
    store = JobStore(workspace)
    until(lambda: not store.list()[0].live)
    again = open_page(monkeypatch, workspace.root)  # as after a reload, or a restart
    clean(again)
    table = again.dataframe[0].value
    assert (
        list(table["Result"]) == ["sung", "sung"]
        and again.warning[0].value.startswith("- bad\\.wav: ")
        and "3 recordings: 2 sung, 1 failed" in said(again)
    )
    takes = TakeStore(workspace).list()
    assert {take.source for take in takes} == {"0.wav", "1.wav"} and takes[0].settings.octave_shift == 1
    assert "Takes (2)" in [header.value for header in again.header]
    again.button(key="many.remove").click().run()
    assert store.list() == [] and len(TakeStore(workspace).list()) == 2


@pytest.mark.slow
def test_a_folder_is_ordered_once_followed_and_stopped(monkeypatch, workspace):
    monkeypatch.setattr(LocalLauncher, "start", lambda self, folder: None)
    app, store = panel(monkeypatch, workspace, "A folder"), JobStore(workspace)
    for text, why in (("", "Enter the path"), ("no such", "No file or folder"), ("instruments", "no recordings in it")):
        app.text_input(key="many.path").set_value(text).run()
        app.button(key="many.folder.send").click().run()
        assert why in app.error[0].value and app.text_input(key="many.path").value == text
    app.text_input(key="many.path").set_value("audio").run()
    app.button(key="many.folder.send").click().run()
    (job,) = store.list()
    assert job.options["recordings"] == ["alto/one.wav"] and len(list((workspace.root / ".batches").iterdir())) == 1
    idle_jobs.write(store, job, stage="1 of 1, one.wav: singing", fraction=0.5, step=0, steps=1)
    app.text_input(key="many.path").set_value("audio").run()
    app.button(key="many.folder.send").click().run()
    assert "Wait until the recordings above are done" in app.error[0].value and len(store.list()) == 1
    idle_jobs.write(store, job, state="stopped")
    app.run()
    assert any(button.key == "many.resume" for button in app.button)


def test_all_examples_are_offered_and_without_an_instrument_it_says_why_not(monkeypatch, workspace):
    app = panel(monkeypatch, workspace, "All examples")
    assert app.button(key="many.start").label == "Transfer 1 recording"
    for path in workspace.instruments.iterdir():
        path.unlink()
    app.run()
    assert app.button(key="many.start").disabled


@pytest.mark.slow
def test_a_mixture_and_repairs_are_ordered_and_kept(monkeypatch, workspace):
    monkeypatch.setattr(LocalLauncher, "start", lambda self, folder: None)
    first, second = tiny_workspace.NAMES
    app = panel(monkeypatch, workspace, "All examples")
    assert app.get_by_key("many.second").options == ["None", second] and app.get_by_key("many.share").disabled
    app.get_by_key("many.second").set_value(second).run()
    app.get_by_key("many.share").set_value(30).run()
    app.get_by_key("many.repair").set_value(True).run()
    app.session_state["setting.z_from"] = "mean"  # as an instrument that follows timbre may have left it
    app.run()
    again = open_page(monkeypatch, workspace.root)  # as after a restart
    again.button(key="many.start").click().run()
    clean(again)
    (job,) = JobStore(workspace).list()
    assert job.options["morph"]["instruments"] == [first, second] and job.options["repair_octaves"] is True
    assert job.options["morph"]["points"] == [[0.0, [0.7, 0.3]]] and job.options["settings"]["z_from"] == "recording"
    app.get_by_key("transfer.instrument").set_value(second).run()
    assert app.get_by_key("many.second").value == "None", "an instrument is not mixed with itself"
    clean(app)
