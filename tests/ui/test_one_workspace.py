"""Nothing that a server keeps in memory passes from one workspace to another.

Streamlit's caches are made by `per_workspace` alone; what else a module keeps for the whole process is named here, with
what tells its entries apart. Both are looked up in the source of all modules, so that a new one has to be named.
"""

import ast
import threading
import time
import types

import numpy as np
import pytest
import soundfile
import streamlit as st

from ddsing.jobs.folder import JobFolder
from ddsing.ui.experiments import compare_cache
from ddsing.ui.shell import jobs, opened, per_workspace, visitor, work
from ddsing.ui.shell.visitor import Visitor
from ddsing.workspace import open_workspace
from tests.support.paths import ROOT
from tests.test_architecture import LIBRARY, PAGES

CACHES = {  # where Streamlit's own caches may be
    "ddsing/ui/shell/per_workspace.py": "one for each workspace",
    "ddsing/ui/shell/opened.py": "workspaces themselves, by their folders",
}
KEPT = {  # what is kept for the whole process, and what tells its entries apart
    "ddsing/dataset/voices.py:_voices": "the path of the workspace's audio",
    "ddsing/dataset/windows.py:_foreign_table": "the dataset's path",
    "ddsing/dataset/windows.py:_sound": "the recording's path",
    "ddsing/engine/full_band.py:_responses": "nobody's: a filter",
    "ddsing/experiments/comparison/measure.py:_known": "the path of the take's metrics",
    "ddsing/files.py:_listings": "the folder's path",
    "ddsing/hardware.py:_cpu_seen": "nobody's: how busy this computer is",
    "ddsing/hardware.py:_nvml": "nobody's: the library that looks at GPUs",
    "ddsing/hardware.py:processor": "nobody's: the processor's name",
    "ddsing/hosting/site.py:_open": "the site's file",
    "ddsing/instrument/library.py:_refusals": "the zip's path",
    "ddsing/instrument/library.py:_summaries": "the zip's path",
    "ddsing/jobs/remote.py:_answers": "the cluster, and there the job's id",
    "ddsing/jobs/status.py:_ended": "the job's folder",
    "ddsing/jobs/log.py:_printing": "nobody's: a lock of a job's process",
    "ddsing/play/expression.py:_filter": "nobody's: a filter, by its band",
    "ddsing/sound/blas.py:_controller": "nobody's: the processor's libraries",
    "ddsing/sound/blas.py:_limit": "nobody's: how many threads the processor's libraries may start",
    "ddsing/sound/blas.py:_users": "nobody's: a count",
    "ddsing/sound/closeness.py:_filters": "nobody's: a bank of filters, by its sizes",
    "ddsing/sound/curve/contour.py:_lowpass": "nobody's: a filter",
    "ddsing/sound/features.py:_loudness": "the sound's content",
    "ddsing/sound/highpass.py:taps": "nobody's: a filter, by its frequency",
    "ddsing/sound/noise_bands.py:_shares": "nobody's: numbers, by the count of bands",
    "ddsing/sound/pitch/instant.py:_failed": "nobody's: why the library can't be loaded",
    "ddsing/sound/pitch/instant.py:_loaded": "nobody's: a network that comes with a package",
    "ddsing/sound/pitch/network.py:network": "nobody's: weights that come with ddsing",
    "ddsing/sound/pitch/rates.py:_known": "nobody's: how quick this computer is",
    "ddsing/sound/pitch/weights.py:load": "nobody's: weights that come with ddsing",
    "ddsing/sound/recording.py:_at_own_rate": "the file's content, or its path with size and time of change",
    "ddsing/training/board_process.py:_running": "the workspace; hosted, there is none",
    "ddsing/training/recipe.py:_changed": "nobody's: models that come with ddsing, by what is changed in them",
    "ddsing/training/recipe.py:config_file": "nobody's: models that come with ddsing",
    "ddsing/transfer/takes.py:_remembered": "the take's folder",
    "ddsing/ui/entrance/assets.py:known": "nobody's: files that come with Streamlit",
    "ddsing/ui/player/awaited.py:_sounds": "the address, which is one tab's",
    "ddsing/ui/player/players.py:_addresses": "the sound's content, or its path with size and time of change",
    "ddsing/ui/shell/tab_owners.py:_files": "the file and its owner",
    "ddsing/ui/shell/tab_owners.py:_tabs": "the tab",
    "ddsing/ui/shell/downloads.py:_since": "the download, whose name nobody guesses",
    "ddsing/ui/shell/router.py:_routed": "nobody's: whether pages are known",
    "ddsing/ui/shell/warmup.py:_started": "nobody's: a switch",
    "ddsing/ui/shell/warmup.py:_status": "nobody's: how quick this computer is",
    "ddsing/ui/shell/work.py:_works": "the workspace's root",
    "ddsing/ui/transfer/at_hand.py:_waiting": "nobody's: hosted, there is none",
    "ddsing/ui/transfer/at_hand.py:_wanted": "the instrument's path",
    "ddsing/ui/transfer/first_readings.py:_readings": "the workspace's root and the recording",
}
_MAKERS = {"dict", "list", "set", "OrderedDict", "defaultdict", "deque", "WeakValueDictionary", "WeakKeyDictionary"}


