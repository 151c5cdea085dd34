"""Consonants and breath that are kept: a vowel, a hiss and silence, of which every sample's origin is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ddsing.constants import HOP_SAMPLES, SAMPLE_RATE
from ddsing.engine import render
from ddsing.engine.render import blocks, solo
from ddsing.engine.shaded import Shaded
from ddsing.experiments.comparison import methods
from ddsing.instrument.models import Models
from ddsing.sound import features, loudness, noise_bands, unvoiced
from ddsing.sound.highpass import Highpass, response
from ddsing.transfer import pipeline
from ddsing.transfer.conditioning import condition
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.transfer.unvoiced import NOTHING, Passed, keep
from ddsing.workspace import Workspace
from tests.support.paths import ROOT

INSTRUMENTS = ROOT / "demo" / "assets" / "instruments"
HISS_S = (0.6, 0.9)  # the vowel lies before and after it, with silence between at the end
SILENT_S = (1.5, 2.3)


def spoken() -> np.ndarray:
    """Vowel, hiss, vowel, silence, hiss and vowel; float32 [shape=(n_samples,)] at 16 kHz."""
    random = np.random.default_rng(0)

    def vowel(duration_s: float) -> np.ndarray:
        time_s = np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
        edge = np.clip(np.minimum(time_s, time_s[::-1]) / 0.03, 0.0, 1.0)
        return 0.12 * edge * sum(np.sin(2 * np.pi * 330 * k * time_s) / k**1.2 for k in range(1, 20))

    def hiss(duration_s: float) -> np.ndarray:
        return random.normal(0.0, 0.05, round(duration_s * SAMPLE_RATE))

    silence = random.normal(0.0, 2e-4, round(0.8 * SAMPLE_RATE))
    return np.concatenate([vowel(0.6), hiss(0.3), vowel(0.6), silence, hiss(0.2), vowel(0.5)]).astype(np.float32)


def inside(span_s: tuple[float, float], *, rate: int = SAMPLE_RATE, margin_s: float = 0.06) -> slice:
    """The middle of a part, in samples or frames."""
    return slice(round((span_s[0] + margin_s) * rate), round((span_s[1] - margin_s) * rate))


class Singer:
    """Transfers the sound with some settings, each only once."""

    def __init__(self, workspace: Workspace):
        self.workspace, self.audio, self.models, self._done = workspace, spoken(), Models(), {}

    def sing(self, *instruments: str, morph: Morph | None = None, **settings):
        key = (instruments, *sorted(settings.items()))
        if key not in self._done:
            paths = [INSTRUMENTS / f"{name}.zip" for name in instruments or ("aria",)]
            self._done[key] = pipeline.run(
                self.workspace,
                self.audio,
                paths,
                Settings(**settings),
                morph=morph,
                tracker="tiny",
                models=self.models,
                keep_controls=True,
            )
        return self._done[key]

    def opened(self):
        """The demo's singer: (instrument, renderer)."""
        instrument = self.models.open(self.workspace, INSTRUMENTS / "aria.zip")
        return instrument, self.models.get(instrument)[0]

    def kept(self, amount: float, **settings):
        """What the recording's features lead to."""
        instrument, _ = self.opened()
        cache = features.FeatureCache(self.workspace.cache / "features")
        found = features.extract(self.audio, tracker="tiny", generation=instrument.config.generation, cache=cache)
        asked = condition(found, instrument.statistics, Settings(**settings))
        return keep(self.audio, found, asked, amount), asked


