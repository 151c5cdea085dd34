"""Preparation beside ddsp's own functions; stopping, resuming, killing."""

import json
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest

from ddsing.dataset import adding, analysis, disk, hearing, prepare, voices, windows
from ddsing.dataset import job as dataset_job
from ddsing.engine.tf import runtime
from ddsing.errors import Cancelled, DatasetError, DiskFull
from ddsing.formats import tfrecord
from ddsing.model.statistics import FIELDS, DatasetStatistics
from ddsing.sound import pitch
from ddsing.sound.audio import encode
from ddsing.workspace import Workspace
from tests.support import dataset_signals as signals
from tests.support import tiny_workspace
from tests.support.patience import PATIENCE_S
from tests.support.prepared_voices import all_records, content
from tests.support.sounds import cents

pytestmark = pytest.mark.slow


def test_a_dataset_is_written_and_says_what_it_is_made_of(prepared):
    voice, result, seen = prepared
    assert (result.n_windows, result.n_held_out, result.n_excluded, result.n_analysed) == (12, 1, 0, 2)
    assert result.n_train >= 8 and not result.reused
    assert result.refused == (("silence.wav", "It is silent."),)
    assert result.minutes == pytest.approx(15.03 / 60, abs=1e-3)
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0 and len(fractions) > 50
    assert [stage for n, (stage, _) in enumerate(seen) if n == 0 or seen[n - 1][0] != stage] == [
        prepare.READING,
        prepare.PITCH,
        prepare.WRITING,
    ]
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
            "audio": (64_000,),
            "audio_16k": (64_000,),
            "f0_hz": (1000,),
            "f0_confidence": (1000,),
            "loudness_db": (1000,),
            "start_s": (1,),
        }
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
    computed, analyse = [], analysis.analyse
    monkeypatch.setattr(analysis, "analyse", lambda *args, **how: computed.append(1) or analyse(*args, **how))
    adding.add(voice, [("new.wav", encode(signals.voice(4.0, midi=70, seed=9)))])
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
    monkeypatch.setattr(analysis, "_PART_FRAMES", 648)


def test_stopped_anywhere_it_goes_on_and_ends_as_in_one_go(voice, prepared, small_parts):
    n_stops, fractions = 0, []

    def stop_after(limit):
        def progress(stage, fraction):
            if stage != prepare.READING and fraction not in fractions[-1:]:  # what is read is told without advancing
                fractions.append(fraction)
            if len(fractions) > limit:
                raise Cancelled

        return progress

    for _ in range(100):
        fractions.clear()
        try:
            prepare.prepare(voice, tracker="tiny", progress=stop_after(24))
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
from ddsing.dataset import adding, analysis, prepare, voices
from ddsing.workspace import Workspace
analysis._PART_FRAMES = 648
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
        process.wait(timeout=PATIENCE_S)
    assert process.returncode == -signal.SIGKILL and not voice.prepared
    (voice.dataset_folder / ".writing-killed").mkdir()
    assert list((voice.dataset_folder / "features").glob("*.parts/*.f32"))
    prepare.prepare(voice, tracker="tiny")
    assert content(voice) == content(prepared[0])
    assert not list(voice.dataset_folder.glob(".writing-*"))


def test_two_at_once_are_refused_and_so_is_a_full_disk_with_the_numbers(voice, monkeypatch):
    def twice(stage, fraction):
        with pytest.raises(DatasetError, match="already being prepared"):
            prepare.prepare(voice, tracker="tiny")
        raise Cancelled

    with pytest.raises(Cancelled):
        prepare.prepare(voice, tracker="tiny", progress=twice)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 505e6}))
    with pytest.raises(DiskFull, match=r"needs 7\.\d MB, and 500\.0 MB must stay free, but only 505\.0 MB are free"):
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
        patch.setattr(tfrecord.RecordWriter, "write", full)
        with pytest.raises(DiskFull, match="Free some space"):
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
    adding.add(voice, [("d.wav", encode(signals.drums(5.0))), ("n.wav", encode(short))])
    result = prepare.prepare(voice, tracker="tiny")
    assert (result.n_windows, result.n_held_out) == (3, 0)
    assert "none of 3 windows" in json.loads((voice.dataset_folder / "dataset.json").read_bytes())["held_out_note"]
    assert all(np.isfinite(x).all() for arrays in all_records(voice) for x in arrays.values())
    table = windows.load(voice)
    assert np.isnan(table.midi[-1]) and table.silence[-1] > 0.9
    json.loads((voice.dataset_folder / "dataset_statistics.json").read_bytes(), parse_constant=pytest.fail)


class Job:
    """Stands where a job's context does."""

    def __init__(self, stop_after=None):
        self.told, self._stop_after = [], stop_after

    def report(self, **fields):
        self.told.append(fields)

    def should_stop(self):
        return self._stop_after is not None and len(self.told) > self._stop_after


def test_the_job_tells_how_far_it_is_and_stops(voice):
    workspace = Workspace(voice.folder.parent.parent)
    with pytest.raises(Cancelled):
        dataset_job.run(workspace, {"voice": "alto", "tracker": "tiny"}, Job(stop_after=20))
    job = Job()
    result = dataset_job.run(workspace, {"voice": "alto", "tracker": "tiny"}, job)
    json.dumps(result)
    assert result["n_windows"] == 12 and job.told[-1]["fraction"] == 1.0
    left_s = [told["eta_s"] for told in job.told if told["eta_s"] is not None]
    assert left_s and min(left_s) >= 0.0 and left_s[-1] == 0.0
    for options in ({}, {"voice": "alto", "tracker": "huge"}, {"voice": 3}):
        with pytest.raises(DatasetError, match="name of a voice"):
            dataset_job.run(workspace, options, job)
