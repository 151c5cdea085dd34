"""Every page with names of every kind: bytes that are no text, letters composed in two ways, capitals."""

import os
import shutil
import unicodedata

import pytest

from benchmarks.pages import furnish
from ddsing import names
from ddsing.dataset import prepare, voices
from ddsing.experiments.comparison.sets import SetStore
from ddsing.instrument.library import Library
from ddsing.sound.audio import encode
from ddsing.transfer.takes import TakeStore
from ddsing.ui.shell import state, voice_picker
from ddsing.ui.shell.formatting import spoken
from ddsing.workspace import Workspace, open_workspace
from tests.support import tiny_training, tiny_workspace
from tests.support.pages import clean, open_page, said, transfer
from tests.support.tiny_workspace import sung

pytestmark = pytest.mark.slow

OLD = os.fsdecode(b"canci\xf3n")
MARKED = names.read(OLD)
NFC, NFD = "Begoña", unicodedata.normalize("NFD", "Begoña")
SPELLINGS = (OLD, NFC, NFD, NFC.upper(), "Mrs. O'Brien #2")


@pytest.fixture
def root(monkeypatch, tmp_path, own_locks):
    """A workspace of all these names, which also lies in a folder that is no UTF-8."""
    root = tiny_workspace.fill(tmp_path / OLD)
    workspace = Workspace(root)
    for number, name in enumerate(SPELLINGS):
        (root / "audio" / name).mkdir()
        (root / "audio" / name / f"{name}.wav").write_bytes(encode(sung(5.0, hz=200.0 + 10 * number)))
        (root / "examples" / f"{name}.wav").write_bytes(encode(sung(hz=300.0 + 10 * number)))
        shutil.copyfile(workspace.instruments / "First voice.zip", workspace.instruments / f"{name}.zip")
        (root / "experiments" / name).mkdir()  # of somebody else
    return root


@pytest.mark.parametrize("page", ["timbre_transfer", "datasets", "training", "instruments", "experiments"])
def test_every_page_shows_such_names(page, monkeypatch, root, quiet):
    clean(open_page(monkeypatch, root, page))


def test_such_an_example_is_sung_by_such_an_instrument_and_the_take_brings_both_back(monkeypatch, root, quiet):
    app = open_page(monkeypatch, root)
    app.get_by_key(state.EXAMPLE).set_value(f"{MARKED}.wav").run()
    app.get_by_key(state.INSTRUMENT).set_value(MARKED).run()
    app = transfer(app)
    (take,) = TakeStore(Workspace(root)).list()
    assert (take.instrument, take.source) == (MARKED, f"{MARKED}.wav")
    app.get_by_key(state.INSTRUMENT).set_value("First voice").run()
    app.button(key=f"take_use.{take.id}").click().run()
    clean(app)
    assert app.get_by_key(state.INSTRUMENT).value == MARKED
    SetStore(Workspace(root)).create(take.name, [take.id])
    for view in ("compare", "matrix", "morph"):
        app = open_page(monkeypatch, root, "experiments")
        app.query_params["view"] = view
        app.run()
        clean(app)


@pytest.mark.parametrize("name", [MARKED, NFC, NFD, NFC.upper(), "Mrs. O'Brien #2"])
def test_such_a_voice_is_listened_to_and_reported(name, monkeypatch, root, quiet):
    app = open_page(monkeypatch, root, "datasets")
    app.get_by_key(voice_picker.VOICE).set_value(name).run()
    clean(app)
    assert "1 recording" in said(app) and "left out" not in said(app)
    prepare.prepare(voices.get(Workspace(root), name), tracker="tiny")
    app.run()
    clean(app)
    app = open_page(monkeypatch, root, "training")
    app.get_by_key(voice_picker.VOICE).set_value(name).run()
    clean(app)


def test_a_link_finds_a_name_that_is_composed_otherwise_there(monkeypatch, tmp_path, quiet):
    root = tiny_workspace.fill(tmp_path / "ws")
    library = Library(Workspace(root))
    library._path("First voice").rename(root / "instruments" / f"{NFD}.zip")
    app = open_page(monkeypatch, root, "experiments", view="matrix", instruments=[NFC, "Second voice"])
    clean(app)
    assert app.multiselect(key="instruments").value == [NFD, "Second voice"]


def test_the_first_page_opens_with_an_example_that_is_one(monkeypatch, tmp_path, quiet):
    root = tiny_workspace.fill(tmp_path / "ws")
    examples = root / "examples"
    (examples / ".ipynb_checkpoints").mkdir()
    (examples / ".ipynb_checkpoints" / "x.wav").write_bytes(encode(sung()))
    (examples / "0 folder.wav").mkdir()
    (examples / "1 text.wav").write_text("no sound")
    (examples / "2 empty.mp3").write_bytes(b"")
    os.mkfifo(examples / "3 pipe.wav")
    (examples / "4 gone.wav").symlink_to("nowhere.wav")
    app = open_page(monkeypatch, root)
    clean(app)
    box = app.get_by_key(state.EXAMPLE)
    assert box.value == f"{tiny_workspace.EXAMPLE}.wav"
    assert box.options == ["1 text.wav", "2 empty.mp3", "4 gone.wav", f"{tiny_workspace.EXAMPLE}.wav"]


