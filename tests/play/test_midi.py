"""MIDI files become notes in seconds; what is broken or hostile is refused in one sentence."""

import io

import hypothesis
import mido
import numpy as np
import pytest
from hypothesis import strategies as st

from ddsing.errors import ScoreError
from ddsing.play import melody, reading
from tests.support.scores import control, midi, named, note, tempo


def read(content):
    return reading.read(content, name="song.mid")


def test_the_tempo_map_gives_seconds_as_mido_s_own_clock_does():
    events = [tempo(0, 90), tempo(700, 133.3), tempo(1000, 44), *note(0, 500, 60), *note(650, 1300, 64)]
    content = midi([named("Tempi"), *events])
    (part,) = read(content).parts
    at, ons, offs = 0.0, [], []
    for message in mido.MidiFile(file=io.BytesIO(content)):
        at += message.time
        if message.type == "note_on":
            ons.append(at)
        elif message.type == "note_off":
            offs.append(at)
    np.testing.assert_allclose([one.start_s for one in part.notes], ons, atol=1e-9)
    np.testing.assert_allclose([one.end_s for one in part.notes], offs, atol=1e-9)
    assert [round(bpm, 1) for _, bpm in read(content).tempos] == [90.0, 133.3, 44.0]


def test_frames_of_a_film_instead_of_beats():
    content = bytearray(midi([*note(0, 1000, 60)]))
    content[12:14] = bytes([256 - 25, 40])  # 25 frames per second, 40 ticks each: a millisecond
    (part,) = read(bytes(content)).parts
    assert (part.notes[0].start_s, part.notes[0].end_s) == (0.0, 1.0)


def test_parts_are_tracks_and_channels_with_name_program_and_percussion():
    vocal = [named("Gesang ♪".encode().decode("latin-1")), *note(0, 480, 60)]
    both = [*note(0, 480, 40, channel=1), *note(0, 480, 36, channel=9), (0, mido.MetaMessage("lyrics", text="la"))]
    both.append((0, mido.Message("program_change", program=33, channel=1)))
    score = read(midi([tempo(0, 120)], both, vocal))
    assert [part.name for part in score.parts] == ["Track 2, channel 2", "Track 2, channel 10", "Gesang ♪"]
    assert [part.percussion for part in score.parts] == [False, True, False]
    assert score.parts[0].program == 33 and score.part()[0] == 1  # it has lyrics
    with pytest.raises(ScoreError, match="percussion"):
        score.part(2)
    with pytest.raises(ScoreError, match="parts 1 to 3"):
        score.part(4)


def test_the_pedal_holds_a_note_until_the_next_one():
    events = [control(0, 64, 127), *note(0, 480, 60), *note(960, 1440, 62), control(1920, 64, 0), *note(2400, 2880, 64)]
    score = read(midi([tempo(0, 60), *events]))
    assert [one.held_s for one in score.parts[0].notes] == [4.0, 4.0, 6.0]
    sung = melody.line(score).notes
    assert [(one.start_s, one.end_s) for one in sung] == [(0.0, 2.0), (2.0, 4.0), (5.0, 6.0)]


def test_bends_follow_the_channel_s_own_range():
    wheel = [(240, mido.Message("pitchwheel", pitch=8191)), (480, mido.Message("pitchwheel", pitch=-4096))]
    wide = [control(0, 101, 0), control(0, 100, 0), control(0, 6, 12), control(0, 38, 50)]
    for set_up, semitones in (([], 2.0), (wide, 12.5)):
        (part,) = read(midi([tempo(0, 60), *set_up, *wheel, *note(0, 960, 60)])).parts
        assert part.bends == ((0.5, semitones), (1.0, -semitones / 2))


def test_all_notes_off_and_a_missing_note_off_end_a_note():
    lone = (0, mido.Message("note_on", note=60, velocity=64))
    (part,) = read(midi([tempo(0, 60), lone, control(480, 123, 0), named("x")])).parts
    assert part.notes[0].end_s == 1.0
    (part,) = read(midi([tempo(0, 60), lone, (960, mido.MetaMessage("marker", text="end"))])).parts
    assert part.notes[0].end_s == 2.0


