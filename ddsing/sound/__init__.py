"""A recording and its curves: decoding, loudness, pitch, features, notes, and how far apart two sounds are."""
