"""MusicXML as MuseScore, Finale and Sibelius write it becomes notes in seconds; hostile files are refused."""

import io
import zipfile

import pytest

from ddsing.errors import ScoreError
from ddsing.play import melody, reading, repeats
from ddsing.play.repeats import Signs
from tests.support.scores import measure, packed, rest, written, xml

MUSESCORE = (
    measure(
        "<attributes><key><fifths>0</fifths></key><time><beats>4</beats><beat-type>4</beat-type></time>"
        "<clef><sign>G</sign><line>2</line></clef></attributes>"
        '<direction placement="above"><direction-type><metronome parentheses="no"><beat-unit>quarter</beat-unit>'
        '<per-minute>60</per-minute></metronome></direction-type><sound tempo="60"/></direction>'
        '<direction><direction-type><dynamics><p/></dynamics></direction-type><sound dynamics="54.44"/></direction>'
        + written("C", 4, 6, more="<type>quarter</type><dot/><lyric><syllabic>single</syllabic><text>la</text></lyric>")
        + written("F", 4, 2, alter=1, more="<type>eighth</type>")
        + "".join(written(step, 4, "2.666667", more="<time-modification/>") for step in "GAB"),
        divisions=4,
    )
    + measure(
        written("C", 5, 16, more='<notations><tied type="start"/></notations>', before="").replace(
            "<voice>", '<tie type="start"/><voice>'
        ),
        number=2,
    )
    + measure(
        written("C", 5, 8).replace("<voice>", '<tie type="stop"/><voice>')
        + written(
            "E", 5, 4, more="<notations><articulations><breath-mark>comma</breath-mark></articulations></notations>"
        )
        + rest(4),
        number=3,
    )
)


def sung(content, *, name="song.musicxml", **options):
    return melody.line(reading.read(content, name=name), **options).notes


def spans(notes):
    return [(round(one.midi, 2), round(one.start_s, 3), round(one.end_s, 3)) for one in notes]


def test_as_musescore_writes_it():
    score = reading.read(xml(MUSESCORE), name="song.musicxml")
    (part,) = score.parts
    assert part.name == "Voice" and part.lyrics and score.kind == "MusicXML" and score.tempos == ((0.0, 60.0),)
    third = 2 / 3
    assert spans(part.notes) == [
        (60, 0.0, 1.5),
        (66, 1.5, 2.0),
        *((midi, round(2 + n * third, 3), round(2 + (n + 1) * third, 3)) for n, midi in enumerate((67, 69, 71))),
        (72, 4.0, 10.0),
        (76, 10.0, 11.0),
    ]
    assert [one.breath for one in part.notes] == [False] * 6 + [True]
    assert part.notes[0].velocity == pytest.approx(0.5444 * 90 / 127)


def test_as_finale_writes_it_in_utf_16_with_a_transposing_instrument():
    clarinet = measure(
        "<attributes><divisions>1</divisions><transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
        "</attributes>" + '<sound tempo="120"/>' + written("D", 5, 1) + written("D", 5, 1, alter=0.5) + rest(2)
    )
    bass = measure(
        "<attributes><divisions>1</divisions><transpose><chromatic>-2</chromatic><octave-change>-1</octave-change>"
        "</transpose></attributes>" + written("C", 4, 4)
    )
    text = xml(clarinet, bass, names=("Clarinet in Bb", "Bass clarinet")).decode()
    content = text.replace("UTF-8", "UTF-16").encode("utf-16")
    score = reading.read(content, name="finale.xml")
    assert [spans(part.notes) for part in score.parts] == [[(72, 0, 0.5), (72.5, 0.5, 1.0)], [(46, 0, 2.0)]]


