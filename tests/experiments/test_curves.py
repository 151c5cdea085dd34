"""Voice space: event files of TensorFlow's own making, 2021 folders, resumes; numbers, thinning, exports, costs."""

import csv
import io
import json
import time

import numpy as np
import plotly.graph_objects as go
import pytest

from ddsing import cli, storage
from ddsing.engine.tf import runtime
from ddsing.errors import DatasetError
from ddsing.experiments.curves import numbers, tables
from ddsing.experiments.curves import runs as space
from ddsing.model.config import ModelConfig
from ddsing.plots import curves as plot
from ddsing.plots import style
from ddsing.training import recipe as recipes
from tests.support import tiny_runs
from tests.support.counting import counted_calls

N_RUNS, N_POINTS = 200, 10_000


def written_by_tensorflow(folder, loss, *, first=1):
    """An event file as ddsp's Trainer writes it: scalars as tensors, and what else is in there."""
    tf = runtime.tensorflow()
    metadata = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"}, data_class=1)
    writer = tf.summary.create_file_writer(str(folder / "summaries" / "train"))
    with writer.as_default():
        for step, value in enumerate(loss, start=first):
            for tag, number in (("losses/total_loss", value), ("losses/spectral_loss", value), ("steps_per_sec", 4.0)):
                tf.summary.write(tag, tf.constant(number, tf.float32), step=step, metadata=metadata)
        tf.summary.write("note", tf.constant("not a number"), step=first)
    writer.close()


def last_of_each_step(folder) -> dict[int, float]:
    """The oracle: TensorFlow's own iterator over all files by the time of their beginning; done again counts anew."""
    tf = runtime.tensorflow()
    files = sorted((folder / "summaries" / "train").iterdir(), key=lambda path: path.name)
    merged: dict[int, float] = {}
    for path in files:
        found: dict[int, float] = {}
        try:
            for event in tf.compat.v1.train.summary_iterator(str(path)):
                for value in event.summary.value:
                    if value.tag == "losses/total_loss":
                        found[event.step] = float(tf.make_ndarray(value.tensor))
        except tf.errors.DataLossError:
            pass
        if found:
            merged = {step: loss for step, loss in merged.items() if step < min(found)} | found
    return merged


@pytest.mark.slow
def test_a_folder_of_2021_reads_as_tensorflow_reads_it(workspace):
    folder = workspace.audio / "Old_checkpoints"
    loss = tiny_runs.loss_curve(60)
    written_by_tensorflow(folder, loss[:40])
    time.sleep(1.1)  # TensorFlow's names count seconds
    written_by_tensorflow(folder, loss[30:] + 1, first=31)  # resumed from step 30
    last = max((folder / "summaries" / "train").iterdir(), key=lambda path: path.name)
    last.write_bytes(last.read_bytes()[:-7])  # and killed while writing
    run = space.load(workspace, "Old")
    expected = last_of_each_step(folder)
    assert dict(zip(run.steps.tolist(), run.loss.tolist())) == expected and len(expected) == 60
    assert run.loss[30] == pytest.approx(loss[30] + 1) and run.loss[29] == pytest.approx(loss[29])
    assert run.seconds_per_step == 0.25 and run.config is None and run.family == "unknown model"
    assert space.names(workspace) == ["Old"]


def test_what_a_resume_superseded_is_gone(workspace):
    folder = workspace.audio / "Back_checkpoints"
    tiny_runs.write_losses(folder, np.full(50, 9.0))
    tiny_runs.write_losses(folder, np.full(10, 5.0), first=21)  # went back to step 20
    run = space.load(workspace, "Back")
    assert run.steps.tolist() == list(range(1, 31)) and run.loss[20] == 5.0 and run.loss[19] == 9.0


