"""Nothing needs the cache but for speed: with one that can't be written, or looked into, all is as it was."""

import errno
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from ddsing import storage
from ddsing.constants import SAMPLE_RATE
from ddsing.dataset import report, scan, voices
from ddsing.engine import render
from ddsing.errors import InstrumentError
from ddsing.experiments.comparison import heard
from ddsing.experiments.curves import runs
from ddsing.experiments.sweep import results
from ddsing.instrument import library as instruments
from ddsing.instrument.library import Library
from ddsing.jobs import paces
from ddsing.latent import points
from ddsing.sound import audio, features
from ddsing.sound.pitch import rates
from ddsing.training import estimate, top
from ddsing.training.recipe import Recipe, resolved
from ddsing.transfer import first_sound
from ddsing.workspace import Workspace, open_workspace
from tests.hostile.builders import notebook_members, packed
from tests.support import dataset_signals, prepared_voices, tiny_runs, tops
from tests.support.counts import full, seed
from tests.support.failing_disk import refused
from tests.support.paths import ROOT
from tests.support.z_models import z_instrument

pytestmark = pytest.mark.slow


def instruments_of_2021(workspace):
    library = Library(workspace)
    instruments._summaries.clear()
    (entry,) = [entry for entry in library.list() if entry.name == "old"]
    (broken,) = [entry for entry in library.list() if entry.name == "broken"]
    with pytest.raises(InstrumentError) as refusal:
        library.get("broken")
    assert entry.error == "" and str(refusal.value) == broken.error
    return entry.config, library.get("old").digest, broken.error


def pitch(workspace):
    cache = features.FeatureCache(workspace.cache / "features")
    audio = dataset_signals.voice(0.5)
    found = features.extract(audio, tracker="tiny", cache=cache)
    cache.has("nothing", "tiny")
    return found.f0_hz.tolist(), cache.size_bytes() >= 0


def rates_of_trackers(workspace):
    rates.forget()
    rates.learn("tiny", 0.25, path=workspace.cache / "rates.json")
    return rates.get("tiny", lambda: 0.0, path=workspace.cache / "rates.json")


def recordings(workspace):
    return scan.scan(voices.get(workspace, "alto"))


def report_of_a_voice(workspace):
    found = report.report(voices.get(workspace, "alto"), tracker="tiny")
    return found.remarks, found.pitch_seconds


def curves(workspace):
    return runs.load(workspace, "Aria").loss.tolist()


def sounds_of_a_sweep(workspace):
    return results._kept(workspace, "key", lambda: b"sound")


def latent_points(workspace):
    made = z_instrument()
    found = points.points(voices.get(workspace, "vowels"), made, render.load(made.config, made.weights).encoder)
    return np.round(found.z, 5).tolist()


def how_long_a_training_takes(workspace):
    recipe = Recipe(config="singing_small", steps=1000, save_every=100)
    config = resolved(recipe)
    ready = SimpleNamespace(config=config, batch_size=config.batch_size, recipe=recipe, head_start_s=0.0)
    estimate.learn(workspace, ready, [30.0] + [0.5] * 20, [2.0] * 3)
    return estimate.seconds(workspace, recipe)[0] > 0


def paces_of_works(workspace):
    paces.of(workspace).learn({"transfer": 0.5})
    return paces.of(workspace).unit_s("nothing")


def loudness_of_a_take(workspace):
    folder = workspace.root / "a take"
    folder.mkdir(exist_ok=True)
    (folder / "result.wav").write_bytes(audio.encode(dataset_signals.voice(0.5)))
    take = SimpleNamespace(id="take", name="take", folder=folder, rate_hz=SAMPLE_RATE)
    return heard.of(workspace.cache, take).loudness


def top_of_recordings(workspace):
    """From recordings that are no voice's, whose pitch is kept apart."""
    path = workspace.root / "wide.wav"
    soundfile.write(path, tops.wide(12.0), 48_000)
    given = top.give(workspace, "old", paths=[path], tracker="tiny")
    return given.used, np.round(Library(workspace).get("old").top.bias, 6).tolist()


def first_sound_of_a_transfer(workspace):
    def run(*, tracker, store):
        with store.building("a song") as (take_id, folder):
            (folder / "result.wav").write_bytes(b"a sound")
        return SimpleNamespace(folder=store.folder / take_id)

    first_sound.sing(workspace, "first", run)
    place = first_sound.path(workspace, "first")
    first_sound.let_hear(workspace.root / "no.wav", place)
    first_sound.read_on(place, 0)
    first_sound.forget(workspace, "first")
    return first_sound.read_on(place, 0) is None


def workspace_and_storage(workspace):
    again = open_workspace(workspace.root)
    storage.measure(again)
    storage.clear_cache(again)
    return again


