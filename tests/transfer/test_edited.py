"""Transfers with an edited pitch curve: heard by analysing the result again, kept in takes, files and commands."""

import csv
import io
import json

import numpy as np
import pytest
import soundfile

from ddsing import cli
from ddsing.errors import TakeError
from ddsing.sound import attached, features
from ddsing.sound import audio as recordings
from ddsing.sound.curve import midi, tables
from ddsing.sound.curve.edit import PitchEdit
from ddsing.sound.curve.operations import Imported, Line, Shift, Unvoiced, Vibrato
from ddsing.transfer import pipeline, titles
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import read_edit
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import open_workspace

pytestmark = pytest.mark.slow
N_FRAMES = 751


def sung():
    """Three seconds of A3 with a vibrato of 40 cents."""
    at_s = np.arange(48_000) / 16_000
    f0_hz = 220 * 2 ** (0.4 * np.sin(2 * np.pi * 5.5 * at_s) / 12)
    phase = 2 * np.pi * np.cumsum(f0_hz) / 16_000
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 10))).astype(np.float32)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    opened = open_workspace(tmp_path_factory.mktemp("edited") / "w")
    soundfile.write(opened.examples / "a.wav", sung(), 16_000, subtype="FLOAT")
    return opened


def transfer(workspace, edit=None, settings=None, audio=None):
    audio = sung() if audio is None else audio
    return pipeline.run(
        workspace, audio, "aria", settings or Settings(), tracker="tiny", edit=edit, source_name="a.wav"
    )


def edit_of(*steps):
    return PitchEdit(recordings.content_hash(sung()), "tiny", steps)


STEPS = (Shift(0, 250, 1200), Line(((260, 57.0), (500, 64.0))), Unvoiced(560, 640), Vibrato(640, 751, depth=0.0))


def test_the_result_is_sung_at_the_edited_pitch(workspace):
    take = transfer(workspace, edit_of(*STEPS))
    result = recordings.decode(take.folder / "result.wav")
    heard = features.extract(result, tracker="tiny")
    asked = take.curves()["f0_hz_used"]
    off = 1200 * np.log2(heard.f0_hz / asked)
    for start, end in ((20, 240), (280, 480), (660, 730)):
        assert np.median(np.abs(off[start:end])) < 20 and (np.abs(off[start:end]) < 60).mean() > 0.95, (start, end)
    assert 1200 * np.log2(asked[500] / asked[260]) == pytest.approx(700, abs=0.01)
    harmonic = soundfile.read(take.folder / "harmonic.wav")[0]
    noise = soundfile.read(take.folder / "noise.wav")[0]
    assert np.abs(harmonic[570 * 64 : 630 * 64]).max() == 0.0 and np.abs(noise[570 * 64 : 630 * 64]).max() > 0
    assert np.abs(harmonic[520 * 64 : 550 * 64]).max() > 1e-3


def test_the_same_edit_gives_the_same_take_and_none_gives_that_of_today(workspace):
    plain, empty = transfer(workspace), transfer(workspace, edit_of())
    one, two = transfer(workspace, edit_of(*STEPS)), transfer(workspace, edit_of(*STEPS))

    assert (plain.folder / "features.npz").read_bytes() == (empty.folder / "features.npz").read_bytes()
    np.testing.assert_array_equal(*(recordings.decode(take.folder / "result.wav") for take in (plain, empty)))
    np.testing.assert_array_equal(*(recordings.decode(take.folder / "result.wav") for take in (one, two)))
    assert plain.key == empty.key and one.key == two.key != plain.key
    assert empty.edit is None and "pitch_edit" not in plain.to_json() and "pitch_edit" not in plain.recipe()
    store = TakeStore(workspace)
    assert store.get(one.id) == one and store.get(one.id).edit == edit_of(*STEPS)
    assert titles.changes(one, plain) == "pitch edited" and titles.changes(plain, one) == "pitch as tracked"
    assert titles.changes(one, two) == "" and transfer(workspace, edit_of(*STEPS[:1])).key != one.key


def test_a_downloaded_file_restores_the_edit_however_long(workspace):
    random = np.random.default_rng(0)
    f0_hz = random.uniform(100, 400, N_FRAMES).astype(np.float32)
    long = edit_of(*STEPS, Imported.of(f0_hz, np.ones(N_FRAMES, np.float32)))
    for edit in (edit_of(*STEPS), long):
        take = transfer(workspace, edit)
        whole = recordings.read_recipe(take.folder / "result.wav")
        for content in (*(TakeStore(workspace).export(take.id, form) for form in ("WAV", "FLAC")), None):
            recipe = whole if content is None else recordings.read_recipe(content)
            assert read_edit(recipe) == edit and "attached" not in recipe
            if content is not None:
                assert recordings.read(content).recipe == recipe and not recordings.read(content).remarks
                n_samples, rate = len(recordings.decode(content)), soundfile.info(io.BytesIO(content)).samplerate
                assert (n_samples, rate) == (48_000, 16_000)
        np.testing.assert_array_equal(
            recordings.decode(take.folder / "result.wav"),
            recordings.decode(transfer(workspace, read_edit(whole)).folder / "result.wav"),
        )
    odd = io.BytesIO(recordings.encode(sung()[:101]))
    attached.attach(odd, {"a": 1})
    assert attached.read(odd) == {"a": 1} and len(recordings.decode(odd.getvalue())) == 101
    assert len(odd.getvalue()) == int.from_bytes(odd.getvalue()[4:8], "little") + 8
    for broken in (b"", b"RIFF", odd.getvalue()[:-5], odd.getvalue()[:60] + b"\xff" * 100):
        assert attached.read(io.BytesIO(broken)) is None


