"""Metrics of takes, equal loudness, and settings side by side: known shifts and levels come out as known numbers."""

import csv
import io
import json
import warnings
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pyloudnorm
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
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore
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


@pytest.mark.slow
@pytest.mark.parametrize(("cents", "within"), [(0.0, 1.0), (35.0, 1.0), (80.0, 0.0), (-1200.0, 0.0)])
def test_a_known_detuning_is_measured(cents, within):
    metrics = _compare(_tone(220.0), _tone(220.0 * 2 ** (cents / 1200)))
    assert metrics.f0_cents == pytest.approx(abs(cents), abs=6.0)
    assert metrics.f0_within_50 == pytest.approx(within, abs=0.03)
    assert metrics.sung_s == pytest.approx(2.0, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("cents", "pitch", "chroma"), [(0.0, 1.0, 1.0), (80.0, 0.0, 0.0), (-1200.0, 0.0, 1.0)])
def test_pitch_and_chroma_accuracy_of_a_known_detuning(cents, pitch, chroma):
    metrics = _compare(_tone(220.0), _tone(220.0 * 2 ** (cents / 1200)))
    assert metrics.raw_pitch_accuracy == pytest.approx(pitch, abs=0.03)
    assert metrics.raw_pitch_accuracy == pytest.approx(metrics.f0_within_50, abs=0.005)
    assert metrics.raw_chroma_accuracy == pytest.approx(chroma, abs=0.03)
    assert metrics.voicing_recall > 0.95 and metrics.voicing_false_alarm is None  # every frame is sung
    assert metrics.melody_by == f"mir_eval {metadata.version('mir_eval')}" and metrics.complete


def test_accuracy_and_voicing_of_frames_that_are_counted_by_hand():
    asked_hz, heard_hz = np.full((2, 8), 220.0, np.float32)
    heard_hz[:3] = 220.0 * 2.0 ** (np.array([49.0, 51.0, 1210.0]) / 1200.0)  # near, off, near but for the octave
    asked_voiced = np.array([True] * 5 + [False] * 3)
    heard_voiced = np.array([True] * 4 + [False] + [True, False, False])
    found = measure.melody(asked_hz, asked_voiced, heard_hz, heard_voiced)
    assert [found[name] for name in measure.MELODY] == pytest.approx([3 / 5, 4 / 5, 4 / 5, 1 / 3])
    none = np.zeros(8, bool)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [measure.melody(asked_hz, none, heard_hz, none)[name] for name in measure.MELODY] == [None] * 3 + [0.0]
        assert measure.melody(asked_hz, ~none, heard_hz, none)["voicing_recall"] == 0.0


@pytest.mark.slow
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
    assert [getattr(metrics, name) for name in measure.MELODY] == [None, None, None, 0.0]
    assert matching.integrated_lufs(silence) is None and matching.integrated_lufs(silence[:0]) is None


def test_spectral_distance_is_ddsps_loss_and_long_sounds_are_measured_in_pieces(monkeypatch):
    one, two = _tone(220.0), _tone(330.0, amplitude=0.02)
    from ddsing.sound import distance

    whole = measure.spectral_distance(one, two)
    assert whole == pytest.approx(distance.spectral_loss(one, two))
    monkeypatch.setattr(measure, "_CHUNK_SAMPLES", 9_000)
    assert measure.spectral_distance(one, two) == pytest.approx(whole, rel=0.15)


def _read(sound: np.ndarray) -> Loudness:
    return Loudness(matching.integrated_lufs(sound), float(np.abs(sound).max()))


def test_matched_sounds_are_equally_loud_and_none_clips():
    phrase = np.concatenate([_tone(330.0, amplitude=0.2), np.zeros(24_000, np.float32), _tone(440.0, amplitude=0.1)])
    sounds = [_tone(220.0, amplitude=0.02), _tone(880.0, amplitude=0.3), _tone(110.0, amplitude=0.6), phrase]
    gains = matching.matched_gains_db([_read(sound) for sound in sounds])
    after = [sound * 10 ** (gain / 20) for sound, gain in zip(sounds, gains)]
    levels = [pyloudnorm.Meter(16_000).integrated_loudness(sound) for sound in after]
    assert max(levels) - min(levels) < 0.1
    assert max(np.abs(sound).max() for sound in after) <= 1.0
    assert max(gains) > 0 > min(gains)
    assert matching.common_gain_db([Loudness(-20.0, 2.0), Loudness(-30.0, 0.1)]) == pytest.approx(-6.1, abs=0.05)
    assert matching.matched_gains_db([Loudness(None, 0.0), Loudness(-20.0, 0.5)]) == (0.0, 0.0)


