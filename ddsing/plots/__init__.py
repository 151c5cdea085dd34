"""Figures: arrays and dataclasses in, a plotly Figure out, and for each a function that says it in words.

Conventions: time in seconds on every x axis, pitch as MIDI notes with note names on the axis, loudness in dB. The
colours are mid-tones that read on a light and on a dark page. Nothing here reads files or computes metrics.
"""

# plotly takes pandas from where modules are kept, also one that another thread is still importing (TensorFlow's warm-up
# does); imported here, it is whole before the first figure.
import pandas  # noqa: F401
