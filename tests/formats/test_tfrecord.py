"""TFRecords without TensorFlow, beside TensorFlow's own; damage; and a new set of files that replaces an old one."""

import os
import threading
import tracemalloc
from pathlib import Path

import google_crc32c
import numpy as np
import pytest

from ddsing.engine.tf import runtime
from ddsing.errors import DatasetError
from ddsing.formats import crc32c, protobuf, tfrecord


def example(seed=0, n_frames=20):
    rng = np.random.default_rng(seed)
    curves = {name: rng.normal(size=n_frames).astype(np.float32) for name in ("f0_hz", "f0_confidence", "loudness_db")}
    return {"audio": rng.normal(size=64 * n_frames).astype(np.float32), **curves}


def slow_crc32c(data):
    crc = 0xFFFFFFFF
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize("n_bytes", [0, 1, 8, 2047, 2048, 2049, 4100, 70_001])
def test_crc_32c_is_that_of_its_definition(n_bytes):
    data = np.random.default_rng(n_bytes).bytes(n_bytes)
    expected = slow_crc32c(data)
    assert [crc32c.crc32c(kind(data)) for kind in (bytes, bytearray, memoryview)] == [expected] * 3
    assert crc32c.crc32c(b"123456789") == 0xE3069283  # the check value in the literature


def test_the_compiled_checksum_is_installed():
    assert google_crc32c.implementation == "c"  # its stand-in in Python takes a thousand times as long


def test_tensorflow_reads_what_we_write(tmp_path):
    tf = runtime.tensorflow()
    wanted = [{**example(seed), "file_hash": b"abc"} for seed in range(3)]
    assert tfrecord.write(tmp_path / "x.tfrecord", wanted) == 3
    found = list(tf.data.TFRecordDataset(str(tmp_path / "x.tfrecord")))
    assert len(found) == 3
    for data, expected in zip(found, wanted):
        features = tf.train.Example.FromString(data.numpy()).features.feature
        assert set(features) == set(expected) and list(features["file_hash"].bytes_list.value) == [b"abc"]
        np.testing.assert_array_equal(features["audio"].float_list.value, expected["audio"])


def test_what_tensorflow_writes_is_read_by_number(tmp_path):
    tf = runtime.tensorflow()
    wanted = [example(seed) for seed in range(5)]
    for shard, part in enumerate((wanted[:2], wanted[2:])):
        with tf.io.TFRecordWriter(str(tmp_path / f"train.tfrecord-0000{shard}-of-00002")) as writer:
            for arrays in part:
                feature = {k: tf.train.Feature(float_list=tf.train.FloatList(value=v)) for k, v in arrays.items()}
                feature["note"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[-1, 2**40]))
                data = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
                writer.write(data)
    (tmp_path / "train.tfrecord.notes.txt").write_text("not a record")
    with tfrecord.open_all(tmp_path) as found:
        assert len(found) == 5
        for number in (4, 0, 2, 1, 3):
            for name, expected in wanted[number].items():
                np.testing.assert_array_equal(found.read(number)[name], expected)
        with pytest.raises(IndexError):
            found.read(5)
    assert len(tfrecord.open_all(tmp_path, "held_out")) == len(tfrecord.open_all(tmp_path / "missing")) == 0


def test_floats_that_are_not_packed_are_read_too():
    one = b"\x0a\x07\x0a\x05" + b"\x0d" + np.float32(2.5).tobytes()  # a feature with one float by itself
    assert tfrecord.decode(b"") == {}
    entry = b"\x0a\x01x\x12" + bytes([len(one) - 2]) + b"\x12" + bytes([5]) + one[4:]
    data = b"\x0a" + bytes([len(entry) + 2]) + b"\x0a" + bytes([len(entry)]) + entry
    np.testing.assert_array_equal(tfrecord.decode(data)["x"], [2.5])


