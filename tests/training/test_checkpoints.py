"""Checkpoints survive a crash at every file operation of a save; what is read from them is what TensorFlow reads."""

import errno
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from ddsing.engine.tf import runtime
from ddsing.errors import DiskFull, InstrumentError, TrainingError
from ddsing.formats.gin_text import read_bindings
from ddsing.model.gin import read_config
from ddsing.training import checkpoints, saving, state
from ddsing.training.listening import Listening
from tests.hostile.builders import bundle, golden_members, small_config, small_weights
from tests.support.file_operations import Operations, in_child

CONFIG = small_config()
LISTENING = Listening(3, 3)
needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")


def tensors(seed: int, *, slots: bool = True) -> dict[str, np.ndarray]:
    """A checkpoint's tensors, as TensorFlow 2.10 named them."""
    weights = small_weights(CONFIG, seed)
    found = {f"model/{name}/.ATTRIBUTES/VARIABLE_VALUE": value for name, value in weights.items()}
    for slot, sign in (("m", 1.0), ("v", 2.0)) if slots else ():
        found |= {
            f"model/{name}/.OPTIMIZER_SLOT/optimizer/{slot}/.ATTRIBUTES/VARIABLE_VALUE": sign * value
            for name, value in weights.items()
        }
    return found


def writer(seed: int, *, stop_within: bool = False):
    """Writes a checkpoint's two files as TensorFlow does, in pieces; may be cut off within the data."""

    def write(prefix: Path) -> None:
        index, data = bundle(tensors(seed))
        with open(f"{prefix}.data-00000-of-00001", "wb") as file:
            for start in range(0, len(data), 2_000):
                file.write(data[start : start + 2_000])
                file.flush()
                if stop_within and start:
                    os._exit(9)
        with open(f"{prefix}.index", "wb") as file:
            file.write(index)

    return write


def save(folder: Path, step: int, *, write=None, loss: float | None = None) -> None:
    """A whole save, as a run does it, of a model whose weights are of the seed `step`."""
    saver = saving.Saver(folder, CONFIG, "hash", [], LISTENING, None, keep=2)
    checkpoints.tidy(folder)
    saver.save(
        step,
        loss=10.0 - step / 100 if loss is None else loss,
        weights=small_weights(CONFIG, step),
        write=write or writer(step),
        should_stop=lambda: False,
    )


def assert_newest_is(folder: Path, steps: tuple[int, ...]) -> None:
    found = checkpoints.newest_state(folder, CONFIG)
    assert found is not None and found[0].step in steps
    for name, weight in small_weights(CONFIG, found[0].step).items():
        np.testing.assert_array_equal(found[1].weights[name], weight)
        np.testing.assert_array_equal(found[1].slots["v"][name], 2.0 * weight)


def published_four_times(tmp_path: Path, number) -> Path:
    folder = tmp_path / f"voice-{number}_checkpoints"
    folder.mkdir()
    for step in (10, 20, 30):
        save(folder, step, loss=1.0 if step == 10 else None)  # the first is the best
    return folder


@pytest.mark.slow
@needs_fork
def test_a_crash_at_any_file_operation_of_a_save_costs_only_that_save(tmp_path):
    """Every point: the last published step or the new one is resumed, and the best is still there."""
    report = tmp_path / "report.json"
    whole = published_four_times(tmp_path, "whole")

    def counted():
        operations = Operations()
        operations.install()
        save(whole, 40)
        return operations.log

    assert in_child(counted, report) == 0
    log = [tuple(entry) for entry in json.loads(report.read_text())]
    assert [step.step for step in checkpoints.published(whole)] == [10, 30, 40]  # the last two, and the best
    assert len(log) > 40
    outcomes = []
    for point in range(1, len(log) + 1):
        folder = published_four_times(tmp_path, point)

        def crashing(folder=folder, point=point):
            Operations(stop_at=point).install()
            save(folder, 40)

        assert in_child(crashing, tmp_path / "none.json") == 9
        assert_newest_is(folder, (30, 40))
        outcomes.append(checkpoints.newest_state(folder, CONFIG)[0].step)
        assert checkpoints.read_best(folder)[0] == 10
        assert checkpoints.get(folder, 10).state(CONFIG).iterations is None
        save(folder, 40)  # and a resumed run does it again
        assert_newest_is(folder, (40,))
        assert not list(folder.glob(".writing-*"))
    assert outcomes == sorted(outcomes) and set(outcomes) == {30, 40}
    index_moved = next(i for i, entry in enumerate(log) if entry[0] == "replace" and entry[2].endswith("ckpt-40.index"))
    assert outcomes.index(40) == index_moved + 1  # the new one counts from the operation after its index was moved


