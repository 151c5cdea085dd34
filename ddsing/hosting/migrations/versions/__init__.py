"""The versions of the people database, in order."""
