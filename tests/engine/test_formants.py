"""Formant shift: known envelopes move by the factor asked, f0 and energy stay; by closed forms and by re-analysis."""

import numpy as np
import pytest

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import formants, morph, render
from ddsing.model.config import ModelConfig

N_HARMONICS, N_BANDS = 80, 65
PEAK_HZ, WIDTH = 1000.0, 0.4  # of an envelope that is a bell over log frequency: a factor only moves it


def bell(hz, peak_hz=PEAK_HZ):
    """In logarithms, natural ones."""
    return -((np.log(np.maximum(hz, 1.0) / peak_hz) / WIDTH) ** 2) / 2


def controls_of(f0_hz, peak_hz=PEAK_HZ):
    numbers, n_frames = np.arange(1, N_HARMONICS + 1), len(f0_hz)
    harmonic_hz = f0_hz[:, None] * numbers
    distribution = np.exp(bell(harmonic_hz, peak_hz)) * (harmonic_hz < SAMPLE_RATE / 2)
    noise = np.exp(bell(np.linspace(0, SAMPLE_RATE / 2, N_BANDS), 2 * peak_hz)) * np.ones((n_frames, 1))
    return {
        "amps": np.full((n_frames, 1), 0.3, np.float32),
        "harmonic_distribution": (distribution / distribution.sum(axis=1, keepdims=True)).astype(np.float32),
        "noise_magnitudes": (0.01 * noise).astype(np.float32),
    }


def energy(controls):
    amplitudes = controls["amps"] * controls["harmonic_distribution"]
    return (amplitudes.astype(np.float64) ** 2).sum(axis=1)


@pytest.mark.parametrize("semitones", [-12.0, -3.5, 4.0, 12.0])
def test_the_envelope_moves_by_the_factor_and_energy_stays(semitones):
    f0_hz = np.linspace(80.0, 100.0, 40)
    before, factor = controls_of(f0_hz), 2 ** (semitones / 12)
    after = formants.warped(before, f0_hz, semitones)
    expected = controls_of(f0_hz, PEAK_HZ * factor)
    clear = expected["harmonic_distribution"] > 0.05 * expected["harmonic_distribution"].max(axis=1, keepdims=True)
    ratio = after["harmonic_distribution"][clear] / expected["harmonic_distribution"][clear]
    assert np.abs(20 * np.log10(ratio)).max() < 1.5, "between harmonics the envelope is a straight line in dB"
    np.testing.assert_allclose(energy(after), energy(before), rtol=1e-4)
    np.testing.assert_allclose(after["harmonic_distribution"].sum(axis=1), 1.0, rtol=1e-5)
    assert not after["harmonic_distribution"][f0_hz[:, None] * np.arange(1, N_HARMONICS + 1) >= 8000].any()
    bands = after["noise_magnitudes"]
    top = np.linspace(0, SAMPLE_RATE / 2, N_BANDS)[bands.argmax(axis=1)]
    assert np.abs(top - 2 * PEAK_HZ * factor).max() <= SAMPLE_RATE / 2 / (N_BANDS - 1)
    np.testing.assert_allclose((bands**2).sum(axis=1), (before["noise_magnitudes"] ** 2).sum(axis=1), rtol=5e-3)
    assert all(values.dtype == np.float32 and values.shape == before[name].shape for name, values in after.items())


def test_the_top_falls_off_where_nothing_is_known_and_odd_frames_are_calm():
    f0_hz = np.array([200.0, 9000.0, 0.0])
    flat = {
        "amps": np.ones((3, 1), np.float32),
        "harmonic_distribution": np.full((3, 20), 1 / 20, np.float32),
        "noise_magnitudes": np.full((3, N_BANDS), 1e-3, np.float32),
        "top": np.ones((3, 2), np.float32),
    }
    after = formants.warped(flat, f0_hz, -12.0)
    levels_db = 20 * np.log10(after["harmonic_distribution"][0])
    np.testing.assert_allclose(levels_db[:10], levels_db[0], atol=1e-3)
    np.testing.assert_allclose(levels_db[19] - levels_db[9], -12.0, atol=1e-2)
    assert not after["harmonic_distribution"][1].any() and after["top"] is flat["top"]
    assert all(np.isfinite(values).all() for values in after.values())


