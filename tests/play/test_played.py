"""What was played becomes a take: the sound of its curves, its recipe, and one sentence for what can't be read."""

from dataclasses import replace

import numpy as np
import pytest

from ddsing.engine import render
from ddsing.errors import ScoreError
from ddsing.instrument.library import Library
from ddsing.play import played
from ddsing.play.played import Played
from ddsing.play.style import STYLES
from ddsing.sound import audio
from ddsing.transfer.takes import TakeStore
from ddsing.work import kinds, order_options
from ddsing.work.kinds import AtHand
from ddsing.work.order import Order
from ddsing.workspace import Workspace
from tests.support import tiny_workspace, z_models

STYLE = STYLES["pop"]


def some(n_frames=500, *, begins=100, ends=300, **more):
    """A tone of two seconds between silences."""
    at = np.arange(n_frames)
    loudness_db = np.where((at >= begins) & (at < ends), -30.0, -80.0)
    return Played(np.where(at < 200, 220.0, 330.0), loudness_db, STYLE, "pop", **more)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "ws"))


def test_a_take_sounds_as_its_curves_do(workspace):
    take = played.render(workspace, some(), tiny_workspace.NAMES[0])
    kept = TakeStore(workspace).get(take.id)
    assert kept.score["played"] and kept.score["style"] == "pop" and kept.score["numbers"] == {}
    curves = some().curves(3)
    assert len(curves.f0_hz) == 25 + 200 + 125 and curves.sounding[25:225].all() and not curves.sounding[225:].any()
    opened = Library(workspace).get(tiny_workspace.NAMES[0])
    n_samples = 64 * (len(curves.f0_hz) - 1)
    renderer = render.load(opened.config, opened.weights)
    ours = render.render(renderer, curves.f0_hz, curves.loudness_db, n_samples=n_samples)
    np.testing.assert_allclose(audio.read(kept.folder / "result.wav").audio, ours.audio, atol=1e-6)
    np.testing.assert_allclose(audio.read(kept.folder / "noise.wav").audio, ours.noise, atol=1e-6)


def test_breath_makes_the_noise_louder_and_nothing_else(workspace):
    plain, breathy = (
        played.render(workspace, some(breath_db=breath_db), tiny_workspace.NAMES[0]) for breath_db in (0.0, 6.0)
    )
    noise = [audio.read(take.folder / "noise.wav").audio for take in (plain, breathy)]
    np.testing.assert_allclose(noise[1], noise[0] * 10 ** (6 / 20), atol=1e-6)
    harmonic = [audio.read(take.folder / "harmonic.wav").audio for take in (plain, breathy)]
    np.testing.assert_array_equal(*harmonic)
    assert breathy.score != plain.score


def test_timbre_is_moved_from_the_voice_s_mean(workspace):
    listener = z_models.z_instrument(latent=z_models.some_space())
    take = played.render(workspace, some(timbre=(1.0, -0.5)), listener)
    assert take.settings.z_from == "mean" and take.settings.z_shift[:2] == (1.0, -0.5)
    other = played.render(workspace, some(), listener)
    sounds = [audio.read(one.folder / "harmonic.wav").audio for one in (take, other)]
    assert np.abs(sounds[0] - sounds[1]).max() > 1e-4


def test_a_page_s_order_makes_the_take(workspace):
    opened = Library(workspace).get(tiny_workspace.NAMES[0])
    order = Order("played", "Rendering", order_options.played(opened, None, some()))
    told = []
    done = kinds.do(workspace, order, AtHand(played.stores.shared()), lambda *what: told.append(what))
    assert TakeStore(workspace).get(done["take"]).name == f"Played → {tiny_workspace.NAMES[0]}" and told


def test_what_an_order_holds_is_what_was_played():
    first = some(breath_db=3.0, timbre=(0.5,))
    again = Played.from_json(first.to_json())
    np.testing.assert_array_equal(again.f0_hz, first.f0_hz)
    np.testing.assert_array_equal(again.loudness_db, first.loudness_db)
    assert (again.style, again.style_name, again.breath_db, again.timbre) == (STYLE, "pop", 3.0, (0.5,))
    assert again.recipe() == first.recipe()


@pytest.mark.parametrize(
    "change",
    [
        {"f0_hz": "?"},
        {"f0_hz": "AAA="},
        {"f0_hz": "AAAAAA=="},
        {"f0_hz": 5},
        {"loudness_db": None},
        {"f0_hz": "AADAfw==" * 500, "loudness_db": "AADAfw==" * 500},
        {"breath_db": 1e9},
        {"breath_db": "loud"},
        {"timbre": 5},
        {"timbre": [float("nan")]},
        {"style": [1]},
        {"f0_hz": "A" * 10_000_000},
    ],
)
def test_what_no_page_sends_is_refused_in_a_sentence(change):
    with pytest.raises(ScoreError):
        Played.from_json({**some().to_json(), **change})


def test_silence_makes_no_take():
    with pytest.raises(ScoreError, match="Nothing was played"):
        some(begins=0, ends=0).curves(3)
    with pytest.raises(ScoreError, match="longest"):
        replace(some(), f0_hz=np.full(150_001, 220.0), loudness_db=np.full(150_001, -30.0))