WHOLE = midi([tempo(0, 120), named("Whole"), *note(0, 480, 60), *note(480, 960, 62)])
BROKEN = {
    "empty": b"",
    "only its first letters": b"MThd",
    "cut in the header": WHOLE[:11],
    "cut in a track": WHOLE[:-7],
    "no ticks": WHOLE[:12] + b"\0\0" + WHOLE[14:],
    "an unknown type": WHOLE[:8] + b"\0\x07" + WHOLE[10:],
    "more tracks than there are": WHOLE[:10] + b"\0\x05" + WHOLE[12:],
    "no track": WHOLE[:14],
    "fewer than no tracks": WHOLE[:10] + b"\xff\xff" + WHOLE[12:],
    "another chunk": WHOLE.replace(b"MTrk", b"XTrk"),
    "a longer track": WHOLE.replace(b"MTrk\0\0\0", b"MTrk\0\0\x40"),
    "a status that is none": WHOLE.replace(b"\x90\x3c", b"\xf5\x3c"),
    "a note that is none": WHOLE.replace(b"\x90\x3c", b"\x90\xbc"),
    "no status": b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\3\0\x40\x40",
    "a tempo without bytes": WHOLE.replace(b"\xff\x51\x03\x07\xa1\x20", b"\xff\x51\x00\x00\xff\x01\x00"),
    "a number without end": b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\x0f\0\0" + b"\xff" * 900_000,
    "a message of gigabytes": b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\x40\0\xff\x01\xff\xff\xff\x7f" + b"a" * 60,
    "notes after a year": midi([*note(2**27, 2**27 + 480, 60)], ticks=1),
    "no notes": midi([tempo(0, 120), named("Nothing")]),
    "only silent notes": midi([(0, mido.Message("note_on", note=60, velocity=0))]),
    "too large": b"MThd" + b"\0" * 2**20,
    "something else": b"RIFF\0\0\0\0WAVEfmt ",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_gives_one_sentence(what):
    with pytest.raises(ScoreError) as refused:
        read(BROKEN[what])
    sentence = str(refused.value)
    assert 20 < len(sentence) < 300 and "\n" not in sentence and sentence.endswith(".")


EVENTS = st.one_of(
    st.builds(
        lambda on, p, v, c: mido.Message("note_on" if on else "note_off", note=p, velocity=v, channel=c),
        st.booleans(),
        st.integers(0, 127),
        st.integers(0, 127),
        st.integers(0, 15),
    ),
    st.builds(
        lambda n, v, c: mido.Message("control_change", control=n, value=v, channel=c),
        st.sampled_from([6, 38, 64, 100, 101, 120, 123]),
        st.integers(0, 127),
        st.integers(0, 15),
    ),
    st.builds(lambda p: mido.Message("pitchwheel", pitch=p), st.integers(-8192, 8191)),
    st.builds(lambda t: mido.MetaMessage("set_tempo", tempo=t), st.integers(0, 2**24 - 1)),
)
TRACKS = st.lists(st.lists(st.tuples(st.integers(0, 5000), EVENTS), max_size=40), max_size=3)


@hypothesis.given(TRACKS, st.sampled_from(melody.RULES), st.integers(1, 2000))
def test_any_file_that_mido_writes_is_read_or_refused(tracks, rule, ticks):
    try:
        score = read(midi(*tracks, ticks=ticks))
    except ScoreError:
        return
    for part in score.parts:
        for one in part.notes:
            assert 0 <= one.start_s < one.end_s <= one.held_s
        sung = melody.choose(part, rule)
        assert sung and all(a.end_s <= b.start_s + 1e-9 for a, b in zip(sung, sung[1:]))


@hypothesis.given(st.binary(max_size=300), st.integers(0, len(WHOLE)))
def test_any_bytes_are_read_or_refused(noise, at):
    for content in (b"MThd" + noise, WHOLE[:at] + noise + WHOLE[at:], WHOLE[:at] + noise):
        try:
            read(content)
        except ScoreError as refused:
            assert "\n" not in str(refused)
