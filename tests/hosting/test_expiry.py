"""Workspaces that nobody opens: into the trash, restored by a visit, deleted later; never while somebody comes."""

import threading

import pytest

from ddsing.hosting import admission, audit, expiry, people
from ddsing.hosting.config import Expiry as Settings
from ddsing.hosting.expiry import Expiry
from ddsing.hosting.people import People
from ddsing.jobs.folder import JobFolder
from tests.hosting.test_admission import CLAIMS

DAY_S = 24 * 3600.0


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 1_800_000_000.0

        def time(self):
            return self.now_s

    made = Clock()
    monkeypatch.setattr(people, "time", made)
    monkeypatch.setattr(expiry, "time", made)
    return made


@pytest.fixture
def here(engine, clock, tmp_path):
    return Expiry(engine, tmp_path, Settings(days=100, warning_days=10, trash_days=20), lambda name: tmp_path / name)


@pytest.fixture
def visit(engine, clock, tmp_path, here):
    """Somebody signs in, as a page has it; their workspace is made if it is not there."""

    def enter(name):
        found = admission.identity({**CLAIMS, "sub": name, "iat": clock.now_s, "nonce": str(clock.now_s)})
        person = People(engine, session_hours=8.0).enter(found, "member").person
        folder = tmp_path / person.workspace
        if not folder.is_dir():
            here.restore(person)
        if not folder.is_dir():
            folder.mkdir()
            (folder / "made.txt").write_text(str(clock.now_s))
        return person, folder

    return enter


def what(engine):
    return [entry.what for entry in reversed(audit.newest(engine)) if entry.what.startswith("workspace")]


def test_it_goes_to_the_trash_and_comes_back_with_its_owner(here, visit, clock, engine, tmp_path):
    _, ann = visit("ann")
    clock.now_s += 50 * DAY_S
    _, bob = visit("bob")
    clock.now_s += 50 * DAY_S - 1
    assert here.run() == (0, 0)
    clock.now_s += 1
    assert here.run() == (1, 0) and here.run() == (0, 0)
    assert not ann.exists() and bob.is_dir() and (tmp_path / "trash" / ann.name / "made.txt").exists()
    clock.now_s += 20 * DAY_S - 1
    assert here.run() == (0, 0)
    person, _ = visit("ann")
    assert (ann / "made.txt").read_text() == "1800000000.0" and not (tmp_path / "trash" / ann.name).exists()
    assert "expired after 100 days without a visit. It is restored." in here.notice(person)
    clock.now_s += 2 * DAY_S
    assert here.run() == (0, 0) and ann.is_dir()
    assert what(engine) == ["workspace expired", "workspace restored"]


def test_it_is_deleted_later_and_the_owner_begins_anew(here, visit, clock, engine, tmp_path):
    _, ann = visit("ann")
    clock.now_s += 100 * DAY_S
    assert here.run() == (1, 0)
    clock.now_s += 20 * DAY_S
    assert here.run() == (0, 1) and here.run() == (0, 0)
    assert list((tmp_path / "trash").iterdir()) == []
    person, _ = visit("ann")
    assert (ann / "made.txt").read_text() == str(clock.now_s) and "start with a new one" in here.notice(person)
    assert what(engine) == ["workspace expired", "workspace deleted"]


def test_who_comes_shortly_before_is_told_when_it_would_have_been(here, visit, clock):
    visit("ann")
    clock.now_s += 89 * DAY_S
    person, _ = visit("ann")
    assert here.notice(person) == ""
    clock.now_s += 91 * DAY_S
    person, _ = visit("ann")
    said = here.notice(person)
    assert "You were last here on 14 April 2027." in said and "would have expired on 23 July 2027" in said
    clock.now_s += DAY_S
    person, _ = visit("ann")
    assert here.notice(person) == ""  # the next session


def test_live_jobs_keep_it(here, visit, clock):
    _, ann = visit("ann")
    job = JobFolder(ann / "jobs" / "train-1")
    job.create({"kind": "train", "title": "Train", "options": {}})
    lock = job.take()
    try:
        job.write_record({"state": "running"})
        clock.now_s += 200 * DAY_S
        assert here.run() == (0, 0) and ann.is_dir()
    finally:
        lock.release()
    job.write_record({"state": "done"})
    assert here.run() == (1, 0)


def test_a_visit_while_it_expires_never_meets_half_a_workspace(here, visit, clock, tmp_path):
    _, ann = visit("ann")
    clock.now_s += 100 * DAY_S
    threads = [threading.Thread(target=here.run) for _ in range(3)] + [
        threading.Thread(target=visit, args=("ann",)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (ann / "made.txt").read_text() == "1800000000.0"
    assert here.run() == (0, 0) and not list((tmp_path / "trash").glob("*"))
