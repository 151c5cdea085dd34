"""Voices, their recordings, and the report, on synthetic recordings of every kind."""

import dataclasses
import io
import json
import os
import types

import numpy as np
import pytest
import soundfile

from ddsing.dataset import adding, hearing, report, scan, verdict, voices
from ddsing.dataset.signs import Signs
from ddsing.errors import Cancelled, DatasetError
from ddsing.sound import audio as recordings
from ddsing.sound.audio import encode
from ddsing.workspace import Workspace
from tests.support import dataset_signals as signals
from tests.support import tiny_workspace


@pytest.fixture
def workspace(tmp_path):
    """A workspace without anything in it."""
    return Workspace(tiny_workspace.empty(tmp_path / "w"))


def wav(audio, rate=16_000, format="WAV", subtype="PCM_16"):
    buffer = io.BytesIO()
    soundfile.write(buffer, audio, rate, format=format, subtype=subtype)
    return buffer.getvalue()


def tone(seconds=1.0, rate=16_000, hz=220.0, level=0.3):
    return level * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)


def added(workspace, name, **files):
    voice = voices.create(workspace, name)
    result = adding.add(voice, [(f"{key}.wav", encode(audio)) for key, audio in files.items()])
    assert not result.refused
    return voice


# Voices


def test_files_are_taken_as_they_are_duplicates_are_noticed_and_a_bad_one_stops_nothing(workspace, tmp_path):
    source = tmp_path / "source"
    (source / "deeper").mkdir(parents=True)
    (source / "a first take.wav").write_bytes(wav(tone(hz=220)))
    (source / "deeper" / "stereo").write_bytes(wav(np.stack([tone(rate=44_100, hz=330)] * 2, 1), 44_100))  # no suffix
    samples, _ = soundfile.read(source / "a first take.wav", dtype="int16")
    (source / "same.flac").write_bytes(wav(samples, format="FLAC"))
    (source / "broken.mp3").write_bytes(b"this is no mp3")
    (source / ".hidden.wav").write_bytes(wav(tone(hz=990)))
    (source / "notes.txt").write_text("bring the score")
    (source / "cover.webp").write_bytes(b"RIFF\x10\x00\x00\x00WEBPVP8 ")
    voice = voices.create(workspace, "alto")
    seen = []
    uploads = [("../../evil.wav", wav(tone(hz=440))), ("a first take.wav", wav(tone(hz=550))), ("x.wav", b"")]
    result = adding.add(voice, [source, *uploads], progress=seen.append)
    assert result.added == ("a first take.wav", "stereo", "evil.wav", "a first take 2.wav")
    assert result.duplicates == (("same.flac", "a first take.wav"),)
    assert [name for name, _ in result.refused] == ["broken.mp3", "x.wav"]
    assert all(sentence.endswith(".") and "\n" not in sentence for _, sentence in result.refused)
    assert sorted(path.name for path in voice.folder.iterdir()) == sorted(result.added)
    assert seen == sorted(seen) and seen[-1] == 1.0
    again = adding.add(voice, [source])
    assert again.added == () and len(again.duplicates) == 3
    assert [v.name for v in voices.list_voices(workspace)] == ["alto"]


def test_adding_can_be_stopped_and_keeps_what_is_there(workspace):
    voice = voices.create(workspace, "alto")

    def stop(fraction):
        if fraction > 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        adding.add(voice, [(f"{n}.wav", wav(tone(hz=100 + n))) for n in range(4)], progress=stop)
    assert [path.name for path in voice.recordings()] == ["0.wav", "1.wav"]


def test_a_full_disk_refuses_with_the_numbers(workspace, monkeypatch):
    voice = voices.create(workspace, "alto")
    monkeypatch.setattr(adding.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=1e6))
    result = adding.add(voice, [("a.wav", wav(tone()))])
    assert "32.0 kB" in result.refused[0][1] and "1.0 MB are free" in result.refused[0][1]
    assert not list(voice.folder.iterdir())


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "alto_dataset", "alto_checkpoints", "x" * 100])
def test_a_voice_has_a_name_that_is_a_folder_s(workspace, name):
    with pytest.raises(DatasetError, match="such as") as raised:
        voices.create(workspace, name)
    better = str(raised.value).split("such as ")[-1].split("'")[1]
    assert voices.create(workspace, better).folder.is_dir()


