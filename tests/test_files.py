"""Files: whole or not at all, whatever happens."""

import errno
import multiprocessing
import os
import resource
import shutil
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from ddsing import files
from ddsing.files import atomic, flush, move, write_atomic
from tests.support.file_operations import crashed, failed, hidden, in_child, kinds, logged

OLD, NEW = b"old" * 1000, b"new" * 2000
FORK = multiprocessing.get_context("fork")


def write_in_pieces(path, durable=True):
    with atomic(path, durable=durable) as file:
        for start in range(0, len(NEW), 1500):
            file.write(NEW[start : start + 1500])


@pytest.mark.slow
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
@pytest.mark.slow
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


def test_a_file_that_comes_and_goes_is_an_ordinary_one_at_every_moment(tmp_path):
    path, over, said = tmp_path / "file", threading.Event(), []

    def come_and_go():
        while not over.is_set():
            path.write_bytes(OLD)
            path.unlink(missing_ok=True)

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(3000):
            try:
                write_atomic(path, NEW, new=True, durable=False)
            except FileExistsError:
                continue
            except OSError as error:
                said.append(str(error))
    finally:
        over.set()
        thread.join()
    assert not said


def test_a_folder_is_listed_again_only_when_it_has_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_TICK_NS", 0)
    listed, plain = [], os.listdir
    monkeypatch.setattr(files.os, "listdir", lambda folder: listed.append(folder) or plain(folder))
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "one").touch()
    assert files.names_in(folder) == files.names_in(folder) == ("one",) and len(listed) == 1
    (folder / "two").touch()
    os.utime(folder, ns=(1, 1))  # later by the clock, or earlier
    assert set(files.names_in(folder)) == {"one", "two"} and len(listed) == 2
    (folder / "one").unlink()
    assert files.names_in(folder) == ("two",)
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError):
        files.names_in(folder)


def test_a_folder_that_changed_a_moment_ago_is_not_remembered(tmp_path):
    (tmp_path / "one").touch()
    changed = tmp_path.stat()
    assert files.names_in(tmp_path) == ("one",)
    (tmp_path / "two").touch()
    os.utime(tmp_path, ns=(changed.st_atime_ns, changed.st_mtime_ns))  # within the same tick
    assert set(files.names_in(tmp_path)) == {"one", "two"}
