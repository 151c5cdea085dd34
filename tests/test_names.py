"""Names on disk: any bytes, either way of composing letters, capitals; for each kind of thing that has one."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from ddsing import names
from ddsing.cli import main
from ddsing.dataset import prepare, report, scan, voices
from ddsing.errors import DatasetError, DdsingError, JobError, TakeError
from ddsing.experiments.comparison import differences, measure, methods, selection, session
from ddsing.experiments.comparison.blind import BlindTests
from ddsing.experiments.comparison.matrix import Matrix, paths
from ddsing.experiments.comparison.sets import SetStore
from ddsing.experiments.sweep import results
from ddsing.files import spelled as spelled_path
from ddsing.instrument.library import Library
from ddsing.jobs.store import JobStore
from ddsing.sound import folder
from ddsing.sound.audio import encode, read_recipe
from ddsing.training import branch
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore, write_take
from ddsing.workspace import Workspace
from tests.support import counts, tiny_workspace
from tests.support.paths import ROOT
from tests.support.tiny_workspace import sung, tiny_instrument

OLD = b"canci\xf3n"  # Latin-1, of an old disk
SOUND = encode(sung())
NFC, NFD = "Begoña", unicodedata.normalize("NFD", "Begoña")
_BYTES = st.binary(min_size=1, max_size=40).filter(lambda raw: not set(raw) & {0, ord("/")} and raw[:1] != b".")
_TEXTS = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
_NAMES = st.one_of(
    _BYTES,
    _TEXTS.filter(lambda text: text[0] != ".").map(str.encode),
    st.sampled_from([OLD, NFC.encode(), NFD.encode(), "Ω".encode(), "\uf7f3".encode(), b"Mrs. O'Brien #2"]),
)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.empty(tmp_path / "w"))


@contextlib.contextmanager
def anew():
    """A workspace for each of Hypothesis's examples."""
    with tempfile.TemporaryDirectory() as made:
        yield Workspace(tiny_workspace.empty(Path(made) / "w"))


def spelled(raw: bytes) -> str:
    return os.fsdecode(raw)


# The text of a name


@hypothesis.given(_NAMES)
@hypothesis.example(b"\xff" * 3 + "ñ\uf7ff".encode())
@hypothesis.example(b"\xed\xb3\xb3")  # a lone surrogate as UTF-8, which is none
def test_any_name_is_text_that_can_be_written_and_leads_back_to_its_file(raw):
    text = names.read(spelled(raw))
    assert os.fsencode(names.on_disk(text)) == raw
    assert os.fsencode(names.on_disk(json.loads(json.dumps(text, ensure_ascii=False).encode()))) == raw
    assert names.find(text, ["other", text]) == text == names.find(spelled(raw), ["other", text])
    assert names.shown(text).encode() and not any(map(names.is_mark, names.shown(text)))
    assert raw.isascii() or names.mended(text) == text


def test_a_name_is_the_same_text_under_any_locale(tmp_path):
    """As for the dashboard, which is not begun anew in UTF-8 as a command is."""
    contents = (NFC.encode(), OLD, "日本".encode())
    for raw in contents:
        (tmp_path / spelled(raw)).write_bytes(raw)
    code = (
        "import json, os; from ddsing import names; found = [names.read(name) for name in os.listdir('.')]; "
        "print(json.dumps({name: open(names.on_disk(name), 'rb').read().hex() for name in found}))"
    )
    environment = {**os.environ, **LOCALES["ASCII"][0], "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert json.loads(ran.stdout) == {
        names.read(spelled(raw)): raw.hex() for raw in (NFC.encode(), OLD, "日本".encode())
    }


@hypothesis.given(_TEXTS, _TEXTS)
def test_names_are_the_same_if_they_look_the_same_and_two_in_capitals_are_two(one, other):
    composed, apart = (unicodedata.normalize(form, one) for form in ("NFC", "NFD"))
    assert names.same(composed, apart) and names.find(composed, [apart]) == apart
    assert names.find(composed, [apart, composed]) == composed and names.find(apart, [composed, apart]) == apart
    assert names.same(one, other) == (unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other))
    assert names.find("Aria", ["aria", "ARIA"]) is None


# Each kind: made on disk as others make it, found by its name in any spelling, beside its twin in capitals


