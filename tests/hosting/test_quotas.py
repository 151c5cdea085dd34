"""What each person may use: refused before anything is kept, with the numbers, and counted for one person only."""

import dataclasses
import shutil
import time

import numpy as np
import pytest
import soundfile
from sqlalchemy import delete, insert

from ddsing import storage
from ddsing.dataset import adding, voices
from ddsing.hosting import admission, audit, chores, tables, use
from ddsing.hosting import site as site_module
from ddsing.hosting.config import Limits
from ddsing.hosting.people import People
from ddsing.hosting.quotas import Quota, QuotaError
from ddsing.hosting.site import open_site
from ddsing.hosting.use import Use
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace
from tests.hosting.test_admission import CLAIMS
from tests.hosting.test_config import PEOPLE, read
from tests.support import idle_jobs, running_jobs, tiny_workspace
from tests.support.running_jobs import at_once, closed_at_the_end, wait_for_step

HOUR_S = 3600.0


@pytest.fixture(autouse=True)
def _locks(own_locks):
    """No test waits for another's device."""


@pytest.fixture
def person(engine):
    """Gives the number of a new person."""

    def enter(name):
        found = admission.identity({**CLAIMS, "sub": name, "iat": time.time()})
        return People(engine, session_hours=8.0).enter(found, "member").person

    return enter


@pytest.fixture
def counted(engine, tmp_path):
    return Use(engine, lambda workspace: tmp_path / workspace)


@pytest.fixture
def quota(tmp_path):
    """Makes the quota of somebody with a tiny workspace, its limits as told."""
    tiny_workspace.fill(tmp_path / "ann")

    def make(person=None, use=None, **limits):
        return Quota(Limits(**limits), Workspace(tmp_path / "ann"), 600.0, person, use)

    return make


def recording(folder, name, seconds, *, hz=220.0):
    folder.mkdir(exist_ok=True)
    time_s = np.arange(int(seconds * 16_000)) / 16_000
    soundfile.write(folder / name, 0.3 * np.sin(2 * np.pi * hz * time_s), 16_000)
    return folder / name


# Bytes and minutes


def test_what_does_not_fit_is_refused_with_the_numbers_and_what_to_delete(quota, tmp_path):
    used = storage.total_bytes(Workspace(tmp_path / "ann"))
    small = quota(workspace_gb=(used + 1000) / 1e9)
    small.require_bytes("The take", 1000)
    with pytest.raises(QuotaError) as raised:
        small.require_bytes("The take", 2000)
    assert "The take needs 2.0 kB, and 1.0 kB of your" in str(raised.value)
    assert "Delete recordings" in str(raised.value) or "Delete instruments" in str(raised.value)


def test_the_trash_is_named_first_where_it_is_enough(quota, tmp_path):
    voice = voices.get(Workspace(tmp_path / "ann"), "alto")
    voices.remove(voice, "one.wav")
    used = storage.total_bytes(Workspace(tmp_path / "ann"))
    full = quota(workspace_gb=used / 1e9)
    with pytest.raises(QuotaError, match="Empty the trash"):
        full.require_bytes("The take", 2000)
    storage.empty_trash(Workspace(tmp_path / "ann"))
    full.require_bytes("The take", 2000)


def test_of_several_recordings_those_are_added_that_fit(quota, tmp_path):
    voice = voices.get(Workspace(tmp_path / "ann"), "alto")
    files = [recording(tmp_path / "new", f"{n}.wav", 20.0, hz=200.0 + n) for n in range(3)]
    with quota(recording_minutes=1.0).adding() as room:
        done = adding.add(voice, files, room=room)
    assert done.added == ("0.wav", "1.wav") and [name for name, _ in done.refused] == ["2.wav"]
    assert "1 minutes of recordings" in done.refused[0][1] and "Delete recordings" in done.refused[0][1]
    assert not (voice.folder / "2.wav").exists()


