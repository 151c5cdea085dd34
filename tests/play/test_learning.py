"""A voice's style is learnt: from curves that a style has drawn, and from the sound of them, through a real dataset."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from ddsing.dataset import prepare, voices
from ddsing.errors import DatasetError, ScoreError
from ddsing.files import read_json
from ddsing.play import expression, learning, measuring, sing
from ddsing.play.expression import Loudness
from ddsing.play.measuring import Measured, Singing
from ddsing.play.score import Line, Note
from ddsing.play.style import STYLES, Style
from ddsing.sound.audio import encode
from ddsing.workspace import Workspace
from tests.support import prepared_voices, tiny_workspace

LOUDNESS = Loudness(np.array([0.0, 1.0]), np.array([-32.0, -18.0]), -80.0)
HERS = Style(
    vibrato_cents=62.0,
    vibrato_hz=6.3,
    vibrato_delay_s=0.35,
    vibrato_delay_share=0.0,
    vibrato_growth_s=0.4,
    vibrato_irregularity=0.03,
    vibrato_db=1.5,
    portamento_s=0.14,
    overshoot=0.06,
    overshoot_s=0.06,
    scoop_semitones=0.0,
    drift_cents=2.0,
    attack_s=0.12,
    release_s=0.16,
    arch_db_per_s=2.5,
    arch_peak=0.6,
)
TOLERANCE = {  # what is recovered, within
    "vibrato_cents": 8.0,
    "vibrato_hz": 0.2,
    "vibrato_delay_s": 0.12,
    "vibrato_growth_s": 0.2,
    "vibrato_db": 0.6,
    "portamento_s": 0.035,
    "overshoot": 0.04,
    "attack_s": 0.035,
    "release_s": 0.045,
    "arch_db_per_s": 0.7,
    "arch_peak": 0.15,
}


def sung(style, *, n_phrases=6, seed=0, long_s=1.8):
    """Phrases of two quick notes and a long one, with rests between."""
    at_s, notes = 0.3, []
    for phrase in range(n_phrases):
        for midi, length_s in ((57 + phrase % 3, 0.6), (60 + phrase % 3, 0.6), (64 + phrase % 2, long_s)):
            notes.append(Note(at_s, at_s + length_s, midi, 0.5))
            at_s += length_s
        at_s += 0.6
    line = Line(tuple(notes), (), ((0.0, 120.0),), "s", "", 1, "highest")
    return expression.curves(line, style, LOUDNESS, generation=3, seed=seed)


def measured(style, **options):
    found = sung(style, **options)
    curves = Singing.of(found.f0_hz, found.sounding.astype(np.float32), found.loudness_db)
    return learning.style_of("Mira", measuring.measure([curves], tracked=False))


def apart(style, wanted):
    return {
        name: (round(getattr(style, name), 3), getattr(wanted, name))
        for name, tolerance in TOLERANCE.items()
        if abs(getattr(style, name) - getattr(wanted, name)) > tolerance
    }


def test_the_style_that_drew_the_curves_is_recovered():
    for wanted in (HERS, replace(HERS, vibrato_cents=30.0, vibrato_hz=4.8, portamento_s=0.06, attack_s=0.06)):
        learnt = measured(wanted)
        assert apart(learnt.style, wanted) == {} and learnt.warnings == ()
        assert learnt.style.vibrato_delay_share == 0.0 and learnt.notes["vibrato_hz"] >= 5


def test_a_voice_that_sings_straight_is_learnt_as_such():
    learnt = measured(replace(HERS, vibrato_cents=0.0))
    assert learnt.style.vibrato_cents == 0.0 and learnt.style.vibrato_hz == STYLES["classical"].vibrato_hz
    assert learnt.warnings == ()


def test_where_too_few_notes_say_anything_the_style_falls_back_and_says_so():
    learnt = measured(HERS, n_phrases=3, long_s=0.6)
    assert learnt.style.vibrato_hz == STYLES["classical"].vibrato_hz
    assert any("have 0 long notes with vibrato" in one and "vibrato rate" in one for one in learnt.warnings)
    nothing = learning.style_of("Mira", measuring.measure([]))
    assert nothing.style == STYLES["classical"] and len(nothing.warnings) == 5
    noise = np.random.default_rng(0)
    random = Singing.of(noise.uniform(80, 900, 5000), noise.uniform(0, 1, 5000), noise.uniform(-80, 0, 5000))
    learning.style_of("Mira", measuring.measure([random, Singing.of(np.zeros(0), np.zeros(0), np.zeros(0))]))


def test_what_was_measured_is_kept_whole_or_not_at_all():
    found = measuring.measure([])
    assert Measured.from_json(found.to_json()) == found
    with pytest.raises(ValueError):
        Measured.from_json(found.to_json() | {"values": {"attack_s": "nan"}, "notes": {"attack_s": 1}})


def test_a_voice_needs_a_dataset(tmp_path):
    workspace = Workspace(tiny_workspace.fill(tmp_path / "w"))
    with pytest.raises(ScoreError, match="has no dataset"):
        learning.learn(workspace, "alto")
    with pytest.raises(DatasetError, match="nobody|No voice"):
        learning.learn(workspace, "nobody")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A voice that was synthesised in a known style, as a dataset."""
    workspace = Workspace(tiny_workspace.empty(tmp_path_factory.mktemp("learning") / "w"))
    voice = voices.create(workspace, "Mira")
    (voice.folder / "song.flac").write_bytes(encode(sing.hum(sung(HERS)), format="FLAC"))
    prepare.prepare(voice, tracker="tiny")
    return workspace, voice


@pytest.mark.slow
def test_the_style_is_recovered_from_a_dataset_of_its_sound_and_kept_beside_it(prepared, monkeypatch):
    workspace, voice = prepared
    learnt = learning.learn(workspace, "Mira")
    assert apart(learnt.style, HERS) == {} and learnt.voice == "Mira" and learnt.warnings == ()
    kept = read_json(voice.dataset_folder / learning.FILE)
    assert kept is not None and kept["dataset_hash"]
    monkeypatch.setattr(measuring, "measure", lambda stretches: pytest.fail("it was kept"))
    assert learning.learn(workspace, "Mira") == learnt
    (voice.dataset_folder / learning.FILE).write_text('{"version": 1}')
    with pytest.raises(pytest.fail.Exception):
        learning.learn(workspace, "Mira")


@pytest.mark.slow
def test_a_dataset_of_2021_is_learnt_from_its_windows_and_left_as_it_was(tmp_path):
    workspace = Workspace(tiny_workspace.empty(tmp_path / "w"))
    prepared_voices.write_2021(workspace.audio / "alto_dataset")
    before = sorted(path.name for path in (workspace.audio / "alto_dataset").iterdir())
    learnt = learning.learn(workspace, "alto")
    assert len(learnt.warnings) >= 4
    assert sorted(path.name for path in (workspace.audio / "alto_dataset").iterdir()) == before
    shutil.rmtree(workspace.root)
