"""Arrays that are kept: made once, bounded by their bytes, and never written to."""

import numpy as np
import pytest

from ddsing.engine.encoder import Encoder
from ddsing.sound import features, loudness, recording
from ddsing.sound.audio import encode
from ddsing.sound.kept import Kept
from tests.support import tiny_workspace, z_models


@pytest.fixture
def made():
    """What makes arrays, and a list of what was made."""
    keys = []

    def make(key, n_bytes=40):
        keys.append(key)
        return np.zeros(n_bytes, np.uint8)

    return keys, make


def test_the_same_is_made_once_and_can_t_be_written_to(made):
    keys, make = made
    kept = Kept(100)
    first = kept.get("a", lambda: make("a"))
    assert kept.get("a", lambda: make("a")) is first and keys == ["a"]
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


def test_what_was_not_used_for_longest_gives_way_and_what_is_too_large_is_not_kept(made):
    keys, make = made
    kept = Kept(100)
    for key in ("a", "b", "a", "c"):  # 120 bytes: b goes
        kept.get(key, lambda key=key: make(key))
    kept.get("huge", lambda: make("huge", 101))
    keys.clear()
    for key in ("a", "c", "huge", "b"):
        kept.get(key, lambda key=key: make(key))
    assert keys == ["huge", "b"]


def test_loudness_and_z_are_those_that_are_computed():
    audio = tiny_workspace.sung(1.0)
    for generation in (1, 3):
        assert np.array_equal(
            features.loudness_of(audio, generation=generation), loudness.compute(audio, generation=generation)
        )
    made = z_models.z_instrument()
    encoder = Encoder(made.config, made.weights)
    first, other = encoder.encode(audio, 250), encoder.encode(audio[::-1].copy(), 250)
    assert encoder.encode(audio.copy(), 250) is first and not np.array_equal(first, other)
    assert np.array_equal(Encoder(made.config, made.weights).encode(audio, 250), first)


def test_a_file_that_was_replaced_is_decoded_again_at_its_own_rate(tmp_path):
    path = tmp_path / "a.wav"
    for duration_s in (1.0, 1.5):
        sound = np.repeat(tiny_workspace.sung(duration_s), 3)
        path.write_bytes(encode(sound, rate_hz=48_000))
        found = recording.read(path)
        own, rate_hz = recording.own_rate(found, found.audio)
        assert rate_hz == 48_000 and len(own) == len(sound)
        assert recording.own_rate(path, found.audio)[0] is own
