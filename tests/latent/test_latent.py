"""The latent space: principal directions, where a transfer's z comes from, and z models from dataset to take."""

import json

import numpy as np
import pytest

from ddsing import cli, instrument
from ddsing.constants import HOP_SAMPLES
from ddsing.dataset import voices
from ddsing.engine import render
from ddsing.errors import InstrumentError, SettingsError
from ddsing.experiments.comparison import differences, job
from ddsing.experiments.comparison.matrix import Matrix
from ddsing.instrument.library import Library
from ddsing.latent import points as latent_points
from ddsing.latent import sound as latent_sound
from ddsing.model import latent_space
from ddsing.model.latent_space import LatentSpace
from ddsing.sound import audio as recordings
from ddsing.transfer import pipeline, timbre
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from tests.support import tiny_runs, tiny_workspace
from tests.support.sounds import noise
from tests.support.z_models import some_space, z_instrument

# Directions


def test_directions_are_those_of_the_covariance():
    random = np.random.default_rng(1)
    turned = np.linalg.qr(random.normal(size=(4, 4)))[0]
    z = random.normal(0.0, [4.0, 2.0, 1.0, 0.5], (4000, 4)) @ turned.T + [5.0, -1.0, 0.0, 2.0]
    found = latent_space.measure(z)
    variances, vectors = np.linalg.eigh(np.cov(z.T, bias=True))  # the textbook's way
    assert np.allclose(found.scales**2, variances[::-1])
    assert np.allclose(np.abs(found.directions @ vectors[:, ::-1]), np.eye(4), atol=1e-6)
    assert np.allclose(found.mean, z.mean(axis=0)) and np.allclose(found.std, z.std(axis=0))
    assert found.explained.sum() == pytest.approx(1.0)
    projected = found.project(z)
    assert np.allclose(projected.std(axis=0), 1.0) and np.allclose(projected.mean(axis=0), 0.0)
    assert np.allclose(
        found.project(found.mean + found.offset((1.5, 0.0, -0.5))[None]), [[1.5, 0.0, -0.5, 0.0]], atol=1e-5
    )
    assert np.allclose(latent_space.measure(z[::-1]).directions, found.directions)  # the sign too


def test_it_travels_in_the_instrument_and_old_manifests_stay_readable(tmp_path):
    known = some_space()
    made = z_instrument(latent=known)
    instrument.write(made, tmp_path / "new.zip")
    again = instrument.read(tmp_path / "new.zip")
    assert np.allclose(again.latent.mean, known.mean, atol=1e-6)
    assert np.allclose(again.latent.directions, known.directions, atol=1e-6)
    assert instrument.read_summary(tmp_path / "new.zip").latent is not None
    old = z_instrument()
    content = instrument.to_bytes(old)
    assert b'"latent"' not in content and instrument.read(content).latent is None
    assert made.digest != old.digest  # the mean decides the sound


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [1.0]},
        {"mean": "1"},
        {"scales": [1e9] * 4},
        {"directions": [[1.0]]},
        {"extra": []},
        {"std": [None] * 4},
        {"mean": [[1.0]]},
    ],
)
def test_what_is_no_latent_space_is_refused(change):
    with pytest.raises(InstrumentError):
        LatentSpace.from_json(some_space().to_json() | change)
    with pytest.raises(InstrumentError):
        LatentSpace.from_json([])


def test_it_must_fit_the_model():
    with pytest.raises(InstrumentError, match="4 dimensions, its model 0"):
        tiny_workspace.tiny_instrument("Plain").replaced(latent=some_space())


# Where z comes from


@pytest.fixture(scope="module")
def listener():
    """A model that listens to timbre, and its latent space."""
    made = z_instrument()
    return render.load(made.config, made.weights), some_space()


def rendered(model, z=None, audio=None, n_frames: int = 250) -> np.ndarray:
    f0_hz, loudness_db = np.full(n_frames, 200.0), np.full(n_frames, -25.0)
    return render.render(model, f0_hz, loudness_db, n_samples=n_frames * HOP_SAMPLES, z=z, audio=audio).audio


def test_z_given_is_z_heard(listener):
    model, _ = listener
    audio = noise()
    encoded = model.encoder.encode(audio, 250)
    assert np.array_equal(rendered(model, audio=audio), rendered(model, z=encoded))
    assert not np.array_equal(rendered(model, audio=audio), rendered(model, z=encoded + 1))
    plain = tiny_workspace.tiny_instrument("Plain")
    simple = render.load(plain.config, plain.weights)
    assert np.array_equal(rendered(simple), rendered(simple, z=encoded))  # it has no use for it


