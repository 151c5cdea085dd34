"""Event files against TensorFlow's own reader and writer, and what resumes and crashes leave in them."""

import time

import numpy as np
import pytest

from ddsing.engine import runtime
from ddsing.training import events
from tests.counting import counted_calls


def write(folder, steps, *, offset=0.0):
    writer = events.EventWriter(folder)
    for step in steps:
        writer.add(step, {"losses/total_loss": offset + 1.0 / step, "steps_per_sec": 2.5})
    writer.close()


def test_tensorflow_reads_what_is_written(tmp_path):
    tf = runtime.tensorflow()
    from tensorflow.python.summary.summary_iterator import summary_iterator

    began = time.time()
    write(tmp_path, [1, 127, 128, 70_000])
    (path,) = tmp_path.iterdir()
    first, *rest = summary_iterator(str(path))  # checks every checksum
    assert first.file_version == "brain.Event:2" and "tfevents" in path.name
    assert [event.step for event in rest] == [1, 127, 128, 70_000]
    for event in rest:
        loss, speed = event.summary.value
        assert (loss.tag, speed.tag) == ("losses/total_loss", "steps_per_sec")
        assert loss.metadata.plugin_data.plugin_name == "scalars" and loss.metadata.data_class == 1
        assert tf.make_ndarray(loss.tensor) == np.float32(1.0 / event.step) and tf.make_ndarray(speed.tensor) == 2.5
        assert began <= event.wall_time <= time.time()


def test_what_tensorflow_writes_is_read(tmp_path):
    tf = runtime.tensorflow()
    metadata = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"}, data_class=1)
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        for step in range(0, 900, 300):
            tf.summary.write("steps_per_sec", tf.constant(0.5), step=step, metadata=metadata)
            tf.summary.write("losses/total_loss", tf.constant(9.0 - step / 300), step=step, metadata=metadata)
            tf.summary.write("wide", tf.constant(step / 7, tf.float64), step=step, metadata=metadata)
            tf.summary.write("text", tf.constant("a sentence"), step=step, metadata=metadata)
    writer.close()
    with tf.compat.v1.Graph().as_default():  # TensorFlow 1's form
        old = tf.compat.v1.summary.FileWriter(str(tmp_path / "old"))
        value = tf.compat.v1.Summary.Value(tag="losses/total_loss", simple_value=4.5)
        old.add_summary(tf.compat.v1.Summary(value=[value]), 12)
        old.close()
    found = events.read(tmp_path)
    assert sorted(found) == ["losses/total_loss", "steps_per_sec", "wide"]
    np.testing.assert_array_equal(found["losses/total_loss"].steps, [0, 300, 600])
    np.testing.assert_array_equal(found["losses/total_loss"].values, [9, 8, 7])
    np.testing.assert_allclose(found["wide"].values, np.array([0, 300, 600]) / 7, rtol=1e-6)
    assert events.read(tmp_path / "old")["losses/total_loss"].values.tolist() == [4.5]


def test_a_resumed_training_replaces_what_it_does_again(tmp_path):
    write(tmp_path, range(1, 614))
    write(tmp_path, range(501, 560), offset=100.0)
    write(tmp_path, range(551, 700), offset=200.0)
    found = events.read(tmp_path)["losses/total_loss"]
    np.testing.assert_array_equal(found.steps, np.arange(1, 700))
    expected = 1.0 / found.steps + np.select([found.steps > 550, found.steps > 500], [200.0, 100.0], 0.0)
    np.testing.assert_allclose(found.values, expected, rtol=1e-6)


def test_a_run_that_stopped_early_takes_the_later_steps_of_the_one_before_away(tmp_path):
    write(tmp_path, range(1, 101))
    write(tmp_path, range(51, 61), offset=5.0)
    assert events.read(tmp_path)["losses/total_loss"].steps.tolist() == list(range(1, 61))


@pytest.mark.parametrize("kind", ["run", "single"])
def test_a_last_record_cut_short_anywhere_costs_only_itself(tmp_path, kind):
    write(tmp_path / "whole", range(1, 40) if kind == "run" else [1, 200, 3, 400])
    (path,) = (tmp_path / "whole").iterdir()
    data = path.read_bytes()
    n_whole = len(events.read(tmp_path / "whole")["losses/total_loss"].steps)
    (tmp_path / "cut").mkdir()
    cut = tmp_path / "cut" / path.name
    for n_bytes in range(len(data) - 120, len(data)):
        cut.write_bytes(data[:n_bytes])
        assert len(events.read(tmp_path / "cut")["losses/total_loss"].steps) == n_whole - 1
    cut.write_bytes(b"no event file at all, but of the same name")
    assert events.read(tmp_path / "cut") == {}
    assert events.read(tmp_path / "absent") == {}


def test_records_of_other_shapes_in_between_are_read_one_by_one(tmp_path):
    writer = events.EventWriter(tmp_path)
    expected = {}
    for step in range(1, 301):
        values = {"losses/total_loss": float(step)} if step % 50 else {"rare": -1.0, "losses/total_loss": float(step)}
        expected[step] = float(step)
        writer.add(step, values)
    writer.close()
    found = events.read(tmp_path)
    assert dict(zip(found["losses/total_loss"].steps.tolist(), found["losses/total_loss"].values.tolist())) == expected
    assert found["rare"].steps.tolist() == [50, 100, 150, 200, 250, 300]


def test_ten_thousand_points_are_read_together_and_not_one_by_one(tmp_path):
    write(tmp_path, range(1, 10_001))
    with counted_calls() as calls:
        found = events.read(tmp_path)
    assert len(found["losses/total_loss"].steps) == len(found["steps_per_sec"].steps) == 10_000
    assert sum(calls.values()) < 5_000, calls.most_common(5)


def test_a_reader_sees_what_is_two_seconds_old(tmp_path):
    writer = events.EventWriter(tmp_path)
    writer.add(1, {"losses/total_loss": 1.0})
    writer._flushed -= 3.0
    writer.add(2, {"losses/total_loss": 2.0})
    assert events.read(tmp_path)["losses/total_loss"].steps.tolist() == [1, 2]
    writer.add(3, {"losses/total_loss": 3.0})
    writer.sync()
    assert events.read(tmp_path)["losses/total_loss"].steps.tolist() == [1, 2, 3]
    writer.close()
