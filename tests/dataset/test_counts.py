"""What preparing a dataset does, counted: what is analysed and written is so once, however busy the machine is."""

import os
import tracemalloc
from collections import Counter

import numpy as np
import pytest
import soundfile

from ddsing.dataset import analysis, disk, hearing, layout, prepare, scan, sounds, windows
from ddsing.errors import DatasetError, DiskFull
from ddsing.formats import tfrecord
from ddsing.model import statistics
from ddsing.sound import loudness
from ddsing.sound.pitch import instant
from tests.support import prepared_voices

PASSES = 1  # over a recording; its sound waits in a file until it is analysed and written


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return prepared_voices.unprepared(tmp_path_factory.mktemp("counts"))


@pytest.fixture
def counts(monkeypatch):
    """Decoded recordings, samples that SwiftF0 and the loudness heard, and bytes of records, by what they are."""
    found = Counter()

    def count(module, name, what, amount):
        function = getattr(module, name)

        def counting(*arguments, **options):
            result = function(*arguments, **options)
            found[what] += amount(result, *arguments)
            return result

        monkeypatch.setattr(module, name, counting)

    count(hearing, "read", "decoded", lambda decoded, *_: 1)
    count(instant.Source, "_piece", "frames heard", lambda rows, *_: len(rows))
    count(loudness, "compute", "samples of loudness", lambda curve, audio, *_: len(audio))
    count(tfrecord, "encode", "records", lambda data, *_: 1)
    count(tfrecord, "masked", "bytes of checksums", lambda crc, data, *_: len(data))
    return found


@pytest.mark.slow
def test_a_recording_is_analysed_once_and_each_window_written_once(voice, counts):
    made = prepare.prepare(voice, tracker="instant")
    n_recordings = len(voice.recordings())
    used = n_recordings - len(made.refused)
    assert 0 < counts["decoded"] <= PASSES * used + len(made.refused)
    lengths = [max(4.0, seconds) for seconds in (13.53, 1.5)]  # of what can be used; a short one is filled up
    n_frames = sum(int(np.ceil(16_000 * seconds / instant.HOP)) + 1 for seconds in lengths)
    assert 0 < counts["frames heard"] <= n_frames
    assert 0 < counts["samples of loudness"] <= sum(round(16_000 * seconds) for seconds in lengths)
    assert counts["records"] == made.n_train + made.n_held_out
    window = 4 * (2 * 64_000 + 3 * 1_000) + 1_000  # bytes: two sounds, three curves, and names
    assert counts["bytes of checksums"] <= counts["records"] * window
    counts.clear()
    assert prepare.prepare(voice, tracker="instant").reused and not counts


@pytest.mark.slow
def test_a_recording_that_was_known_before_is_decoded_once_too_and_its_sound_does_not_stay(tmp_path, counts):
    voice = prepared_voices.unprepared(tmp_path)
    scan.scan(voice)  # as the page does when recordings are added
    counts.clear()
    made = prepare.prepare(voice, tracker="instant")
    assert counts["decoded"] == len(voice.recordings()) - len(made.refused)
    assert not list(voice.dataset_folder.glob(".sounds*"))


@pytest.mark.slow
def test_what_changes_while_it_is_prepared_is_decoded_again_and_refused_where_it_is_another_sound(tmp_path, counts):
    voice = prepared_voices.unprepared(tmp_path)
    path, n_before = voice.folder / "long.flac", []

    def touched(stage, fraction):
        if stage == prepare.WRITING and not n_before:
            n_before.append(counts["decoded"])
            os.utime(path, ns=(5, 5))  # another time, the same sound

    prepare.prepare(voice, tracker="instant", progress=touched)
    assert counts["decoded"] == n_before[0] + 1
    n_before.clear()
    os.utime(path, ns=(7, 7))
    windows.exclude(voice, [0])  # so that it is written again

    def replaced(stage, fraction):
        if stage == prepare.WRITING and not n_before:
            n_before.append(counts["decoded"])
            soundfile.write(path, np.full(32_000, 0.5), 16_000)

    with pytest.raises(DatasetError, match=r"'long.flac' has changed in the meantime\. Prepare again"):
        prepare.prepare(voice, tracker="instant", progress=replaced)
    assert not list(voice.dataset_folder.glob(".sounds*"))


@pytest.mark.slow
def test_where_the_disk_has_no_room_to_spare_nothing_is_kept_and_it_is_said_before_anything_is_written(
    tmp_path, counts, monkeypatch
):
    voice = prepared_voices.unprepared(tmp_path)
    monkeypatch.setattr(disk, "free_bytes", lambda voice: 1_000)
    kept = sounds.Sounds(voice)
    scan.scan(voice, offer=kept.offer)
    assert not (voice.dataset_folder / ".sounds").exists()
    with pytest.raises(DiskFull, match=r"only 1\.0 kB are free"):
        prepare.prepare(voice, tracker="instant")


def test_the_facts_of_a_window_are_computed_of_that_window(monkeypatch):
    """Not of the whole recording for each of them, which took as long as the square of its length."""
    n_seen, n_windows, n_frames = [], 60, 60 * 250 + 750
    monkeypatch.setattr(layout, "hz_to_midi", lambda hz: n_seen.append(len(hz)) or np.zeros(len(hz)))
    curves = {name: np.ones(n_frames, np.float32) for name in ("f0_hz", "f0_confidence", "loudness_db", "power_db")}
    frames = {name: np.zeros(n_frames, bool) for name in ("silent", "clipped")}
    heard = analysis.RecordingFeatures(**curves, **frames, tracker="tiny", generation=3)
    assert len(layout.places("a", 64 * n_frames, heard)) == n_windows
    assert sum(n_seen) == 1_000 * n_windows


def test_statistics_take_no_more_than_seven_times_the_memory_of_a_curve_of_all_windows():
    """They are what preparing hours of sound holds at most."""
    curve = np.linspace(1.0, 2.0, 400_000, dtype=np.float32).reshape(400, 1000)
    curves = (220.0 * curve, curve - 1.0, -30.0 * curve, -30.0 * curve)
    tracemalloc.start()
    try:
        statistics.measure(*curves)
        assert tracemalloc.get_traced_memory()[1] < 7 * curve.nbytes
    finally:
        tracemalloc.stop()
