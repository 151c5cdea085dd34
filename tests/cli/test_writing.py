"""What can't be written where an option says is one sentence."""

import errno
import os

import pytest

from ddsing import cli
from ddsing.cli.writing import writing
from ddsing.errors import DiskFull, OutputError


@pytest.mark.parametrize(
    ("code", "kind"),
    [(errno.EACCES, OutputError), (errno.EROFS, OutputError), (errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull)],
)
def test_the_path_the_reason_and_what_would_work(code, kind):
    with pytest.raises(kind) as caught, writing("out.npz", "choose another file"):
        raise OSError(code, os.strerror(code), "/somewhere/.tmp")
    assert str(caught.value) == f"'out.npz' can't be written: {os.strerror(code)}; choose another file."
    with pytest.raises(kind, match=r"'x' can't be written: [^;]+\.$"), writing("x"):
        raise OSError(code, os.strerror(code))


def test_other_errors_pass():
    with pytest.raises(ZeroDivisionError), writing("x"):
        _ = 1 / 0


def test_commands_say_so(tmp_path, capsys, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    for words in (["--csv", "folder"], ["--curves", "file/x.csv"]):
        assert cli.main(["compare", "losses", *words, "--workspace", "w"]) == 2
        complaint = capsys.readouterr().err
        assert complaint.startswith(f"{words[1]!r} can't be written: ") and complaint.count("\n") == 1
