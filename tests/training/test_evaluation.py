"""Held-out windows, what a training leaves: its instrument, its sanity check, its figures, the commands."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ddsing import cli
from ddsing.engine.tf.step import Step
from ddsing.errors import TrainingError
from ddsing.formats import tfrecord
from ddsing.instrument.library import Library
from ddsing.jobs import paces
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
from ddsing.sound import distance
from ddsing.training import (
    branch,
    checkpoints,
    coach,
    estimate,
    evaluation,
    export,
    folder,
    history,
    judge,
    run,
    sanity,
)
from ddsing.training import recipe as recipes
from ddsing.training.listening import Listening
from ddsing.training.recipe import Recipe
from ddsing.training.stages import STAGES
from ddsing.workspace import Workspace
from tests.support import tiny_training

pytestmark = pytest.mark.slow

CONFIG = ModelConfig(rnn_channels=8, ch=8, layers_per_stack=1, n_harmonics=60, n_noise_bands=9, noise_window_size=0)
LISTENING = Listening(3, 3, centred=True)


@pytest.fixture(scope="module")
def trained(tiny_models, tmp_path_factory):
    """A workspace whose voice `alto` has been trained for six steps."""
    root = tmp_path_factory.mktemp("trained")
    workspace = Workspace(root / "ws")
    for path in (workspace.audio, workspace.instruments, workspace.cache):
        path.mkdir(parents=True)
    tiny_training.prepared_voice(workspace, n_train=4, n_held_out=2)
    seen = []
    with tiny_training.uncompiled():
        outcome = run.train(workspace, "alto", tiny_training.tiny(steps=6, save_every=2), report=seen.append)
        yield workspace, outcome, seen


def test_a_held_out_loss_can_be_compared_with_the_training_loss():
    """The library's own rendering, measured, against the loss of the training step on the same window and weights."""
    from ddsing.engine import render

    weights = random_weights(CONFIG)
    stepper = Step(CONFIG, weights, batch_size=1, window_frames=1000)
    window = tiny_training.windows(1)[0]
    loss = stepper.losses({name: window[name][None] for name in ("audio", "f0_hz", "loudness_db")})["total_loss"]
    again = evaluation.resynthesised(render.load(CONFIG, weights), window)
    assert distance.spectral_loss(window["audio"], again) == pytest.approx(loss, rel=0.01)


def test_a_run_that_learns_one_sound_by_heart_is_called_so(trained):
    """It begins as the very voice of the held-out windows, and then hears nothing but noise, as if that were all."""
    from ddsing.engine import render

    weights = random_weights(CONFIG, seed=4)
    asked = [
        {name: window[name] for name in ("audio", "f0_hz", "loudness_db")}
        for window in tiny_training.windows(2, seed=3)
    ]
    voice = render.load(CONFIG, weights)
    held_out = [{**window, "audio": evaluation.resynthesised(voice, window)} for window in asked]
    noise = 0.1 * np.random.default_rng(0).standard_normal((1, 4_096)).astype(np.float32)
    one_sound = {
        "audio": noise,
        "f0_hz": asked[0]["f0_hz"][None, :64],
        "loudness_db": asked[0]["loudness_db"][None, :64],
    }
    stepper = Step(CONFIG, weights, batch_size=1, window_frames=64, learning_rate=3e-3)
    saves = []
    for step in range(0, 17, 4):
        found = evaluation.measure(CONFIG, stepper.weights(), held_out, LISTENING)
        kept = {name: getattr(found, name) for name in ("spectral_loss", "loudness_db", "timbre_db", "harmonic_share")}
        saves.append(history.Save(step, 9.0 - step / 10, **kept, windows=found.windows, on_disk=True))
        for _ in range(4):
            stepper.run(one_sound)
    timbre_db = [save.timbre_db for save in saves]
    assert timbre_db[0] == pytest.approx(0.0, abs=1e-3) and timbre_db[-1] > 1.0
    assert len(saves[0].windows["timbre_db"]) == 2
    verdict = judge.judge([replace(save, loudness_db=None, harmonic_share=None, windows={}) for save in saves])
    assert verdict.rule == "earlier" and verdict.step < 8 and "the timbre moved away" in verdict.why
    steps = np.arange(17)
    advice = coach.advice(history.History(steps, np.linspace(9, 6, 17), steps, np.ones(17), tuple(saves)))
    assert any("more steps won't help" in remark.sentence for remark in advice)


