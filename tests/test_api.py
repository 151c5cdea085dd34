"""``import ddsing``: light, whole, and as its page says; what the page shows is run."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import ddsing
from ddsing import api
from ddsing.errors import Cancelled
from ddsing.sound import audio
from ddsing.transfer import pipeline
from ddsing.transfer.presets import Preset, Presets
from ddsing.transfer.settings import Settings
from tests.support import tiny_training, tiny_workspace
from tests.support.paths import ROOT

FIRST = tiny_workspace.NAMES[0]
SONG = tiny_workspace.sung(1.2)
BLOCKS = re.findall(r"```python( train)?\n(.*?)```", (ROOT / "docs" / "api.md").read_text("utf-8"), re.DOTALL)


@pytest.mark.slow
def test_importing_it_loads_nothing_and_using_it_neither_tensorflow_nor_streamlit():
    program = (
        "import json, sys, ddsing\nbefore = set(sys.modules)\nddsing.open\n"
        "print(json.dumps([sorted(before), sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    before, after = map(set, json.loads(done.stdout))
    assert [name for name in before if name.startswith("ddsing")] == ["ddsing"] and "numpy" not in before
    assert "ddsing.api" in after and not {"tensorflow", "streamlit", "pandas", "plotly"} & after


def test_it_has_what_it_says_it_has():
    assert set(ddsing.__all__) == set(api.__all__) <= set(dir(ddsing))
    assert all(getattr(ddsing, name) is getattr(api, name) for name in ddsing.__all__)
    assert ddsing.__version__ and not hasattr(ddsing, "nothing")
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    assert {name for name in ("open", "Settings", "DdsingError", "TrainingProgress") if f"ddsing.{name}" in page}
    assert all(
        name in page for name in vars(ddsing.Studio) if name[0] != "_" and name not in ("take", "presets", "settings")
    )


@pytest.mark.slow
def test_what_the_page_shows_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    shown = "\n".join(code for train, code in BLOCKS if not train)
    exec(compile(shown, "api.md", "exec"), names)
    said = capsys.readouterr().out
    assert "'aria'" in said.splitlines()[0] and "No instrument 'nobody'" in said
    assert abs(float(re.search(r"^4[34]\d\.\d+$", said, re.MULTILINE)[0]) - 440) < 2
    assert said.count(" sung ") + said.count("there already") == len(list(names["song"].parent.iterdir()))
    assert soundfile.info("greensleeves.wav").subtype == "PCM_24"


@pytest.mark.slow
def test_the_training_that_the_page_shows_works_with_a_tiny_model(tmp_path, tiny_models, capsys):
    studio = ddsing.open(tiny_training.untrained(tmp_path).root)
    (train,) = [code for is_train, code in BLOCKS if is_train]
    for shown, instead in (
        ('"Mira"', '"alto"'),
        ("singing_small", "tiny"),
        ("2000", "2"),
        ("instrument_name)", 'instrument_name, tracker="instant")'),
    ):
        assert shown in train
        train = train.replace(shown, instead)
    exec(compile(train, "api.md", "exec"), names := {"studio": studio, "ddsing": ddsing, "song": audio.encode(SONG)})
    assert names["trained"].step == 2 and studio.takes[0].take.instrument == names["trained"].instrument_name
    assert re.search(r"^training 2 2 \d+\.\d+$", capsys.readouterr().out, re.MULTILINE)


@pytest.fixture
def studio(tmp_path):
    return ddsing.open(tiny_workspace.fill(tmp_path / "w"))


def test_a_transfer_is_that_of_the_pipeline_however_the_sound_is_given(studio):
    path = next(studio.workspace.examples.glob("*.wav"))
    wanted = pipeline.run(studio.workspace, path, FIRST, Settings(octave_shift=-1), tracker="instant")
    expected = soundfile.read(wanted.folder / "result.wav", dtype="float32")[0]
    samples, rate_hz = soundfile.read(path)
    for sound in (str(path), path, path.read_bytes(), samples):
        sung = studio.transfer(sound, FIRST, tracker="instant", octave_shift=-1, rate_hz=rate_hz)
        assert (sung.audio == expected).all() and sung.take.key == wanted.key and sung.rate_hz == 16_000
    assert studio.take(sung.id).take == sung.take and len(studio.takes) == 5
    features = studio.features(samples, rate_hz=rate_hz, tracker="instant")
    assert (features.f0_hz == sung.curves["f0_hz"]).all()


def test_a_preset_begins_and_single_settings_override_it(studio):
    path = next(studio.workspace.examples.glob("*.wav"))
    Presets(studio.workspace).save(Preset("Low", Settings(octave_shift=-2, seed=4), "instant"))
    sung = studio.transfer(path, FIRST, preset="Low", seed=5)
    assert (sung.take.settings.octave_shift, sung.take.settings.seed, sung.take.tracker) == (-2, 5, "instant")
    assert studio.presets == ["Low"] and studio.settings("Low").seed == 4


def test_what_can_t_be_done_is_a_sentence(studio, tmp_path):
    path = next(studio.workspace.examples.glob("*.wav"))
    with pytest.raises(ddsing.DdsingError, match="no setting 'reverb'"):
        studio.transfer(path, FIRST, reverb=1)
    with pytest.raises(ddsing.DdsingError, match="from -3 to 3"):
        studio.transfer(path, FIRST, octave_shift=9)
    with pytest.raises(ddsing.DdsingError, match="Leave one of them out"):
        studio.transfer(path, FIRST, Settings(), preset="Low")
    with pytest.raises(ddsing.DdsingError, match="The tracker is 'best'"):
        studio.features(path, tracker="best")
    for samples in (np.zeros((2, 100)), np.zeros(100, int), np.full(100, np.nan)):
        with pytest.raises(ddsing.DdsingError, match="one row of finite"):
            studio.features(samples)
    with pytest.raises(ddsing.DdsingError, match="no option 'epochs'"):
        studio.train("alto", epochs=3)
    with pytest.raises(ddsing.DdsingError, match="nobody"):
        studio.train("nobody", steps=3)
    with pytest.raises(ddsing.DdsingError, match="must end in .wav or .flac"):
        studio.transfer(path, FIRST, tracker="instant").save(tmp_path / "x.mp3")

    def stop(stage, share):
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        studio.transfer(path, FIRST, tracker="instant", progress=stop)
    assert len(studio.takes) == 1


def test_many_are_sung_once_and_what_is_bad_is_said(studio, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.wav").write_bytes(audio.encode(tiny_workspace.sung(1.2)))
    (tmp_path / "in" / "b.mp3").write_bytes(b"ID3nothing")
    sounds = [tmp_path / "in", Path(tmp_path / "empty")]
    sounds[1].mkdir()
    for result in ("sung", "there already"):
        found = {one.name: one for one in studio.transfer_many(sounds, FIRST, tracker="instant")}
        assert found["a.wav"].result == result and found["b.mp3"].error and found[str(sounds[1])].error
    assert len(studio.takes) == 1
