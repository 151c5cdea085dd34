"""The arithmetic of a training step's parts, and that each part runs."""

import pytest

from benchmarks import step_parts, training
from benchmarks.step_parts import Took
from ddsing.model.config import ModelConfig
from tests.engine.test_training_step import CONFIG


def test_the_multiply_adds_are_those_of_the_kernels():
    """The full size, by hand: two stacks of 1 → 512 → 512 → 512, GRU 1024 → 512, out 1536 → 512 → 512 → 512 → 166."""
    found = step_parts.multiply_adds(ModelConfig(), 4_000)
    dense = 2 * (512 + 2 * 512 * 512) + 1536 * 512 + 2 * 512 * 512 + 512 * 166
    assert found == {
        "recurrent kernel": 4_000 * 512 * 1536,
        "gru": 4_000 * (1024 + 512) * 1536,
        "dense": 4_000 * dense,
    }


def test_a_part_is_told_beside_the_limit_of_one_thread_and_of_all():
    processor, clock = Took("gru", 0.3, 0.5, multiply_adds=2.5e10).rows({1: 1e11, 2: 2e11})
    assert processor.share == pytest.approx(1.0) and clock.share == pytest.approx(0.25 / 0.3)
    assert [row.limit for row in Took("loss", 0.3, 0.5).rows({1: 1e11, 2: 2e11})] == [None, None]
    alone = Took("gru", 0.3, 0.5, multiply_adds=2.5e10).rows({1: 1e11})
    assert [row.seconds for row in alone] == [0.5, 0.3], "one core has both"


@pytest.mark.slow
def test_every_part_of_a_step_runs(monkeypatch):
    monkeypatch.setitem(training.MODELS, "tiny", (CONFIG, 2, 25))
    found = {part.what: part for part in step_parts.parts("tiny", 1)}
    wanted = {"step", "network", "dense", "gru", "controls", "waves", "harmonic", "noise", "loss", "clipping, Adam"}
    assert set(found) == wanted and all(part.wall_s > 0.0 for part in found.values())
    assert found["network"].multiply_adds == found["dense"].multiply_adds + found["gru"].multiply_adds
