"""Pitch curves as files: tables as other programs write them, and MIDI notes there and back."""

import io

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsing.errors import FeaturesError
from ddsing.sound.curve import midi, tables
from ddsing.sound.curve.segments import Note, notes
from ddsing.transfer import edited
from tests.sound.curve.test_operations import curve_of, vibrato

HOP_S = 256 / 44_100  # of Tony
TRUE = [(k * 0.01, 0.0 if 40 <= k < 60 else 220.0 * 2 ** (k / 1200)) for k in range(100)]


def lines(*columns, head="", sep=",", end="\n"):
    body = [sep.join(map(str, row)) for row in zip(*columns)]
    return (end.join(([head] if head else []) + body) + end).encode()


TIMES = [f"{time:.3f}" for time, _ in TRUE]
PITCHES = [f"{hz:.4f}" for _, hz in TRUE]
SURE = ["0.10" if hz == 0 else "0.93" for _, hz in TRUE]
VOICED = [index for index, (_, hz) in enumerate(TRUE) if hz]
FOREIGN = {
    "crepe": lines(TIMES, PITCHES, SURE, head="time,frequency,confidence"),
    "no header": lines(TIMES, PITCHES),
    "Sonic Visualiser with labels": lines(TIMES, PITCHES, ['"A3, flat"'] * 100, end="\r\n"),
    "Tony: voiced rows only": lines([TIMES[i] for i in VOICED], [PITCHES[i] for i in VOICED]),
    "pYIN: negative where unvoiced": lines(TIMES, [hz if float(hz) else "-181.5" for hz in PITCHES], sep=","),
    "spreadsheet: BOM and semicolons": b"\xef\xbb\xbf"
    + lines(TIMES, PITCHES, SURE, head="Time;F0;Confidence", sep=";"),
    "tabs": lines(TIMES, PITCHES, head="time_s\tf0_hz", sep="\t"),
    "Praat: listing": lines(
        [f"  {t}" for t in TIMES],
        [hz if float(hz) else "--undefined--" for hz in PITCHES],
        head="Time_s   F0_Hz",
        sep="   ",
    ),
    "UTF-16": lines(TIMES, PITCHES, head="Time (s),Frequency (Hz)").decode().encode("utf-16"),
    "columns elsewhere, comments": b"# made by hand\n"
    + lines(["x"] * 100, SURE, PITCHES, TIMES, head='"who","voicing","Pitch (Hz)","Seconds"'),
    "NaN where unvoiced": lines(TIMES, [hz if float(hz) else "NaN" for hz in PITCHES], head="times,pitch"),
    "old Mac lines": lines(TIMES, PITCHES, end="\r"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_tables_of_other_programs_are_read(name):
    f0_hz, confidence = tables.read(FOREIGN[name]).frames(248)
    assert f0_hz.shape == confidence.shape == (248,) and f0_hz.dtype == confidence.dtype == np.float32
    at_s = np.arange(248) / 250
    silent = (at_s > 0.41) & (at_s < 0.59)
    assert not f0_hz[silent].any() and not confidence[silent].any()
    sung = (at_s < 0.38) | (at_s > 0.61)
    expected = 220.0 * 2 ** (at_s * 100 / 1200)
    assert np.abs(1200 * np.log2(f0_hz[sung] / expected[sung])).max() < 0.01
    said = 0.93 if name in ("crepe", "spreadsheet: BOM and semicolons", "columns elsewhere, comments") else 1.0
    np.testing.assert_allclose(confidence[sung], said, atol=1e-6)


def test_tony_s_own_step_is_brought_to_frames_and_beyond_the_rows_nothing_is_voiced():
    at_s = np.arange(200) * HOP_S + 0.3
    hz = 200 * 2 ** (np.sin(at_s * 5) / 12)
    f0_hz, _ = tables.read(lines(at_s, hz)).frames(600)
    frames = np.arange(600) / 250
    inside = (frames >= at_s[0]) & (frames <= at_s[-1])
    expected = 200 * 2 ** (np.sin(frames * 5) / 12)
    assert np.abs(1200 * np.log2(f0_hz[inside] / expected[inside])).max() < 0.1
    assert not f0_hz[frames < 0.29].any() and not f0_hz[frames > at_s[-1] + 0.01].any()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"time,frequency\n", "at least two"),
        (lines(["0,00", "0,01", "0,02"], ["220,5", "221,0", "222,0"], sep=";"), "decimal comma"),
        (lines(["0,000", "0,010", "0,020"], ["220,500", "221,010", "222,020"], sep=","), "decimal points"),
        (lines(["0,00", "0,01", "0,02"], ["220,5", "221,0", "222,0"], head="Time\tF0", sep="\t"), "decimal comma"),
        (lines(TIMES[::-1], PITCHES), "must ascend"),
        (lines([0, 0.5, 1.0], [220, 230, 240]), "0.5 s apart"),
        (lines([0, 10, 20], [220, 230, 240], head="time_ms,f0_hz"), "columns are time ms"),
        (lines(TIMES, [0] * 100), "Nothing is voiced"),
        (lines(TIMES, [99_999] * 100), "99999 Hz"),
        (lines(TIMES, ["A4"] * 100), "must be a number"),
        (lines(TIMES, PITCHES, [5] * 100, head="time,frequency,confidence"), "from 0 to 1"),
        (lines(TIMES, PITCHES, head="when,what"), "columns are when, what"),
        (b"0.0,220\n0.01\n0.02,230\n", "Line 2"),
        (bytes(range(256)) * 40, r"\."),
        (b'0.0,"22\n0.01,"22"x\n', r"\."),
        (lines(TIMES, ["inf"] * 100), "must be a number"),
    ],
)
def test_what_is_no_pitch_curve_is_refused_in_a_sentence(content, said):
    with pytest.raises(FeaturesError, match=said) as refused:
        tables.read(content)
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