@pytest.fixture(scope="module")
def singer(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    for folder in (workspace.instruments, workspace.experiments):
        folder.mkdir()
    return Singer(workspace)


def heard(take, name: str = "result") -> np.ndarray:
    return soundfile.read(Path(take.folder) / f"{name}.wav", dtype="float32")[0]


@pytest.mark.slow
def test_nothing_kept_is_what_the_instrument_sings_bit_for_bit(singer):
    take = singer.sing()
    _, renderer = singer.opened()
    _, asked = singer.kept(0.0)
    sound = render.render(renderer, asked.f0_hz, asked.loudness_db, n_samples=len(singer.audio))
    np.testing.assert_array_equal(heard(take), sound.audio)
    assert not {"harmonic_fading", "kept_share"} & set(take.curves())


@pytest.mark.slow
def test_the_hiss_is_kept_and_the_buzz_is_gone(singer):
    confidence = singer.sing().curves()["f0_confidence"]
    before, half, whole = (singer.sing(keep_unvoiced=amount) for amount in (0.0, 0.5, 1.0))
    kept = [unvoiced.energy_kept(heard(take), singer.audio, confidence) for take in (before, half, whole)]
    assert kept[0] < 0.3 and 0.4 < kept[1] < 0.7 and kept[2] > 0.9
    assert unvoiced.energy_kept(heard(whole), singer.audio, confidence, from_hz=250.0) > 0.75
    buzz = [unvoiced.buzz_db(heard(take, "harmonic"), singer.audio, confidence) for take in (before, half, whole)]
    assert buzz[1] < buzz[0] - 2.5 and buzz[2] < buzz[0] - 20.0


def test_it_is_the_recordings_own_sample_for_sample(singer):
    span = inside(HISS_S)
    upper = Highpass(singer.audio).samples(0, len(singer.audio))
    noise = Highpass(heard(singer.sing(keep_unvoiced=1.0), "noise")).samples(0, len(singer.audio))
    alike = np.corrcoef(noise[span], upper[span])[0, 1]
    assert alike > 0.97 and np.std(noise[span]) == pytest.approx(np.std(upper[span]), rel=0.06)
    today = Highpass(heard(singer.sing(), "noise")).samples(0, len(singer.audio))
    assert abs(np.corrcoef(today[span], upper[span])[0, 1]) < 0.1


def test_it_is_as_loud_as_the_instrument_is_asked_to_be(singer):
    frames = inside(HISS_S, rate=250)
    for shift_db in (0.0, -12.0):
        take = singer.sing(keep_unvoiced=1.0, loudness_shift_db=shift_db)
        off_db = loudness.compute(heard(take)) - take.curves()["loudness_db_used"]
        assert abs(np.mean(off_db[frames])) < 1.5
    loud, soft = singer.kept(1.0)[0], singer.kept(1.0, loudness_shift_db=-12.0)[0]
    np.testing.assert_allclose(20 * np.log10(soft.level / loud.level)[frames], -12.0, atol=1e-3)


def test_vowels_are_as_before_and_silence_is_silent(singer):
    before, after = (heard(singer.sing(keep_unvoiced=amount)) for amount in (0.0, 1.0))
    np.testing.assert_array_equal(after[inside((0.0, 0.6), margin_s=0.15)], before[inside((0.0, 0.6), margin_s=0.15)])
    assert not heard(singer.sing(keep_unvoiced=1.0), "harmonic")[inside(SILENT_S, margin_s=0.1)].any()


def test_borders_do_not_click(singer):
    kept, _ = singer.kept(1.0)
    gain = kept.gain
    assert np.abs(np.diff(gain)).max() < 0.35 and np.abs(np.diff(kept.fading)).max() < 0.5
    added = Passed(singer.audio, kept.gain)(0, len(singer.audio))
    whole = Highpass(singer.audio).samples(0, len(singer.audio))
    borders = np.flatnonzero(np.diff(gain)) * HOP_SAMPLES
    jumps = np.abs(np.diff(added))
    assert jumps.max() <= np.abs(np.diff(whole)).max()
    assert len(borders) and max(jumps[at : at + HOP_SAMPLES].max(initial=0.0) for at in borders) <= jumps.max()


def test_parts_add_up_and_controls_are_those_that_sound(singer):
    before, take = singer.sing(), singer.sing(keep_unvoiced=1.0)
    np.testing.assert_allclose(heard(take), heard(take, "harmonic") + heard(take, "noise"), atol=1e-6)
    plain, used = (dict(np.load(Path(one.folder) / "controls.npz")) for one in (before, take))
    fading = take.curves()["harmonic_fading"]
    np.testing.assert_array_equal(used["amps"][:, 0], plain["amps"][:, 0] * fading[: len(plain["amps"])])
    np.testing.assert_array_equal(used["harmonic_distribution"], plain["harmonic_distribution"])
    voiced = take.curves()["kept_share"] == 0.0
    np.testing.assert_array_equal(used["noise_magnitudes"][voiced], plain["noise_magnitudes"][voiced])
    frames = inside(HISS_S, rate=250)
    bands_hz = np.linspace(0.0, 8000.0, plain["noise_magnitudes"].shape[1])
    own = noise_bands.magnitudes(singer.audio, np.arange(frames.start, frames.stop), len(bands_hz))
    expected = own * np.sqrt(1.0 - response(bands_hz) ** 2)
    np.testing.assert_allclose(used["noise_magnitudes"][frames], expected, rtol=0.02, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("block_frames", [7, 130, 10_000])
def test_the_block_size_makes_no_difference(singer, block_frames):
    kept, asked = singer.kept(0.8)
    _, renderer = singer.opened()
    part = Shaded(solo(renderer, asked.f0_hz, asked.loudness_db, n_samples=len(singer.audio)), kept)

    def rendered(size: int) -> np.ndarray:
        added = Passed(singer.audio, kept.gain)
        sound = blocks(part, n_samples=len(singer.audio), block_frames=size, added=added)
        return np.concatenate([block.noise for block in sound])

    np.testing.assert_allclose(rendered(block_frames), rendered(500), atol=2e-6)
    added = Passed(singer.audio, kept.gain)
    parts = [added(at, min(at + 64 * block_frames, 20_000)) for at in range(0, 20_000, 64 * block_frames)]
    np.testing.assert_array_equal(np.concatenate(parts), Passed(singer.audio, kept.gain)(0, 20_000))


def test_a_morph_keeps_them_too(singer):
    morph = Morph(("aria", "cello"), ("", ""), ((0.0, (0.5, 0.5)),))
    take = singer.sing("aria", "cello", morph=morph, keep_unvoiced=1.0)
    confidence = take.curves()["f0_confidence"]
    assert unvoiced.energy_kept(heard(take), singer.audio, confidence) > 0.9
    np.testing.assert_allclose(heard(take), heard(take, "harmonic") + heard(take, "noise"), atol=1e-6)


def test_a_recording_without_any_says_so(singer):
    vowel = singer.audio[round(0.1 * SAMPLE_RATE) : round(0.5 * SAMPLE_RATE)]
    options = {"tracker": "tiny", "models": singer.models}
    path = INSTRUMENTS / "aria.zip"
    take = pipeline.run(singer.workspace, vowel, path, Settings(keep_unvoiced=1.0), **options)
    assert NOTHING in take.warnings
    plain = pipeline.run(singer.workspace, vowel, path, Settings(), **options)
    np.testing.assert_array_equal(heard(take), heard(plain))


def test_a_white_noise_has_the_same_strength_in_every_band():
    audio = np.random.default_rng(1).uniform(-1.0, 1.0, 4 * SAMPLE_RATE).astype(np.float32)
    for n_bands in (10, 65):
        levels = noise_bands.magnitudes(audio, np.arange(20, 980), n_bands)
        assert levels.shape == (960, n_bands) and levels.dtype == np.float32
        np.testing.assert_allclose(np.sqrt((levels**2).mean(axis=0)), 1.0, atol=0.12)
    assert not noise_bands.magnitudes(audio, np.array([-20, 2000]), 65).any()


def test_the_gate_silences_pauses_and_leaves_the_rest_bit_for_bit(singer):
    plain, gated = singer.sing(), singer.sing(gate_db=-35.0)
    gain = gated.curves()["gate_gain"]
    closed = slice(round(1.9 * SAMPLE_RATE), round(2.25 * SAMPLE_RATE))  # after the vowel, until it opens again
    assert np.abs(heard(gated)[closed]).max() < 1e-7 < 1e-4 < np.abs(heard(plain)[closed]).max()
    opened = np.flatnonzero(np.repeat(gain == 1.0, HOP_SAMPLES)[: len(singer.audio)])
    inner = opened[(opened > 1000) & (opened < round(1.4 * SAMPLE_RATE))]
    np.testing.assert_array_equal(heard(gated)[inner], heard(plain)[inner])
    assert (gain[: round(1.55 * 250)] == 1.0).all()  # what dies away is not cut


def test_the_gate_silences_what_is_kept_as_well(singer):
    both = singer.sing(gate_db=-35.0, keep_unvoiced=1.0)
    closed = np.flatnonzero(np.repeat(both.curves()["gate_gain"] == 0.0, HOP_SAMPLES))
    assert len(closed) > 800 and np.abs(heard(both)[closed[400:-400]]).max() < 1e-6
    np.testing.assert_allclose(heard(both), heard(both, "harmonic") + heard(both, "noise"), atol=1e-6)
    confidence = both.curves()["f0_confidence"]
    assert unvoiced.energy_kept(heard(both), singer.audio, confidence) > 0.9


def test_takes_made_before_have_the_key_that_they_had(singer):
    take = singer.sing()
    assert take.key == replace(take, settings=Settings(keep_unvoiced=0.0)).key
    assert take.key != replace(take, settings=Settings(keep_unvoiced=0.1)).key


def test_the_methods_paragraph_tells_how(singer):
    takes = [singer.sing(), singer.sing(keep_unvoiced=1.0)]
    found = [methods.compose(singer.workspace, some).text for some in (takes[:1], takes, takes[1:])]
    assert ["added above 2 kHz" in text for text in found] == [False, True, True]
    gated = methods.compose(singer.workspace, [singer.sing(gate_db=-35.0)]).text
    assert "noise gate silenced what was 35 dB softer" in gated and "noise gate silenced" not in found[1]
    assert "In 1 of the takes, consonants and breath" in found[1] and ". Consonants and breath" in found[2]