def test_damage_is_one_sentence_wherever_it_is(tmp_path):
    path = tmp_path / "train.tfrecord-00000-of-00001"
    tfrecord.write(path, [example(seed, n_frames=4) for seed in range(3)])
    whole = path.read_bytes()
    n_refused = 0
    for place in [*range(12), *range(12, len(whole), 37)]:
        content = bytearray(whole)
        content[place] ^= 0x10
        path.write_bytes(bytes(content))
        with pytest.raises(DatasetError, match="damaged") as raised, tfrecord.open_all(tmp_path) as found:
            for number in range(3):
                found.read(number)
        assert "\n" not in str(raised.value)
        n_refused += 1
    for end in range(1, len(whole), 131):
        path.write_bytes(whole[:end])
        with pytest.raises(DatasetError, match="damaged"), tfrecord.open_all(tmp_path) as found:
            assert len(found) < 3
            raise DatasetError("damaged: a whole record is missing")
    assert n_refused > 50


def test_endless_and_foreign_messages_are_refused_quickly():
    for data in (b"\xff" * 40, b"\x0a\xff\xff\xff\xff\x0f", b"\x0b", b"\x0a\x05\x0a", os.urandom(3000)):
        try:
            tfrecord.decode(data)
        except ValueError as error:
            assert str(error)


