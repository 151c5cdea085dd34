"""The curves that a style draws have what was asked for, in closed form, and are the same for the same seed."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsing.errors import ScoreError
from ddsing.play import export, expression, placing, reading
from ddsing.play.expression import Loudness
from ddsing.play.score import Line, Note
from ddsing.play.style import CONTROLS, STYLES, Style, named
from ddsing.units import hz_to_midi
from tests.support.tiny_workspace import tiny_instrument

PLAIN = STYLES["plain"]
STATISTICS = tiny_instrument("x").statistics  # notes from MIDI 50 to 70, -60 to -20 dB
LOUDNESS = Loudness.of(STATISTICS, generation=3)


def line(*notes, velocity=0.5, bends=(), tempos=((0.0, 120.0),)):
    made = tuple(Note(start, end, midi, velocity) for midi, start, end in notes)
    return Line(made, bends, tempos, "song.mid", "0" * 64, 1, "highest")


def drawn(the_line, style, seed=0):
    found = expression.curves(the_line, style, LOUDNESS, generation=3, seed=seed)
    assert found.f0_hz.dtype == found.loudness_db.dtype == np.float32
    return hz_to_midi(found.f0_hz), found.loudness_db


def frame(seconds):
    return round(seconds * 250)


LEGATO = line((60, 0.0, 1.0), (67, 1.0, 2.0), (62, 2.0, 4.0))


def test_a_glide_is_half_a_cosine_around_the_written_time():
    midi, _ = drawn(LEGATO, replace(PLAIN, portamento_s=0.08))
    share = (np.arange(21) / 20.0 * 20 / 20).clip(0, 1)
    np.testing.assert_allclose(
        midi[frame(0.96) : frame(1.04) + 1], 60 + 7 * (0.5 - 0.5 * np.cos(np.pi * share)), atol=1e-4
    )
    assert midi[frame(1.0)] == pytest.approx(63.5, abs=1e-4) and midi[frame(2.0)] == pytest.approx(64.5, abs=1e-4)
    assert set(np.round(midi[frame(1.2) : frame(1.9)], 4)) == {67.0}
    at_once, _ = drawn(LEGATO, replace(PLAIN, portamento_s=0.0))
    np.testing.assert_allclose(at_once[[frame(1.0) - 1, frame(1.0)]], [60.0, 67.0], atol=1e-4)


def test_overshoot_is_a_share_of_the_interval_and_bounded():
    style = replace(PLAIN, overshoot=0.05)
    midi, _ = drawn(line((60, 0, 1), (67, 1, 2)), style)
    assert midi.max() == pytest.approx(67.35, abs=0.01) and midi[frame(1.9)] == pytest.approx(67.0, abs=0.01)
    wide, _ = drawn(line((72, 0, 1), (60, 1, 2)), replace(style, overshoot=0.5))
    assert wide.min() == pytest.approx(59.5, abs=0.01)


def test_a_scoop_only_after_a_rest():
    style = replace(PLAIN, scoop_semitones=1.0, scoop_s=0.06, attack_s=0.04)
    midi, _ = drawn(line((60, 0.5, 1), (62, 1, 2), (64, 2.5, 3)), style)
    assert midi[frame(0.484)] == pytest.approx(59.0, abs=0.02) and midi[frame(0.55)] == pytest.approx(60.0, abs=0.01)
    assert midi[frame(0.9) : frame(2.4)].min() == pytest.approx(60.0, abs=1e-4)
    assert midi[frame(2.48)] == pytest.approx(63.0, abs=0.02)


def test_vibrato_has_the_rate_depth_delay_and_growth_that_were_asked_for():
    style = replace(
        PLAIN,
        vibrato_cents=50.0,
        vibrato_hz=6.0,
        vibrato_delay_s=0.4,
        vibrato_delay_share=0.0,
        vibrato_growth_s=0.3,
        vibrato_irregularity=0.0,
        vibrato_db=1.5,
    )
    midi, level = drawn(line((60, 0.0, 3.0)), style)
    cents = 100 * (midi - 60)
    assert np.abs(cents[: frame(0.4)]).max() < 1e-2
    full = cents[frame(0.7) : frame(2.7)]
    assert full.max() == pytest.approx(50.0, abs=1.0) and full.min() == pytest.approx(-50.0, abs=1.0)
    spectrum = np.abs(np.fft.rfft(full * np.hanning(len(full)), 25_000))
    assert np.argmax(spectrum) / 100.0 == pytest.approx(6.0, abs=0.02)
    half = cents[frame(0.4) : frame(0.7)]
    assert 20.0 < np.abs(half[frame(0.1) : frame(0.2)]).max() < 42.0
    swell = level[frame(0.7) : frame(2.7)]
    assert (swell.max() - swell.min()) / 2 == pytest.approx(1.5, abs=0.05)


def test_a_short_note_has_no_vibrato_and_no_two_notes_the_same():
    short, _ = drawn(line((60, 0.0, 0.4)), replace(PLAIN, vibrato_cents=50.0))
    assert np.abs(short - 60.0).max() < 1e-4
    style = replace(STYLES["classical"], vibrato_irregularity=0.1)
    two = line((60, 0.0, 2.0), (60, 2.2, 4.2))
    midi, level = drawn(two, style)
    assert np.abs(midi[: frame(2.0)] - midi[frame(2.2) : frame(4.2)]).max() > 0.05
    again, other = drawn(two, style), drawn(two, style, seed=1)
    assert (again[0] == midi).all() and (again[1] == level).all() and (other[0] != midi).any()


def test_changing_a_note_leaves_the_others_as_they_were():
    style = replace(STYLES["classical"], drift_cents=0.0)
    midi, level = drawn(line((60, 0, 2), (62, 2.5, 4)), style)
    moved, louder = drawn(line((60, 0, 2), (65, 2.5, 4)), style)
    assert (midi[: frame(2.3)] == moved[: frame(2.3)]).all() and (level == louder).all()


def test_attack_and_release_are_at_half_the_amplitude_on_time():
    style = replace(PLAIN, attack_s=0.08, release_s=0.1)
    _, level = drawn(line((60, 0.5, 1.0), (60, 1.5, 2.0)), style)
    full = level[frame(0.75)]
    assert full == pytest.approx(-40.0, abs=0.01)  # the middle of the voice's loudness
    for at_s in (0.5, 1.0, 1.5, 2.0):
        assert level[frame(at_s)] == pytest.approx(full - 6.02, abs=0.05)
    np.testing.assert_allclose(level[frame(0.54) : frame(0.94)], full, atol=1e-3)
    assert level[frame(0.44)] == level[frame(1.2)] == level[-1] == -80.0


def test_velocity_is_a_share_of_the_voice_s_own_loudness():
    found = []
    for velocity in (0.0, 0.5, 1.0):
        _, level = drawn(line((60, 0.0, 1.0), velocity=velocity), replace(PLAIN, soft=0.25, loud=0.75))
        found.append(level[frame(0.5)])
    np.testing.assert_allclose(found, [-50.0, -40.0, -30.0], atol=0.01)
    unknown = Loudness.of(None, generation=1)
    assert (unknown.of_velocity(0.0, PLAIN), unknown.silence_db) == (-66.0, -120.0)


def test_the_swell_has_its_slope_and_peak():
    _, level = drawn(line((60, 0.0, 2.0)), replace(PLAIN, arch_db_per_s=3.0, arch_peak=0.4))
    body = level[frame(0.1) : frame(1.9)]
    assert abs(np.argmax(body) / 250 + 0.1 - 0.8) < 0.03
    assert (level[frame(0.6)] - level[frame(0.2)]) / 0.4 == pytest.approx(3.0, abs=0.05)


def test_a_breath_makes_a_rest_where_there_was_none():
    notes = (Note(0.0, 1.0, 60.0, 0.5, breath=True), Note(1.0, 2.0, 62.0, 0.5))
    _, level = drawn(replace(LEGATO, notes=notes), replace(PLAIN, breath_s=0.2, release_s=0.05, attack_s=0.05))
    assert level[frame(0.9)] == -80.0 and level[frame(0.75)] > -41.0 and level[frame(1.1)] > -41.0


def test_bends_move_the_pitch():
    midi, _ = drawn(line((60, 0.0, 2.0), bends=((1.0, 0.5), (1.5, 0.0))), PLAIN)
    np.testing.assert_allclose(midi[[frame(0.9), frame(1.25), frame(1.75)]], [60.0, 60.5, 60.0], atol=1e-4)


def test_transposed_by_octaves_into_the_range_or_as_asked():
    high = line((86, 0.0, 1.0), (88, 1.0, 2.0))
    placed = placing.place(high, PLAIN, STATISTICS, generation=3)
    assert placed.transpose == -24 and [one.midi for one in placed.line.notes] == [62, 64]
    assert (
        placed.fit.pitch_inside == 1.0
        and placed.fit.octave_shift == 0
        and placing.warning(placed, STATISTICS, "X") == ""
    )
    asked = placing.place(high, PLAIN, STATISTICS, generation=3, transpose=-12)
    assert asked.fit.pitch_inside < 0.05
    assert "100% of the notes are outside the range of X" in placing.warning(asked, STATISTICS, "X")
    assert placing.place(high, PLAIN, None, generation=3).transpose == 0
    with pytest.raises(ScoreError, match="up to 48"):
        placing.place(high, PLAIN, STATISTICS, generation=3, transpose=60)
    with pytest.raises(ScoreError, match="C-1 to"):
        placing.place(high, PLAIN, STATISTICS, generation=3, transpose=36)


def test_curves_as_csv_and_as_midi_with_bends():
    the_line = line((60, 0.5, 1.5), (67, 1.5, 3.5), tempos=((0.0, 90.0), (1.2, 47.0)))
    found = expression.curves(the_line, STYLES["classical"], LOUDNESS, generation=3)
    rows = np.genfromtxt(export.csv(found).decode().splitlines(), delimiter=",", names=True)
    np.testing.assert_allclose(rows["time"], np.arange(len(found.f0_hz)) / 250, atol=1e-6)
    np.testing.assert_allclose(rows["frequency"], np.where(found.sounding, found.f0_hz, 0.0), atol=1e-3)
    np.testing.assert_allclose(rows["loudness_db"], found.loudness_db, atol=0.01)
    score = reading.read(export.midi(the_line, found), name="back.mid")
    (part,) = score.parts
    for again, one in zip(part.notes, the_line.notes, strict=True):
        assert (
            again.midi == one.midi and abs(again.start_s - one.start_s) < 2e-3 and abs(again.end_s - one.end_s) < 2e-3
        )
    straight = replace(PLAIN, portamento_s=0.0)
    bent = replace(the_line, notes=part.notes, bends=part.bends)
    back = expression.curves(bent, straight, LOUDNESS, generation=3)
    calm = slice(frame(1.6), frame(3.4))
    assert np.abs(1200 * np.log2(back.f0_hz[calm] / found.f0_hz[calm])).max() < 2.5
    assert [round(bpm) for _, bpm in score.tempos] == [90, 47]


@pytest.mark.parametrize("name", CONTROLS)
def test_every_number_is_bounded_and_draws_something(name):
    control = CONTROLS[name]
    for bad in (control.low - 0.001, control.high + 0.001, float("nan"), True, "1", None):
        with pytest.raises(ScoreError, match=f"The {control.words.label} is"):
            replace(Style(), **{name: bad})
    notes = replace(LEGATO, notes=(*LEGATO.notes[:2], Note(2.1, 4, 62, 0.9, breath=True), Note(4, 5, 64, 0.9)))
    about = replace(Style(), scoop_semitones=1.0, overshoot=0.2)
    assert name not in about.disabled()
    low, high = ({"soft": 0.0, "loud": 0.5}.get(name, control.low), {"soft": 0.5, "loud": 1.0}.get(name, control.high))
    curves = [drawn(notes, replace(about, **{name: value})) for value in (low, high)]
    longest = min(len(curve) for pair in curves for curve in pair)
    assert any((a[:longest] != b[:longest]).any() for a, b in zip(*curves))


def test_numbers_that_do_nothing_are_known():
    for name, reason in PLAIN.disabled().items():
        control = CONTROLS[name]
        curves = [drawn(LEGATO, replace(PLAIN, **{name: value})) for value in (control.low, control.high)]
        assert all((a == b).all() for a, b in zip(*curves)) and reason.endswith(".")
    assert set(CONTROLS) == {field.name for field in fields(Style)}


def test_styles_are_kept_as_what_differs():
    pop = named("pop")
    assert Style.from_json(pop.to_json()) == pop
    assert replace(STYLES["plain"], **pop.changed_from(STYLES["plain"])) == pop
    with pytest.raises(ScoreError, match="plain, classical, pop"):
        named("jazz")
    with pytest.raises(ScoreError, match="Swap them"):
        replace(pop, soft=0.9, loud=0.1)


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.floats(0, 110), st.floats(0, 3), st.floats(0.006, 2)), min_size=1, max_size=6),
    st.fixed_dictionaries(
        {name: st.floats(one.low, one.high) for name, one in CONTROLS.items() if name not in ("soft", "loud")}
    ),
)
def test_any_style_draws_finite_curves_within_bounds(notes, numbers):
    at_s, made = 0.0, []
    for midi, gap_s, length_s in notes:
        made.append((midi, at_s + gap_s, at_s + gap_s + length_s))
        at_s = made[-1][2]
    midi, level = drawn(line(*made), replace(Style(), **numbers))
    assert np.isfinite(midi).all() and np.isfinite(level).all()
    assert midi.min() >= 0.0 and midi.max() <= 110.01 and level.min() >= -80.0 and level.max() <= 0.0
