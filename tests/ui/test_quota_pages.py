"""The pages for somebody whose quota is full: nothing more is kept, each way in says why, and the rest goes on."""

import io
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from ddsing import storage
from ddsing.dataset import voices
from ddsing.errors import WorkspaceError
from ddsing.hosting.config import Limits
from ddsing.hosting.quotas import Quota
from ddsing.jobs import launchers
from ddsing.jobs.store import JobStore
from ddsing.sound.audio import encode
from ddsing.training import job as training
from ddsing.transfer.takes import TakeStore
from ddsing.ui.play import stage
from ddsing.ui.shell import visitor
from ddsing.ui.shell.visitor import Visitor
from ddsing.workspace import DEMO, Workspace
from tests.support import idle_jobs, tiny_training, tiny_workspace
from tests.support.idle_jobs import NoLauncher
from tests.support.pages import clean, finished, open_page, said, transfer
from tests.support.patience import PATIENCE_S

FULL = "of your"


@pytest.fixture
def root(tmp_path):
    return tiny_workspace.fill(tmp_path / "ann")


@pytest.fixture
def limited(monkeypatch, root):
    """Gives the person of all pages a quota; by default one that is full."""

    def limit(*, spare_bytes=100, **limits):
        if spare_bytes is not None:
            limits["workspace_gb"] = (storage.total_bytes(Workspace(root)) + spare_bytes) / 1e9
        quota = Quota(Limits(**limits), Workspace(root), Limits(**limits).transfer_seconds, 1)
        ann = Visitor("member", "Ann", "person 1", root, quota=quota)
        monkeypatch.setattr(visitor, "current", lambda: ann)
        monkeypatch.setattr(launchers, "of", lambda *_: NoLauncher())

    return limit


def shown(app) -> str:
    """All running text and what callbacks left for the next run, without the signs that keep it from being markdown."""
    later = " ".join(app.session_state["errors.later"]) if "errors.later" in app.session_state else ""
    return f"{said(app)} {later}".replace("\\", "")


