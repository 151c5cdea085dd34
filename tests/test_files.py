"""Files: whole or not at all, whatever happens; brought back; named safely."""

import errno
import itertools
import json
import multiprocessing
import os
import resource
import shutil
import stat
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ddsing import files, names
from ddsing.dataset import scan, voices
from ddsing.experiments.curves import kept
from ddsing.files import (
    atomic,
    flush,
    key,
    move,
    move_exclusively,
    move_new,
    numbered,
    read_arrays,
    read_json,
    restore,
    safe_name,
    stamp,
    trash,
    write_arrays,
    write_atomic,
    write_json,
    write_new,
)
from ddsing.workspace import open_workspace
from tests.support.file_operations import crashed, failed, in_child, logged
from tests.support.tiny_workspace import sung

OLD, NEW = b"old" * 1000, b"new" * 2000
FORK = multiprocessing.get_context("fork")


def hidden(folder):
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def kinds(log):
    return [entry[0] for entry in log]


# Whole or not at all


def write_in_pieces(path, durable=True):
    with atomic(path, durable=durable) as file:
        for start in range(0, len(NEW), 1500):
            file.write(NEW[start : start + 1500])


def test_killed_at_any_file_operation_there_is_the_old_content_or_the_new_one(tmp_path):
    report, outcomes = tmp_path / "report", []
    (tmp_path / "whole").mkdir()
    log = logged(lambda: write_in_pieces(tmp_path / "whole" / "file"), report)
    assert kinds(log) == ["open", *["write"] * 4, "fsync", "replace", "fsync", "unlink"]
    for point in range(1, len(log) + 1):
        path = tmp_path / str(point) / "file"
        path.parent.mkdir()
        path.write_bytes(OLD)
        crashed(lambda path=path: write_in_pieces(path), report, point)
        outcomes.append(path.read_bytes())
        assert len(hidden(path.parent)) <= 1
        write_in_pieces(path)
        assert path.read_bytes() == NEW
    assert outcomes == [OLD] * 7 + [NEW] * 2


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_an_error_at_any_file_operation_is_said_and_leaves_nothing_half_done(tmp_path, error):
    report, outcomes = tmp_path / "report", []
    for point in range(1, 9):
        path = tmp_path / str(point) / "file"
        path.parent.mkdir()
        path.write_bytes(OLD)
        assert os.strerror(error) in failed(lambda path=path: write_in_pieces(path), report, point, error)
        outcomes.append(path.read_bytes())
        assert hidden(path.parent) == []
    assert outcomes == [OLD] * 7 + [NEW]  # the last: the folder's names may not have reached the disk


def test_what_fails_within_the_block_leaves_all_as_it_was(tmp_path):
    (tmp_path / "file").write_bytes(OLD)
    with pytest.raises(KeyboardInterrupt), atomic(tmp_path / "file") as file:
        file.write(NEW)
        raise KeyboardInterrupt
    assert (tmp_path / "file").read_bytes() == OLD and hidden(tmp_path) == []


def test_the_content_reaches_the_disk_before_the_name_and_the_folder_afterwards(tmp_path):
    """What a kill can't show: after a power cut, a name must not lead to content that never reached the disk."""
    log = logged(lambda: write_atomic(tmp_path / "file", NEW), tmp_path / "report")
    order = [entry[:2] for entry in log if entry[0] in ("fsync", "replace")]
    assert [name for name, _ in order] == ["fsync", "replace", "fsync"]
    assert order[0][1] == order[1][1] and order[2][1] == str(tmp_path)
    log = logged(lambda: write_atomic(tmp_path / "file", OLD, durable=False), tmp_path / "report")
    assert "fsync" not in kinds(log) and (tmp_path / "file").read_bytes() == OLD


def test_a_file_system_that_flushes_no_folders_is_none_the_worse_for_it(tmp_path, monkeypatch):
    real = os.fsync
    for error in (errno.EINVAL, errno.EOPNOTSUPP):

        def refusing(descriptor, error=error):
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(error, os.strerror(error))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", refusing)
        write_atomic(tmp_path / "file", NEW)
        flush(tmp_path)
    assert (tmp_path / "file").read_bytes() == NEW


def test_a_full_disk_leaves_the_old_content(tmp_path):
    (tmp_path / "file").write_bytes(OLD)

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
        try:
            write_atomic(tmp_path / "file", NEW)
        except OSError as error:
            return error.errno
        return None

    assert in_child(full, report := tmp_path / "report") == 0
    assert int(report.read_text()) == errno.EFBIG
    assert (tmp_path / "file").read_bytes() == OLD and hidden(tmp_path) == []


