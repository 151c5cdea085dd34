"""What a listing leaves out is said: folders that can't be read, links, recordings in the wrong place."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ddsing.cli import main
from ddsing.dataset import adding, prepare, report, scan, voices
from ddsing.errors import DatasetError, TakeError, WorkspaceError
from ddsing.experiments.comparison.blind import BlindTests
from ddsing.experiments.comparison.sets import SetStore
from ddsing.jobs.store import JobStore
from ddsing.sound import folder
from ddsing.sound.audio import encode
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.tiny_workspace import sung


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.empty(tmp_path / "w"))


@pytest.fixture
def anyones():
    """A workspace that everybody may use, unlike those in `tmp_path`."""
    made = Path(tempfile.mkdtemp(prefix="ddsing-test-"))
    workspace = Workspace(tiny_workspace.empty(made / "w"))
    yield workspace
    subprocess.run(["chmod", "-R", "u+rwX", made], check=True)
    shutil.rmtree(made)


def write(path: Path, hz: float = 220.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(sung(hz=hz)))
    return path


def names_of(voice: voices.Voice) -> list[str]:
    return [voice.name_of(path) for path in voice.recordings()]


def test_links_are_followed_each_folder_once_and_loops_do_no_harm(workspace, tmp_path):
    write(workspace.audio / "alto" / "one.wav")
    write(tmp_path / "elsewhere" / "two.wav", 330)
    write(tmp_path / "elsewhere" / "deeper" / "three.wav", 440)
    (workspace.audio / "alto" / "linked").symlink_to(tmp_path / "elsewhere")
    (workspace.audio / "alto" / "again").symlink_to(tmp_path / "elsewhere" / "deeper")
    (tmp_path / "elsewhere" / "loop").symlink_to(workspace.audio / "alto")
    (workspace.audio / "alto" / "self").symlink_to("self")
    voice = voices.get(workspace, "alto")
    found = names_of(voice)
    assert found == ["again/three.wav", "linked/two.wav", "one.wav"] and not voice.unreadable()
    token = voices.remove(voice, "linked/two.wav")
    assert names_of(voice) == ["again/three.wav", "one.wav"]
    assert voices.restore(voice, token) == "linked/two.wav"
    (workspace.audio / "tenor").symlink_to(tmp_path / "elsewhere")
    assert len(voices.get(workspace, "tenor").recordings()) == 3  # the loop leads to alto's own, which is one more
    assert len(adding.add(voices.create(workspace, "bass"), [workspace.audio / "alto"]).added) == 3


def test_a_link_that_leads_nowhere_is_a_recording_that_can_t_be_used(workspace, tmp_path):
    write(workspace.audio / "alto" / "one.wav")
    (workspace.audio / "alto" / "gone.wav").symlink_to(tmp_path / "unplugged" / "gone.wav")
    (workspace.audio / "alto" / "gone.txt").symlink_to(tmp_path / "unplugged" / "gone.txt")
    voice = voices.get(workspace, "alto")
    gone, one = scan.scan(voice)
    assert (gone.name, one.error) == ("gone.wav", "") and "No such file" in gone.error
    assert voices.restore(voice, voices.remove(voice, "gone.wav")) == "gone.wav"


def test_what_is_no_file_is_no_recording_whatever_its_name(workspace):
    write(workspace.examples / "a song.wav")
    (workspace.examples / "folder.wav").mkdir()
    os.mkfifo(workspace.examples / "pipe.wav")
    write(workspace.examples / ".ipynb_checkpoints" / "hidden.wav")
    write(workspace.examples / "without a suffix")
    (workspace.examples / "notes.txt").write_text("bring the score")
    found = [folder.name_of(workspace.examples, path) for path in folder.recordings(workspace.examples)]
    assert found == ["a song.wav", "without a suffix"]


def test_recordings_that_belong_to_no_voice_are_said(workspace, capsys):
    write(workspace.audio / "loose.wav")
    write(workspace.audio / "my_dataset" / "one.wav")
    write(workspace.audio / "my_dataset" / "two.mp3")
    write(workspace.audio / "alto_checkpoints" / "previews" / "ckpt-1.flac")  # ours
    assert main(["--workspace", str(workspace.root), "dataset", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["alto: 0 recordings", "my: 0 recordings"] and len(lines) == 4
    assert lines[2].startswith("'loose.wav' is directly in the audio folder") and "move it" in lines[2]
    assert lines[3].startswith("2 recordings, such as 'one.wav', are in 'my_dataset'")
    assert lines[3].endswith("rename it, for example to 'my recordings'.")


def test_of_many_folders_only_what_is_said_is_taken_apart(workspace, monkeypatch):
    for number in range(20):
        write(workspace.audio / f"alto {number}" / "one.wav")
        write(workspace.audio / f"alto {number}_checkpoints" / "previews" / "ckpt-1.flac")
    write(workspace.audio / "my_dataset" / "one.wav")
    apart, plain = [], voices._split
    monkeypatch.setattr(voices, "_split", lambda path: apart.append(path.name) or plain(path))
    assert len(voices.astray(workspace)) == 1
    assert apart == ["my_dataset"]


def as_nobody(anyones: Workspace, *command: str) -> tuple[int, list[str], str]:
    """A command as somebody without rights gives it: its status, the lines that it prints, and its complaint."""
    with open(anyones.root / "said", "w+") as said, open(anyones.root / "complained", "w+") as complained:
        child = os.fork()
        if child == 0:
            status = 99
            try:
                if os.getuid() == 0:  # whom no rights stop
                    os.setuid(65534)
                os.dup2(said.fileno(), 1)
                os.dup2(complained.fileno(), 2)
                sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
                status = main(["--workspace", str(anyones.root), *command])
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        complained.seek(0)
        return status, said.read().splitlines(), complained.read()


@pytest.mark.slow
def test_folders_that_can_t_be_read_are_said(anyones):
    write(anyones.audio / "alto" / "one.wav")
    write(anyones.audio / "alto" / "tutti" / "two.wav")
    write(anyones.audio / "bass" / "three.wav")
    anyones.jobs.mkdir()
    anyones.cache.mkdir()
    commands = (["dataset", "list"], ["dataset", "list", "alto"], ["dataset", "prepare", "bass"], ["jobs", "list"])
    for command in commands[:2] + commands[3:]:  # what they import, nobody may
        main(["--workspace", str(anyones.root), *command])
    for path in (anyones.root.parent, anyones.root, *anyones.root.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    for path in (anyones.audio / "alto" / "tutti", anyones.audio / "bass", anyones.jobs):
        path.chmod(0)
    voices_listed, alto, bass, jobs = (as_nobody(anyones, *command) for command in commands)
    status, lines, _ = voices_listed
    assert status == 0 and lines[0] == "alto: 1 recording" and lines[2] == "bass: 0 recordings"
    for line, name in ((lines[1], "tutti/"), (lines[3], "bass/")):
        assert line.strip().startswith(f"{name}: The folder can't be read: Permission denied")
    assert alto[1][0].startswith("one.wav: ") and alto[1][1].startswith("tutti/: The folder can't be read")
    for status, lines, complaint in (bass, jobs):
        assert status == 2 and lines == [] and "can't be read: Permission denied" in complaint
    anyones.audio.chmod(0)
    status, lines, complaint = as_nobody(anyones, "dataset", "list")
    assert status == 2 and lines == [] and "can't be read: Permission denied" in complaint


def refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the system refuse to list one folder, as it does for those without rights."""

    def refusing(real):
        def call(asked, *rest, **options):
            if isinstance(asked, str | os.PathLike) and Path(asked) == path:
                raise PermissionError(13, "Permission denied", str(asked))
            return real(asked, *rest, **options)

        return call

    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))


