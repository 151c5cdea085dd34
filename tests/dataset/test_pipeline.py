"""Recordings analysed while others are read and finished: in which order, how many at a time, and what stops them."""

import threading
from collections import Counter

import numpy as np
import pytest

from ddsing.dataset import analysis, manifest, pipeline, prepare, sounds, writing
from ddsing.dataset.sounds import Sounds
from ddsing.errors import Cancelled, DatasetError
from ddsing.formats import tfrecord
from ddsing.sound import pitch
from ddsing.sound.audio import encode
from ddsing.sound.features import FeatureCache
from tests.support import dataset_signals as signals
from tests.support import prepared_voices
from tests.support.patience import PATIENCE_S
from tests.support.prepared_voices import content

N = 5  # recordings


@pytest.fixture
def voice(tmp_path):
    return sung_by(tmp_path)


def sung_by(folder):
    made = prepared_voices.unprepared(folder)
    made.dataset_folder.mkdir()
    for path in made.recordings():
        path.unlink()
    for number in range(N):
        (made.folder / f"{number}.wav").write_bytes(encode(signals.voice(4.5, midi=55.0 + number, seed=number)))
    return made


class Seen:
    """Counts the sounds that are under way and the networks at work, and notes what begins and ends."""

    def __init__(self, monkeypatch):
        self.now, self.most, self.order = Counter(), Counter(), []
        self._changed = threading.Condition()
        analyse, of, blocks, put = analysis.analyse, Sounds.of, pitch.Tracking.blocks, FeatureCache.put

        def analysing(*arguments, **options):
            try:
                return analyse(*arguments, **options)
            finally:
                self.note("sounds", -1)

        def reading(kept, facts, **options):
            self.note("sounds", 1, f"read {facts.name[0]}")
            return of(kept, facts, **options)

        def hearing(tracking, part, **options):
            self.note("networks", 1, "heard")
            try:
                self.hear()
                yield from blocks(tracking, part, **options)
            finally:
                self.note("networks", -1)

        def keeping(*arguments, **curves):
            self.keep()
            put(*arguments, **curves)
            self.note("kept", 1, "kept")

        self.hear = self.keep = lambda: None
        monkeypatch.setattr(analysis, "analyse", analysing)
        monkeypatch.setattr(Sounds, "of", reading)
        monkeypatch.setattr(pitch.Tracking, "blocks", hearing)
        monkeypatch.setattr(FeatureCache, "put", keeping)

    def note(self, what, change, event=""):
        with self._changed:
            self.now[what] += change
            self.most[what] = max(self.most[what], self.now[what])
            self.order += [event] if event else []
            self._changed.notify_all()

    def wait_for(self, event, number):
        with self._changed:
            return self._changed.wait_for(lambda: self.order.count(event) >= number, PATIENCE_S)


@pytest.mark.slow
def test_the_next_is_read_while_one_is_heard_which_is_finished_while_the_next_is_heard(voice, monkeypatch):
    seen = Seen(monkeypatch)
    seen.hear = lambda: seen.wait_for(f"read {min(seen.order.count('heard'), N - 1)}", 1) or pytest.fail("not ahead")
    seen.keep = lambda: (
        seen.wait_for("heard", min(seen.order.count("kept") + 2, N)) or pytest.fail("kept before the next is heard")
    )
    made = prepare.prepare(voice, tracker="instant")
    assert made.n_analysed == N and seen.order.count("kept") == N
    assert seen.most["sounds"] == 2 and seen.most["networks"] == 1, "bounded memory, and one network at a time"


@pytest.mark.slow
@pytest.mark.parametrize("tracker", ["instant", "tiny"])
def test_the_result_is_that_of_one_after_the_other_to_the_last_bit(voice, tmp_path, monkeypatch, tracker):
    prepare.prepare(voice, tracker=tracker)
    together = content(voice)
    other = sung_by(tmp_path / "other")
    store, usable = analysis.store(other), prepare.scan(other)
    with sounds.kept(other) as kept:
        for facts in usable:  # the plain way, and its windows looked at when they are written
            analysis.analyse(store, kept.of(facts), tracker)
        writing.write(manifest.Plan(other, tracker, usable, []), store, kept, {}, progress=lambda fraction: None)
    assert content(other) == together


@pytest.mark.slow
def test_what_is_told_rises_to_the_end_and_what_it_raises_stops_all_and_is_raised(voice):
    told = []
    usable = prepare.scan(voice)
    with sounds.kept(voice) as kept:
        pipeline.analyse(voice, analysis.store(voice), usable, "instant", told.append, kept)
    assert told == sorted(told) and told[0] == 0.0 and told[-1] == pytest.approx(1.0) and len(told) >= 2 * N

    def stop(fraction):
        told.append(fraction)
        if fraction > 0.3:
            raise Cancelled("Stopped.")

    told.clear()
    with sounds.kept(voice) as kept, pytest.raises(Cancelled, match="Stopped"):
        pipeline.analyse(voice, analysis.store(voice), usable, "tiny", stop, kept)
    assert told[-1] > 0.3 and told[-2] <= 0.3, "nobody goes on"


@pytest.mark.slow
def test_what_goes_wrong_in_one_is_said_and_not_that_the_other_was_stopped(voice):
    usable = prepare.scan(voice)
    (voice.folder / "1.wav").write_bytes(encode(np.full(32_000, 0.5, np.float32)))
    with sounds.kept(voice) as kept, pytest.raises(DatasetError, match=r"'1\.wav' has changed in the meantime"):
        pipeline.analyse(voice, analysis.store(voice), usable, "tiny", lambda fraction: None, kept)


@pytest.mark.slow
def test_a_file_of_records_that_can_t_be_finished_is_an_error_and_leaves_what_was_there(voice, monkeypatch):
    monkeypatch.setattr(writing, "_SHARD_BYTES", 2e6)  # several files, each finished while the next is written
    prepare.prepare(voice, tracker="instant")
    before, close = content(voice), tfrecord.RecordWriter.close
    assert sum("train" in name for name in before) > 1
    closed = []

    def closing(writer):
        closed.append(writer)
        close(writer)
        if len(closed) == 1:
            raise OSError(5, "Input/output error")

    (voice.folder / "new.wav").write_bytes(encode(signals.voice(4.5, midi=70.0, seed=9)))
    with monkeypatch.context() as patch:
        patch.setattr(tfrecord.RecordWriter, "close", closing)
        with pytest.raises(OSError, match="Input/output"):
            prepare.prepare(voice, tracker="instant")
    left = content(voice)
    assert {name: left[name] for name in before} == before and not list(voice.dataset_folder.glob(".writing-*"))
    assert prepare.prepare(voice, tracker="instant").n_analysed == 0, "what was found of the new one is there"
