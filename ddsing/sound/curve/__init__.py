"""A recording's pitch curve, and what can be done to it before an instrument sings it.

A `Curve` is pitch, confidence and voicing at 250 frames a second. An edit (`edit.PitchEdit`) is a list of operations
(`operations`), each a frozen dataclass that makes a new curve of one, in the order in which they were made; an empty
list leaves the curve as it is, bit for bit. Stretches are frames, ``start`` to before ``end``. Where a frame is not
voiced, its harmonics are silent and its pitch goes straight from one voiced neighbour to the other.

- `contour`: slow contour and vibrato, smoothing, what fills gaps
- `segments`: the notes that are sung
- `slips`: stretches that a tracker put an octave off
- `tables`, `midi`: files of other programs
"""
