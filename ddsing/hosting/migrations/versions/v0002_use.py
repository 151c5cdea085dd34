"""What people use of the devices, when they were here before, and what the servers of a site do in turn."""

import sqlalchemy as sa
from alembic import op

revision = "0002_use"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make three tables, and two columns of the people's."""
    op.add_column("people", sa.Column("before_s", sa.Double))
    op.add_column("people", sa.Column("expired_s", sa.Double))
    op.create_table(
        "device_use",
        sa.Column("person", _ID, sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("device_s", sa.Double, nullable=False),
    )
    op.create_table(
        "counted_jobs",
        sa.Column("person", _ID, sa.ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("job", sa.String(300), primary_key=True),
        sa.Column("counted_s", sa.Double, nullable=False),
    )
    op.create_table(
        "chores",
        sa.Column("name", sa.String(50), primary_key=True),
        sa.Column("done_s", sa.Double, nullable=False),
    )


def downgrade() -> None:
    """Drop them, the last first."""
    for name in ("chores", "counted_jobs", "device_use"):
        op.drop_table(name)
    with op.batch_alter_table("people") as table:
        table.drop_column("expired_s")
        table.drop_column("before_s")
