"""A training of 2021 goes on here, and one of ours goes on in ddsp: weights, Adam's averages, step count and losses."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ddsing.engine.tf.step import Step
from ddsing.formats import tfrecord
from ddsing.instrument.library import Library
from ddsing.sound import loudness
from ddsing.training import checkpoints, export, folder, history, run
from ddsing.training.recipe import Recipe
from ddsing.workspace import Workspace
from tests.hostile.builders import golden_members
from tests.support import ddsp_trainer, tiny_training
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.slow

SCRIPT = Path(ddsp_trainer.__file__)
N_FRAMES = 125


@pytest.fixture(scope="module")
def _tiny(tiny_models):
    with tiny_training.uncompiled():
        yield


@pytest.fixture
def workspace(tmp_path, _tiny):
    made = Workspace(tmp_path / "ws")
    for path in (made.audio, made.instruments, made.cache):
        path.mkdir(parents=True)
    return made


def ddsp_runs(*arguments) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def write_batches(path: Path, n_frames: int, *, generation: int, n_batches: int = 7) -> list[dict]:
    made = [window | {"start": 0} for window in tiny_training.windows(n_batches, generation=generation)]
    given = []
    for window in made:
        audio = window["audio"][: n_frames * 64]
        loudness_db = loudness.compute(audio, generation=generation)[:n_frames]
        batch = {"audio": audio, "f0_hz": window["f0_hz"][:n_frames], "loudness_db": loudness_db}
        given.append({name: np.stack([array, array[::-1]]) for name, array in batch.items()})
    np.savez(path, **{name: np.stack([batch[name] for batch in given]) for name in given[0]})
    return given


@pytest.mark.parametrize("with_z", [False, True])
def test_a_training_of_2021_goes_on(with_z, workspace, tmp_path):
    path = workspace.audio / "alto_checkpoints"
    path.mkdir()
    given = write_batches(tmp_path / "batches.npz", N_FRAMES, generation=1)
    ddsp_runs("write", path, tmp_path / "batches.npz", tmp_path / "out.npz", *(["z"] if with_z else []))
    theirs = np.load(tmp_path / "out.npz")
    before = {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}

    trained = folder.config(path)
    assert trained.model.generation == 1 and (trained.model.z is not None) == with_z
    assert (trained.window_frames, trained.learning_rate, trained.steps) == (N_FRAMES, 3e-4, 30_000)
    found = checkpoints.newest_state(path, trained.model)
    assert found[0].step == found[1].iterations == int(theirs["step"]) == ddsp_trainer.SAVE_AT
    for name, weight in found[1].weights.items():
        np.testing.assert_array_equal(weight, theirs[f"weights/{name}"])
        for slot in ("m", "v"):
            np.testing.assert_array_equal(found[1].slots[slot][name], theirs[f"{slot}/{name}"])

    stepper = Step(
        trained.model,
        found[1].weights,
        batch_size=2,
        window_frames=N_FRAMES,
        learning_rate=trained.learning_rate,
    )
    stepper.set_state(found[1].weights, found[1].slots, found[1].iterations)
    ours = [stepper.run(batch) for batch in given[ddsp_trainer.SAVE_AT :]]
    np.testing.assert_allclose(
        ours, theirs["losses"][ddsp_trainer.SAVE_AT :], rtol=0.05
    )  # noise, and rounding of phases

    # A dataset of 2021: records only, their loudness on the scale of then.
    (workspace.audio / "alto_dataset").mkdir()
    windows = tiny_training.windows(3, generation=1)
    tfrecord.write(workspace.audio / "alto_dataset" / "train.tfrecord-00000-of-00001", windows)
    (path / "dataset_statistics.pkl").write_bytes(golden_members()["dataset_statistics.pkl"])
    outcome = run.train(workspace, "alto", Recipe(steps=6, save_every=1, batch_size=2, keep=1))
    assert (outcome.step, outcome.stopped) == (6, False)
    assert [kept.step for kept in checkpoints.published(path)] == [4, 6]  # theirs is never deleted
    assert all((path / name).read_bytes() == data for name, data in before.items() if name != "checkpoint")
    entry = next(entry for entry in Library(workspace).list() if entry.name == "alto")
    assert entry.error == "" and entry.config == trained.model and entry.statistics.generation == 1
    assert any("2021" in note.text for note in history.read(path).notes)
    kept = checkpoints.get(path, 6).state(trained.model)
    assert kept.iterations == 6 and kept.slots is not None


def test_ddsp_goes_on_from_a_training_of_ours(workspace, tmp_path):
    path = tiny_training.prepared_voice(workspace, n_train=3)
    run.train(workspace, "alto", tiny_training.tiny(steps=5, save_every=2))
    trained = folder.config(path)
    n_frames = trained.window_frames
    given = write_batches(tmp_path / "batches.npz", n_frames, generation=3, n_batches=3)
    ddsp_runs("go_on", path, tmp_path / "batches.npz", tmp_path / "out.npz")
    theirs = np.load(tmp_path / "out.npz")
    found = checkpoints.newest_state(path, trained.model)
    assert int(theirs["step"]) == found[0].step == found[1].iterations == 5
    for name, weight in found[1].weights.items():
        np.testing.assert_array_equal(weight, theirs[f"weights/{name}"])
        for slot in ("m", "v"):
            np.testing.assert_array_equal(found[1].slots[slot][name], theirs[f"{slot}/{name}"])
    stepper = Step(
        trained.model,
        found[1].weights,
        batch_size=2,
        window_frames=n_frames,
        learning_rate=trained.learning_rate,
    )
    stepper.set_state(found[1].weights, found[1].slots, found[1].iterations)
    np.testing.assert_allclose([stepper.run(batch) for batch in given], theirs["losses"], rtol=0.05)


def test_statistics_of_2021_are_read_without_a_dataset(workspace, tmp_path):
    path = workspace.audio / "old_checkpoints"
    path.mkdir()
    for name, data in golden_members().items():
        (path / name).write_bytes(data)
    entry = export.make_instrument(workspace, "old")
    assert entry.provenance.step == 3 and entry.statistics.generation == 1 and entry.statistics.values["mean_pitch"] > 0
    (path / "dataset_statistics.pkl").write_bytes(b"cos\nsystem\n(S'touch /tmp/never'\ntR.")
    entry = export.make_instrument(workspace, "old")
    assert entry.statistics is None and "no statistics" in entry.warnings[0]
