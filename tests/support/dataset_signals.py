"""Synthetic recordings of every kind that people put into a dataset folder; float32 at 16 kHz, repeatable."""

import numpy as np
from scipy import signal

RATE = 16_000
SCALE = (0, 2, 4, 5, 7, 9, 11, 12)


def voice(seconds=6.0, *, midi=60.0, seed=0, formants=(650, 1080, 2650), level=0.2, note_s=0.6):
    """Somebody who sings a scale up and down on a vowel, with vibrato and breath."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    time_s = np.arange(n) / RATE
    steps = np.array(SCALE + SCALE[::-1])[(time_s / note_s).astype(int) % (2 * len(SCALE))]
    notes = signal.sosfiltfilt(signal.butter(2, 9.0, fs=RATE, output="sos"), midi + steps)
    f0_hz = 440.0 * 2.0 ** ((notes + 0.3 * np.sin(2 * np.pi * 5.5 * time_s) - 69.0) / 12.0)
    gap = np.clip((time_s / note_s % 8) * note_s / 0.05, 0, 1)  # a breath every eight notes
    audio = vowel(f0_hz, formants) * gap + 0.002 * rng.normal(size=n)
    return np.float32(level * audio / np.abs(audio).max())


def vowel(f0_hz, formants):
    """Harmonics of a changing fundamental, shaped by formants that may change too."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    audio = np.zeros(len(f0_hz))
    for harmonic in range(1, 40):
        hz = harmonic * f0_hz
        gain = sum(0.1 + 1.0 / np.sqrt(1.0 + ((hz - formant) / 90.0) ** 2) for formant in formants)
        audio += (hz < 7_500) * gain / harmonic * np.sin(harmonic * phase + 0.7 * harmonic**2)
    return audio


def speech(seconds=6.0, *, seed=0):
    """Somebody who talks: syllables that glide, with changing vowels, hissing consonants and pauses between."""
    rng = np.random.default_rng(seed)
    pieces = []
    while sum(map(len, pieces)) < seconds * RATE:
        n = int(rng.uniform(0.09, 0.2) * RATE)
        time = np.linspace(0.0, 1.0, n)
        f0_hz = rng.uniform(105, 150) * 2.0 ** (rng.uniform(-0.5, 0.35) * time)
        formants = [rng.uniform(300, 800) + rng.uniform(-150, 150) * time, rng.uniform(900, 2200) * np.ones(n), 2600]
        pieces.append(vowel(f0_hz, formants) * np.hanning(n) * rng.uniform(0.4, 1.0))
        if rng.random() < 0.6:
            hiss = signal.sosfilt(signal.butter(2, 3_500, "high", fs=RATE, output="sos"), rng.normal(size=n // 2))
            pieces.append(0.8 * hiss * np.hanning(n // 2))
        if rng.random() < 0.15:
            pieces.append(np.zeros(int(rng.uniform(0.2, 0.5) * RATE)))
    audio = np.concatenate(pieces)[: int(seconds * RATE)]
    return np.float32(0.2 * audio / np.abs(audio).max())


def drums(seconds=6.0, *, seed=0):
    """Kick, snare and cymbal at 120 beats a minute."""
    rng = np.random.default_rng(seed)
    audio = np.zeros(int(seconds * RATE))
    for number in range(int(seconds * 4)):
        start = number * RATE // 4
        n = min(RATE // 4, len(audio) - start)
        time_s = np.arange(n) / RATE
        kick = np.sin(2 * np.pi * (50 * time_s + 4 * (1 - np.exp(-40 * time_s)))) * np.exp(-18 * time_s)
        noise = rng.normal(size=n)
        hit = (
            kick,
            0.3 * noise * np.exp(-60 * time_s),
            0.7 * noise * np.exp(-20 * time_s),
            0.2 * noise * np.exp(-50 * time_s),
        )
        audio[start : start + n] += hit[number % 4]
    return np.float32(0.4 * audio / np.abs(audio).max())


def noise(seconds=6.0, *, level=0.05, seed=0):
    """Nothing but hiss."""
    return np.float32(level * np.random.default_rng(seed).normal(size=int(seconds * RATE)))


def duet(seconds=6.0):
    """Two who sing different notes at the same time."""
    low = voice(seconds, midi=52.0, formants=(400, 1700, 2500), seed=1, note_s=0.9)
    return low + 0.8 * voice(seconds, midi=59.0, seed=2, note_s=0.5)


def chords(seconds=6.0):
    """Triads of plucked tones."""
    audio = np.zeros(int(seconds * RATE))
    time_s = np.arange(RATE) / RATE
    for number, root in enumerate((48, 53, 55, 48, 57, 53, 55, 48)[: int(seconds)]):
        for midi in (root, root + 4, root + 7, root + 12):
            hz = 440.0 * 2.0 ** ((midi - 69.0) / 12.0)
            tone = sum(np.sin(2 * np.pi * hz * h * time_s) / h**1.5 for h in range(1, 8)) * np.exp(-2 * time_s)
            audio[number * RATE : (number + 1) * RATE] += tone
    return np.float32(0.2 * audio / np.abs(audio).max())
