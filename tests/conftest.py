"""What all tests share.

A quiet TensorFlow, a workspace and device locks that are never the user's own, repeatable random examples.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from ddsing.process import TENSORFLOW
from ddsing.training import recipe as recipes
from ddsing.workspace import Workspace, open_workspace
from tests.support import counts, scores, tiny_training, tiny_workspace

for _name, _value in TENSORFLOW.items():
    os.environ.setdefault(_name, _value)
# What librosa compiles in a new environment when it is imported, and no test calls: compiled as quickly as can be.
os.environ.setdefault("NUMBA_OPT", "0")

hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")

# Files that take minutes, two of them mostly waiting: begun first, so that others compute meanwhile and none is last.
LONGEST = ("browser/test_training.py", "jobs/test_slurm.py", "browser/test_accessibility.py", "ui/test_values.py")


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="repeat in full, and run what is marked full: it takes hours")
    parser.addoption("--seed", type=int, help="of random cases; by default today's date")


def pytest_configure(config):
    if config.option.seed is None:
        config.option.seed = counts.seed_of_the_day()  # workers are given it, at midnight too
    counts.choose(full=config.option.full, seed=config.option.seed)


def pytest_collection_modifyitems(config, items):
    """Without ``--full``, what is marked full is not among the tests; files that take long come first.

    So that none of the processes that share them is left at the end with one of those.
    """
    left_out = [item for item in items if not config.option.full and item.get_closest_marker("full")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    efforts = {item.path: 0 for item in items}
    for item in items:
        efforts[item.path] = max(efforts[item.path], _effort(item))
    items.sort(key=lambda item: -efforts[item.path])


def _effort(item) -> int:
    if item.path.as_posix().endswith(LONGEST):
        return 3
    return 2 if item.get_closest_marker("browser") else 1 if item.get_closest_marker("slow") else 0


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(counts.described())


@pytest.fixture(scope="session", autouse=True)
def _never_the_users_workspace(tmp_path_factory, shared):
    """A test that names no workspace gets a temporary one, not ./workspace; nor waits for the user's own training.

    What trainings compile is kept for one another, and not for the user.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDSING_LOCKS", str(tmp_path_factory.mktemp("locks") / "locks"))
        patch.setenv("DDSING_COMPILED", str(shared / "compiled"))
        patch.setenv("DDSING_WORKSPACE", str(tmp_path_factory.mktemp("unnamed") / "workspace"))
        yield


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    """A folder of all processes of this run, for what takes long to make and is copied."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def own_locks(tmp_path, monkeypatch):
    """Devices of this test's own."""
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))


@pytest.fixture
def quiet(monkeypatch):
    """For pages: no TensorFlow in the background, and nothing cached from another test's workspace."""
    import streamlit

    from ddsing.ui.shell import warmup
    from ddsing.ui.transfer import at_hand

    monkeypatch.setattr(warmup, "start", lambda: None)
    monkeypatch.setattr(at_hand, "CHOSEN_S", 86_400.0)
    streamlit.cache_resource.clear()
    streamlit.cache_data.clear()


@pytest.fixture(scope="module")
def tiny_models(tmp_path_factory) -> Iterator[Path]:
    """The model ``tiny`` beside those of ddsing, which this process finds; the folder with all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "GIN", recipes.GIN)  # set back at the end
        folder = tmp_path_factory.mktemp("models") / "gin"
        tiny_training.add_tiny_model(folder)
        yield folder
    recipes.config_file.cache_clear()


@pytest.fixture(scope="module")
def uncompiled() -> Iterator[None]:
    """Trainings of a few steps, not of their speed or last digits: see `tiny_training.uncompiled`."""
    with tiny_training.uncompiled():
        yield


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """A workspace as a newcomer finds it, with the demo in it."""
    return open_workspace(tmp_path / "workspace")


@pytest.fixture
def tiny(tmp_path) -> Workspace:
    """A workspace with two tiny instruments and a recording."""
    return Workspace(tiny_workspace.fill(tmp_path / "w"))


@pytest.fixture
def song(request, tmp_path) -> Path:
    """A score's file with the notes that the module names ``SONG``."""
    path = tmp_path / "Lied ♪.mid"
    path.write_bytes(scores.melody(*request.module.SONG))
    return path
