"""Features on the frames of ddsp's own preparation (padding 'same'), and CRC-32C and records beside TensorFlow's."""

import numpy as np
import pytest

from benchmarks.keras_crepe import keras_crepe
from ddsing.dataset import analysis, hearing
from ddsing.dataset.voices import Voice
from ddsing.engine.tf import runtime
from ddsing.sound import loudness, pitch
from ddsing.sound.audio import encode
from ddsing.sound.features import Features
from ddsing.sound.pitch import viterbi
from ddsing.sound.pitch.network import Network
from tests.support.paths import GOLDEN
from tests.support.sounds import cents, form
from tests.support.tiny_workspace import sung

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("n_samples", [1, 63, 64, 65, 511, 512, 513, 40_000])
def test_loudness_and_power_of_datasets_are_ddsp_s_own(n_samples):
    rng = np.random.default_rng(n_samples)
    audio = (rng.normal(0, 1, n_samples) * np.linspace(0.001, 0.5, n_samples) ** 3).astype(np.float32)
    spectral_ops = runtime.ddsp().spectral_ops
    theirs = spectral_ops.compute_loudness(audio, padding="same").numpy()
    ours = loudness.compute(audio, padding="same")
    assert ours.shape == theirs.shape == (-(-n_samples // 64),) and ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    theirs = spectral_ops.compute_power(audio[None], frame_size=256, padding="same").numpy()[0]
    ours = loudness.power_db(audio)
    assert ours.shape == theirs.shape and ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_pitch_of_datasets_is_crepe_s_on_frames_that_begin_at_the_hop():
    audio = sung(0.7)[4_000:10_010]
    n_frames = -(-len(audio) // 64)
    padded = np.pad(audio, (0, (n_frames - 1) * 64 + 1024 - len(audio)))  # what ddsp's 'same' padding gives crepe
    frames = np.lib.stride_tricks.sliding_window_view(padded, 1024)[::64].copy()
    frames -= frames.mean(axis=1, keepdims=True)
    frames /= np.maximum(frames.std(axis=1, keepdims=True), 1e-8)
    active = keras_crepe("tiny").predict(frames, verbose=0)
    expected = viterbi.f0_hz(active, viterbi.path(active.argmax(axis=1)))
    f0_hz, confidence = pitch.track(audio, tracker="tiny", padding="same")
    assert f0_hz.shape == confidence.shape == (n_frames,)
    np.testing.assert_allclose(confidence, active.max(axis=1), atol=1e-5)
    assert cents(f0_hz, expected).max() < 0.1


@pytest.mark.parametrize("tracker", ["tiny", "fast"])
def test_pitch_in_parts_is_that_of_one_go_to_the_last_bit(tracker):
    audio = sung(1.0)
    whole = pitch.track(audio, tracker=tracker, padding="same")
    tracking = pitch.Tracking(audio, tracker=tracker, padding="same", part_frames=72)
    kept = {part.start: np.concatenate(list(tracking.blocks(part))) for part in reversed(tracking.parts)}
    assert len(kept) > 1
    parts = tracking.finish([kept[part.start] for part in tracking.parts])
    for ours, expected in zip(parts, whole):
        np.testing.assert_array_equal(ours, expected)
        assert len(ours) == 250


def test_features_of_datasets_of_before_are_reused_and_kept_in_the_same_form(tmp_path):
    golden, voice = GOLDEN / "features_same.npz", Voice("alto", tmp_path, tmp_path, tmp_path)
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / f"{'a' * 64}-tiny.npz").write_bytes(golden.read_bytes())
    found = analysis.known(analysis.store(voice), "a" * 64, "tiny")
    with np.load(golden) as arrays:
        for name in arrays.files[1:]:
            np.testing.assert_array_equal(getattr(found, name), arrays[name])
    assert isinstance(found, Features) and (found.padding, found.generation, found.reused) == ("same", 3, True)
    assert found.voiced.shape == found.midi.shape == (1000,) and 0 < found.voiced.sum() < 250
    heard = hearing.hear(encode(sung(1.0)))
    made = analysis.analyse(analysis.store(voice), heard, "tiny")
    assert not made.reused and analysis.known(analysis.store(voice), heard.content_hash, "fast") is None
    written = tmp_path / "features" / f"{heard.content_hash}-tiny.npz"
    assert form(written) == form(golden)
    np.testing.assert_allclose(made.f0_hz, found.f0_hz, rtol=1e-3)


def test_stopping_in_the_midst_of_a_part_stops_the_network(monkeypatch):
    computed, activation = [], Network._activation
    monkeypatch.setattr(Network, "_activation", lambda *args: computed.append(1) or activation(*args))
    tracking = pitch.Tracking(np.zeros(64 * 3200, np.float32), tracker="tiny")
    blocks = tracking.blocks(tracking.parts[0])
    next(blocks)
    blocks.close()
    assert 0 < len(computed) < 30  # of a hundred


def test_parts_in_a_row_are_computed_in_one_go_and_only_those_that_are_missing(tmp_path, monkeypatch):
    audio, asked, blocks = sung(3.0), [], pitch.Tracking.blocks
    monkeypatch.setattr(analysis, "_PART_FRAMES", 168)

    def recorded(tracking, part, **options):
        asked.append(part)
        return blocks(tracking, part, **options)

    monkeypatch.setattr(pitch.Tracking, "blocks", recorded)
    whole, fractions = pitch.track(audio, tracker="tiny", padding="same"), []
    asked.clear()
    found = analysis._pitch(audio, "tiny", tmp_path, fractions.append)
    assert asked == [range(0, 750)] and fractions == sorted(fractions) and fractions[-1] == 1.0
    kept = sorted(tmp_path.glob("*.f32"))
    assert [path.stat().st_size // 1440 for path in kept] == [168, 168, 168, 168, 78]
    for number in (1, 2, 4):
        kept[number].unlink()
    asked.clear()
    again = analysis._pitch(audio, "tiny", tmp_path, fractions.append)
    assert asked == [range(168, 504), range(672, 750)]
    for ours, theirs, expected in zip(found, again, whole):
        np.testing.assert_array_equal(ours, expected)
        np.testing.assert_array_equal(theirs, expected)
