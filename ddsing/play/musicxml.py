"""MusicXML: what singing needs of it, strictly read.

Parts and voices, ties, dots and tuplets (which are in the durations), chords, grace notes, tempo, dynamics, breath
marks, transposing instruments, repeats and jumps. Anything that can't be followed is refused in a sentence. The text is
parsed by defusedxml: entities and external files are refused, and sizes are bounded before.

Reference: MusicXML 4.0, https://www.w3.org/2021/06/musicxml40/
"""

import re
from fractions import Fraction
from typing import Any

from ddsing.errors import ScoreError
from ddsing.play import repeats, unrolled
from ddsing.play.score import MAX_MIDI, MAX_NOTES, Score, shown
from ddsing.play.unrolled import Measure, Staves, Written
from ddsing.units import format_bytes

MAX_BYTES = 8 * 2**20
MAX_QUARTERS = 10_000  # of one measure
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,9})?")
_DYNAMICS = {"pppp": 0.1, "ppp": 0.16, "pp": 0.26, "p": 0.38, "mp": 0.5, "mf": 0.62, "f": 0.75, "ff": 0.87, "fff": 0.95}
_FORTE = 90.0 / 127.0  # MusicXML's dynamics are per cent of this velocity
_BEATS = {"whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25, "32nd": 0.125}
_SHORT = ("staccato", "staccatissimo", "spiccato")
_BREATHS = ("breath-mark", "caesura")

Element = Any  # of xml.etree, as defusedxml makes it


def is_xml(content: bytes) -> bool:
    """Whether a file begins as XML does, in UTF-8 or UTF-16."""
    head = content[:200].replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe")
    return head.removeprefix(b"\xfe\xff").lstrip()[:1] == b"<"


def parsed(content: bytes, name: str) -> Element:
    """The root of an XML document; raises `ScoreError` for what is damaged, or built to harm who reads it."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if len(content) > MAX_BYTES:
        raise ScoreError(
            f"{shown(name)} has {format_bytes(len(content))} of MusicXML; at most {format_bytes(MAX_BYTES)} are read. "
            "Export the part to be sung alone."
        )
    try:
        return fromstring(content)
    except DefusedXmlException:
        raise ScoreError(f"{shown(name)} defines XML entities, as no score does; export it again.") from None
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise ScoreError(f"{shown(name)} is damaged: its XML can't be read ({str(error)[:80]}).") from None


def read(content: bytes, name: str, content_hash: str) -> Score:
    """The score in a MusicXML document."""
    root = parsed(content, name)
    if root.tag == "score-timewise":
        raise ScoreError(f"{shown(name)} is MusicXML by measures (score-timewise). Export it by parts, as usual.")
    if root.tag != "score-partwise":
        raise ScoreError(f"{shown(name)} is XML, but not MusicXML. Export the score as MusicXML.")
    try:
        staves = [_staves(root, part) for part in root.iterfind("part")]
    except _Unreadable as error:
        raise ScoreError(f"{shown(name)} can't be read: {error}. Export the score again.") from None
    if sum(len(measure.notes) for part in staves for measure in part.measures) > MAX_NOTES:
        raise ScoreError(f"{shown(name)} has more than {MAX_NOTES:,} notes. Export the part to be sung alone.")
    n_measures = max((len(part.measures) for part in staves), default=0)
    signs = [unrolled.together([p.measures[n].signs for p in staves if n < len(p.measures)]) for n in range(n_measures)]
    parts, tempos = unrolled.parts(staves, repeats.order(signs))
    return Score(name, content_hash, "MusicXML", parts, tempos)


class _Unreadable(Exception):
    """What is wrong, as the middle of a sentence."""


def _number(text: str | None, what: str) -> Fraction:
    text = (text or "").strip()
    if not _NUMBER.fullmatch(text):
        raise _Unreadable(f"{what} is {text[:20]!r}, not a number")
    return Fraction(text)


def _staves(root: Element, part: Element) -> Staves:
    """A part, with all of its measures."""
    about = next((one for one in root.iterfind("part-list/score-part") if one.get("id") == part.get("id")), None)
    program = None if about is None else about.findtext("midi-instrument/midi-program")
    channel = None if about is None else about.findtext("midi-instrument/midi-channel")
    called = "" if about is None else " ".join((about.findtext("part-name") or "").split())[:80]
    number = int(program) - 1 if program and program.isascii() and program.isdigit() and len(program) < 4 else None
    found = Staves(called or "Part", number, (channel or "").strip() == "10")
    reader = _Reader()
    for element in part.iterfind("measure"):
        found.measures.append(reader.measure(element))
    found.lyrics = next(part.iterfind("measure/note/lyric"), None) is not None
    return found


class _Reader:
    """Reads a part's measures one after the other; keeps what holds from one to the next."""

    def __init__(self) -> None:
        self._divisions, self._transpose, self._ending = Fraction(1), 0.0, ()  # type: Fraction, float, tuple[int, ...]

    def measure(self, element: Element) -> Measure:
        """One measure."""
        self._found, self._at, self._begun = Measure(), Fraction(0), Fraction(0)
        for child in element:
            read = getattr(self, f"_{child.tag}", None) if child.tag in _READ else None
            if read is not None:
                read(child)
            self._found.length = max(self._found.length, self._at)
            if self._found.length > MAX_QUARTERS:
                raise _Unreadable(f"a measure is longer than {MAX_QUARTERS:,} quarter notes")
        signs = self._found.signs
        signs.ending = self._ending or signs.ending
        if signs.ends:
            self._ending = ()
        return self._found

    def _duration(self, element: Element) -> Fraction:
        length = _number(element.findtext("duration"), "a duration") / self._divisions
        if length < 0:
            raise _Unreadable("a duration is negative")
        return length

    def _attributes(self, element: Element) -> None:
        if (text := element.findtext("divisions")) is not None:
            self._divisions = _number(text, "the number of divisions")
            if self._divisions <= 0:
                raise _Unreadable("the number of divisions is not positive")
        transpose = element.find("transpose")
        if transpose is not None:
            octaves = _number(transpose.findtext("octave-change") or "0", "a transposition")
            doubled = transpose.find("double")
            octaves += 0 if doubled is None else 1 if doubled.get("above") == "yes" else -1
            semitones = _number(transpose.findtext("chromatic") or "0", "a transposition")
            self._transpose = float(semitones + 12 * octaves)

    def _backup(self, element: Element) -> None:
        self._at = max(Fraction(0), self._at - self._duration(element))

    def _forward(self, element: Element) -> None:
        self._at += self._duration(element)

    def _note(self, element: Element) -> None:
        grace, cue = element.find("grace") is not None, element.find("cue") is not None
        length = Fraction(0) if grace else self._duration(element)
        chord = element.find("chord") is not None
        if not chord:
            self._begun = self._at
            self._at += length
        pitch = element.find("pitch")
        if pitch is None or cue or not (length or grace):
            return
        note = self._written(element, self._begun, length, self._midi(pitch))
        note.grace = grace
        if not (grace and chord):  # of a chord of grace notes, one is sung
            self._found.notes.append(note)

    def _midi(self, pitch: Element) -> float:
        step, octave = (pitch.findtext("step") or "").strip(), _number(pitch.findtext("octave"), "an octave")
        if step not in _STEPS:
            raise _Unreadable(f"a note's step is {step[:10]!r}, not A to G")
        alter = _number(pitch.findtext("alter") or "0", "an alteration")
        midi = float(12 * (octave + 1) + _STEPS[step] + alter) + self._transpose
        if not 0.0 <= midi <= MAX_MIDI:
            raise _Unreadable(f"a note is {step}{octave} with a transposition of {self._transpose:g} semitones")
        return midi

    def _written(self, element: Element, at: Fraction, length: Fraction, midi: float) -> Written:
        ties = {one.get("type") for one in (*element.iterfind("tie"), *element.iterfind("notations/tied"))}
        marks = {one.tag for one in element.iterfind("notations/articulations/*")}
        dynamics = element.get("dynamics")
        velocity = min(1.0, float(_number(dynamics, "a note's loudness")) * _FORTE / 100.0) if dynamics else None
        voice = (element.findtext("voice") or "1").strip()[:20]
        return Written(
            at,
            length,
            midi,
            voice,
            velocity=None if velocity is None else max(0.0, velocity),
            tie_begins=bool(ties & {"start", "continue"}),
            tie_ends=bool(ties & {"stop", "continue"}),
            breath=not marks.isdisjoint(_BREATHS),
            short=not marks.isdisjoint(_SHORT),
        )

    def _direction(self, element: Element) -> None:
        offset = element.findtext("offset")
        at = max(Fraction(0), self._at + (_number(offset, "an offset") / self._divisions if offset else 0))
        sound = element.find("sound")
        for kind in element.iterfind("direction-type"):
            marks = [one.tag for dynamics in kind.iterfind("dynamics") for one in dynamics]
            self._found.dynamics += [(at, _DYNAMICS[mark]) for mark in marks if mark in _DYNAMICS]
            if (metronome := kind.find("metronome")) is not None and (sound is None or sound.get("tempo") is None):
                self._metronome(metronome, at)
            signs = self._found.signs
            signs.segno = signs.segno or ("segno" if kind.find("segno") is not None else "")
            signs.coda = signs.coda or ("coda" if kind.find("coda") is not None else "")
        if sound is not None:
            self._sound(sound, at)

    def _metronome(self, element: Element, at: Fraction) -> None:
        unit = element.findtext("beat-unit")
        minute = re.search(r"\d{1,4}(\.\d{1,6})?", element.findtext("per-minute") or "")
        if unit is not None and unit in _BEATS and minute:
            beat = _BEATS[unit] * (1.5 if element.find("beat-unit-dot") is not None else 1.0)
            self._tempo(at, float(minute[0]) * beat)

    def _tempo(self, at: Fraction, bpm: float) -> None:
        if 5.0 <= bpm <= 1000.0:
            self._found.tempos.append((at, bpm))

    def _sound(self, element: Element, at: Fraction | None = None) -> None:
        at, signs = self._at if at is None else at, self._found.signs
        if element.get("tempo"):
            self._tempo(at, float(_number(element.get("tempo"), "a tempo")))
        if element.get("dynamics"):
            loudness = float(_number(element.get("dynamics"), "a loudness")) * _FORTE / 100.0
            self._found.dynamics.append((at, min(1.0, max(0.0, loudness))))
        signs.dacapo |= element.get("dacapo") == "yes"
        signs.fine |= element.get("fine") is not None
        for name in ("dalsegno", "segno", "tocoda", "coda"):
            setattr(signs, name, element.get(name) or getattr(signs, name))

    def _barline(self, element: Element) -> None:
        signs, repeat, ending = self._found.signs, element.find("repeat"), element.find("ending")
        if element.find("segno") is not None or element.get("segno"):
            signs.segno = element.get("segno") or signs.segno or "segno"
        if element.find("coda") is not None or element.get("coda"):
            signs.coda = element.get("coda") or signs.coda or "coda"
        if repeat is not None:
            signs.forward |= repeat.get("direction") == "forward"
            signs.backward |= repeat.get("direction") == "backward"
            signs.times = min(99, int(_number(repeat.get("times") or "2", "a repeat")))
        if ending is not None and ending.get("type") == "start":
            self._ending = tuple(int(one) for one in re.findall(r"\d{1,2}", ending.get("number") or "")) or (1,)
        elif ending is not None:
            signs.ends = True


_READ = ("attributes", "backup", "forward", "note", "direction", "sound", "barline")
