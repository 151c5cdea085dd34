"""A job is the same whether a page or the command line orders it: what is written in its folder is compared."""

import json
import shutil

import pytest

from ddsing import cli, hardware
from ddsing.experiments.comparison import matrix
from ddsing.jobs.launcher import LocalLauncher
from ddsing.sound.audio import encode
from ddsing.sound.pitch import rates
from ddsing.ui.shell import warmup
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page

RECORDING = f"{tiny_workspace.EXAMPLE}.wav"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Two workspaces that are equal, on a computer without a GPU; jobs are ordered and never start."""
    monkeypatch.setattr(LocalLauncher, "start", lambda self, folder: None)
    monkeypatch.setattr(warmup, "start", lambda: None)  # what it measures in between would be known to one of them only
    monkeypatch.setattr(rates, "learn", lambda *args, **kwargs: None)  # nor what the fit of the chosen example measures
    monkeypatch.setattr(hardware, "crowd", lambda: 0.0)  # how busy it is changes from one order to the next
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    root = tiny_workspace.fill(tmp_path / "page")
    (root / "audio" / "alto" / "long.wav").write_bytes(encode(tiny_workspace.sung(9.0)))
    shutil.copytree(root, tmp_path / "terminal")
    return root, tmp_path / "terminal"


def ordered(root) -> dict:
    """The spec of the only job, but for the moment."""
    (path,) = (root / "jobs").glob("*/spec.json")
    spec = json.loads(path.read_text("utf-8"))
    assert spec.pop("created") > 0
    return spec


def by_command(capsys, root, *words) -> dict:
    capsys.readouterr()
    assert cli.main([*words, "--background", "--workspace", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["job"]
    return ordered(root)


def experiments(monkeypatch, root, view):
    app = open_page(monkeypatch, root, "experiments")
    app.button_group(key="view").set_value(view).run()
    return app


@pytest.mark.slow
def test_prepare(places, monkeypatch, capsys):
    page, terminal = places
    app = open_page(monkeypatch, page, "datasets")
    app.get_by_key("dataset.tracker.alto").set_value("tiny").run()
    app.button(key="dataset.prepare").click().run()
    clean(app)
    assert ordered(page) == by_command(capsys, terminal, "dataset", "prepare", "alto", "--tracker", "tiny")
    assert ordered(page)["needs_bytes"] > 500e6 and ordered(page)["device"] is None


def test_train(places, monkeypatch, capsys):
    page, terminal = places
    app = open_page(monkeypatch, page, "training")
    app.number_input(key="train.steps").set_value(200).run()
    app.button(key="train.start").click().run()
    clean(app)
    spec = ordered(page)
    numbers = {"--steps": "steps", "--batch-size": "batch_size", "--save-every": "save_every", "--seed": "seed"}
    numbers |= {"--learning-rate": "learning_rate", "--harmonics": "n_harmonics", "--noise-bands": "n_noise_bands"}
    numbers |= {"--head-start-steps": "head_start_steps"}
    words = [word for option, name in numbers.items() for word in (option, str(spec["options"][name]))]
    words += ["--config", "singing_small", "--centred-frames"]
    assert spec == by_command(capsys, terminal, "train", "alto", *words)
    assert spec["options"]["steps"] == 200 and spec["device"] == "cpu"


@pytest.mark.slow
def test_train_with_timbre(places, monkeypatch, capsys):
    """How quickly it follows the recording, and how closely, is chosen beside the model."""
    page, terminal = places
    app = open_page(monkeypatch, page, "training")
    assert "train.z_dims" not in {control.key for control in app.button_group}
    app.selectbox(key="train.config").select("singing_z_small").run()
    app.button_group(key="train.z_time_steps").set_value(250).run()
    app.button_group(key="train.z_dims").set_value(4).run()
    app.button(key="train.start").click().run()
    clean(app)
    options = ordered(page)["options"]
    assert {name: options[name] for name in ("z_time_steps", "z_dims")} == {"z_time_steps": 250, "z_dims": 4}
    words = ["--config", "singing_z_small", "--z-rate", "250", "--z-width", "4"]
    theirs = by_command(capsys, terminal, "train", "alto", *words)["options"]
    assert {name: theirs[name] for name in ("config", "z_time_steps", "z_dims")} == {
        name: options[name] for name in ("config", "z_time_steps", "z_dims")
    }


@pytest.mark.slow
def test_train_in_an_hour(places, monkeypatch, capsys):
    """The preset of the page is that of the command line; it stays chosen on leaving, and by hand all is as before."""
    page, terminal = places
    app = open_page(monkeypatch, page, "training")
    app.button_group(key="train.preset").set_value("hour").run()
    assert "train.steps" not in {control.key for control in app.number_input}
    app.session_state["train.advanced"] = True
    app.run()
    app.switch_page("pages/datasets.py").run()
    app.switch_page("pages/training.py").run()
    assert app.button_group(key="train.preset").value == "hour"
    app.button(key="train.start").click().run()
    clean(app)
    spec = ordered(page)
    assert spec == by_command(capsys, terminal, "train", "alto", "--preset", "hour", "--centred-frames", "--seed", "0")
    assert (spec["options"]["z_time_steps"], spec["options"]["steps"]) > (250, 100)


@pytest.mark.slow
def test_sweep(places, monkeypatch, capsys):
    page, terminal = places
    app = experiments(monkeypatch, page, "parameters")
    app.text_input(key="sweep.harmonics").set_value("10 12").run()
    app.text_input(key="sweep.noise").set_value("5").run()
    app.number_input(key="sweep.steps").set_value(7).run()
    app.button(key="sweep.start").click().run()
    clean(app)
    numbers = ["--harmonics", "10", "12", "--noise-bands", "5", "--steps", "7", "--batch-size"]
    spec = ordered(page)
    numbers += [str(spec["options"]["recipe"]["batch_size"]), "--config", "singing_small"]
    assert spec == by_command(capsys, terminal, "sweep", "alto", *numbers)
    assert spec["device"] == "cpu"


def test_matrix(places, monkeypatch, capsys):
    page, terminal = places
    app = experiments(monkeypatch, page, "matrix")
    app.button(key="matrix.start").click().run()
    clean(app)
    words = ["--instruments", *tiny_workspace.NAMES, "--recordings", RECORDING, "--tracker", "tiny"]
    spec = ordered(page)
    assert spec == by_command(capsys, terminal, "compare", "matrix", *words)
    assert matrix.Matrix.from_json(spec["options"]).instruments == tiny_workspace.NAMES