def test_a_run_tells_its_stages_and_keeps_what_the_page_shows(trained):
    workspace, outcome, seen = trained
    path = workspace.audio / "alto_checkpoints"
    assert (outcome.step, outcome.stopped, outcome.instrument_name) == (6, False, "alto")
    assert {progress.stage for progress in seen} <= set(STAGES) and seen[-1].stage == "exporting"
    told = [progress.left for progress in seen if progress.stage in ("loading", "head start", "training", "saving")]
    assert told and all(left is not None and left.low_s >= 0 for left in told)
    assert told[-1].high_s < told[0].high_s, "the whole is counted from the beginning"
    learnt = paces.of(workspace)
    assert all(learnt.unit_s(key) for key in ("train/loading", *_keys(workspace, ("building", "step", "save"))))
    steps = [progress.step for progress in seen]
    assert steps == sorted(steps) and steps[-1] == 6
    found = history.read(path)
    assert [save.step for save in found.saves] == [2, 4, 6] == list(found.checkpoints)
    assert all(save.spectral_loss > 0 and save.loudness_db >= 0 and save.f0_cents >= 0 for save in found.saves)
    sound, rate = soundfile.read(found.saves[-1].preview)
    assert rate == 16_000 and 3 < len(sound) / rate < 5 and np.abs(sound).max() > 0
    assert found.best_by == "held-out spectral loss"
    assert found.best_step == min(found.saves, key=lambda save: save.spectral_loss).step
    assert (outcome.exported_step, outcome.exported_why) == (found.verdict.step, found.verdict.why)
    for save in found.saves:  # what it is judged by, of both held-out windows
        assert 0 <= save.harmonic_share <= 1 and 0 <= save.voicing <= 1
        assert {name: len(values) for name, values in save.windows.items()} == dict.fromkeys(judge.TOLERANCE, 2)
        assert np.mean(save.windows["loudness_db"]) == pytest.approx(save.loudness_db, abs=1e-4)
    assert (path / "dataset_statistics.pkl").is_file() and (path / "operative_config-0.gin").is_file()
    assert not any(
        str(workspace.root) in file.read_text("utf-8", "ignore") for file in path.glob("*") if file.is_file()
    )


def _keys(workspace, names):
    known = json.loads((workspace.cache / paces.NAME).read_text())[paces.machine_name()]
    return [next(key for key in known if key.startswith(f"train/{name}/")) for name in names]


def test_an_instrument_is_no_larger_than_its_weights_and_has_its_passport(trained):
    workspace, outcome, _ = trained
    entry = next(entry for entry in Library(workspace).list() if entry.name == "alto")
    facts = checkpoints.get(workspace.audio / "alto_checkpoints", outcome.exported_step).facts
    about = entry.provenance
    assert (about.voice, about.step, about.source_format) == ("alto", outcome.exported_step, "native")
    assert about.loss == facts["loss"] and about.dataset_hash == facts["dataset_hash"] and len(about.dataset_hash) == 64
    assert (
        "spectral loss" in about.notes
        and outcome.exported_why in about.notes
        and entry.statistics.pitch_range_midi is not None
    )
    singing = recipes.config_file("singing").model
    weights = {name: np.zeros(shape, np.float32) for name, shape in singing.weight_shapes().items()}
    from ddsing.instrument import Instrument, to_bytes

    made = Instrument("large", singing, entry.statistics, weights, about, Library(workspace).get("alto").gin_text)
    n_bytes = sum(weight.nbytes for weight in weights.values())
    assert len(to_bytes(made)) < 1.002 * n_bytes  # a checkpoint has three times as much


def test_a_run_with_nothing_left_to_train_still_knows_its_loss(trained):
    workspace, outcome, _ = trained
    recipe = tiny_training.tiny(steps=6, save_every=2)
    again = run.train(workspace, "alto", recipe, make_instrument=False)
    last = checkpoints.get(workspace.audio / "alto_checkpoints", 6).facts["loss"]
    assert (again.step, again.loss) == (6, last) and outcome.loss is not None


def test_only_the_voices_own_instrument_is_replaced(trained):
    workspace, outcome, _ = trained
    library = Library(workspace)
    library.edit("alto", author="A. Singer")
    entry = export.make_instrument(workspace, "alto", step="latest")
    assert (entry.name, entry.provenance.step, entry.provenance.author) == ("alto", 6, "A. Singer")
    assert len(list((workspace.instruments / ".trash").iterdir())) == 1
    library.edit("alto", voice="another voice")
    assert export.make_instrument(workspace, "alto", step=4).name == "alto 2"
    library.delete("alto 2")
    library.edit("alto", voice="alto")
    with pytest.raises(TrainingError, match="available steps: 2, 4, 6"):
        export.make_instrument(workspace, "alto", step=5)


