"""What is done to a pitch curve, against closed forms: vibrato of known depth, straight lines, whole octaves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsing.errors import SettingsError
from ddsing.sound.curve import operations, segments, slips
from ddsing.sound.curve.contour import Curve, split
from ddsing.sound.curve.edit import History, PitchEdit, harmonic_gain
from ddsing.sound.curve.operations import (
    Imported,
    Line,
    Notes,
    Repair,
    Shift,
    Smooth,
    Snap,
    Straight,
    Unvoiced,
    Vibrato,
)

RATE = 250


def curve_of(midi, *, sung=None):
    f0_hz = (440 * 2 ** ((np.asarray(midi, float) - 69) / 12)).astype(np.float32)
    sung = np.ones(len(f0_hz), bool) if sung is None else np.asarray(sung)
    return Curve(f0_hz, np.where(sung, 0.9, 0.1).astype(np.float32), np.ones(len(f0_hz), bool))


def vibrato(n=1000, *, depth=0.5, hz=5.5, midi=60.0):
    return midi + depth * np.sin(2 * np.pi * hz * np.arange(n) / RATE)


def test_outside_the_stretch_every_operation_leaves_the_bits():
    curve = curve_of(vibrato() + np.linspace(0, 5, 1000))
    steps = [Shift(300, 600, 1200), Repair(300, 600, 1), Line(((300, 50), (599, 60))), Smooth(300, 600)]
    steps += [Straight(300, 600), Vibrato(300, 600, depth=2), Snap(300, 600), Unvoiced(300, 600)]
    for step in steps:
        made = step.apply(curve)
        for name in ("f0_hz", "confidence", "voiced"):
            before, after = getattr(curve, name), getattr(made, name)
            assert after.dtype == before.dtype and after.shape == before.shape
            np.testing.assert_array_equal(after[:300], before[:300], err_msg=step.name)
            np.testing.assert_array_equal(after[600:], before[600:], err_msg=step.name)
        assert any((getattr(made, one) != getattr(curve, one)).any() for one in ("f0_hz", "voiced")), (
            f"{step.name} does something"
        )
        beyond = operations.from_json(operations.to_json(step) | {"start": 5000, "end": 5001})
        if not isinstance(step, Line):
            np.testing.assert_array_equal(beyond.apply(curve).f0_hz, curve.f0_hz)


def test_octaves_are_exact_and_a_line_is_straight_in_cents():
    curve = curve_of(vibrato())
    np.testing.assert_array_equal(Shift(0, 1000, -1200).apply(curve).f0_hz, curve.f0_hz / 2)
    up = Shift(100, 200, 1200).apply(curve)
    np.testing.assert_array_equal(Shift(100, 200, -1200).apply(up).f0_hz, curve.f0_hz)
    made = Line(((100, 57.0), (200, 62.0), (300, 62.5))).apply(curve_of(vibrato(), sung=np.zeros(1000, bool)))
    expected = np.concatenate([np.linspace(57, 62, 101), np.linspace(62, 62.5, 101)[1:]])
    assert np.abs(made.midi[100:301] - expected).max() * 100 < 0.01
    assert made.sung[100:301].all() and not made.sung[99] and not made.sung[301]
    straight = Straight(100, 301).apply(made)
    assert np.abs(straight.midi[100:301] - np.linspace(57, 62.5, 201)).max() * 100 < 0.01
    assert Shift(0, 1000, 4800).apply(curve_of(np.full(1000, 100.0))).midi.max() == pytest.approx(110.0)


@pytest.mark.parametrize("hz", [4.5, 5.5, 7.0])
def test_a_vibrato_is_as_deep_and_as_fast_as_is_asked_for(hz):
    glide = np.linspace(0, 3, 1000)
    curve = curve_of(vibrato(hz=hz) + glide)
    inside = slice(350, 650)
    for depth in (0.0, 0.5, 2.0):
        left = Vibrato(250, 750, depth=depth).apply(curve).midi - 60 - glide
        expected = depth * 0.5 * np.sin(2 * np.pi * hz * np.arange(1000) / RATE)
        assert np.abs(left - expected)[inside].max() < 0.02, depth
    faster = Vibrato(0, 1000, rate=1.3).apply(curve).midi - 60 - glide
    spectrum = np.abs(np.fft.rfft(faster[100:900] * np.hanning(800), 1 << 15))
    assert np.argmax(spectrum) * RATE / (1 << 15) == pytest.approx(1.3 * hz, rel=0.02)
    assert faster[200:800].max() == pytest.approx(0.5, abs=0.03)


def test_smoothing_leaves_a_line_and_takes_jitter_away():
    line = np.linspace(55, 65, 1000)
    assert np.abs(Smooth(200, 800).apply(curve_of(line)).midi - line).max() < 1e-3
    jitter = np.where(np.arange(1000) % 2, 0.3, -0.3)
    left = Smooth(200, 800, width_s=0.1).apply(curve_of(line + jitter)).midi - line
    assert np.abs(left[250:750]).max() < 0.02 and np.abs(left[:200]).max() > 0.29


@pytest.mark.slow
def test_snapping_puts_each_note_s_middle_on_a_note_and_keeps_its_movement():
    first, second = vibrato(500, depth=0.3, midi=60.3), vibrato(500, depth=0.3, midi=63.8)
    curve = curve_of(np.concatenate([first, second]))
    made = Snap(0, 1000).apply(curve)
    found = segments.notes(made)
    assert [round(note.midi, 1) for note in found] == [60.0, 64.0]
    assert np.abs(np.diff(made.midi[:490]) - np.diff(curve.midi[:490])).max() < 1e-4
    assert segments.notes(Snap(0, 1000, amount=0.5).apply(curve))[0].midi == pytest.approx(60.15, abs=0.03)
    scale = Snap(0, 1000, scale="Db:major").apply(curve)
    assert [round(note.midi, 1) for note in segments.notes(scale)] == [60.0, 63.0]
    tuned = Snap(0, 1000, tuning_hz=432.0).apply(curve)
    assert segments.notes(tuned)[0].midi == pytest.approx(61 + 12 * np.log2(432 / 440), abs=0.02)


def test_notes_are_told_apart_where_the_pitch_crosses():
    bounds = [(0, 200, 60.0), (200, 330, 62.0), (330, 600, 61.0), (640, 900, 61.0)]
    midi, sung = np.full(1000, 61.0), np.zeros(1000, bool)
    for start, end, pitch in bounds:
        midi[start:end], sung[start:end] = pitch, True
    smooth = np.convolve(np.pad(midi, 12, mode="edge"), np.hanning(27)[1:-1] / np.hanning(27).sum(), "same")[12:-12]
    wobble = 0.35 * np.sin(2 * np.pi * 5.5 * np.arange(1000) / RATE)
    found = segments.notes(curve_of(smooth + wobble + 0.4, sung=sung))  # 40 cents off A4 = 440 Hz
    assert len(found) == 4
    for note, (start, end, pitch) in zip(found, bounds):
        assert abs(note.start - start) <= 7 and abs(note.end - end) <= 7
        assert note.midi == pytest.approx(pitch + 0.4, abs=0.1)


def test_slips_are_found_repaired_and_a_melody_has_none():
    melody = np.concatenate([vibrato(300), vibrato(300, midi=64.0), vibrato(400, midi=57.0)])
    assert slips.find(curve_of(melody)) == []
    slipped, sung = melody.copy(), np.ones(1000, bool)
    slipped[150:200] += 12
    slipped[700:760] -= 12
    slipped[697:700] -= [3, 6, 9]  # a tracker's path, without a clear pitch
    sung[697:700] = False
    curve = curve_of(slipped, sung=sung)
    found = slips.find(curve)
    assert [(one.start, one.end, one.octaves) for one in found] == [(150, 200, -1), (700, 760, 1)]
    for one in found:
        curve = Repair(one.start, one.end, one.octaves).apply(curve)
    assert np.abs(curve.midi - melody).max() < 0.35 and slips.find(curve) == []


def test_what_is_unvoiced_is_silent_and_lies_between_its_neighbours():
    made = Unvoiced(400, 500).apply(curve_of(np.where(np.arange(1000) < 450, 60.0, 67.0)))
    assert np.abs(made.midi[400:500] - np.linspace(60, 67, 102)[1:-1]).max() < 1e-4
    assert not made.voiced[400:500].any() and not made.confidence[400:500].any()
    gain = harmonic_gain(made.voiced)
    assert gain.shape == (1000,) and gain.dtype == np.float32
    assert (gain[:400] == 1).all() and (gain[405:495] == 0).all() and (np.diff(gain[399:406]) < 0).sum() >= 4
    assert harmonic_gain(np.ones(10, bool)) is None and not harmonic_gain(np.zeros(10, bool)).any()


def test_notes_move_what_was_sung_and_make_what_was_not():
    curve = curve_of(vibrato(), sung=np.arange(1000) < 500)
    made = Notes(((0, 400, 62.0), (500, 700, 50.0))).apply(curve)
    assert np.abs(made.midi[:400] - curve.midi[:400] - 2.0).max() < 0.02
    assert np.abs(made.midi[500:700] - 50.0).max() < 1e-4
    assert made.voiced[:400].all() and not made.voiced[410:490].any() and not made.voiced[700:].any()
    again = Notes(tuple((note.start, note.end, note.midi) for note in segments.notes(made))).apply(made)
    assert np.abs(again.midi[5:395] - made.midi[5:395]).max() < 0.02


def numbers(low, high):
    return st.floats(low, high, allow_nan=False)


@st.composite
def steps(draw):
    start = draw(st.integers(0, 280))
    end = draw(st.integers(start + 1, 320))
    flat = draw(
        st.sampled_from(["shift", "repair", "smooth", "vibrato", "snap", "unvoiced", "straight", "line", "notes"])
    )
    if flat == "line":
        return Line(((start, draw(numbers(0, 110))), (end, draw(numbers(0, 110)))))
    if flat == "notes":
        return Notes(((start, end, draw(numbers(0, 110))),))
    values = {
        "shift": {"cents": draw(numbers(-4800, 4800))},
        "repair": {"octaves": draw(st.integers(-4, 4))},
        "smooth": {"width_s": draw(numbers(0.02, 1))},
        "vibrato": {"depth": draw(numbers(0, 2)), "rate": draw(numbers(0.5, 2))},
        "snap": {"amount": draw(numbers(0, 1)), "tuning_hz": draw(numbers(392, 494))},
        "unvoiced": {},
        "straight": {},
    }
    return operations.OPERATIONS[flat](start, end, **values[flat])


@pytest.mark.slow
@given(st.lists(steps(), max_size=6), st.integers(0, 2**32 - 1))
def test_any_list_of_steps_survives_a_recipe_and_gives_a_curve_that_can_be_sung(done, seed):
    random = np.random.default_rng(seed)
    curve = curve_of(60 + np.cumsum(random.normal(0, 0.2, 300)), sung=random.random(300) < 0.9)
    edit = PitchEdit("a" * 64, "full", tuple(done))
    again = PitchEdit.from_json(edit.to_json())
    assert again == edit and again.digest == edit.digest
    one, two = edit.apply(curve), again.apply(curve)
    for name in ("f0_hz", "confidence", "voiced"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert np.isfinite(one.f0_hz).all() and one.f0_hz.min() > 5 and one.f0_hz.max() < 4_700
    assert one.f0_hz.shape == (300,) and one.f0_hz.dtype == np.float32
    history = History().and_then(*done)
    assert History.from_text(history.to_text()) == history
    assert history.undone().redone() == history and PitchEdit("", "").apply(curve) is curve


@pytest.mark.parametrize(
    "data",
    [
        {"op": "shift", "start": 0, "end": 10, "cents": 1e9},
        {"op": "shift", "start": 0, "end": 10, "cents": float("nan")},
        {"op": "shift", "start": 10, "end": 10, "cents": 1},
        {"op": "shift", "start": 0, "end": 10},
        {"op": "shift", "start": 0, "end": 10**9, "cents": 1},
        {"op": "shift", "start": True, "end": 10, "cents": 1},
        {"op": "line", "points": [[0, 60]]},
        {"op": "line", "points": [[5, 60], [5, 61]]},
        {"op": "line", "points": "abc"},
        {"op": "line", "points": [[i, 60] for i in range(6000)]},
        {"op": "notes", "notes": [[0, 10, 60], [5, 20, 60]]},
        {"op": "notes", "notes": []},
        {"op": "vibrato", "start": 0, "end": 10, "depth": 3},
        {"op": "imported", "f0_hz": "????", "confidence": ""},
        {"op": "imported", "f0_hz": "eJwDAAAAAAE=", "confidence": "eJwDAAAAAAE="},
        {"op": "__class__"},
        None,
        [],
    ],
)
def test_a_hostile_recipe_is_refused_in_a_sentence(data):
    with pytest.raises(SettingsError, match=r"\.$"):
        PitchEdit.from_json({"recording": "a", "tracker": "full", "steps": [data]})


def test_an_edit_is_of_its_recording_and_tracker_and_has_its_limits():
    edit = PitchEdit("a" * 64, "full", (Shift(0, 10, 1200),))
    assert edit.misfit("a" * 64, "full") == "" and PitchEdit("a", "full").misfit("b", "tiny") == ""
    assert "another recording" in edit.misfit("b" * 64, "full")
    assert "the tracker Best, not Draft" in edit.misfit("a" * 64, "tiny")
    for wrong in (None, {"steps": 3}, {"steps": []}, {"steps": [{}] * 600, "recording": "a", "tracker": "b"}):
        with pytest.raises(SettingsError):
            PitchEdit.from_json(wrong)
    with pytest.raises(SettingsError, match="500 steps"):
        PitchEdit("a", "full", (Shift(0, 10, 1),) * 501)
    assert History.from_text("{") == History.from_text('{"steps": [1], "done": 1}') == History()


def test_an_imported_curve_keeps_its_bits():
    random = np.random.default_rng(3)
    f0_hz = np.where(random.random(1000) < 0.8, random.uniform(80, 900, 1000), 0).astype(np.float32)
    confidence = random.random(1000).astype(np.float32)
    step = operations.from_json(operations.to_json(Imported.of(f0_hz, confidence)))
    made = step.apply(curve_of(vibrato(1200)))
    voiced = f0_hz > 0
    np.testing.assert_array_equal(made.f0_hz[:1000][voiced], f0_hz[voiced])
    np.testing.assert_array_equal(made.confidence[:1000][voiced], confidence[voiced])
    np.testing.assert_array_equal(made.voiced, np.concatenate([voiced, np.zeros(200, bool)]))
    assert (made.f0_hz > 0).all() and not made.confidence[~made.voiced].any()


def test_contour_and_vibrato_add_up_to_what_was_sung():
    midi = vibrato() + np.linspace(0, 4, 1000)
    slow, quick = split(midi)
    assert slow.shape == quick.shape == (1000,)
    np.testing.assert_allclose(slow + quick, midi, atol=1e-9)
    assert np.abs(slow - np.linspace(60, 64, 1000))[100:900].max() < 0.01
