"""A score on the page Timbre transfer: listed, placed, sung as the command line does; what is none is one sentence."""

from dataclasses import replace

import hypothesis
import pytest

from ddsing.errors import ScoreError
from ddsing.play import melody, reading, sing
from ddsing.play.edit import ScoreEdit, line_digest
from ddsing.play.style import STYLES
from ddsing.transfer.takes import TakeStore
from ddsing.ui.shell.formatting import plain
from ddsing.workspace import Workspace
from tests.play.test_midi import BROKEN, TRACKS
from tests.support import scores, tiny_workspace
from tests.support.controls import drawn_out
from tests.support.pages import clean, finished, fit_read, open_page, said
from tests.support.scores import named, note

FIRST, SECOND = tiny_workspace.NAMES
ALTO = [*note(0, 960, 76), *note(0, 960, 72), *note(960, 2880, 74)]
CONTENT = scores.midi(
    [scores.tempo(0, 90)],
    [named("Drums"), *note(0, 480, 36, channel=9)],
    [named("Alto"), *ALTO],
    [named("Bass"), *note(0, 960, 48)],
)
NAME = "two *parts*.mid"


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "ws"))


def with_score(monkeypatch, workspace, content=CONTENT, name=NAME):
    app = open_page(monkeypatch, workspace.root)
    app.button_group(key="transfer.source_kind").set_value("score").run()
    clean(app)
    assert app.button(key="score.sing").disabled and "Takes" in said(app)
    return uploaded(app, content, name)


def uploaded(app, content, name="song.mid"):
    return app.file_uploader(key="score.uploader").set_value((name, content, "audio/midi")).run()


def sung(app):
    app.button(key="score.sing").click().run()
    clean(finished(app))
    return app


@pytest.mark.slow
def test_a_score_is_sung_as_the_command_line_sings_it(monkeypatch, workspace):
    app = with_score(monkeypatch, workspace)
    clean(app)
    assert app.selectbox(key="score.part").options == [
        "2 · Alto: 3 notes, C5 to E5, chords",
        "3 · Bass: 1 note, C3 to C3",
    ]
    assert "MIDI, 4.0 s, 90 bpm" in said(app) and "transposed by −12 semitones" in said(app)
    app.button_group(key="score.line").set_value("lowest").run()
    app.button_group(key="score.style").set_value("pop").run()
    app.session_state["score.more.style"] = True
    app.run()
    app.slider(key="score.vibrato_cents").set_value(60).run()
    app.number_input(key="score.seed").set_value(5).run()
    clean(app)
    sung(app)
    (take,) = TakeStore(workspace).list()
    line = melody.line(reading.read(CONTENT, name=NAME), 2, "lowest")
    style = replace(STYLES["pop"], vibrato_cents=60.0)
    wanted = sing.sing(workspace, line, FIRST, style, style_name="pop", seed=5)
    assert take.key == wanted.key and take.recipe()["score"] == wanted.recipe()["score"]
    assert (take.name, take.score["numbers"]) == (wanted.name, {"vibrato_cents": 60.0})
    for badge in ("style pop", "vibrato depth 60 cents", "transposed −12", "lowest notes", "seed 5"):
        assert f"badge[{badge}]" in said(app)
    assert "octave shift" not in said(app)
    drawn_out(app)
    assert f"take_curves.{take.id}" in [one.key for one in app.get("download_button")]
    again = open_page(monkeypatch, workspace.root)
    clean(again)
    assert (
        again.button_group(key="score.line").value == "lowest" and again.slider(key="score.vibrato_cents").value == 60
    )
    assert not again.button(key="score.sing").disabled and "90 bpm · uploaded earlier" in said(again)


def test_where_it_is_sung_can_be_chosen(monkeypatch, workspace):
    app = with_score(monkeypatch, workspace)
    app.selectbox(key="score.part").set_value(3).run()
    assert app.button_group(key="score.line").disabled
    app.toggle(key="score.auto").set_value(False).run()
    assert app.number_input(key="score.transpose").value == 12, "begins where it was found"
    app.number_input(key="score.transpose").set_value(-10).run()
    assert "0% of the score" in said(app).replace("\u202f", "").replace(" %", "%").replace("**", "")
    app.button(key="score.better").click().run()
    assert app.number_input(key="score.transpose").value == 4 and "score.better" not in [one.key for one in app.button]
    app.number_input(key="score.to_s").set_value(0.0).run()
    assert "not after its beginning" in said(app) and app.button(key="score.sing").disabled
    app.number_input(key="score.to_s").set_value(1.0).run()
    clean(app)
    long = scores.melody((60, 0.0, 1.0), (62, 700.0, 701.0), bpm=60)
    uploaded(app, long)
    clean(app)
    assert "up to 10 min 00 s are sung at a time" in said(app) and app.button(key="score.sing").disabled
    app.number_input(key="score.from_s").set_value(699.0).run()
    assert "at a time" not in said(app) and not app.button(key="score.sing").disabled


