"""``sing``: a score's file in, a take and its files out; what can't be done is one sentence."""

import contextlib
import io
import json

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ddsing import cli
from ddsing.play import expression, melody, reading, sing
from ddsing.play.edit import ScoreEdit, line_digest
from ddsing.play.expression import Loudness
from ddsing.play.score import Line, Note
from ddsing.play.style import STYLES
from ddsing.sound import audio as recordings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.play.test_midi import BROKEN, TRACKS
from tests.support import scores, tiny_workspace

SONG = ((60, 0.2, 0.95), (64, 0.95, 1.7), (62, 2.0, 3.2))
FIRST = tiny_workspace.NAMES[0]


@pytest.mark.slow
def test_a_take_is_kept_with_its_recipe_and_sung_again_from_it(tiny, song, command, tmp_path):
    out, again, controls = tmp_path / "o.wav", tmp_path / "again.wav", tmp_path / "c.npz"
    words = ("--style", "pop", "--vibrato-depth", "33", "--seed", "5", "--transpose", "-2", "--json")
    done = command(tiny.root, "sing", song, "--instrument", FIRST, "--out", out, "--controls", controls, *words)
    take = TakeStore(tiny).get(done["take"])
    assert (take.source, take.instrument, take.tracker) == (song.name, FIRST, "score") and take.settings.seed == 5
    assert done["transpose"] == -2 and done["style"]["vibrato_cents"] == 33.0 and done["fit"]["inside_share"] > 0.8
    recipe = recordings.read_recipe(out)
    assert recipe["score"] == take.score and recipe["score"]["numbers"] == {"vibrato_cents": 33.0}
    assert recipe["source"]["hash"] == recordings.content_hash(recordings.decode(take.folder / "original.wav"))
    arrays = dict(np.load(controls))
    assert arrays["harmonic_distribution"].shape == (len(arrays["f0_hz"]), 20)
    assert (arrays["f0_hz"] == take.curves()["f0_hz"]).all()
    copy = command(tiny.root, "sing", take.id, "--like", take.id, "--out", again, "--json")
    assert (recordings.decode(again) == recordings.decode(out)).all() and copy["style"] == done["style"]
    assert TakeStore(tiny).get(copy["take"]).key == take.key
    other = command(tiny.root, "sing", song, "--like", take.id, "--out", again, "--seed", "6", "--json")
    assert TakeStore(tiny).get(other["take"]).key != take.key
    assert "sung from a score" in command(tiny.root, "takes", "show", take.id)
    assert "drawn from its notes by rules" in command(tiny.root, "compare", "methods", take.id)
    command(tiny.root, "transfer", next(tiny.examples.glob("*.wav")), "--like", take.id, "--out", again)


def test_parts_are_listed_and_curves_written_without_a_sound(tiny, command, tmp_path):
    path = tmp_path / "two.mid"
    drums = scores.note(0, 480, 36, channel=9)
    alto = [scores.named("Alto"), *scores.note(0, 960, 76)]
    path.write_bytes(scores.midi([scores.tempo(0, 90)], [scores.named("Drums"), *drums], alto))
    listed = command(tiny.root, "sing", path, "--list", "--json")
    assert listed["chosen"] == 2 and [part["name"] for part in listed["parts"]] == ["Drums", "Alto"]
    assert "*   2  Alto: 1 note, E5 to E5" in command(tiny.root, "sing", path, "--list")
    for suffix in ("csv", "mid"):
        out = tmp_path / f"curves.{suffix}"
        said = command(tiny.root, "sing", path, "--instrument", FIRST, "--curves", out)
        assert "transposed by -12 semitones" in said and out.stat().st_size > 500
    assert reading.read(tmp_path / "curves.mid").parts[0].notes[0].midi == 64
    assert TakeStore(tiny).list() == []