def test_the_sources(listener):
    model, known = listener
    audio, other = noise(), noise(0.4, seed=6)
    own = model.encoder.encode(audio, 250)

    def z(**asked):
        return timbre.z_of(model.encoder, known, Settings(**asked), 250, audio, other)

    assert z() is None  # the renderer finds it by itself, as ever
    assert timbre.z_of(None, known, Settings(z_from="mean"), 250, audio, None) is None
    assert np.allclose(z(z_from="mean"), known.mean)
    assert np.allclose(z(z_shift=(2.0,)), own + 2.0 * known.scales[0] * known.directions[0], atol=1e-5)
    assert np.allclose(
        z(z_from="mean", z_shift=(0.0, -1.0)), known.mean - known.scales[1] * known.directions[1], atol=1e-5
    )
    borrowed = z(z_from="other")
    short = model.encoder.encode(other, 100)
    assert np.array_equal(borrowed[:100], short) and np.array_equal(borrowed[100:198], short[98:0:-1])
    assert np.array_equal(borrowed[198:250], short[:52])
    with pytest.raises(SettingsError, match="none was given"):
        timbre.z_of(model.encoder, known, Settings(z_from="other"), 250, audio, None)
    for asked in ({"z_from": "mean"}, {"z_shift": (1.0,)}):
        with pytest.raises(SettingsError, match="has no timbre map"):
            timbre.z_of(model.encoder, None, Settings(**asked), 250, audio, None)


def test_between_two_points():
    z = timbre.between(np.zeros(3), np.ones(3), 101, hold=0.25)
    assert (z[:26] == 0).all() and (z[75:] == 1).all() and z[50] == pytest.approx(0.5) and (np.diff(z[:, 0]) >= 0).all()


def test_settings():
    assert Settings(z_shift=[1.0, 0.0, 0.0]).z_shift == (1.0,) and Settings(z_shift=(0.0,)) == Settings()
    there = json.loads(json.dumps(Settings(z_from="other", z_recording="a.wav", z_shift=(0.5, -1.0)).to_json()))
    assert Settings.from_json(there) == Settings(z_from="other", z_recording="a.wav", z_shift=(0.5, -1.0))
    assert Settings.from_json({"octave_shift": 1}) == Settings(octave_shift=1)  # takes from before
    assert Settings.from_json(there).timbre == "from a.wav, 1: +0.5, 2: −1" and Settings().timbre == ""
    assert Settings.from_json(there).without_z() == Settings()
    for wrong in (
        {"z_from": "nowhere"},
        {"z_shift": (7.0,)},
        {"z_shift": (1.0,) * 9},
        {"z_shift": "x"},
        {"z_shift": 1},
        {"z_recording": 3},
        {"z_shift": (float("nan"),)},
    ):
        with pytest.raises(SettingsError):
            Settings(**wrong)


# Transfer


@pytest.fixture
def filled(workspace):
    """A workspace with an instrument that listens, and two recordings."""
    Library(workspace).add(z_instrument(latent=some_space()))
    Library(workspace).add(z_instrument("Deaf to means"))
    Library(workspace).add(tiny_workspace.tiny_instrument("Plain"))
    (workspace.examples / "sung.wav").write_bytes(recordings.encode(tiny_workspace.sung(1.5)))
    (workspace.examples / "hiss.wav").write_bytes(recordings.encode(noise()))
    return workspace


def sound(take) -> np.ndarray:
    return recordings.decode(take.folder / "result.wav")