def kept(root: Path) -> set[Path]:
    """What is in the workspace but for what can be computed again."""
    found = {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
    return {path for path in found if path.parts[0] not in (".cache", "jobs") and path.name != ".changing"}


def upload(app, name, content, panel, button):
    app.session_state[panel] = True
    app.run()
    app.file_uploader[0].upload(name, content).run()
    app.button(key=button).click().run()
    return app


def test_recordings_are_refused_and_deleting_and_listening_go_on(limited, monkeypatch, root):
    limited()
    app, before = open_page(monkeypatch, root, "datasets"), kept(root)
    content = encode(tiny_workspace.sung(2.0, hz=180.0))
    upload(app, "two.wav", content, "dataset.add.alto", "dataset.add_uploads")
    assert "'two.wav' needs" in shown(app) and FULL in shown(app) and "Delete" in shown(app)
    assert kept(root) == before and not app.exception
    voice = voices.get(Workspace(root), "alto")
    voices.remove(voice, "one.wav")
    storage.empty_trash(Workspace(root))
    upload(app, "two.wav", content, "dataset.add.alto", "dataset.add_uploads")
    assert [path.name for path in voice.recordings()] == ["two.wav"]


def test_minutes_of_recordings_have_a_limit(limited, monkeypatch, root):
    limited(spare_bytes=None, recording_minutes=0.1)
    app = open_page(monkeypatch, root, "datasets")
    upload(app, "two.wav", encode(tiny_workspace.sung(7.0)), "dataset.add.alto", "dataset.add_uploads")
    assert "minutes of recordings are left" in shown(app) and "Delete recordings" in shown(app)
    assert len(voices.get(Workspace(root), "alto").recordings()) == 1


@pytest.mark.slow
def test_instruments_are_refused(limited, monkeypatch, root):
    limited()
    app, before = open_page(monkeypatch, root, "instruments"), kept(root)
    zipped = (root / "instruments" / "First voice.zip").read_bytes()
    upload(app, "new.zip", zipped, "instruments.import", "instruments.import_now")
    finished(app)
    assert "'new.zip' needs" in shown(app) and FULL in shown(app) and kept(root) == before
    app.button(key="hear.First voice").click().run()
    app.button(key="delete.Second voice").click().run()
    clean(app)
    assert not (root / "instruments" / "Second voice.zip").exists()


@pytest.mark.slow
def test_a_take_is_refused_before_it_is_made(limited, monkeypatch, root):
    limited()
    app, before = open_page(monkeypatch, root), kept(root)
    app.button(key="transfer.start").click().run()
    assert "The take needs" in shown(app) and FULL in shown(app)
    assert "work.current" not in app.session_state and kept(root) == before
    limited(spare_bytes=10e6)
    assert len(TakeStore(Workspace(root)).list()) == 0
    transfer(app.run())
    assert len(TakeStore(Workspace(root)).list()) == 1


@pytest.mark.slow
def test_a_recording_that_is_too_long_is_not_transferred(limited, monkeypatch, root):
    limited(spare_bytes=None, transfer_seconds=1.0)
    app = open_page(monkeypatch, root)
    assert "You can transfer up to 1.0 s" in shown(app) or "You can transfer up to 1" in shown(app)
    assert app.button(key="transfer.start").disabled


def test_a_morph_is_a_transfer_too(limited, monkeypatch, root):
    limited(spare_bytes=None, transfer_seconds=1.0)
    app = open_page(monkeypatch, root, "experiments", view="morph")
    app.button(key="morph.start").click().run()
    assert "You can transfer up to" in shown(app) and "work.current" not in app.session_state


def test_an_upload_on_the_first_page_is_not_put_away_where_it_does_not_fit(limited, monkeypatch, root):
    limited()
    app = open_page(monkeypatch, root)
    app.get_by_key("transfer.source_kind").set_value("upload").run()
    app.file_uploader[0].upload("song.wav", encode(tiny_workspace.sung(2.0, hz=180.0))).run()
    clean(app)
    assert not (root / ".cache" / storage.SOURCES).exists()
    clean(app.run())
    assert "song.wav" in shown(app)
    app.session_state["add_to_voice.panel"] = True
    app.run()
    app.button(key="add_to_voice.add").click().run()
    assert FULL in shown(app)
    assert len(voices.get(Workspace(root), "alto").recordings()) == 1


@pytest.fixture
def tiny_model(tmp_path, monkeypatch):
    from ddsing.training import recipe

    monkeypatch.setattr(recipe, "GIN", recipe.GIN)
    tiny_training.add_tiny_model(tmp_path / "gin")
    yield
    recipe.config_file.cache_clear()


def test_jobs_are_started_up_to_the_limit(limited, monkeypatch, root, own_locks, tiny_model):
    limited(spare_bytes=None, live_jobs=1)
    app = open_page(monkeypatch, root, "datasets")
    app.button(key="dataset.prepare").click().run()
    clean(app)
    store = JobStore(Workspace(root), launcher=NoLauncher())
    (job,) = store.live()
    app.switch_page("pages/training.py").run()
    app.button(key="train.start").click().run()
    assert "You have 1 job running or waiting, and 1 is the most at once" in shown(app)
    assert len(store.list()) == 1
    store.stop(job.id)


def test_a_run_is_refused_by_its_size_and_so_is_resuming(limited, monkeypatch, root, own_locks, tiny_model):
    limited(spare_bytes=None)
    app = open_page(monkeypatch, root, "training")
    store = JobStore(Workspace(root), launcher=NoLauncher())
    job = store.submit(training.order("alto", tiny_training.tiny()))
    folder = next((root / "jobs").glob("*-train-*"))
    (folder / "status.json").write_text('{"state": "stopped"}')
    limited(spare_bytes=-100)
    app.run()
    app.button(key="train.resume").click().run()
    assert "'Train alto' needs" in shown(app) and store.status(job.id).state == "stopped"


def test_the_tutorial_s_recording_is_refused(limited, monkeypatch, root, own_locks):
    assert (DEMO / "audio" / "Mira").is_dir()
    limited()
    app = open_page(monkeypatch, root, "training")
    app.button(key="tutorial.add").click().run()
    assert FULL in shown(app) and not any((root / "audio" / "Mira").glob("*.*"))


def _storage():
    from ddsing.ui.shell import storage_panel

    storage_panel._sizes()


def test_what_is_used_is_shown_under_storage(limited, monkeypatch, root):
    limited(spare_bytes=10_000_000)
    app = AppTest.from_function(_storage, default_timeout=PATIENCE_S).run()
    clean(app)
    assert "Your workspace" in shown(app) and "of 600 minutes of recordings" in shown(app)
    assert "0 of 240 minutes of training today" in shown(app)


def test_runs_and_datasets_can_be_deleted_but_not_under_a_job(limited, root, own_locks):
    limited()
    for name in ("alto_checkpoints", "alto_dataset"):
        (root / "audio" / name).mkdir()
        (root / "audio" / name / "data").write_bytes(bytes(1000))
    app = AppTest.from_function(_storage, default_timeout=PATIENCE_S).run()
    assert app.selectbox(key="storage.run").options == ["alto_checkpoints, 1.0 kB", "alto_dataset, 1.0 kB"]
    store = JobStore(Workspace(root), launcher=NoLauncher())
    job = idle_jobs.submit(store)
    app.button(key="storage.remove").click().run()
    assert "Jobs are running" in shown(app) and (root / "audio" / "alto_checkpoints").is_dir()
    idle_jobs.write(store, job, state="stopped")
    app.button(key="storage.remove").click().run()
    assert not (root / "audio" / "alto_checkpoints").exists() and (root / "audio" / "alto" / "one.wav").exists()
    app.button(key="storage.empty").click().run()
    assert not [path for path in (root / "audio" / ".trash").rglob("*") if path.is_file()]
    with pytest.raises(WorkspaceError, match="No run or dataset"):
        storage.remove_run_or_dataset(Workspace(root), "alto")


@pytest.mark.slow
def test_what_is_not_enough_to_be_a_recording_is_refused_as_before(limited, monkeypatch, root):
    limited()
    app = open_page(monkeypatch, root, "datasets")
    upload(app, "no.wav", io.BytesIO(b"no sound").getvalue(), "dataset.add.alto", "dataset.add_uploads")
    assert "not added" in str([one.proto for one in app.warning]) and FULL not in shown(app)


@pytest.mark.slow
def test_play_says_that_a_recording_can_t_be_rendered_and_ends_it_where_it_could_not(monkeypatch, root, limited):
    seen = []
    monkeypatch.setattr(stage, "_play", lambda **given: seen.append(given["data"]["most_s"]))
    limited(spare_bytes=None, transfer_seconds=40.0)
    app = open_page(monkeypatch, root, "play")
    clean(app)
    assert seen[-1] == 40.0 and "rendered now" not in shown(app)
    limited()
    assert "What you record is kept, but can't be rendered now. The take needs" in shown(app.run()) and FULL in said(
        app
    )
    monkeypatch.setattr(visitor, "current", lambda: visitor.LOCAL)
    assert "rendered now" not in shown(app.run()) and seen[-1] == 600.0
