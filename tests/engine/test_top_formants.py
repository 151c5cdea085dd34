"""Formants above 8 kHz move with those below: an envelope that is known on both sides of 8 kHz, and its re-analysis."""

from dataclasses import replace

import numpy as np
import pytest

from ddsing.engine import formants, full_band, render
from ddsing.engine.top import HARMONIC, NOISE
from ddsing.sound.bands import N_BANDS, centres_hz
from tests.support import tops
from tests.support.tiny_workspace import tiny_instrument

F0_HZ, N_HARMONICS, N_NOISE = 130.0, 70, 65
CENTRES = centres_hz(N_BANDS)


def density(hz, peak_hz):
    """A bell over log frequency with a wide foot, in natural logarithms of power per Hz."""
    return -18.0 - 2.0 * (np.log(hz / peak_hz) / 0.35) ** 2


def controls_of(peak_hz, n_frames=4):
    """Harmonics and noise at one f0 with that envelope, on both sides of 8 kHz."""
    hz = F0_HZ * np.arange(1, N_HARMONICS + 1)
    amplitude = np.sqrt(np.exp(density(hz, peak_hz)) * 2.0 * F0_HZ) * (hz < 8_000)
    band_hz = np.maximum(np.linspace(0.0, 8_000.0, N_NOISE), 60.0)
    magnitudes = np.sqrt(np.exp(density(band_hz, peak_hz)) * 3.0 * 8_000.0)
    top = np.exp(density(CENTRES, peak_hz))
    made = {
        "amps": [amplitude.sum()],
        "harmonic_distribution": amplitude / amplitude.sum(),
        "noise_magnitudes": magnitudes,
        HARMONIC: top * (CENTRES < 12_000),
        NOISE: top,
    }
    return {name: np.tile(np.asarray(values, np.float32), (n_frames, 1)) for name, values in made.items()}


def harmonic_db(controls):
    """The densities of harmonics below 8 kHz and of the top's above, with their frequencies."""
    hz = F0_HZ * np.arange(1, N_HARMONICS + 1)
    amplitude = controls["amps"][0] * controls["harmonic_distribution"][0]
    low, high = hz < 8_000, (CENTRES >= 8_000) & (CENTRES < 11_500)
    found = np.concatenate([amplitude[low] ** 2 / 2 / F0_HZ, controls[HARMONIC][0][high]])
    return np.concatenate([hz[low], CENTRES[high]]), 10 * np.log10(np.maximum(found, 1e-30))


def noise_db(controls):
    hz = np.linspace(0.0, 8_000.0, N_NOISE)
    high = CENTRES >= 8_000
    found = np.concatenate([controls["noise_magnitudes"][0] ** 2 / 3 / 8_000, controls[NOISE][0][high]])
    return np.concatenate([hz, CENTRES[high]]), 10 * np.log10(np.maximum(found, 1e-30))


@pytest.mark.parametrize("semitones", [-7.0, -2.5, 3.0, 7.0])
def test_the_envelope_moves_as_one_across_8_khz(semitones):
    peak_hz, factor = 8_000.0, 2.0 ** (semitones / 12.0)
    f0_hz = np.full(4, F0_HZ)
    after, wanted = formants.warped(controls_of(peak_hz), f0_hz, semitones), controls_of(peak_hz * factor)
    for measured in (harmonic_db, noise_db):
        hz, found = measured(after)
        known = (hz > 3_500) & (hz < 12_000 * min(factor, 1.0))  # the same for both: above, all is noise
        off_db = (found - measured(wanted)[1])[known]
        assert np.ptp(off_db) < 1.5, "one gain for all of it: each part keeps its energy below 8 kHz"
        border = np.searchsorted(hz, 8_000.0)
        assert abs(found[border] - found[border - 1]) < 2.5
    assert not after[HARMONIC][:, CENTRES >= 12_000].any()
    assert all(values.dtype == np.float32 and values.shape[0] == 4 for values in after.values())


def test_harmonics_that_are_moved_above_12_khz_become_noise():
    controls = controls_of(9_000.0)
    controls[NOISE] *= np.float32(1e-6)
    controls["noise_magnitudes"] *= np.float32(1e-3)
    after = formants.warped(controls, np.full(4, F0_HZ), 9.0)
    peak_hz = CENTRES[after[NOISE][0].argmax()]
    assert peak_hz == pytest.approx(9_000.0 * 2 ** (9 / 12), rel=0.06)


def test_silent_frames_and_odd_pitches_are_calm():
    controls = controls_of(8_000.0)
    controls["amps"][1] = controls[HARMONIC][1] = controls[NOISE][1] = controls["noise_magnitudes"][1] = 0.0
    for semitones in (-12.0, 12.0):
        after = formants.warped(controls, np.array([F0_HZ, F0_HZ, 0.0, 9_000.0]), semitones)
        assert all(np.isfinite(values).all() for values in after.values())
        assert max(after[HARMONIC][1].max(), after[NOISE][1].max()) < 1e-15


def test_a_resonance_above_8_khz_is_heard_where_it_was_moved():
    made, n_samples = tiny_instrument("one"), 32_000
    bump = 4.0 * np.exp(-(((CENTRES - 11_000) / 1_500) ** 2))
    flat = tops.flat(1e-9)
    top = replace(flat, bias=flat.bias + bump.astype(np.float32))
    part = render.solo(
        render.load(made.config, made.weights, top), np.full(501, 300.0), np.full(501, -30.0), n_samples=n_samples
    )

    def bands_db(semitones):
        moved = formants.shifted(part, semitones)
        noise = np.concatenate([block.noise for block in full_band.blocks(moved, n_samples=n_samples)])
        edges = np.arange(9_000, 19_000, 500)
        return [tops.band_density(noise[9_600:], low, low + 500) for low in edges], edges + 250

    for semitones in (0.0, 5.0):
        found, hz = bands_db(semitones)
        assert hz[int(np.argmax(found))] == pytest.approx(11_000 * 2 ** (semitones / 12), rel=0.05)


def test_the_blocks_do_not_matter():
    made, n_samples = tiny_instrument("one"), 16_000
    top = tops.flat(1e-8, share=0.5)
    f0_hz = np.linspace(90.0, 400.0, 251)
    part = render.solo(
        render.load(made.config, made.weights, top), f0_hz, np.linspace(-50, -20, 251), n_samples=n_samples
    )
    moved = formants.shifted(part, -4.0)
    whole, parts = (
        np.concatenate([block.audio for block in full_band.blocks(moved, n_samples=n_samples, block_frames=size)])
        for size in (250, 37)
    )
    np.testing.assert_allclose(parts, whole, atol=2e-6)
