"""The tables of the people database, as SQLAlchemy sees them; `ddsing.hosting.migrations` makes them.

Times are seconds since 1970, UTC. A person is an issuer and a subject, and never an e-mail address, which may pass to
somebody else. A workspace is named by a hash of that. What identifies a sign-in or a guest's cookie is kept as a hash.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData()
_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up for INTEGER only

people = Table(
    "people",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("issuer", String(500), nullable=False),
    Column("subject", String(500), nullable=False),
    Column("name", String(200), nullable=False),
    Column("address", String(320), nullable=False),
    Column("role", String(20), nullable=False),  # as it was at the last visit
    Column("workspace", String(64), nullable=False, unique=True),
    Column("generation", Integer, nullable=False),  # counts sign-outs; a session of an earlier one has ended
    Column("blocked", Boolean, nullable=False),
    Column("created_s", Double, nullable=False),
    Column("seen_s", Double, nullable=False),
    Column("before_s", Double),  # the last visit before the sessions of now
    Column("expired_s", Double),  # when the workspace went to the trash; None while it is there
    UniqueConstraint("issuer", "subject"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),  # a hash of what the provider signed
    Column("person", _ID, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("signed_in_s", Double, nullable=False),
    Index("sessions_by_person", "person"),
)

guests = Table(
    "guests",
    metadata,
    Column("number", _ID, primary_key=True),  # the order in which they came
    Column("id", String(64), nullable=False, unique=True),  # a hash of the cookie
    Column("came_s", Double, nullable=False),
    Column("seen_s", Double, nullable=False),
    Column("admitted_s", Double),  # None for one who waits
    Column("ends_s", Double),
    Column("removed", Boolean, nullable=False),  # whether the workspace is deleted
)

audit = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("at_s", Double, nullable=False),
    Column("who", String(100), nullable=False),
    Column("what", String(50), nullable=False),
    Column("about", String(500), nullable=False),
    Index("audit_by_time", "at_s"),
)

device_use = Table(
    "device_use",
    metadata,
    Column("person", _ID, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("day", String(10), primary_key=True),  # 2026-11-26, UTC
    Column("device_s", Double, nullable=False),
)

counted_jobs = Table(  # those that have a device, or are going to, and until when it is counted
    "counted_jobs",
    metadata,
    Column("person", _ID, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("job", String(300), primary_key=True),  # the name of its folder
    Column("counted_s", Double, nullable=False),
)

chores = Table(  # what one of a site's servers does now and then for all
    "chores",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("done_s", Double, nullable=False),
)