def test_threads_read_one_file(tmp_path):
    wanted = [example(seed) for seed in range(20)]
    tfrecord.write(tmp_path / "train.tfrecord", wanted)
    wrong = []
    with tfrecord.open_all(tmp_path) as found:

        def read(number):
            for _ in range(5):
                if not np.array_equal(found.read(number)["audio"], wanted[number]["audio"]):
                    wrong.append(number)

        threads = [threading.Thread(target=read, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


# A new set of files in place of an old one

PATTERNS = ("train.tfrecord*", "about.json")


def publish(folder, generation, n_shards):
    with tfrecord.publishing(folder, replaces=PATTERNS) as aside:
        for shard in range(n_shards):
            (aside / f"train.tfrecord-{shard:05d}-of-{n_shards:05d}").write_text(generation)
        (aside / "about.json").write_text(generation)
        (aside / ".scratch").write_text("x")


def state(folder):
    """Generations and number of files of the set that a reader sees."""
    tfrecord.settle(folder)
    files = [*folder.glob("train.tfrecord*"), folder / "about.json"]
    return {path.read_text() for path in files}, len(files)


class Killed(BaseException):
    """The process ends here."""


def killed_at(point, patch):
    """From now on the process ends at its point-th file operation."""
    count = 0

    def counted(operation):
        def wrapped(*args, **options):
            nonlocal count
            if count == point:
                raise Killed
            count += 1
            return operation(*args, **options)

        return wrapped

    for name in ("replace", "unlink", "fsync", "mkdir", "rmdir"):
        patch.setattr(os, name, counted(getattr(os, name)))
    patch.setattr(tfrecord.shutil, "rmtree", lambda path, **_: None)  # the dead clean up nothing


@pytest.mark.slow
def test_killed_at_any_file_operation_there_is_the_old_set_or_the_new_one(tmp_path, monkeypatch):
    outcomes = []
    for point in range(200):
        folder = tmp_path / str(point)
        (folder / "features").mkdir(parents=True)
        publish(folder, "old", 3)
        with monkeypatch.context() as patch:
            killed_at(point, patch)
            try:
                publish(folder, "new", 2)
                finished = True
            except Killed:
                finished = False
        found = state(folder)
        assert found in (({"old"}, 4), ({"new"}, 3)), point
        outcomes += found[0]
        publish(folder, "newest", 1)
        assert state(folder) == ({"newest"}, 2)
        left = {path.name for path in folder.iterdir()}
        assert left == {"train.tfrecord-00000-of-00001", "about.json", "features", ".settling"}
        if finished:
            break
    assert finished and outcomes == sorted(outcomes, reverse=True) and set(outcomes) == {"old", "new"}
    assert len(outcomes) > 12


@pytest.mark.slow
def test_readers_and_a_publisher_may_settle_at_the_same_time(tmp_path):
    stop, wrong = threading.Event(), []

    def look():
        while not stop.is_set():
            try:
                tfrecord.settle(tmp_path)
            except OSError as error:
                wrong.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(15):
        publish(tmp_path, f"{number}", 1 + number % 3)
        assert state(tmp_path) == ({f"{number}"}, 2 + number % 3)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_who_is_still_settling_one_set_takes_nothing_of_the_next_away(tmp_path, monkeypatch):
    """The first has read the names of one set and is slow; the next set is published, and not yet settled."""
    reached, go = ({name: threading.Event() for name in ("first", "second")} for _ in range(2))
    move, waited = tfrecord.move, set()

    def slowly(source, target):
        name = threading.current_thread().name
        unsettled = source.parent.name == ".publish" and name in reached and name not in waited
        if unsettled and (name == "first" or (source.parent / "only the next has it").exists()):
            waited.add(name)
            reached[name].set()
            go[name].wait()
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(tfrecord, "settle", lambda folder: None)
        publish(tmp_path, "one set", 2)  # it is killed before it settles
    monkeypatch.setattr(tfrecord, "move", slowly)

    def next_one():
        with tfrecord.publishing(tmp_path, replaces=(*PATTERNS, "only*")) as aside:
            for name in ("train.tfrecord-00000-of-00001", "about.json", "only the next has it"):
                (aside / name).write_text("the next")

    threads = [threading.Thread(target=tfrecord.settle, args=(tmp_path,), name="first")]
    threads += [threading.Thread(target=next_one, name="second")]
    threads[0].start()
    reached["first"].wait()
    threads[1].start()
    reached["second"].wait(1.0)  # which it does not while it waits for its turn
    for name, thread in zip(go, threads):
        go[name].set()
        thread.join()
    assert state(tmp_path) == ({"the next"}, 2) and (tmp_path / "only the next has it").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("n_records", [1, 2])
def test_a_full_disk_is_said_where_the_next_record_is_written_or_the_file_closed(n_records):
    """Records reach the system while the next one is made."""
    with pytest.raises(OSError, match="No space"), tfrecord.RecordWriter(Path("/dev/full")) as writer:
        for seed in range(n_records):
            writer.write(example(seed, n_frames=1000))


def test_a_record_is_with_the_system_before_the_next_but_one_is_made_and_no_thread_stays(tmp_path, monkeypatch):
    n_threads, order = threading.active_count(), []
    writer = tfrecord.RecordWriter(tmp_path / "records.tfrecord")
    file, encode = writer._file, tfrecord.encode
    monkeypatch.setattr(tfrecord, "encode", lambda one: order.append("made") or encode(one))
    written = file.write
    writer._file = type("Told", (), {"__getattr__": lambda self, name: getattr(file, name)})()
    writer._file.write = lambda data: order.append("written") or written(data)
    for seed in range(4):
        writer.write(example(seed))
    writer.close()
    assert order.count("made") == order.count("written") == 4
    ahead = [order[: at + 1].count("made") - order[: at + 1].count("written") for at in range(len(order))]
    assert min(ahead) >= 0 and max(ahead) <= 2
    assert threading.active_count() == n_threads
    assert writer.n_bytes == (tmp_path / "records.tfrecord").stat().st_size


def nested(example):
    """A record's message, each field whole before it is put into the next."""
    entries = b""
    for name, value in sorted(example.items()):
        held = protobuf.field(1, value if isinstance(value, bytes) else np.asarray(value, "<f4").tobytes())
        feature = protobuf.field(1 if isinstance(value, bytes) else 2, held)
        entries += protobuf.field(1, protobuf.field(1, name.encode()) + protobuf.field(2, feature))
    return protobuf.field(1, entries)


def test_fields_in_fields_are_those_put_together_one_by_one_and_copied_once():
    rng = np.random.default_rng(0)
    example = {"audio": rng.normal(0, 1, 64_000).astype(np.float32), "f0_hz": rng.normal(0, 1, 1000), "ä": b"\0" * 200}
    for one in (example, {}, {"none": np.zeros(0), "": b""}, {"two": np.arange(6.0).reshape(2, 3).T}):
        assert tfrecord.encode(one) == nested(one)
    tracemalloc.start()
    record = tfrecord.encode(example)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.1 * len(record)