def test_a_run_s_facts(workspace):
    named = recipes.config_file("singing_z").model
    tiny_runs.run(workspace, "Aria")
    tiny_runs.run(workspace, "Aria_h60_n35", config=ModelConfig(n_harmonics=60, n_noise_bands=35))
    tiny_runs.run(workspace, "Aria-bright", config=named, dataset_of="Aria")
    tiny_runs.run(workspace, "Lone_h20_n10")
    aria, cell, branch, lone = (
        space.load(workspace, name) for name in ("Aria", "Aria_h60_n35", "Aria-bright", "Lone_h20_n10")
    )
    assert (aria.voice, cell.voice, branch.voice, lone.voice) == ("Aria", "Aria", "Aria", "Lone_h20_n10")
    assert (aria.family, cell.family, branch.family) == ("16 units", "singing", "singing_z")
    assert cell.config.n_harmonics == 60 and cell.n_parameters > 4e6
    assert aria.held_out_steps.tolist() == [100, 200, 300] and aria.best_step == 300
    at_150 = numbers.summary(aria, at=150, smoothing_steps=0)
    assert at_150.at_step == 150 and at_150.at == pytest.approx(float(aria.loss[149]), abs=1e-4)
    assert at_150.spectral_loss == pytest.approx(aria.held_out["spectral_loss"][0], abs=1e-3)
    assert at_150.last == pytest.approx(float(aria.loss[-1]), abs=1e-4)
    assert at_150.best == pytest.approx(float(aria.loss.min()), abs=1e-4)
    assert aria.steps[aria.loss.argmin()] == at_150.best_step
    beyond = numbers.summary(aria, at=301)
    assert beyond.at is None and beyond.at_step is None and beyond.spectral_loss is None
    with pytest.raises(DatasetError, match="No training run named 'Nobody'"):
        space.load(workspace, "Nobody")
    for name in ("", "../Aria", "Aria/..", "."):
        with pytest.raises(DatasetError):
            space.load(workspace, name)


def test_the_cache_follows_the_files_and_is_cleared(workspace, monkeypatch):
    folder = tiny_runs.run(workspace, "Aria")
    first = space.load(workspace, "Aria")
    monkeypatch.setattr(space.histories, "read", None)  # from now on reading the files themselves would fail
    again = space.load(workspace, "Aria")
    assert (
        np.array_equal(again.loss, first.loss)
        and again.config == first.config
        and again.held_out.keys() == first.held_out.keys()
    )
    monkeypatch.undo()
    tiny_runs.write_losses(folder, np.full(10, 2.0), first=301)
    assert space.load(workspace, "Aria").steps[-1] == 310
    with open(folder / "history.jsonl", "a") as history:
        history.write(json.dumps({"step": 310, "loss": 2.0, "held_out": {"spectral_loss": 2.5}}) + "\n")
    run = space.load(workspace, "Aria")
    assert run.held_out["spectral_loss"][-1] == 2.5 and np.isnan(run.held_out["f0_cents"][-1])
    kept = workspace.cache / "curves"
    for path in kept.iterdir():
        path.write_bytes(b"damaged")
    assert np.array_equal(space.load(workspace, "Aria").loss, run.loss)
    storage.clear_cache(workspace)
    assert not kept.exists()


def test_smoothing_is_the_mean_of_the_steps_around():
    random = np.random.default_rng(0)
    steps = np.unique(random.integers(1, 500, 200))
    values = random.normal(size=len(steps))
    for width in (0, 1, 7, 40, 10_000):
        expected = [values[np.abs(steps - step) <= width / 2].mean() for step in steps]
        assert np.allclose(numbers.smoothed(steps, values, width), expected)
    assert len(numbers.smoothed(np.zeros(0, np.int64), np.zeros(0), 10)) == 0


