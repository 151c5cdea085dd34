"""The blind test of the demo: what it compares, and that nothing but the sound tells which is which."""

import io
import zipfile

import numpy as np
import pytest
import soundfile
from scipy import signal

from ddsing.experiments.comparison import blind, session
from ddsing.workspace import open_workspace
from demo import before_and_after, build

pytestmark = pytest.mark.slow


def hiss(sound, rate_hz):
    """The power above 5 kHz."""
    return float(np.mean(signal.sosfilt(signal.butter(4, 5_000, "high", fs=rate_hz, output="sos"), sound) ** 2))


def test_before_and_after_are_ready_to_be_told_apart(tmp_path):
    workspace = open_workspace(tmp_path / "ws")
    made = before_and_after.prepare(workspace, seed=3)
    names = [path.stem for path in before_and_after.examples(workspace)]
    assert [take.name for take in made.takes] == [f"{name}, {when}" for name in names for when in ("before", "after")]
    assert [take.rate_hz for take in made.takes] == [16_000, 48_000] * len(names)
    for before, after in zip(made.takes[::2], made.takes[1::2], strict=True):
        assert before.settings.keep_unvoiced == 0.0 and after.settings.keep_unvoiced == 1.0
        recorded = hiss(*soundfile.read(after.folder / "original.wav"))
        lost, kept = (hiss(*soundfile.read(take.folder / "result.wav")) / recorded for take in (before, after))
        assert kept > 20 * lost, "consonants are kept"
    assert [test.kind for test in made.tests] == ["abx"] * len(names) + ["rating"]
    for test in made.tests:
        heard = {
            soundfile.info(io.BytesIO(blind.stimulus(workspace, test, 0, slot))).samplerate for slot in test.slots(0)
        }
        assert heard == {build.FULL_BAND_RATE}
    content = session.packed(workspace, made.takes)
    assert len(content) < 9_000_000
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sum(name.startswith("audio/original") for name in archive.namelist()) == len(names)
