"""How loud a take's sounds are and how they look, from the cache or measured."""

import json

import numpy as np
import pytest
import soundfile

from ddsing.errors import TakeError
from ddsing.experiments.comparison import heard, matching
from ddsing.sound import wave
from ddsing.transfer.take import Take
from tests.support import tiny_workspace


@pytest.fixture
def take(tmp_path):
    folder = tmp_path / "takes" / "one"
    folder.mkdir(parents=True)
    for number, name in enumerate(("result", "original", "harmonic")):
        soundfile.write(folder / f"{name}.wav", tiny_workspace.sung() / (1 + number), 16_000, subtype="FLOAT")
    return Take("one", folder, "one")


def test_it_is_measured_once_and_again_when_the_file_is_another(take, tmp_path, monkeypatch):
    heard.remember(tmp_path, take)  # there is no noise, which stops nothing
    expected = (matching.of(take), wave.of(tiny_workspace.sung()))
    with monkeypatch.context() as patch:
        patch.setattr(heard, "_measure", None)
        for name in ("result", "original", "harmonic"):
            known = heard.of(tmp_path, take, name)
        assert known.wave.duration_s == tiny_workspace.DURATION_S
        assert (heard.of(tmp_path, take).loudness, heard.of(tmp_path, take).wave) == expected
    soundfile.write(take.folder / "result.wav", np.zeros(100, np.float32), 16_000, subtype="FLOAT")
    assert heard.of(tmp_path, take).loudness.level_lufs is None
    with pytest.raises(TakeError, match="noise"):
        heard.of(tmp_path, take, "noise")


@pytest.mark.parametrize(
    "damage", ["", "[]", "{", '{"result": 3}', '{"result": {"version": 1}}', "levels", "peak", "level_lufs"]
)
def test_a_damaged_file_is_measured_again(damage, take, tmp_path):
    fine = heard.of(tmp_path, take)
    path = tmp_path / heard.FOLDER / "one.json"
    if damage.isidentifier():
        document = json.loads(path.read_text())
        document["result"][damage] = "no number"
        damage = json.dumps(document)
    path.write_text(damage)
    assert heard.of(tmp_path, take) == fine