def made(kind: str, workspace: Workspace, raw: bytes) -> None:
    """A thing of this name, as a copy from another disk leaves it."""
    name = spelled(raw)
    if kind in ("voice", "dataset", "training"):
        ending = {"voice": "", "dataset": "_dataset", "training": "_checkpoints"}[kind]
        (workspace.audio / (name + ending)).mkdir()
    elif kind == "recording":
        (workspace.audio / "alto").mkdir(exist_ok=True)
        (workspace.audio / "alto" / f"{name}.wav").write_bytes(SOUND)
    elif kind == "example":
        (workspace.examples / f"{name}.wav").write_bytes(SOUND)
    elif kind == "instrument":
        (workspace.instruments / f"{name}.zip").write_bytes(b"a zip")
    elif kind == "take":
        place = workspace.experiments / name
        place.mkdir()
        (place / "result.wav").write_bytes(b"")
        write_take(Take("", place), place)
    elif kind == "job":
        (workspace.jobs / name).mkdir(parents=True)
    else:
        store = SetStore(workspace) if kind == "set" else BlindTests(workspace)
        takes = [Take(take, Path(take)) for take in "ab"]
        one = store.create("a", "b") if kind == "set" else store.begin("abx", takes, n_trials=1)
        (store.folder / f"{one.id}.json").rename(store.folder / f"{name}.json")


def there(kind: str, workspace: Workspace) -> list[str]:
    """The names that a listing has."""
    if kind in ("voice", "dataset", "training"):
        return [voice.name for voice in voices.list_voices(workspace)]
    if kind == "recording":
        voice = voices.get(workspace, "alto")
        return [facts.name.removesuffix(".wav") for facts in scan.scan(voice)]
    if kind == "example":
        found = folder.recordings(workspace.examples)
        return [folder.name_of(workspace.examples, path).removesuffix(".wav") for path in found]
    if kind == "instrument":
        return [entry.name for entry in Library(workspace).list()]
    store = {"take": TakeStore, "job": JobStore, "set": SetStore, "test": BlindTests}[kind](workspace)
    return [one.id for one in store.list()]


def got(kind: str, workspace: Workspace, name: str) -> str | None:
    """What has the name: its own."""
    with contextlib.suppress(DdsingError):
        if kind in ("voice", "dataset", "training"):
            return voices.get(workspace, name).name
        if kind == "recording":
            voice = voices.get(workspace, "alto")
            token = voices.remove(voice, f"{name}.wav")
            return voices.restore(voice, token).removesuffix(".wav")
        if kind == "example":
            matrix = Matrix(("any",), (f"{name}.wav",))
            return folder.name_of(workspace.examples, paths(workspace, matrix)[0]).removesuffix(".wav")
        if kind == "instrument":
            entry = Library(workspace).find(name)
            return None if entry is None else entry.name
        if kind == "job":
            return JobStore(workspace).status(name).id
        store = {"take": TakeStore, "set": SetStore, "test": BlindTests}[kind](workspace)
        return store.get(name).id
    return None


KINDS = ("voice", "dataset", "training", "recording", "example", "instrument", "take", "job", "set", "test")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@hypothesis.settings(max_examples=25)
@hypothesis.given(_NAMES)
def test_whatever_its_name_a_thing_is_listed_and_found_by_it(kind, raw):
    hypothesis.assume(kind != "take" or raw not in (b"matrix", b"sets", b"listening"))
    hypothesis.assume(kind == "voice" and not raw.endswith((b"_dataset", b"_checkpoints")) or kind != "voice")
    with anew() as workspace:
        made(kind, workspace, raw)
        (name,) = there(kind, workspace)
        assert os.fsencode(names.on_disk(name)) == raw and name.encode()
        assert got(kind, workspace, name) == name == got(kind, workspace, spelled(raw))
        for form in ("NFC", "NFD"):
            assert got(kind, workspace, unicodedata.normalize(form, name)) == name


@pytest.mark.parametrize("kind", KINDS)
def test_two_spellings_on_disk_are_two_and_so_are_two_in_capitals(kind, workspace):
    for name in (NFC, NFD, NFC.upper()):
        made(kind, workspace, name.encode())
    assert sorted(there(kind, workspace)) == sorted([NFC, NFD, NFC.upper()])
    for name in (NFC, NFD, NFC.upper()):
        assert got(kind, workspace, name) == name
    assert got(kind, workspace, NFC.lower()) is None