@pytest.mark.slow
def test_a_take_of_an_edited_score_brings_everything_back(monkeypatch, workspace):
    line = melody.line(reading.read(CONTENT, name=NAME))
    edit = ScoreEdit(line_digest(line), removed=(1,), pitch=((0.0, 50.0), (1.0, 50.0)))
    style = replace(STYLES["plain"], drift_cents=7.0)
    take = sing.sing(workspace, line, SECOND, style, style_name="plain", seed=9, transpose=-7, edit=edit)
    app = open_page(monkeypatch, workspace.root)
    assert "sung from an edited score" in said(app)
    app.button(key=f"take_use.{take.id}").click().run()
    clean(app)
    assert app.selectbox(key="transfer.instrument").value == SECOND and "Edited** · notes: 1 removed" in said(app)
    sung(app)
    assert TakeStore(workspace).list()[0].key == take.key and len(TakeStore(workspace).list()) == 2
    app.button(key="score.edit.discard").click().run()
    clean(sung(app))
    assert "edit" not in TakeStore(workspace).list()[0].score


@pytest.mark.slow
def test_a_take_of_a_score_that_is_dropped_back_brings_its_notes_and_their_edit(monkeypatch, workspace):
    line = melody.line(reading.read(CONTENT, name=NAME))
    edit = ScoreEdit(line_digest(line), removed=(1,))
    takes = TakeStore(workspace)
    take = sing.sing(workspace, line, SECOND, STYLES["pop"], style_name="pop", seed=9, transpose=-7, edit=edit)
    content = takes.export(take.id, "FLAC")
    app = open_page(monkeypatch, workspace.root)
    app.button_group(key="transfer.source_kind").set_value("upload").run()
    app.file_uploader(key="source.uploader").set_value(("made.flac", content, "audio/flac")).run()
    clean(app)
    assert app.button_group(key="transfer.source_kind").value == "score"
    assert app.selectbox(key="transfer.instrument").value == SECOND and "Edited** · notes: 1 removed" in said(app)
    sung(app)
    assert takes.list()[0].key == take.key and len(takes.list()) == 2
    for one in takes.list():
        takes.delete(one.id)
    app.button_group(key="transfer.source_kind").set_value("upload").run()
    app.file_uploader(key="source.uploader").set_value(("made.flac", content, "audio/flac")).run()
    assert any("no take here has its notes" in toast.value for toast in app.toast)


@pytest.mark.slow
def test_a_recording_becomes_notes(monkeypatch, workspace):
    app = fit_read(open_page(monkeypatch, workspace.root))
    app.button(key="score.hum").click().run()
    clean(app)
    assert "Notes of" in said(app) and app.toggle(key="score.tuned").value and "of the score is inside" in said(app)
    app.toggle(key="score.tuned").set_value(False).run()
    sung(app)
    (take,) = TakeStore(workspace).list()
    assert take.score["line"] == "hummed" and sing.line_of(take).notes[0].midi % 1.0
    app.button_group(key="transfer.source_kind").set_value("examples").run()
    clean(app)
    app.button(key=f"take_use.{take.id}").click().run()
    clean(app)
    assert app.toggle(key="score.tuned").value is False


def test_a_style_that_contradicts_itself_says_so(monkeypatch, workspace):
    app = with_score(monkeypatch, workspace)
    app.session_state["score.more.style"] = True
    app.run()
    app.button_group(key="score.style").set_value("plain").run()
    assert app.slider(key="score.vibrato_hz").disabled and "Needs vibrato" in said(app)
    app.slider(key="score.soft").set_value(95).run()
    assert "Swap them" in said(app) and app.button(key="score.sing").disabled
    app.slider(key="score.loud").set_value(100).run()
    clean(app)
    assert not app.button(key="score.sing").disabled


def test_a_broken_score_is_the_sentence_of_the_command_line(monkeypatch, workspace):
    app = with_score(monkeypatch, workspace)
    for content in BROKEN.values():
        with pytest.raises(ScoreError) as error:
            reading.read(content, name="song.mid").part()
        uploaded(app, content)
        assert not app.exception and [one.value for one in app.error] == [plain(str(error.value))]
        assert app.button(key="score.sing").disabled


@pytest.mark.slow
def test_any_score_is_placed_or_one_sentence_says_why_not(monkeypatch, workspace):
    app = with_score(monkeypatch, workspace)

    @hypothesis.settings(max_examples=12, deadline=None)
    @hypothesis.given(TRACKS)
    def any_score(tracks):
        uploaded(app, scores.midi(*tracks))
        assert not app.exception and len(app.error) <= 1
        assert app.button(key="score.sing").disabled or not app.error
        if not app.button(key="score.sing").disabled:
            assert "of the score is inside" in said(app)

    any_score()