def test_what_is_asked_for_changes_the_sound_and_nothing_asked_changes_nothing(filled):
    def run(name="Listener", **asked):
        return pipeline.run(filled, filled.examples / "sung.wav", name, Settings(**asked), tracker="tiny")

    as_ever = run()
    audio = recordings.decode(filled.examples / "sung.wav")
    made = Library(filled).get("Listener")
    curves = as_ever.curves()
    n_frames = -(-len(audio) // HOP_SAMPLES)
    direct = render.render(
        render.load(made.config, made.weights),
        curves["f0_hz_used"][: n_frames + 1],
        curves["loudness_db_used"][: n_frames + 1],
        n_samples=len(audio),
        audio=audio,
    ).audio
    assert np.array_equal(sound(as_ever), direct)  # bit for bit what it was before z had settings
    takes = [
        as_ever,
        run(z_from="mean"),
        run(z_from="other", z_recording="hiss.wav"),
        run(z_shift=(2.0,)),
        run(z_from="mean", z_shift=(0.0, 2.0)),
    ]
    sounds = [sound(take) for take in takes]
    assert all(not np.array_equal(one, two) for n, one in enumerate(sounds) for two in sounds[:n])
    assert TakeStore(filled).get(takes[2].id).settings.timbre == "from hiss.wav"
    assert takes[1].changed == ("z_from",)
    plain, asked = run("Plain"), run("Plain", z_from="mean", z_shift=(1.0,))
    assert np.array_equal(sound(plain), sound(asked)) and asked.settings == Settings()  # nothing to say to it
    with pytest.raises(SettingsError, match="has no timbre map"):
        run("Deaf to means", z_from="mean")
    for name in ("gone.wav", "../../secret.wav", ""):
        with pytest.raises(SettingsError, match="not among the examples"):
            run(z_from="other", z_recording=name)


def test_timbre_from_another_recording_counts_by_content_and_not_by_name(filled):
    def run(name="hiss.wav", **asked):
        settings = Settings(z_from="other", z_recording=name, **asked)
        return pipeline.run(filled, filled.examples / "sung.wav", "Listener", settings, tracker="tiny")

    before = run()
    (filled.examples / "copy.wav").write_bytes((filled.examples / "hiss.wav").read_bytes())
    assert run("copy.wav").key == before.key  # it sounds the same
    (filled.examples / "hiss.wav").write_bytes(recordings.encode(noise(seed=9)))
    after = run()
    assert after.key != before.key and not np.array_equal(sound(after), sound(before))
    assert TakeStore(filled).get(after.id) == after
    assert recordings.read_recipe(after.folder / "result.wav")["timbre"] == {
        "name": "hiss.wav",
        "hash": recordings.content_hash(recordings.decode(filled.examples / "hiss.wav")),
    }
    rows = {row.label: row for row in differences.table([before, after])}
    assert rows["Timbre"].differs and rows["Timbre"].values[0].startswith("from hiss.wav (")

    kept = json.loads((before.folder / "take.json").read_text())
    del kept["timbre_hash"]  # a take from before this was kept
    (before.folder / "take.json").write_text(json.dumps(kept))
    old = TakeStore(filled).get(before.id)
    assert not old.error and old.key != before.key and "timbre" not in old.recipe()


@pytest.mark.slow
def test_a_matrix_with_timbre_from_another_recording_has_no_stale_cells(filled):
    class Here:
        def report(self, **_):
            pass

        def should_stop(self):
            return False

    settings = Settings(z_from="other", z_recording="hiss.wav")
    options = Matrix(("Listener", "Plain"), ("sung.wav",), "tiny", settings).to_json()
    assert job.run(filled, options, Here())["rendered"] == 2
    assert job.run(filled, options, Here())["rendered"] == 0
    (filled.examples / "hiss.wav").write_bytes(recordings.encode(noise(seed=9)))
    assert job.run(filled, options, Here())["rendered"] == 1  # to the other instrument it means nothing


def test_command_line(filled, tmp_path, capsys):
    where = ["--workspace", str(filled.root), "--json", "transfer", str(filled.examples / "sung.wav")]
    where += ["--instrument", "Listener", "--tracker", "tiny", "--out", str(tmp_path / "out.wav")]
    heard = []
    for options in ([], ["--z-from", "mean"], ["--z-from", str(filled.examples / "hiss.wav"), "--z-shift", "2=-1.5"]):
        assert cli.main([*where, *options, "--controls", str(tmp_path / "c.npz")]) == 0
        document = json.loads(capsys.readouterr().out)
        heard.append(np.load(tmp_path / "c.npz")["amps"])
    assert document["settings"]["z_recording"] == "hiss.wav" and document["settings"]["z_shift"] == [0.0, -1.5]
    assert all(not np.array_equal(heard[0], other) for other in heard[1:])
    for wrong in (
        ["--z-from", "nowhere.wav"],
        ["--z-shift", "9=1"],
        ["--z-shift", "1"],
        ["--z-shift", "1=7"],
        ["--z-from", "mean", "--morph", "Plain=0.5"],
    ):
        assert cli.main([*where, *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1


# The dataset's z


def test_points_of_a_dataset_are_what_ddsp_would_encode_and_are_kept(workspace):
    tiny_runs.vowels(workspace, "alto", n_windows=3)
    voice, made = voices.get(workspace, "alto"), z_instrument()
    encoder = render.load(made.config, made.weights).encoder
    found = latent_points.points(voice, made, encoder)
    assert found.z.shape == (30, 4) and list(found.row) == [0] * 10 + [1] * 10 + [2] * 10
    from ddsing.dataset import windows

    window = windows.read(voice, 1)
    expected = encoder.encode_window(window.audio)  # tests/engine/test_engine.py holds this against ddsp
    assert np.allclose(found.z[10:20], expected.reshape(10, 100, 4).mean(axis=1), atol=1e-6)
    assert np.allclose(found.f0_hz[10:20], 160 * 2 ** (1 / 12)) and (np.diff(found.loudness_db[:10]) > 0).all()
    assert np.allclose(found.start_s[:10], np.arange(10) * 0.4)

    class Deaf:
        def encode(self, *_):
            raise AssertionError("encoded again")

    again = latent_points.points(voice, made, Deaf())
    assert np.array_equal(again.z, found.z) and np.allclose(again.space.mean, found.space.mean, atol=1e-6)
    wav, said = latent_sound.window(voice, 1)
    assert said == "window 2" and len(recordings.decode(wav)) == 64_000


def test_the_phrase_with_any_z():
    made = z_instrument(latent=some_space())
    model = render.load(made.config, made.weights)
    mean = made.latent.mean
    there = mean + made.latent.offset((2.0,))
    still, moving = latent_sound.sing(model, made, mean), latent_sound.sing(model, made, mean, there)
    one, other, way = (recordings.decode(wav) for wav in (still, latent_sound.sing(model, made, there), moving))
    edge = 4_000
    assert np.array_equal(way[:edge], one[:edge]) and not np.array_equal(way, one) and not np.array_equal(one, other)