def test_two_tabs_together_add_no_more_than_fits(quota, tmp_path):
    voice = voices.get(Workspace(tmp_path / "ann"), "alto")
    mine, found = quota(recording_minutes=1.0), []
    files = [recording(tmp_path / "new", f"{n}.wav", 20.0, hz=200.0 + n) for n in range(6)]

    def add(file):
        with mine.adding() as room:
            found.append(adding.add(voice, [file], room=room))

    at_once([lambda file=file: add(file) for file in files])
    assert sum(len(done.added) for done in found) == 2 and sum(len(done.refused) for done in found) == 4


def test_a_transfer_is_as_long_as_allowed(quota):
    member, guest = quota(person=1), dataclasses.replace(quota(), transfer_s=30.0)
    member.require_transfer(600.0)
    with pytest.raises(QuotaError, match="You can transfer up to 10 min 00 s, and this recording is"):
        member.require_transfer(601.0)
    with pytest.raises(QuotaError, match="Guests can transfer up to 30 s"):
        guest.require_transfer(31.0)


def test_a_take_at_48_khz_needs_its_own_bytes_and_so_does_one_whose_rate_is_not_known(quota, tmp_path):
    used = storage.total_bytes(Workspace(tmp_path / "ann"))
    small = quota(person=1, workspace_gb=(used + 1e6) / 1e9)
    small.require_transfer(2.0, 16_000)
    for rate in ((48_000,), ()):
        with pytest.raises(QuotaError, match="The take needs 1.6 MB, and 1.0 MB of your"):
            small.require_transfer(2.0, *rate)


# Jobs


class Started:
    """A launcher that notes what it would start."""

    def __init__(self):
        self.folders = []

    def start(self, folder):
        self.folders.append(folder)


def test_many_clicks_start_no_more_jobs_than_allowed(quota):
    mine, launcher, refused = quota(live_jobs=3), Started(), []

    def submit(n):
        try:
            idle_jobs.submit(JobStore(mine.workspace, launcher=launcher, guard=mine), key=f"train:{n}")
        except QuotaError as error:
            refused.append(str(error))

    at_once([lambda n=n: submit(n) for n in range(20)])
    assert len(launcher.folders) == 3 and len(refused) == 17
    assert "You have 3 jobs running or waiting, and 3 is the most" in refused[0]
    assert len(list((mine.workspace.root / "jobs").glob("*-train-*"))) == 3  # and nothing of the others


def test_resuming_is_starting(quota):
    mine = quota(live_jobs=1)
    store = JobStore(mine.workspace, launcher=Started(), guard=mine)
    first = idle_jobs.submit(store)
    idle_jobs.write(store, first, state="stopped")
    second = idle_jobs.submit(store, key="train:other")
    with pytest.raises(QuotaError, match="1 is the most"):
        store.resume(first.id)
    idle_jobs.write(store, second, state="stopped")
    assert store.resume(first.id).live


def test_a_job_whose_results_do_not_fit_does_not_start(quota, tmp_path):
    mine = quota(workspace_gb=0.1)
    store = JobStore(mine.workspace, launcher=Started(), guard=mine)
    with pytest.raises(QuotaError, match=r"'Train Aria' needs 200.0 MB"):
        idle_jobs.submit(store, needs_bytes=400_000_000, spare_bytes=200_000_000)
    assert idle_jobs.submit(store, needs_bytes=200_000_000, spare_bytes=200_000_000).live


def test_the_minutes_of_the_day_are_used_up_and_are_back_the_next_day(quota, person, counted, tmp_path, monkeypatch):
    ann = person("ann")
    mine = dataclasses.replace(quota(person=ann.id, use=counted, device_minutes_per_day=60), person=ann.id)
    (tmp_path / ann.workspace).symlink_to(tmp_path / "ann")
    store = JobStore(mine.workspace, launcher=Started(), guard=mine)
    job = idle_jobs.submit(store, device="cpu")
    midnight_s = use.day_ends_s(time.time())
    idle_jobs.write(store, job, state="done", started=time.time(), ended=midnight_s + 61 * 60.0)
    now = type("Clock", (), {"time": staticmethod(lambda: midnight_s + 2 * HOUR_S)})
    monkeypatch.setattr(use, "time", now)
    assert counted.today_s(ann.id) == 0.0
    with pytest.raises(QuotaError, match="Your 60 minutes of training for today are used"):
        idle_jobs.submit(store, key="train:other", device="cpu")
    assert idle_jobs.submit(store, key="prepare:x").live  # which needs no device
    assert counted.today_s(ann.id) == pytest.approx(61 * 60.0) and counted.watched() == []
    now.time = staticmethod(lambda: midnight_s + 25 * HOUR_S)
    assert idle_jobs.submit(store, key="train:third", device="cpu").live
    assert [one.job.name for one in counted.watched(ann.id)] != []


