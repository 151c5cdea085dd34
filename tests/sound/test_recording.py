"""One recording for the whole dashboard: what it knows of its file, and that the same sound has the same key."""

import io

import numpy as np
import pytest
import soundfile

from ddsing.errors import AudioError
from ddsing.sound import audio, recording
from tests.support.tiny_workspace import sung


def test_a_recording_knows_its_file_and_the_same_sound_has_the_same_key(tmp_path):
    sound = sung(0.5)
    path = tmp_path / "a 'b\" 語.wav"
    path.write_bytes(audio.encode(sound, recipe={"tracker": "tiny"}))
    found = recording.read(path)
    assert found.name == path.name and found.recipe == {"tracker": "tiny"}
    assert found.audio.dtype == np.float32 and found.audio.shape == sound.shape and found.duration_s == 0.5
    assert (found.info.format, found.info.sample_rate_hz, found.info.n_channels) == ("WAV", 16_000, 1)
    assert np.array_equal(soundfile.read(io.BytesIO(found.wav), dtype="float32")[0], found.audio)
    assert found.wav is found.wav, "made once"
    uploaded = recording.read(audio.encode(sound, format="FLAC"), name="mine.flac")
    assert uploaded.name == "mine.flac" and uploaded.key == found.key and uploaded.recipe is None
    with pytest.raises(ValueError, match="read-only"):
        found.audio[0] = 1.0


def test_what_is_no_recording_is_a_sentence(tmp_path):
    with pytest.raises(AudioError, match="not a recording that ddsing can read"):
        recording.read(b"not a sound", name="x.wav")
    with pytest.raises(AudioError, match="No such file"):
        recording.read(tmp_path / "missing.wav")