def test_as_sibelius_writes_it_with_voices_chords_and_packed():
    upper = written("G", 4, 2, voice=1) + written("B", 4, 2, voice=1, before="<chord/>") + written("C", 5, 2, voice=1)
    lower = "<backup><duration>4</duration></backup>" + written("E", 3, 4, voice=2)
    text = xml(measure('<sound tempo="60"/>' + upper + lower, divisions=1), names=("Piano",))
    for content in (packed(text), packed(text, container=False), packed(text, method=zipfile.ZIP_STORED)):
        score = reading.read(content, name="sibelius.mxl")
        assert [part.name for part in score.parts] == ["Piano, voice 1", "Piano, voice 2"]
        assert score.parts[0].chords and not score.parts[1].chords
        assert spans(melody.line(score, 1, "highest").notes) == [(71, 0, 2), (72, 2, 4)]
        assert spans(melody.line(score, 1, "lowest").notes) == [(67, 0, 2), (72, 2, 4)]


def test_grace_notes_take_their_time_from_the_note_before():
    graces = "".join(written(step, 4, None, before='<grace slash="yes"/>') for step in "DE")
    notes = sung(xml(measure('<sound tempo="60"/>' + written("C", 4, 2) + graces + written("F", 4, 2), divisions=1)))
    assert spans(notes) == [(60, 0, 1.84), (62, 1.84, 1.92), (64, 1.92, 2.0), (65, 2, 4)]
    first = sung(xml(measure('<sound tempo="60"/>' + graces + written("F", 4, 2), divisions=1)))
    assert spans(first) == [(65, 0, 2)]  # before the first note there is no time


def test_tempo_staccato_cue_notes_and_unpitched_ones():
    unpitched = "<note><unpitched><display-step>C</display-step></unpitched><duration>1</duration></note>"
    cue = written("A", 5, 1, before="<cue/>")
    short = written("C", 4, 1, more="<notations><articulations><staccato/></articulations></notations>")
    mark = "<direction><direction-type><metronome><beat-unit>half</beat-unit><beat-unit-dot/>"
    mark += "<per-minute>ca. 20</per-minute></metronome></direction-type></direction>"
    notes = sung(xml(measure(short + unpitched + cue + mark + written("D", 4, 1), divisions=1)))
    assert spans(notes) == [(60, 0, 0.25), (62, 1.5, 2.5)]  # 120 quarters a minute, then 60


def bar(step, signs="", end=""):
    return measure(signs + written(step, 4, 4) + end, divisions=1)


def repeat(direction, times=""):
    return f'<barline><repeat direction="{direction}"{times}/></barline>'


def ending(number, kind, more=""):
    return f'<barline><ending number="{number}" type="{kind}"/>{more}</barline>'


FIRST = (ending(1, "start"), ending(1, "stop", '<repeat direction="backward"/>'))
SECOND = (ending(2, "start"), ending(2, "stop"))
BACK = '<repeat direction="backward"/>'
ORDERS = {
    "a repeat": (bar("C", repeat("forward")) + bar("D", end=repeat("backward")) + bar("E"), "CDCDE"),
    "from the beginning": (bar("C") + bar("D", end=repeat("backward")), "CDCD"),
    "three times": (bar("C", end=repeat("backward", ' times="3"')), "CCC"),
    "two endings": (
        bar("C") + bar("D", *FIRST) + bar("E", *SECOND) + bar("F"),
        "CDCEF",
    ),
    "an ending for two passes, with both closed": (
        bar("C")
        + bar("D", ending("1, 2", "start"), ending("1, 2", "stop", BACK))
        + bar("E", ending(3, "start"), ending(3, "discontinue", BACK))
        + bar("F", end=repeat("backward")),
        "CDCDCEFF",
    ),
    "two pairs of endings": (
        (bar("C") + bar("D", *FIRST) + bar("E", *SECOND)) * 2,
        "CDCECDCE",
    ),
    "da capo al fine": (
        bar("C", end=repeat("backward")) + bar("D", end='<sound fine="yes"/>') + bar("E", end='<sound dacapo="yes"/>'),
        "CCDECD",
    ),
    "dal segno al coda": (
        bar("C")
        + bar("D", '<direction><sound segno="segno"/></direction>')
        + bar("E", end='<sound tocoda="coda"/>')
        + bar("F", end='<sound dalsegno="segno"/>')
        + bar("G", '<sound coda="coda"/>'),
        "CDEFDEG",
    ),
}


