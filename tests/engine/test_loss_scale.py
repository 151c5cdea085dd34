"""The factor on the loss that float16 needs: a training that was stopped goes on with the one that it had."""

import json

import pytest

from ddsing.engine.tf import precision
from ddsing.model import tf_checkpoint
from ddsing.training import run
from tests.support import tiny_training

pytestmark = pytest.mark.slow

FIRST = 2.0**30  # so large that the first steps overflow


@pytest.fixture
def workspace(tiny_models, monkeypatch, tmp_path):
    """A voice whose mixed precision is float16, as on older GPUs."""
    monkeypatch.setattr(precision, "dtype", lambda mixed: "float16" if mixed else "float32")
    monkeypatch.setattr(precision, "_FIRST_SCALE", FIRST)
    return tiny_training.untrained(tmp_path)


def train(workspace, name, steps, *, mixed_precision=True):
    run.train(workspace, name, tiny_training.tiny(steps=steps, save_every=1, mixed_precision=mixed_precision, keep=9))
    path = workspace.audio / f"{name}_checkpoints"
    found = {int(file.stem[5:]): json.loads(file.read_bytes()) for file in path.glob("ckpt-*.json")}
    return {step: facts.get("loss_scale") for step, facts in sorted(found.items())}, path


def keys(path, step):
    index = (path / f"ckpt-{step}.index").read_bytes()
    return set(tf_checkpoint.read_index(index, n_shards=1))


def test_it_is_kept_beside_the_checkpoint_and_gone_on_with(workspace):
    whole, path = train(workspace, "alto", 6)
    assert whole[1] == {"factor": FIRST / 2, "n_good": 0} and whole[3]["factor"] == FIRST / 8
    begun, other = train(workspace, "bass", 3)
    gone_on, _ = train(workspace, "bass", 6)
    assert gone_on == whole == begun | {step: whole[step] for step in (4, 5, 6)}
    exact, _ = train(workspace, "bass", 7, mixed_precision=False)
    assert exact[7] is None, "32 bits need none"
    assert keys(other, 7) == keys(other, 6) == keys(path, 6), "ddsp's Trainer finds the names that it knows"
    again, _ = train(workspace, "bass", 8)
    assert again[8]["factor"] == FIRST / 2, "from a checkpoint without one it begins anew"


@pytest.mark.parametrize(
    "facts",
    [
        None,
        3,
        {},
        {"factor": "2", "n_good": 0},
        {"factor": float("inf"), "n_good": 0},
        {"factor": 0.0, "n_good": 0},
        {"factor": 4.0, "n_good": -1},
        {"factor": 4.0, "n_good": None},
    ],
)
def test_what_is_no_scale_changes_nothing(facts):
    scale = precision.LossScale()
    before = scale.facts()
    scale.go_on(facts)
    assert scale.facts() == before
    scale.go_on({"factor": 4.0, "n_good": 7})
    assert scale.facts() == {"factor": 4.0, "n_good": 7}