@pytest.fixture
def anyones():
    """A folder that everybody may enter, unlike `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="ddsing-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("rights", [0o555, 0o333])
def test_a_folder_that_may_not_be_written_is_an_error_one_that_may_not_be_read_is_none(anyones, rights):
    (anyones / "inside").mkdir()
    (anyones / "inside" / "file").write_bytes(OLD)
    (anyones / "inside").chmod(rights)

    def restricted():
        if os.getuid() == 0:  # whom no rights stop
            os.setuid(65534)
        try:
            write_atomic(anyones / "inside" / "file", NEW)
            flush(anyones / "inside")
        except OSError as error:
            return error.errno
        return 0

    (report := anyones / "report").touch()
    report.chmod(0o666)
    status = in_child(restricted, report)
    (anyones / "inside").chmod(0o755)
    writable = rights == 0o333
    assert status == 0 and int(report.read_text()) == (0 if writable else errno.EACCES)
    assert (anyones / "inside" / "file").read_bytes() == (NEW if writable else OLD)


def test_devices_folders_and_pipes_are_spared_and_a_link_is_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/null"), tmp_path, tmp_path / "pipe"):
        with pytest.raises(OSError, match="ordinary"):
            write_atomic(path, b"1")
    assert Path("/dev/null").is_char_device() and [path.name for path in tmp_path.iterdir()] == ["pipe"]
    (tmp_path / "target").write_bytes(OLD)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomic(tmp_path / "link", NEW)
    assert not (tmp_path / "link").is_symlink() and (tmp_path / "target").read_bytes() == OLD


@pytest.mark.parametrize("name", ["語" * 85, "x" * 255, "Be gon\u0303a’s #2", os.fsdecode(b"canci\xf3n.wav"), "a\nb"])
def test_any_name_that_the_disk_takes_will_do(tmp_path, name):
    write_atomic(tmp_path / name, NEW)
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_bytes() == NEW


def test_a_new_file_has_the_rights_that_the_umask_gives(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "file", NEW)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_two_processes_write_one_file_and_every_reader_sees_it_whole(tmp_path):
    path = tmp_path / "file"
    write_atomic(path, b"0" * 50_000)

    def write(digit):
        for _ in range(200):
            write_atomic(path, digit * 50_000, durable=False)

    writers = [FORK.Process(target=write, args=(digit,)) for digit in (b"1", b"2")]
    for process in writers:
        process.start()
    n_seen = 0
    while any(process.is_alive() for process in writers):
        content = path.read_bytes()
        assert len(content) == 50_000 and len(set(content)) == 1
        n_seen += 1
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0, 0] and n_seen > 10 and hidden(tmp_path) == []


def test_where_open_files_cant_be_moved_it_waits_for_their_readers(tmp_path, monkeypatch):
    """As on Windows, where `os` has no O_DIRECTORY and `os.replace` refuses an open file."""
    monkeypatch.delattr(os, "O_DIRECTORY")
    monkeypatch.setattr(files, "PATIENCE_S", 0.5)
    real, reading = os.replace, threading.Event()
    reading.set()

    def refusing(source, target):
        if reading.is_set():
            raise PermissionError(errno.EACCES, "it is open")
        real(source, target)

    monkeypatch.setattr(os, "replace", refusing)
    (tmp_path / "file").write_bytes(OLD)
    with pytest.raises(PermissionError):
        write_atomic(tmp_path / "file", NEW)
    assert (tmp_path / "file").read_bytes() == OLD and hidden(tmp_path) == []
    timer = threading.Timer(0.1, reading.clear)
    timer.start()
    write_atomic(tmp_path / "file", NEW)
    timer.join()
    assert (tmp_path / "file").read_bytes() == NEW
    move(tmp_path / "file", tmp_path / "moved")
    flush(tmp_path / "moved")
    flush(tmp_path)


# Names that are free


def test_killed_at_any_file_operation_a_new_file_is_whole_or_not_there_and_none_is_lost(tmp_path):
    report, outcomes = tmp_path / "report", []
    (tmp_path / "log").mkdir()
    (tmp_path / "source").write_bytes(NEW)
    log = logged(lambda: write_new(tmp_path / "log" / "file.wav", tmp_path / "source"), report)
    assert kinds(log) == ["open", "write", "fsync", "link", "unlink", "fsync", "unlink"]
    for point in range(1, len(log) + 2):  # one more, as the name is taken here
        folder = tmp_path / str(point)
        folder.mkdir()
        (folder / "file.wav").write_bytes(OLD)
        crashed(lambda folder=folder: write_new(folder / "file.wav", tmp_path / "source"), report, point)
        assert (folder / "file.wav").read_bytes() == OLD and len(hidden(folder)) <= 1
        made = folder / "file 2.wav"
        assert not made.exists() or made.read_bytes() == NEW
        outcomes.append(made.exists())
    assert outcomes == [False] * 5 + [True] * 3


@pytest.mark.parametrize("error", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_on_a_disk_without_hard_links_names_are_taken_one_by_one_too(tmp_path, monkeypatch, error):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(error, os.strerror(error))))
    assert [write_new(tmp_path / "file.wav", bytes([n])).name for n in range(3)] == [
        "file.wav",
        "file 2.wav",
        "file 3.wav",
    ]
    assert [(tmp_path / name).read_bytes()[0] for name in ("file.wav", "file 2.wav", "file 3.wav")] == [0, 1, 2]
    with pytest.raises(FileExistsError):
        move_exclusively(tmp_path / "file.wav", tmp_path / "file 2.wav")
    with pytest.raises(FileNotFoundError):
        move_exclusively(tmp_path / "none", tmp_path / "new")
    assert len(list(tmp_path.iterdir())) == 3


def test_nothing_is_ever_put_over_what_is_there(tmp_path):
    for name in ("a file", "other"):
        (tmp_path / name).write_bytes(OLD)
    for name in ("a folder", "filled"):
        (tmp_path / name).mkdir()
    (tmp_path / "filled" / "inside").touch()
    (tmp_path / "a link").symlink_to("nowhere")
    taken = ("a file", "a folder", "filled", "a link")
    for source in (tmp_path / "other", tmp_path / "moving", tmp_path / "pointing"):
        (tmp_path / "moving").mkdir(exist_ok=True)
        (tmp_path / "moving" / "inside").touch()
        if not (tmp_path / "pointing").is_symlink():
            (tmp_path / "pointing").symlink_to("nowhere at all")
        for name in taken:
            with pytest.raises(FileExistsError):
                move_exclusively(source, tmp_path / name)
            with pytest.raises(FileExistsError if name in ("a file", "a link") else OSError):
                write_atomic(tmp_path / name, NEW, new=True)
        assert (
            move_new(source, tmp_path / "a file").name
            == f"a file {2 + (source.name != 'other') + (source.name == 'pointing')}"
        )
    assert (tmp_path / "a file").read_bytes() == (tmp_path / "a file 2").read_bytes() == OLD
    assert (tmp_path / "a file 3" / "inside").exists() and (tmp_path / "a file 4").readlink() == Path("nowhere at all")
    assert hidden(tmp_path) == []


def test_numbers_are_put_before_the_suffix_and_long_names_are_cut(tmp_path):
    def second(name):
        return list(itertools.islice(numbered(Path("folder") / name), 2))[1].name

    assert second("Aria.zip") == "Aria 2.zip" and second("a folder") == "a folder 2" and second("op. 28") == "op. 28 2"
    assert second("a title. With a whole sentence") == "a title. With a whole sentence 2"
    assert len(os.fsencode(second("語" * 83 + ".flac"))) <= 255 and second("語" * 83 + ".flac").endswith("語 2.flac")
    for n in range(12):
        write_new(tmp_path / ("x" * 251 + ".wav"), bytes([n]))
    assert len(list(tmp_path.iterdir())) == 12 and (tmp_path / ("x" * 248 + " 12.wav")).read_bytes() == bytes([11])


# Read or nothing


def test_what_is_no_json_object_is_none(tmp_path):
    path = tmp_path / "file.json"
    assert read_json(path) is None and read_json(tmp_path) is None
    whole = json.dumps({"name": "Begoña", "values": [1, 2.5, None]}, ensure_ascii=False).encode()
    for content in (b"", whole[:-1], b"[1, 2]", b"null", b"1", b"\xff\xfe", whole.replace("ñ".encode(), b"\xf1")):
        path.write_bytes(content)
        assert read_json(path) is None, content
    path.write_bytes(b'{"a": ' * 100_000)
    assert read_json(path) is None  # so deep that Python gives up
    path.write_bytes(whole)
    assert read_json(path) == {"name": "Begoña", "values": [1, 2.5, None]}
    assert read_json(path, max_bytes=len(whole)) and read_json(path, max_bytes=len(whole) - 1) is None


def test_an_object_comes_back_as_it_was_also_with_names_that_are_no_utf_8(tmp_path):
    name = names.read(os.fsdecode(b"canci\xf3n.wav"))  # of an old disk
    document = {name: {"title": "日本 \\udcf3 \"'\n", "stamp": [3, 1_700_000_000_123_456_789]}, "none": None}
    write_json(tmp_path / "file", document)
    assert read_json(tmp_path / "file") == document
    assert os.fsencode(names.on_disk(next(iter(read_json(tmp_path / "file"))))) == b"canci\xf3n.wav"
    write_json(tmp_path / "before", {os.fsdecode(b"canci\xf3n.wav"): 1})  # as ddsing 0.2.0 wrote it
    assert b"udcf3" in (tmp_path / "before").read_bytes() and read_json(tmp_path / "before") == {name: 1}
    assert "日本".encode() in (tmp_path / "file").read_bytes()
    with pytest.raises(TypeError):
        write_json(tmp_path / "file", {"what JSON can't say": tmp_path})
    assert read_json(tmp_path / "file") == document and hidden(tmp_path) == []


def test_a_recording_whose_name_is_no_utf_8_is_remembered(tmp_path):
    workspace = open_workspace(tmp_path)
    voice = voices.create(workspace, "alto")
    path = voice.folder / os.fsdecode(b"canci\xf3n.wav")
    soundfile.write(os.fsencode(path), sung(), 16_000, format="WAV")
    (facts,) = scan.scan(voice)
    assert not facts.error and scan.Memory(voice).get(path) == facts


def test_damage_anywhere_in_a_file_of_arrays_is_nothing_or_does_no_harm(tmp_path):
    """A bit of each byte changed, and every fifth length: None, or the arrays as they were."""
    arrays = {"curve": np.linspace(0, 1, 9, dtype=np.float32), "names": np.array(["a", "é"])}
    for writer in (np.savez, np.savez_compressed):
        path = tmp_path / "arrays.npz"
        writer(path, **arrays)
        whole, n_none = path.read_bytes(), 0
        damaged = [whole[:n] for n in range(0, len(whole), 5)]
        damaged += [whole[:i] + bytes([whole[i] ^ (1 << i % 8)]) + whole[i + 1 :] for i in range(len(whole))]
        for content in damaged:
            path.write_bytes(content)
            found = read_arrays(path, arrays)
            n_none += found is None
            assert found is None or all(np.array_equal(found[name], arrays[name]) for name in arrays)
        assert n_none > len(damaged) / 2


def test_arrays_come_back_and_what_holds_others_or_none_is_none(tmp_path):
    path = tmp_path / "arrays"  # np.savez would add .npz
    write_arrays(path, f0_hz=np.arange(5.0), loudness_db=np.zeros((2, 0), np.float32))
    found = read_arrays(path)
    assert list(found) == ["f0_hz", "loudness_db"] and found["loudness_db"].shape == (2, 0)
    assert list(read_arrays(path, ("loudness_db",))) == ["loudness_db"]
    assert read_arrays(path, ("f0_hz", "z")) is None and read_arrays(tmp_path) is None
    np.save(tmp_path / "one.npy", np.zeros(3))
    np.savez(tmp_path / "objects.npz", a=np.array([{}], dtype=object))
    for name in ("none", "one.npy", "objects.npz"):
        assert read_arrays(tmp_path / name) is None


# What tells a file from the one that it was


def test_a_stamp_changes_with_the_content_and_one_with_the_inode_also_within_a_tick_of_the_clock(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(FileNotFoundError):
        stamp(path)
    write_atomic(path, OLD)
    facts, before = path.stat(), stamp(path, inode=True)
    assert stamp(path) == (len(OLD), facts.st_mtime_ns) == before[:2]
    assert key(path) == (str(path), len(OLD), facts.st_mtime_ns)
    write_atomic(path, OLD.upper())
    os.utime(path, ns=(facts.st_mtime_ns, facts.st_mtime_ns))
    assert stamp(path) == before[:2] and stamp(path, inode=True) != before
    os.utime(path, ns=(0, 1))
    assert stamp(path) == (len(OLD), 1)


def test_stamps_on_disk_are_those_of_before(tmp_path):
    """Or every workspace would be analysed again."""
    (tmp_path / "file").write_bytes(b"123")
    (tmp_path / "ckpt-1.index").write_bytes(b"12")
    for name in ("file", "ckpt-1.index"):
        os.utime(tmp_path / name, ns=(0, 1_700_000_000_123_456_789))
    assert scan.stamp(tmp_path / "file") == json.loads("[3, 1700000000123456789]")
    assert scan.stamp(tmp_path / "none") == [-1, -1]
    assert kept.fingerprint(tmp_path).splitlines()[1:] == ["ckpt-1.index 2 1700000000123456789"]


# The trash, and names


def test_what_is_deleted_can_be_brought_back(tmp_path):
    path = tmp_path / "voice.zip"
    path.write_text("1")
    trashed = trash(path)
    assert not path.exists()
    path.write_text("2")
    assert restore(trashed).read_text() == "1"
    assert path.read_text() == "2"


@pytest.mark.parametrize("text", ["../../etc/passwd", "", "...", "/", "a\x00b", "-rf", "x" * 500, "𠀀" * 90])
def test_names_are_made_safe(text):
    name = safe_name(text)
    assert name and len(name) <= 80 and len(name.encode()) <= 200
    assert "/" not in name and not name.startswith((".", "-"))
