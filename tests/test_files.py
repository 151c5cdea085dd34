"""Files: whole or not at all, brought back, named safely."""

from pathlib import Path

import pytest

from ddsing.files import restore, safe_name, trash, write_atomic


def test_writing_is_whole_or_not_at_all_and_spares_devices(tmp_path):
    write_atomic(tmp_path / ("語" * 80), b"1")
    with pytest.raises(OSError):
        write_atomic(Path("/dev/null"), b"1")
    with pytest.raises(OSError):
        write_atomic(tmp_path, b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["語" * 80]


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
