"""A process that imports TensorFlow once and forks a child for each training, so that many can be killed.

``python -m tests.support.training_children [eager]`` reads one JSON object a line and answers with one. ``{"start":
{...}}`` forks a child that trains and gives its pid; ``{"wait": pid, "kill_after": [n, s], "signal": n}`` sends a
signal some seconds after the child has told its n-th news, waits for the child and gives its status. What a child saw
it leaves in its ``out`` folder: ``steps``, a line for each news; ``outcome.json``. With ``eager``, nothing is
compiled: a child begins in a second, but a step takes long.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S


class Children:
    """The side of the tests."""

    def __init__(self, folder: Path, *, eager: bool):
        command = [
            sys.executable,
            "-m",
            "tests.support.training_children",
            str(folder / "gin"),
            *(["eager"] if eager else []),
        ]
        self._log = open(folder / "children.log", "wb")  # noqa: SIM115
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, cwd=ROOT, text=True
        )
        self._numbers = iter(range(10**6))

    def train(
        self, root: Path, out: Path, *, kill_after: tuple | None = None, number=signal.SIGKILL, **options
    ) -> dict:
        """Train in a child and wait for its end; what it saw, and its exit `status`, or minus the signal's number.

        `kill_after` (n, seconds) sends it the signal so long after its n-th report, (n, seconds, stage) after its n-th
        of that stage.
        """
        out = out / str(next(self._numbers))
        out.mkdir(parents=True)
        pid = self._ask({"start": {"root": str(root), "out": str(out), **options}})["pid"]
        waited = self._ask({"wait": pid, "kill_after": kill_after, "signal": number or signal.SIGKILL, "out": str(out)})
        steps = [json.loads(line) for line in _lines(out / "steps")]
        outcome = json.loads((out / "outcome.json").read_bytes()) if (out / "outcome.json").exists() else {}
        return {**waited, "steps": steps, **outcome}

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE_S)
        self._log.close()

    def _ask(self, request: dict) -> dict:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().split("\n")[:-1] if line] if path.exists() else []


def _n_told(out: Path, stage: str = "") -> int:
    """How often a child has told where it is, or that it is at a stage."""
    lines = _lines(out / "steps")
    return sum(json.loads(line)[1] == stage for line in lines) if stage else len(lines)


def _serve(gin_folder: Path, eager: bool) -> None:
    from ddsing import hardware
    from ddsing.engine.tf import runtime
    from tests.support import tiny_training

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    hardware.n_cores = lambda: 1  # a forked child has none of the threads
    tf = runtime.tensorflow()
    runtime.ddsp()
    tiny_training.add_tiny_model(gin_folder)
    if eager:
        tf.config.run_functions_eagerly(True)
        _warm_up()
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"pid": _fork(request["start"])} if "start" in request else _wait(**request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _warm_up() -> None:
    """What the first step imports and builds, once for all children."""
    import numpy as np

    from ddsing.engine.tf.step import Step
    from ddsing.model.weights import random_weights
    from ddsing.sound.pitch import track
    from ddsing.training import recipe

    config = recipe.config_file("tiny")
    stepper = Step(config.model, random_weights(config.model), batch_size=2, window_frames=config.window_frames)
    shape = (2, config.window_frames)
    stepper.run(
        {
            "audio": np.zeros((2, 64 * shape[1]), np.float32),
            "f0_hz": np.full(shape, 220.0, np.float32),
            "loudness_db": np.full(shape, -40.0, np.float32),
        }
    )
    stepper.prepare_checkpoints()  # ddsp, too
    track(np.zeros(640, np.float32), tracker="tiny")


def _fork(options: dict) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            _train(**options)
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(70)
    return pid


def _wait(*, wait: int, kill_after: list | None, signal: int, out: str) -> dict:
    """Wait for a child, and meanwhile send it a signal, if one is to be sent."""
    sent, due = False, None
    while True:
        ended, status = os.waitpid(wait, os.WNOHANG)
        if ended:
            return {"status": os.waitstatus_to_exitcode(status)}
        if kill_after is not None and due is None and _n_told(Path(out), *kill_after[2:]) >= kill_after[0]:
            due = time.monotonic() + kill_after[1]
        if due is not None and not sent and time.monotonic() >= due:
            sent = True
            os.kill(wait, signal)
        time.sleep(0.002)


def _train(root: str, out: str, *, recipe: dict, voice: str = "alto", stop_at: int | None = None, **faults) -> None:
    from ddsing.errors import DdsingError
    from ddsing.training import run
    from ddsing.workspace import Workspace
    from tests.support import tiny_training, training_faults

    asked = threading.Event()
    steps = os.open(Path(out) / "steps", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(*facts) -> None:
        os.write(steps, json.dumps([*facts, round(time.monotonic(), 3)]).encode() + b"\n")

    def ask(number, frame) -> None:
        note(None, "asked", None)
        asked.set()

    def report(progress) -> None:
        note(progress.step, progress.stage, progress.loss)
        if stop_at is not None and progress.step >= stop_at:
            asked.set()

    signal.signal(signal.SIGTERM, ask)
    training_faults.install(Path(root), **faults)
    try:
        outcome = run.train(
            Workspace(Path(root)), voice, tiny_training.tiny(**recipe), report=report, should_stop=asked.is_set
        )
        told = {"outcome": asdict(outcome)}
    except DdsingError as error:
        told = {"error": type(error).__name__, "sentence": str(error)}
    (Path(out) / "outcome.json").write_text(json.dumps(told))


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), "eager" in sys.argv[2:])