def test_time_is_counted_once_whoever_counts(person, counted, tmp_path, monkeypatch):
    ann, bob = person("ann"), person("bob")
    now = type("Clock", (), {"time": staticmethod(lambda: 1_800_000_000.0)})
    monkeypatch.setattr(use, "time", now)
    job = JobFolder(tmp_path / ann.workspace / "jobs" / "train-1")
    job.create({"kind": "train", "device": "cpu"})
    counted.watch(ann.id, job.path)
    job.write_record({"state": "waiting", "device": "cpu"})
    now.time = staticmethod(lambda: 1_800_000_100.0)
    counted.count()
    assert counted.today_s(ann.id) == 0.0  # it waited
    job.write_record({"state": "done", "started": 1_800_000_150.0, "ended": 1_800_000_250.0})
    now.time = staticmethod(lambda: 1_800_000_300.0)
    at_once([counted.count] * 6)
    assert counted.today_s(ann.id) == pytest.approx(100.0) and counted.today_s(bob.id) == 0.0
    counted.watch(ann.id, job.path)  # resumed
    job.write_record({"state": "stopped", "started": 1_800_000_350.0, "ended": 1_800_000_360.0})
    now.time = staticmethod(lambda: 1_800_000_400.0)
    counted.count(bob.id)
    assert counted.today_s(ann.id) == pytest.approx(100.0)
    counted.count(ann.id)
    assert counted.today_s(ann.id) == pytest.approx(110.0)
    counted.watch(ann.id, job.path)
    shutil.rmtree(job.path)
    counted.count()
    assert counted.watched() == []


def test_one_server_does_a_chore_for_all(engine):
    found = []
    at_once([lambda: found.append(chores.due(engine, "sweep", 60.0)) for _ in range(6)])
    assert sorted(found) == [False] * 5 + [True]
    assert chores.due(engine, "another", 60.0) and chores.due(engine, "sweep", 0.0)


@pytest.fixture
def site(tmp_path):
    made = open_site(read(tmp_path, "[limits]\ndevice_minutes_per_day = 1\n" + PEOPLE))
    yield made
    made.engine.dispose()


@pytest.mark.slow
def test_a_run_that_uses_up_the_day_is_stopped_and_saves(site, monkeypatch, own_locks):
    found = admission.identity({**CLAIMS, "sub": "ann", "iat": time.time()})
    ann = site.people.enter(found, "member").person
    root = site.member_folder(ann.workspace)
    root.mkdir(parents=True)
    mine = Quota(site.config.limits, Workspace(root), 600.0, ann.id, site.use)
    store = running_jobs.open_store(root)
    store._guard = mine
    with closed_at_the_end(store):
        job = running_jobs.submit(store, device="cpu", steps=running_jobs.ENDLESS)
        wait_for_step(store, job)
        site.count_use()
        assert store.status(job.id).state == "running"
        with site.engine.begin() as connection:
            used = {"person": ann.id, "day": use.day(time.time()), "device_s": 60.0}
            connection.execute(delete(tables.device_use))
            connection.execute(insert(tables.device_use).values(used))
        site.count_use()
        assert store.status(job.id).state == "running"  # another server has just counted
        monkeypatch.setattr(site_module, "COUNTED_EVERY_S", 0.0)
        site.count_use()
        assert running_jobs.wait_for(store, job, "stopped").resumable
        with pytest.raises(QuotaError, match="Your 1 minutes of training for today"):
            store.resume(job.id)
    assert ("job stopped", "minutes of the day used") in [(one.what, one.about) for one in audit.newest(site.engine)]
