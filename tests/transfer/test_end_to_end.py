"""From a recording to a take and back, through the library and the command line, with an instrument of 2021."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ddsing.errors import Cancelled, InstrumentError, TakeError
from ddsing.instrument.models import Models
from ddsing.sound import audio as recordings
from ddsing.sound import features, recording
from ddsing.sound.curve import operations
from ddsing.sound.curve.edit import PitchEdit
from ddsing.transfer import edited, pipeline, take
from ddsing.transfer.settings import Settings
from ddsing.transfer.stages import STAGES
from ddsing.transfer.take import read_recipe
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import open_workspace
from tests.support.encoders import ffmpeg
from tests.support.paths import GOLDEN, ROOT
from tests.support.patience import PATIENCE_S
from tests.support.sounds import file_of

pytestmark = pytest.mark.slow

OF_2021 = GOLDEN / "singing_2021.zip"


def sung(seconds=2.0, hz=150.0):
    t = np.arange(int(seconds * 16_000)) / 16_000
    tone = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 10))
    return (0.1 * tone * (1 + 0.5 * np.sin(2 * np.pi * 0.7 * t))).astype(np.float32)


@pytest.fixture
def workspace(tmp_path):
    return open_workspace(tmp_path / "workspace")


def transfer(workspace, source, settings=None, **options):
    return pipeline.run(workspace, source, OF_2021, settings or Settings(), tracker="tiny", **options)


def test_a_take_is_kept_and_reuses_what_did_not_change(workspace):
    models = Models()
    wav = recordings.encode(sung())
    first = transfer(workspace, wav, source_name="a *song*.wav", models=models)
    assert first.reused == () and set(first.seconds) == set(STAGES)
    second = transfer(workspace, wav, Settings(octave_shift=1), models=models)
    assert second.reused == ("features", "model")
    store = TakeStore(workspace)
    assert [take.id for take in store.list()] == [second.id, first.id]
    for name in ("result", "harmonic", "noise", "original"):
        assert soundfile.info(first.folder / f"{name}.wav").frames == 32_000
    result, harmonic, noise = (soundfile.read(first.folder / f"{n}.wav")[0] for n in ("result", "harmonic", "noise"))
    assert np.abs(result).max() > 1e-3
    np.testing.assert_allclose(result, harmonic + noise, atol=1e-6)
    assert first.curves()["f0_hz"].shape == (501,)


def test_the_sound_of_a_decoded_recording_is_not_hashed_again(workspace, monkeypatch):
    sound, edit = recording.read(recordings.encode(sung()), name="song.wav"), PitchEdit("", "tiny")
    edit = replace(edit, recording=sound.key, steps=(operations.Shift(0, 100, 50.0),))
    hashed, hash_of = [], recordings.content_hash
    for module in (recordings, features, take, edited):
        monkeypatch.setattr(module, "content_hash", lambda audio: hashed.append(len(audio)) or hash_of(audio))
    first = transfer(workspace, sound, edit=edit)
    assert hashed == [] and first.source_hash == sound.key and first.edit == edit and first.warnings == ()
    assert transfer(workspace, sound.audio, edit=edit).source_hash == sound.key
    assert hashed == [32_000], "once, where nobody knows it"


def test_what_is_odd_about_a_recording_is_among_the_take_s_warnings(workspace):
    cancelling = file_of(np.stack([sung(), -sung()], 1), 16_000, "WAV", "FLOAT")
    said = "Its channels cancel each other out when mixed, so only the left is used."
    for source in (cancelling, recording.read(cancelling)):
        take = transfer(workspace, source)
        assert take.warnings[0] == said and TakeStore(workspace).get(take.id).warnings == take.warnings
        np.testing.assert_allclose(recordings.decode(take.folder / "original.wav"), sung(), atol=1e-6)
        assert np.abs(recordings.decode(take.folder / "result.wav")).max() > 1e-3
    silent = transfer(workspace, np.zeros(16_000, np.float32))
    assert silent.fit["inside_share"] is None and TakeStore(workspace).get(silent.id).fit == silent.fit


def test_downloads_carry_the_whole_recipe(workspace):
    settings = Settings(use_statistics=True, autotune=0.5, loudness_shift_db=-5.0, seed=7)
    take = transfer(workspace, sung(), settings)
    for format in ("WAV", "FLAC"):
        recipe = recordings.read_recipe(TakeStore(workspace).export(take.id, format))
        assert read_recipe(recipe) == (settings, "tiny", "singing_2021")
    with pytest.raises(TakeError):
        read_recipe({"instrument": 3})


def test_takes_are_renamed_noted_deleted_and_brought_back(workspace):
    store = TakeStore(workspace)
    take = transfer(workspace, sung(0.5))
    store.rename(take.id, "Best “one”")
    assert store.note(take.id, "keep").name == "Best “one”"
    token = store.delete(take.id)
    assert store.list() == []
    assert store.undo(token).note == "keep"
    (take.folder / "take.json").write_text('{"settings": []}')
    assert store.list() == [] and "damaged" in store.list_all()[0].error


def test_a_cancelled_transfer_leaves_nothing(workspace):
    def stop(stage, share):
        if stage == "render" and share > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        transfer(workspace, sung(), progress=stop)
    assert not list(workspace.experiments.iterdir())


def test_an_unknown_instrument_names_those_that_are_there(workspace):
    with pytest.raises(InstrumentError, match="No instrument 'nobody'"):
        pipeline.run(workspace, sung(0.2), "nobody", Settings(), tracker="tiny")


def test_a_damaged_take_is_listed_with_its_reason_and_can_be_deleted(workspace):
    store = TakeStore(workspace)
    take = transfer(workspace, sung(0.3))
    (take.folder / "features.npz").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(TakeError, match="curves"):
        take.curves()
    for content in ("", "[]", "{}", '{"settings": {"autotune": 7}}', "[" * 100_000):
        (take.folder / "take.json").write_text(content)
        assert [bad.error != "" for bad in store.list_all()] == [True] and store.newest() is None
    (take.folder / "take.json").unlink()
    assert "take.json is missing" in store.list_all()[0].error
    store.delete(take.id)
    assert store.list_all() == []
    for token in ("/etc/hosts", str(workspace.experiments / "a" / "b"), "x"):
        with pytest.raises(TakeError):
            store.undo(token)


def test_a_take_tells_what_changed_since_the_one_before(workspace):
    assert transfer(workspace, sung(0.3)).changed == ()
    second = transfer(workspace, sung(0.3), Settings(autotune=0.5, seed=2))
    assert second.changed == ("autotune", "seed")
    assert TakeStore(workspace).get(second.id) == second


def test_an_instrument_is_read_again_only_when_its_file_changes(workspace, tmp_path):
    models = Models()
    path = tmp_path / "mine.zip"
    path.write_bytes(OF_2021.read_bytes())
    first = models.open(workspace, path)
    assert models.open(workspace, str(path)) is first
    path.write_bytes(OF_2021.with_name("singing_z_2021.zip").read_bytes())
    assert models.open(workspace, path).digest != first.digest


@pytest.mark.parametrize("name", ["singing_2021", "singing_z_2021"])
@pytest.mark.parametrize("n_samples", [32_000, 32_001])
def test_saved_controls_are_those_of_the_rendering(workspace, name, n_samples):
    from ddsing.engine import render

    instrument, audio = OF_2021.with_name(f"{name}.zip"), sung()
    audio = np.append(audio, np.float32(0.0))[:n_samples]
    models = Models()
    take = pipeline.run(workspace, audio, instrument, Settings(), tracker="tiny", models=models, keep_controls=True)
    saved = dict(np.load(take.folder / "controls.npz"))
    assert {len(values) for values in saved.values()} == {501}
    model, known = models.get(models.open(workspace, instrument))
    assert known
    options = {"n_samples": n_samples, "audio": audio, "keep_controls": True}
    heard = render.render(model, saved["f0_hz"], saved["loudness_db"], **options)
    for control, values in heard.controls.items():
        np.testing.assert_allclose(saved[control][: len(values)], values, atol=1e-6)
    np.testing.assert_allclose(soundfile.read(take.folder / "result.wav")[0], heard.audio, atol=1e-6)


def test_a_full_disk_is_a_sentence_and_leaves_nothing(workspace, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pipeline, "write_arrays", full)
    with pytest.raises(TakeError, match="No space left"):
        transfer(workspace, sung(0.3))
    assert not list(workspace.experiments.iterdir())


def command(*arguments):
    started = [sys.executable, "-m", "ddsing", *map(str, arguments)]
    return subprocess.run(started, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)


def test_the_command_line_transfers_with_stems_and_controls(tmp_path):
    source = tmp_path / "-odd 'näme'.wav"
    source.write_bytes(recordings.encode(sung()))
    out, controls = tmp_path / "out.wav", tmp_path / "c.npz"
    done = command(
        "transfer",
        "--instrument",
        OF_2021,
        "--out",
        out,
        "--tracker",
        "tiny",
        "--loudness-shift",
        "-10",
        "--stems",
        "--controls",
        controls,
        "--json",
        "--workspace",
        tmp_path / "w",
        source,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert {"take", "seconds", "reused", "fit", "settings", "warnings"} <= document.keys()
    assert document["settings"]["loudness_shift_db"] == -10.0
    assert soundfile.info(out).frames == 32_000
    assert (tmp_path / "out_harmonic.wav").exists() and (tmp_path / "out_noise.wav").exists()
    arrays = np.load(controls)
    assert arrays["amps"].shape == (501, 1) and arrays["harmonic_distribution"].shape == (501, 40)
    assert arrays["noise_magnitudes"].shape == (501, 33)
    assert arrays["f0_hz"].shape == arrays["loudness_db"].shape == (501,)


def test_the_command_line_writes_features_and_refuses_in_one_sentence(tmp_path):
    source = tmp_path / "song.wav"
    source.write_bytes(recordings.encode(sung(1.0)))
    to_file = ("features", source, "--out", tmp_path / "f", "--tracker", "tiny", "--json")
    done = command("--workspace", tmp_path / "w", *to_file)
    assert done.returncode == 0, done.stderr
    arrays = np.load(tmp_path / "f")
    assert {name: (arrays[name].shape, arrays[name].dtype) for name in arrays} == dict.fromkeys(
        ("f0_hz", "f0_confidence", "loudness_db"), ((251,), np.float32)
    )
    source.write_text("no sound")
    for arguments in (
        ("features", source, "--out", tmp_path / "f"),
        ("transfer", source, "--instrument", "x", "--out", tmp_path / "o.wav"),
        ("transfer", source, "--instrument", "x", "--out", tmp_path / "o.wav", "--octave-shift", "9"),
        ("instrument", "inspect", source),
    ):
        refused = command(*arguments, "--workspace", tmp_path / "w")
        assert refused.returncode == 2 and refused.stdout == ""
        assert len(refused.stderr.strip().splitlines()) == 1 and "Traceback" not in refused.stderr


def test_the_command_line_takes_a_voice_memo_and_says_what_is_odd(tmp_path):
    (tmp_path / "stereo.wav").write_bytes(file_of(np.stack([sung(), 0 * sung()], 1), 16_000, "WAV"))
    memo = ffmpeg(tmp_path / "stereo.wav", tmp_path / "voice memo.m4a", "-c:a", "alac")
    common = ("--tracker", "tiny", "--workspace", tmp_path / "w")
    said = "Only the left channel has sound, so only that channel is used, at its own level."
    for words in (("features",), ("transfer", "--instrument", OF_2021)):
        out = tmp_path / ("f.npz" if len(words) == 1 else "o.wav")
        done = command(*words, memo, "--out", out, *common, "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["warnings"][0] == said, done.stderr
        assert said in command(*words, memo, "--out", out, *common).stdout
    (tmp_path / "silent.wav").write_bytes(file_of(np.zeros((16_000, 1)), 16_000, "WAV"))
    done = command("transfer", tmp_path / "silent.wav", "--instrument", OF_2021, "--out", tmp_path / "o.wav", *common)
    assert "there is nothing to fit" in done.stdout and "%" not in done.stdout, done.stderr


def test_the_doctor_finds_all_well(tmp_path):
    done = command("doctor", "--workspace", tmp_path / "w", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0 and document["ok"], document["problems"]
    assert document["weights"] == {"full": True, "tiny": True} and document["render"]["n_samples"] == 16_000
