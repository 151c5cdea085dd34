"""What is read from files, or nothing; and what tells a file from the one that it was."""

import json
import os

import numpy as np
import pytest
import soundfile

from ddsing import names
from ddsing.dataset import scan, voices
from ddsing.experiments.curves import kept
from ddsing.files import key, read_arrays, read_json, stamp, write_arrays, write_atomic, write_json
from ddsing.workspace import open_workspace
from tests.support.file_operations import hidden
from tests.support.tiny_workspace import sung

OLD, NEW = b"old" * 1000, b"new" * 2000


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


@pytest.mark.slow
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