def test_thinned_curves_keep_every_extreme_and_reach_the_edges():
    steps = np.arange(1, 10_001)
    values = np.random.default_rng(1).normal(size=10_000)
    values[[1234, 7777]] = 50.0, -50.0
    x, y = style.thin_to_extremes(steps, values, first=0, last=10_000, n_points=400)
    assert len(x) <= 403 and x[0] == 1 and x[-1] == 10_000 and {50.0, -50.0} <= set(y)
    assert np.array_equal(y, values[x - 1]) and (np.diff(x) > 0).all()
    x, y = style.thin_to_extremes(steps, values, first=100, last=200, n_points=400)
    assert x.tolist() == list(range(99, 202))
    assert style.thin_to_extremes(steps[:0], values[:0], first=0, last=9, n_points=10)[0].shape == (0,)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A workspace of 200 trainings of 10,000 steps, which have been read once."""
    from ddsing.workspace import open_workspace

    workspace = open_workspace(tmp_path_factory.mktemp("many") / "workspace")
    seed = workspace.audio / "run000_checkpoints"
    tiny_runs.write_losses(seed, tiny_runs.loss_curve(N_POINTS))
    content = next((seed / "summaries" / "train").iterdir())
    for number in range(1, N_RUNS):
        folder = workspace.audio / f"run{number:03d}_checkpoints" / "summaries" / "train"
        folder.mkdir(parents=True)
        (folder / content.name).write_bytes(content.read_bytes())
    for name in space.names(workspace):
        space.load(workspace, name)
    return workspace


@pytest.mark.slow
def test_two_hundred_runs_are_drawn_without_reading_their_event_files_again(many):
    with counted_calls() as calls:
        lines = []
        for name in space.names(many):
            run = space.load(many, name)
            smooth = numbers.smoothed(run.steps, run.loss, 100)
            x, y = style.thin_to_extremes(run.steps, smooth, first=0, last=N_POINTS, n_points=600)
            lines.append(plot.Line(run.name, run.family, run.voice, x, y))
        document = plot.figure(lines, window=(0, N_POINTS))
    assert len(document["data"]) == N_RUNS and len(go.Figure(document).to_json()) < 4e6
    assert not [name for name in calls if "training/events.py" in name or "training/history.py" in name]
    assert sum(calls.values()) < 5_000 * N_RUNS, calls.most_common(5)


def test_the_figure(workspace):
    for name, end in (("Aria", 5.0), ("Bruno", 4.0)):
        tiny_runs.run(workspace, name, end=end)
        tiny_runs.run(workspace, f"{name}-z", end=end - 0.5, config=tiny_runs.z_config(), dataset_of=name)
    runs = [space.load(workspace, name) for name in space.names(workspace)]
    lines = [plot.Line(run.name, run.family, run.voice, run.steps, run.loss, best_step=run.best_step) for run in runs]
    document = plot.figure(lines, window=(10, 200), at=100)
    curves = {trace["name"]: trace for trace in document["data"] if trace["mode"].startswith("lines")}
    colour, dash = ({name: curve["line"][what] for name, curve in curves.items()} for what in ("color", "dash"))
    assert colour["Aria"] == colour["Aria-z"] != colour["Bruno"] == colour["Bruno-z"]
    assert dash["Aria"] == dash["Bruno"] != dash["Aria-z"] == dash["Bruno-z"]
    assert document["layout"]["xaxis"]["range"] == [10, 200] and len(document["layout"]["shapes"]) == 2
    assert sum(trace["mode"] == "markers" for trace in document["data"]) == 4  # the best
    go.Figure(document)
    assert "lowest at its end is Bruno-z" in plot.alt_text(lines, "loss")
    many = [plot.Line(f"r{n}", "", f"voice {n % 3}", run.steps, run.loss) for n in range(30) for run in runs[:1]]
    assert sum(trace["showlegend"] for trace in plot.figure(many)["data"]) == 3  # voices, not thirty runs
    page = plot.to_html(document, "A <title>")
    assert "plotly.js v" in page and "<script src=" not in page and "cdn" not in page.split("plotly.js v")[0]


def test_exports(workspace):
    tiny_runs.run(workspace, "Aria")
    tiny_runs.run(workspace, 'Bruno, the "second"', n_steps=200, seed=1)
    runs = [space.load(workspace, name) for name in space.names(workspace)]
    rows = list(csv.DictReader(io.StringIO(tables.table_csv([numbers.summary(run, at=250) for run in runs]))))
    assert [row["voice"] for row in rows] == ["Aria", 'Bruno, the "second"']
    assert rows[1]["at"] == "" and float(rows[0]["at"]) == pytest.approx(numbers.summary(runs[0], at=250).at)
    lines = list(csv.reader(io.StringIO(tables.curves_csv(runs))))
    assert lines[0] == ["step", "Aria", 'Bruno, the "second"'] and len(lines) == 301
    assert float(lines[200][2]) == pytest.approx(float(runs[1].loss[199]), rel=1e-5) and lines[201][2] == ""
    assert tables.curves_csv([]) == "step\n"


def test_command_line(workspace, tmp_path, capsys):
    where = ["--workspace", str(workspace.root)]
    assert cli.main([*where, "compare", "losses"]) == 0
    assert "No training runs" in capsys.readouterr().out
    tiny_runs.run(workspace, "Aria")
    tiny_runs.run(workspace, "Bruno", end=4.0, seed=1)
    files = ["--csv", str(tmp_path / "t.csv"), "--curves", str(tmp_path / "c.csv")]
    assert cli.main([*where, "--json", "compare", "losses", "Bruno", "Aria", "--at", "100", *files]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["voice"] for row in document["trainings"]] == ["Bruno", "Aria"] and document["at"] == 100
    assert document["trainings"][0]["at"] < document["trainings"][1]["at"]
    assert (tmp_path / "t.csv").read_text().count("\n") == 3 and (tmp_path / "c.csv").read_text().count("\n") == 301
    assert cli.main([*where, "compare", "losses", "--at", "100"]) == 0
    text = capsys.readouterr().out
    assert "at 100" in text and text.index("Aria") < text.index("Bruno") and "16 units" in text
    assert cli.main([*where, "compare", "losses", "Nobody"]) == 2
    assert "choose from: 'Aria', 'Bruno'" in capsys.readouterr().err
    assert cli.main([*where, "compare", "losses", "--csv", str(tmp_path / "no" / "t.csv")]) == 2
    assert "can't be written" in capsys.readouterr().err
