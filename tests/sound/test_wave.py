"""A sound as its waveform is drawn."""

import numpy as np
import pytest

from ddsing.sound import wave


@pytest.mark.parametrize("n_samples", [1, 7, 300, 301, 16_000, 99_999])
def test_each_level_is_the_largest_magnitude_of_its_part(n_samples):
    audio = np.random.default_rng(n_samples).uniform(-0.9, 0.9, n_samples).astype(np.float32)
    drawn = wave.of(audio)
    assert len(drawn.levels) == min(n_samples, wave.N_PARTS) and drawn.duration_s == n_samples / 16_000
    edges = [round(part * n_samples / len(drawn.levels) - 0.499999) for part in range(len(drawn.levels))]
    parts = np.split(np.abs(audio), edges[1:])
    assert list(drawn.levels) == [round(1000 * float(part.max())) for part in parts]


def test_silence_nothing_and_what_is_beyond_full_scale():
    assert wave.of(np.zeros(0, np.float32)).levels == ()
    assert set(wave.of(np.zeros(999, np.float32)).levels) == {0}
    assert set(wave.of(np.full(999, -3.0, np.float32)).levels) == {1000}
