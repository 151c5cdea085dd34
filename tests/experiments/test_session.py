"""Sets of takes, the methods paragraph, and a session as a zip that can be read anywhere."""

import csv
import html.parser
import io
import json
import urllib.parse
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ddsing.cli import main
from ddsing.errors import TakeError
from ddsing.experiments.comparison import blind, measure, methods, results, session
from ddsing.experiments.comparison.sets import SetStore
from ddsing.play import melody, reading, sing
from ddsing.play.style import STYLES
from ddsing.sound import audio
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.ui.shell import take_player
from ddsing.workspace import Workspace
from tests.support import scores, tiny_workspace

NAMES = ("../../etc/passwd", '<script>alert("x")</script> & Söhne', "con")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with three takes of awkward names, one of them measured, and a test of two."""
    workspace = Workspace(tiny_workspace.fill(tmp_path_factory.mktemp("session") / "ws"))
    source = next(workspace.examples.glob("*.wav"))
    store, takes = TakeStore(workspace), []
    for shift, name in enumerate(NAMES):
        settings = Settings(octave_shift=shift)
        take = pipeline.run(
            workspace, source, tiny_workspace.NAMES[0], settings, tracker="tiny", source_name="song.wav"
        )
        takes.append(store.rename(take.id, name))
    store.note(takes[0].id, "A <b>note</b>\nof two lines")
    measure.measure(takes[0])
    tests = blind.BlindTests(workspace)
    test = tests.begin("abx", takes[:2], n_trials=4, title="Heard?", seed=1)
    tests.answer(test.id, 0, "A")
    return workspace, [store.get(take.id) for take in takes]


class Page(html.parser.HTMLParser):
    """What a page shows and refers to."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.addresses, self.said = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.said.append(data)


@pytest.mark.slow
def test_a_session_opens_and_its_page_names_every_take(made):
    workspace, takes = made
    tests = results.of_takes(workspace, takes)
    buffer = io.BytesIO()
    session.write(
        buffer,
        workspace,
        takes,
        title="My <session>",
        notes="One.\nTwo.",
        tags=["paper"],
        listening=results.files(tests),
        listened=[results.sentence(test) for test in tests],
    )
    with zipfile.ZipFile(buffer) as archive:
        assert archive.testzip() is None
        contents = {name: archive.read(name) for name in archive.namelist()}
    page = Page(contents["index.html"].decode())
    text = "".join(page.said)
    assert all(name in text for name in NAMES) and "My <session>" in text and "A <b>note</b>" in text
    assert "drop the take's file, which is in the folder audio, onto" in text, (
        "which works, since it has its recipe, see below"
    )
    assert "script" not in page.tags and page.tags.count("audio") == 4  # three takes, one recording
    for address in page.addresses:
        name = urllib.parse.unquote(address)
        assert not address.startswith(("/", "http", "file")) and ".." not in address
        assert name in contents, name
    for name, content in contents.items():
        assert not Path(name).is_absolute() and ".." not in name.split("/") and "\\" not in name
        assert str(workspace.root).encode() not in content
    sounds = [name for name in contents if name.startswith("audio/")]
    assert len(sounds) == 4
    document = json.loads(contents["takes.json"])
    for take, entry in zip(takes, document["takes"]):
        assert entry["recipe"] == audio.read_recipe(contents[entry["audio"]]) == take.recipe()
        sound, _ = soundfile.read(io.BytesIO(contents[entry["audio"]]), dtype="float32")
        np.testing.assert_allclose(sound, audio.decode(take.folder / "result.wav"), atol=2e-7)
    assert document["takes"][0]["metrics"] and document["takes"][1]["metrics"] is None
    assert any(name.startswith("listening/") and name.endswith(".csv") for name in contents)
    rows = list(csv.DictReader(io.StringIO(contents["metrics.csv"].decode())))
    assert [row["take"] for row in rows] == [take.id for take in takes]
    assert rows[0]["raw_pitch_accuracy"] and not rows[1]["raw_pitch_accuracy"]
    with pytest.raises(TakeError, match="Nothing to export"):
        session.write(io.BytesIO(), workspace, [])


def test_what_a_sung_take_is_made_from_is_a_guide(tmp_path):
    """No recording was there, so that nothing is called one."""
    workspace = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    line = melody.line(reading.read(scores.melody((60, 0.0, 0.4)), name="song.mid"))
    take = sing.sing(workspace, line, tiny_workspace.NAMES[0], STYLES["plain"])
    with zipfile.ZipFile(io.BytesIO(session.packed(workspace, [take]))) as file:
        page = file.read("index.html").decode()
        assert "audio/guide 01 song.flac" in file.namelist() and "The guide: a plain tone" in page
        assert "recording</figcaption>" not in page
    assert take_player.label_of(take, "original") == "Guide"


def test_the_methods_say_what_is_known_and_name_what_is_not(made):
    workspace, takes = made
    found = methods.compose(workspace, takes, listening=["A test was done."])
    for fact in ("3 takes", "one recording", "tiny CREPE", "20 harmonics and 17 noise bands", "1,200 steps", "5.25"):
        assert fact in found.text, fact
    assert "octave shift (0, +1, +2)" in found.text and found.text.endswith("A test was done.")
    assert [f"[{number}]" in found.text for number in (1, 2, 3)] == [True] * 3
    unknown = "; ".join(found.unknown)
    assert "minutes of data of First voice" in unknown and "2 of the takes" in unknown and "computers" in unknown
    for who in ("Engel", "ICLR", "Kim", "ICASSP", "Alonso", "Erkut", "SMC", "2021"):
        assert who in found.whole()


