"""Breath: the instrument's noise gets louder by what is asked, below and above 8 kHz, and its harmonics stay."""

import numpy as np
import pytest
import soundfile

from ddsing.instrument.library import Library
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import open_workspace
from tests.support import tiny_workspace, tops

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sing(tmp_path_factory):
    workspace = open_workspace(tiny_workspace.fill(tmp_path_factory.mktemp("breath") / "ws"))
    Library(workspace).put_top("First voice", tops.flat(1e-7, share=0.2))
    soundfile.write(workspace.examples / "wide.wav", tops.wide(2.0), 48_000)
    hiss = np.random.default_rng(0).normal(0.0, 0.02, 48_000).astype(np.float32)
    soundfile.write(workspace.examples / "ends in a hiss.wav", np.concatenate([tops.wide(1.0), hiss]), 48_000)

    def sing(source="wide.wav", **settings):
        path, wanted = workspace.examples / source, Settings(**settings)
        take = pipeline.run(workspace, path, "First voice", wanted, tracker="instant", keep_controls=True)
        return take, {name: soundfile.read(take.folder / f"{name}.wav")[0] for name in ("harmonic", "noise")}

    return sing


@pytest.mark.parametrize("full_band", [True, False])
@pytest.mark.parametrize("breath_db", [6.0, -24.0])
def test_the_noise_gets_louder_by_what_is_asked_and_the_tone_stays(full_band, breath_db, sing):
    (plain, before), (breathy, after) = sing(full_band=full_band), sing(full_band=full_band, breath_db=breath_db)
    np.testing.assert_array_equal(after["harmonic"], before["harmonic"])
    edges_hz = [(500.0, 7_000.0)] + [(13_000.0, 20_000.0)] * full_band
    for low_hz, high_hz in edges_hz:
        densities = [tops.band_density(one["noise"], low_hz, high_hz, rate_hz=plain.rate_hz) for one in (before, after)]
        assert 10 * np.log10(densities[1] / densities[0]) == pytest.approx(breath_db, abs=0.01)
    controls = [np.load(take.folder / "controls.npz")["noise_magnitudes"] for take in (plain, breathy)]
    np.testing.assert_allclose(controls[1], controls[0] * 10 ** (breath_db / 20), rtol=1e-6)


def test_what_is_kept_of_the_recording_is_no_breath_of_the_instrument(sing):
    """Where the recording's own consonants take the noise's place, they stay as loud as they are."""
    (_, kept), (take, breathy) = (sing("ends in a hiss.wav", keep_unvoiced=1.0, breath_db=db) for db in (0.0, -24.0))
    share = np.load(take.folder / "features.npz")["kept_share"]
    whole = np.flatnonzero(share == 1.0)
    assert len(whole) > 50
    heard = slice((whole[0] + 10) * 192, (whole[-1] - 10) * 192)
    np.testing.assert_allclose(breathy["noise"][heard], kept["noise"][heard], atol=1e-5)
    assert np.abs(kept["noise"][heard]).max() > 1e-3
