"""A workspace that ddsing 0.1.0 made opens as before, and its work goes on: `golden/workspace_0_1.zip`.

What it holds, and what 0.1.0 said about it: `tests.support.workspace_0_1`; how it was made:
``golden/make``. Documents may say more than 0.1.0's did; what those said must still be there.
"""

import json
import math

import pytest
import soundfile

from ddsing.cli import plain
from ddsing.dataset import prepare, voices
from ddsing.training import checkpoints, folder, history
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import workspace_0_1 as told

pytestmark = pytest.mark.slow

ANSWERS = json.loads(told.ANSWERS.read_text("utf-8"))
RELATIVE = 1e-6  # of numbers that are computed anew, on another processor
SOUND = 1e-5  # of full scale
LISTS = ("takes", "instruments", "jobs", "trainings")  # sections that name everything there is


@pytest.fixture(scope="module", autouse=True)
def _models(tiny_models):
    """The models ``tiny`` and ``tiny_z``, which the trainings of the workspace were begun with."""
    told.add_models(tiny_models)


@pytest.fixture
def root(tmp_path):
    """The workspace, in another place than it was made in."""
    return told.unpack(tmp_path / "moved here")


def differences(said, found, where: str = "") -> list[str]:
    """Where `found` lacks or contradicts what was said; it may say more."""
    if isinstance(said, dict) and isinstance(found, dict):
        lacking = [f"{where}/{name} is not said any more" for name in said if name not in found]
        return lacking + [
            line for name in said if name in found for line in differences(said[name], found[name], f"{where}/{name}")
        ]
    if isinstance(said, list) and isinstance(found, list) and len(said) == len(found):
        return [line for n, pair in enumerate(zip(said, found)) for line in differences(*pair, f"{where}/{n}")]
    if _number(said) and _number(found):
        same = math.isclose(said, found, rel_tol=RELATIVE, abs_tol=RELATIVE)
    else:
        same = type(said) is type(found) and said == found
    return [] if same else [f"{where}: {found!r:.200} instead of {said!r:.200}"]


def _number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def test_it_was_made_by_that_version():
    assert ANSWERS["version"] == "0.1.0"
    assert {take["version"] for take in ANSWERS["takes"].values()} == {"0.1.0"}


@pytest.mark.parametrize(
    ("said", "found", "n"),
    [({"a": 1.0}, {"a": 1.0 + 1e-9, "b": 2}, 0), ({"a": [1, 2]}, {"a": [1]}, 1), ({"a": 1}, {}, 1), ("x", "y", 1),
     ({"a": {"b": 1.0}}, {"a": {"b": 1.001}}, 1), (True, 1, 1), (None, 0, 1), ([{"a": 1}], [{"a": 1, "b": 2}], 0)],
)  # fmt: skip
def test_differences_are_found(said, found, n):
    assert len(differences(said, found)) == n


@pytest.mark.parametrize("section", told.SECTIONS)
def test_it_says_what_it_said(root, section):
    found = plain(told.SECTIONS[section](root))
    assert differences(ANSWERS[section], found, section) == []
    if section in LISTS:
        assert set(found) == set(ANSWERS[section])


def test_what_was_deleted_can_be_brought_back(root):
    assert differences(ANSWERS["trash_back"], plain(told.trash(root)), "trash") == []


def test_it_holds_something_of_everything():
    states = {(job["kind"], job["state"]) for job in ANSWERS["jobs"].values()}
    assert {("prepare", "done"), ("prepare", "failed"), ("train", "done"), ("train", "stopped"), ("train", "lost"),
            ("sweep", "done"), ("matrix", "done")} == states  # fmt: skip
    takes = ANSWERS["takes"].values()
    assert sum(take["morph"] is not None for take in takes) == sum(bool(take["timbre_hash"]) for take in takes) == 1
    assert sum(take["star"] for take in takes) == 1
    assert {"train", "held_out", "guard", "excluded"} == set(ANSWERS["dataset"]["table"]["state"])
    assert {entry["format"] for entry in ANSWERS["instruments"]["list"]} == {"native", "notebook"}
    assert sorted(test["kind"] for test in ANSWERS["listening"]["tests"]) == ["abx", "abx", "rating"]
    assert len(ANSWERS["trainings"]) == 6 and ANSWERS["sweep"]["n_left"] == 0
    assert ANSWERS["voice_matrix"]["again"]["rendered"] == 0


@pytest.mark.parametrize("name", told.TAKES)
def test_a_take_rendered_again_is_the_same(root, tmp_path, name):
    before = {take.key: take for take in TakeStore(Workspace(root)).list()}
    document = told.ask(root, *told.transfer(root, name, tmp_path))
    after = TakeStore(Workspace(root)).get(document["take"])
    assert "features" in document["reused"]  # no pitch was tracked
    same = before[after.key]
    assert after.settings == same.settings and after.morph == same.morph
    for sound in ("result", "harmonic", "noise"):
        old, new = (soundfile.read(take.folder / f"{sound}.wav", dtype="float32")[0] for take in (same, after))
        assert len(old) == len(new) and abs(old - new).max() < SOUND


def test_a_dataset_that_was_copied_is_taken_as_it_is(tmp_path):
    root = told.unpack(tmp_path / "copied", times=False)
    voice = voices.get(Workspace(root), "alto")
    shards = {path.name: path.stat().st_mtime_ns for path in voice.dataset_folder.glob("*.tfrecord*")}
    prepared = told.ask(root, "dataset", "prepare", "alto", "--tracker", "tiny")
    assert prepared["reused"] and prepared["n_analysed"] == 0
    assert prepared["dataset_hash"] == ANSWERS["dataset"]["prepared"]["dataset_hash"]
    assert prepare.is_current(voice, tracker="tiny")
    assert shards == {path.name: path.stat().st_mtime_ns for path in voice.dataset_folder.glob("*.tfrecord*")}


@pytest.mark.parametrize("voice", ["alto", "alto-brighter"])
def test_a_training_goes_on_from_its_newest_checkpoint(root, voice):
    path = root / "audio" / f"{voice}_checkpoints"
    dataset, notes = (root / "audio" / "alto_dataset" / "dataset.json").read_bytes(), history.read(path).notes
    newest = checkpoints.published(path)[-1].step
    document = told.ask(root, "train", voice, "--steps", str(newest + 1))
    assert document["step"] == newest + 1 and not document["stopped"]
    after = history.read(path)
    assert after.steps.tolist() == list(range(after.steps[0], newest + 2))
    assert checkpoints.verify(checkpoints.get(path, newest + 1))
    assert checkpoints.get(path, newest + 1).state(folder.config(path).model).iterations == newest + 1
    assert after.notes == notes  # none about another dataset, or a checkpoint that was passed over
    assert (root / "audio" / "alto_dataset" / "dataset.json").read_bytes() == dataset


def test_a_sweep_in_another_order_trains_nothing_again(root):
    document = told.ask(root, *told.SWEEP, "--harmonics", "10", "6")
    assert document["trained"] == [] and document["failed"] == {}
    assert sorted(document["skipped"]) == sorted(ANSWERS["sweep"]["cells"])
