"""A take for a DAW: parts that add up, markers where the notes begin, the tempo, and MIDI on the score's bars."""

import io
import struct
import zipfile

import mido
import numpy as np
import pytest
import soundfile

from ddsing.errors import TakeError
from ddsing.instrument.library import Library
from ddsing.play import daw, export, melody, placing, played, reading, sing
from ddsing.play.played import Played
from ddsing.play.style import STYLES
from ddsing.sound import audio as recordings
from ddsing.sound import markers
from tests.support import tiny_workspace

FIRST = tiny_workspace.NAMES[0]
SONG = ((60, 0.5, 1.25), (64, 1.25, 2.0), (67, 2.5, 3.1))


def chunks(wav):
    """A RIFF WAV's chunks by name, each read where the one before says that it ends."""
    assert wav[:4] == b"RIFF" and wav[8:12] == b"WAVE" and struct.unpack("<I", wav[4:8])[0] == len(wav) - 8
    at, found = 12, {}
    while at < len(wav):
        name, size = wav[at : at + 4], struct.unpack("<I", wav[at + 4 : at + 8])[0]
        found[name] = wav[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(wav)
    return found


def cues(found):
    """(sample, name) of each marker."""
    content, names, at = found[b"cue "], {}, 4
    points = [struct.unpack_from("<II4sIII", content, 4 + 24 * n) for n in range(struct.unpack_from("<I", content)[0])]
    while at < len(found[b"LIST"]):
        size = struct.unpack_from("<I", found[b"LIST"], at + 4)[0]
        label = found[b"LIST"][at + 8 : at + 8 + size]
        names[struct.unpack("<I", label[:4])[0]] = label[4:-1].decode()
        at += 8 + size + size % 2
    return [(point[5], names[point[0]]) for point in points]


@pytest.mark.parametrize("n_samples", [1, 1000, 1001])
def test_markers_and_tempo_stand_behind_the_sound(n_samples):
    sound = np.linspace(-0.5, 0.5, n_samples, dtype=np.float32)
    marked = markers.marked(recordings.encode(sound), [(0, "A4"), (500, "C♯5")], bpm=90.0, duration_s=2.0)
    found = chunks(marked)
    assert cues(found) == [(0, "A4"), (500, "C♯5")]
    assert struct.unpack("<IHHfIHHf", found[b"acid"])[4:] == (3, 4, 4, 90.0)
    read, rate = soundfile.read(io.BytesIO(marked), dtype="float32")
    assert rate == 16_000 and soundfile.info(io.BytesIO(marked)).subtype == "PCM_24"
    np.testing.assert_allclose(read, sound, atol=2e-7)
    assert recordings.read(marked).remarks == recordings.read(recordings.encode(sound)).remarks
    assert chunks(markers.marked(recordings.encode(sound), [])).keys().isdisjoint({b"cue ", b"acid", b"LIST"})


def test_a_score_s_take_lies_on_its_notes_and_bars(tiny, song):
    line = melody.line(reading.read(song))
    take = sing.sing(tiny, line, FIRST, STYLES["plain"], transpose=2)
    with zipfile.ZipFile(io.BytesIO(daw.bundle(take))) as file:
        names = [*daw.PARTS[:3], "guide"]  # a plain tone, and nothing that was recorded
        assert file.namelist() == [*(f"{part}.wav" for part in names), "notes.mid"]
        wavs = {part: file.read(f"{name}.wav") for part, name in zip(daw.PARTS, names)}
        notes = mido.MidiFile(file=io.BytesIO(file.read("notes.mid")))
    parts = {part: soundfile.read(io.BytesIO(wav))[0] for part, wav in wavs.items()}
    np.testing.assert_allclose(parts["harmonic"] + parts["noise"], parts["result"], atol=1e-6)
    found = {part: chunks(wav) for part, wav in wavs.items()}
    marks = cues(found["result"])
    assert [sample for sample, _ in marks] == [round(16_000 * note.start_s) for note in line.notes]
    assert all(cues(one) == marks for one in found.values())
    assert struct.unpack("<IHHfIHHf", found["result"][b"acid"])[-1] == pytest.approx(line.tempos[0][1])
    assert recordings.read_recipe(wavs["result"])["take"] == take.id
    at_s, starts = 0.0, []
    for message in notes:
        at_s += message.time
        if message.type == "note_on" and message.velocity:
            starts.append((at_s, message.note))
    assert [key for _, key in starts] == [round(note.midi) + 2 for note in line.notes]
    np.testing.assert_allclose([at for at, _ in starts], [note.start_s for note in line.notes], atol=1e-3)


def test_the_curves_of_a_sung_take_are_those_that_were_drawn(tiny, song):
    """As `sing --curves` writes them before anything is rendered."""
    line = melody.line(reading.read(song))
    take = sing.sing(tiny, line, FIRST, STYLES["plain"], transpose=2, seed=3)
    instrument = Library(tiny).get(FIRST)
    drawn = placing.place(
        line, STYLES["plain"], instrument.statistics, generation=take.generation, seed=3, transpose=2
    ).curves
    assert export.csv(daw.curves_of(take)) == export.csv(drawn)


def test_a_take_that_was_played_brings_the_notes_that_are_heard(tiny):
    at = np.arange(500)
    f0_hz, loudness_db = np.where(at < 250, 220.0, 330.0), np.where((at >= 50) & (at < 450), -30.0, -80.0)
    take = played.render(tiny, Played(f0_hz, loudness_db, STYLES["plain"], "plain"), FIRST)
    with zipfile.ZipFile(io.BytesIO(daw.bundle(take))) as file:
        marks = cues(chunks(file.read("result.wav")))
        notes = mido.MidiFile(file=io.BytesIO(file.read("notes.mid")))
    assert [name for _, name in marks] == ["A3", "E4"]
    starts = [message.note for message in notes if message.type == "note_on" and message.velocity]
    assert starts == [57, 64]
    assert marks[1][0] - marks[0][0] == pytest.approx(64 * 200, abs=64 * 13)  # 0.8 s, to a twentieth of a second


def test_what_can_t_be_read_is_said(tiny, song):
    take = sing.sing(tiny, melody.line(reading.read(song)), FIRST, STYLES["plain"])
    (take.folder / "noise.wav").write_bytes(b"RIFF")
    with pytest.raises(TakeError, match="noise of the take .* can't be read"):
        daw.bundle(take)
