"""Hostile instruments: nothing runs, nothing is opened, nothing is written, and each ends in a known sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ddsing.errors import InstrumentError
from ddsing.instrument import open_any
from ddsing.instrument.child import convert_in_child
from tests.hostile import bombs, gins, pickles, zips
from tests.hostile.builders import notebook_members, packed
from tests.support import counts
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="the measurements need POSIX resource limits"),
]


def watched(suite: str, folder: Path, n_mutants: int = 0) -> dict:
    numbers = [str(n_mutants), str(counts.seed())]
    command = [sys.executable, "-B", "-m", "tests.hostile.watch", suite, str(folder), *numbers]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_the_watcher_sees_what_careless_readers_do(tmp_path):
    report = watched("naive", tmp_path)
    seen = " ".join(report["violations"])
    assert all(event in seen for event in ("pickle.find_class", "import", "open", "exec"))
    assert "canary" in report["new_files"]


@pytest.mark.parametrize(
    ("suite", "n_mutants", "n_handmade"),
    [
        ("pickles", pickles.N_MUTANTS, 60),
        ("zips", zips.N_MUTANTS, 0),
        ("gins", gins.N_MUTANTS, 40),
        ("checkpoints", 0, 15),
    ],
)
def test_nothing_runs_opens_or_appears(suite, n_mutants, n_handmade, tmp_path):
    n_mutants = counts.rounds(full=n_mutants, push=n_mutants // 10)
    report, n_cases = watched(suite, tmp_path, n_mutants), n_mutants + n_handmade
    assert report["cases"] == n_cases
    assert report["violations"] == [] and report["new_files"] == []
    assert report["unknown"] == []
    assert report["accepted"] == []
    assert report["refused"] + report["valid"] == n_cases
    assert report["refused"] > n_cases // 3 or suite == "checkpoints"
    assert report["max_rss_mb"] < 300


@pytest.mark.parametrize("name", bombs.BOMBS)
def test_bombs_are_refused_fast_and_small(name, tmp_path):
    path = tmp_path / "bomb.zip"
    path.write_bytes(bombs.BOMBS[name]())
    folder = tmp_path / "temporary"
    folder.mkdir()
    command = [sys.executable, "-B", "-m", "tests.hostile.bombs", str(path)]
    environment = os.environ | {"TMPDIR": str(folder)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["refusal"], "it was accepted"
    assert report["calls"] < 50_000
    assert report["memory_mb"] < 300
    assert report["written_mb"] < 50
    assert list(folder.iterdir()) == []


def test_the_child_refuses_in_the_readers_words(tmp_path):
    hostile = [("dataset_statistics.pkl", data) for data in pickles.handmade(tmp_path)[::12]]
    hostile += [("operative_config-0.gin", data) for data in gins.handmade(gins.genuine()[0].decode(), tmp_path)[::10]]
    for member, data in hostile:
        with pytest.raises(InstrumentError, match=member.replace(".", r"\.")):
            open_any(packed(notebook_members() | {member: data}), name="x")
    assert list(tmp_path.iterdir()) == []


def test_the_child_is_stopped_in_time():
    with pytest.raises(InstrumentError, match="within 0.001 s"):
        convert_in_child(packed(notebook_members()), name="x", timeout_s=0.001)


def test_the_child_limits_itself():
    code = (
        "import resource; from ddsing.instrument import child; child.limit_this_process()\n"
        "try: bytearray(2 * 2**30); print('no limit')\n"
        "except MemoryError: print('memory', resource.getrlimit(resource.RLIMIT_CPU)[0], "
        "resource.getrlimit(resource.RLIMIT_FSIZE)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    if sys.platform == "linux":
        assert done.stdout.split() == ["memory", "10", str(192 * 2**20)]
