"""Makes ``tests/golden/workspace_0_1.zip`` and ``.json``: a workspace with everything that ddsing 0.1.0 writes in one.

Run once, with ddsing 0.1.0 (commit 2d36223) and its lock, Python 3.11, on a processor without a graphics card::

    DDSING_LOCKS=/tmp/ddsing-0.1/locks python tests/golden/make/workspace_0_1.py /tmp/ddsing-0.1/workspace

It is kept to show how the file came to be and is not meant to run on later versions: what they write is not what 0.1.0
wrote. The singer is synthetic (`demo.singer`, CC0). Times, random names and the rounding of the processor are those of
the day, so that a second run gives another file of the same kind.

``python workspace_0_1.py --ask`` only asks 0.1.0 again what it says about the workspace that is there.
``python workspace_0_1.py --job FOLDER`` is the process of its jobs: `ddsing.jobs.run`, which also finds tiny models.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
import ddsing
from ddsing import audio
from ddsing.comparison import matrix
from ddsing.comparison.blind import TestStore
from ddsing.comparison.sets import SetStore
from ddsing.experiments import TakeStore
from ddsing.instrument.library import Library
from ddsing.jobs import run as process
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.store import JobStore
from ddsing.sweep import results as sweeps
from ddsing.sweep.grid import Sweep
from ddsing.training import export, job
from ddsing.training import run as runs
from ddsing.workspace import Workspace, open_workspace, write_atomic
from demo.singer import ALTO, TENOR, Note, sing
from tests import tiny_training, tiny_workspace
from tests import workspace_0_1 as told

VERSION = "0.1.0"
PEAK = 0.03  # of full scale: soft sounds take fewer bytes
LESSON = [(57, 0.9), (60, 0.8), (64, 1.1), (62, 0.7), (59, 1.0), (65, 0.9), (67, 1.2), (60, 1.4)]  # (MIDI, s)
SONG = [(55, 1.2), (58, 0.8), (62, 1.3), (60, 0.7), (57, 1.0), (63, 1.0)]
CALL, ANSWER = [(50, 0.25), (53, 0.25)], [(52, 0.16), (48, 0.16)]


def main() -> None:
    """Make the workspace and pack it; ask 0.1.0 about it, unpacked in another place."""
    assert ddsing.__version__ == VERSION
    with tempfile.TemporaryDirectory() as folder:
        told.add_models(Path(folder) / "gin")
        if sys.argv[1] != "--ask":
            make(Path(sys.argv[1]).absolute(), Path(folder))
        known = json.loads(told.ANSWERS.read_text("utf-8"))
        kept = {"version": VERSION, "times": known["times"], "trash": known["trash"]}
        root = told.unpack(Path(folder) / "workspace")
        answers = {name: section(root) for name, section in told.SECTIONS.items()}
        write_answers({**kept, **answers, "trash_back": told.trash(root)})
    print(f"{told.ZIP.stat().st_size:,} bytes, {told.ANSWERS.stat().st_size:,} of answers")


def make(root: Path, outside: Path) -> None:
    """Make the workspace at `root` and pack it; keep when its files were changed and where the deleted ones lie."""
    assert not root.exists()
    workspace = open_workspace(tiny_workspace.empty(root))
    trash = fill(workspace, outside)
    pack(root)
    times = {name: (root / name).stat().st_mtime_ns for name in members(root) if not name.endswith("/")}
    write_answers({"times": times, "trash": trash})


def write_answers(document: dict) -> None:
    """Keep what 0.1.0 said."""
    told.ANSWERS.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


def fill(workspace: Workspace, outside: Path) -> dict[str, str]:
    """Do everything once; returns where what was deleted lies."""
    write_recordings(workspace)
    prepare(workspace)
    train(workspace)
    sweep(workspace)
    instruments(workspace, outside)
    takes = sing_takes(workspace, outside)
    compare(workspace, takes)
    listen(workspace, takes)
    tokens = delete(workspace, takes)
    write_atomic(workspace.cache / "tutorial-closed", b"")  # as the dashboard does
    return tokens


def run(workspace: Workspace, *arguments: str) -> dict:
    """A command's document."""
    return told.ask(workspace.root, *arguments)


