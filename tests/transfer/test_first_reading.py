"""A first reading finds, minute by minute, what one go finds, and nothing twice."""

import threading

import numpy as np
import pytest

from ddsing.errors import Cancelled
from ddsing.sound import features
from ddsing.sound.audio import content_hash
from ddsing.sound.features import FeatureCache
from ddsing.sound.pitch import instant
from ddsing.transfer.first_reading import FirstReading
from tests.support import tiny_workspace

TRACKER, PART_FRAMES = "tiny", 264  # a second


@pytest.fixture(scope="module")
def sung():
    return tiny_workspace.sung(3.0)


@pytest.fixture(scope="module")
def whole(sung):
    return features.extract(sung, tracker=TRACKER)


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "features")


def begun(sung, cache):
    return FirstReading(sung, content_hash(sung), cache, tracker=TRACKER, part_frames=PART_FRAMES)


@pytest.mark.slow
def test_the_beginning_is_known_first_and_the_whole_is_that_of_one_go(sung, whole, cache):
    reading, told = begun(sung, cache), []
    assert reading.n_read == 0 and reading.left_s == pytest.approx(3.0, abs=0.01)
    assert reading.advance(told.append)
    first = reading.features(3)
    assert first.f0_hz.shape == first.f0_confidence.shape == first.loudness_db.shape == (PART_FRAMES,)
    assert not reading.complete and reading.left_s == pytest.approx(3.0 - PART_FRAMES / 250, abs=0.01)
    n_more = sum(1 for _ in iter(lambda: reading.advance(told.append), False))
    assert reading.complete and n_more == 1 and reading.left_s == 0.0
    assert told == sorted(told) and told[-1] == pytest.approx(1.0)
    found = reading.features(3)
    for name in ("f0_hz", "f0_confidence", "loudness_db"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    kept = features.extract(sung, tracker=TRACKER, cache=cache)
    assert kept.reused
    np.testing.assert_array_equal(kept.f0_hz, whole.f0_hz)


@pytest.mark.slow
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
    features.extract(sung, tracker=TRACKER, cache=cache)
    reading, told = begun(sung, cache), []
    assert not reading.advance(told.append) and reading.complete and told == []


def test_the_quickest_tracker_reads_by_default_and_its_beginning_is_that_of_the_whole(cache):
    audio = tiny_workspace.sung(9.0)
    reading = FirstReading(audio, content_hash(audio), cache, part_frames=1)
    assert reading.tracker == "instant" and reading.left_s == pytest.approx(9.0, abs=0.03)
    assert reading.advance() and reading.left_s == pytest.approx(1.5, abs=0.03)
    first = reading.features(3)
    assert first.tracker == "instant" and first.f0_hz.shape == first.loudness_db.shape == (1873,)
    assert not reading.advance() and reading.complete
    whole = features.extract(audio, tracker="instant", cache=cache)
    assert whole.reused
    np.testing.assert_array_equal(reading.features(3).f0_hz, whole.f0_hz)
    np.testing.assert_array_equal(first.f0_confidence, whole.f0_confidence[:1873])


def test_where_the_instant_tracker_can_t_be_loaded_tiny_reads(cache, monkeypatch):
    audio = tiny_workspace.sung(0.5)
    monkeypatch.setattr(instant, "_loaded", lambda: 1 / 0)
    monkeypatch.setattr(instant, "_failed", "")
    reading = FirstReading(audio, content_hash(audio), cache)
    assert not reading.advance() and reading.tracker == "tiny" and len(cache.get(content_hash(audio), "tiny"))


def test_nothing_is_told_of_what_is_not_read(sung, cache):
    with pytest.raises(ValueError, match="Nothing is read yet"):
        begun(sung, cache).features(3)
