"""The Training page: what it shows of real trainings of a tiny model, and a real background job."""

import json
import shutil
import time
from dataclasses import replace

import pytest

from ddsing import hardware
from ddsing.instrument.library import Library
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.order import Order
from ddsing.jobs.store import JobStore
from ddsing.plots import training as plots
from ddsing.training import checkpoints, coach, run
from ddsing.training import history as histories
from ddsing.ui.shell.formatting import plain
from ddsing.ui.training import device_tile, previews
from ddsing.workspace import open_workspace
from tests.support import tiny_training, tiny_workspace
from tests.support.pages import clean, finished, open_page, said
from tests.support.patience import until

pytestmark = pytest.mark.slow

STEPS, SAVE_EVERY = 12, 2


@pytest.fixture(scope="module")
def trained_once(tiny_models, tmp_path_factory):
    """A workspace whose voice alto was trained for twelve steps, with previews."""
    workspace = open_workspace(tiny_workspace.empty(tmp_path_factory.mktemp("trained") / "ws"))
    tiny_training.prepared_voice(workspace)
    run.train(workspace, "alto", tiny_training.tiny(steps=STEPS, save_every=SAVE_EVERY))
    return workspace


@pytest.fixture
def trained(trained_once, monkeypatch, tmp_path):
    """The page on a copy of that workspace."""
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    root = tmp_path / "ws"
    shutil.copytree(trained_once.root, root)
    return open_page(monkeypatch, root, "training"), root


def keys(app):
    return {str(button.key) for button in app.button}


def test_an_empty_workspace_says_where_to_begin(monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.empty(tmp_path / "ws"), "training")
    clean(app)
    assert "No voices yet" in said(app) and "train.start" not in keys(app)


