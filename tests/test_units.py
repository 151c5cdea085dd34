"""Conversions that the whole project shares."""

import librosa
import numpy as np
import pytest

from ddsing.constants import HOP_SAMPLES
from ddsing.units import n_frames


@pytest.mark.parametrize("n_samples", [1, 63, 64, 65, 127, 128, 16_000, 16_001])
def test_frames_are_counted_as_librosa_and_ddsp_count_them(n_samples):
    centred = librosa.feature.rms(y=np.zeros(n_samples, np.float32), frame_length=64, hop_length=HOP_SAMPLES).shape[1]
    assert n_frames(n_samples, centred=True) == centred
    assert n_frames(n_samples, centred=False) == len(range(0, n_samples, HOP_SAMPLES))  # one per 64 samples begun