def streamlit_caches(tree):
    """The lines where a cache of Streamlit's is made."""
    names = ("cache_data", "cache_resource", "cache")
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) == "st"
    ]


def keepers(tree):
    """What a module keeps for the whole process: containers, what is set by ``global``, memories of functions."""
    found = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        empty = (isinstance(value, ast.Dict) and not value.keys) or (
            isinstance(value, ast.List | ast.Set) and not value.elts
        )
        maker = ast.unparse(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
        made = maker == "Kept" or (maker in _MAKERS and not value.args)
        found |= {target.id for target in targets if isinstance(target, ast.Name) and (empty or made)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            decorators = {
                ast.unparse(one.func if isinstance(one, ast.Call) else one).rpartition(".")[2]
                for one in node.decorator_list
            }
            found |= {node.name} if decorators & {"cache", "lru_cache"} else set()
    return found


def trees():
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8")) for path in [*LIBRARY, *PAGES]}


@pytest.mark.slow
def test_streamlit_s_caches_are_made_for_one_workspace_each():
    assert {name for name, tree in trees().items() if streamlit_caches(tree)} == set(CACHES)


@pytest.mark.slow
def test_what_a_process_keeps_is_known():
    found = {
        f"{file}:{name}"
        for file, tree in trees().items()
        for name in keepers(tree)
        if not file.startswith("ddsing/engine/tf/")  # a job's process, which has one workspace
    }
    assert found == set(KEPT)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("_held: dict = {}", {"_held"}),
        ("_held = Kept(2**20)", {"_held"}),
        ("_held = collections.OrderedDict()", {"_held"}),
        ("NAMES = {1: 2}", set()),
        ("def f():\n    global _at\n    _at = 1", {"_at"}),
        ("@functools.lru_cache(maxsize=1)\ndef f(): ...", {"f"}),
        ("@functools.cached_property\ndef f(): ...", set()),
    ],
)
def test_the_search_for_what_is_kept(source, names):
    assert keepers(ast.parse(source)) == names


# What is kept apart


@pytest.fixture
def as_visitor(tmp_path):
    """Does something as a visitor, in a thread of its own, as work in the background does."""

    def call(name, function, *args):
        found = []

        def run():
            with visitor.lent(Visitor("member", name, name, tmp_path / name)):
                found.append(function(*args))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return found[0]

    return call


def test_two_people_s_takes_of_one_name_are_two(as_visitor, tmp_path):
    for number, name in enumerate(("ann", "bob"), start=1):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "result.wav", np.full(1600, number / 10), 16_000)
    heard = {
        name: as_visitor(name, compare_cache.sound, types.SimpleNamespace(id="20261126-120000", folder=tmp_path / name))
        for name in ("ann", "bob")
    }
    assert heard["ann"].mean() == pytest.approx(0.1, abs=1e-3) and heard["bob"].mean() == pytest.approx(0.2, abs=1e-3)