def test_a_voice_whose_folders_are_spelled_in_two_ways_is_one(workspace):
    made("voice", workspace, NFD.encode())
    made("dataset", workspace, NFC.encode())
    made("training", workspace, NFC.encode())
    (voice,) = voices.list_voices(workspace)
    assert voice.name == NFD and voice.folder.is_dir()
    assert voice.dataset_folder.name == f"{NFC}_dataset" and voice.dataset_folder.is_dir()
    assert voices.trainings(workspace) == [voice] == [voices.create(workspace, NFC)]


def test_what_exists_need_not_keep_to_the_rule_for_new_names(workspace, tmp_path, capsys):
    name = "Mrs. O'Brien #2"
    made("voice", workspace, name.encode())
    (tmp_path / "x.wav").write_bytes(SOUND)
    assert main(["--workspace", str(workspace.root), "dataset", "add", name, str(tmp_path / "x.wav")]) == 0
    assert (workspace.audio / name / "x.wav").is_file() and capsys.readouterr().out == "x.wav: added\n"
    with pytest.raises(DatasetError, match="can't be the name of a voice"):
        voices.create(workspace, f"{name}?")
    library = Library(workspace)
    entry = library.add(tiny_instrument("any"), name="any")
    entry.path.rename(entry.path.with_name(f"{name}.zip"))
    assert library.rename(name, name).name == name and library.edit(name, notes="hers").name == name
    assert library.get(name).name == name
    assert branch._name(name, "brighter") == f"{name}-brighter"
    assert results.by_voice(voices.list_voices(workspace)) == {name: {}}


def test_a_new_name_is_composed_and_never_beside_one_that_looks_the_same(workspace):
    assert voices.create(workspace, NFD).name == NFC == voices.create(workspace, NFC).name
    made("voice", workspace, unicodedata.normalize("NFD", "Zoë").encode())
    assert voices.create(workspace, "Zoë").folder.name == unicodedata.normalize("NFD", "Zoë")
    library = Library(workspace)
    entry = library.add(tiny_instrument("any"), name="any")
    entry.path.rename(entry.path.with_name(f"{NFD}.zip"))
    assert library.add(tiny_instrument(NFC), name=NFC).name == f"{NFC} 2"
    with pytest.raises(DdsingError, match="already"):
        library.rename(f"{NFC} 2", NFC)
    assert library.get(NFC).name == NFD


def test_a_path_that_is_typed_in_the_other_form_leads_to_the_same_file(workspace, tmp_path):
    place = tmp_path / NFD / f"{NFD}.wav"
    place.parent.mkdir()
    place.write_bytes(SOUND)
    typed = tmp_path / NFC / f"{NFC}.wav"
    assert spelled_path(typed) == spelled_path(place) == place
    assert spelled_path(tmp_path / NFC / "none.wav") == tmp_path / NFD / "none.wav"
    assert main(["--workspace", str(workspace.root), "dataset", "add", "alto", str(typed)]) == 0
    assert [path.name for path in voices.get(workspace, "alto").recordings()] == [f"{NFC}.wav"]


def test_a_name_never_leads_out_of_its_folder(workspace):
    (workspace.root / "secret.wav").write_bytes(SOUND)
    for name in ("../secret.wav", "..", ".", "", "/etc/passwd", "a/../../secret.wav", "\0", ".hidden"):
        assert folder.named(workspace.examples, name) is None
        for store, error in (
            (TakeStore, TakeError),
            (SetStore, TakeError),
            (BlindTests, TakeError),
            (JobStore, JobError),
        ):
            with pytest.raises(error):
                getattr(store(workspace), "status" if store is JobStore else "get")(name)
    with pytest.raises(TakeError):
        TakeStore(workspace).delete("..")


# A name that is no UTF-8, all the way


def old_voice(workspace: Workspace) -> voices.Voice:
    place = workspace.audio / spelled(OLD)
    place.mkdir()
    (place / spelled(OLD + b".wav")).write_bytes(encode(sung(8.0)))
    (place / "good.wav").write_bytes(encode(sung(8.0, hz=330)))
    (place / spelled(b"\xff.wav")).write_bytes(b"no sound")
    return voices.get(workspace, spelled(OLD))


@pytest.mark.slow
def test_a_voice_of_such_a_name_is_listed_reported_and_prepared(workspace):
    voice = old_voice(workspace)
    facts = scan.scan(voice)
    assert [bool(one.error) for one in facts] == [False, False, True]
    assert scan.Memory(voice).get(voice.path_of(facts[0].name)) == facts[0]
    json.dumps(report.report(voice).to_json(), ensure_ascii=False).encode()
    first = prepare.prepare(voice, tracker="tiny")
    assert not first.reused and prepare.is_current(voice) and prepare.prepare(voice, tracker="tiny").reused


