"""Every control of a transfer is heard: the demo's voice sings a melody, and what comes out is analysed again."""

import numpy as np
import pytest
import soundfile

from ddsing.constants import SAMPLE_RATE
from ddsing.instrument.models import Models
from ddsing.sound import loudness, pitch
from ddsing.sound.scales import Scale, off_concert
from ddsing.transfer import pipeline
from ddsing.transfer.conditioning import tuning_factor
from ddsing.transfer.settings import Settings
from ddsing.units import hz_to_midi, midi_to_hz
from ddsing.workspace import Workspace
from tests.support.paths import ROOT

VOICE = ROOT / "demo" / "assets" / "instruments" / "aria.zip"
MELODY_MIDI = (64.0, 66.4, 68.2, 66.8)  # between the semitones, each elsewhere


def melody() -> np.ndarray:
    """Four notes with vibrato, quiet noise after each; float32 [shape=(n_samples,)] at 16 kHz."""
    random = np.random.default_rng(0)
    time_s = np.arange(round(0.8 * SAMPLE_RATE)) / SAMPLE_RATE
    edge = np.clip(np.minimum(time_s, time_s[::-1]) / 0.04, 0.0, 1.0)
    pieces = []
    for midi in MELODY_MIDI:
        phase = 2 * np.pi * np.cumsum(midi_to_hz(midi + 0.2 * np.sin(2 * np.pi * 5 * time_s))) / SAMPLE_RATE
        pieces.append(0.12 * edge * sum(np.sin(k * phase) / k**1.2 for k in range(1, 10)))
        pieces.append(random.normal(0.0, 0.02, round(0.4 * SAMPLE_RATE)))
    return np.concatenate(pieces).astype(np.float32)


class Singer:
    """Transfers the melody with some settings, each only once."""

    def __init__(self, workspace):
        self._workspace, self._done = workspace, {}
        self.audio, self._models = melody(), Models()

    def sing(self, **settings):
        """(take, result, its loudness in dB by frame)."""
        key = tuple(sorted(settings.items()))
        if key not in self._done:
            take = pipeline.run(
                self._workspace, self.audio, VOICE, Settings(**settings), tracker="tiny", models=self._models
            )
            result, _ = soundfile.read(take.folder / "result.wav", dtype="float32")
            self._done[key] = take, result, loudness.compute(result)
        return self._done[key]

    def statistics(self):
        """The voice's."""
        return self._models.open(self._workspace, VOICE).statistics


