"""Where windows lie, and which are held out."""

import pytest

from ddsing.dataset import layout


@pytest.mark.parametrize(
    ("n_samples", "expected"),
    [
        (1, [0]),
        (64_000, [0]),
        (64_063, [0]),
        (64_064, [0, 1]),
        (80_000, [0, 250]),
        (16_000 * 23, [250 * second for second in range(20)]),
        (16_000 * 23 + 8_000, [*(250 * second for second in range(20)), 19 * 250 + 125]),
    ],
)
def test_windows_begin_every_second_and_the_last_ends_with_the_recording(n_samples, expected):
    assert layout.starts(n_samples) == expected


def places(**lengths):
    """Windows of recordings by their number of windows."""
    return [
        layout.Place(name, 250 * number, 0.9, 0.1, 0.0, 60.0, -20.0)
        for name, n_windows in lengths.items()
        for number in range(n_windows)
    ]


@pytest.mark.parametrize(
    ("lengths", "n_held_out"), [({"a": 7}, 0), ({"a": 8}, 1), ({"a": 60, "b": 40}, 6), ({"a": 900, "b": 300}, 32)]
)
def test_some_windows_are_held_out_and_none_that_is_trained_on_overlaps_them(lengths, n_held_out):
    table = places(**lengths)
    states = layout.states(table, set())
    assert states == layout.states(table, set())
    assert states.count("held_out") == n_held_out
    kept = {state: [p for p, s in zip(table, states) if s == state] for state in ("train", "held_out", "guard")}
    for held in kept["held_out"]:
        near = [p for p in kept["train"] if p.file_hash == held.file_hash]
        assert all(abs(p.start_frame - held.start_frame) >= 1000 for p in near)
    assert len(kept["guard"]) <= 6 * -(-n_held_out // 4)
    assert len(kept["train"]) >= len(table) // 2
    if n_held_out == 32:
        assert len({p.start_frame // 15_000 for p in kept["held_out"]}) > 4  # spread over many minutes


def test_another_recording_leaves_most_of_what_is_held_out_and_a_silent_stretch_is_not_chosen():
    before, after = places(a=200), places(a=200, b=50)
    held = [{p.key for p, s in zip(table, layout.states(table, set())) if s == "held_out"} for table in (before, after)]
    new = {key for key in held[1] - held[0] if key[0] == "a"}
    assert len(held[1]) > len(held[0]) and len(new) <= 3  # so hardly any that was trained on is evaluated later
    silent = [layout.Place("a", 250 * n, 0.0, 0.9 if n < 90 else 0.1, 0.0, 60.0, -70.0) for n in range(100)]
    chosen = [n for n, state in enumerate(layout.states(silent, set())) if state == "held_out"]
    assert len(chosen) == 6 and min(chosen) >= 88


def test_what_is_excluded_is_excluded_also_where_it_would_be_held_out():
    table = places(a=60)
    held = [p.key for p, s in zip(table, layout.states(table, set())) if s == "held_out"]
    states = layout.states(table, {held[0], ("a", 0), ("gone", 0)})
    assert states.count("excluded") == 2 and states.count("held_out") == len(held) - 1
