"""Event files against TensorFlow's own reader and writer, and what resumes and crashes leave in them."""

import socket
import time

import numpy as np
import pytest

from ddsing.engine.tf import runtime
from ddsing.formats import event_log


def write(folder, steps, *, offset=0.0):
    writer = event_log.EventWriter(folder)
    for step in steps:
        writer.add(step, {"losses/total_loss": offset + 1.0 / step, "steps_per_sec": 2.5})
    writer.close()


def test_tensorflow_reads_what_is_written(tmp_path):
    tf = runtime.tensorflow()
    from tensorflow.python.summary.summary_iterator import summary_iterator

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
        assert abs(event.wall_time - time.time()) < 60


def by_tensorboard(path):
    """(steps, values) of the loss, as TensorBoard's own loader reads a file."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util import tensor_util

    found = [
        (event.step, float(tensor_util.make_ndarray(value.tensor)))
        for event in EventFileLoader(str(path)).Load()
        for value in event.summary.value
        if value.tag == "losses/total_loss"
    ]
    return [step for step, _ in found], [value for _, value in found]


@pytest.mark.parametrize("n_cut", [0, 1, 60])
def test_tensorboard_reads_the_same_as_we_do_whole_and_cut_short(tmp_path, n_cut):
    write(tmp_path, range(1, 200))
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[: path.stat().st_size - n_cut])
    found = event_log.read(tmp_path)["losses/total_loss"]
    assert by_tensorboard(path) == (found.steps.tolist(), found.values.tolist())
    assert len(found.steps) == (199 if n_cut == 0 else 198)


def test_the_name_of_a_file_does_not_tell_the_computers(tmp_path):
    write(tmp_path, [1])
    (path,) = tmp_path.iterdir()
    assert socket.gethostname() not in path.name


def test_what_tensorboards_writer_writes_is_read(tmp_path):
    from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path))
    for step in (1, 127, 128, 70_000):
        tensor = tensor_pb2.TensorProto(dtype=1, float_val=[1.0 / step])
        value = summary_pb2.Summary.Value(tag="losses/total_loss", tensor=tensor)
        writer.add_event(event_pb2.Event(step=step, wall_time=1.0, summary=summary_pb2.Summary(value=[value])))
    writer.close()
    found = event_log.read(tmp_path)["losses/total_loss"]
    assert found.steps.tolist() == [1, 127, 128, 70_000]
    np.testing.assert_array_equal(found.values, (1.0 / found.steps).astype(np.float32))


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
    found = event_log.read(tmp_path)
    assert sorted(found) == ["losses/total_loss", "steps_per_sec", "wide"]
    np.testing.assert_array_equal(found["losses/total_loss"].steps, [0, 300, 600])
    np.testing.assert_array_equal(found["losses/total_loss"].values, [9, 8, 7])
    np.testing.assert_allclose(found["wide"].values, np.array([0, 300, 600]) / 7, rtol=1e-6)
    assert event_log.read(tmp_path / "old")["losses/total_loss"].values.tolist() == [4.5]


def test_a_resumed_training_replaces_what_it_does_again(tmp_path):
    write(tmp_path, range(1, 614))
    write(tmp_path, range(501, 560), offset=100.0)
    write(tmp_path, range(551, 700), offset=200.0)
    found = event_log.read(tmp_path)["losses/total_loss"]
    np.testing.assert_array_equal(found.steps, np.arange(1, 700))
    expected = 1.0 / found.steps + np.select([found.steps > 550, found.steps > 500], [200.0, 100.0], 0.0)
    np.testing.assert_allclose(found.values, expected, rtol=1e-6)


def test_a_run_that_stopped_early_takes_the_later_steps_of_the_one_before_away(tmp_path):
    write(tmp_path, range(1, 101))
    write(tmp_path, range(51, 61), offset=5.0)
    assert event_log.read(tmp_path)["losses/total_loss"].steps.tolist() == list(range(1, 61))


@pytest.mark.parametrize("kind", ["run", "single"])
def test_a_last_record_cut_short_anywhere_costs_only_itself(tmp_path, kind):
    write(tmp_path / "whole", range(1, 40) if kind == "run" else [1, 200, 3, 400])
    (path,) = (tmp_path / "whole").iterdir()
    data = path.read_bytes()
    n_whole = len(event_log.read(tmp_path / "whole")["losses/total_loss"].steps)
    (tmp_path / "cut").mkdir()
    cut = tmp_path / "cut" / path.name
    for n_bytes in range(len(data) - 120, len(data)):
        cut.write_bytes(data[:n_bytes])
        assert len(event_log.read(tmp_path / "cut")["losses/total_loss"].steps) == n_whole - 1
    cut.write_bytes(b"no event file at all, but of the same name")
    assert event_log.read(tmp_path / "cut") == {}
    assert event_log.read(tmp_path / "absent") == {}


def test_records_of_other_shapes_in_between_are_read_one_by_one(tmp_path):
    writer = event_log.EventWriter(tmp_path)
    expected = {}
    for step in range(1, 301):
        values = {"losses/total_loss": float(step)} if step % 50 else {"rare": -1.0, "losses/total_loss": float(step)}
        expected[step] = float(step)
        writer.add(step, values)
    writer.close()
    found = event_log.read(tmp_path)
    assert dict(zip(found["losses/total_loss"].steps.tolist(), found["losses/total_loss"].values.tolist())) == expected
    assert found["rare"].steps.tolist() == [50, 100, 150, 200, 250, 300]


def test_ten_thousand_points_are_read_in_a_moment(tmp_path):
    write(tmp_path, range(1, 10_001))
    began = time.process_time()
    found = event_log.read(tmp_path)
    seconds = time.process_time() - began
    assert len(found["losses/total_loss"].steps) == len(found["steps_per_sec"].steps) == 10_000
    assert seconds < 0.1  # 0.005 s measured; 200 such runs in a second


def test_a_reader_sees_what_is_two_seconds_old(tmp_path):
    writer = event_log.EventWriter(tmp_path)
    writer.add(1, {"losses/total_loss": 1.0})
    writer._flushed -= 3.0
    writer.add(2, {"losses/total_loss": 2.0})
    assert event_log.read(tmp_path)["losses/total_loss"].steps.tolist() == [1, 2]
    writer.add(3, {"losses/total_loss": 3.0})
    writer.sync()
    assert event_log.read(tmp_path)["losses/total_loss"].steps.tolist() == [1, 2, 3]
    writer.close()
