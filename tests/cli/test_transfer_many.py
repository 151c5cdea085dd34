"""``transfer`` of many recordings: into a folder, past what is bad, and on from where it was."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from ddsing import cli
from ddsing.sound import audio
from ddsing.transfer import batch
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

HOW = ("--instrument", tiny_workspace.NAMES[0], "--tracker", "instant")


@pytest.fixture
def tiny(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "w"))


@pytest.fixture
def songs(tmp_path):
    """Three recordings in a folder, one of them below it."""
    folder = tmp_path / "songs"
    for number, name in enumerate(("a.wav", "b ♪.wav", "sub/c.wav")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(audio.encode(tiny_workspace.sung(1.5, hz=200.0 + 20 * number)))
    return folder


def run(capsys, tiny, *words, status=0):
    """The document of a command with ``--json``, and what it said beside it."""
    capsys.readouterr()
    assert cli.main(["transfer", *map(str, words), "--workspace", str(tiny.root), "--json"]) == status
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def test_a_folder_is_sung_past_what_is_bad_and_not_again(tiny, songs, tmp_path, capsys):
    out = tmp_path / "out"
    (songs / "broken.wav").write_bytes(b"RIFF....WAVEnothing")
    document, said = run(capsys, tiny, songs, songs / "no.wav", *HOW, "--out", out, "--stems", status=2)
    assert (document["sung"], document["there_already"], document["failed"]) == (3, 0, 2)
    assert said.endswith("2 of 5 could not be transferred; the report says why.\n") and "Traceback" not in said
    outcomes = {one["name"]: one for one in document["recordings"]}
    assert all(outcomes[name]["error"].count(".") >= 1 for name in ("broken.wav", "no.wav"))
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.wav") if "_" not in path.name) == [
        *("a.wav", "b ♪.wav", "sub/c.wav")
    ]
    take = TakeStore(tiny).get(outcomes["sub/c.wav"]["take"])
    alone = tmp_path / "alone.wav"
    cli.main(["transfer", str(songs / "sub/c.wav"), *HOW, "--out", str(alone), "--workspace", str(tiny.root)])
    assert (audio.decode(alone) == audio.decode(out / "sub/c.wav")).all() and take.source == "c.wav"
    assert len(TakeStore(tiny).list()) == 4
    stamps = {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")}
    (out / "a_noise.wav").unlink()  # as if it had been stopped before
    (songs / "broken.wav").unlink()
    document, _ = run(capsys, tiny, songs, *HOW, "--out", out, "--stems")
    assert (document["sung"], document["there_already"]) == (1, 2) and (out / "a_noise.wav").exists()
    assert len(TakeStore(tiny).list()) == 4  # the file was written from the take that is there
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items() if not path.name.startswith("a"))
    document, _ = run(capsys, tiny, songs, *HOW, "--out", out, "--octave-shift", 1)
    assert document["sung"] == 3 and audio.read_recipe(out / "a.wav")["settings"]["octave_shift"] == 1


def test_the_report_is_a_table(tiny, songs, tmp_path, command):
    said = command(
        tiny.root, "transfer", songs / "a.wav", songs / "sub", *HOW, "--transpose", "auto", "--out", tmp_path
    )
    assert "Recording  Result  Length" in said and "2 recordings: 2 sung." in said
    one = command(tiny.root, "transfer", songs / "a.wav", *HOW, "--transpose", "auto", "--out", tmp_path)
    assert "there already" in one and "1 recording: 1 there already." in one


def test_what_can_t_be_done_is_one_sentence_and_nothing_of_others_is_written_over(
    tiny, songs, tmp_path, command, capsys
):
    out = tmp_path / "out"
    for words, said in (
        ((songs, "--out", out / "deep"), "does not exist"),
        ((songs, "--out", tmp_path / "o.wav"), "need a folder"),
        ((songs, "--out", songs / "a.wav"), "need a folder"),
        ((songs, "--out", songs), "folder of the recordings"),
        ((songs, "--out", out, "--controls", "c.npz"), "for one recording"),
        ((songs, "--out", out, "--f0", "f.csv"), "for one recording"),
        ((songs, "--out", out, "--instrument", "nobody"), "No instrument"),
        ((songs, "--out", out, "--band", "full"), "has no top"),
        ((songs / "a.wav", "--out", "foo"), "or be a folder"),
    ):
        assert said in command(tiny.root, "transfer", *HOW, *words, status=2)
    assert not out.exists() and TakeStore(tiny).list() == []
    before = (songs / "a.wav").read_bytes()
    document, _ = run(capsys, tiny, songs / "a.wav", *HOW, "--out", songs, status=2)
    assert "is one of the recordings" in document["recordings"][0]["error"]
    shutil.copy(songs / "b ♪.wav", tmp_path / "a.wav")
    document, _ = run(capsys, tiny, songs / "a.wav", *HOW, "--out", tmp_path, status=2)
    assert "ddsing did not make it" in document["recordings"][0]["error"]
    assert (songs / "a.wav").read_bytes() == before and TakeStore(tiny).list() == []


@pytest.mark.slow
def test_after_a_kill_it_goes_on_where_it_was(tiny, tmp_path, capsys):
    songs, out = tmp_path / "songs", tmp_path / "out"
    songs.mkdir()
    for number in range(6):
        (songs / f"{number}.wav").write_bytes(audio.encode(tiny_workspace.sung(4.0, hz=200.0 + 10 * number)))
    words = ["transfer", str(songs), *HOW, "--out", str(out), "--workspace", str(tiny.root)]
    process = subprocess.Popen([sys.executable, "-m", "ddsing", *words], cwd=ROOT, stderr=subprocess.DEVNULL)
    ends_s = time.monotonic() + PATIENCE_S
    while not (out / "1.wav").exists() and time.monotonic() < ends_s:
        time.sleep(0.005)
    os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    whole = sorted(out.glob("*.wav"))
    assert 2 <= len(whole) < 6 and all(len(audio.decode(path)) == 64_000 for path in whole)
    document, _ = run(capsys, tiny, songs, *HOW, "--out", out)
    assert document["there_already"] == len(whole) and document["sung"] == 6 - len(whole)
    assert len(TakeStore(tiny).list()) == 6  # none was sung twice
    assert {one["result"] for one in document["recordings"]} == {batch.SUNG, batch.THERE}