def test_original_and_reconstruction_side_by_side(trained):
    workspace, outcome, _ = trained
    assert sanity.n_windows(workspace, "alto") == 2
    compared = sanity.check(workspace, "alto")
    assert [one.window for one in compared] == [0, 1] and all(one.held_out for one in compared)
    for one in compared:
        assert one.original.shape == one.reconstruction.shape == (64_000,)
        for name in ("f0_hz", "f0_hz_again", "loudness_db", "loudness_db_again", "voiced"):
            assert getattr(one, name).shape == (1000,), name
        assert one.spectral_loss == pytest.approx(distance.spectral_loss(one.original, one.reconstruction))
    saved = checkpoints.get(workspace.audio / "alto_checkpoints", compared[0].step).facts["held_out"]
    assert np.mean([one.spectral_loss for one in compared]) == pytest.approx(saved["spectral_loss"], rel=1e-6)
    assert np.mean([one.f0_cents for one in compared]) == pytest.approx(saved["f0_cents"], rel=1e-6)
    (last,) = sanity.check(workspace, "alto", windows=(1,), step=2)
    assert (last.window, last.step) == (1, 2)
    with pytest.raises(TrainingError, match="No window 2; there are 2"):
        sanity.check(workspace, "alto", windows=(2,))


def test_a_branch_begins_at_its_step_on_the_dataset_that_it_came_from(trained):
    workspace, _, _ = trained
    name = branch.begin(workspace, "alto", step=4, label="brighter!")
    assert name == "alto-brighter"
    path = workspace.audio / "alto-brighter_checkpoints"
    assert [kept.step for kept in checkpoints.published(path)] == [4]
    assert checkpoints.verify(checkpoints.get(path, 4))
    outcome = run.train(workspace, name, Recipe(steps=5, learning_rate=1e-5))
    assert (outcome.step, outcome.instrument_name) == (5, name)
    found = history.read(path)
    assert found.steps.tolist() == [5] and [save.step for save in found.saves] == [4, 5]
    assert any("Branched from 'alto' at step 4" in note.text for note in found.notes)
    with pytest.raises(TrainingError, match="already"):
        branch.begin(workspace, "alto", step=4, label="brighter")


def test_of_two_branches_of_one_name_the_slower_is_told(trained, monkeypatch):
    workspace, _, _ = trained
    target = workspace.audio / "alto-softer_checkpoints"
    monkeypatch.setattr(checkpoints, "require_room", lambda *_: target.mkdir())  # by another, in between
    with pytest.raises(TrainingError, match="already"):
        branch.begin(workspace, "alto", step=4, label="softer")
    assert list(target.iterdir()) == []
    target.rmdir()


def test_more_data_is_noted_and_the_best_is_measured_again(trained, tmp_path):
    workspace, _, _ = trained
    path = tiny_training.prepared_voice(workspace, "tenor", n_train=3, n_held_out=1)
    run.train(workspace, "tenor", tiny_training.tiny(steps=2, save_every=2))
    step, _, by = checkpoints.read_best(path)
    checkpoints.write_best(path, step, value=1e-6, by=by)  # better than any can be on windows that are not these
    tiny_training.prepared_voice(workspace, "tenor", n_train=5, n_held_out=2, seed=9)
    run.train(workspace, "tenor", Recipe(steps=3))
    assert [note.text for note in history.read(path).notes] == [
        "The dataset of 'tenor' has changed; training continues with the new one."
    ]
    lines = [json.loads(line) for line in (path / "history.jsonl").read_text().splitlines()]
    hashes = [line["dataset_hash"] for line in lines if "dataset_hash" in line]
    assert len(hashes) == 2 and hashes[0] != hashes[1]
    assert checkpoints.read_best(path)[1] > 0.1, "measured again, on the windows that are held out now"


def test_a_dataset_of_2021_is_taken_as_it_is_though_its_recordings_are_there(trained):
    workspace, _, _ = trained
    tiny_training.prepared_voice(workspace, "bass", n_train=2, n_held_out=0)
    (workspace.audio / "bass").mkdir()
    soundfile.write(workspace.audio / "bass" / "one.wav", tiny_training.windows(1)[0]["audio"], 16_000)
    before = {path.name: path.stat().st_mtime_ns for path in (workspace.audio / "bass_dataset").iterdir()}
    assert run.train(workspace, "bass", tiny_training.tiny(steps=1)).step == 1
    assert {path.name: path.stat().st_mtime_ns for path in (workspace.audio / "bass_dataset").iterdir()} == before


def test_metrics_that_are_no_numbers_are_none():
    weights = random_weights(CONFIG)
    (window,) = tiny_training.windows(1)
    assert evaluation.measure(CONFIG, weights, [window], LISTENING).spectral_loss > 0
    broken = window | {"loudness_db": np.full_like(window["loudness_db"], np.nan)}
    with np.errstate(all="ignore"):
        assert evaluation.measure(CONFIG, weights, [window, broken], LISTENING) is None
    assert evaluation.measure(CONFIG, weights, [], LISTENING) is None
    assert evaluation.measure(CONFIG, weights, [window], LISTENING, should_stop=lambda: True) is None


