"""Training at a terminal takes its turn on the device."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ddsing import cli
from ddsing.cli import quiet
from ddsing.cli.progress import stop_on_signal
from ddsing.errors import Cancelled
from ddsing.jobs import queue
from ddsing.jobs.order import Order
from ddsing.jobs.store import JobStore
from ddsing.training import folder, run
from ddsing.training.run import Outcome
from ddsing.workspace import open_workspace
from tests.support import tiny_workspace
from tests.support.children import at_a_terminal
from tests.support.patience import PATIENCE_S
from tests.support.tiny_training import ROOT

NO_LAUNCHER = SimpleNamespace(start=lambda folder: None)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Voices alto and bass, on a computer without a GPU whose queue is empty."""
    monkeypatch.setenv("DDSING_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    workspace = open_workspace(tiny_workspace.empty(tmp_path / "ws"))
    for name in ("alto", "bass"):
        (workspace.audio / name).mkdir()
    return workspace


def others_see() -> list:
    """Whom another one who wants the processor has to wait for."""
    told: list = []
    try:
        with queue.turn("cpu", on_wait=told.extend, should_stop=lambda: bool(told)):
            return []
    except Cancelled:
        return told


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_it_says_whom_it_waits_for_and_ctrl_c_ends_that(workspace):
    store = JobStore(workspace, launcher=NO_LAUNCHER)
    for voice in ("bass", "tenor"):
        order = Order("train", f"Train {voice}", {"voice": voice}, f"train:{voice}", needs_bytes=0, device="cpu")
        store.submit(order)
    command = [sys.executable, "-m", "ddsing", "train", "alto", "--config", "singing_small"]
    trainer = subprocess.Popen(
        at_a_terminal([*command, "--workspace", str(workspace.root)]),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert trainer.stderr.readline().startswith("About ")
        said = trainer.stderr.readline()
        assert said == "Waiting until 'Train bass' and 1 more are done with the CPU. Press Ctrl+C to stop waiting.\n"
        trainer.send_signal(signal.SIGINT)
        _, rest = trainer.communicate(timeout=PATIENCE_S)
    finally:
        trainer.kill()
    assert trainer.returncode == 130 and rest == "Stopped while waiting. Nothing was started.\n"
    assert not (workspace.audio / "alto_checkpoints" / "recipe.json").exists()
    for job in store.live():
        store._folder(job.id).write_record({"state": "stopped"})
    assert others_see() == []


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "sweep"])
def test_it_has_the_device_while_it_trains_and_not_after(workspace, monkeypatch, capsys, command):
    seen = []

    def train(*_, **__):
        seen.append(others_see())
        return Outcome(8, 5.0, "alto", stopped=False, exported_step=8)

    monkeypatch.setattr(quiet, "load_tensorflow", lambda: None)
    monkeypatch.setattr(run, "train", train)
    size = ["--harmonics", "5", "--noise-bands", "5"] if command == "sweep" else []
    assert cli.main([command, "alto", "--workspace", str(workspace.root), *size]) == 0
    assert seen == [[queue.SOMEONE]] and others_see() == []
    assert "Waiting" not in capsys.readouterr().err


def test_who_trains_the_same_voice_is_not_waited_for(workspace, capsys):
    path = workspace.audio / "alto_checkpoints"
    with queue.turn("cpu"), folder.held(path, "alto"):
        assert cli.main(["train", "alto", "--workspace", str(workspace.root)]) == 2
    assert "'alto' is already being trained" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("ignored", [False, True], ids=["a terminal", "nohup"])
def test_a_training_hears_ctrl_c_unless_it_was_started_deaf_to_it_and_sigterm_always(ignored, capfd):
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_IGN if ignored else signal.SIG_DFL)
        for number, heard in ((signal.SIGINT, not ignored), (signal.SIGTERM, True)):
            with stop_on_signal() as should_stop:
                os.kill(os.getpid(), number)
                assert should_stop() == heard
            assert (signal.getsignal(signal.SIGINT) is signal.SIG_IGN) == ignored, "as it was"
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert capfd.readouterr().err.count("Finishing the step") == (1 if ignored else 2)