def test_loudness_is_that_of_the_standard():
    tone = np.sin(2 * np.pi * 997 * np.arange(48_000) / 16_000).astype(np.float32)
    assert matching.integrated_lufs(tone) == pytest.approx(-3.01, abs=0.1)  # full scale, as BS.1770 states it
    assert matching.integrated_lufs(tone * np.float32(0.1)) == pytest.approx(-23.01, abs=0.1)


@pytest.mark.parametrize("n_samples", [1_600, 6_399, 6_400, 6_401])
def test_what_is_shorter_than_a_block_is_measured_as_one(n_samples):
    tone = _tone(440.0)
    short, soft = tone[:n_samples], np.float32(0.25) * tone[:n_samples]
    assert matching.integrated_lufs(short) == pytest.approx(matching.integrated_lufs(tone), abs=0.3)
    louder, softer = matching.matched_gains_db([_read(short), _read(soft)])
    assert softer - louder == pytest.approx(12.04, abs=0.01)


def test_every_short_length_has_a_loudness():
    noise = np.random.default_rng(0).normal(scale=0.1, size=6_500).astype(np.float32)
    assert all(matching.integrated_lufs(noise[:n_samples]) is not None for n_samples in range(1, 6_500, 13))


def test_pauses_do_not_count_for_loudness():
    tone = _tone(220.0, seconds=6.0)
    paused = np.concatenate([tone, np.zeros(192_000, np.float32), tone])  # its mean power is 3 dB less
    assert matching.integrated_lufs(paused) == pytest.approx(matching.integrated_lufs(tone), abs=0.2)


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


@pytest.mark.slow
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


def _measured_before(take: Take) -> dict:
    """Give a take the metrics as they were kept before mir_eval's figures, with values that nothing would compute."""
    metrics = {
        "f0_cents": 7.25,
        "f0_within_50": 0.875,
        "loudness_db": 1.5,
        "spectral": 4.25,
        "harmonic_share": 0.9,
        "sung_s": 1.75,
    }
    (take.folder / measure.FILE).write_text(json.dumps({"version": 1, "metrics": metrics}))
    return metrics


def test_what_was_measured_before_stays_as_it_is(made, capsys):
    workspace, (take, newer) = made
    cache = FeatureCache(workspace.cache / "features")
    stored, kept = _measured_before(take), (take.folder / measure.FILE).read_bytes()
    old = measure.measure(take, cache=cache)
    assert {name: getattr(old, name) for name in stored} == stored and not old.complete
    measured = [old, measure.measure(newer, cache=cache)]
    assert main(["compare", "takes", take.id, newer.id, "--workspace", str(workspace.root)]) == 0
    table = capsys.readouterr().out
    assert "7.2 cents" in table and "Pitch within 50 cents" in table and "Raw pitch accuracy" in table
    assert (take.folder / measure.FILE).read_bytes() == kept
    rows = list(csv.DictReader(io.StringIO(differences.to_csv([take, newer], measured))))
    assert rows[0]["f0_cents"] == "7.25" and rows[0]["voicing_recall"] == rows[0]["melody_by"] == ""
    assert float(rows[1]["voicing_recall"]) == measured[1].voicing_recall and rows[1]["name"] == newer.name
    assert [differences.metric("raw_pitch_accuracy", one) == "" for one in measured] == [True, False]
    assert "f0_within_50" not in differences.metric_fields(measured[1:])
    assert not set(measure.MELODY) & set(differences.metric_fields(measured[:1]))


def test_missing_figures_are_added_when_they_are_asked_for_and_the_others_stay(made, tmp_path, capsys):
    workspace, (take, _) = made
    stored = _measured_before(take)
    table = tmp_path / "metrics.csv"
    asked = ["compare", "takes", take.id, "--complete", "--csv", str(table), "--workspace", str(workspace.root)]
    assert main([*asked, "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["takes"]
    assert {name: entry["metrics"][name] for name in stored} == stored
    assert 0.0 <= entry["metrics"]["raw_pitch_accuracy"] <= 1.0 and entry["metrics"]["melody_by"].startswith("mir_eval")
    assert measure.known(take).to_json() == entry["metrics"]
    assert "mir_eval" in table.read_text() and table.read_text().count("\n") == 2
    asked[asked.index(str(table))] = str(tmp_path / "none" / "metrics.csv")
    assert main(asked) == 2 and "can't be written" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [{"melody_by": 3}, {"f0_cents": "far"}, {"spectral": None}])
def test_damaged_metrics_are_measured_again(made, damage):
    _, (take, _) = made
    stored = _measured_before(take)
    (take.folder / measure.FILE).write_text(json.dumps({"version": 1, "metrics": stored | damage}))
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
