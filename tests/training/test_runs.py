"""Real trainings of a tiny model that are killed, stopped, starved of disk, and broken."""

import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

from ddsing import names
from ddsing.formats import event_log
from ddsing.instrument.library import Library
from ddsing.training import checkpoints, folder, history
from ddsing.workspace import Workspace
from tests.support.counts import full, rounds
from tests.support.tiny_training import prepared_voice
from tests.support.training_children import Children

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="needs fork")]
N_KILLS, N_WHILE_SAVING = rounds(full=100, push=20), rounds(full=10, push=4)
N_STOPS = rounds(full=50, push=10)
N_COMPILED_KILLS = rounds(full=5, push=1)
FULL_DISKS = range(20) if full() else (0, 3, 9, 10, 13, 16)  # of each kind, see the test


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Children that begin in half a second."""
    children = Children(tmp_path_factory.mktemp("quick"), eager=True)
    yield children
    children.close()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Children that take some seconds to begin, and a few milliseconds for a step."""
    children = Children(tmp_path_factory.mktemp("compiled"), eager=False)
    yield children
    children.close()


def voice(root, **options):
    """A workspace with a voice that is ready to be trained: (workspace, its checkpoints folder)."""
    workspace = Workspace(root)
    for path in (workspace.audio, workspace.instruments, workspace.cache):
        path.mkdir(parents=True, exist_ok=True)
    return workspace, prepared_voice(workspace, **options)


def model(path):
    return folder.config(path).model


def kept(path) -> list[int]:
    """Steps of the checkpoints that verify."""
    return [found.step for found in checkpoints.published(path) if checkpoints.verify(found)]


