"""Conversions that the whole project shares."""

import librosa
import numpy as np
import pytest

from ddsing.constants import HOP_SAMPLES
from ddsing.units import format_number, n_frames


@pytest.mark.parametrize("n_samples", [1, 63, 64, 65, 127, 128, 16_000, 16_001])
@pytest.mark.slow
def test_frames_are_counted_as_librosa_and_ddsp_count_them(n_samples):
    centred = librosa.feature.rms(y=np.zeros(n_samples, np.float32), frame_length=64, hop_length=HOP_SAMPLES).shape[1]
    assert n_frames(n_samples, centred=True) == centred
    assert n_frames(n_samples, centred=False) == len(range(0, n_samples, HOP_SAMPLES))  # one per 64 samples begun


@pytest.mark.parametrize(
    ("value", "options", "text"),
    [
        (-36.6, {}, "−37"),
        (-0.4, {}, "0"),
        (12.0, {"sign": True}, "+12"),
        (-0.04, {"digits": 1, "sign": True}, "0.0"),
        (-2.25, {"digits": 1, "sign": True}, "−2.2"),
    ],
)
def test_numbers_have_a_minus_and_nought_has_none(value, options, text):
    assert format_number(value, **options) == text
