"""`train` as a person runs it: stopped with Ctrl-C, gone on with in the background."""

import json
import os
import signal
import subprocess
import sys

import pytest

from ddsing.instrument.library import Library
from ddsing.jobs.store import JobStore
from ddsing.training import checkpoints, history
from ddsing.workspace import open_workspace
from tests.support.children import at_a_terminal
from tests.support.patience import PATIENCE_S, until
from tests.support.tiny_training import ROOT, prepared_voice

pytestmark = pytest.mark.slow

SMALL = [
    "--config",
    "singing_small",
    "--harmonics",
    "5",
    "--noise-bands",
    "5",
    "--batch-size",
    "1",
    "--save-every",
    "2",
]


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_stopped_with_ctrl_c_and_gone_on_with_in_the_background(tmp_path, monkeypatch):
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))  # no other training of this computer is waited for
    workspace = open_workspace(tmp_path / "ws")
    path = prepared_voice(workspace, n_train=2, n_held_out=0)
    command = [sys.executable, "-m", "ddsing", "train", "alto", "--workspace", str(workspace.root)]
    trainer = subprocess.Popen(
        at_a_terminal([*command, *SMALL, "--steps", "100000", "--json"]),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1"},
    )
    until(lambda: len(history.read(path).saves) >= 1)
    trainer.send_signal(signal.SIGINT)
    out, said = trainer.communicate(timeout=PATIENCE_S)
    assert trainer.returncode == 130 and out == ""
    assert "Finishing the step and saving" in said and "Run the same command again to continue" in said
    assert said.startswith("About ") and "(a guess: no training runs on this computer yet)" in said
    assert "Traceback" not in said
    stopped_at = checkpoints.published(path)[-1].step
    assert f"Stopped and saved after step {stopped_at:,}" in said

    started = subprocess.run(
        [*command, "--steps", str(stopped_at + 2), "--background", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    job = json.loads(started.stdout)["job"]
    store = JobStore(workspace)
    until(lambda: not store.status(job).live)
    status = store.status(job)
    assert status.state == "done", status
    assert status.result["step"] == stopped_at + 2 and status.result["instrument_name"] == "alto"
    assert (status.step, status.steps, status.voice) == (stopped_at + 2, stopped_at + 2, "alto") and status.loss > 0
    assert checkpoints.published(path)[-1].step == stopped_at + 2
    assert "alto" in [entry.name for entry in Library(workspace).list()]
    assert history.read(path).steps.tolist() == list(range(1, stopped_at + 3))
