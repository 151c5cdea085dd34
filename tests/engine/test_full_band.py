"""What lies above 8 kHz, against closed forms: power densities, frequencies, lengths; and that blocks don't matter."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from ddsing.constants import SAMPLE_RATE
from ddsing.engine import full_band, render
from ddsing.engine.morph import mixture
from ddsing.engine.top import HARMONIC, NOISE, TopStream, inputs
from ddsing.sound.bands import N_BANDS, bands, centres_hz
from tests.support import tops
from tests.support.tiny_workspace import tiny_instrument

N_SAMPLES = 3 * SAMPLE_RATE + 100
N_FRAMES = -(-N_SAMPLES // 64)


def singer(top, *, seed=0):
    made = tiny_instrument("one", seed=seed)
    return render.load(made.config, made.weights, top)


def asked(hz=300.0):
    vibrato = np.exp(0.02 * np.sin(2 * np.pi * 5 * np.arange(N_FRAMES) / 250))
    return hz * vibrato, np.linspace(-50.0, -20.0, N_FRAMES)


def sung(top, **options):
    part = render.solo(singer(top), *asked(), n_samples=N_SAMPLES)
    parts = list(full_band.blocks(part, n_samples=N_SAMPLES, **options))
    assert [block.start for block in parts] == np.cumsum([0, *(len(block.noise) for block in parts)])[:-1].tolist()
    return np.concatenate([block.harmonic for block in parts]), np.concatenate([block.noise for block in parts])


def test_the_noise_has_the_density_that_the_top_names_and_the_length_is_exact():
    _, noise = sung(tops.flat(1e-7))
    assert len(noise) == 3 * N_SAMPLES
    for low_hz, high_hz in ((8_300, 9_500), (9_500, 11_300), (11_300, 16_000), (16_000, 22_600)):
        off_db = 10 * np.log10(tops.band_density(noise[9_600:], low_hz, high_hz) / 1e-7)
        assert abs(off_db) < 0.3, (low_hz, off_db)


@pytest.mark.parametrize("n_noise_bands", [3, 4, 65])
def test_a_model_of_few_noise_bands_can_have_a_top(n_noise_bands):
    config = replace(tiny_instrument("one").config, n_noise_bands=n_noise_bands)
    controls = {
        "amps": np.zeros((2, 1)),
        "harmonic_distribution": np.full((2, config.n_harmonics), 1.0 / config.n_harmonics),
        "noise_magnitudes": np.full((2, n_noise_bands), 0.5),
    }
    told = inputs(config, controls, np.full(2, 200.0), np.full(2, -20.0))
    quarters = np.exp(told[:, -4:].astype(float))
    filled = min(4, n_noise_bands)
    np.testing.assert_allclose(quarters[:, :filled], 0.25 / 3.0 / 4.0, rtol=1e-5)
    np.testing.assert_allclose(quarters[:, filled:], 1e-12, rtol=1e-4)


def test_bands_meet_without_a_gap_and_end_where_they_should():
    hz = np.linspace(7_700, 23_000, 500)
    np.testing.assert_allclose(bands(hz, N_BANDS).sum(axis=1), 1.0)
    assert not bands(np.array([1_000.0, 7_200.0, 24_000.0]), N_BANDS).any()
    np.testing.assert_allclose(bands(centres_hz(N_BANDS), N_BANDS), np.eye(N_BANDS), atol=1e-9)


def test_harmonics_go_on_to_12_khz_at_the_multiples_of_f0_with_the_power_of_the_band():
    stream = TopStream(seed=0)
    n = 750
    powers = {HARMONIC: np.full((n, N_BANDS), 1e-8, np.float32), NOISE: np.zeros((n, N_BANDS), np.float32)}
    harmonic, noise = stream.next(np.full(n, 400.0), 400.0, powers)
    assert not noise.any()
    spectrum = np.abs(np.fft.rfft(harmonic[9_600 : 9_600 + 96_000] * np.hanning(96_000))) / 24_000  # 0.5 Hz a bin
    for number in range(20, 31):
        amplitude = spectrum[int(number * 400 / 0.5)]
        assert amplitude == pytest.approx(np.sqrt(2 * 400 * 1e-8), rel=0.03), number
    assert spectrum[24_100:].max() < 2e-5 and spectrum[:13_000].max() < 2e-5


def test_harmonics_are_in_phase_with_those_below():
    """A pulse train's harmonics below and above 8 kHz peak together, at every period."""
    hz, n = 250.0, 250
    config = replace(tiny_instrument("x").config, n_harmonics=31)
    from ddsing.engine.synthesis import HarmonicStream

    f0_hz, amplitudes = np.full(n + 1, hz), np.full((n + 1, 31), 0.01, np.float32)
    below = full_band.upsampled(HarmonicStream(config).next(f0_hz, amplitudes))
    power = np.full((n + 2, N_BANDS), 0.01**2 / 2 / hz, np.float32)
    stream = TopStream(seed=0)
    above = stream.next(np.full(n + 2, hz), hz, {HARMONIC: power, NOISE: 0 * power})[0][stream.delay :]
    numbers = np.array([*range(20, 29), *range(35, 45)])
    both = (below + above[: len(below)])[9_600:19_200]  # 50 periods
    turn = np.exp(-2j * np.pi * np.outer(numbers * hz, np.arange(9_600) / 48_000))
    phases = np.angle(turn @ both) + np.pi / 2  # of sines
    delay_s = np.polyfit(2 * np.pi * numbers * hz, np.unwrap(phases), 1)
    np.testing.assert_allclose(np.unwrap(phases), np.polyval(delay_s, 2 * np.pi * numbers * hz), atol=0.05)


