"""Operations do all pieces of a curve at once; the plain way, one piece after the other, gives the same bits."""

import numpy as np
import pytest
from scipy import signal

from ddsing.sound.curve import contour, operations, segments
from ddsing.sound.curve.contour import Curve
from ddsing.sound.curve.operations import Notes, Smooth, Snap, Unvoiced, Vibrato
from ddsing.sound.scales import Scale


def melody(seed, *, n_frames=6000, n_gaps=40):
    """Notes of 0.1 to 0.6 s with vibrato and jitter, and gaps of which some were left unvoiced already."""
    random = np.random.default_rng(seed)
    notes = np.repeat(random.integers(48, 66, 250), random.integers(25, 150, 250))[:n_frames] + 0.3
    wobble = 0.4 * np.sin(2 * np.pi * 5.5 * np.arange(n_frames) / 250) + random.normal(0, 0.05, n_frames)
    midi = np.convolve(np.pad(notes + wobble, 10, mode="edge"), np.ones(21) / 21, "valid")
    confidence, voiced = np.full(n_frames, 0.9, np.float32), np.ones(n_frames, bool)
    for start in random.integers(0, n_frames - 80, n_gaps):
        confidence[start : start + random.integers(1, 60)] = 0.1
    for start in random.integers(0, n_frames - 80, 5):
        voiced[start : start + random.integers(1, 60)] = False
    return Curve((440 * 2 ** ((midi - 69) / 12)).astype(np.float32), confidence, voiced)


def same(one, two):
    for name in ("f0_hz", "confidence", "voiced"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def one_by_one(curve, start, end, other):
    """What is sung in a stretch changed piece after piece, each in a curve of its own."""
    for piece in contour.pieces(curve, start, end):
        first, last = max(piece.start, start), min(piece.stop, end)
        if last - first < 2:
            continue
        midi, inside = curve.midi[piece], slice(first - piece.start, last - piece.start)
        share = contour.eased(last - first)
        if first == piece.start:
            share[: len(share) // 2] = 1.0
        if last == piece.stop:
            share[len(share) // 2 :] = 1.0
        made = midi[inside] + share * (other(midi)[inside] - midi[inside])
        curve = curve.with_midi(np.arange(first, last), made)
    return curve


def split(midi):
    """The contour and the vibrato, with a filter that is designed for this piece."""
    if len(midi) < 13:
        return midi, np.zeros_like(midi)
    sections = signal.butter(6, 3.0, fs=250, output="sos")
    slow = signal.sosfiltfilt(sections, midi, padlen=min(len(midi) - 1, 250))
    return slow, midi - slow


@pytest.mark.parametrize(("start", "end"), [(0, 6000), (1234, 4321)])
def test_smoothing_and_vibrato_are_those_of_one_piece_after_the_other(start, end):
    def vibrato(midi):
        slow, quick = split(midi)
        return slow + 0.5 * contour.quicker(quick, 1.2)

    curve = melody(1)
    same(Vibrato(start, end, 0.5, 1.2).apply(curve), one_by_one(curve, start, end, vibrato))
    same(Smooth(start, end).apply(curve), one_by_one(curve, start, end, lambda midi: contour.smoothed(midi, 0.1)))
    silent = Curve(curve.f0_hz, np.zeros(6000, np.float32), curve.voiced)
    same(Vibrato(start, end, 0.5).apply(silent), silent)


@pytest.mark.parametrize("seed", range(4))
def test_notes_are_those_of_one_note_and_gap_after_the_other(seed):
    curve, random = melody(seed), np.random.default_rng(seed)
    starts = np.cumsum(random.integers(60, 400, 30)) - 60  # the last ones lie beyond the end
    notes = tuple((int(at), int(at) + int(random.integers(10, 60)), float(random.integers(45, 70))) for at in starts)
    made, known = curve, np.zeros(6000, bool)
    for start, end, pitch in notes:
        frames = np.arange(start, min(end, 6000))
        if len(frames):
            sung = operations._movement(curve.midi[frames], curve.sung[frames])
            made = made.with_midi(frames, pitch + sung)
            known[frames] = True
    voiced, confidence = np.where(known, True, curve.voiced), np.where(known, np.float32(1), curve.confidence)
    made = Curve(contour.filled(made.f0_hz, known), confidence, voiced)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ~known, [False]]).astype(int))).reshape(-1, 2)
    for start, end in edges[np.diff(edges).ravel() > 25]:
        made = Unvoiced(int(start), int(end)).apply(made)
    same(Notes(notes).apply(curve), made)
    same(Notes(((7000, 7100, 60.0),)).apply(curve), Unvoiced(0, 6000).apply(curve))


def test_notes_are_snapped_as_one_after_the_other():
    curve = melody(3)
    found, scale = segments.notes(curve), Scale.parse("D:dorian")
    moves = [-0.7 * float(scale.off(note.midi)) for note in found for _ in range(2)]
    at = [frame for note in found for frame in (note.start, note.end - 1)]
    frames = np.arange(found[0].start, found[-1].end)
    same(
        Snap(0, 6000, 0.7, "D:dorian").apply(curve),
        curve.with_midi(frames, curve.midi[frames] + np.interp(frames, at, moves)),
    )


def nearest(slow):
    found, current = np.empty(len(slow)), np.rint(slow[0])
    for index, value in enumerate(slow):
        if abs(value - current) > 0.7:
            current = np.rint(value)
        found[index] = current
    return found


def lasting(runs):
    """The shortest is left out until none is too short; its neighbours meet in its middle."""
    while len(runs) > 1:
        index = min(range(len(runs)), key=lambda one: runs[one][1] - runs[one][0])
        start, end = runs[index]
        if end - start >= 25:
            break
        before, after, middle = runs[:index], runs[index + 1 :], (start + end) // 2
        if before:
            before[-1] = (before[-1][0], middle if after else end)
        if after:
            after[0] = (middle if before else start, after[0][1])
        runs = before + after
    return runs


@pytest.mark.parametrize("seed", range(6))
def test_the_runs_of_a_contour_are_those_of_plain_loops(seed):
    random = np.random.default_rng(seed)
    slow = np.cumsum(random.normal(0, (0.05, 0.2, 0.5)[seed % 3], 1500)) + random.choice([0.0, 57.5])
    np.testing.assert_array_equal(segments._nearest(slow), nearest(slow))
    edges = np.unique(np.concatenate([[0], random.integers(1, 1500, 80), [1500]]))
    runs = list(zip(edges[:-1].tolist(), edges[1:].tolist()))
    np.testing.assert_array_equal(segments._lasting(np.array(runs)), lasting(runs))
    for few in ([(0, 3)], [(0, 3), (3, 5)], [(0, 40), (40, 41)]):
        np.testing.assert_array_equal(segments._lasting(np.array(few)), lasting(few))