USES = {
    instruments_of_2021: "ddsing/instrument/library.py",
    pitch: "ddsing/sound/features.py",
    rates_of_trackers: "ddsing/sound/pitch/rates.py",
    recordings: "ddsing/dataset/scan.py",
    report_of_a_voice: "ddsing/dataset/report.py",
    curves: "ddsing/experiments/curves/kept.py",
    sounds_of_a_sweep: "ddsing/experiments/sweep/results.py",
    latent_points: "ddsing/latent/points.py",
    how_long_a_training_takes: "ddsing/training/estimate.py",
    paces_of_works: "ddsing/jobs/paces.py",
    loudness_of_a_take: "ddsing/experiments/comparison/heard.py",
    top_of_recordings: "ddsing/training/top.py",
    first_sound_of_a_transfer: "ddsing/transfer/first_sound.py",
    workspace_and_storage: "ddsing/storage.py",
}
# The workspace is opened with `storage`; the others hand the folder of pitch tracks on, or are tried with their page;
# a person's parcel only asks for names in it.
ELSEWHERE = {
    "ddsing/api.py",
    "ddsing/ui/shell/opened.py",
    "ddsing/ui/shell/sources.py",
    "ddsing/ui/shell/take_player.py",
    "ddsing/ui/shell/values.py",
    "ddsing/work/kinds.py",
    "ddsing/transfer/job.py",
    "ddsing/hosting/parcel.py",
    "ddsing/cli/compare.py",
    "ddsing/cli/features.py",
    "ddsing/cli/fit.py",
    "ddsing/cli/humming.py",
    "ddsing/cli/pitch_edits.py",
    "ddsing/cli/tuning.py",
    "ddsing/experiments/comparison/job.py",
    "ddsing/experiments/comparison/pace.py",
    "ddsing/transfer/pipeline.py",
    "ddsing/ui/training/tutorial.py",
    "ddsing/workspace.py",
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A workspace in which every cache has something to do, and none has done it."""
    voice = prepared_voices.unprepared(tmp_path_factory.mktemp("cache"))
    workspace = Workspace(voice.folder.parents[1])
    for folder in (workspace.instruments, workspace.experiments, workspace.examples):
        folder.mkdir(exist_ok=True)
    (workspace.instruments / "old.zip").write_bytes(packed(notebook_members()))
    (workspace.instruments / "broken.zip").write_bytes(packed({"ckpt-1.index": b"x"}))
    tiny_runs.run(workspace, "Aria")
    tiny_runs.vowels(workspace, "vowels", n_windows=3)
    shutil.rmtree(workspace.cache, ignore_errors=True)
    return workspace


@pytest.fixture(scope="module")
def healthy(filled, tmp_path_factory):
    """What each use gives where nothing is wrong."""
    workspace = Workspace(shutil.copytree(filled.root, tmp_path_factory.mktemp("healthy") / "w"))
    return {use: use(workspace) for use in USES if use is not workspace_and_storage}


@pytest.fixture
def workspace(filled, tmp_path):
    return Workspace(shutil.copytree(filled.root, tmp_path / "w"))


def assert_the_same(use, workspace, healthy):
    instruments._refusals.clear()
    found = use(workspace)
    assert use is workspace_and_storage or found == healthy[use]


def test_every_cache_of_the_product_is_tried():
    named = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "ddsing").rglob("*.py")
        if re.search(r"\b(workspace|voice|workspace\(\))\.cache\b", path.read_text("utf-8"))
    }
    told = {
        "ddsing/experiments/comparison/heard.py",
        "ddsing/experiments/curves/kept.py",
        "ddsing/sound/features.py",
        "ddsing/sound/pitch/rates.py",
    }  # the folder
    assert named | told == set(USES.values()) | ELSEWHERE


COSTLY = (top_of_recordings, report_of_a_voice)  # seconds each: on push they meet some of the faults, by turns
REFUSALS = [
    (error, reading, there)
    for there in (False, True)
    for error, reading in ((errno.EACCES, False), (errno.ENOSPC, False), (errno.EIO, True))
]


def met(faults: list) -> list:
    """Each use with each of the faults; on push a costly one with one in three, at least one."""
    n = min(3, len(faults))
    return [
        pytest.param(use, *fault, id="-".join(map(str, (use.__name__, *fault))))
        for use in USES
        for number, fault in enumerate(faults)
        if full() or use not in COSTLY or (number - seed() - COSTLY.index(use)) % n == 0
    ]


@pytest.mark.parametrize(("use", "error", "reading", "there"), met(REFUSALS))
def test_a_cache_that_the_system_refuses_costs_only_time(use, error, reading, there, workspace, healthy, monkeypatch):
    if there:
        workspace.cache.mkdir()
        assert_the_same(use, workspace, healthy)
    with refused(monkeypatch, workspace.cache, error, reading=reading):
        assert_the_same(use, workspace, healthy)


@pytest.mark.parametrize(("use", "inside"), met([(False,), (True,)]))
def test_a_file_in_place_of_a_folder_costs_only_time(use, inside, workspace, healthy):
    if inside:
        workspace.cache.mkdir()
        for name in ("instruments", "features", "recordings", "reports", "curves", "sweeps", "latent"):
            (workspace.cache / name).write_bytes(b"a file")
    else:
        workspace.cache.write_bytes(b"a file")
    assert_the_same(use, workspace, healthy)


def test_a_damaged_conversion_is_made_again(workspace):
    library = Library(workspace)
    digest = library.get("old").digest
    (kept,) = (workspace.cache / "instruments").glob("*.zip")
    for damage in (b"", b"damaged", kept.read_bytes()[:-100]):
        kept.write_bytes(damage)
        assert library.get("old").digest == digest


def test_what_another_time_may_do_is_not_remembered_on_disk(workspace, monkeypatch):
    from ddsing.instrument import child

    instruments._refusals.clear()
    with monkeypatch.context() as patch:
        patch.setattr(child.tempfile, "tempdir", str(workspace.root / "missing"))
        entry = Library(workspace).find("old")
        assert entry.error == "The instrument can't be converted: No such file or directory."
    instruments._refusals.clear()  # as a new process has it
    assert Library(workspace).find("old").error == ""
