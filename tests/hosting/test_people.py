"""People and sessions: who is who, when a session is over, and that a sign-out ends all of them."""

import dataclasses
import threading

import pytest

from ddsing.hosting import admission, audit, people
from ddsing.hosting.people import People, SessionOver
from tests.hosting.test_admission import CLAIMS

HOUR_S = 3600.0


@pytest.fixture
def clock(monkeypatch):
    """The time in the database's eyes; it passes when it is told to."""

    class Clock:
        now_s = float(CLAIMS["iat"])

        def time(self):
            return self.now_s

    made = Clock()
    monkeypatch.setattr(people, "time", made)
    return made


@pytest.fixture
def here(engine, clock):
    return People(engine, session_hours=8.0)


def sign_in(nonce="n1", clock=None, **changes):
    issued_s = CLAIMS["iat"] if clock is None else clock.now_s
    return admission.identity({**CLAIMS, "nonce": nonce, "iat": issued_s, **changes})


def what(engine):
    return [entry.what for entry in reversed(audit.newest(engine))]


def test_a_person_is_the_same_at_each_sign_in_and_another_by_another_provider(here, engine):
    first = here.enter(sign_in("n1"), "member").person
    assert here.enter(sign_in("n2"), "member").person.id == first.id
    renamed = here.enter(sign_in("n3", name="Anna", email="anna@example.org"), "admin").person
    assert renamed.id == first.id and renamed.workspace == first.workspace
    other = here.enter(sign_in("n4", iss="https://other.example"), "member").person
    assert other.id != first.id and other.workspace != first.workspace
    assert what(engine) == ["signed in"] * 4 and len(here.list()) == 2
    kept = next(one for one in here.list() if one.id == first.id)
    assert (kept.name, kept.address, kept.role) == ("Anna", "anna@example.org", "admin")


def test_a_session_ends_after_its_hours_though_the_cookie_lives(here, clock):
    found = sign_in()
    assert here.enter(found, "member").ends_s == clock.now_s + 8 * HOUR_S
    clock.now_s += 8 * HOUR_S - 1
    here.enter(found, "member")
    clock.now_s += 1
    with pytest.raises(SessionOver, match="Sign in again"):
        here.enter(found, "member")
    assert here.enter(sign_in("n2", clock), "member")


def test_a_cookie_that_was_never_used_ends_too(here, clock):
    found = sign_in()
    clock.now_s += 9 * HOUR_S
    with pytest.raises(SessionOver):
        here.enter(found, "member")
    assert here.list() == []


def test_an_old_session_that_is_forgotten_stays_over(here, clock):
    found = sign_in()
    here.enter(found, "member")
    here.sign_out(found)
    clock.now_s += 8 * HOUR_S
    assert here.forget_old_sessions() == 0
    clock.now_s += 25 * HOUR_S
    assert here.forget_old_sessions() == 1
    with pytest.raises(SessionOver):
        here.enter(found, "member")


def test_signing_out_ends_all_sessions_of_one_person_only(here, engine):
    laptop, phone, other = sign_in("laptop"), sign_in("phone"), sign_in("other", sub="bob")
    for found in (laptop, phone, other):
        here.enter(found, "member")
    here.sign_out(laptop)
    for found in (laptop, phone):
        with pytest.raises(SessionOver, match="signed out"):
            here.enter(found, "member")
    assert here.enter(other, "member")
    assert here.enter(sign_in("again"), "member")
    here.sign_out(phone)  # a tab that was left open does not end the new session
    assert here.enter(sign_in("again"), "member")
    assert what(engine).count("signed out") == 1


def test_somebody_who_is_blocked_is_out_at_once(here, engine):
    person = here.enter(sign_in(), "member").person
    here.block(person, True, by="person 9")
    for found in (sign_in(), sign_in("n2")):
        with pytest.raises(SessionOver, match="closed your account"):
            here.enter(found, "member")
    here.block(person, False, by="person 9")
    with pytest.raises(SessionOver, match="signed out"):
        here.enter(sign_in(), "member")  # a cookie from before, wherever it is
    assert here.enter(sign_in("n3"), "member")
    assert [(one.who, one.what) for one in audit.newest(engine) if "blocked" in one.what] == [
        ("person 9", "unblocked"),
        ("person 9", "blocked"),
    ]


def test_tabs_that_open_at_once_make_one_person_and_one_session(here, engine):
    found, errors = sign_in(), []

    def enter():
        try:
            here.enter(found, "member")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and len(here.list()) == 1 and what(engine) == ["signed in"]


def test_names_are_for_people_and_the_log_has_none(here, engine):
    person = here.enter(sign_in(), "member").person
    assert person.called == "Ann" and dataclasses.replace(person, name="").called == "Ann@Example.org"
    assert not any("ann" in f"{one.who} {one.about}".lower() for one in audit.newest(engine))