def test_what_can_t_be_done_is_one_sentence(tiny, song, command, tmp_path):
    out = ("--out", tmp_path / "o.wav")
    given = ("--instrument", FIRST)
    other = tmp_path / "other.json"
    other.write_text(ScoreEdit("0" * 64, removed=(0,)).to_text())
    for words, said in (
        ((tmp_path / "no.mid", *given, *out), "can't be opened"),
        (("no such take", *given, *out), "No take"),
        ((song, *out), "choose one with --instrument"),
        ((song, *given), "Nothing to write"),
        ((song, *given, "--out", tmp_path / "o.mp3"), "must end in .wav or .flac"),
        ((song, *given, "--out", tmp_path / "no" / "o.wav"), "does not exist"),
        ((song, *given, "--curves", tmp_path / "c.txt"), "must end in .csv or .mid"),
        ((song, *given, "--curves", tmp_path / "c.csv", "--controls", tmp_path / "c.npz"), "needs --out"),
        ((song, *given, *out, "--part", "7"), "No part 7"),
        ((song, *given, *out, "--transpose", "up"), "auto or a whole number"),
        ((song, *given, *out, "--transpose", "49"), "up to 48"),
        ((song, *given, *out, "--style", "jazz"), "plain, classical, pop"),
        ((song, *given, *out, "--style", "voice:alto"), "has no dataset"),
        ((song, *given, *out, "--vibrato-rate", "99"), "vibrato rate is 99.0"),
        ((song, *given, *out, "--start", "9"), "--start is 9"),
        ((song, *given, *out, "--start", "8.3", "--end", "9"), "No note begins"),
        ((song, *given, *out, "--seed", "-1"), "The noise seed is -1"),
        ((song, *given, *out, "--like", "no such take"), "No take"),
        ((song, *given, *out, "--edit", tmp_path / "no.json"), "--edit is"),
        ((song, *given, *out, "--edit", song), "The edit of the score can't be read: it is not JSON"),
        ((song, *given, *out, "--edit", other), "made for other notes"),
    ):
        assert said in command(tiny.root, "sing", *words, status=2)
    assert TakeStore(tiny).list() == []


def test_an_edit_is_sung_and_comes_with_its_take(tiny, song, command, tmp_path):
    line = melody.line(reading.read(song))
    edit = ScoreEdit(line_digest(line), removed=(1,), pitch=((0.0, 100.0), (9.0, 100.0)))
    file, curves, out = tmp_path / "edit.json", tmp_path / "c.csv", tmp_path / "o.wav"
    file.write_text(edit.to_text())
    written = ("--instrument", FIRST, "--style", "plain", "--transpose", "0", "--curves", curves, "--json")
    done = command(tiny.root, "sing", song, *written, "--edit", file, "--out", out)
    assert done["notes"] == 2 and done["edit"] == edit.digest
    rows = np.loadtxt(curves, delimiter=",", skiprows=1)
    assert rows[100, 1] == pytest.approx(440 * 2 ** ((61 - 69) / 12), rel=1e-4) and rows[350, 1] == 0.0
    assert recordings.read_recipe(out)["score"]["edit"] == edit.digest
    for words in ((done["take"],), (song, "--like", done["take"])):
        before = curves.read_bytes()
        assert command(tiny.root, "sing", *words, *written)["edit"] == edit.digest and curves.read_bytes() == before
    cut = command(tiny.root, "sing", song, "--like", done["take"], "--end", "1", *written)
    assert "edit" not in cut and "was left out" in cut["warnings"][-1]


