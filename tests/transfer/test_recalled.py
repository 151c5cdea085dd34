"""A control moved after a transfer: what acts on the network's controls or on the sound runs no network again."""

from typing import Any

import numpy as np
import pytest
import soundfile

from ddsing.constants import SAMPLE_RATE
from ddsing.engine.decoder import Decoder
from ddsing.instrument.models import Models
from ddsing.transfer import pipeline
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace
from tests.support.paths import ROOT

VOICES = [ROOT / "demo" / "assets" / "instruments" / f"{name}.zip" for name in ("aria", "cello")]
AFTER: dict[str, dict[str, Any]] = {
    "noise gate": {"gate_db": -30.0},
    "consonants": {"keep_unvoiced": 1.0},
    "formants": {"formant_shift": 3.0},
    "breath": {"breath_db": 6.0},
    "seed": {"seed": 7},
    "all of them": {"gate_db": -30.0, "keep_unvoiced": 1.0, "formant_shift": -2.0, "breath_db": -9.0, "seed": 8},
}
BEFORE = {"loudness": {"loudness_shift_db": -3.0}, "octave": {"octave_shift": 1}}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    made = Workspace(tmp_path_factory.mktemp("ws"))
    made.instruments.mkdir()
    return made


@pytest.fixture(scope="module")
def recording():
    time_s = np.arange(round(1.5 * SAMPLE_RATE)) / SAMPLE_RATE
    tone = 0.1 * np.sin(2 * np.pi * 330.0 * time_s) * (time_s < 1.0)
    return (tone + np.random.default_rng(0).normal(0, 0.01, len(tone))).astype(np.float32)


@pytest.fixture
def decoded(monkeypatch):
    """The frames that networks decode, as many as there are calls."""
    frames, decode = [], Decoder.decode

    def counting(self, f0_hz, *given):
        frames.append(len(f0_hz))
        return decode(self, f0_hz, *given)

    monkeypatch.setattr(Decoder, "decode", counting)
    return frames


@pytest.fixture
def sing(workspace, recording):
    def sing(models, voices=VOICES[:1], morph=None, sound=recording, **settings):
        take = pipeline.run(
            workspace, sound, voices, Settings(**settings), morph=morph, models=models, tracker="instant"
        )
        return [soundfile.read(take.folder / name)[0] for name in ("result.wav", "harmonic.wav", "noise.wav")]

    return sing


@pytest.mark.parametrize("moved", AFTER.values(), ids=AFTER)
def test_what_comes_after_the_network_runs_none_and_sounds_as_if_it_did(moved, sing, decoded):
    models = Models(recalled_bytes=2**24)
    sing(models)
    decoded.clear()
    found = sing(models, **moved)
    assert decoded == []
    assert all(map(np.array_equal, found, sing(Models(), **moved)))


@pytest.mark.parametrize("moved", BEFORE.values(), ids=BEFORE)
def test_what_the_network_hears_runs_it(moved, sing, decoded):
    models = Models(recalled_bytes=2**24)
    sing(models)
    decoded.clear()
    found = sing(models, **moved)
    assert decoded
    assert all(map(np.array_equal, found, sing(Models(), **moved)))


def test_a_mixture_is_recalled_by_its_shares(sing, decoded):
    models = Models(recalled_bytes=2**24)
    half, most = (Morph(("aria", "cello"), ("", ""), ((0.0, (share, 1 - share)),)) for share in (0.5, 0.75))
    sing(models, VOICES, half)
    decoded.clear()
    sing(models, VOICES, half, seed=3)
    assert decoded == []
    sing(models, VOICES, most)
    assert decoded


def test_so_is_what_has_a_top(sing, decoded):
    models, voices = Models(recalled_bytes=2**24), [VOICES[0].with_name("aria full band.zip")]
    sing(models, voices)
    decoded.clear()
    found = sing(models, voices, **AFTER["all of them"])
    assert decoded == []
    assert all(map(np.array_equal, found, sing(Models(), voices, **AFTER["all of them"])))
    sing(models, voices, full_band=False)  # its controls have nothing of the top
    assert all(map(np.array_equal, sing(models, voices), sing(Models(), voices)))


def test_how_long_singing_takes_is_not_learnt_from_what_is_recalled(sing, workspace, recording):
    def paces() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(workspace.cache.glob("*paces*")))

    models, long = Models(recalled_bytes=2**24), np.tile(recording, 2)  # of a short one nothing is learnt
    sing(models, sound=long)
    learnt = paces()
    assert b"singing" in learnt
    sing(models, sound=long, gate_db=-30.0)
    assert paces() == learnt
    sing(models, sound=long, octave_shift=1)
    assert paces() != learnt


def test_another_recording_is_decoded(sing, decoded, workspace, recording):
    models = Models(recalled_bytes=2**24)
    sing(models)
    decoded.clear()
    pipeline.run(workspace, recording[::-1].copy(), VOICES[0], Settings(), models=models, tracker="instant")
    assert decoded
