"""Singing what no recording has sung: a score's notes become the curves that an instrument is given."""