def test_a_voice_can_be_trained_with_an_estimate_and_closed_parts_do_not_run(monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"), "training")
    clean(app)
    assert "train.start" in keys(app) and "About **" in said(app)
    assert not [number for number in app.number_input if number.key == "train.batch_size"]
    app.session_state["train.advanced"] = True
    app.run()
    before = said(app).split("About **")[1].split("**")[0]
    app.number_input(key="train.steps").set_value(200).run()
    clean(app)
    assert said(app).split("About **")[1].split("**")[0] != before
    for number in app.number_input:
        assert number.help


def test_another_model_brings_its_own_numbers(monkeypatch, tmp_path):
    app = open_page(monkeypatch, tiny_workspace.fill(tmp_path / "ws"), "training")
    small = app.number_input(key="train.steps").value
    app.selectbox(key="train.config").select("singing").run()
    clean(app)
    assert (small, app.number_input(key="train.steps").value) == (2000, 40_000)


def test_a_training_is_shown_with_its_curve_previews_and_advice(trained):
    app, root = trained
    clean(app)
    history = histories.read(root / "audio" / "alto_checkpoints")
    assert len(app.get("plotly_chart")) == 1
    moments = previews.moments(history.saves, previews.worth(history))
    assert len(app.get("audio")) == len(moments) + 1, "a player for each moment, and one for all"
    for save in moments:
        assert f"**Step {save.step:,}**" in said(app)
    for advice in coach.advice(history):
        assert plain(advice.sentence) in said(app) and plain(advice.evidence) in said(app)


def test_a_stretch_of_the_curve_is_kept_and_left_again(trained):
    app, _ = trained
    app.session_state["train.window"] = (4.0, 9.0)
    app.run()
    clean(app)
    assert '"range":[4.0,9.0]' in app.get("plotly_chart")[0].proto.spec.replace(" ", "")
    app.button(key="train.whole").click().run()
    assert "train.whole" not in keys(app)


def test_the_log_and_the_measures_are_there_when_opened(trained):
    app, _ = trained
    for panel in ("train.held_out", "train.log", "queue.ended"):
        app.session_state[panel] = True
    app.run()
    clean(app)
    assert len(app.get("plotly_chart")) == 2
    assert "there is no log" in said(app) and "None yet" in said(app)


def test_its_figures_are_drawn_once_however_often_the_page_runs(trained, monkeypatch):
    app, root = trained
    drawn = []
    for name in ("loss_figure", "held_out_figure"):
        made = getattr(plots, name)
        monkeypatch.setattr(
            plots, name, lambda *about, name=name, made=made, **how: drawn.append(name) or made(*about, **how)
        )
    app.session_state["train.window"] = (3.0, 8.5)  # no other test looks at these steps
    app.session_state["train.held_out"] = True
    app.run()
    app.run()
    clean(app)
    assert len(app.get("plotly_chart")) == 2 and sorted(drawn) == ["held_out_figure", "loss_figure"]
    app.session_state["train.window"] = (3.0, 9.5)
    app.run()
    assert len(drawn) == 4, "other steps are another figure"


def test_one_press_makes_the_instrument_and_another_leads_to_the_transfer(trained):
    app, root = trained
    for entry in Library(open_workspace(root)).list():
        Library(open_workspace(root)).delete(entry.name)
    app.run()
    assert "export.sing_button" not in keys(app)
    app.button(key="export.latest").click().run()
    clean(app)
    entry = Library(open_workspace(root)).get("alto")
    assert entry.provenance.step == STEPS and "alto** is in your instruments" in said(app)
    app.button(key="export.sing_button").click().run()
    assert app.session_state["transfer.instrument"] == "alto"
    assert [title.value for title in app.title] == ["Timbre transfer"]


def test_the_page_says_which_checkpoint_is_taken_and_exports_the_other_as_well(trained):
    app, root = trained
    path = root / "audio" / "alto_checkpoints"
    history = histories.read(path)
    assert plain(history.verdict.why) in said(app)
    other = next(step for step in history.checkpoints if step != history.verdict.step)
    checkpoints.write_best(path, other, value=1.0, by="held-out spectral loss")
    app.run()
    clean(app)
    shown = [player.key for player in app.get("bidi_component")]
    assert shown.count("export.heard") == 1, "both are heard in one player"
    labels = {button.key: button.label for button in app.button if (button.key or "").startswith("export.")}
    assert labels["export.loss"] == f"Export the lowest loss, step {other:,}"
    app.button(key="export.loss").click().run()
    clean(app)
    assert Library(open_workspace(root)).get("alto").provenance.step == other


def test_the_sanity_check_sets_original_and_reconstruction_side_by_side(trained):
    app, _ = trained
    players = len(app.get("audio"))
    app.session_state["sanity.alto"] = True
    app.run()
    app.button(key="sanity.start").click().run()
    clean(finished(app))
    assert [card.label for card in app.metric][:3] == ["Spectral loss", "Pitch error", "Loudness error"]
    app.session_state["in-sight.sanity.figure"] = {"seen": True}  # as the browser says
    app.run()
    assert len(app.get("audio")) == players + 2 and len(app.get("plotly_chart")) == 2


def test_a_branch_is_a_voice_that_goes_on_from_its_checkpoint(trained):
    app, root = trained
    assert not app.text_input, "what is folded is not drawn"
    app.session_state["branch_panel"] = True
    app.run().text_input(key="branch.label").set_value("bright")
    next(button for button in app.button if button.label == "Branch").click().run()
    clean(app)
    assert app.session_state["voice.name"] == "alto-bright"
    assert f"Continues from step **{STEPS}**" in said(app)
    assert histories.read(root / "audio" / "alto-bright_checkpoints").checkpoints == (STEPS,)


@pytest.mark.parametrize(
    ("n_saves", "expected"),
    [(0, []), (1, [10]), (6, [10, 20, 30, 40, 50, 60]), (40, [10, 40, 80, 160, 320, 400])],
)
def test_moments_lie_ever_farther_apart(n_saves, expected, tmp_path):
    saves = tuple(histories.Save(10 * (index + 1), 5.0, preview=tmp_path) for index in range(n_saves))
    assert [save.step for save in previews.moments(saves, frozenset())] == expected


def test_the_best_is_always_to_be_heard_and_what_has_no_preview_never(tmp_path):
    saves = tuple(histories.Save(10 * (index + 1), 5.0, preview=tmp_path) for index in range(40))
    assert 230 in [save.step for save in previews.moments(saves, frozenset({230}))]
    silent = tuple(replace(save, preview=None) for save in saves)
    assert previews.moments(silent, frozenset({230})) == []


GPU = hardware.Gpu(
    0, "NVIDIA Test 4000", "GPU-1", 0.42, 3 * 10**9, 16 * 10**9, 61, (hardware.GpuProcess(71, "python", 2 * 10**9),)
)


@pytest.mark.parametrize("gpus", [(), (GPU,), (GPU, hardware.Gpu(1, "Mute card"))])
def test_the_device_tile_is_true_with_none_one_and_several_gpus(monkeypatch, tmp_path, gpus):
    seen = hardware.Machine(8, 0.25, 10**10, 2 * 10**10, 10**9, 10**11, gpus)
    monkeypatch.setattr(device_tile.hardware, "look", lambda folder: seen)
    app = open_page(monkeypatch, tiny_workspace.empty(tmp_path / "ws"), "training")
    clean(app)
    values = [card.value.replace("\N{NO-BREAK SPACE}", " ") for card in app.metric]
    assert ("processor" in values) == (not gpus) and "25 % busy" in values
    assert ("42 %" in values and "61 °C" in values and "python (71), 2.0 GB" in said(app)) == bool(gpus)
    assert values.count("unknown") == (3 if len(gpus) == 2 else 0)
    assert "nearly full" in said(app)


def test_the_device_tile_lives_while_any_job_does(trained, monkeypatch):
    """Another voice's preparation is enough; afterwards nothing on the page asks again."""
    app, root = trained
    asking = []
    fragment = device_tile.st.fragment

    def spy(function, *, run_every=None):
        asking.append((function.__name__, run_every))
        return fragment(function, run_every=run_every)

    monkeypatch.setattr(device_tile.st, "fragment", spy)
    monkeypatch.setattr(LocalLauncher, "start", lambda self, folder: None)
    store = JobStore(open_workspace(root))
    job = store.submit(Order("prepare", "Prepare bass", {"voice": "bass"}, key="prepare:bass", needs_bytes=0))
    place = JobFolder(root / "jobs" / job.id)
    lock = place.take()
    place.write_record({"state": "running"})
    app.run()
    clean(app)
    assert ("_tile", device_tile.REFRESH_S) in asking and "Prepare bass" in said(app)
    place.write_record({"state": "done"})
    lock.release()
    asking.clear()
    app.run()
    assert [name for name, run_every in asking if run_every] == [] and ("_tile", None) in asking


def test_a_job_is_followed_stopped_and_gone_on_with_while_the_page_answers(monkeypatch, tmp_path):
    """A real training process of the small model, which is stopped before it has built its model."""
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    workspace = open_workspace(tiny_workspace.empty(tmp_path / "ws"))
    tiny_training.prepared_voice(workspace, "alto", n_train=2, n_held_out=0)
    tiny_training.prepared_voice(workspace, "bass", n_train=2, n_held_out=0)
    app = open_page(monkeypatch, workspace.root, "training")
    app.button(key="train.start").click().run()
    clean(app)
    assert "train.start" not in keys(app) and "train.stop" in keys(app)
    app.selectbox(key="voice.name").select("bass").run()
    app.button(key="train.start").click().run()
    waits = ("Starts automatically when Train alto is done", "behind Train alto")  # the run's place, and the queue
    until(lambda: all(one in said(app) for one in waits), again=app.run, told=lambda: said(app))
    store = JobStore(workspace)
    for _ in range(3):
        app.run()
        assert {job.voice for job in store.live()} == {"alto", "bass"}, "the page waits for neither"
    alto = next(job for job in store.live() if job.voice == "alto")
    app.button(key="train.stop").click().run()
    app.button(key=f"queue.stop.{alto.id}").click().run() if f"queue.stop.{alto.id}" in keys(app) else store.stop(
        alto.id
    )
    until(lambda: not store.live(), again=app.run, told=lambda: said(app))
    app.run()
    clean(app)
    assert "Stopped, and saved" in said(app) and "train.resume" in keys(app)
    app.button(key="train.resume").click().run()
    assert len(store.live()) == 1
    store.stop(store.live()[0].id)
    until(lambda: not store.live(), again=app.run, told=lambda: said(app))


@pytest.mark.parametrize(
    ("state", "message", "expected"),
    [
        ("failed", "The loss became NaN at step 7.", "The loss became NaN at step 7"),
        ("paused", "Only 3 MB are free.", "Free some space, then press **Resume**"),
        ("lost", "", "**Resume** continues from the last checkpoint"),
    ],
)
def test_each_bad_end_is_a_plain_sentence_with_what_to_press(trained, state, message, expected):
    """The end is as the job's process would have written it; the rest is the real store."""
    app, root = trained
    folder = root / "jobs" / "20261124-010203-train-abcdef"
    folder.mkdir(parents=True)
    spec = {"kind": "train", "title": "Train alto", "options": {"voice": "alto"}, "device": None, "key": "train:alto"}
    (folder / "spec.json").write_text(json.dumps({**spec, "created": time.time()}))
    record = {"state": "running" if state == "lost" else state, "message": message, "ended": time.time()}
    (folder / "status.json").write_text(json.dumps(record))
    app.run()
    assert not app.exception
    assert expected in said(app).replace("\\.", ".") and "train.resume" in keys(app)
    assert len(app.get("plotly_chart")) == 1, "the curve stays"


def test_the_tutorial_begins_on_the_demo_and_can_be_closed_and_brought_back(monkeypatch, tmp_path):
    app = open_page(monkeypatch, open_workspace(tmp_path / "ws").root, "training")
    clean(app)
    assert "Two minutes to your first instrument" in said(app) and "tutorial.prepare" in keys(app)
    app.button(key="tutorial.close").click().run()
    assert "Two minutes to your first instrument" not in said(app)
    app.button(key="tutorial.open").click().run()
    clean(app)
    assert "tutorial.prepare" in keys(app)


def test_the_tutorial_goes_on_where_the_workspace_stands(trained):
    """Mira is alto under another name: prepared, trained and exported, and nothing sung yet."""
    app, root = trained
    for path in (root / "audio").glob("alto*"):
        path.rename(path.with_name(path.name.replace("alto", "Mira")))
    app.run()
    assert "tutorial.export" in keys(app), "the instrument is alto's, not Mira's"
    app.button(key="tutorial.export").click().run()
    clean(app)
    assert Library(open_workspace(root)).get("Mira").provenance.step == STEPS
    assert "tutorial.sing" in keys(app)
    app.button(key="tutorial.sing").click().run()
    assert app.session_state["transfer.instrument"] == "Mira" and "Tutorial, last step" in said(app)
