"""Comparing by ear and by eye: metrics of takes, loudness matching, blind tests, the voice matrix, sets and sessions."""
