"""Alembic's migrations of the people database, one file each in ``versions``; see `ddsing.hosting.database`."""
