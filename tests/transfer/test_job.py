"""A batch as a job: all it needs lies with it; it goes on past what is bad, after a stop, and after a kill."""

import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest

from ddsing.errors import Cancelled, DdsingError, SettingsError, TakeError
from ddsing.instrument.library import Library
from ddsing.jobs.status import JobStatus
from ddsing.jobs.store import JobStore
from ddsing.sound import audio, features, recording
from ddsing.transfer import batch, edited, job, pipeline
from ddsing.transfer.job import Source
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.patience import until

FIRST, SECOND = tiny_workspace.NAMES
LOW = Settings(octave_shift=-1)


@pytest.fixture
def tiny(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "w"))


class Job:
    """As much of a job as the function sees; it asks to stop once `most` recordings are done."""

    def __init__(self, most: int | None = None):
        self.most, self.fields = most, {}

    def report(self, **fields):
        self.fields |= fields

    def should_stop(self):
        return self.most is not None and self.fields.get("step", 0) >= self.most


def sound(number, duration_s=1.2):
    return audio.encode(tiny_workspace.sung(duration_s, hz=200.0 + 15 * number))


def order(tiny, sources, **how):
    path = Library(tiny).find(FIRST).path
    return job.order(tiny, path, sources, LOW, name=FIRST, tracker="instant", **how)


def test_it_needs_nothing_that_is_deleted_meanwhile_and_goes_on_past_what_is_bad(tiny, tmp_path):
    (tmp_path / "song.wav").write_bytes(sound(0))
    sources = [
        Source("song.wav", tmp_path / "song.wav"),
        Source("x/y ♪.flac", sound(1)),
        Source("bad.mp3", b"ID3nothing"),
    ]
    made = order(
        tiny, [*sources, Source("gone.wav", tmp_path / "gone.wav"), Source("long.wav", sound(2, 4.0))], most_s=3.0
    )
    digest = Library(tiny).get(FIRST).digest
    (tmp_path / "song.wav").unlink()
    Library(tiny).delete(FIRST)
    assert not [word for word in made.options.values() if str(tmp_path) in str(word)]
    done = job.run(tiny, made.options, told := Job())
    found = [batch.Outcome.from_json(one) for one in done["recordings"]]
    assert [one.result for one in found] == [*[batch.SUNG] * 2, *[batch.FAILED] * 3]
    assert [one.name for one in found] == made.options["recordings"] and all(one.error for one in found[2:])
    assert "up to 3.0 s can be transferred" in found[4].error
    assert "gone.wav" in found[3].error and not any(job.FOLDER in one.error for one in found)
    take = TakeStore(tiny).get(found[1].take)
    assert (take.instrument_digest, take.instrument, take.source) == (digest, FIRST, "x/y ♪.flac")
    assert take.settings == LOW and (take.settings, take.tracker) == (LOW, "instant")
    assert told.fields["step"] == told.fields["steps"] == 5 and told.fields["fraction"] == 1.0
    assert done["message"] == "5 recordings: 2 sung, 3 failed." and not list((tiny.root / job.FOLDER).iterdir())
    with pytest.raises(TakeError, match="Choose them again"):
        job.run(tiny, made.options, Job())


def test_after_a_stop_only_what_is_missing_is_sung(tiny):
    made = order(tiny, [Source(f"{number}.wav", sound(number)) for number in range(3)])
    with pytest.raises(Cancelled):
        job.run(tiny, made.options, stopped := Job(most=1))
    assert len(TakeStore(tiny).list()) == 1 and len(stopped.fields["extra"]["recordings"]) == 1
    done = job.run(tiny, made.options, Job())
    assert [one["result"] for one in done["recordings"]] == [batch.THERE, batch.SUNG, batch.SUNG]
    assert len(TakeStore(tiny).list()) == 3


