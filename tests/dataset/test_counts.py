"""What preparing a dataset does, counted: what is analysed and written is so once, however busy the machine is."""

from collections import Counter

import numpy as np
import pytest

from ddsing.dataset import hearing, prepare
from ddsing.formats import tfrecord
from ddsing.sound import loudness
from ddsing.sound.pitch import instant
from tests.support import prepared_voices

PASSES = 3  # over a recording: to know it, to analyse it, and to write it; in between it is not in memory


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