def test_kills_at_random_moments_lose_no_checkpoint_and_repeat_at_most_one_interval(quick, tmp_path):
    workspace, path = voice(tmp_path / "ws", n_held_out=0)
    chance, save_every = random.Random(0), 1  # a run tells five things until its first save is done
    began = quick.train(workspace.root, tmp_path / "out", recipe={"steps": 1, "save_every": save_every})
    assert began["outcome"]["step"] == 1
    done, saved, killed, saves_hit, repeated = 1, 1, 0, 0, []
    curve = 1  # the last step of the last run that took one: it stays on the curve until a run goes that way again
    for number in range(N_KILLS):
        moment = 1 + number % 6, chance.uniform(0.0, 0.2)
        if number % (N_KILLS // N_WHILE_SAVING) == 0:  # while a checkpoint is written, however fast the machine
            moment = 1, 0.0, "saving"
        elif number % 5 == 1:  # after one that is done, however slow or fast the machine
            moment = 2, moment[1], "saving"
        recipe = {"steps": 10_000, "save_every": save_every}
        seen = quick.train(workspace.root, tmp_path / "out", kill_after=moment, recipe=recipe)
        assert seen["status"] == -signal.SIGKILL, seen
        killed += 1
        steps = [step for step, *_ in seen["steps"] if step]
        if steps:
            assert steps[0] == saved, "a checkpoint was lost"
            repeated.append(done - steps[0])
            done = max(steps)
            curve = done if done > steps[0] else curve
        saves_hit += bool(seen["steps"]) and seen["steps"][-1][1] == "saving"
        verified = kept(path)
        saved = verified[-1]
        assert saved >= done - save_every, "more than one interval has to be done again"
        assert [found.step for found in checkpoints.published(path)] == verified
        assert checkpoints.newest_state(path, model(path))[0].step == verified[-1]
        on_curve = history.read(path).steps.tolist()
        assert on_curve == list(range(1, len(on_curve) + 1)) and saved <= len(on_curve) <= curve
    assert killed == N_KILLS and done > N_KILLS // 5 and max(repeated) <= save_every
    assert saves_hit >= 3  # the moments that matter were among them


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_a_step_is_noted_it_is_on_the_curve_once_and_never_ahead_of_what_was_told(quick, tmp_path, when):
    one, whole_path = voice(tmp_path / "one", n_held_out=0)
    assert quick.train(one.root, tmp_path / "out", recipe={"steps": 7, "save_every": 4})["outcome"]["step"] == 7
    workspace, path = voice(tmp_path / "broken", n_held_out=0)
    recipe = {"steps": 7, "save_every": 4}
    seen = quick.train(workspace.root, tmp_path / "out", recipe=recipe, die_noting=[6, when])
    assert seen["status"] == -signal.SIGKILL and max(step for step, *_ in seen["steps"]) == 6
    assert kept(path) == [4] and history.read(path).steps[-1] == {"before": 5, "after": 6}[when]
    seen = quick.train(workspace.root, tmp_path / "out", recipe=recipe)
    assert next(step for step, *_ in seen["steps"] if step) == 4 and seen["outcome"]["step"] == 7
    files = sorted((path / folder.SUMMARIES).glob("*tfevents*"))
    written = sum(len(event_log._File(file).arrays()[history.LOSS_TAG][0]) for file in files)
    assert written == {"before": 5 + 3, "after": 6 + 3}[when]  # what is done again is in both files
    ours, theirs = history.read(whole_path), history.read(path)
    assert theirs.steps.tolist() == list(range(1, 8))
    assert theirs.loss.tolist() == ours.loss.tolist()  # of a step that was done twice, what was kept


def steps_after_the_request(seen) -> int:
    """How many steps a child has done after it was asked to stop."""
    stages = [stage for _, stage, *_ in seen["steps"]]
    asked = stages.index("asked")
    before, after = ({step for step, *_ in part if step} for part in (seen["steps"][:asked], seen["steps"][asked:]))
    return len(after - before)


def test_each_of_many_stops_saves_cleanly_after_the_step_at_hand(quick, tmp_path):
    workspace, path = voice(tmp_path / "ws")
    chance, last = random.Random(1), 0
    recipe = {"steps": 10_000, "save_every": 4}
    for number in range(N_STOPS):
        moment = 1 + number % 7, chance.uniform(0.0, 0.2)
        seen = quick.train(workspace.root, tmp_path / "out", kill_after=moment, number=signal.SIGTERM, recipe=recipe)
        assert seen["status"] == 0 and seen["outcome"]["stopped"], seen
        assert steps_after_the_request(seen) <= 1
        step = seen["outcome"]["step"]
        if step:  # it was asked while it trained, not before
            assert kept(path)[-1] == step >= last
            assert seen["outcome"]["instrument_name"] is None
            last = step
        assert not list(path.glob(".writing-*"))
    assert last > N_STOPS // 5
    assert Library(workspace).list() == []


def test_killed_again_and_again_ends_where_one_run_ends(compiled, tmp_path):
    recipe = {"steps": 200, "save_every": 25}
    one, path = voice(tmp_path / "one")
    whole = compiled.train(one.root, tmp_path / "out", recipe=recipe)
    assert whole["outcome"]["step"] == 200
    other, broken_path = voice(tmp_path / "broken")
    for number in range(N_COMPILED_KILLS):
        seen = compiled.train(other.root, tmp_path / "out", recipe=recipe, die_at=30 + 35 * number)
        assert seen["status"] == -signal.SIGKILL
    seen = compiled.train(other.root, tmp_path / "out", recipe=recipe)
    assert seen["outcome"]["step"] == 200
    ours, theirs = history.read(path), history.read(broken_path)
    assert ours.steps.tolist() == theirs.steps.tolist() == list(range(1, 201))
    assert abs(theirs.loss[-50:].mean() / ours.loss[-50:].mean() - 1) < 0.01
    assert np.abs(theirs.loss / ours.loss - 1).max() < 0.05
    assert ours.loss[-50:].mean() < 0.8 * ours.loss[:50].mean()  # it has learnt something in the meantime
    held_out = [save.spectral_loss for save in ours.saves]
    assert held_out[-1] < held_out[0] and len(ours.saves) == 8 and len(ours.checkpoints) in (3, 4)
    assert all(save.preview is not None for save in ours.saves)
    assert (whole["outcome"]["exported_step"], whole["outcome"]["exported_why"]) == (
        ours.verdict.step,
        ours.verdict.why,
    )


def test_a_loss_that_is_no_number_stops_before_a_good_checkpoint_is_overwritten(quick, tmp_path):
    workspace, path = voice(tmp_path / "ws", n_held_out=0)
    seen = quick.train(workspace.root, tmp_path / "out", recipe={"steps": 12, "save_every": 4}, nan_at=7)
    assert seen["error"] == "Diverged" and "step 4" in seen["sentence"] and "learning rate" in seen["sentence"]
    assert seen["sentence"].endswith("Continue with a lower learning rate, such as a third of it, 0.001.")
    assert kept(path) == [4]
    assert np.isfinite(history.read(path).loss).all()
    again = quick.train(workspace.root, tmp_path / "out", recipe={"steps": 8, "save_every": 4})
    assert again["outcome"]["step"] == 8 and kept(path) == [4, 8]


def test_weights_that_are_no_numbers_are_not_saved(quick, tmp_path):
    workspace, path = voice(tmp_path / "ws", n_held_out=0)
    seen = quick.train(workspace.root, tmp_path / "out", recipe={"steps": 12, "save_every": 4}, broken_weight_at=8)
    assert seen["error"] == "Diverged" and "Stopped at step 8: the weight" in seen["sentence"]
    assert kept(path) == [4]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MB; where this process may not mount one, none."""
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", mount], capture_output=True, check=False)
    yield mount if done.returncode == 0 else None
    if done.returncode == 0:
        subprocess.run(["umount", "-l", mount], check=True)


def test_a_full_disk_pauses_with_a_sentence_and_goes_on_when_there_is_room(quick, small_disk, tmp_path):
    """Up to twenty moments: before a step or within a save (odd), seen in time or not (from the tenth on)."""
    root = small_disk or tmp_path / "ws"
    workspace, path = voice(root, n_held_out=0, n_train=3)
    recipe = {"steps": 1, "save_every": 1, "keep": 2}
    assert quick.train(root, tmp_path / "out", recipe=recipe)["outcome"]["step"] == 1
    one = sum(file.stat().st_size for file in path.glob("ckpt-1.*"))
    done, refused = 1, []
    for number in FULL_DISKS:
        blind = number >= 10
        free = int(one * (number % 10) / (4.0 if not blind else 8.0))
        room = {"at": 1 + number % 2, "bytes": free, "blind": blind, "disk": small_disk is not None}
        seen = quick.train(root, tmp_path / "out", recipe=recipe | {"steps": done + 2}, room=room)
        assert seen.get("error") == "DiskFull" or seen.get("outcome", {}).get("step") == done + 2, (number, seen)
        if "error" in seen:
            assert "Free some space and start training again" in seen["sentence"]
            refused.append(seen["sentence"])
        (root / "filler").unlink(missing_ok=True)
        assert kept(path)[-1] in (done, done + 1, done + 2)
        assert checkpoints.newest_state(path, model(path))[0].step == kept(path)[-1]
        assert not list(path.glob(".writing-*"))
        if number < 8:  # less than two checkpoints' room, and it looks first
            assert seen["error"] == "DiskFull" and kept(path)[-1] == done + number % 2
        done = kept(path)[-1]
    assert len(refused) >= 0.7 * len(FULL_DISKS) and any("could not be saved" in sentence for sentence in refused)
    seen = quick.train(root, tmp_path / "out", recipe=recipe | {"steps": done + 1})
    assert seen["outcome"]["step"] == done + 1 == kept(path)[-1]


def test_two_trainings_of_one_voice_are_one_too_many(quick, tmp_path):
    workspace, path = voice(tmp_path / "ws")
    with folder.held(path, "alto"):
        seen = quick.train(workspace.root, tmp_path / "out", recipe={"steps": 2})
    assert seen["error"] == "TrainingError" and "already being trained" in seen["sentence"]
    assert quick.train(workspace.root, tmp_path / "out", recipe={"steps": 1})["outcome"]["step"] == 1


def test_what_a_run_refuses(quick, tmp_path):
    workspace, path = voice(tmp_path / "ws", n_train=0, n_held_out=0)
    seen = quick.train(workspace.root, tmp_path / "out", recipe={"steps": 2})
    assert seen["error"] == "TrainingError" and "has no training windows" in seen["sentence"]
    seen = quick.train(workspace.root, tmp_path / "out", recipe={"steps": 2}, voice="nobody")
    assert seen["error"] == "DatasetError"
    prepared_voice(workspace, n_held_out=0)
    assert quick.train(workspace.root, tmp_path / "out", recipe={"steps": 1})["outcome"]["step"] == 1
    seen = quick.train(workspace.root, tmp_path / "out", recipe={"steps": 2, "n_harmonics": 13})
    assert seen["error"] == "TrainingError" and "started with another model" in seen["sentence"]
    seen = quick.train(workspace.root, tmp_path / "out", recipe={"steps": 2, "config": None})
    assert seen["outcome"]["step"] == 2  # without naming a model, it goes on with what it has


def test_a_voice_whose_name_and_place_are_no_utf_8_is_trained_and_becomes_an_instrument(quick, tmp_path):
    """TensorFlow takes no such path."""
    name = os.fsdecode(b"canci\xf3n")
    workspace, path = voice(tmp_path / name / "ws", name=name, n_held_out=0)
    seen = quick.train(workspace.root, tmp_path / "out", recipe={"steps": 1, "save_every": 1}, voice=name)
    assert seen["outcome"]["step"] == 1 and kept(path) == [1]
    seen = quick.train(workspace.root, tmp_path / "out", recipe={"steps": 2, "save_every": 1}, voice=name)
    assert seen["outcome"]["step"] == 2 and 2 in kept(path)
    (entry,) = Library(workspace).list()
    assert not entry.error and entry.provenance.voice == names.read(name)
