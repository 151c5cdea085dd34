"""What an order takes, and what it refuses; and the room that each domain's orders ask for."""

import ast
import json
import math
from pathlib import Path

import pytest

from ddsing.dataset import job as dataset_job
from ddsing.errors import DatasetError, JobError, SettingsError
from ddsing.experiments.comparison import job as matrix_job
from ddsing.experiments.comparison.matrix import Matrix
from ddsing.experiments.sweep import grid
from ddsing.experiments.sweep import job as sweep_job
from ddsing.experiments.sweep.grid import Sweep
from ddsing.jobs.kinds import KINDS
from ddsing.jobs.order import SPARE_BYTES, Order
from ddsing.sound.audio import encode
from ddsing.training.recipe import Recipe
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.paths import ROOT

GOOD = {"kind": "train", "title": "Train Aria", "options": {"voice": "Aria"}, "key": "train:Aria", "needs_bytes": 5}


class Here:
    """Stands where a job's context does."""

    def report(self, **_):
        pass

    def should_stop(self):
        return False


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "w"))


def test_an_order_is_kept_as_it_was_given():
    order = Order(**GOOD, device="gpu:1")
    assert json.loads(json.dumps(order.spec())) == GOOD | {"device": "gpu:1"}
    assert Order(**GOOD | {"options": {"values": (1, 2.5)}}).spec()["options"] == {"values": [1, 2.5]}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "Train me"}, "'Train me'"),
        ({"kind": ""}, "lower-case word"),
        ({"title": " "}, "needs a title"),
        ({"key": ""}, "needs a title, and a unique key"),
        ({"needs_bytes": -1}, "can't need -1 bytes"),
        ({"device": "../gpu"}, "Unknown device '../gpu'"),
        ({"options": {"path": Path("x")}}, "not JSON serializable"),
        ({"options": {"rate": math.nan}}, "'Train Aria' can't be saved"),
    ],
)
def test_what_no_store_could_keep_is_refused(change, sentence):
    with pytest.raises(JobError, match=sentence):
        Order(**GOOD | change)


def test_a_preparation_of_nothing_is_refused_when_it_is_ordered(workspace):
    (workspace.audio / "mute").mkdir()
    with pytest.raises(DatasetError, match="no recordings"):
        dataset_job.order(workspace, "mute", tracker="tiny")
    with pytest.raises(DatasetError, match="No voice"):
        dataset_job.order(workspace, "nobody", tracker="tiny")
    with pytest.raises(DatasetError, match="Unknown pitch tracker"):
        dataset_job.order(workspace, "alto", tracker="best")


@pytest.mark.slow
def test_a_matrix_asks_for_the_room_that_its_missing_cells_take(workspace):
    (workspace.examples / "long.wav").write_bytes(encode(tiny_workspace.sung(10.0)))
    (workspace.examples / "noise.wav").write_bytes(b"not a sound")
    both = Matrix(tiny_workspace.NAMES, (f"{tiny_workspace.EXAMPLE}.wav", "long.wav", "noise.wav"), tracker="tiny")
    needed = matrix_job.order(workspace, both).needs_bytes - SPARE_BYTES
    before = size(workspace.root)
    assert matrix_job.run(workspace, both.to_json(), Here())["rendered"] == 4
    grown = size(workspace.root) - before
    assert 0.97 * grown < needed < 1.1 * grown
    assert matrix_job.order(workspace, both).needs_bytes == SPARE_BYTES, "nothing is missing now"
    plain = Matrix(both.instruments, both.recordings, tracker="fast")
    assert matrix_job.order(workspace, plain).needs_bytes == needed + SPARE_BYTES, "by another tracker all is"
    with pytest.raises(SettingsError, match="No recording"):
        matrix_job.order(workspace, Matrix(("First voice",), ("none.wav",)))


def test_a_sweep_asks_for_more_than_its_checkpoints(workspace):
    one, nine = (
        Sweep("alto", {"n_harmonics": tuple(range(20, 20 + n))}, Recipe(config="singing", steps=40_000)) for n in (1, 9)
    )
    for sweep, n in ((one, 1), (nine, 9)):
        kept = grid.cost(workspace, sweep).n_bytes
        beside = sweep_job.order(workspace, sweep).needs_bytes - SPARE_BYTES - kept
        replaced = 2 / 3 * kept / n  # two checkpoints of three: the one that is written, and the one that it replaces
        assert n * 25e6 < beside - replaced < n * 40e6, "160 previews, 40,000 steps in the event file"


def size(root):
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def _orders_a_job(path):
    """Whether a module makes a job's order; those of pages, for `ddsing.work`, are others of the same name."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    of_pages = any(isinstance(node, ast.ImportFrom) and node.module == "ddsing.work.order" for node in nodes)
    calls = [ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)]
    return any(call.rpartition(".")[2] == "Order" and not (of_pages and call == "Order") for call in calls)


@pytest.mark.slow
def test_every_order_is_made_by_its_domain_alone():
    """Page and command line can't ask for other room than each other: neither makes an order of its own."""
    made = {path.relative_to(ROOT).as_posix() for path in (ROOT / "ddsing").rglob("*.py") if _orders_a_job(path)}
    assert made == {
        f"ddsing/{KINDS[kind].partition(':')[0].removeprefix('ddsing.').replace('.', '/')}.py" for kind in KINDS
    }
