"""Preparation beside ddsp's own functions; stopping, resuming, killing; and the windows."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ddsing import pitch
from ddsing.audio import encode
from ddsing.dataset import analysis, disk, hearing, layout, manifest, prepare, voices, windows, writing
from ddsing.dataset import job as dataset_job
from ddsing.engine import records, runtime
from ddsing.errors import Cancelled, DatasetError, DiskFull
from ddsing.statistics import FIELDS, DatasetStatistics
from ddsing.workspace import Workspace
from tests import dataset_signals as signals
from tests import tiny_workspace
from tests.test_pitch import cents


@pytest.fixture
def voice(tmp_path):
    """Fifteen seconds in three recordings: one that spans many windows, a short one, and one that can't be used."""
    voice = voices.create(Workspace(tiny_workspace.empty(tmp_path / "w")), "alto")
    (voice.folder / "long.flac").write_bytes(encode(signals.voice(13.53), format="FLAC"))
    (voice.folder / "short.wav").write_bytes(encode(signals.voice(1.5, midi=64, seed=3)))
    (voice.folder / "silence.wav").write_bytes(encode(np.zeros(16_000, np.float32)))
    return voice


@pytest.fixture
def known(voice, prepared):
    """The same, whose features are there already."""
    shutil.copytree(prepared[0].dataset_folder / "features", voice.dataset_folder / "features")
    return voice


def content(voice):
    """Everything of a dataset that counts, by name."""
    files = [*voice.dataset_folder.glob("*.tfrecord*"), voice.dataset_folder / "windows.json"]
    return {path.name: path.read_bytes() for path in files} | {
        path.name: path.read_bytes() for path in (voice.dataset_folder / "features").iterdir()
    }


def all_records(voice):
    with records.open_all(voice.dataset_folder) as train, records.open_all(voice.dataset_folder, "held_out") as held:
        return [found.read(number) for found in (train, held) for number in range(len(found))]


# Windows


@pytest.mark.parametrize(
    ("n_samples", "expected"),
    [
        (1, [0]),
        (64_000, [0]),
        (64_063, [0]),
        (64_064, [0, 1]),
        (80_000, [0, 250]),
        (16_000 * 23, [250 * second for second in range(20)]),
        (16_000 * 23 + 8_000, [*(250 * second for second in range(20)), 19 * 250 + 125]),
    ],
)
def test_windows_begin_every_second_and_the_last_ends_with_the_recording(n_samples, expected):
    assert layout.starts(n_samples) == expected


def places(**lengths):
    """Windows of recordings by their number of windows."""
    return [
        layout.Place(name, 250 * number, 0.9, 0.1, 0.0, 60.0, -20.0)
        for name, n_windows in lengths.items()
        for number in range(n_windows)
    ]


