"""Scores for tests: MIDI by mido, and MusicXML as other programs write it."""

import io
import zipfile

import mido

DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">'
)


def midi(*tracks, ticks=480, kind=1) -> bytes:
    """A file of tracks; each is a list of (tick, message), in any order."""
    made = []
    for track in tracks:
        found, before = mido.MidiTrack(), 0
        for tick, message in sorted(track, key=lambda event: event[0]):
            found.append(message.copy(time=tick - before))
            before = tick
        made.append(found)
    buffer = io.BytesIO()
    mido.MidiFile(type=kind, ticks_per_beat=ticks, tracks=made).save(file=buffer)
    return buffer.getvalue()


def note(start, stop, pitch, *, velocity=64, channel=0):
    """The two events of a note."""
    return [
        (start, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)),
        (stop, mido.Message("note_off", note=pitch, channel=channel)),
    ]


def control(tick, number, value, *, channel=0):
    return tick, mido.Message("control_change", control=number, value=value, channel=channel)


def tempo(tick, bpm):
    return tick, mido.MetaMessage("set_tempo", tempo=round(6e7 / bpm))


def named(name):
    return 0, mido.MetaMessage("track_name", name=name)


def melody(*notes, bpm=100, velocity=64, name="Melody"):
    """A file with one track of (pitch, start in seconds, end in seconds)."""
    events = [tempo(0, bpm), named(name)]
    for pitch, start_s, end_s in notes:
        start, stop = (round(at_s * bpm / 60.0 * 480) for at_s in (start_s, end_s))
        events += note(start, stop, pitch, velocity=velocity)
    return midi(events)


def xml(*parts, names=("Voice",), head="", partlist="", doctype=DOCTYPE) -> bytes:
    """MusicXML whose parts are texts of measures."""
    listed = "".join(
        f'<score-part id="P{number}"><part-name>{name}</part-name>{partlist}</score-part>'
        for number, name in enumerate(names, 1)
    )
    written = "".join(f'<part id="P{number}">{text}</part>' for number, text in enumerate(parts, 1))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{doctype}<score-partwise version="3.1">{head}'
        f"<part-list>{listed}</part-list>{written}</score-partwise>"
    ).encode()


def measure(content, *, number=1, divisions=None):
    attributes = f"<attributes><divisions>{divisions}</divisions></attributes>" if divisions else ""
    return f'<measure number="{number}">{attributes}{content}</measure>'


def written(step, octave, duration, *, alter=None, voice=1, more="", before=""):
    """A note as MusicXML has it."""
    sharp = f"<alter>{alter}</alter>" if alter is not None else ""
    length = f"<duration>{duration}</duration>" if duration else ""
    return (
        f"<note>{before}<pitch><step>{step}</step>{sharp}<octave>{octave}</octave></pitch>{length}"
        f"<voice>{voice}</voice>{more}</note>"
    )


def rest(duration):
    return f"<note><rest/><duration>{duration}</duration><voice>1</voice></note>"


def packed(content: bytes, *, member="score.xml", container=True, method=zipfile.ZIP_DEFLATED) -> bytes:
    """MusicXML as .mxl."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        if container:
            archive.writestr(
                "META-INF/container.xml",
                f'<?xml version="1.0"?><container><rootfiles><rootfile full-path="{member}"/></rootfiles></container>',
            )
        archive.writestr(member, content)
    return buffer.getvalue()