def test_a_mixture_sings_with_octave_slips_repaired_as_a_single_transfer_does(tiny):
    time_s = np.arange(32_000) / 16_000
    phase = 2 * np.pi * np.cumsum(np.where(abs(time_s - 1.0) < 0.15, 440.0, 220.0)) / 16_000
    leaping = audio.encode((0.1 * sum(np.sin(k * phase) / k for k in range(1, 9))).astype(np.float32))
    source, both = Source("a.wav", leaping), Morph((FIRST, SECOND), ("", ""), ((0.0, (0.7, 0.3)),))
    files = [Library(tiny).find(name).path for name in both.names]
    how = {"name": f"{FIRST} and {SECOND}", "tracker": "instant"}
    made = job.order(tiny, files, [source], LOW, morph=both, repair_octaves=True, **how)
    other = replace(both, points=((0.0, (0.6, 0.4)),))
    keys = [
        job.order(tiny, files, [source], LOW, morph=morph, repair_octaves=repair, **how).key
        for morph, repair in ((both, True), (both, False), (other, True))
    ]
    assert made.key == keys[0] and len({*keys, job.order(tiny, files[0], [source], LOW, **how).key}) == 4
    opened = [Library(tiny).get(name) for name in both.names]
    for name in both.names:
        Library(tiny).delete(name)
    (outcome,) = job.run(tiny, made.options, Job())["recordings"]
    take = TakeStore(tiny).get(outcome["take"])
    assert (take.morph.names, take.morph.points) == (both.names, both.points)
    read = recording.read(leaping, name="a.wav")
    repaired = edited.repaired(features.extract(read.audio, tracker="instant"), read.audio)
    assert len(repaired.steps) == 1 and take.edit == repaired
    alone = pipeline.run(tiny, read, opened, LOW, morph=both, tracker="instant", edit=repaired)
    assert alone.key == take.key
    assert (audio.decode(alone.folder / "result.wav") == audio.decode(take.folder / "result.wav")).all()


def test_a_file_that_is_longer_than_it_says_has_no_room(tiny):
    made = order(tiny, [Source("a.wav", sound(0))])
    done = job.run(tiny, {**made.options, "room_bytes": -job._MORE_BYTES}, Job())
    assert "longer than its file says" in done["recordings"][0]["error"] and TakeStore(tiny).list() == []


def test_what_can_t_be_ordered_is_said_and_nothing_is_left_behind(tiny, monkeypatch):
    for sources in ([], [Source("a.wav", b"")] * (job.MAX_RECORDINGS + 1)):
        with pytest.raises(SettingsError, match="choose 1 to 200"):
            order(tiny, sources)
    made = order(tiny, [Source("a.wav", sound(0))])
    assert made.key == order(tiny, [Source("a.wav", sound(0))]).key != order(tiny, [Source("b.wav", sound(0))]).key
    job.discard(tiny, made.options)
    for folder in (tiny.root / job.FOLDER).iterdir():
        os.utime(folder, (0, 0))
    last = order(tiny, [Source("a.wav", sound(0))])
    assert [path.name for path in (tiny.root / job.FOLDER).iterdir()] == [last.options["folder"]]
    for token in ("../../other", "", None, "a" * 31, 5):
        with pytest.raises(DdsingError):
            job.run(tiny, {**last.options, "folder": token}, Job())
    monkeypatch.setattr(shutil, "copyfile", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(18, "another disk")))
    with pytest.raises(TakeError, match="No space left"):
        order(tiny, [Source("a.wav", next(tiny.examples.glob("*.wav")))])
    assert len(list((tiny.root / job.FOLDER).iterdir())) == 1


def test_a_report_that_is_none_is_empty():
    assert job.outcomes(JobStatus("x", "batch", "x", None, {}, None, "x", "running")) == []


@pytest.mark.slow
def test_its_process_is_killed_and_it_is_resumed(tiny, own_locks):
    store = JobStore(tiny)
    started = store.submit(order(tiny, [Source(f"{number}.wav", sound(number, 3.0)) for number in range(6)]))
    until(lambda: (store.status(started.id).step or 0) >= 2)
    os.kill(job.JobFolder(tiny.jobs / started.id).record()["pid"], getattr(signal, "SIGKILL", signal.SIGTERM))
    until(lambda: not store.status(started.id).live)
    killed = store.status(started.id)
    assert killed.state == "lost" and 2 <= len(TakeStore(tiny).list()) < 6
    store.resume(started.id)
    until(lambda: not store.status(started.id).live)
    done = store.status(started.id)
    assert done.state == "done" and [one.name for one in job.outcomes(done)] == [f"{number}.wav" for number in range(6)]
    assert len(TakeStore(tiny).list()) == 6 == len({one.take for one in job.outcomes(done)})