def test_an_edit_of_another_recording_or_tracker_is_left_out_and_said(workspace):
    plain = transfer(workspace)
    elsewhere = transfer(workspace, PitchEdit("f" * 64, "tiny", STEPS))
    other_tracker = transfer(workspace, PitchEdit(edit_of().recording, "full", STEPS))
    assert elsewhere.edit is None and elsewhere.key == plain.key
    assert "made on another recording" in elsewhere.warnings[0]
    assert "the tracker Best, not Draft" in other_tracker.warnings[0]
    np.testing.assert_array_equal(
        recordings.decode(plain.folder / "result.wav"), recordings.decode(elsewhere.folder / "result.wav")
    )


def test_a_take_with_a_hostile_edit_is_listed_as_damaged(workspace):
    take = transfer(workspace, edit_of(*STEPS))
    path = take.folder / "take.json"
    document = json.loads(path.read_text())
    for steps in ([{"op": "shift", "start": 0, "end": 10**12, "cents": 1}], [{}] * 10_000, "x"):
        path.write_text(json.dumps(document | {"pitch_edit": document["pitch_edit"] | {"steps": steps}}))
        with pytest.raises(TakeError, match="damaged"):
            TakeStore(workspace).get(take.id)


def command(workspace, *words, status=0):
    assert cli.main([*map(str, words), "--workspace", str(workspace.root)]) == status


def test_commands_write_curves_and_sing_them(workspace, tmp_path, capsys):
    source, plain = workspace.examples / "a.wav", transfer(workspace)
    table, notes, out = tmp_path / "f.csv", tmp_path / "f.mid", tmp_path / "out.wav"
    options = ("--instrument", "aria", "--out", out, "--tracker", "tiny", "--json")
    command(workspace, "features", source, "--out", table, "--tracker", "tiny")
    rows = list(csv.reader(table.read_text().splitlines()))
    assert rows[0] == ["time", "frequency", "confidence", "loudness_db"] and len(rows) == N_FRAMES + 1
    assert rows[2][0] == "0.004"
    capsys.readouterr()
    command(workspace, "transfer", source, *options, "--f0", table)
    take = TakeStore(workspace).get(json.loads(capsys.readouterr().out)["take"])
    np.testing.assert_array_equal(
        recordings.decode(take.folder / "result.wav"), recordings.decode(plain.folder / "result.wav")
    )
    rows = [f"{k / 100},{0 if k > 200 else 330}" for k in range(301)]
    table.write_text("\n".join(["time,frequency", *rows]))
    command(workspace, "transfer", source, *options, "--f0", table, "--controls", tmp_path / "c.npz")
    used = np.load(tmp_path / "c.npz")
    np.testing.assert_allclose(used["f0_hz"], 330, rtol=1e-6)
    assert used["amps"][510:].max() == 0 < used["amps"][100:490].min()

    command(workspace, "transfer", source, "--like", out, "--out", tmp_path / "again.wav")
    newest = TakeStore(workspace).newest()
    assert newest.edit is not None and newest.key == TakeStore(workspace).list()[1].key
    command(workspace, "takes", "export", newest.id, "--out", out, "--f0", table)
    capsys.readouterr()
    command(workspace, "takes", "show", newest.id)
    assert "\nPitch edited in 1 step\n" in capsys.readouterr().out
    command(workspace, "takes", "show", plain.id)
    assert "Pitch edited" not in capsys.readouterr().out
    f0_hz, _ = tables.read(table.read_bytes()).frames(N_FRAMES)
    assert (f0_hz[510:] == 0).all() and (f0_hz[:500] == np.float32(330)).all()

    command(workspace, "features", source, "--out", notes, "--tracker", "tiny")
    (note,) = midi.read(notes.read_bytes())
    assert abs(note.midi - 57) < 0.1 and note.start < 8 and note.end > 743
    command(workspace, "transfer", source, *options, "--f0", notes)
    again = TakeStore(workspace).newest().curves()["f0_hz_used"]
    assert np.abs(1200 * np.log2(again / plain.curves()["f0_hz_used"]))[20:730].max() < 10

    slipped = [f"{k / 250},{330 * (2 if 300 <= k < 350 else 1)}" for k in range(N_FRAMES)]
    table.write_text("\n".join(slipped))
    command(workspace, "transfer", source, *options, "--f0", table, "--repair-octaves")
    newest = TakeStore(workspace).newest()
    assert [step.name for step in newest.edit.steps] == ["imported", "repair"]
    np.testing.assert_allclose(newest.curves()["f0_hz_used"], 330, rtol=1e-6)

    for content, name in ((b"0.0;220,5\n0.1;221,0\n", "x.csv"), (b"", "x.mid"), (b"a", "x.doc")):
        (tmp_path / name).write_bytes(content)
        capsys.readouterr()
        command(workspace, "transfer", source, *options, "--f0", tmp_path / name, status=2)
        assert capsys.readouterr().err.count("\n") == 1
    command(workspace, "transfer", source, *options, "--f0", tmp_path / "absent.csv", status=2)
