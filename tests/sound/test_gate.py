"""The noise gate: when it opens and closes, as a closed form."""

import numpy as np
import pytest

from ddsing.sound import gate


def phrase() -> np.ndarray:
    """Two notes of a second, the first of which dies away by 40 dB a second, and noise between [shape=(1500,)]."""
    fading = -20.0 - 40.0 * np.arange(250) / 250
    return np.concatenate([np.full(250, -20.0), fading, np.full(500, -60.0), np.full(250, -22.0), np.full(250, -60.0)])


def test_it_holds_and_fades_and_is_open_in_time():
    gain = gate.gains(phrase().astype(np.float32), -30.0)
    assert gain.shape == (1500,) and gain.dtype == np.float32
    falls = 250 + round(250 * (30 + 3) / 40)  # 3 dB below the threshold
    held = falls + round(250 * gate.HOLD_S)
    silent = held + round(250 * gate.FADE_OUT_S)
    assert (gain[: held - 1] == 1.0).all() and (gain[silent : 1000 - 5] == 0.0).all()
    fading = gain[held : silent - 1]
    assert (np.diff(fading) < 0.0).all() and fading[len(fading) // 2] == pytest.approx(0.5, abs=0.04)
    assert (gain[1000:1250] == 1.0).all() and (gain[995:1000] < 1.0).all()
    assert np.abs(np.diff(gain)).max() < 0.4


def test_the_threshold_follows_the_loud_parts():
    loudness_db = phrase().astype(np.float32)
    assert gate.threshold_db(loudness_db, -30.0) == pytest.approx(-50.0, abs=0.1)
    np.testing.assert_array_equal(gate.gains(loudness_db - 15.0, -30.0), gate.gains(loudness_db, -30.0))
    long_pause = np.concatenate([loudness_db, np.full(20_000, -60.0, np.float32)])
    np.testing.assert_array_equal(gate.gains(long_pause, -30.0)[:1500], gate.gains(loudness_db, -30.0))


@pytest.mark.parametrize("loudness_db", [np.full(1, -80.0), np.full(50, -80.0), np.full(50, -20.0)])
def test_what_is_all_the_same_is_left(loudness_db):
    assert (gate.gains(loudness_db.astype(np.float32), -40.0) == 1.0).all()


def test_hysteresis_keeps_it_open_around_the_threshold():
    wobbling = np.where(np.arange(500) % 100 < 50, -49.0, -52.0)
    loudness_db = np.concatenate([np.full(250, -20.0), wobbling]).astype(np.float32)
    assert (gate.gains(loudness_db, -30.0) == 1.0).all()