def test_an_examples_folder_without_any_sound_is_no_error(monkeypatch, tmp_path, quiet):
    root = tiny_workspace.fill(tmp_path / "ws")
    (root / "examples" / f"{tiny_workspace.EXAMPLE}.wav").write_bytes(b"no sound any more")
    app = open_page(monkeypatch, root)
    clean(app)
    assert app.get_by_key(state.EXAMPLE).value is None


def test_what_belongs_to_no_voice_is_said_on_the_page(monkeypatch, tmp_path, quiet):
    root = tiny_workspace.empty(tmp_path / "ws")
    (root / "audio" / "loose.wav").write_bytes(encode(sung()))
    (root / "audio" / "my_dataset").mkdir()
    (root / "audio" / "my_dataset" / "one.wav").write_bytes(encode(sung()))
    app = open_page(monkeypatch, root, "datasets")
    clean(app)
    assert "directly in the audio folder" in said(app) and "my recordings" in said(app)


def test_a_voice_that_can_t_be_read_says_so(monkeypatch, tmp_path, quiet):
    root = tiny_workspace.fill(tmp_path / "ws")
    real = os.scandir

    def refusing(path):
        if os.fspath(path) == str(root / "audio" / "alto"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    app = open_page(monkeypatch, root, "datasets")
    clean(app)
    assert "The folder can't be read: Permission denied" in said(app).replace("\\", "")


def test_an_untouched_folder_of_2021_is_offered_as_it_is_and_renamed_only_when_that_is_confirmed(
    monkeypatch, tmp_path, quiet, own_locks
):
    root = tiny_workspace.fill(tmp_path / "ws")
    workspace = open_workspace(root)
    tiny_training.prepared_voice(workspace, "alto", n_train=3, n_held_out=0)
    before = {path: path.read_bytes() for path in (root / "audio").rglob("*") if path.is_file()}
    app = open_page(monkeypatch, root, "datasets")
    clean(app)
    assert "ready to train on" in said(app) and "have changed" not in said(app)
    assert not {"dataset.prepare", "dataset.replace"} & {button.key for button in app.button}
    app.session_state["dataset.replace_popover"] = True
    app.run()
    assert "alto 2021" in said(app).replace("\\", "")
    assert {path: path.read_bytes() for path in (root / "audio").rglob("*") if path.is_file()} == before
    ordered = []
    monkeypatch.setattr("ddsing.jobs.launcher.LocalLauncher.start", lambda self, folder: ordered.append(folder))
    app.session_state["dataset.replace_popover"] = True
    app.run().button(key="dataset.replace").click().run()
    assert len(ordered) == 1


OF_MARKS = "1. :small[a] *b* _c_ my_voice.v2 <i> &amp; $x$ `y`"
READ_AS_THEY_STAND = ("button_group", "checkbox", "multiselect", "number_input", "popover", "slider", "toggle")
READ_AS_THEY_STAND += ("text_area", "text_input", "time_input")


def test_a_label_that_is_read_as_it_stands_has_no_marks(monkeypatch, tmp_path, quiet):
    assert spoken(OF_MARKS) == "1. small a b c my_voice.v2 i> amp; x y"
    workspace = furnish(tmp_path / "ws", {"instruments": 1, "takes": 2, "voices": 1, "runs": 1, "jobs": 1})
    TakeStore(workspace).rename(TakeStore(workspace).list()[0].id, OF_MARKS)
    library = Library(workspace)
    shutil.copyfile(library._path("Voice 000"), library._path("Voice 000").with_name("x_ *b*.zip"))
    pages = ["timbre_transfer", "play", "datasets", "training", "instruments"]
    views = [f"experiments/{view}" for view in ("takes", "blind", "matrix", "morph", "voices", "parameters", "latent")]
    found = set()
    for place in [*pages, *views]:
        page, _, view = place.partition("/")
        address = {"view": view, "instruments": ["Voice 000", "x_ *b*"]} if view else {}
        app = open_page(monkeypatch, workspace.root, page, **address)
        labels = [_label(element) for kind in READ_AS_THEY_STAND for element in app.get(kind)]
        assert [label for label in labels if label != spoken(label)] == [], place
        found.update(labels)
    for begins in ("Download 1. small a b", "Rename 1. small a b", "Share of x b"):
        assert any(label.startswith(begins) for label in found), begins


def _label(element):
    """What Streamlit gives the browser as the label."""
    return element.proto.popover.label if element.type == "popover" else element.proto.label
