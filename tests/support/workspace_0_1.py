"""What ddsing says about the workspace of ``golden/workspace_0_1.zip``, as plain values: `SECTIONS`, each a function.

Version 0.1.0 wrote that workspace, and its answers to the same questions are ``golden/workspace_0_1.json``. The
command line is asked wherever it knows the answer.
"""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from ddsing import cli
from ddsing.cli import plain
from ddsing.dataset import prepare, voices, windows
from ddsing.experiments.comparison import matrix
from ddsing.experiments.comparison.sets import SetStore
from ddsing.files import restore
from ddsing.instrument.library import Library
from ddsing.sound import audio
from ddsing.training import checkpoints, folder, history
from ddsing.transfer.take import read_morph, read_recipe
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_training
from tests.support.paths import GOLDEN

ZIP, ANSWERS = GOLDEN / "workspace_0_1.zip", GOLDEN / "workspace_0_1.json"
LONG = 64  # numbers
TINY_Z = """# -*-Python-*-
# Tiny, with timbre
# For tests only.

include 'models/singing_z.gin'

units = 8
layers = 1
n_harmonics = 8
n_noise_bands = 9
z_units = 8
z_dims = 4

learning_rate = 1e-3
batch_size = 1
steps = 1
save_every = 1
head_start_steps = 100
"""
REPORT = ("minutes", "minutes_voiced", "tracker", "noise_floor_db", "pitch_seconds", "loudness_seconds", "kinds")
SWEEP = ("sweep", "alto", "--config", "tiny", "--steps", "2", "--batch-size", "1")
TAKES = {  # by what is special about them: the recording, and the options of the command
    "plain": ("call.flac", "--instrument", "alto"),
    "fitted": ("answer.flac", "--instrument", "Singer 2021", "--use-statistics", "--mask-threshold", "0.8",
               "--attenuation", "12", "--autotune", "0.5", "--octave-shift", "1", "--loudness-shift", "-3",
               "--seed", "5"),
    "z": ("answer.flac", "--instrument", "alto_s7", "--z-from", "EXAMPLES/call.flac", "--z-shift", "1=1.5",
          "--z-shift", "2=-1"),
    "morph": ("answer.flac", "--instrument", "alto", "--morph", "Singer 2021=0:0.1,0.25:0.9"),
}  # fmt: skip
MATRIX = ("--instruments", "alto", "Singer 2021", "--recordings", "answer.flac", "--tracker", "tiny")


def add_models(gin: Path) -> None:
    """Let this process find the models ``tiny`` and ``tiny_z``, see `tiny_training.add_tiny_model`."""
    tiny_training.add_tiny_model(gin)
    (gin / "models" / "tiny_z.gin").write_text(TINY_Z)


def unpack(root: Path, *, times: bool = True) -> Path:
    """Unpack the workspace to `root`; with `times`, each file was last changed when it was, to the nanosecond."""
    with zipfile.ZipFile(ZIP) as archive:
        archive.extractall(root)
    if times:
        for name, changed_ns in json.loads(ANSWERS.read_text("utf-8"))["times"].items():
            os.utime(root / name, ns=(changed_ns, changed_ns))
    return root


def ask(root: Path, *arguments: str) -> dict:
    """A command's document, with ``WORKSPACE`` for the workspace's path."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = cli.main([*arguments, "--workspace", str(root), "--json"])
    assert status == 0, arguments
    return _shortened(json.loads(said.getvalue().replace(str(root), "WORKSPACE")))


def _shortened(value):
    """A document whose long lists of numbers are told by their digest."""
    if isinstance(value, dict):
        return {name: _shortened(entry) for name, entry in value.items()}
    if isinstance(value, list):
        if len(value) > LONG and all(isinstance(entry, int | float) for entry in value):
            return digest(np.array(value, np.float64))
        return [_shortened(entry) for entry in value]
    return value


def transfer(root: Path, name: str, outside: Path) -> list[str]:
    """The command that renders one of `TAKES`; its sound also goes to a folder outside the workspace."""
    recording, *options = (text.replace("EXAMPLES", str(root / "examples")) for text in TAKES[name])
    out = str(outside / f"{name}.wav")
    return ["transfer", str(root / "examples" / recording), *options, "--tracker", "tiny", "--out", out]


def digest(array) -> dict:
    """An array's shape, type and content."""
    array = np.ascontiguousarray(array)
    return {
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
    }


def takes(root: Path) -> dict:
    """Each take whole; what its file's metadata says, and which settings are restored from that."""
    return {take.id: _take(TakeStore(Workspace(root)), take) for take in TakeStore(Workspace(root)).list()}


def _take(store: TakeStore, take) -> dict:
    recipe = audio.read_recipe(store.export(take.id, "FLAC"))
    settings, tracker, instrument = read_recipe(recipe)
    morph = read_morph(recipe)
    sounds = {name: soundfile.read(take.folder / f"{name}.wav", dtype="float32")[0] for name in
              ("result", "harmonic", "noise", "original")}  # fmt: skip
    return plain(
        take.to_json()
        | {
            "key": take.key,
            "recipe": recipe,
            "restored": [settings.to_json(), tracker, instrument, morph and morph.to_json()],
            "curves": {name: digest(curve) for name, curve in sorted(take.curves().items())},
            "sounds": {name: digest(sound) for name, sound in sounds.items()},
            "controls": (take.folder / "controls.npz").is_file(),
        }
    )


