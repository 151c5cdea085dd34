"""A batch's recordings and their places, how far it is, and that the key of a take is known before it is sung."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsing.instrument.models import Models
from ddsing.jobs.time_left import Clock, Part
from ddsing.sound import audio, recording
from ddsing.sound.curve.edit import PitchEdit
from ddsing.sound.curve.operations import Repair
from ddsing.transfer import batch, pipeline
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace
from tests.support import tiny_workspace


@given(st.lists(st.sampled_from(["a.wav", "a.mp3", "A.wav", "sub/a.wav", "a 2.wav", "a.wav 2", "ñ.wav", "ñ.flac"])))
def test_no_two_recordings_have_the_same_place(called):
    places = batch._places(called)
    assert len({str(place).casefold() for place in places}) == len(called)
    assert batch._places(called[:1]) == [Path(called[0]).with_suffix("")] if called else places == []


def test_files_and_folders_are_gathered_once_each_but_for_the_results(tmp_path):
    wav = audio.encode(np.zeros(800, np.float32))
    for name in ("in/a.wav", "in/sub/b.wav", "in/.hidden.wav", "in/notes.txt", "in/out/a.wav", "c.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"text" if name.endswith("txt") else wav)
    (tmp_path / "empty").mkdir()
    paths = [tmp_path / one for one in ("in", "c.wav", "in/a.wav", "empty", "no.wav")]
    found = batch.gather(paths, but=tmp_path / "in" / "out")
    assert [item.name for item in found.items] == ["a.wav", "sub/b.wav", "c.wav", "no.wav"]
    assert [str(item.place) for item in found.items] == ["a", "sub/b", "c", "no"]
    assert found.refused == {str(tmp_path / "empty"): batch.EMPTY}


def test_the_time_left_counts_only_what_is_worked_at():
    now = [0.0]
    course = batch.Course([10, 30, 60], clock=Clock(now=lambda: now[0], crowd=0.0))
    course.begin(0)
    now[0] = 0.1
    course.over(worked=False)  # it was there already
    assert course.fraction == pytest.approx(0.1)
    course.begin(1)
    now[0] = 30.1
    course.over()
    course.begin(2)
    assert course.fraction == pytest.approx(0.4)
    low_s, high_s = course.left
    assert low_s < 60.2 < high_s and course.left.middle_s == pytest.approx(60.2, rel=0.01)  # 2 s for each of 30 bytes
    course.plan([Part("singing", 4.0)])
    now[0] = 34.1
    course.at("render", 1.0)
    assert course.fraction == pytest.approx(1.0, abs=0.01) and course.stage == "singing"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return Workspace(tiny_workspace.fill(tmp_path_factory.mktemp("batch") / "w"))


@pytest.mark.parametrize("how", ["plain", "changed", "edit", "another's edit", "morph"])
def test_the_key_is_known_before_and_the_take_is_not_sung_twice(tiny, how):
    sound = recording.read(next(tiny.examples.glob("*.wav")))
    names = tiny_workspace.NAMES if how == "morph" else tiny_workspace.NAMES[:1]
    settings = (
        Settings() if how in ("plain", "morph") else Settings(octave_shift=len(how) % 4, full_band=False, pull=0.5)
    )
    edit = PitchEdit(sound.key if how == "edit" else "x", "instant", (Repair(10, 40, 1),)) if "edit" in how else None
    morph = Morph(names, ("", ""), ((0.0, (1.0, 1.0)),)) if how == "morph" else None
    models = Models()
    choir = batch.Choir(tiny, [models.open(tiny, name) for name in names], "instant", models, morph)
    take, there = choir.sing(sound, settings, edit)
    assert not there and take.key == choir.key(sound, settings, edit) == batch.key_of_recipe(take.recipe())
    again = batch.Choir(tiny, choir.instruments, "instant", models, morph)
    assert again.sing(sound, settings, edit) == (take, True)
    assert again.known(again.key(sound, Settings(seed=7), edit)) is None
    assert batch.key_of_recipe(take.recipe() | {"ddsing": "0.0.1"}) is None
    assert pipeline.TakeStore(tiny).get(take.id) == take


@pytest.mark.parametrize("recipe", [None, {}, {"ddsing": batch.ddsing.__version__}, {"instrument": 3}])
def test_a_recipe_that_is_none_has_no_key(recipe):
    assert batch.key_of_recipe(recipe) is None


def test_outcomes_are_kept_as_json_and_said():
    failed = batch.Outcome("x.wav", batch.FAILED, error="It can't be read.")
    sung = batch.Outcome("y.wav", batch.SUNG, "id", "y", 61.0, 0.5, warnings=("Loud.",))
    assert [batch.Outcome.from_json(one.to_json()) for one in (failed, sung)] == [failed, sung]
    assert (failed.said, sung.said) == ("It can't be read.", "Loud.")
    assert sung.cells == ["y.wav", "sung", "1 min 01 s", "50%"]
    assert batch.summary([failed, sung, sung]) == "3 recordings: 2 sung, 1 failed."