def test_the_methods_name_the_libraries_that_measured_and_their_versions(made):
    workspace, takes = made
    (test,) = results.of_takes(workspace, takes)
    found = methods.compose(workspace, takes, listening=[results.sentence(test)])
    pitch, level = (f"{name} {metadata.version(name)}" for name in ("mir_eval", "pyloudnorm"))
    assert f"computed with {pitch} [4]" in found.text and f"loudness matched by {level} [5] after ITU-R" in found.text
    assert "ISMIR" in found.citations[3] and "Audio Engineering Society" in found.citations[4]
    assert f"Raw pitch accuracy {100 * measure.known(takes[0]).raw_pitch_accuracy:.1f} %" in found.text
    assert len(methods.compose(workspace, takes[1:]).citations) == 3  # nothing measured, nothing heard


def test_what_was_compared_before_is_told_as_it_was(made):
    workspace, takes = made
    path, (test,) = takes[0].folder / measure.FILE, results.of_takes(workspace, takes)
    kept, plan = path.read_bytes(), workspace.experiments / "listening" / f"{test.id}.json"
    begun = json.loads(plan.read_text())
    metrics = json.loads(kept)["metrics"]
    old = {name: value for name, value in metrics.items() if name not in (*measure.MELODY, "melody_by")}
    path.write_text(json.dumps({"version": 1, "metrics": old}))
    plan.write_text(json.dumps({name: value for name, value in begun.items() if name != "loudness"}))
    try:
        (test,) = results.of_takes(workspace, takes)
        said = results.sentence(test)
        assert said.startswith("In a blind A/B/X test with matched loudness (1 trials")
        found = methods.compose(workspace, takes[:1], listening=[said])
        assert "mir_eval" not in found.text and "pyloudnorm" not in found.whole() and len(found.citations) == 3
        assert "Pitch within 50 cents" in found.text and "pitch accuracy and voicing of 1" in "; ".join(found.unknown)
        assert json.loads(path.read_text())["metrics"] == old
    finally:
        path.write_bytes(kept)
        plan.write_text(json.dumps(begun))


def test_the_methods_know_the_dataset_that_an_instrument_was_trained_on(made):
    from dataclasses import replace

    from ddsing import instrument

    workspace, takes = made
    path = workspace.instruments / f"{tiny_workspace.NAMES[0]}.zip"
    before = path.read_bytes()
    known = instrument.read(path)
    passport = replace(known.provenance, dataset_hash="ab" * 32)
    instrument.write(known.replaced(provenance=passport), path)
    folder = workspace.audio / "alto_dataset"
    folder.mkdir()
    facts = {"dataset_hash": "ab" * 32, "minutes": 12.34, "tracker": "full"}
    (folder / "dataset.json").write_text(json.dumps(facts))
    found = methods.compose(workspace, takes)
    assert "on 12.3 minutes" in found.text and "the full tracker" in found.text
    assert "minutes of data" not in "; ".join(found.unknown)
    path.write_bytes(before)


def test_sessions_methods_and_tests_on_the_command_line(made, tmp_path, capsys):
    workspace, takes = made
    common, out = ["--workspace", str(workspace.root)], tmp_path / "session.zip"
    ids = [take.id for take in takes]
    assert main(["compare", "session", *ids, "--out", str(out), "--title", "Mine", *common]) == 0
    with zipfile.ZipFile(out) as archive:
        assert "<h1>Mine</h1>" in archive.read("index.html").decode()
    assert main(["compare", "methods", *ids, "--json", *common]) == 0
    assert "3 takes" in capsys.readouterr().out
    assert main(["compare", "listening", "--json", *common]) == 0
    (test,) = json.loads(capsys.readouterr().out)["tests"]
    assert main(["compare", "listening", test["id"], "--csv", str(tmp_path / "trials.csv"), *common]) == 0
    assert "Heard?" in capsys.readouterr().out and (tmp_path / "trials.csv").read_text().count("\n") == 2
    assert main(["compare", "session", *ids, "--out", str(tmp_path / "none" / "x.zip"), *common]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_sets_are_kept_changed_dissolved_and_brought_back(made):
    workspace, takes = made
    store = SetStore(workspace)
    kept = store.create("  Two   voices ", [takes[0].id, takes[1].id, takes[0].id], notes="n", tags=("a", "a", " b"))
    assert (kept.title, kept.takes, kept.tags) == ("Two voices", (takes[0].id, takes[1].id), ("a", "b"))
    other = store.create("", [takes[2].id])
    assert other.title == "Untitled"
    store.change(kept.id, star=True, notes="better")
    assert [one.id for one in store.list()] == [kept.id, other.id] and store.list()[0].notes == "better"
    token = store.delete(kept.id)
    assert [one.id for one in store.list()] == [other.id]
    assert store.undo(token).title == "Two voices" and len(store.list()) == 2
    (store.folder / "damaged.json").write_text("[]")
    assert len(store.list()) == 2
    assert [take.id for take in TakeStore(workspace).list()] == [take.id for take in reversed(takes)]
    assert not [take for take in TakeStore(workspace).list_all() if take.error]