def comparison(root: Path) -> dict:
    """Takes side by side: their settings, and their metrics as they were kept."""
    document = ask(root, "compare", "takes", *sorted(take.id for take in TakeStore(Workspace(root)).list()))
    return {"takes": document["takes"]}


def instruments(root: Path) -> dict:
    """The list, and each instrument whole."""
    listed = ask(root, "instrument", "list")["instruments"]
    return {"list": listed, **{entry["name"]: ask(root, "instrument", "inspect", entry["name"]) for entry in listed}}


def dataset(root: Path) -> dict:
    """The voices, a voice's recordings, what its preparation does now, its report, and every window."""
    voice = voices.get(Workspace(root), "alto")
    prepared = ask(root, "dataset", "prepare", "alto", "--tracker", "tiny")
    prepared.pop("seconds")
    table = windows.load(voice)
    return plain(
        {
            "voices": ask(root, "dataset", "list")["voices"],
            "recordings": ask(root, "dataset", "list", "alto")["recordings"],
            "prepared": prepared,
            "current": prepare.is_current(voice, tracker="tiny"),
            "report": {name: value for name, value in ask(root, "dataset", "report", "alto").items() if name in REPORT},
            "table": {field.name: getattr(table, field.name) for field in dataclasses.fields(table)},
            "windows": [_window(voice, row) for row in range(len(table))],
        }
    )


def _window(voice, row: int) -> dict:
    window = windows.read(voice, row)
    arrays = {name: digest(getattr(window, name)) for name in ("audio", "f0_hz", "f0_confidence", "loudness_db")}
    return arrays | {"file": window.file, "start_s": window.start_s, "state": window.state}


def trainings(root: Path) -> dict:
    """Losses side by side; and of each training its history, its checkpoints, and how it was begun."""
    found = {path.name: _training(path) for path in sorted((root / "audio").glob("*_checkpoints"))}
    return {"losses": ask(root, "compare", "losses", "--at", "2", "--smoothing", "0"), **found}


def _training(path: Path) -> dict:
    known, trained = history.read(path), folder.config(path)
    states = {one.step: one.state(trained.model) for one in checkpoints.published(path)}
    return plain(
        {
            "steps": known.steps,
            "loss": known.loss,
            "saves": [dataclasses.asdict(save) | {"preview": save.preview and save.preview.name}
                      for save in known.saves],
            "notes": [dataclasses.asdict(note) for note in known.notes],
            "best": [known.best_step, known.best_by],
            "begun": folder.begun(path).to_json(),
            "verified": {one.step: checkpoints.verify(one) for one in checkpoints.published(path)},
            "iterations": {step: state.iterations for step, state in states.items()},
            "weights": {step: {name: digest(weight) for name, weight in sorted(state.weights.items())}
                        for step, state in states.items()},
        }
    )  # fmt: skip


def jobs(root: Path) -> dict:
    """Every job, wholly; but of a lost one not the words for that, which are not the job's own."""
    found = {job["id"]: ask(root, "jobs", "show", job["id"]) for job in ask(root, "jobs", "list")["jobs"]}
    return {job_id: job | {"message": "" if job["state"] == "lost" else job["message"]}
            for job_id, job in found.items()}  # fmt: skip


def voice_matrix(root: Path) -> dict:
    """The take of each cell by what fixes its sound, and what the matrix does if it is asked for again."""
    again = ask(root, "compare", "matrix", *MATRIX)
    cells = {key: [take.id, take.source, take.instrument] for key, take in matrix.known(Workspace(root)).items()}
    return {"again": again, "cells": cells}


def listening(root: Path) -> dict:
    """Blind tests with their results."""
    tests = ask(root, "compare", "listening")["tests"]
    return {"tests": [{name: value for name, value in test.items() if name != "said"} for test in tests]}


def sets(root: Path) -> list:
    """Sets of takes, and the notes of their sessions."""
    return plain(SetStore(Workspace(root)).list())


def sweep(root: Path) -> dict:
    """What a sweep's values, in another order, would still cost."""
    document = ask(root, *SWEEP, "--harmonics", "10", "6", "--cost")
    return {"cells": sorted(document["cells"]), "n_left": document["cost"]["n_left"]}


def trash(root: Path) -> dict:
    """Everything deleted, as it is once it is brought back."""
    tokens = json.loads(ANSWERS.read_text("utf-8"))["trash"] if ANSWERS.is_file() else {}
    workspace = Workspace(root)
    take = TakeStore(workspace).undo(str(root / tokens["take"]))
    kept = SetStore(workspace).undo(str(root / tokens["set"]))
    entry = Library(workspace).undo(tokens["instrument"])
    job = restore(root / tokens["job"]).name
    return plain(
        {
            "take": _take(TakeStore(workspace), take),
            "set": kept,
            "instrument": ask(root, "instrument", "inspect", entry.name),
            "job": ask(root, "jobs", "show", job),
        }
    )


SECTIONS: dict[str, Callable[[Path], object]] = {
    function.__name__: function
    for function in (takes, comparison, instruments, dataset, trainings, jobs, voice_matrix, listening, sets, sweep)
}
