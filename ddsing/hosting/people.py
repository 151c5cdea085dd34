"""People and their sessions, in the database.

A session is one sign-in at a provider. It begins when it is first seen here and ends after the hours that the file
gives, whatever the browser's cookie says; or at once, in all tabs and browsers, when the person signs out or is
blocked, because that counts up the person's generation, and a session of an earlier one is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from ddsing.errors import DdsingError
from ddsing.hosting import admission, audit, database
from ddsing.hosting.admission import Identity, Role
from ddsing.hosting.tables import people, sessions

_SEEN_EVERY_S = 60.0  # how exactly the last visit is known
_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S


class SessionOver(DdsingError):
    """A session that has ended: by its time, by a sign-out, or because the person was blocked."""


class KnownAlready(DdsingError):
    """Somebody to be added who is there."""


@dataclass(frozen=True)
class Person:
    """Somebody with an account.

    Attributes
    ----------
    id : int
        The number in the database; in the audit log, ``person 12``.
    workspace : str
        The name of the workspace's folder.
    before_s : float or None
        The last visit before the session of now, in seconds since 1970; None for a first one.
    expired_s : float or None
        When the workspace went to the trash; None for one that did not.
    """

    id: int
    issuer: str
    subject: str
    name: str
    address: str
    role: str
    workspace: str
    generation: int
    blocked: bool
    created_s: float
    seen_s: float
    before_s: float | None = None
    expired_s: float | None = None

    @property
    def called(self) -> str:
        """The name, or what else is known."""
        return self.name or self.address or "Member"

    @property
    def who(self) -> str:
        """As the audit log names them."""
        return f"person {self.id}"


@dataclass(frozen=True)
class Visit:
    """A person in a session that has not ended; `ends_s` is when it will."""

    person: Person
    ends_s: float


class People:
    """The people in a database; a session lasts `session_hours`."""

    def __init__(self, engine: Engine, *, session_hours: float) -> None:
        self._engine = engine
        self._session_s = session_hours * _HOUR_S

    def enter(self, found: Identity, role: Role) -> Visit:
        """The visit of somebody who may come in; a sign-in that is not known yet begins a session.

        Raises `SessionOver` if the session has ended.
        """
        now_s = time.time()
        visit = self._known(found, now_s) or self._begin(found, role, now_s)
        if now_s - visit.person.seen_s > _SEEN_EVERY_S or _changed(visit.person, found, role):
            self._see(visit.person, found, role, now_s)
        return visit

    def sign_out(self, found: Identity) -> None:
        """End all sessions of somebody; nothing happens if this one has ended already."""
        with database.writing(self._engine) as connection:
            person = _person(connection, found)
            mine = select(sessions.c.generation).where(sessions.c.id == found.session)
            if person is not None and connection.execute(mine).scalar() == person.generation:
                count_up = {"generation": people.c.generation + 1}
                connection.execute(update(people).where(people.c.id == person.id).values(count_up))
                audit.write(connection, person.who, "signed out")

    def block(self, person: Person, blocked: bool, *, by: str) -> None:
        """Keep somebody out, which ends all their sessions, or let them sign in again."""
        values: dict[str, Any] = {"blocked": blocked}
        if blocked:
            values["generation"] = people.c.generation + 1
        with database.writing(self._engine) as connection:
            connection.execute(update(people).where(people.c.id == person.id).values(values))
            audit.write(connection, by, "blocked" if blocked else "unblocked", person.who)

    def add(self, person: Person, *, place: Callable[[Person], None], by: str = "command line") -> Person:
        """Add somebody who has never signed in here; returns them with their number.

        `place` is called when they are added, and nothing is kept if it raises. Raises `KnownAlready`.
        """
        with database.writing(self._engine) as connection:
            same = (people.c.issuer == person.issuer) & (people.c.subject == person.subject)
            if connection.execute(select(people.c.id).where(same)).first() is not None:
                raise KnownAlready(f"{person.called} is on this server already, and stays as before.")
            values = {name: value for name, value in asdict(person).items() if name != "id"}
            number = connection.execute(insert(people).values(values)).inserted_primary_key[0]  # type: ignore[index]
            added = replace(person, id=number)
            audit.write(connection, by, "imported", added.who)
            place(added)
        return added

    def list(self) -> list[Person]:
        """Everybody, the last visit first."""
        wanted = select(people).order_by(people.c.seen_s.desc())
        with database.reading(self._engine) as connection:
            return [Person(**row._mapping) for row in connection.execute(wanted)]

    def find(self, number: int) -> Person | None:
        """Somebody by their number; None if nobody has it."""
        with database.reading(self._engine) as connection:
            row = connection.execute(select(people).where(people.c.id == number)).first()
        return None if row is None else Person(**row._mapping)

    def count_sessions(self) -> int:
        """How many sign-ins have not ended."""
        same = (people.c.id == sessions.c.person) & (people.c.generation == sessions.c.generation)
        going = (sessions.c.signed_in_s > time.time() - self._session_s) & people.c.blocked.is_(False)
        wanted = select(func.count()).select_from(sessions.join(people, same)).where(going)
        with database.reading(self._engine) as connection:
            return connection.execute(wanted).scalar_one()

    def forget_old_sessions(self) -> int:
        """Delete sessions so old that their cookies are refused without them; returns how many."""
        before_s = time.time() - self._session_s - _DAY_S
        with database.writing(self._engine) as connection:
            return connection.execute(delete(sessions).where(sessions.c.signed_in_s < before_s)).rowcount

    def _known(self, found: Identity, now_s: float) -> Visit | None:
        wanted = (
            select(people, sessions.c.signed_in_s, sessions.c.generation.label("of_session"))
            .join(sessions, sessions.c.person == people.c.id)
            .where(sessions.c.id == found.session)
        )
        with database.reading(self._engine) as connection:
            row = connection.execute(wanted).first()
        if row is None:
            return None
        values: dict[str, Any] = dict(row._mapping)
        signed_in_s, of_session = values.pop("signed_in_s"), values.pop("of_session")
        person = Person(**values)
        if person.blocked:
            raise SessionOver("An admin has closed your account here. Your files are kept.")
        if of_session != person.generation:
            raise SessionOver("You are signed out. Your work is kept.")
        if now_s >= signed_in_s + self._session_s:
            raise SessionOver("Your session has ended. Sign in again to continue; your work is kept.")
        return Visit(person, signed_in_s + self._session_s)

    def _begin(self, found: Identity, role: Role, now_s: float) -> Visit:
        if now_s >= found.issued_s + self._session_s:  # a cookie that outlived its session
            raise SessionOver("Your session has ended. Sign in again to continue; your work is kept.")
        with database.writing(self._engine) as connection:
            known = _person(connection, found)
            person = known or _add(connection, found, role, now_s)
            there = connection.execute(select(sessions.c.id).where(sessions.c.id == found.session)).first()
            if there is None:
                values = {
                    "id": found.session,
                    "person": person.id,
                    "generation": person.generation,
                    "signed_in_s": now_s,
                }
                connection.execute(insert(sessions).values(values))
                if known is not None:
                    before = {"before_s": known.seen_s}
                    connection.execute(update(people).where(people.c.id == known.id).values(before))
                audit.write(connection, person.who, "signed in", f"by {found.provider} as {role}")
        visit = self._known(found, now_s)
        assert visit is not None
        return visit

    def _see(self, person: Person, found: Identity, role: Role, now_s: float) -> None:
        values = {"seen_s": now_s, "role": role, "name": found.name, "address": found.address}
        with database.writing(self._engine) as connection:
            connection.execute(update(people).where(people.c.id == person.id).values(values))


def _changed(person: Person, found: Identity, role: Role) -> bool:
    return (person.name, person.address, person.role) != (found.name, found.address, role)


def _person(connection: Connection, found: Identity) -> Person | None:
    same = (people.c.issuer == found.issuer) & (people.c.subject == found.subject)
    row = connection.execute(select(people).where(same)).first()
    return None if row is None else Person(**row._mapping)


def _add(connection: Connection, found: Identity, role: Role, now_s: float) -> Person:
    values = {
        "issuer": found.issuer,
        "subject": found.subject,
        "name": found.name,
        "address": found.address,
        "role": role,
        "workspace": admission.workspace(found.issuer, found.subject),
        "generation": 0,
        "blocked": False,
        "created_s": now_s,
        "seen_s": now_s,
    }
    connection.execute(insert(people).values(values))
    person = _person(connection, found)
    assert person is not None
    return person
