"""What was decoded once is recalled to the bit, within its bytes, and decoded where it was not kept."""

import numpy as np
import pytest

from ddsing.engine.recalled import Recalled

N_FRAMES, BLOCK = 40, 10
BLOCK_BYTES = BLOCK * 4


class Counting:
    """A sum over the frames, whose state is the sum so far; it counts what it decodes and hears."""

    config, f0_hz = None, np.zeros(N_FRAMES)

    def __init__(self, offset=0.0):
        self.offset, self.decoded, self.heard = offset, [], []

    def initial_state(self):
        return 0.0

    def hear(self, frames):
        self.heard.append(frames)
        return np.arange(frames.start, frames.stop, dtype=np.float32)

    def decode(self, frames, state, heard=None):
        self.decoded.append(frames)
        values = state + self.offset + np.cumsum(self.hear(frames) if heard is None else heard, dtype=np.float32)
        return {"amps": values}, values[-1]


def rendered(part):
    state, parts = part.initial_state(), []
    for start in range(0, N_FRAMES, BLOCK):
        frames = slice(start, start + BLOCK)
        controls, state = part.decode(frames, state, part.hear(frames))
        parts.append(controls["amps"])
    return np.concatenate(parts)


def test_the_second_time_nothing_is_decoded_and_nothing_heard():
    kept, first, second = Recalled(10_000), Counting(), Counting()
    expected = rendered(kept.of(first, "a"))
    assert np.array_equal(rendered(kept.of(second, "a")), expected)
    assert len(first.decoded) == len(first.heard) == N_FRAMES // BLOCK
    assert second.decoded == second.heard == []


def test_what_depends_on_something_else_is_decoded():
    kept, other = Recalled(10_000), Counting(1.0)
    rendered(kept.of(Counting(), "a"))
    assert np.array_equal(rendered(kept.of(other, "b")), rendered(Counting(1.0)))
    assert len(other.decoded) == N_FRAMES // BLOCK


@pytest.mark.parametrize("n_blocks", [1, 3])
def test_of_what_is_too_long_the_beginning_is_kept_and_the_rest_goes_on_from_there(n_blocks):
    kept, second = Recalled(n_blocks * BLOCK_BYTES + 1), Counting()
    expected = rendered(kept.of(Counting(), "a"))
    assert np.array_equal(rendered(kept.of(second, "a")), expected)
    assert [frames.start for frames in second.decoded] == list(range(n_blocks * BLOCK, N_FRAMES, BLOCK))


def test_the_one_that_was_not_used_for_longest_gives_way():
    kept = Recalled(2 * N_FRAMES * 4)
    for key in ("a", "b", "a", "c"):
        rendered(kept.of(Counting(), key))
    again = {key: Counting() for key in ("a", "c", "b")}
    for key, part in again.items():
        rendered(kept.of(part, key))
    assert {key: len(part.decoded) for key, part in again.items()} == {"a": 0, "c": 0, "b": N_FRAMES // BLOCK}


def test_none_is_kept_where_nothing_may_be():
    part = Counting()
    assert Recalled().of(part, "a") is part


def test_nobody_changes_what_is_kept():
    kept = Recalled(10_000)
    controls, _ = kept.of(Counting(), "a").decode(slice(0, BLOCK), 0.0)
    with pytest.raises(ValueError, match="read-only"):
        controls["amps"] += 1.0
