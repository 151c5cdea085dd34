"""Distances between sounds, against ddsp's own loss and closed forms."""

import numpy as np
import pytest

from ddsing.engine.tf import runtime
from ddsing.sound import distance


@pytest.mark.slow
def test_the_spectral_loss_is_ddsps():
    ddsp = runtime.ddsp()
    theirs = ddsp.losses.SpectralLoss(loss_type="L1", mag_weight=1.0, logmag_weight=1.0)
    rng = np.random.default_rng(0)
    for n_samples in (16_000, 12_345):
        one, two = (rng.normal(0, 0.1, n_samples).astype(np.float32) for _ in range(2))
        one[:3_000] = two[5_000:9_000] = 0.0  # silence, whose logarithm has a floor
        assert distance.spectral_loss(one, two) == pytest.approx(float(theirs(one[None], two[None])), rel=1e-5)
    assert distance.spectral_loss(one, one) == 0.0


def test_cents_and_decibels_of_known_shifts():
    f0_hz = np.full(1000, 220.0)
    confidence = np.where(np.arange(1000) < 600, 0.9, 0.1)
    other = f0_hz * 2 ** (30 / 1200)
    other[590:] *= 2  # where nothing is voiced, and a few frames
    assert distance.f0_cents(f0_hz, confidence, other) == pytest.approx(30.0)
    assert distance.f0_cents(f0_hz, np.zeros(1000), other) is None
    assert distance.f0_cents(f0_hz, confidence, np.zeros(1000)) is None
    level = np.linspace(-60, -20, 1000)
    assert distance.loudness_db(level, level + 2.5) == pytest.approx(2.5)
    edges = level + 2.5
    edges[:8] = edges[-8:] = -80
    assert distance.loudness_db(level, edges) == pytest.approx(2.5)


def test_how_much_of_a_voice_is_noise():
    """Of known parts, where a note should sound only."""
    voiced = np.repeat([True, False], 500)
    harmonic, noise = np.full(64_000, 0.3, np.float32), np.full(64_000, 0.1, np.float32)
    noise[32_000:] = 5.0
    assert distance.harmonic_share(harmonic, noise, voiced) == pytest.approx(0.9, abs=1e-4)
    assert distance.harmonic_share(0 * harmonic, noise, voiced) == 0.0
    assert distance.harmonic_share(harmonic, noise, voiced & False) is None
