"""CREPE full at 250 frames a second: ddsing's network against the published one in Keras, as crepe runs it.

`python -m benchmarks.pitch` prints seconds per second of audio for both, in turn, and the ratio; decoding is left out
on both sides.
"""

import statistics
import time

import numpy as np

from benchmarks.keras_crepe import keras_crepe
from ddsing.sound import pitch

SECONDS, REPEATS = 4, 3


def main():
    """Print the comparison."""
    t = np.arange(SECONDS * 16_000) / 16_000
    audio = (0.2 * np.sin(2 * np.pi * 220 * t) + np.random.default_rng(0).normal(0, 0.01, t.size)).astype(np.float32)
    network = keras_crepe("full")

    def theirs():
        padded = np.pad(audio, 512)
        frames = np.lib.stride_tricks.sliding_window_view(padded, 1024)[::64].copy()
        frames -= frames.mean(axis=1, keepdims=True)
        frames /= np.maximum(frames.std(axis=1, keepdims=True), 1e-8)
        return network.predict(frames, verbose=0)

    times = {"ddsing": [], "Keras": []}
    for repeat in range(REPEATS + 1):
        for name, work in (("ddsing", lambda: pitch.activation(audio)), ("Keras", theirs)):
            began = time.monotonic()
            work()
            if repeat:
                times[name].append((time.monotonic() - began) / SECONDS)
    mine, peer = (statistics.median(times[name]) for name in ("ddsing", "Keras"))
    print(f"CREPE full: ddsing {mine:.2f}, Keras {peer:.2f} s per second of audio: {peer / mine:.1f} times as fast")


if __name__ == "__main__":
    main()
