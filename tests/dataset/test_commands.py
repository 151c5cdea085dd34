"""The dataset command, as a person and as a program sees it."""

import json
import shutil

import numpy as np
import pytest
import soundfile

from ddsing import cli
from ddsing.sound.audio import encode
from tests.support import dataset_signals as signals
from tests.support import tiny_workspace
from tests.support.encoders import ffmpeg
from tests.support.sounds import file_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an empty workspace and two files, of which one is a recording."""
    folder = tmp_path_factory.mktemp("cli")
    tiny_workspace.empty(folder / "w")
    (folder / "take one").mkdir()
    (folder / "take one" / "sung.wav").write_bytes(encode(signals.voice(9.0)))
    (folder / "take one" / "notes.mp3").write_text("a text, whatever its name says")
    return folder


@pytest.fixture
def run(place, monkeypatch, capsys):
    """Runs a command there; returns its status, what it printed, and what it complained about."""
    monkeypatch.chdir(place)

    def command(*words, status=0):
        assert cli.main(["dataset", *map(str, words), "--workspace", "w"]) == status
        captured = capsys.readouterr()
        assert captured.err.count("\n") == (status == 2)
        return json.loads(captured.out) if "--json" in words else captured.out + captured.err

    return command


def test_a_voice_memo_is_added_and_what_is_odd_is_said(run, place):
    sound = signals.voice(3.0)
    (place / "stereo.wav").write_bytes(file_of(np.stack([sound, -0.9 * sound], 1), 16_000, "WAV"))
    memo = ffmpeg(place / "stereo.wav", place / "memo.m4a", "-c:a", "alac")
    said = "memo.m4a: Its channels cancel each other out when mixed, so only the left is used."
    assert run("add", "memos", memo, "--json")["warnings"] == [said]
    assert run("list", "memos").startswith("memo.m4a: 3.0 s, MP4 16000 Hz")
    (place / "memo.m4a").write_bytes(memo.read_bytes()[:-20_000])
    assert "table of contents is missing" in run("add", "memos", "memo.m4a", status=2)
    shutil.rmtree(place / "w" / "audio" / "memos")


def test_from_files_to_windows(run, place):
    assert "No voices yet" in run("list")
    found = run("add", "alto", "take one", "--json")
    assert found["added"] == ["sung.wav"] and found["refused"][0]["name"] == "notes.mp3"
    assert "same sound as sung.wav" in run("add", "alto", "take one/sung.wav")
    assert run("list") == "alto: 1 recording\n"
    report = run("report", "alto", "--json")
    assert report["verdict"]["level"] == "unusable" and report["pitch_seconds"]["60"] > 0.3
    assert run("report", "alto").startswith("Unusable: Only 9.0 s of clear singing")
    assert "sung.wav: 9.0 s, WAV 16000 Hz" in run("list", "alto") and "100% voiced" in run("list", "alto")
    prepared = run("prepare", "alto", "--tracker", "tiny", "--json")
    assert prepared["n_windows"] == 6 and not prepared["reused"]
    assert "Nothing had changed: 6 windows" in run("prepare", "alto", "--tracker", "tiny")
    assert run("list") == "alto: 1 recording, prepared\n"
    shown = run("show", "alto", "--window", 2, "--out", "shown/here", "--json")
    assert (shown["file"], shown["start_s"], shown["state"]) == ("sung.wav", 2.0, "train")
    audio, rate = soundfile.read(place / "shown" / "here" / "window.wav")
    whole, _ = soundfile.read(place / "take one" / "sung.wav")
    np.testing.assert_allclose(audio, whole[32_000:96_000], atol=1e-6)
    with np.load(place / "shown" / "here" / "features.npz") as arrays:
        names = ("f0_hz", "f0_confidence", "loudness_db")
        assert {name: arrays[name].shape for name in arrays} == dict.fromkeys(names, (1000,))
    assert "plotly" in (place / "shown" / "here" / "window.html").read_text("utf-8")
    assert "2 windows excluded; run `dataset prepare`" in run("exclude", "alto", 1, 3)
    assert run("include", "alto", 1, "--json") == {"voice": "alto", "excluded": [3], "changed": True}
    assert run("prepare", "alto", "--tracker", "tiny", "--json")["n_excluded"] == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["report", "nobody"], "No voice 'nobody'"),
        (["prepare", "../alto"], "No voice"),
        (["add", "../x", "take one"], "such as"),
        (["add", "bass", "take one/notes.mp3"], "Nothing was added. notes.mp3"),
        (["add", "bass", "missing.wav"], "No such file"),
        (["show", "bass", "--window", "0", "--out", "x"], "no dataset yet"),
        (["exclude", "bass", "0"], "no dataset yet"),
        (["prepare", "bass"], "no recordings"),
    ],
)
def test_what_is_wrong_is_one_sentence(run, place, words, sentence):
    (place / "w" / "audio" / "bass").mkdir(exist_ok=True)
    assert sentence in run(*words, status=2)