values = st.floats(20, 7_000, width=32)


@given(st.lists(st.tuples(st.one_of(st.just(0.0), values), st.floats(0, 1, width=32)), min_size=2, max_size=200))
def test_a_table_gives_back_the_bits(rows):
    f0_hz, confidence = np.array(rows, np.float32).T
    if not f0_hz.any():
        return
    confidence = np.where(f0_hz > 0, confidence, 0).astype(np.float32)
    read = tables.read(tables.write(f0_hz, confidence, loudness_db=-confidence)).frames(len(rows))
    np.testing.assert_array_equal(read[0], f0_hz)
    np.testing.assert_array_equal(read[1], confidence)


def test_notes_survive_midi():
    sung = np.zeros(1500, bool)
    pitch = np.full(1500, 60.0)
    for start, end, middle in ((50, 250, 57.23), (250, 500, 61.23), (540, 900, 59.31), (950, 1400, 71.3)):
        sung[start:end], pitch[start:end] = True, middle
    curve = curve_of(pitch + vibrato(1500, midi=0.0, depth=0.3), sung=sung)
    found = notes(curve)
    read = midi.read(midi.write(found, velocities=[100] * len(found)))
    assert len(read) == len(found) == 4
    for before, after in zip(found, read):
        assert abs(before.start - after.start) <= 1 and abs(before.end - after.end) <= 1
        assert abs(before.midi - after.midi) < 0.001
    step = edited.read("a.mid", midi.write(found), 1500)
    moved = notes(step.apply(curve))
    for before, after in zip(found, moved):
        assert abs(before.midi - after.midi) < 0.1, "within 10 cents"
        assert max(abs(before.start - after.start), abs(before.end - after.end)) <= 7, "within 30 ms"


def song(*messages, kind=1, ticks=480):
    tracks = [mido.MidiTrack(track) for track in messages]
    buffer = io.BytesIO()
    mido.MidiFile(type=kind, ticks_per_beat=ticks, tracks=tracks).save(file=buffer)
    return buffer.getvalue()


def on(note, time=0, channel=0, velocity=80):
    return mido.Message("note_on", note=note, time=time, channel=channel, velocity=velocity)


def test_a_song_of_a_sequencer_becomes_one_voice_in_its_tempo():
    tempo = [mido.MetaMessage("set_tempo", tempo=1_000_000), mido.MetaMessage("set_tempo", tempo=500_000, time=480)]
    voice = [
        on(60),
        on(64),
        on(60, 480, velocity=0),
        on(64, 0, velocity=0),
        on(67),
        on(69, 480),
        on(67, 240, velocity=0),
    ]
    voice += [on(69, 240, velocity=0), on(35, 0, channel=9), on(35, 960, channel=9, velocity=0)]
    read = midi.read(song(tempo, voice))
    assert read == [Note(0, 250, 64.0), Note(250, 375, 67.0), Note(375, 500, 69.0)]
    wide = [mido.Message("control_change", control=c, value=v) for c, v in ((101, 0), (100, 0), (6, 12))]
    bent = [*wide, mido.Message("pitchwheel", pitch=4096), on(60), on(60, 480, velocity=0)]
    assert midi.read(song(bent)) == [Note(0, 125, 66.0)]


@pytest.mark.parametrize(
    "content",
    [b"", b"MThd", song([on(35, channel=9)]), song([]), song([on(60)], kind=2), b"RIFF" * 100, b"x" * 600_000]
    + [song([on(60), on(60, 480, velocity=0)])[:n] for n in (20, 24, 28)]
    + [b"MThd\0\0\0\x06\0\x01\0\x01\xe8\x28MTrk\0\0\0\x04\0\xff\x2f\0", song([on(60), on(60, 900_000, velocity=0)])],
)
def test_what_is_no_melody_is_refused_in_a_sentence(content):
    with pytest.raises(FeaturesError, match=r"MIDI file .*\.$"):
        midi.read(content)
