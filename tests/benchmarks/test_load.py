"""What the load test reckons: its shares, whether a goal is met, and what two takes of one recipe have in common."""

from pathlib import Path

import pytest

from benchmarks.hosted import Song, _hash
from benchmarks.load import Figure, p95
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace
from tests.support import tiny_workspace


@pytest.mark.parametrize(("values", "expected"), [([3.0], 3.0), (range(1, 21), 19), (range(1, 101), 95), ([2, 1], 2)])
def test_p95_is_what_95_percent_do_not_exceed(values, expected):
    assert p95(list(values)) == expected


def test_a_figure_says_whether_its_goal_is_met():
    assert Figure("lost", 0, goal=0).line().endswith("yes") and Figure("lost", 1, goal=0).line().endswith("NO")
    assert Figure("a rerun", 0.25, " s").line().rstrip().endswith("0.25 s")


def test_songs_of_a_seed_are_the_same_and_others_differ():
    first, again, other = (Song("a.wav", 1.5, seed=seed).audio() for seed in (1, 1, 2))
    assert first.shape == (24_000,) and first.dtype == "float32"
    assert (first == again).all() and (first != other).any()


def test_takes_are_compared_by_their_samples(tmp_path: Path):
    """Their files have the time in them."""
    workspace = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    sound, name = tiny_workspace.sung(1.0), tiny_workspace.NAMES[0]

    def take(loudness_shift_db: float) -> str:
        settings = Settings(loudness_shift_db=loudness_shift_db)
        return _hash(pipeline.run(workspace, sound, name, settings, tracker="tiny").folder)

    assert take(0.0) == take(0.0) != take(5.0)
