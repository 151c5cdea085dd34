"""The time left of something that goes on as it has gone so far."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsing.jobs import time_left


def test_steps_take_as_long_as_those_before():
    assert time_left.by_steps(250, 1000, 2.5) == 300.0
    assert time_left.by_steps(1000, 1000, 2.5) == time_left.by_steps(1001, 1000, 2.5) == 0.0
    for unknown in (None, 0.0, -1.0):
        assert time_left.by_steps(250, 1000, unknown) is None


def test_a_share_takes_as_long_as_the_share_before():
    assert time_left.by_share(0.25, 10.0) == 30.0
    assert time_left.by_share(1.0, 10.0) == 0.0
    assert time_left.by_share(0.75, 10.0, first=0.5) == 10.0, "what was there at the beginning took no time"


@pytest.mark.parametrize(
    ("done", "spent_s", "options"),
    [
        (0.02, 10.0, {}),
        (0.0, 10.0, {"least_share": 0.0}),
        (0.5, 10.0, {"first": 0.5, "least_share": 0.0}),
        (0.4, 10.0, {"first": 0.5, "least_share": 0.0}),
        (0.25, 0.49, {}),
        (0.25, 2.9, {"least_s": 3.0}),
        (1.5, 10.0, {}),
        (math.nan, 10.0, {}),
    ],
)
def test_too_little_tells_nothing(done, spent_s, options):
    assert time_left.by_share(done, spent_s, **options) is None


@given(st.floats(0.1, 0.9), st.floats(1.0, 1e5), st.floats(0.0, 0.05))
def test_at_an_even_pace_spent_and_left_are_the_whole(done, total_s, first):
    spent_s = total_s * (done - first)
    left_s = time_left.by_share(done, spent_s, first=first)
    if spent_s >= time_left.LEAST_S:
        assert math.isclose(spent_s + left_s, total_s * (1.0 - first), rel_tol=1e-9)
