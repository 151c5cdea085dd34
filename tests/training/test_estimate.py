"""How long a training takes: what a run has learnt is known to the dashboard, too."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from ddsing.jobs import paces
from ddsing.training import estimate, folder
from ddsing.training.recipe import Recipe, resolved
from tests.support.tiny_training import prepared_voice

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
    alone_s = 8.0 - 2.5  # so much more is left to build where it is not built beside a head start
    assert whole - estimate.seconds(workspace, without)[0] == pytest.approx(60.0 - alone_s)
    left_s = whole - (60.0 - alone_s) - 600 * 0.5 - 6 * 2.0
    assert estimate.seconds(workspace, RECIPE, done=600)[0] == pytest.approx(left_s)


@pytest.fixture
def where(workspace):
    """Of a voice that has been prepared and not trained."""
    prepared_voice(workspace, n_train=1, n_held_out=0)
    return folder.locate(workspace, "alto")


def before_the_first_step(workspace, where, recipe):
    quiet = paces.Paces(workspace.cache / paces.NAME, crowd=0.0)
    parts = {part.stage: part for part in estimate.parts(quiet, workspace, where, recipe)}
    return [parts[stage] for stage in ("loading", "head start", estimate.BUILDING)]


@pytest.mark.parametrize(
    ("config", "n_steps", "least_s", "most_s"),
    [("singing_small", None, 7.7, 11.0), ("singing_small", 0, 7.7, 10.4), ("singing", None, 7.7, 10.4)],
)
def test_what_comes_before_the_first_step_is_guessed_as_measured(workspace, where, config, n_steps, least_s, most_s):
    """By `benchmarks.start`, on a quiet computer: 7.9 to 9.9 s of the small model, 8.4 to 10.4 of the large one."""
    recipe = Recipe(config=config, head_start_steps=n_steps)
    before_s = sum(part.expected_s for part in before_the_first_step(workspace, where, recipe))
    assert least_s <= before_s <= most_s


@pytest.mark.parametrize("n_steps", [None, 0])
@pytest.mark.parametrize("learnt", [False, True])
def test_the_run_s_clock_and_the_page_and_the_command_tell_one_time(workspace, where, n_steps, learnt):
    recipe = replace(RECIPE, head_start_steps=n_steps)
    guessed_s = estimate.seconds(workspace, recipe)[0]
    if learnt:
        _learn(workspace, 0.5)
        took_s = {part.key: 2.0 / max(part.amount, 1) for part in before_the_first_step(workspace, where, recipe)}
        paces.Paces(workspace.cache / paces.NAME, crowd=0.0).learn(took_s)
    quiet = paces.Paces(workspace.cache / paces.NAME, crowd=0.0)
    parts = estimate.parts(quiet, workspace, where, recipe)
    step_s = next(part for part in parts if part.stage == "training").expected_s / (RECIPE.steps - 1)
    seconds = estimate.seconds(workspace, recipe)[0]
    all_s = step_s + sum(part.expected_s for part in parts)  # the first step is in the building
    assert all_s == pytest.approx(seconds)
    assert all(part.known for part in parts if part.stage in ("loading", estimate.BUILDING)) == learnt
    assert (seconds == guessed_s) != learnt


def test_what_is_left_to_build_after_a_head_start_says_nothing_about_building_alone(workspace, where):
    """Beside the head start TensorFlow is loaded and the model built."""
    both = [before_the_first_step(workspace, where, replace(RECIPE, head_start_steps=n))[-1].key for n in (None, 0)]
    assert len(set(both)) == 2
