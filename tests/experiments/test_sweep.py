"""A sweep: which trainings, what they cost, stopped in the middle and gone on with, and what came of it."""

import base64
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ddsing import cli
from ddsing.dataset import voices
from ddsing.errors import SettingsError, TrainingError
from ddsing.experiments.sweep import grid, page, results
from ddsing.experiments.sweep import job as sweep_job
from ddsing.experiments.sweep import run as sweeps
from ddsing.experiments.sweep.grid import Sweep
from ddsing.jobs.kinds import KINDS
from ddsing.training import checkpoints
from ddsing.training import recipe as recipes
from ddsing.training import run as runs
from tests.support import tiny_runs, tiny_training, tiny_workspace

AXES = {"n_harmonics": (10, 12), "n_noise_bands": (5, 9)}
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tiny_models", "uncompiled")]
NAMES = ["alto_h10_n5", "alto_h10_n9", "alto_h12_n5", "alto_h12_n9"]


@pytest.fixture
def alto(workspace):
    """A workspace with a prepared voice."""
    tiny_training.prepared_voice(workspace, "alto", n_train=3, n_held_out=0)
    return workspace


def sweep(**changes) -> Sweep:
    return Sweep("alto", AXES, tiny_training.tiny(**{"steps": 4, "save_every": 2, "keep": 1} | changes))


def test_the_original_s_nine_trainings_and_their_names():
    cells = Sweep("Aria", recipe=recipes.Recipe(config="singing")).cells()
    assert [cell.name for cell in cells[:4]] == ["Aria_h20_n10", "Aria_h20_n35", "Aria_h20_n65", "Aria_h60_n10"]
    assert len(cells) == 9 and cells[-1].name == "Aria_h100_n65"
    model = recipes.resolved(cells[1].recipe).model
    assert (model.n_harmonics, model.n_noise_bands, model.rnn_channels) == (20, 35, 512)


@pytest.mark.parametrize(
    "values",
    [
        {"n_harmonics": 20, "n_noise_bands": 65},
        {"n_harmonics": 20},
        {"learning_rate": 0.0003, "batch_size": 8},
        {"n_noise_bands": 35, "seed": 7},
        {"learning_rate": 1e-05},
    ],
)
def test_names_tell_the_parameters(values):
    assert grid.cell_values("A_b c", grid.cell_name("A_b c", values)) == values


@pytest.mark.parametrize(
    "name", ["alto", "alto_", "alto_h", "altos_h20_n10", "alto_h20_x5", "alto_dataset", "alto-h20"]
)
def test_other_names_are_no_cells(name):
    assert grid.cell_values("alto", name) is None


def test_cells_are_told_from_voices(workspace):
    for name in (
        "Aria_checkpoints",
        "Aria_h100_n10_checkpoints",
        "Aria_h20_n10_checkpoints",
        "Aria_h20_checkpoints",
        "Aria_h20",
        "Bea_x_dataset",
        "Bea_x_s2_b8_checkpoints",
        "Bea_x_s2_checkpoints",
        "lost_h3_checkpoints",
        "Song_b2_dataset",
        "Song_b2_checkpoints",
        "Song",
    ):
        (workspace.audio / name).mkdir()
    shutil.rmtree(workspace.audio / "Mira", ignore_errors=True)
    found = results.by_voice(voices.list_voices(workspace))
    own = ["Aria", "Aria_h20", "Bea_x", "Bea_x_s2_b8", "lost_h3", "Song", "Song_b2"]  # each has data, or is no cell
    assert list(found) == own
    assert list(found["Aria"]) == ["Aria_h20_n10", "Aria_h100_n10"] and not found["Aria_h20"]
    assert found["Bea_x"] == {"Bea_x_s2": {"seed": 2}}
    assert results.said({"n_harmonics": 20, "n_noise_bands": 10}) == "20 harmonics, 10 noise bands"
    assert results.said({"learning_rate": 0.0003, "seed": 7}) == "learning rate 0.0003, seed 7"


def test_the_disk_is_asked_only_of_voices_that_have_the_name_of_a_cell(workspace, monkeypatch):
    for name in ("Aria", "Aria_h20_checkpoints", "Aria_two_checkpoints", "lost_h3_checkpoints"):
        (workspace.audio / name).mkdir()
    found, asked, is_dir = voices.list_voices(workspace), [], Path.is_dir
    monkeypatch.setattr(Path, "is_dir", lambda path: asked.append(path.name) or is_dir(path))
    assert results.by_voice(found)["Aria"] == {"Aria_h20": {"n_harmonics": 20}}
    assert asked == ["Aria_h20", "Aria_h20_dataset"]


def test_values_that_no_model_has_are_refused():
    with pytest.raises(SettingsError, match="n_harmonics is 0"):
        Sweep("alto", {"n_harmonics": (0,)}).cells()
    with pytest.raises(SettingsError, match="at least one"):
        Sweep("alto", {"n_harmonics": ()})
    with pytest.raises(SettingsError, match="can't vary"):
        Sweep("alto", {"units": (16,)})
    with pytest.raises(SettingsError, match="at most 400"):
        Sweep("alto", {"n_harmonics": range(1, 102), "n_noise_bands": (3, 4, 5, 6)})


