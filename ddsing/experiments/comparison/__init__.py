"""Comparing by ear and by eye: metrics, equal loudness, blind tests, the voice matrix, sets and sessions of takes."""
