"""How long a training takes: what a run has learnt is known to the dashboard, too."""

from types import SimpleNamespace

import pytest

from ddsing.jobs import paces
from ddsing.training import estimate
from ddsing.training.recipe import Recipe, resolved

RECIPE = Recipe(config="singing_small", steps=1000, save_every=100)


def _learn(workspace, seconds_per_step):
    config = resolved(RECIPE)
    ready = SimpleNamespace(config=config, batch_size=config.batch_size, recipe=RECIPE, head_start_s=60.0)
    estimate.learn(workspace, ready, [30.0] + [seconds_per_step] * 20, [2.0] * 3)


@pytest.mark.parametrize(
    ("recipe", "step_s"),
    [
        (Recipe(config="singing_small", steps=10_000, save_every=10_000), 0.27),
        (Recipe(config="singing", steps=10_000, save_every=10_000, batch_size=4), 1.53),
    ],
)
def test_the_guess_is_what_a_step_takes_on_two_cores(workspace, recipe, step_s):
    """As `benchmarks.training` measured it."""
    seconds, why = estimate.seconds(workspace, recipe)
    assert "guess" in why and seconds == pytest.approx(10_000 * step_s, rel=0.03)


def test_what_a_job_has_learnt_the_dashboard_knows(workspace, monkeypatch):
    """A job sees its own device only, and has a core less; the dashboard sees them all."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(paces.hardware, "gpus", lambda: ())
    assert "guess" in estimate.seconds(workspace, RECIPE)[1]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("DDSING_CORES", "1")
    _learn(workspace, 0.5)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.delenv("DDSING_CORES")
    seconds, why = estimate.seconds(workspace, RECIPE)
    assert "this model on this computer" in why
    assert seconds == pytest.approx(500 + 20 + 60, abs=25)  # steps, saves, head start


def test_a_card_and_the_processor_are_told_apart(workspace, monkeypatch):
    cards = (SimpleNamespace(index=0, name="Card A"), SimpleNamespace(index=1, name="Card B"))
    monkeypatch.setattr(paces.hardware, "gpus", lambda: cards)
    told = {}
    for visible in ("-1", "0", "1", None):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible) if visible else monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        told[visible] = paces.device_name()
    assert told == {"-1": "cpu", "0": "Card A", "1": "Card B", None: "Card A"}


def test_the_head_start_is_counted_and_learnt_and_what_is_done_is_not(workspace):
    without = Recipe(config="singing_small", steps=1000, save_every=100, head_start_steps=0)
    guessed = estimate.seconds(workspace, RECIPE)[0] - estimate.seconds(workspace, without)[0]
    assert 0 < guessed < 0.1 * estimate.seconds(workspace, RECIPE)[0]
    _learn(workspace, 0.5)  # whose head start took a minute
    whole = estimate.seconds(workspace, RECIPE)[0]
    assert whole - estimate.seconds(workspace, without)[0] == pytest.approx(60.0)
    assert estimate.seconds(workspace, RECIPE, done=600)[0] == pytest.approx(whole - 60.0 - 600 * 0.5 - 6 * 2.0)
