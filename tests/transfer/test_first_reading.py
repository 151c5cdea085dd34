"""A first reading finds, minute by minute, what one go finds, and nothing twice."""

import threading

import numpy as np
import pytest

from ddsing.errors import Cancelled
from ddsing.sound import features
from ddsing.sound.audio import content_hash
from ddsing.sound.features import FeatureCache
from ddsing.transfer import first_reading
from ddsing.transfer.first_reading import FirstReading
from tests.support import tiny_workspace

PART_FRAMES = 256  # a second


@pytest.fixture(scope="module")
def sung():
    return tiny_workspace.sung(3.0)


@pytest.fixture(scope="module")
def whole(sung):
    return features.extract(sung, tracker=first_reading.TRACKER)


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "features")


def begun(sung, cache):
    return FirstReading(sung, content_hash(sung), cache, part_frames=PART_FRAMES)


def test_the_beginning_is_known_first_and_the_whole_is_that_of_one_go(sung, whole, cache):
    reading, told = begun(sung, cache), []
    assert reading.n_read == 0 and reading.left_s == pytest.approx(3.0, abs=0.01)
    assert reading.advance(told.append)
    first = reading.features(3)
    assert first.f0_hz.shape == first.f0_confidence.shape == first.loudness_db.shape == (PART_FRAMES,)
    assert not reading.complete and reading.left_s == pytest.approx(2.0, abs=0.05)
    n_more = sum(1 for _ in iter(lambda: reading.advance(told.append), False))
    assert reading.complete and n_more == 1 and reading.left_s == 0.0
    assert told == sorted(told) and told[-1] == pytest.approx(1.0)
    found = reading.features(3)
    for name in ("f0_hz", "f0_confidence", "loudness_db"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    kept = features.extract(sung, tracker=first_reading.TRACKER, cache=cache)
    assert kept.reused
    np.testing.assert_array_equal(kept.f0_hz, whole.f0_hz)


def test_one_that_was_stopped_goes_on_where_it_was(sung, whole, cache):
    def stop(share):
        if share > 0.5:
            raise Cancelled("Stopped.")

    reading = begun(sung, cache)
    assert reading.advance(stop)
    with pytest.raises(Cancelled):
        reading.advance(stop)
    while reading.advance():
        pass
    np.testing.assert_array_equal(reading.features(3).f0_hz, whole.f0_hz)


def test_two_that_read_the_same_share_the_work(sung, whole, cache):
    reading, told = begun(sung, cache), []

    def to_the_end():
        while reading.advance(told.append):
            pass

    threads = [threading.Thread(target=to_the_end) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert told == sorted(set(told)), "no minute is read twice"
    np.testing.assert_array_equal(reading.features(3).f0_hz, whole.f0_hz)


def test_what_is_known_already_is_taken(sung, cache):
    features.extract(sung, tracker=first_reading.TRACKER, cache=cache)
    reading, told = begun(sung, cache), []
    assert not reading.advance(told.append) and reading.complete and told == []


def test_nothing_is_told_of_what_is_not_read(sung, cache):
    with pytest.raises(ValueError, match="Nothing is read yet"):
        begun(sung, cache).features(3)