def test_a_hummed_melody_is_sung(tiny, command, tmp_path):
    made = tuple(Note(start, end, midi + 0.3, 0.5) for midi, start, end in SONG)
    drawn = expression.curves(
        Line(made, (), ((0.0, 120.0),), "s", "", 1, "highest"),
        STYLES["plain"],
        Loudness.of(None, generation=3),
        generation=3,
    )
    path, curves = tmp_path / "hum.wav", tmp_path / "c.mid"
    path.write_bytes(recordings.encode(sing.hum(drawn)))
    given = ("--instrument", FIRST, "--curves", curves, "--transpose", "0")
    done = command(tiny.root, "sing", path, *given, "--style", "plain", "--tracker", "tiny", "--json")
    assert (done["notes"], done["line"], done["score"]) == (3, "hummed", "hum.wav")
    for note, (midi, start_s, end_s) in zip(reading.read(curves).parts[0].notes, SONG):
        assert note.midi == midi and (note.start_s, note.end_s) == pytest.approx((start_s, end_s), abs=0.06)
    assert "one melody" in command(tiny.root, "sing", path, *given, "--part", "1", status=2)
    song = tmp_path / "song.mid"
    song.write_bytes(scores.melody(*SONG))
    assert "for a recording" in command(tiny.root, "sing", song, *given, "--as-sung", status=2)


def test_a_score_longer_than_a_transfer_can_be_sung_in_part(tiny, command, tmp_path):
    path = tmp_path / "long.mid"
    path.write_bytes(scores.melody((60, 0.0, 1.0), (62, 700.0, 701.0), bpm=60))
    given = ("--instrument", FIRST, "--out", tmp_path / "o.wav")
    assert "--start and --end" in command(tiny.root, "sing", path, *given, status=2)
    done = command(tiny.root, "sing", path, *given, "--start", "699", "--json")
    assert done["notes"] == 1 and TakeStore(tiny).get(done["take"]).duration_s < 3.0


@pytest.mark.slow
def test_takes_made_before_scores_are_as_they_were(sung):
    for take in TakeStore(Workspace(sung)).list():
        assert take.score is None and "score" not in take.to_json() and "score" not in take.recipe()
        assert json.loads((take.folder / "take.json").read_text()).keys() == take.to_json().keys()


def test_the_csv_is_what_transfer_takes_as_f0(tiny, song, command, tmp_path):
    curves, out = tmp_path / "c.csv", tmp_path / "o.wav"
    command(tiny.root, "sing", song, "--instrument", FIRST, "--curves", curves)
    example = next(tiny.examples.glob("*.wav"))
    command(tiny.root, "transfer", example, "--instrument", FIRST, "--tracker", "tiny", "--f0", curves, "--out", out)


def asked(tiny, content, *words) -> str:
    """What is said of a score that is not sung; "" for one that is, whose curves are then written."""
    path, curves = tiny.root / "given.mid", tiny.root / "curves.csv"
    path.write_bytes(content)
    curves.unlink(missing_ok=True)
    said, given = io.StringIO(), ("--instrument", FIRST, "--curves", str(curves), "--workspace", str(tiny.root))
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = cli.main(["sing", str(path), *given, *words])
    assert status == (0 if curves.exists() else 2)
    return said.getvalue()


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_score_is_one_sentence(tiny, what):
    said = asked(tiny, BROKEN[what])
    assert said.endswith(".\n") and said.count("\n") == 1 and "Traceback" not in said and len(said) < 400


@pytest.mark.slow
@hypothesis.settings(
    max_examples=30, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], deadline=None
)
@hypothesis.given(TRACKS, st.integers(1, 2000), st.sampled_from(melody.RULES), st.sampled_from(["plain", "pop"]))
def test_any_score_is_sung_or_one_sentence_says_why_not(tiny, tracks, ticks, rule, style):
    said = asked(tiny, scores.midi(*tracks, ticks=ticks), "--line", rule, "--style", style)
    if not said:
        rows = np.loadtxt(tiny.root / "curves.csv", delimiter=",", skiprows=1, ndmin=2)
        assert np.isfinite(rows).all() and (np.diff(rows[:, 0]) > 0).all() and (rows[:, 1] >= 0).all()
    else:
        assert said.endswith(".\n") and said.count("\n") == 1 and len(said) < 400