@needs_fork
def test_a_crash_while_tensorflow_writes_leaves_nothing_that_counts(tmp_path):
    folder = published_four_times(tmp_path, 0)
    assert in_child(lambda: save(folder, 40, write=writer(40, stop_within=True)), tmp_path / "none.json") == 9
    assert list(folder.glob(".writing-*"))
    assert_newest_is(folder, (30,))
    checkpoints.tidy(folder)
    assert not list(folder.glob(".writing-*"))


@needs_fork
def test_files_are_flushed_before_they_are_moved_and_the_folder_afterwards(tmp_path):
    """What a kill can't show: after a power cut, a name must not lead to content that never reached the disk."""
    folder = published_four_times(tmp_path, 0)
    report = tmp_path / "report.json"

    def logged():
        operations = Operations()
        operations.install()
        checkpoints.publish(folder, 40, writer(40), {})
        return operations.log

    assert in_child(logged, report) == 0
    log = [tuple(entry) for entry in json.loads(report.read_text())]
    order = [(entry[0], Path(entry[1]).name) for entry in log if entry[0] in ("fsync", "replace")]
    data, manifest, index = checkpoints.names(40)
    assert order == [("fsync", data), ("fsync", index), ("fsync", manifest)] + [
        ("replace", name) for name in (data, manifest, index)
    ] + [("fsync", folder.name)]
    flushed = max(i for i, entry in enumerate(log) if entry[0] == "fsync" and ".writing-" in entry[1])
    assert not any(entry[0] == "write" and ".writing-" in entry[1] for entry in log[flushed:])


@pytest.mark.slow
@needs_fork
def test_a_full_disk_at_any_file_operation_is_said_and_costs_only_that_save(tmp_path):
    report = tmp_path / "report.json"
    folder = published_four_times(tmp_path, 0)
    point, sentences = 0, set()
    while True:
        point += 1

        def full(point=point):
            Operations(stop_at=point, error=errno.ENOSPC).install()
            try:
                checkpoints.publish(folder, 40, writer(40), {})
            except DiskFull as error:
                return str(error)
            return ""

        assert in_child(full, report) == 0
        sentence = json.loads(report.read_text())
        if not sentence:
            break
        sentences.add(sentence.partition(" (")[0])
        assert_newest_is(folder, (30, 40))
        assert not list(folder.glob(".writing-*"))
    assert point >= 10
    assert sentences == {"The checkpoint of step 40 could not be saved: the disk is full"}
    assert_newest_is(folder, (40,))


def test_a_published_step_is_never_written_again(tmp_path):
    checkpoints.publish(tmp_path, 7, writer(7), {"loss": 1.0})
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = checkpoints.publish(tmp_path, 7, lambda prefix: pytest.fail("written again"), {"loss": 2.0})
    assert again.facts["loss"] == 1.0
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["ckpt-7.index", "ckpt-7.data-00000-of-00001", "ckpt-7.json"])
def test_a_damaged_checkpoint_is_passed_over_and_replaced_when_its_step_comes_again(tmp_path, name):
    for step in (6, 7):
        checkpoints.publish(tmp_path, step, writer(step), {})
    damaged = bytearray((tmp_path / name).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / name).write_bytes(damaged)
    found = checkpoints.newest_state(tmp_path, CONFIG)
    if name.endswith(
        ".json"
    ):  # its hashes are of no use then, and the checkpoint must read whole by itself, as one of 2021
        assert found[0].step == 6
        return
    assert found[0].step == 6 and "Skipped step 7" in found[2][0] and "SHA-256" in found[2][0]
    checkpoints.publish(tmp_path, 7, writer(7), {})
    assert_newest_is(tmp_path, (7,))


def test_none_that_can_be_read_is_an_error_not_a_new_beginning(tmp_path):
    checkpoints.publish(tmp_path, 7, writer(7), {})
    (tmp_path / "ckpt-7.index").write_bytes(b"")
    with pytest.raises(TrainingError, match="None of the checkpoints"):
        checkpoints.newest_state(tmp_path, CONFIG)
    assert checkpoints.newest_state(tmp_path / "absent", CONFIG) is None


def test_what_is_not_ours_is_never_deleted(tmp_path):
    for step in (1, 2):
        for suffix, content in zip((".index", ".data-00000-of-00001"), bundle(tensors(step))):
            (tmp_path / f"ckpt-{step}{suffix}").write_bytes(content)  # of 2021: no manifest
    (tmp_path / "ckpt-0x.index").write_bytes(b"")
    (tmp_path / ".writing-notes").mkdir()
    for step in range(3, 12):
        save(tmp_path, step)
    checkpoints.tidy(tmp_path)
    assert [kept.step for kept in checkpoints.published(tmp_path)] == [1, 2, 10, 11]
    assert (tmp_path / "ckpt-0x.index").exists() and (tmp_path / ".writing-notes").exists()