def test_what_is_not_voiced_has_no_harmonics_above():
    made = tiny_instrument("one")
    controls = {
        "amps": np.array([[0.1], [0.0]], np.float32),
        "harmonic_distribution": np.full((2, 20), 0.05, np.float32),
        "noise_magnitudes": np.full((2, 17), 1e-4, np.float32),
    }
    from ddsing.engine.top import powers

    found = powers(tops.flat(1e-9, share=1.0), made.config, controls, np.full(2, 300.0), np.full(2, -30.0))
    assert found[HARMONIC][0, :8].min() > 0.9e-9 and found[HARMONIC][1].max() < 1e-13
    np.testing.assert_allclose(found[HARMONIC] + found[NOISE], 1e-9, rtol=1e-4)


def test_the_top_follows_loudness():
    _, noise = sung(tops.flat(1e-9, slope=8.0))
    first, last = (tops.band_density(part, 12_000, 20_000) for part in (noise[:48_000], noise[-48_000:]))
    assert 10 * np.log10(last / first) == pytest.approx(10 * np.log10(np.e) * 8.0 * 20.0 / 80.0, abs=1.0)


def test_no_sample_depends_on_the_blocks_and_all_on_the_seed():
    whole = sung(tops.flat(1e-7, share=0.5), seed=3)
    for block_frames in (37, 250):
        for one, other in zip(whole, sung(tops.flat(1e-7, share=0.5), seed=3, block_frames=block_frames)):
            np.testing.assert_allclose(one, other, atol=2e-6)
    other = sung(tops.flat(1e-7, share=0.5), seed=4)
    np.testing.assert_array_equal(whole[0], other[0])
    assert np.abs(whole[1] - other[1]).max() > 1e-3


def test_below_8_khz_it_is_the_16_khz_rendering_and_without_the_band_it_is_that_bit_for_bit():
    f0_hz, loudness_db = asked()
    plain, with_top = (
        render.render(singer(top), f0_hz, loudness_db, n_samples=N_SAMPLES, keep_controls=True)
        for top in (None, tops.flat())
    )
    np.testing.assert_array_equal(plain.harmonic, with_top.harmonic)
    np.testing.assert_array_equal(plain.noise, with_top.noise)
    assert set(plain.controls) == set(with_top.controls)
    for part, high in zip((plain.harmonic, plain.noise), sung(tops.flat(1e-13))):
        low = signal.sosfiltfilt(signal.butter(12, 5_000, fs=48_000, output="sos"), high)[::3]
        same = signal.sosfiltfilt(signal.butter(12, 5_000, fs=48_000, output="sos"), full_band.upsampled(part))[::3]
        assert np.abs(low - same)[2_000:-2_000].max() < 5e-3 * np.abs(part).max()


def test_the_upsampler_is_an_interpolation_of_exact_length():
    t = np.arange(8_000) / SAMPLE_RATE
    sound = np.sin(2 * np.pi * 5_000 * t).astype(np.float32)
    high = full_band.upsampled(sound)
    assert len(high) == 24_000
    want = np.sin(2 * np.pi * 5_000 * np.arange(24_000) / 48_000)
    assert np.abs(high - want)[600:-600].max() < 1e-4
    assert full_band.upsampled(np.zeros(0, np.float32)).shape == (0,) and len(full_band.upsampled(sound[:7])) == 21


def test_tops_are_mixed_in_db_and_one_without_leaves_none():
    f0_hz, loudness_db = asked()
    weights = np.full((N_FRAMES, 2), 0.5)
    singers = [singer(tops.flat(1e-6)), singer(tops.flat(1e-10), seed=1)]
    mixed = mixture(singers, [f0_hz] * 2, [loudness_db] * 2, weights, n_samples=N_SAMPLES)
    assert mixed.full_band
    controls, _ = mixed.decode(slice(0, 50), mixed.initial_state())
    np.testing.assert_allclose(controls[NOISE], 1e-8, rtol=1e-3)
    lone = mixture([singers[0], singer(None, seed=1)], [f0_hz] * 2, [loudness_db] * 2, weights, n_samples=N_SAMPLES)
    assert not lone.full_band and NOISE not in lone.decode(slice(0, 5), lone.initial_state())[0]