class Bells:
    """A `Renderable` with a known envelope and a glide in its f0."""

    config = ModelConfig(rnn_channels=4, ch=4, n_harmonics=N_HARMONICS, n_noise_bands=N_BANDS)
    f0_hz = np.linspace(110.0, 130.0, 700).astype(np.float32)

    def initial_state(self):
        return 0

    def hear(self, frames):
        return None

    def decode(self, frames, state, heard=None):
        return controls_of(render.held(self.f0_hz, frames)), state


def sung(semitones, **options):
    parts = list(render.blocks(formants.shifted(Bells(), semitones), n_samples=700 * HOP_SAMPLES, **options))
    return np.concatenate([part.harmonic for part in parts]), np.concatenate([part.noise for part in parts])


def spectrum(audio):
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
    return hz, np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2


def test_what_is_heard_has_its_centroid_moved_and_its_f0_where_it_was():
    plain, moved = sung(0.0), sung(7.0)
    for before, after in zip(plain, moved, strict=True):  # harmonics, then noise
        log_hz = [np.average(np.log(hz[1:]), weights=power[1:]) for hz, power in map(spectrum, (before, after))]
        assert 12 * (log_hz[1] - log_hz[0]) / np.log(2) == pytest.approx(7.0, abs=0.35)
    stretch = slice(300 * HOP_SAMPLES, 330 * HOP_SAMPLES)  # f0 moves by 0.9 Hz in it
    lags = [np.correlate(one[0][stretch], one[0][stretch], "full") for one in (plain, moved)]
    middle = len(lags[0]) // 2
    periods = [_peak(lag[middle:], 100, 180) for lag in lags]
    assert abs(1200 * np.log2(periods[0] / periods[1])) < 5.0


def _peak(values, low, high):
    """The place of the highest value, between samples."""
    at = low + int(np.argmax(values[low:high]))
    before, here, after = values[at - 1 : at + 2]
    return at + (before - after) / (2 * (before - 2 * here + after))


def test_nothing_is_nothing_and_blocks_do_not_matter():
    bells = Bells()
    assert formants.shifted(bells, 0.0) is bells
    whole, small = sung(-5.0), sung(-5.0, block_frames=37)
    np.testing.assert_allclose(small, whole, atol=1e-5)  # phases are added up block by block
    moved, f0_hz = controls_of(bells.f0_hz), bells.f0_hz
    parts = [{name: values[frames] for name, values in moved.items()} for frames in (slice(0, 37), slice(37, 700))]
    apart = [formants.warped(part, hz, -5.0) for part, hz in zip(parts, (f0_hz[:37], f0_hz[37:]), strict=True)]
    for name, values in formants.warped(moved, f0_hz, -5.0).items():
        assert np.concatenate([part[name] for part in apart]).tobytes() == values.tobytes()


def test_morphs_are_shifted_once_mixed():
    random, config = np.random.default_rng(1), ModelConfig(rnn_channels=8, ch=8, n_harmonics=20, n_noise_bands=17)
    renderers = [
        render.load(config, {key: random.normal(0, 0.3, shape) for key, shape in config.weight_shapes().items()})
        for _ in range(2)
    ]
    f0_hz, loudness_db = np.full(60, 300.0, np.float32), np.full(60, -30.0, np.float32)
    both = morph.mixture(renderers, [f0_hz] * 2, [loudness_db] * 2, np.full((60, 2), 0.5), n_samples=59 * HOP_SAMPLES)
    mixed, _ = both.decode(slice(0, 60), both.initial_state())
    moved = formants.shifted(both, 5.0)
    found, _ = moved.decode(slice(0, 60), moved.initial_state())
    for name, values in formants.warped(mixed, f0_hz, 5.0).items():
        assert np.array_equal(found[name], values)