class Watched:
    """Counts the steps of every training, and stops after a number of them."""

    def __init__(self, monkeypatch, stop_after: int | None = None):
        self.steps: list[tuple[str, int]] = []
        self.stop_after = stop_after
        one_step = runs._Run._one_step

        def counted(run, events):
            one_step(run, events)
            self.steps.append((run._ready.path.name.removesuffix("_checkpoints"), run.step))

        monkeypatch.setattr(runs._Run, "_one_step", counted)

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.steps) >= self.stop_after


def test_stopped_in_the_middle_it_goes_on_and_trains_nothing_twice(alto, monkeypatch):
    watched = Watched(monkeypatch, stop_after=6)  # in the middle of the second cell
    before = grid.cost(alto, sweep())
    assert (before.n_cells, before.n_left) == (4, 4) and before.seconds > 0 and before.n_bytes > 0
    first = sweeps.train(alto, sweep(), should_stop=watched.should_stop)
    assert first.stopped and first.trained == (NAMES[0],)
    assert watched.steps == [(NAMES[0], step) for step in (1, 2, 3, 4)] + [(NAMES[1], step) for step in (1, 2)]
    half = grid.cost(alto, sweep())
    assert half.n_left == 3 and half.seconds < before.seconds

    watched.stop_after = None
    told = []
    second = sweeps.train(alto, sweep(), report=told.append)
    assert not second.stopped and second.skipped == (NAMES[0],) and second.trained == tuple(NAMES[1:])
    assert sorted(watched.steps) == [(name, step) for name in NAMES for step in (1, 2, 3, 4)]  # each once
    assert told[-1].step == told[-1].steps == 16 and told[-1].n == 4 and told[-1].eta_s == 0.0
    assert [progress.step for progress in told] == sorted(progress.step for progress in told)

    third = sweeps.train(alto, sweep())
    assert third.trained == () and len(third.skipped) == 4 and len(watched.steps) == 16
    assert grid.cost(alto, sweep()).n_left == 0
    last = {"n_harmonics": (12,), "n_noise_bands": (9,)}
    longer = sweeps.train(alto, Sweep("alto", last, tiny_training.tiny(steps=5, save_every=2)))
    assert longer.trained == (NAMES[3],) and watched.steps[16:] == [(NAMES[3], 5)]

    for name in NAMES:  # each a model of its own, on the one dataset
        folder = alto.audio / f"{name}_checkpoints"
        assert json.loads((folder / "recipe.json").read_text())["dataset_of"] == "alto"
        assert checkpoints.published(folder)[-1].step == (5 if name == NAMES[3] else 4)
        assert not (alto.audio / f"{name}_dataset").exists()
    assert not list(alto.instruments.glob("alto*"))  # nine instruments would be in the way

    found = results.cells(alto, "alto")
    assert [cell.name for cell in found] == NAMES and results.swept(alto) == ["alto"]
    assert {(cell.run.config.n_harmonics, cell.run.config.n_noise_bands) for cell in found} == {
        (10, 5),
        (10, 9),
        (12, 5),
        (12, 9),
    }
    _heard(alto, found)


def _heard(alto, found):
    cell = found[-1]
    assert {4, 5} <= set(results.heard_steps(cell)) and results.nearest_step(cell, 4) == 4
    sung, rate = soundfile.read(io.BytesIO(results.phrase(alto, cell, 5)))
    assert rate == 16_000 and np.abs(sung).max() > 0
    kept = (cell.run.path / "previews" / "ckpt-5.flac").read_bytes()
    (cell.run.path / "previews" / "ckpt-5.flac").unlink()
    again = results.phrase(alto, cell, 5)  # from the checkpoint, as for a sweep of 2021
    assert again == kept
    recording = tiny_workspace.sung(1.0)
    one, other = (soundfile.read(io.BytesIO(results.sing(alto, cell, 5, recording)))[0] for cell in found[-2:])
    assert len(one) == len(recording) and not np.array_equal(one, other)
    assert results.sing(alto, cell, 5, recording) == results.sing(alto, cell, 5, recording)


def test_a_cell_that_diverges_is_passed_over(alto, monkeypatch):
    class Exploding(Watched):
        pass

    watched = Exploding(monkeypatch)
    one_step = runs._Run._one_step

    def explode(run, events):
        if run._ready.path.name.startswith(NAMES[0]) and run.step == 1:
            raise runs.saving.diverged(run._ready.path, 2, "the loss became")
        one_step(run, events)

    monkeypatch.setattr(runs._Run, "_one_step", explode)
    two = Sweep("alto", {"n_harmonics": (10,), "n_noise_bands": (5, 9)}, tiny_training.tiny(steps=2, save_every=2))
    outcome = sweeps.train(alto, two)
    assert list(outcome.failed) == [NAMES[0]] and "became NaN" in outcome.failed[NAMES[0]]
    assert outcome.trained == (NAMES[1],) and watched.steps == [(NAMES[0], 1), (NAMES[1], 1), (NAMES[1], 2)]


