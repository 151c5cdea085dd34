"""What a training is started with is what the page shows: its numbers, the dataset's own tracker, what comes first."""

import json

import pytest

from ddsing import hardware
from ddsing.dataset import prepare, voices, windows
from ddsing.files import write_json
from ddsing.jobs.launcher import LocalLauncher
from ddsing.sound.audio import encode
from ddsing.training import preparing
from ddsing.training.recipe import Recipe
from ddsing.ui.shell import warmup
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page, said

pytestmark = pytest.mark.slow


@pytest.fixture
def alto(tmp_path, monkeypatch):
    """A voice whose dataset was prepared with the quick tracker; jobs are ordered and never start."""
    monkeypatch.setattr(LocalLauncher, "start", lambda self, folder: None)
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    workspace = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    voice = voices.get(workspace, "alto")
    (voice.folder / "long.wav").write_bytes(encode(tiny_workspace.sung(9.0)))
    prepare.prepare(voice, tracker="tiny")
    return voice


def root_of(voice):
    return voice.folder.parents[1]


def ordered(voice) -> dict:
    (path,) = (root_of(voice) / "jobs").glob("*/spec.json")
    return json.loads(path.read_text("utf-8"))["options"]


def test_steps_and_folded_values_are_those_the_job_gets(alto, monkeypatch):
    app = open_page(monkeypatch, root_of(alto), "training")
    app.number_input(key="train.steps").set_value(2300).run()
    app.session_state["train.advanced"] = True
    app.run()
    for key, value in (("train.n_harmonics", 77), ("train.save_every", 25), ("train.batch_size", 3)):
        app.number_input(key=key).set_value(value).run()
    app.session_state["train.advanced"] = False
    app.run()
    app.switch_page("pages/datasets.py").run()
    app.switch_page("pages/training.py").run()
    assert app.number_input(key="train.steps").value == 2300
    app.button(key="train.start").click().run()
    clean(app)
    options = ordered(alto)
    wanted = {"steps": 2300, "n_harmonics": 77, "save_every": 25, "batch_size": 3, "tracker": "tiny"}
    assert {name: options[name] for name in wanted} == wanted


def test_a_dataset_that_is_up_to_date_is_not_prepared_and_needs_no_tracker(alto, monkeypatch):
    app = open_page(monkeypatch, root_of(alto), "training")
    assert "prepares the dataset" not in said(app)
    app.session_state["train.advanced"] = True
    app.run()
    tracker = app.button_group(key="train.tracker")
    assert tracker.value == "tiny" and tracker.proto.disabled


def test_excluded_windows_are_said_and_prepared_with_the_datasets_own_tracker(alto, monkeypatch):
    app = open_page(monkeypatch, root_of(alto), "training")
    windows.exclude(alto, (0,))
    app.run()
    assert "of it prepares the dataset, with the pitch tracker **Draft**" in said(app)
    app.button(key="train.start").click().run()
    clean(app)
    assert ordered(alto)["tracker"] == "tiny"


def test_preparing_takes_as_long_on_every_page_as_the_warm_up_has_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "crowd", lambda: 0.0)
    monkeypatch.setattr(
        warmup, "_status", warmup.Warmup(costs={"full": 40.0, "fast": 20.0, "tiny": 2.0, "instant": 0.5})
    )
    root = tiny_workspace.fill(tmp_path / "ws")  # its voice is 3 s
    assert "Time for this voice: Best 1–3 min," in said(open_page(monkeypatch, root, "datasets"))
    told = said(open_page(monkeypatch, root, "training"))
    assert "About 1–4 min of it prepares the dataset, with the pitch tracker **Best**" in told
    expected_s = prepare.estimate_seconds(voices.get(Workspace(root), "alto"), tracker="full")
    assert 120.0 <= expected_s < 130.0, "as jobs and commands know it"


def test_a_run_and_a_recipe_that_name_no_tracker_take_the_datasets_own(alto):
    assert not preparing.needed(alto) and preparing.seconds(alto) == 0.0
    windows.exclude(alto, (0,))
    assert preparing.needed(alto) and preparing.tracker(alto, Recipe()) == "tiny"
    assert preparing.tracker(alto, Recipe(tracker="fast")) == "fast"
    assert 0.0 < preparing.seconds(alto) < preparing.seconds(alto, Recipe(tracker="full"))


def test_the_page_says_at_once_that_excluding_windows_has_made_a_dataset_old(alto, monkeypatch):
    app = open_page(monkeypatch, root_of(alto), "datasets")
    assert any("The dataset is up to date" in element.value for element in app.success)
    app.session_state[f"windows.{alto.name}"] = True
    app.run()
    app.button(key="windows.exclude").click().run()
    clean(app)
    assert not app.success and "excluded windows have changed" in said(app)


def test_after_a_stop_one_button_comes_first(alto, monkeypatch):
    folder = root_of(alto) / "jobs" / "20261124-010203-train-abcdef"
    folder.mkdir(parents=True)
    options = {"voice": "alto", "steps": 120, "config": "singing_small"}
    spec = {"kind": "train", "title": "Train alto", "options": options, "device": None, "key": "train:alto"}
    write_json(folder / "spec.json", {**spec, "created": 1.0})
    write_json(folder / "status.json", {"state": "stopped", "step": 37, "steps": 120, "ended": 2.0})
    app = open_page(monkeypatch, root_of(alto), "training")
    clean(app)
    assert [button.key for button in app.button if button.proto.type == "primary"] == ["train.resume"]
    assert "Stopped at step 37 of 120" in said(app) and "trains to step 120, as planned" in said(app)


def test_the_tutorial_steps_aside_for_a_training_of_ones_own(monkeypatch, tmp_path):
    from ddsing.workspace import open_workspace

    workspace = open_workspace(tmp_path / "ws")
    app = open_page(monkeypatch, workspace.root, "training")
    assert "Two minutes to your first instrument" in said(app)
    folder = workspace.root / "jobs" / "20261124-010203-train-abcdef"
    folder.mkdir(parents=True)
    spec = {"kind": "train", "title": "Train me", "options": {"voice": "me"}, "device": None, "key": "train:me"}
    write_json(folder / "spec.json", {**spec, "created": 1.0})
    write_json(folder / "status.json", {"state": "stopped", "ended": 2.0})
    app.run()
    assert "Two minutes to your first instrument" not in said(app)
    app.button(key="tutorial.open").click().run()
    clean(app)
    assert "Two minutes to your first instrument" in said(app), "and comes when it is asked for"
    app.button(key="tutorial.close").click().run()
    assert "Two minutes to your first instrument" not in said(app)
