"""What came of the runs of a sweep, and that two of them came to the same."""

import numpy as np

from ddsing.formats import event_log
from ddsing.training import checkpoints, folder


def result(workspace, name):
    """The steps, the losses, the newest checkpoint's step and the weights of a run."""
    path = workspace.audio / f"{name}_checkpoints"
    losses = event_log.read(path / folder.SUMMARIES)["losses/total_loss"]
    newest = checkpoints.newest_state(path, folder.config(path).model)
    return list(losses.steps), np.array(losses.values), newest.checkpoint.step, newest.state.weights


def assert_same(here, there, name, *, n_steps):
    """A run of two workspaces, trained to the same step, has the same losses and weights but for rounding."""
    (steps, losses, newest, weights), (steps_there, losses_there, newest_there, weights_there) = (
        result(workspace, name) for workspace in (here, there)
    )
    assert steps == steps_there == list(range(1, n_steps + 1)) and newest == newest_there == n_steps
    np.testing.assert_allclose(losses_there, losses, rtol=1e-5)
    assert weights.keys() == weights_there.keys()
    for key, values in weights.items():
        np.testing.assert_allclose(weights_there[key], values, rtol=1e-4, atol=1e-6, err_msg=f"{name} {key}")