def test_the_prepared_ones_are_those_with_records_in_their_dataset_s_folder(workspace):
    for name in ("alto", "bass_dataset", "tenor_dataset", "tenor_checkpoints"):
        (workspace.audio / name).mkdir()
    assert voices.prepared(workspace) == []
    (workspace.audio / "tenor_dataset" / "train.tfrecord-00000-of-00001").write_bytes(b"")
    assert [voice.name for voice in voices.prepared(workspace)] == ["tenor"]
    assert [voice.name for voice in voices.list_voices(workspace) if voice.prepared] == ["tenor"]


def test_what_2021_left_is_a_voice_too_and_an_unknown_one_is_a_sentence(workspace):
    (workspace.audio / "old_dataset").mkdir()
    (workspace.audio / "old_dataset" / "train.tfrecord-00000-of-00001").touch()
    (workspace.audio / "older_checkpoints").mkdir()
    found = {voice.name: voice for voice in voices.list_voices(workspace)}
    assert found["old"].prepared and not found["old"].trained and found["old"].recordings() == []
    assert not found["older"].prepared
    with pytest.raises(DatasetError, match="'old', 'older'"):
        voices.get(workspace, "new")


def test_a_removed_recording_comes_back(workspace):
    voice = added(workspace, "alto", a=tone(), b=tone(hz=330))
    token = voices.remove(voice, "a.wav")
    assert [path.name for path in voice.recordings()] == ["b.wav"]
    assert voices.restore(voice, token) == "a.wav"
    assert len(voice.recordings()) == 2
    with pytest.raises(DatasetError, match="no recording"):
        voices.remove(voice, "c.wav")
    for wrong in ("../b/.trash/x/a.wav", "b.wav", "/etc/passwd"):
        with pytest.raises(DatasetError, match="not removed here"):
            voices.restore(voice, wrong)


# What a recording is


def test_the_facts_of_a_recording_and_that_they_are_remembered(workspace, monkeypatch):
    voice = voices.create(workspace, "alto")
    quiet = np.concatenate([tone(3.0, 48_000, level=0.5), np.zeros(48_000)])
    (voice.folder / "a.flac").write_bytes(wav(np.stack([quiet] * 2, 1), 48_000, "FLAC"))
    (voice.folder / "b.mp3").write_bytes(b"\xff\xfbnothing")
    first, second = scan.scan(voice)
    assert (first.name, first.format, first.sample_rate_hz, first.n_channels) == ("a.flac", "FLAC", 48_000, 2)
    assert first.duration_s == pytest.approx(4.0, abs=0.001) and len(first.content_hash) == 64
    assert first.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert first.rms_dbfs == pytest.approx(-9.03 - 1.25, abs=0.01)  # of a sine, and three quarters of the time
    assert first.silent_share == pytest.approx(0.25, abs=0.01) and first.noise_floor_db < -90.0
    assert first.clipped_share == 0.0 and first.error == "" and first.voiced_share is None
    assert second.error and not second.content_hash
    monkeypatch.setattr(scan, "hear", lambda *_, **__: pytest.fail("read again"))
    assert scan.scan(voice) == [first, second]
    os.utime(voice.folder / "a.flac", ns=(1, 1))
    with pytest.raises(pytest.fail.Exception, match="read again"):
        scan.scan(voice)