def write_recordings(workspace: Workspace) -> None:
    """Two recordings of the voice alto, one of them in a folder, two examples, and one that is no sound."""
    for path, voice, notes in (
        (workspace.audio / "alto" / "lesson.flac", ALTO, LESSON),
        (workspace.audio / "alto" / "second day" / "song.flac", ALTO, SONG),
        (workspace.examples / "call.flac", TENOR, CALL),
        (workspace.examples / "answer.flac", TENOR, ANSWER),
    ):
        sound, *_ = sing(voice, [Note(midi, duration_s, -8.0) for midi, duration_s in notes], seed=len(notes))
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = np.round(sound * (PEAK / np.abs(sound).max()) * 2**15) / 2**15
        path.write_bytes(audio.encode(whole.astype(np.float32), format="FLAC"))
    (workspace.examples / "broken.wav").write_bytes(b"RIFF, or so it says")
    (workspace.audio / "nobody").mkdir()  # a voice that was made and never sang


def prepare(workspace: Workspace) -> None:
    """A dataset by the command line; then one window left out, by a job."""
    run(workspace, "dataset", "prepare", "alto", "--tracker", "tiny")
    run(workspace, "dataset", "exclude", "alto", "2")
    prepare_job(workspace, "alto")
    prepare_job(workspace, "nobody", ends="failed")
    run(workspace, "dataset", "report", "alto")


def prepare_job(workspace: Workspace, voice: str, *, ends: str = "done") -> str:
    """A job that prepares, as the dashboard orders it."""
    options = {"voice": voice, "tracker": "tiny"}
    order = {"kind": "prepare", "title": f"Prepare {voice}", "options": options, "key": f"prepare:{voice}"}
    return wait(workspace, jobs(workspace).submit(**order, needs_bytes=0).id, ends=ends)


def train(workspace: Workspace) -> None:
    """A training with three checkpoints; a branch, stopped once, and killed when it went on."""
    wait(workspace, order_training(workspace, "alto", steps=12, save_every=4, keep=2, head_start_steps=200))
    runs.branch(workspace, "alto", step=8, label="brighter")
    stopped = order_training(workspace, "alto-brighter", steps=4000, save_every=1000)
    wait(workspace, stopped, stop_at=10, ends="stopped")
    killed = order_training(workspace, "alto-brighter", steps=5000, save_every=1000)
    wait(workspace, killed, kill_at=15, ends="lost")


def order_training(workspace: Workspace, voice: str, **recipe) -> str:
    """A job that trains, as the dashboard orders it; returns its id."""
    order = job.order(voice, tiny_training.tiny(tracker="tiny", **recipe))
    return jobs(workspace).submit(**order, device="cpu").id


def sweep(workspace: Workspace) -> None:
    """A sweep of two cells by a job, each heard; and one of a single cell, with timbre, which becomes an instrument."""
    recipe = tiny_training.tiny(tracker="tiny", steps=2, batch_size=1, head_start_steps=100)
    order = Sweep("alto", {"n_harmonics": (6, 10)}, recipe).order()
    wait(workspace, jobs(workspace).submit(**order, device="cpu", needs_bytes=0).id)
    run(workspace, "sweep", "alto", "--config", "tiny_z", "--vary", "seed=7", "--tracker", "tiny")
    export.make_instrument(workspace, "alto_s7")
    example = audio.decode(workspace.examples / "answer.flac")
    for cell in sweeps.cells(workspace, "alto"):
        if "n_harmonics" in cell.values:
            sweeps.sing(workspace, cell, 2, example)
    run(workspace, "compare", "losses")


def instruments(workspace: Workspace, outside: Path) -> None:
    """One that was trained here; one of 2021 brought in and described; one of 2021 that merely lies there."""
    run(workspace, "instrument", "import", str(told.GOLDEN / "singing_2021.zip"), "--name", "Singer 2021")
    notes = "Brought over from 2021.\nDark below, bright above: “ö”."
    Library(workspace).edit("Singer 2021", notes=notes, author="A. Tester", licence="CC BY 4.0", voice="a singer")
    run(workspace, "instrument", "export", "alto", "--format", "notebook", "--out", str(outside / "Left over.zip"))
    shutil.copy(outside / "Left over.zip", workspace.instruments)
    run(workspace, "instrument", "inspect", "Left over")


def sing_takes(workspace: Workspace, outside: Path) -> dict[str, str]:
    """Takes of each kind; returns their ids."""
    ids = {}
    for name in told.TAKES:
        controls = ("--controls", str(outside / "controls.npz")) if name == "fitted" else ()
        ids[name] = run(workspace, *told.transfer(workspace.root, name, outside), *controls)["take"]
    again = told.transfer(workspace.root, "plain", outside)
    ids["deleted"] = run(workspace, *again, "--seed", "9")["take"]
    store = TakeStore(workspace)
    store.rename(ids["fitted"], "Higher & softer – “Übung”")
    store.note(ids["fitted"], "Better than the first.\nTry with less attenuation.")
    store.label(ids["fitted"], tags=("for Anna", "paper"), star=True)
    return ids


