"""Guests: as many as there are places, in the order in which they came, each for some hours."""

import threading

import pytest

from ddsing.hosting import audit, guests
from ddsing.hosting.config import Guests as Settings
from ddsing.hosting.guests import Admitted, Guests, GuestsError, Over, Waiting
from ddsing.hosting.site import open_site
from tests.hosting.test_config import PEOPLE, read


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 1_800_000_000.0

        def time(self):
            return self.now_s

    made = Clock()
    monkeypatch.setattr(guests, "time", made)
    return made


@pytest.fixture
def here(engine, clock):
    return Guests(engine, Settings(allowed=True, most=2, hours=1.0))


@pytest.mark.slow
def test_the_next_ones_wait_in_the_order_in_which_they_came(here, clock):
    states = [here.come(name) for name in "abcd"]
    assert [type(state) for state in states] == [Admitted, Admitted, Waiting, Waiting]
    assert [state.place for state in states[2:]] == [1, 2]
    here.leave("a")
    assert here.look("d") == Waiting(2)  # though the first to ask
    assert isinstance(here.look("c"), Admitted) and here.look("d") == Waiting(1)
    assert here.look("a") == Over()


def test_who_has_closed_the_waiting_page_is_passed_and_keeps_the_place(here, clock):
    for name in "abcd":
        here.come(name)
    clock.now_s += guests.AWAY_S + 1
    assert here.look("d") == Waiting(1)
    assert here.look("c") == Waiting(1) and here.look("d") == Waiting(2)


def test_time_is_over_after_its_hours(here, clock):
    admitted = here.come("a")
    assert admitted.ends_s == clock.now_s + 3600.0
    here.come("b")
    here.come("c")
    clock.now_s += 3600.0
    assert here.look("a") == Over() and here.come("a") == Over()
    assert isinstance(here.look("c"), Admitted)


def test_a_reload_is_the_same_guest(here):
    assert here.come("a") == here.come("a") == here.look("a")
    assert isinstance(here.come("b"), Admitted)


def test_a_cookie_that_is_not_known_is_nobody(here, engine):
    assert here.look("forged") == Over() and here.ended("forged")
    with pytest.raises(GuestsError, match="not admitted"):
        Guests(engine, Settings()).come("a")
    here.come("a")
    assert Guests(engine, Settings()).look("a") == Over()


def test_the_line_has_an_end(here, monkeypatch):
    monkeypatch.setattr(guests, "LONGEST_LINE", 1)
    for name in "abc":
        here.come(name)
    with pytest.raises(GuestsError, match="later"):
        here.come("d")


@pytest.mark.slow
def test_many_at_once_are_no_more_than_there_are_places(engine):
    here, found = Guests(engine, Settings(allowed=True, most=3, hours=1.0)), []
    threads = [threading.Thread(target=lambda name=str(n): found.append(here.come(name))) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12 and sum(isinstance(state, Admitted) for state in found) == 3


def test_what_a_guest_made_is_deleted_afterwards_and_nothing_else(tmp_path, clock):
    site = open_site(read(tmp_path, PEOPLE))
    first, second = site.guests.come("a"), site.guests.come("b")
    for state in (first, second):
        folder = site.guest_folder(state.id)
        folder.mkdir(parents=True)
        (folder / "take.wav").write_bytes(b"x")
    member = site.member_folder("ab" * 20)
    member.mkdir(parents=True)
    assert site.clean() == 0
    site.guests.leave("a")
    assert site.clean() == 1 and site.clean() == 0
    assert not site.guest_folder(first.id).exists() and (site.guest_folder(second.id) / "take.wav").exists()
    site.guest_folder(first.id).mkdir()  # a work that was still at it
    clock.now_s += 4 * 3600.0
    assert site.clean() == 1
    assert not any((site.config.root / "guests").iterdir()) and member.is_dir()
    assert [entry.what for entry in reversed(audit.newest(site.engine))] == [
        "came in",
        "came in",
        "left",
        "workspace deleted",
        "workspace deleted",
    ]
    site.engine.dispose()
