"""Files under names that are free: new ones, moved ones and those that come back from the trash; safe names."""

import errno
import itertools
import multiprocessing
import os
from pathlib import Path

import pytest

from ddsing.files import move_exclusively, move_new, numbered, restore, safe_name, trash, write_atomic, write_new
from tests.support.file_operations import crashed, hidden, kinds, logged

OLD, NEW = b"old" * 1000, b"new" * 2000
FORK = multiprocessing.get_context("fork")


@pytest.mark.slow
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