@pytest.mark.parametrize("what", ORDERS)
def test_repeats_are_sung_as_musicians_do(what):
    text, wanted = ORDERS[what]
    notes = sung(xml(text))
    assert "".join("CxDxEFxGxAxB"[round(one.midi) % 12] for one in notes) == wanted
    assert [one.start_s for one in notes] == [2.0 * number for number in range(len(wanted))]


def test_repeats_without_an_end_are_refused():
    measures = [Signs(forward=True)] + [Signs(backward=True, times=99) for _ in range(1)] + [Signs()] * 300
    assert len(repeats.order(measures)) == 2 * 99 + 300
    with pytest.raises(ScoreError, match="20,000"):
        repeats.order([Signs()] * 299 + [Signs(backward=True, times=99)])
    with pytest.raises(ScoreError, match="segno"):
        repeats.order([Signs(dalsegno="x")])


def bomb():
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{entities}]><score-partwise>&l11;</score-partwise>'


def external():
    entity = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
    return xml(measure(written("C", 4, 4)), names=("&secret;",), doctype=entity)


def zip_bomb():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", b"<score-partwise>" + b" " * 60_000_000)
    return buffer.getvalue()


def one(text):
    return xml(measure(text, divisions=1))


GOOD = written("C", 4, 1)
HOSTILE = {
    "a billion laughs": bomb().encode(),
    "an external entity": external(),
    "a zip bomb": zip_bomb(),
    "a zip without a score": packed(b"x", member="readme.txt", container=False),
    "a container that names nothing": packed(b"<x/>", member="../../etc/passwd"),
    "a damaged zip": packed(one(GOOD))[:-30],
    "cut": one(GOOD)[:-40],
    "another kind of XML": b"<html><body/></html>",
    "by measures": b"<score-timewise/>",
    "no parts": xml(),
    "only rests": one(rest(4)),
    "no duration": one(written("C", 4, None)),
    "a duration that is none": one(written("C", 4, "NaN")),
    "a duration of gigabytes": one(written("C", 4, "1e999999999")),
    "a negative duration": one(written("C", 4, -4)),
    "no divisions": xml(measure(GOOD, divisions="0")),
    "a step that is none": one(written("H", 4, 1)),
    "an octave that is none": one(written("C", "four", 1)),
    "a note that nobody hears": one(written("C", 99, 1)),
    "years of rest": one(GOOD + rest(999_999_999)),
    "an encoding that is none": b'<?xml version="1.0" encoding="klingon"?><score-partwise/>',
    "a nest": b"<score-partwise>" + b"<part>" * 100_000,
    "more than is read": xml("<!-- " + "x" * 9_000_000 + " -->"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_gives_one_sentence(what):
    with pytest.raises(ScoreError) as refused:
        reading.read(HOSTILE[what], name="bad.musicxml")
    sentence = str(refused.value)
    assert 20 < len(sentence) < 300 and "\n" not in sentence and sentence.endswith(".") and "root:" not in sentence


def test_a_doctype_with_its_address_is_no_reason_to_refuse():
    assert spans(sung(one(GOOD))) == [(60, 0, 0.5)]


def test_what_is_no_score_s_file(tmp_path):
    for path, said in ((tmp_path / "no.mid", "can't be opened"), (tmp_path, "is not a file")):
        with pytest.raises(ScoreError, match=said):
            reading.read(path)
    large = tmp_path / "large.musicxml"
    large.write_bytes(b"<" + bytes(reading.MAX_BYTES))
    with pytest.raises(ScoreError, match=r"has 8\.4 MB"):
        reading.read(large)