@pytest.mark.parametrize("kind", ["audio", "jobs", "takes", "sets", "tests"])
def test_no_listing_takes_a_folder_that_can_t_be_read_for_an_empty_one(kind, workspace, monkeypatch):
    store = {
        "audio": (workspace.audio, lambda: voices.list_voices(workspace)),
        "jobs": (workspace.jobs, lambda: JobStore(workspace).list()),
        "takes": (workspace.experiments, lambda: TakeStore(workspace).list()),
        "sets": (SetStore(workspace).folder, lambda: SetStore(workspace).list()),
        "tests": (BlindTests(workspace).folder, lambda: BlindTests(workspace).list()),
    }
    path, listing = store[kind]
    assert list(listing()) == []
    path.mkdir(exist_ok=True)
    refused(path, monkeypatch)
    with pytest.raises((WorkspaceError, TakeError), match="can't be read: Permission denied"):
        listing()


def test_a_report_names_the_folder_that_it_could_not_look_into(workspace, monkeypatch):
    write(workspace.audio / "alto" / "one.wav")
    write(workspace.audio / "alto" / "tutti" / "two.wav")
    voice = voices.get(workspace, "alto")
    refused(voice.folder / "tutti", monkeypatch)
    assert "can't be read" in " ".join(report.report(voice).remarks["tutti/"])
    monkeypatch.undo()
    refused(voice.folder, monkeypatch)
    with pytest.raises(DatasetError, match="'alto/' has no usable recordings.*Permission denied"):
        prepare.prepare(voice, tracker="tiny")
