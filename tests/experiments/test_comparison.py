"""Metrics of takes, equal loudness, and settings side by side: known shifts and levels come out as known numbers."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ddsing.cli import main
from ddsing.errors import DdsingError
from ddsing.experiments.comparison import differences, matching, measure
from ddsing.experiments.comparison.matching import Loudness
from ddsing.sound import loudness
from ddsing.sound.features import FeatureCache
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import Take, TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace


def _tone(hz: float, *, seconds: float = 2.0, amplitude: float = 0.1) -> np.ndarray:
    phase = 2 * np.pi * hz * np.arange(round(seconds * 16_000)) / 16_000
    return (amplitude * sum(np.sin(k * phase) / k for k in range(1, 9))).astype(np.float32)


def _asked(audio: np.ndarray, hz: float) -> dict[str, np.ndarray]:
    loudness_db = loudness.compute(audio)
    return {
        "f0_confidence": np.ones_like(loudness_db),
        "f0_hz_used": np.full_like(loudness_db, hz),
        "loudness_db_used": loudness_db,
    }


def _compare(asked, result, *, hz: float = 220.0, noise=None):
    silence = np.zeros_like(result)
    parts = (result, silence if noise is None else noise)
    return measure.compare(asked, result, parts, _asked(asked, hz), generation=3)


@pytest.mark.parametrize(("cents", "within"), [(0.0, 1.0), (35.0, 1.0), (80.0, 0.0), (-1200.0, 0.0)])
def test_a_known_detuning_is_measured(cents, within):
    metrics = _compare(_tone(220.0), _tone(220.0 * 2 ** (cents / 1200)))
    assert metrics.f0_cents == pytest.approx(abs(cents), abs=6.0)
    assert metrics.f0_within_50 == pytest.approx(within, abs=0.03)
    assert metrics.sung_s == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("gain_db", [-9.0, 0.0, 4.5])
def test_a_known_level_change_is_the_loudness_error(gain_db):
    tone = _tone(220.0)
    metrics = _compare(tone, tone * np.float32(10 ** (gain_db / 20)))
    assert metrics.loudness_db == pytest.approx(abs(gain_db), abs=0.01)
    assert (metrics.spectral == 0.0) == (gain_db == 0.0)


def test_the_share_of_harmonic_energy_is_that_of_the_parts():
    tone = _tone(220.0)
    noise = np.random.default_rng(0).normal(size=len(tone)).astype(np.float32)
    noise *= np.sqrt(np.sum(tone**2) / np.sum(noise**2) / 3.0)
    assert _compare(tone, tone, noise=noise).harmonic_share == pytest.approx(0.75, abs=1e-3)


def test_silence_has_no_errors_to_measure():
    silence = np.zeros(16_000, np.float32)
    metrics = _compare(silence, silence)
    assert (metrics.f0_cents, metrics.loudness_db, metrics.harmonic_share, metrics.sung_s) == (None, None, None, 0.0)
    assert measure.level_db(silence) is None


def test_spectral_distance_is_ddsps_loss_and_long_sounds_are_measured_in_pieces(monkeypatch):
    one, two = _tone(220.0), _tone(330.0, amplitude=0.02)
    from ddsing.sound import distance

    whole = measure.spectral_distance(one, two)
    assert whole == pytest.approx(distance.spectral_loss(one, two))
    monkeypatch.setattr(measure, "_CHUNK_SAMPLES", 9_000)
    assert measure.spectral_distance(one, two) == pytest.approx(whole, rel=0.15)


def test_matched_sounds_are_equally_loud_and_none_clips():
    sounds = [_tone(220.0, amplitude=0.02), _tone(880.0, amplitude=0.3), _tone(110.0, amplitude=0.6)]
    read = [Loudness(measure.level_db(sound), float(np.abs(sound).max())) for sound in sounds]
    gains = matching.matched_gains_db(read)
    after = [sound * 10 ** (gain / 20) for sound, gain in zip(sounds, gains)]
    levels = [measure.level_db(sound) for sound in after]
    assert max(levels) - min(levels) < 0.01
    assert max(np.abs(sound).max() for sound in after) <= 1.0
    assert max(gains) > 0 > min(gains)
    assert matching.common_gain_db([Loudness(-20.0, 2.0), Loudness(-30.0, 0.1)]) == pytest.approx(-6.1, abs=0.05)
    assert matching.matched_gains_db([Loudness(None, 0.0), Loudness(-20.0, 0.5)]) == (0.0, 0.0)


def test_only_what_is_sung_counts_for_loudness():
    tone = _tone(220.0)
    hissing = np.concatenate([tone, 0.5 * np.random.default_rng(0).normal(size=32_000).astype(np.float32)])
    sung = np.zeros(len(hissing) // 64 + 1, bool)
    sung[: len(tone) // 64 - 8] = True
    assert measure.level_db(hissing, sung) == pytest.approx(measure.level_db(tone), abs=0.1)
    assert measure.level_db(hissing) > measure.level_db(tone) + 3.0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with two takes that differ in one setting."""
    workspace = Workspace(tiny_workspace.fill(tmp_path_factory.mktemp("compared") / "ws"))
    source = next(workspace.examples.glob("*.wav"))
    options = {"tracker": "tiny", "source_name": "a song.wav"}
    return workspace, [
        pipeline.run(workspace, source, tiny_workspace.NAMES[0], Settings(octave_shift=shift), **options)
        for shift in (0, 1)
    ]