@pytest.fixture(scope="module")
def singer(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    for folder in (workspace.instruments, workspace.experiments):
        folder.mkdir()
    return Singer(workspace)


@pytest.fixture(scope="module")
def sung(singer):
    """The frames of the recording that are clearly sung."""
    curves = singer.sing()[0].curves()
    frames = (curves["f0_confidence"] > 0.8) & (curves["loudness_db"] > -50.0)
    assert 0.5 < frames.mean() < 0.7
    return frames


def semitones_off_grid(f0_hz, tuning):
    off = (hz_to_midi(f0_hz) - tuning) % 1.0
    return np.minimum(off, 1.0 - off)


@pytest.mark.slow
def test_an_octave_up_doubles_f0(singer, sung):
    take, result, _ = singer.sing(octave_shift=1)
    f0_hz, _ = pitch.track(result, tracker="tiny")
    cents = 1200 * np.log2(f0_hz / take.curves()["f0_hz"])
    assert np.mean(np.abs(cents - 1200)[sung] < 50) > 0.98


def test_a_loudness_shift_is_as_loud_as_it_says(singer, sung):
    _, _, plain = singer.sing()
    _, _, softer = singer.sing(loudness_shift_db=-10.0)
    assert -15.0 < np.median((softer - plain)[sung]) < -7.0


def test_attenuation_quietens_what_is_masked_and_nothing_else(singer):
    take, _, without = singer.sing(use_statistics=True, attenuation_db=0.0)
    mask_on = take.curves()["mask_on"]
    assert 0.2 < np.mean(~mask_on) < 0.6
    for attenuation_db, at_least in ((20.0, 7.0), (40.0, 15.0)):
        _, _, quieter = singer.sing(use_statistics=True, attenuation_db=attenuation_db)
        assert np.mean((without - quieter)[~mask_on]) > at_least
        assert np.mean(np.abs(without - quieter)[mask_on]) < 1.0


def test_the_mask_threshold_decides_what_is_quietened(singer):
    masks, quietened = {}, {}
    for threshold in (0.3, 1.0):
        take, _, without = singer.sing(use_statistics=True, attenuation_db=0.0, mask_threshold=threshold)
        _, _, quieter = singer.sing(use_statistics=True, attenuation_db=40.0, mask_threshold=threshold)
        masks[threshold], quietened[threshold] = take.curves()["mask_on"], without - quieter
    doubtful = masks[0.3] & ~masks[1.0]
    assert doubtful.sum() > 20
    assert np.median(quietened[1.0][doubtful]) > 3.0
    assert np.median(np.abs(quietened[0.3][doubtful])) < 1.0


def test_statistics_bring_the_loudness_of_the_instrument(singer):
    take, _, with_statistics = singer.sing(use_statistics=True, attenuation_db=0.0)
    curves = take.curves()
    used, mask_on = curves["loudness_db_used"][curves["mask_on"]], curves["mask_on"]
    statistics = singer.statistics()
    wanted = np.interp([0.1, 0.5, 0.9], statistics.references, statistics.quantiles)
    np.testing.assert_allclose(np.quantile(used, [0.1, 0.5, 0.9]), wanted, atol=0.5)
    _, _, plain = singer.sing()
    louder = np.median(curves["loudness_db_used"][mask_on] - curves["loudness_db"][mask_on])
    heard = np.median((with_statistics - plain)[mask_on])
    assert abs(louder) > 2.0 and np.sign(heard) == np.sign(louder) and abs(heard - louder) < 5.0


@pytest.mark.slow
def test_autotune_puts_f0_on_the_tuned_semitones(singer, sung):
    take, result, _ = singer.sing(autotune=1.0)
    curves = take.curves()
    tuning = tuning_factor(hz_to_midi(curves["f0_hz"]), curves["f0_confidence"], curves["mask_on"])
    frames = sung & curves["mask_on"]
    f0_hz, _ = pitch.track(result, tracker="tiny")
    assert np.median(semitones_off_grid(curves["f0_hz"], tuning)[frames]) > 0.15
    assert np.median(semitones_off_grid(f0_hz, tuning)[frames]) < 0.04
    assert np.mean(semitones_off_grid(f0_hz, tuning)[frames] < 0.1) > 0.9


@pytest.mark.slow
def test_a_transposition_is_heard_to_the_cent(singer, sung):
    take, result, _ = singer.sing(transpose=-3.7)
    f0_hz, _ = pitch.track(result, tracker="tiny")
    cents = 1200 * np.log2(f0_hz / take.curves()["f0_hz"])[sung]
    assert np.median(cents) == pytest.approx(-370.0, abs=5.0) and np.mean(np.abs(cents + 370) < 50) > 0.95


@pytest.mark.slow
def test_autotune_to_a_key_is_heard_on_its_notes_only(singer, sung):
    take, result, _ = singer.sing(autotune=1.0, scale="C:major-pentatonic", tuning_hz=432.0)
    frames = sung & take.curves()["mask_on"]
    f0_hz, _ = pitch.track(result, tracker="tiny")
    off = Scale.parse("C:major-pentatonic").off(hz_to_midi(f0_hz) - off_concert(432.0))[frames]
    assert np.median(np.abs(off)) < 0.04 and np.mean(np.abs(off) < 0.1) > 0.85


@pytest.mark.slow
def test_formants_move_and_the_pitch_stays(singer, sung):
    _, plain, _ = singer.sing()
    take, moved, _ = singer.sing(formant_shift=6.0)
    f0_hz, _ = pitch.track(moved, tracker="tiny")
    assert abs(np.median(1200 * np.log2(f0_hz / take.curves()["f0_hz"])[sung])) < 5.0
    hz = np.fft.rfftfreq(1024, 1 / SAMPLE_RATE)
    frames = [np.lib.stride_tricks.sliding_window_view(one, 1024)[::64] * np.hanning(1024) for one in (plain, moved)]
    power = [np.abs(np.fft.rfft(one, axis=1)) ** 2 for one in frames]
    centroids = [(one * hz).sum(axis=1) / one.sum(axis=1) for one in power]
    brighter = np.median((centroids[1] / centroids[0])[sung[8 : 8 + len(power[0])]])
    assert 1.15 < brighter < 1.6, "6 semitones are a factor of 1.41 for an envelope that goes on above 8 kHz"


def test_the_seed_changes_the_noise_alone(singer):
    first, _, _ = singer.sing()
    other, _, _ = singer.sing(seed=1)
    for part, same in (("harmonic", True), ("noise", False)):
        one, two = (soundfile.read(take.folder / f"{part}.wav", dtype="float32")[0] for take in (first, other))
        assert np.array_equal(one, two) == same


def test_what_did_not_change_is_reused(singer):
    singer.sing()
    assert {"features", "model"} <= set(singer.sing(octave_shift=-1)[0].reused)