@pytest.mark.parametrize(
    ("lengths", "n_held_out"), [({"a": 7}, 0), ({"a": 8}, 1), ({"a": 60, "b": 40}, 6), ({"a": 900, "b": 300}, 32)]
)
def test_some_windows_are_held_out_and_none_that_is_trained_on_overlaps_them(lengths, n_held_out):
    table = places(**lengths)
    states = layout.states(table, set())
    assert states == layout.states(table, set())
    assert states.count("held_out") == n_held_out
    kept = {state: [p for p, s in zip(table, states) if s == state] for state in ("train", "held_out", "guard")}
    for held in kept["held_out"]:
        near = [p for p in kept["train"] if p.file_hash == held.file_hash]
        assert all(abs(p.start_frame - held.start_frame) >= 1000 for p in near)
    assert len(kept["guard"]) <= 6 * -(-n_held_out // 4)
    assert len(kept["train"]) >= len(table) // 2
    if n_held_out == 32:
        assert len({p.start_frame // 15_000 for p in kept["held_out"]}) > 4  # spread over many minutes


def test_another_recording_leaves_most_of_what_is_held_out_and_a_silent_stretch_is_not_chosen():
    before, after = places(a=200), places(a=200, b=50)
    held = [{p.key for p, s in zip(table, layout.states(table, set())) if s == "held_out"} for table in (before, after)]
    new = {key for key in held[1] - held[0] if key[0] == "a"}
    assert len(held[1]) > len(held[0]) and len(new) <= 3  # so hardly any that was trained on is evaluated later
    silent = [layout.Place("a", 250 * n, 0.0, 0.9 if n < 90 else 0.1, 0.0, 60.0, -70.0) for n in range(100)]
    chosen = [n for n, state in enumerate(layout.states(silent, set())) if state == "held_out"]
    assert len(chosen) == 6 and min(chosen) >= 88


def test_what_is_excluded_is_excluded_also_where_it_would_be_held_out():
    table = places(a=60)
    held = [p.key for p, s in zip(table, layout.states(table, set())) if s == "held_out"]
    states = layout.states(table, {held[0], ("a", 0), ("gone", 0)})
    assert states.count("excluded") == 2 and states.count("held_out") == len(held) - 1


# A dataset


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The voice above, prepared."""
    made = voice.__wrapped__(tmp_path_factory.mktemp("prepared"))
    seen = []
    result = prepare.prepare(made, tracker="tiny", progress=lambda stage, fraction: seen.append((stage, fraction)))
    return made, result, seen


def test_a_dataset_is_written_and_says_what_it_is_made_of(prepared):
    voice, result, seen = prepared
    assert (result.n_windows, result.n_held_out, result.n_excluded, result.n_analysed) == (12, 1, 0, 2)
    assert result.n_train >= 8 and not result.reused
    assert result.refused == (("silence.wav", "It is silent."),)
    assert result.minutes == pytest.approx(15.03 / 60, abs=1e-3)
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and len(fractions) > 50
    assert [stage for n, (stage, _) in enumerate(seen) if n == 0 or seen[n - 1][0] != stage] == [
        prepare.READING, prepare.PITCH, prepare.WRITING,
    ]  # fmt: skip
    document = json.loads((voice.dataset_folder / "dataset.json").read_bytes())
    assert document["dataset_hash"] == result.dataset_hash and document["padding"] == "same"
    assert [entry["name"] for entry in document["recordings"]] == ["long.flac", "short.wav"]
    assert str(voice.folder.parent) not in json.dumps(document)
    assert voice.prepared and prepare.is_current(voice) and not prepare.is_current(voice, tracker="full")
    voiced = {facts.name: facts.voiced_share for facts in prepare.scan(voice)}
    assert voiced["long.flac"] > 0.9 and voiced["silence.wav"] is None


def test_no_window_holds_anything_but_finite_numbers_of_their_range(prepared):
    examples = all_records(prepared[0])
    assert len(examples) == prepared[1].n_train + prepared[1].n_held_out
    for arrays in examples:
        assert {name: x.shape for name, x in arrays.items()} == {
            "audio": (64_000,), "audio_16k": (64_000,), "f0_hz": (1000,), "f0_confidence": (1000,),
            "loudness_db": (1000,), "start_s": (1,),
        }  # fmt: skip
        assert all(np.isfinite(x).all() for x in arrays.values())
        np.testing.assert_array_equal(arrays["audio"], arrays["audio_16k"])
        assert (arrays["f0_hz"] > 0).all() and (arrays["f0_confidence"] >= 0).all()
        assert (arrays["loudness_db"] >= -80).all()


def test_where_windows_coincide_they_are_those_of_ddsp_s_own_functions(prepared):
    """ddsp pads the recording to a chunk of 20 s, computes on that with padding 'same', and cuts windows from it."""
    voice = prepared[0]
    audio = hearing.hear(voice.folder / "long.flac").audio
    chunk = np.pad(audio, (0, 20 * 16_000 - len(audio)))
    loudness_db = runtime.ddsp().spectral_ops.compute_loudness(chunk, padding="same").numpy()
    f0_hz, f0_confidence = pitch.track(chunk, tracker="tiny", padding="same")  # held to crepe in test_dataset_features
    table, n_compared = windows.load(voice), 0
    for row in range(len(table)):
        if table.file[row] != "long.flac" or table.start_s[row] % 1.0:
            continue
        window, start = windows.read(voice, row), round(250 * table.start_s[row])
        part = slice(start, start + 1000)
        np.testing.assert_array_equal(window.audio, chunk[64 * start : 64 * start + 64_000])
        np.testing.assert_allclose(window.loudness_db, loudness_db[part], atol=1e-4)
        np.testing.assert_allclose(window.f0_confidence, f0_confidence[part], atol=1e-5)
        assert cents(window.f0_hz, f0_hz[part]).max() < 0.1
        n_compared += 1
    assert n_compared == 10


def test_ddsp_s_provider_reads_it_and_its_statistics_are_ours(prepared, monkeypatch):
    voice = prepared[0]
    training = runtime.ddsp().training
    provider = training.data.TFRecordProvider(str(voice.dataset_folder / "train.tfrecord*"))
    batch = next(iter(provider.get_batch(4, shuffle=True, repeats=1)))
    assert batch["audio"].shape == (4, 64_000) and batch["f0_hz"].shape == (4, 1000)
    # As it is, ddsp's call fails on its own windows: it takes power at other frames (centred, 50 a second) than notes.
    postprocessing = training.postprocessing
    compute_power = postprocessing.spectral_ops.compute_power
    patched = lambda audio, frame_size, frame_rate: compute_power(audio, frame_size=256, padding="same")  # noqa: E731
    monkeypatch.setattr(postprocessing.spectral_ops, "compute_power", patched)
    theirs = postprocessing.compute_dataset_statistics(provider)
    ours = DatasetStatistics.from_json(json.loads((voice.dataset_folder / "dataset_statistics.json").read_bytes()))
    for name in FIELDS:
        assert ours.values[name] == pytest.approx(float(theirs[name]), abs=1e-3), name
    np.testing.assert_allclose(ours.quantiles, theirs["quantile_transform"].quantiles_[:, 0], atol=1e-3)
    kept = pickle.loads((voice.dataset_folder / "dataset_statistics.pkl").read_bytes())  # our own file
    assert type(kept["quantile_transform"]) is postprocessing.QuantileTransformer
    values = np.linspace(-60, 10, 50)[:, None]
    np.testing.assert_allclose(
        kept["quantile_transform"].transform(values), theirs["quantile_transform"].transform(values), atol=1e-3
    )
    assert set(kept) == set(theirs)


# Again, stopped, killed, changed


def test_it_is_skipped_when_nothing_has_changed_and_only_what_is_new_is_computed(voice, monkeypatch):
    first = prepare.prepare(voice, tracker="tiny")
    before = content(voice)
    again = prepare.prepare(voice, tracker="tiny")
    assert again.reused and again.dataset_hash == first.dataset_hash and content(voice) == before
    os.utime(voice.folder / "long.flac", ns=(5, 5))  # another time, the same sound
    assert not prepare.is_current(voice)
    assert prepare.prepare(voice, tracker="tiny").reused and prepare.is_current(voice)
    computed, compute = [], analysis.FeatureFolder.compute
    monkeypatch.setattr(
        analysis.FeatureFolder, "compute", lambda *args, **options: computed.append(1) or compute(*args, **options)
    )
    voices.add(voice, [("new.wav", encode(signals.voice(4.0, midi=70, seed=9)))])
    assert not prepare.is_current(voice)
    more = prepare.prepare(voice, tracker="tiny")
    assert (more.n_windows, more.n_analysed, len(computed)) == (13, 1, 1) and more.dataset_hash != first.dataset_hash
    voices.remove(voice, "new.wav")
    back = prepare.prepare(voice, tracker="tiny")
    assert back.n_analysed == 0 and back.dataset_hash == first.dataset_hash
    assert content(voice)["windows.json"] == before["windows.json"]
    (voice.folder / "long.flac").rename(voice.folder / "renamed.flac")
    assert prepare.prepare(voice, tracker="tiny").n_analysed == 0
    assert set(windows.load(voice).file) == {"renamed.flac", "short.wav"}


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(analysis, "_PART_FRAMES", 640)


def test_stopped_anywhere_it_goes_on_and_ends_as_in_one_go(voice, prepared, small_parts):
    n_stops, fractions = 0, []

    def stop_after(limit):
        def progress(stage, fraction):
            fractions.append(fraction)
            if len(fractions) > limit:
                raise Cancelled

        return progress

    for _ in range(100):
        fractions.clear()
        try:
            prepare.prepare(voice, tracker="tiny", progress=stop_after(100))
            break
        except Cancelled:
            n_stops += 1
            assert not voice.prepared
    assert 2 <= n_stops < 20
    assert content(voice) == content(prepared[0])
    assert not list((voice.dataset_folder / "features").glob("*.parts"))


KILLED = """
import sys
from pathlib import Path
from ddsing.dataset import analysis, prepare, voices
from ddsing.workspace import Workspace
analysis._PART_FRAMES = 640
voice = voices.get(Workspace(Path(sys.argv[1])), "alto")
prepare.prepare(voice, tracker="tiny", progress=lambda stage, fraction: print(f"{fraction:.2f}", flush=True))
"""


def test_killed_it_goes_on_and_ends_as_in_one_go(voice, prepared):
    command = [sys.executable, "-c", KILLED, str(voice.folder.parent.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if float(line) >= 0.5:
                process.send_signal(signal.SIGKILL)
                break
        process.wait(timeout=60)
    assert process.returncode == -signal.SIGKILL and not voice.prepared
    (voice.dataset_folder / ".writing-killed").mkdir()
    assert list((voice.dataset_folder / "features").glob("*.parts/*.f32"))
    prepare.prepare(voice, tracker="tiny")
    assert content(voice) == content(prepared[0])
    assert not list(voice.dataset_folder.glob(".writing-*"))


def test_two_at_once_are_refused_and_so_is_a_full_disk_with_the_numbers(voice, monkeypatch):
    def twice(stage, fraction):
        with pytest.raises(DatasetError, match="being prepared already"):
            prepare.prepare(voice, tracker="tiny")
        raise Cancelled

    with pytest.raises(Cancelled):
        prepare.prepare(voice, tracker="tiny", progress=twice)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 505e6}))
    with pytest.raises(DiskFull, match=r"takes 7\.\d MB, and 500\.0 MB must stay free, but only 505\.0 MB are free"):
        prepare.prepare(voice, tracker="tiny")


def test_the_room_that_it_asks_for_is_known_before_and_is_what_it_checks(voice, monkeypatch):
    asked = prepare.room_bytes(voice, tracker="tiny")
    assert asked == pytest.approx(507.5e6, abs=1e6), "7.5 MB, and what is to stay free"
    free = asked - 1
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free}))
    with pytest.raises(DiskFull):
        prepare.prepare(voice, tracker="tiny")
    free = asked
    prepare.prepare(voice, tracker="tiny")
    assert prepare.room_bytes(voice, tracker="tiny") == 0, "nothing is left to do"
    windows.exclude(voice, [0])
    again = prepare.room_bytes(voice, tracker="tiny")
    assert disk.SPARE_BYTES < again < asked, "the features are there"


def test_a_disk_that_fills_up_is_a_sentence_and_loses_nothing(known, monkeypatch):
    first = prepare.prepare(known, tracker="tiny")
    before = content(known)
    windows.exclude(known, [0])

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(records.RecordWriter, "write", full)
        with pytest.raises(DiskFull, match="make room"):
            prepare.prepare(known, tracker="tiny")
    assert content(known) == before
    assert prepare.prepare(known, tracker="tiny").n_windows == first.n_windows


def test_what_can_t_be_prepared_is_a_sentence(voice):
    with pytest.raises(DatasetError, match="full, fast or tiny"):
        prepare.prepare(voice, tracker="huge")
    for path in voice.recordings():
        path.unlink()
    with pytest.raises(DatasetError, match="no recordings"):
        prepare.prepare(voice)
    (voice.folder / "a.wav").write_bytes(encode(np.zeros(1, np.float32)))
    with pytest.raises(DatasetError, match="No recording of 'alto' can be used. a.wav: It is"):
        prepare.prepare(voice)


def test_unpitched_sounds_give_a_dataset_without_a_nan(tmp_path):
    voice = voices.create(Workspace(tiny_workspace.empty(tmp_path)), "drums")
    short = np.concatenate([signals.noise(0.3), np.zeros(32_000, np.float32)])
    voices.add(voice, [("d.wav", encode(signals.drums(5.0))), ("n.wav", encode(short))])
    result = prepare.prepare(voice, tracker="tiny")
    assert (result.n_windows, result.n_held_out) == (3, 0)
    assert "none of 3 windows" in json.loads((voice.dataset_folder / "dataset.json").read_bytes())["held_out_note"]
    assert all(np.isfinite(x).all() for arrays in all_records(voice) for x in arrays.values())
    table = windows.load(voice)
    assert np.isnan(table.midi[-1]) and table.silence[-1] > 0.9
    json.loads((voice.dataset_folder / "dataset_statistics.json").read_bytes(), parse_constant=pytest.fail)


# Looking at windows, and leaving them out


def test_the_worst_windows_come_first(prepared):
    table = windows.load(prepared[0])
    assert len(table) == 12 and set(table.state) == {"train", "held_out", "guard"}
    assert (np.diff(table.confidence[table.order("confidence")]) >= 0).all()
    assert (np.diff(table.silence[table.order("silence")]) <= 0).all()
    assert table.order("silence")[0] == 11  # the short one, filled up with zeros
    assert table.order().tolist() == list(range(12)) == sorted(table.order("clipping"))
    assert np.nanmin(table.midi) > 59 and np.nanmax(table.midi) < 77


def test_any_window_can_be_read_in_a_record_or_not(prepared):
    voice = prepared[0]
    table = windows.load(voice)
    audio = {name: hearing.hear(voice.folder / name).audio for name in set(table.file)}
    for row in range(len(table)):
        window = windows.read(voice, row)
        assert (window.file, window.start_s, window.state) == (table.file[row], table.start_s[row], table.state[row])
        expected = writing.cut(audio[window.file], round(250 * window.start_s))
        np.testing.assert_array_equal(window.audio, expected)
        assert window.f0_hz.shape == window.f0_confidence.shape == window.loudness_db.shape == (1000,)
    for row in (-1, 12):
        with pytest.raises(DatasetError, match="0 to 11"):
            windows.read(voice, row)


def test_the_choice_is_kept_and_honoured(known):
    first = prepare.prepare(known, tracker="tiny")
    table = windows.load(known)
    held = int(np.flatnonzero(table.state == "held_out")[0])
    trained = np.flatnonzero(table.state == "train")[:3]
    windows.exclude(known, [held, *trained])
    windows.include(known, trained[:1])
    changed = windows.load(known)
    assert changed.excluded.nonzero()[0].tolist() == sorted([held, *trained[1:]])
    assert changed.changed and not table.changed and (changed.state == table.state).all()
    assert not prepare.is_current(known)
    began = time.monotonic()
    result = prepare.prepare(known, tracker="tiny")
    assert time.monotonic() - began < 20 and result.n_analysed == 0
    assert (result.n_excluded, result.n_train) == (3, first.n_train - 2) and result.dataset_hash != first.dataset_hash
    after = windows.load(known)
    assert not after.changed and prepare.is_current(known)
    assert (after.state[changed.excluded] == "excluded").all() and (after.record[changed.excluded] == -1).all()
    gone_s = table.start_s[changed.excluded & (table.start_s > 0)]  # at 0 s begins a window of the short one, too
    assert len(gone_s) == 2 and {float(arrays["start_s"][0]) for arrays in all_records(known)}.isdisjoint(gone_s)
    np.testing.assert_array_equal(windows.read(known, held).audio, windows.read(known, held).audio)
    (known.folder / "long.flac").unlink()
    with pytest.raises(DatasetError, match="not there as it was"):
        windows.read(known, held)
    with pytest.raises(DatasetError, match="0 to 11"):
        windows.exclude(known, [12])


def test_with_everything_excluded_there_is_nothing_to_train_on(known):
    prepare.prepare(known, tracker="tiny")
    windows.exclude(known, range(12))
    with pytest.raises(DatasetError, match="excluded"):
        prepare.prepare(known, tracker="tiny")
    (known.dataset_folder / "selection.json").write_text("{")
    with pytest.raises(DatasetError, match="remove it"):
        windows.load(known)


def foreign(folder, n_frames, keys=("audio", "f0_hz", "f0_confidence", "loudness_db")):
    """A dataset as the notebooks of 2021 wrote it: records only."""
    folder.mkdir()
    audio = signals.voice(4.0)
    curve = np.full(n_frames, 220.0, np.float32)
    arrays = {"audio": audio, "f0_hz": curve, "f0_confidence": curve / 240, "loudness_db": curve - 250}
    quiet = {**arrays, "audio": 0 * audio}
    for shard, found in enumerate(([arrays], [arrays, quiet])):
        examples = [{key: example[key] for key in keys} for example in found]
        records.write(folder / f"train.tfrecord-0000{shard}-of-00002", examples)


@pytest.mark.parametrize("n_frames", [1000, 1001])
def test_a_dataset_of_2021_is_listed_and_read_and_never_overwritten(voice, n_frames):
    (voice.folder / "long.flac").unlink()
    foreign(voice.dataset_folder, n_frames)
    table = windows.load(voice)
    assert len(table) == 3 and table.silence.tolist() == pytest.approx([table.silence[0], table.silence[0], 1.0])
    assert table.midi[0] == pytest.approx(57.0, abs=0.01) and np.isnan(table.midi[2])
    assert windows.read(voice, 2).loudness_db.shape == (1000,) and not windows.read(voice, 2).audio.any()
    with pytest.raises(DatasetError, match="not prepared here"):
        windows.exclude(voice, [0])
    assert not prepare.is_current(voice)
    prepare.prepare(voice, tracker="tiny")
    workspace = Workspace(voice.folder.parent.parent)
    old = voices.get(workspace, "alto 2021")
    assert len(windows.load(old)) == 3 and len(windows.load(voice)) == 1


def test_a_damaged_dataset_is_a_sentence(voice):
    with pytest.raises(DatasetError, match="no dataset yet"):
        windows.load(voice)
    foreign(voice.dataset_folder, 1000, keys=("audio", "f0_hz"))
    with pytest.raises(DatasetError, match="lacks"):
        windows.load(voice)
    (voice.dataset_folder / "windows.json").write_text("[]")
    with pytest.raises(DatasetError, match="prepare the voice again"):
        windows.load(voice)


# As a job


class Job:
    """Stands where a job's context does."""

    def __init__(self, stop_after=None):
        self.told, self._stop_after = [], stop_after

    def report(self, **fields):
        self.told.append(fields)

    def should_stop(self):
        return self._stop_after is not None and len(self.told) > self._stop_after


def test_the_job_tells_how_far_it_is_and_stops(voice, monkeypatch):
    workspace = Workspace(voice.folder.parent.parent)
    with pytest.raises(Cancelled):
        dataset_job.run(workspace, {"voice": "alto", "tracker": "tiny"}, Job(stop_after=20))
    monkeypatch.setattr(dataset_job, "_TELLING_S", 0.2)
    job = Job()
    result = dataset_job.run(workspace, {"voice": "alto", "tracker": "tiny"}, job)
    json.dumps(result)
    assert result["n_windows"] == 12 and job.told[-1]["fraction"] == 1.0
    left_s = [told["eta_s"] for told in job.told if told["eta_s"] is not None]
    assert left_s and min(left_s) >= 0.0 and left_s[-1] == 0.0
    for options in ({}, {"voice": "alto", "tracker": "huge"}, {"voice": 3}):
        with pytest.raises(DatasetError, match="name of a voice"):
            dataset_job.run(workspace, options, job)


def test_the_manifest_of_a_dataset_with_a_missing_shard_is_none(known):
    prepare.prepare(known, tracker="tiny")
    assert manifest.read(known) is not None
    next(known.dataset_folder.glob("train.tfrecord*")).unlink()
    assert manifest.read(known) is None and not prepare.is_current(known)
    assert not prepare.prepare(known, tracker="tiny").reused