@pytest.mark.slow
def test_a_transfer_of_such_a_recording_is_a_take_whose_recipe_comes_back(workspace):
    (workspace.examples / spelled(OLD + b".wav")).write_bytes(SOUND)
    entry = Library(workspace).add(tiny_instrument("any"), name="any")
    entry.path.rename(entry.path.with_name(spelled(OLD + b".zip")))
    (name,) = there("example", workspace)
    (instrument,) = there("instrument", workspace)
    source = workspace.examples / spelled(OLD + b".wav")
    take = pipeline.run(workspace, source, spelled(OLD), Settings(), tracker="tiny")
    assert (take.instrument, take.source) == (instrument, f"{name}.wav")
    kept = TakeStore(workspace).get(take.id)
    assert (kept.instrument, kept.source, kept.error) == (instrument, f"{name}.wav", "")
    for kind in ("WAV", "FLAC"):
        assert read_recipe(TakeStore(workspace).export(take.id, kind))["instrument"]["name"] == instrument
    assert selection.named(workspace, [names.mended(kept.name)]) == [kept]
    written = io.BytesIO()
    session.write(written, workspace, [kept], title=kept.name, notes=instrument, listening={}, listened=[])
    with zipfile.ZipFile(written) as archive:
        assert instrument in archive.read("takes.json").decode() and instrument in archive.read("index.html").decode()
    assert differences.to_csv([kept], [measure.measure(kept)]).encode()
    assert methods.compose(workspace, [kept]).whole().encode()


COMMANDS = (
    ("dataset", "list"),
    ("dataset", "list", OLD),
    ("dataset", "report", OLD),
    ("dataset", "prepare", "--tracker", "tiny", OLD),
    ("dataset", "show", OLD, "--window", "0", "--out", "OUT"),
    ("dataset", "add", OLD, "FILE"),
    ("instrument", "list"),
    ("instrument", "inspect", OLD),
    ("instrument", "export", OLD, "--out", "ZIP"),
    ("transfer", "FILE", "--instrument", OLD, "--tracker", "tiny", "--out", "WAV"),
    ("compare", "matrix", "--tracker", "tiny"),
    ("instrument", "delete", OLD),
    ("jobs", "list"),
)
LOCALES = {
    "UTF-8": ({"LC_ALL": "C.UTF-8"}, ()),
    "ASCII": ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, ("--json",)),
    "a terminal in Latin-1": ({"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "latin-1"}, ()),
}


@pytest.mark.slow
@pytest.mark.parametrize("locale", LOCALES)
def test_every_command_takes_any_name_under_any_locale(locale, workspace, tmp_path):
    """Also the folder that the workspace lies in is called so, and one name is of the letters of another alphabet."""
    root = tmp_path / spelled(OLD) / "Größe"
    root.parent.mkdir()
    shutil.move(workspace.root, root)
    workspace = Workspace(root)
    for raw in (OLD, NFC.encode(), NFD.encode()):
        place = workspace.audio / spelled(raw)
        place.mkdir()
        (place / f"{spelled(raw)}.wav").write_bytes(encode(sung(8.0, hz=100.0 + sum(raw) % 100)))
        entry = Library(workspace).add(tiny_instrument("any"), name="any")
        entry.path.rename(workspace.instruments / f"{spelled(raw)}.zip")
    (workspace.examples / spelled(OLD + b".wav")).write_bytes(SOUND)
    (tmp_path / spelled(OLD + b".wav")).write_bytes(SOUND)
    places = {"OUT": "out", "FILE": OLD + b".wav", "ZIP": OLD + b" 2.zip", "WAV": OLD + b" 2.wav"}
    variables, options = LOCALES[locale]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHON"))}
    environment |= variables | {"PYTHONPATH": str(ROOT)}
    commands = COMMANDS if locale == "ASCII" or counts.full() else COMMANDS[:2]
    for command in commands:
        words = [places.get(word, word) for word in command]
        ran = subprocess.run(
            [sys.executable, "-m", "ddsing", "--workspace", str(root), *options, *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=False,
        )
        assert ran.returncode == 0, (command, ran.stderr.decode(errors="replace"))
        assert not options or json.loads(ran.stdout), command