def compare(workspace: Workspace, ids: dict[str, str]) -> None:
    """Metrics of all takes, a set with a session's notes, and the voice matrix by a job."""
    kept = [take_id for name, take_id in ids.items() if name != "deleted"]
    run(workspace, "compare", "takes", *kept)
    store = SetStore(workspace)
    notes = "First session.\n\nThe morph is closest to what we want."
    store.create("Three ways to answer", kept[1:], notes=notes, tags=("paper",), star=True)
    store.create("All of them", kept)
    wanted = matrix.Matrix(("alto", "Singer 2021"), ("answer.flac", "broken.wav"), "tiny")
    order = {"kind": matrix.KIND, "title": matrix.title(wanted), "key": matrix.job_key(wanted)}
    wait(workspace, jobs(workspace).submit(**order, options=wanted.to_json()).id)


def listen(workspace: Workspace, ids: dict[str, str]) -> None:
    """A blind test with all its answers, one that was stopped, and a rating."""
    tests, takes = TestStore(workspace), [TakeStore(workspace).get(ids[name]) for name in ("fitted", "z", "morph")]
    about = {"listener": "A. Tester", "excerpt_s": (0.0, 0.25)}
    test = tests.begin("abx", takes, n_trials=6, seed=1, title="Can they be told apart?", **about)
    for trial, answer in enumerate("ABBABA"):
        tests.answer(test.id, trial, answer, seconds=2.5 + trial, plays=trial + 1)
    test = tests.begin("abx", takes[:2], n_trials=8, seed=2, listener="B. Tester")
    tests.answer(test.id, 0, "A", seconds=4.0, plays=3)
    tests.stop(test.id)
    test = tests.begin("rating", takes, repeats=2, seed=3, question="How natural is it?", **about)
    for trial, scores in enumerate(([80, 20.5, 60, 95], [70, 30, 55, 100])):
        tests.answer(test.id, trial, scores, seconds=20.0, plays=9)


def delete(workspace: Workspace, ids: dict[str, str]) -> dict[str, str]:
    """One of each goes to the trash; returns where it lies, below the workspace."""
    sets, library = SetStore(workspace), Library(workspace)
    gone = sets.create("A mistake", [ids["plain"]])
    run(workspace, "instrument", "export", "alto_s7", "--out", str(workspace.instruments / "Copy.zip"))
    tokens = {"take": TakeStore(workspace).delete(ids["deleted"]), "set": sets.delete(gone.id),
              "job": jobs(workspace).delete(prepare_job(workspace, "alto"))}  # fmt: skip
    below = {name: str(Path(token).relative_to(workspace.root)) for name, token in tokens.items()}
    return below | {"instrument": library.delete("Copy")}


def jobs(workspace: Workspace) -> JobStore:
    """The workspace's jobs, whose processes find the tiny models."""
    return JobStore(workspace, launcher=LocalLauncher((sys.executable, str(Path(__file__).resolve()), "--job")))


def wait(
    workspace: Workspace, job_id: str, *, ends: str = "done", stop_at: int | None = None, kill_at: int | None = None
) -> str:
    """Wait for a job's end, ask it to stop or kill it at a step; returns its id."""
    store, deadline_s = jobs(workspace), time.monotonic() + 1800.0
    while (status := store.status(job_id)).live:
        assert time.monotonic() < deadline_s, status
        step = status.step or 0
        if stop_at is not None and step >= stop_at:
            store.stop(job_id)
        if kill_at is not None and step >= kill_at:
            os.kill(json.loads((workspace.jobs / job_id / "status.json").read_text())["pid"], signal.SIGKILL)
        time.sleep(0.02)
    assert status.state == ends, (status, status.log_tail)
    while ends != "lost" and (workspace.jobs / job_id / "reserve").exists():
        time.sleep(0.02)  # its process says its last word before it clears up
    return job_id


def members(root: Path) -> list[str]:
    """Everything in the workspace, folders that are empty too."""
    found = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file():
            found.append(name)
        elif not any(path.iterdir()):
            found.append(f"{name}/")
    return found


def pack(root: Path) -> None:
    """The workspace as a zip, LZMA: its records hold every sound several times."""
    with zipfile.ZipFile(told.ZIP, "w", zipfile.ZIP_LZMA) as archive:
        for name in members(root):
            archive.write(root / name, name)


def run_job(folder: str) -> int:
    """The process of a job."""
    with tempfile.TemporaryDirectory() as gin:
        told.add_models(Path(gin) / "gin")
        return process.main([folder])


if __name__ == "__main__":
    sys.exit(run_job(sys.argv[2]) if sys.argv[1] == "--job" else main())