def test_nothing_is_pruned_while_too_few_verify(tmp_path):
    for step in range(1, 6):
        checkpoints.publish(tmp_path, step, writer(step), {})
    for step in (4, 5):
        (tmp_path / checkpoints.names(step)[0]).write_bytes(b"damaged")
    assert checkpoints.prune(tmp_path, keep=4, worth=()) == []
    assert checkpoints.prune(tmp_path, keep=2, worth={1}) == []  # 2 and 3 verify, and 1 is the best
    checkpoints.publish(tmp_path, 6, writer(6), {})
    assert checkpoints.prune(tmp_path, keep=2, worth={1}) == [2]
    for path in tmp_path.glob("ckpt-*.index"):
        path.write_bytes(b"damaged")
    assert checkpoints.prune(tmp_path, keep=1, worth=()) == []


def test_the_best_is_by_the_held_out_loss_where_there_is_one(tmp_path):
    from ddsing.training.evaluation import Metrics

    saver = saving.Saver(tmp_path, CONFIG, "hash", [{}], LISTENING, None, keep=2)
    for step, loss, held_out in ((1, 5.0, 8.0), (2, 4.0, 7.0), (3, 3.0, 7.5), (4, 2.0, None)):
        saver._choose_best(step, loss, held_out and Metrics(held_out, None, 1.0))
    assert checkpoints.read_best(tmp_path) == (2, 7.0, "held-out spectral loss")
    alone = saving.Saver(tmp_path, CONFIG, "hash", [], LISTENING, None, keep=2)
    alone._choose_best(5, 9.0, None)
    assert checkpoints.read_best(tmp_path) == (5, 9.0, "training loss")


def test_too_little_room_is_refused_with_the_numbers(tmp_path, monkeypatch):
    free = checkpoints.n_bytes(CONFIG)
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free})())
    with pytest.raises(DiskFull, match=r"The disk of .* free, but saving safely needs .* two checkpoints"):
        checkpoints.require_room(tmp_path, CONFIG)


@pytest.mark.parametrize("name", ["singing_2021", "singing_z_2021"])
def test_weights_averages_and_steps_equal_those_that_tensorflow_reads(name, tmp_path):
    """ddsp 1.6.3's own files; its optimizer lists the averages in an order of its own, told in the object graph."""
    members = golden_members(name)
    for member, data in members.items():
        (tmp_path / member).write_bytes(data)
    config = read_config(read_bindings(members["operative_config-0.gin"]))
    found = state.read(tmp_path / "ckpt-3.index", config)
    reader = runtime.tensorflow().train.load_checkpoint(str(tmp_path / "ckpt-3"))
    assert found.iterations == 3 == reader.get_tensor("optimizer/_iterations/.ATTRIBUTES/VARIABLE_VALUE")
    numbered = sum(key.startswith("optimizer/_variables/") for key in reader.get_variable_to_shape_map())
    assert numbered == 2 * len(config.weight_shapes())
    theirs = [
        reader.get_tensor(f"optimizer/_variables/{number}/.ATTRIBUTES/VARIABLE_VALUE")
        for number in range(1, numbered + 1)
    ]
    for slot, arrays in (("m", theirs[0::2]), ("v", theirs[1::2])):  # each weight's m, then its v
        ours = sorted(array.tobytes() for array in found.slots[slot].values())
        assert ours == sorted(array.tobytes() for array in arrays)
    assert all((array >= 0).all() for array in found.slots["v"].values())
    kernel = "decoder/dense_out/kernel"
    np.testing.assert_array_equal(
        found.weights[kernel], reader.get_tensor(f"model/{kernel}/.ATTRIBUTES/VARIABLE_VALUE")
    )


def test_a_checkpoint_without_averages_is_read_as_one(tmp_path):
    for suffix, content in zip((".index", ".data-00000-of-00001"), bundle(tensors(1, slots=False))):
        (tmp_path / f"ckpt-1{suffix}").write_bytes(content)
    found = state.read(tmp_path / "ckpt-1.index", CONFIG)
    assert found.slots is None and found.iterations is None


def test_averages_that_are_no_numbers_are_refused(tmp_path):
    broken = tensors(1)
    name = next(key for key in broken if "OPTIMIZER_SLOT" in key)
    broken[name] = np.full_like(broken[name], np.nan)
    for suffix, content in zip((".index", ".data-00000-of-00001"), bundle(broken)):
        (tmp_path / f"ckpt-1{suffix}").write_bytes(content)
    with pytest.raises(InstrumentError, match="NaN or infinite"):
        state.read(tmp_path / "ckpt-1.index", CONFIG)