def test_a_take_is_measured_once(made, monkeypatch):
    workspace, (take, _) = made
    cache = FeatureCache(workspace.cache / "features")
    assert measure.known(take) is None
    metrics = measure.measure(take, cache=cache)
    assert measure.known(take) == metrics and metrics.sung_s > 1.5
    monkeypatch.setattr(measure, "compare", None)
    assert measure.measure(take, cache=cache) == metrics
    (take.folder / measure.FILE).write_text('{"version": 1, "metrics": []}')
    assert measure.known(take) is None


def test_only_the_setting_that_differs_stands_out(made):
    rows = {row.label: row for row in differences.table(made[1])}
    assert [label for label, row in rows.items() if row.differs] == ["Octave shift"]
    assert rows["Octave shift"].values == ("0", "+1") and rows["Attenuation"].values == ("no effect", "no effect")


def test_compare_takes_on_the_command_line(made, capsys):
    workspace, takes = made
    common = ["--workspace", str(workspace.root)]
    assert main(["compare", "takes", *(take.id for take in takes), "--json", *common]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["label"] for row in document["differences"]] == ["Octave shift"]
    assert {"f0_cents", "f0_within_50", "loudness_db", "spectral", "harmonic_share"} <= set(
        document["takes"][0]["metrics"]
    )
    assert main(["compare", "takes", *(take.id for take in takes), *common]) == 0
    text = capsys.readouterr().out
    assert "Octave shift" in text and "+1" in text and "cents" in text and "Autotune" not in text
    assert main(["compare", "takes", "no such take", takes[0].id, *common]) == 2
    assert "no such take" in capsys.readouterr().err


def test_tags_and_star_are_kept_and_damaged_sounds_are_a_sentence(made):
    workspace, (_, take) = made
    store = TakeStore(workspace)
    store.label(take.id, tags=["dark ", "dark", "", "for  the paper"], star=True)
    kept = store.get(take.id)
    assert kept.tags == ("dark", "for the paper") and kept.star
    assert store.label(take.id, star=False).tags == kept.tags
    (take.folder / "noise.wav").write_bytes(b"")
    with pytest.raises(DdsingError, match="can't be read"):
        measure.sound(take, "noise")
    soundfile.write(take.folder / "noise.wav", np.zeros(take.curves()["f0_hz"].size * 64), 16_000)


def test_takes_of_one_name_are_told_apart():
    first = Take("1", Path("1"), name="song → Aria", instrument="Aria")
    higher = replace(first, id="2", settings=Settings(octave_shift=1))
    other = replace(first, id="3", name="song → Cello", instrument="Cello")
    assert differences.names([first, other]) == ("song → Aria", "song → Cello")
    assert differences.names([first, other, higher]) == (
        "song → Aria (octave shift 0)",
        "song → Cello",
        "song → Aria (octave shift +1)",
    )
    assert differences.names([first, replace(first, id="4")]) == ("song → Aria (1)", "song → Aria (2)")
    assert differences.names([]) == ()