def test_a_full_cache_is_one_person_s_only_and_the_oldest_workspace_is_forgotten(as_visitor, monkeypatch):
    calls = []

    @per_workspace.resource(max_entries=1, show_spinner=False)
    def computed(key, _by=None):
        calls.append((opened.key(), key))
        return object()

    first = as_visitor("ann", computed, "x")
    for key in "abc":
        as_visitor("bob", computed, key)
    assert as_visitor("ann", computed, "x") is first and len(calls) == 4
    monkeypatch.setattr(per_workspace, "WORKSPACES", 2)
    monkeypatch.setattr(per_workspace, "IN_USE_S", -1.0)
    as_visitor("carl", computed, "x")
    assert as_visitor("ann", computed, "x") is first
    as_visitor("bob", computed, "c")
    assert len(calls) == 6  # bob's were the oldest
    st.cache_resource.clear()
    assert as_visitor("ann", computed, "x") is not first


def test_nobody_s_results_are_forgotten_while_they_are_used(as_visitor, monkeypatch):
    calls = []

    @per_workspace.resource(max_entries=1, show_spinner=False)
    def computed():
        calls.append(opened.key())

    def look(*names):
        calls.clear()
        for name in names:
            as_visitor(name, computed)
        return [key[-4:] for key in calls]

    monkeypatch.setattr(per_workspace, "WORKSPACES", 1)
    look("ann1", "bob1", "cat1")
    assert look("ann1", "bob1", "cat1") == []
    monkeypatch.setattr(per_workspace, "MOST_WORKSPACES", 2)
    assert look("dan1", "ann1") == ["dan1", "ann1"], "really many"


def test_a_name_in_the_line_of_works_is_not_told_to_others(tmp_path):
    busy, end = threading.Event(), threading.Event()

    def hold(report):
        busy.set()
        end.wait()

    with visitor.lent(Visitor("member", "ann", "ann", tmp_path / "ann")):
        first = work.Work("Transferring Ann's secret song", hold, root=tmp_path / "ann", tab="a")
        second = work.Work("Another of hers", lambda report: None, root=tmp_path / "ann", tab="a")
    with visitor.lent(Visitor("member", "bob", "bob", tmp_path / "bob")):
        other = work.Work("Transferring", lambda report: None, root=tmp_path / "bob", tab="b")
    work._works += [first, second, other]
    try:
        first.start()
        busy.wait()
        other.start()
        second.start()
        assert "secret" in second.stage
        assert "secret" not in other.stage and "another person's work" in other.stage
    finally:
        end.set()
        for one in (first, second, other):
            one._thread.join()
            work._works.remove(one)


def test_work_in_the_background_is_done_in_its_owner_s_workspace(tmp_path):
    found = []
    with visitor.lent(Visitor("member", "ann", "ann", tmp_path / "ann")):
        one = work.Work("Looking", lambda report: found.append(opened.workspace().root), root=tmp_path / "ann", tab="a")
    one.start()
    one._thread.join()
    assert found == [tmp_path / "ann"]


def test_jobs_of_others_have_no_titles(tmp_path):
    for name in ("ann", "bob"):
        workspace = open_workspace(tmp_path / name)
        folder = JobFolder(workspace.jobs / "train-1")
        folder.create({"kind": "train", "title": f"Training {name}'s voice", "device": "cpu", "options": {}})
        mine = f"Training {name}'s voice"
        folder.write_record({"state": "waiting", "heartbeat": time.time(), "ahead": ["Training ann's voice", mine]})
    holding = [JobFolder(tmp_path / name / "jobs" / "train-1").take() for name in ("ann", "bob")]
    try:
        with visitor.lent(Visitor("member", "bob", "bob", tmp_path / "bob")):
            (listed,), one = jobs.store().list(), jobs.store().status("train-1")
        for job in (listed, one):
            assert job.state == "waiting" and job.ahead == ("another person's job", "Training bob's voice")
            assert job.message == (
                "Waiting for the CPU: Training bob's voice and 1 other are ahead. It starts automatically."
            )
        with visitor.lent(Visitor("guest", "Guest", "guest 1", tmp_path / "bob")), pytest.raises(visitor.Outside):
            jobs.store()
    finally:
        for one in holding:
            one.release()