class Job:
    """What a job's function sees of its job."""

    def __init__(self):
        self.told: list[dict] = []

    def report(self, **fields):
        self.told.append(fields)

    def should_stop(self):
        return False


def test_the_job(alto):
    assert KINDS["sweep"] == "ddsing.experiments.sweep.job:run"
    sweep = Sweep("alto", {"n_harmonics": (10,)}, tiny_training.tiny(steps=2, save_every=2))
    options = json.loads(json.dumps(sweep_job.order(alto, sweep).options))
    assert Sweep.from_options(options) == sweep
    job = Job()
    result = sweep_job.run(alto, options, job)
    assert json.loads(json.dumps(result))["trained"] == ["alto_h10"] and not result["stopped"]
    assert job.told[-1]["step"] == job.told[-1]["steps"] == 2 and job.told[-1]["extra"]["cell"] == "alto_h10"
    assert job.told[-1]["message"].startswith("alto_h10, 1 of 1") and job.told[-1]["eta_s"] == 0.0


def test_a_sweep_of_2021_is_found_and_read(workspace):
    folder = tiny_runs.run(workspace, "Aria_h20_n10", end=6.0)
    (folder / "recipe.json").unlink()
    tiny_runs.run(workspace, "Aria_h60_n10", n_steps=200, end=5.0, seed=1)
    tiny_runs.run(workspace, "Aria_h60_n35", end=4.0, seed=2)
    tiny_runs.run(workspace, "Aria", end=4.0)
    found = results.cells(workspace, "Aria")
    assert results.axes(found) == {"n_harmonics": [20, 60], "n_noise_bands": [10, 35]}
    rows, columns = ("n_harmonics", [20, 60]), ("n_noise_bands", [10, 35])
    values, placed = results.matrix(found, rows, columns, "loss", step=300)
    assert np.isnan(values[0, 1]) and placed[0][1] is None
    assert values[0, 0] > values[1, 0] > values[1, 1] and placed[1][1].name == "Aria_h60_n35"
    early = results.matrix(found, rows, columns, "loss", step=20)[0]
    assert (early[~np.isnan(early)] > values[~np.isnan(values)] + 1).all()
    seconds = results.matrix(found, rows, columns, "seconds", step=300)[0]
    assert seconds[0, 0] == 0.5
    parameters = results.matrix(found, ("", [0]), columns, "parameters", step=300)[0]
    assert parameters.shape == (1, 2) and parameters[0, 1] > 1000
    held_out = results.matrix(found, rows, columns, "held_out", step=300)[0]
    assert held_out[1, 1] == pytest.approx(values[1, 1] + 0.2, abs=0.5)
    assert results.nearest_step(found[0], 250) == 200
    _page(workspace, rows, columns, placed)
    with pytest.raises(TrainingError, match="no checkpoint"):
        results.sing(workspace, found[0], 300, tiny_workspace.sung(1.0))


def _page(workspace, rows, columns, placed):
    def sound(cell):
        return results.phrase(workspace, cell, 100), 100

    made = page.examples("A <b>", rows, columns, placed, phrase="A phrase", sound=sound)
    assert "<b>" not in made and "A &lt;b&gt;" in made and "35 noise bands" in made
    assert made.index("60 harmonics") < made.index("20 harmonics")
    sounds = re.findall(r"aria-label='([^']+)' src='data:audio/flac;base64,([^']+)'", made)
    assert [name for name, _ in sounds] == [
        "Aria_h60_n10, step 100",
        "Aria_h60_n35, step 100",
        "Aria_h20_n10, step 100",
    ]
    assert base64.b64decode(sounds[2][1]) == results.phrase(workspace, placed[0][0], 100)
    assert "http" not in made


def test_command_line(alto, capsys):
    where = ["--workspace", str(alto.root)]
    small = ["--harmonics", "10", "--noise-bands", "5", "9", "--config", "tiny", "--steps", "2", "--save-every", "2"]
    assert cli.main([*where, "--json", "sweep", "alto", *small, "--cost"]) == 0
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert document["cells"] == ["alto_h10_n5", "alto_h10_n9"] and document["cost"]["n_left"] == 2
    assert "2 runs: about" in said.err and not (alto.audio / "alto_h10_n5_checkpoints").exists()
    assert cli.main([*where, "--json", "sweep", "alto", *small]) == 0
    assert json.loads(capsys.readouterr().out)["trained"] == ["alto_h10_n5", "alto_h10_n9"]
    assert cli.main([*where, "sweep", "alto", *small]) == 0
    said = capsys.readouterr()
    assert "All 2 runs are done" in said.err and "2 already done" in said.out
    assert cli.main([*where, "sweep", "nobody", *small]) == 2
    assert "No voice 'nobody'" in capsys.readouterr().err
    assert cli.main([*where, "sweep", "alto", "--vary", "colour=1,2"]) == 2
    assert "--vary" in capsys.readouterr().err
    assert cli.main([*where, "--json", "sweep", "alto", "--config", "tiny", "--vary", "seed=1,2", "--cost"]) == 0
    assert json.loads(capsys.readouterr().out)["cells"] == ["alto_s1", "alto_s2"]