def test_an_estimate_is_learnt_from_the_runs_of_this_computer(trained, tmp_path):
    workspace, _, _ = trained
    new = Workspace(tmp_path)
    new.cache.mkdir()
    small, large = Recipe(config="singing_small"), Recipe(config="singing")
    guess_s, why = estimate.seconds(new, small)
    assert why.startswith("a guess") and estimate.seconds(new, large)[0] > 50 * guess_s
    config = recipes.config_file("singing_small")

    class Ready:
        recipe = small
        batch_size = config.batch_size
        head_start_s = 0.0

    Ready.config = config
    estimate.learn(new, Ready, [30.0] + [0.5] * 20, [4.0, 6.0])
    learnt_s, why = estimate.seconds(new, small)
    assert why == "based on earlier runs of this model on this computer"
    start_s = 3.0 + config.head_start_steps * 0.5 * 0.08  # a guess, since none was measured
    assert learnt_s == pytest.approx(start_s + 2000 * 0.5 + 20 * 5.0)
    assert estimate.seconds(new, Recipe(config="singing_small", steps=100))[0] == pytest.approx(start_s + 50 + 5)
    other_s, why = estimate.seconds(new, large)
    assert "another model" in why and other_s > 50 * learnt_s
    (new.cache / "training_pace.json").write_text("{broken")
    assert estimate.seconds(new, small) == (guess_s, "a guess: no training runs on this computer yet")


def command(capsys, *arguments):
    status = cli.main([*arguments])
    return status, capsys.readouterr()


def test_the_commands(trained, tmp_path, capsys):
    workspace, _, _ = trained
    root = ["--workspace", str(workspace.root)]
    (workspace.root / "examples").mkdir(exist_ok=True)
    status, said = command(capsys, "train", "alto", "--steps", "7", "--json", *root)
    document = json.loads(said.out)
    assert status == 0 and document["step"] == 7 and document["instrument_name"] == "alto" and not document["stopped"]
    told = [int(step) for step in re.findall(r"Step (\d+) of 7", said.err)]
    assert told == sorted(told) and 6 <= told[0] <= told[-1] <= 7, "the steps in order, none of those done before"
    assert document["exported_why"].startswith(f"Step {document['exported_step']:,}")
    for step in ("4", "latest", "best", "chosen"):
        status, said = command(capsys, "instrument", "make", "alto", "--step", step, "--json", *root)
        made = json.loads(said.out)
        known = Library(workspace).get(made["name"]).provenance
        assert status == 0 and known.step == made["step"] and made["why"] in known.notes
        assert made["step"] == {"4": 4, "latest": 7}.get(step, made["step"])
    status, said = command(capsys, "resynthesise", "alto", "--out", str(tmp_path / "out"), "--json", *root)
    document = json.loads(said.out)
    assert status == 0 and document["held_out"] and len(document["windows"]) == 2
    assert {"spectral_loss", "f0_cents", "loudness_db"} <= document.keys()
    sounds = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert sounds == [f"window-{n}-{kind}.wav" for n in (0, 1) for kind in ("original", "reconstruction")]
    original, _ = soundfile.read(tmp_path / "out" / "window-0-original.wav")
    with begin_records(workspace) as opened:
        np.testing.assert_allclose(original, opened.read(0)["audio"], atol=1e-6)
    for arguments, sentence in (
        (["train", "nobody"], "nobody"),
        (["train", "alto", "--steps", "0"], "steps is 0"),
        (["train", "alto", "--config", "singing_large"], "No model"),
        (["train", "alto", "--config", "singing_small"], "started with another model"),
        (["instrument", "make", "alto", "--step", "5"], "has no checkpoint of step 5"),
        (["instrument", "make", "alto", "--step", "newest"], "choose chosen, latest, best or a step"),
        (["resynthesise", "nobody", "--out", str(tmp_path)], "nobody"),
        (["resynthesise", "alto", "--out", str(tmp_path), "--step", "99"], "has no checkpoint of step 99"),
    ):
        status, said = command(capsys, *arguments, *root)
        assert status == 2 and sentence in said.err, said.err
        assert said.err.strip().splitlines()[-1].endswith(".") and "Traceback" not in said.err


def begin_records(workspace):
    return tfrecord.open_all(folder.locate(workspace, "alto").source.dataset_folder, "held_out")


def test_nothing_trained_yet_is_said(trained):
    workspace, _, _ = trained
    tiny_training.prepared_voice(workspace, "silent", n_train=1, n_held_out=0)
    for work in (export.make_instrument, sanity.check):
        with pytest.raises(TrainingError, match="has not been trained yet"):
            work(workspace, "silent")
    assert folder.begun(workspace.audio / "silent_checkpoints") is None