def test_damaged_memory_is_forgotten_and_a_scan_can_be_stopped(workspace):
    voice = added(workspace, "alto", a=tone(), b=tone(hz=330))
    (memory,) = (voice.cache / "recordings").glob("*.json")
    memory.write_text('{"version": 1, "recordings": {"a.wav": {"facts": {}}}}')

    def stop(fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        scan.scan(voice, progress=stop)
    assert [facts.error for facts in scan.scan(voice)] == ["", ""]


def heard(channels, rate=16_000):
    return hearing.hear(wav(channels, rate, subtype="FLOAT"))


def test_channels_that_cancel_are_not_mixed():
    left, other = tone(level=0.3), tone(hz=500, level=0.1)
    for channels, expected, name in [
        (np.stack([left, -left], 1), left, "the left"),
        (np.stack([left, -1.01 * left], 1), -1.01 * left, "the right"),
        (np.stack([0 * left, left, -left], 1), left, "number 2"),
    ]:
        found = heard(channels)
        assert f"only {name}" in found.remarks[0]
        np.testing.assert_allclose(found.audio, expected, atol=1e-6)
    assert "Only the left" in heard(np.stack([left, 0 * left], 1)).remarks[0]
    for channels in (np.stack([left, other], 1), np.stack([0 * left] * 2, 1)):
        found = heard(channels)
        assert found.remarks == ()
        np.testing.assert_allclose(found.audio, channels.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_clipping_is_found_where_it_is_and_a_loud_tone_is_none(rate):
    clean = tone(2.0, rate, hz=110.0, level=1.0)
    clipped = clean.copy()
    part = slice(int(0.8 * rate), int(1.2 * rate))
    clipped[part] = np.clip(1.3 * clipped[part], -1.0, 1.0)
    assert not heard(clean, rate).clipped.any()
    places = np.flatnonzero(heard(np.stack([clipped, 0.1 * clean], 1), rate).clipped)
    assert len(places) > 50 and places.min() >= 198 and places.max() <= 302


@pytest.mark.parametrize(
    ("audio", "sentence"),
    [
        (np.full(1, 0.5), "ms long"),
        (np.zeros(16_000), "silent"),
        (np.full(16_000, 1e-5), "silent"),
        (tone(0.1), "100 ms"),
    ],
)
def test_what_nothing_can_be_learnt_from_is_a_sentence(audio, sentence):
    assert sentence in heard(audio).fault
    assert np.isfinite(heard(audio).level_db).all()


@pytest.mark.slow
def test_a_long_recording_is_heard_block_by_block_and_can_be_stopped():
    content = recordings.encode(np.zeros(16_000 * 1200, np.float32), format="FLAC")
    calls = []
    assert hearing.hear(content, check=lambda: calls.append(1)).fault == "It is silent."
    assert len(calls) > 4_000

    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        hearing.hear(content, check=stop)


# The report

KINDS = {
    "voice": "sung",
    "speech": "speech",
    "drums": "unpitched",
    "noise": "unpitched",
    "duet": "several",
    "chords": "several",
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """A report on each kind of signal."""
    workspace = Workspace(tiny_workspace.empty(tmp_path_factory.mktemp("reports") / "w"))
    made = {}
    for name in KINDS:
        made[name] = report.report(added(workspace, name, it=getattr(signals, name)()))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_recording_gets_a_clear_verdict(reports, name):
    found = reports[name]
    assert found.kinds == {"it.wav": KINDS[name]}
    assert found.verdict.sentence.endswith(".") and found.verdict.level == "unusable"  # six seconds
    assert bool(found.remarks["it.wav"]) == (name != "voice")
    assert bool(found.voices_hint) == (KINDS[name] == "several")
    document = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert document["minutes"] == pytest.approx(0.1, abs=0.001)
    expected = {"voice": (0.95, 1.0), "duet": (0.9, 1.0), "speech": (0.5, 0.9), "chords": (0.5, 0.9)}
    low, high = expected.get(name, (0.0, 0.2))
    assert low <= document["minutes_voiced"] / document["minutes"] <= high


@pytest.mark.slow
def test_the_report_knows_the_notes_and_the_loudness(reports):
    found = reports["voice"]
    assert set(found.pitch_seconds) >= {60, 62, 64, 65, 67, 69, 71, 72}
    assert sum(found.pitch_seconds.values()) == pytest.approx(60 * found.minutes_voiced)
    assert sum(found.loudness_seconds.values()) == pytest.approx(6.0, abs=0.1)
    assert sum(found.confidence_shares) == pytest.approx(1.0) and found.confidence_shares[-1] > 0.4
    assert "nothing below C4 or above C5" in found.verdict.sentence
    assert found.recordings[0].voiced_share > 0.95


def test_the_second_report_computes_nothing_and_a_better_tracker_is_used_once_it_is_known(workspace, monkeypatch):
    voice = added(workspace, "alto", a=signals.voice(2.0))
    first = report.report(voice)
    extract = report.feature_stage.extract
    monkeypatch.setattr(report.feature_stage, "extract", lambda *_, **__: pytest.fail("computed again"))
    assert report.report(voice) == first and first.tracker == "tiny"
    monkeypatch.setattr(report.feature_stage, "extract", extract)
    cache = report.feature_stage.FeatureCache(voice.cache / "features")
    audio = hearing.hear(voice.recordings()[0]).audio
    cache.put(recordings.content_hash(audio), "fast", np.full(501, 440.0, np.float32), np.ones(501, np.float32))
    better = report.report(voice)
    assert better.tracker == "fast" and set(better.pitch_seconds) == {69}


def test_an_empty_and_a_silent_voice_have_a_verdict(workspace):
    voice = voices.create(workspace, "nobody")
    assert report.report(voice).verdict == verdict.Verdict("unusable", "There are no recordings yet.", ())
    (voice.folder / "silence.wav").write_bytes(wav(np.zeros(32_000)))
    (voice.folder / "click.wav").write_bytes(wav(np.full(1, 0.5)))
    found = report.report(voice)
    assert found.verdict.sentence == "No recording can be used; 2 files can't be used."
    assert found.remarks == {"click.wav": (found.recordings[0].error,), "silence.wav": ("It is silent.",)}
    json.dumps(found.to_json(), allow_nan=False)


def summary(low, high, seconds, kind="sung", levels=(-40, 10)):
    notes = range(low, high + 1)
    frames = {note: round(seconds * 250 / len(notes)) for note in notes}
    return verdict.Summary(
        "tiny",
        Signs(kind, 0.9, 0.5, 0.0),
        frames,
        dict.fromkeys(range(*levels, 5), 100),
        [0] * 9 + [100],
        -20.0,
        [low + 0.1 * (high - low), (low + high) / 2, high - 0.1 * (high - low)],
    )


def facts(name, **changes):
    return scan.RecordingFacts(name, content_hash=name, duration_s=60.0, noise_floor_db=-80.0, **changes)


def judged(summaries, **changes):
    names = [f"{number}.wav" for number in range(len(summaries))]
    found = dict(zip(names, summaries))
    hint = verdict.voices_hint(names, summaries)
    return verdict.judge([facts(name, **changes) for name in names], found, hint)


def test_the_verdict_grows_with_the_length_and_names_what_is_missing():
    levels = [judged([summary(57, 76, seconds)]).level for seconds in (5, 20, 60, 720)]
    assert levels == ["unusable", "poor", "usable", "good"]
    assert judged([summary(57, 76, 720)] * 3, clipped_share=0.01).sentence == (
        "36 minutes voiced: enough; nothing below A3 or above E5; 3 files clip."
    )
    low, high = summary(57, 60, 300), summary(67, 76, 300)
    gap = judged([dataclasses.replace(low, pitch_frames={**low.pitch_frames, **high.pitch_frames})])
    assert "hardly anything between C4 and G4" in gap.sentence and gap.level == "good"
    assert "little variation in loudness" in judged([summary(57, 76, 720, levels=(-10, 0))]).sentence
    spoken = judged([summary(57, 76, 720), summary(50, 52, 300, kind="speech")])
    assert "1 file like speech" in spoken.sentence and spoken.level == "usable"


def test_two_registers_are_hinted_at_and_one_wide_voice_is_not():
    names = ["a.wav", "b.wav", "c.wav"]
    apart = [summary(40, 50, 60), summary(41, 52, 60), summary(69, 80, 60)]
    hint = verdict.voices_hint(names, apart)
    assert "a.wav, b.wav below" in hint and "c.wav above" in hint and "can't be told apart" in hint
    assert judged([summary(40, 50, 600), summary(69, 80, 600)]).level == "usable"
    for one in ([summary(40, 60, 60), summary(55, 75, 60), summary(70, 80, 60)], apart[:2], apart[2:]):
        assert verdict.voices_hint(names, one) == ""
    assert verdict.voices_hint(names, [summary(40, 50, 600), summary(41, 52, 600), summary(69, 80, 5)]) == ""
