"""Two processes at once make, rename and bring back things under one name: nothing is lost."""

import datetime
import secrets
from pathlib import Path
from types import SimpleNamespace

import pytest

from ddsing.dataset import adding, voices
from ddsing.experiments.comparison.blind import BlindTests
from ddsing.experiments.comparison.sets import SetStore
from ddsing.files import restore, trash, trashed, write_new
from ddsing.instrument import Instrument, Provenance, format
from ddsing.instrument.format import to_bytes
from ddsing.instrument.library import Library
from ddsing.jobs import store as stores
from ddsing.sound import audio
from ddsing.training import export
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore, write_take
from ddsing.workspace import Workspace
from tests.hostile.builders import small_instrument
from tests.support import idle_jobs, tiny_training
from tests.support.idle_jobs import submit
from tests.support.tiny_workspace import sung
from tests.support.training_children import Children
from tests.support.two_processes import N_ROUNDS, at_once


@pytest.fixture
def store(tmp_path, own_locks):
    """A store whose jobs never start by themselves."""
    return idle_jobs.idle_store(tmp_path / "w")


@pytest.fixture
def workspace(tmp_path):
    found = Workspace(tmp_path)
    for folder in (found.instruments, found.cache, found.audio, found.experiments):
        folder.mkdir()
    return found


def test_two_imports_under_one_name_are_two_instruments(workspace):
    made = [small_instrument(), small_instrument(gin_text="# another\n")]
    answers = at_once(lambda process, number: Library(workspace).add(made[process], name=f"Aria {number}").name)
    names = [entry.name for entry in Library(workspace).list()]
    assert sorted(names) == sorted([*answers[0], *answers[1]]) and len(set(names)) == 2 * N_ROUNDS
    library = Library(workspace)
    for process, made_by in enumerate(answers):
        assert all(library.get(name).gin_text == made[process].gin_text for name in made_by[::10])
    assert not [path for path in workspace.instruments.iterdir() if path.name.startswith(".")]


def test_two_instruments_renamed_to_one_name_are_still_two(workspace):
    library = Library(workspace)
    made = [small_instrument(), small_instrument(gin_text="# another\n")]
    for process in range(2):
        for number in range(N_ROUNDS):
            library.add(made[process], name=f"{process} {number}")
    answers = at_once(lambda process, number: Library(workspace).rename(f"{process} {number}", f"to {number}").name)
    assert len(library.list()) == 2 * N_ROUNDS
    for number, said in enumerate(zip(*answers)):
        assert sorted(said) == sorted(["InstrumentError", f"to {number}"])


@pytest.mark.slow
def test_an_instrument_made_while_another_of_its_name_is_exported_anew_stays(workspace):
    """An export replaces what came from its voice before, and nothing that appears in that place meanwhile."""
    library, old = Library(workspace), small_instrument(gin_text="# old\n")
    for number in range(N_ROUNDS):
        library.add(old, name=f"Aria {number} x")
    made = [small_instrument(gin_text="# exported\n"), small_instrument(gin_text="# imported\n")]

    def work(process, number):
        name, here = f"Aria {number} x", Library(workspace)
        if process == 0:
            return here.replace(name, made[0]).name
        for _ in range(1000):  # until the place is free for a moment, or taken again
            if here.find(name) is None:
                break
        return here.add(made[1], name=name).name

    answers = at_once(work)
    assert len({*answers[0], *answers[1]}) == 2 * N_ROUNDS == len(library.list())
    for process, names in enumerate(answers):
        assert all(library.get(name).gin_text == made[process].gin_text for name in names)
    assert len(list((workspace.instruments / ".trash").iterdir())) == N_ROUNDS


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A workspace whose voice `alto` has a checkpoint at the steps 2 and 4, trained once for all rounds."""
    folder = tmp_path_factory.mktemp("trained")
    found, children = tiny_training.untrained(folder), Children(folder, eager=True)
    try:
        ended = children.train(found.root, folder / "out", recipe={"steps": 4, "save_every": 2})
    finally:
        children.close()
    assert ended["outcome"]["step"] == 4
    return found


@pytest.fixture
def rounds(tmp_path, trained):
    """A workspace for each round, all with the recordings and checkpoints of `trained`, none with an instrument."""
    made = [Workspace(tmp_path / f"{number}") for number in range(N_ROUNDS)]
    for one in made:
        one.instruments.mkdir(parents=True)
        one.audio.symlink_to(trained.audio, target_is_directory=True)
    return made


def instruments(workspace: Workspace) -> tuple[list[Instrument], list[Instrument]]:
    """Those in the library, and those in its trash."""
    there = [entry.path for entry in Library(workspace).list()]
    return [format.read(path) for path in there], [format.read(path) for path in trashed(workspace.instruments)]


def steps(found: list[Instrument]) -> list[int]:
    return sorted(one.provenance.step or 0 for one in found)


@pytest.mark.slow
@pytest.mark.parametrize("before", [(), ("alto",), ("alto", "stranger")])
def test_of_two_trainings_exported_under_one_name_none_is_lost(rounds, before):
    """The voice's own gives way to the next, to the trash; a stranger of its name stays, and each gets a number."""
    for one in rounds:
        for voice in before:
            about = Provenance(voice=voice, step=1, author="Ann")
            Library(one).add(small_instrument(provenance=about), name="alto" if voice == before[-1] else "bass")
    answers = at_once(lambda process, number: export.make(rounds[number], "alto", step=(2, 4)[process]).entry.name)
    for number, one in enumerate(rounds):
        there, gone = instruments(one)
        assert steps([*there, *gone]) == sorted([2, 4, *(1 for _ in before)])
        names = {entry.name for entry in Library(one).list()}
        if "stranger" in before:
            assert names == {"alto", "bass", "alto 2", "alto 3"} and not gone
            assert sorted(said[number] for said in answers) == ["alto 2", "alto 3"]
        else:
            assert names == {"alto"} == {said[number] for said in answers}
            assert there[0].provenance.author == ("Ann" if before else "")


@pytest.mark.slow
@pytest.mark.parametrize("before", [False, True])
def test_a_training_exported_under_the_name_of_what_is_imported_loses_nothing(rounds, before):
    imported = to_bytes(small_instrument(provenance=Provenance(voice="stranger", step=3)))
    for one in rounds if before else ():
        Library(one).add(small_instrument(provenance=Provenance(voice="alto", step=1)), name="alto")

    def work(process, number):
        if process:
            return Library(rounds[number]).import_file(imported, "alto").name
        return export.make(rounds[number], "alto", step=4).entry.name

    answers = at_once(work)
    for number, one in enumerate(rounds):
        there, gone = instruments(one)
        assert (steps(there), steps(gone)) == ([3, 4], [1] if before else [])
        assert {said[number] for said in answers} == {"alto", "alto 2"} == {entry.name for entry in Library(one).list()}
        for process, step in enumerate((4, 3)):
            assert Library(one).get(answers[process][number]).provenance.step == step


@pytest.mark.slow
@pytest.mark.parametrize("spellings", [("Begoña", "Begoña"), ("Begoña", "Begon\u0303a")])
def test_a_voice_that_two_make_at_once_is_one_with_the_recordings_of_both(workspace, spellings):
    sounds = [[audio.encode(sung(1.0, hz=150 + 3 * n + process)) for n in range(N_ROUNDS)] for process in range(2)]

    def work(process, number):
        voice = voices.create(workspace, f"{spellings[process]} {number}")
        return voice.name, adding.add(voice, [(f"{process}.wav", sounds[process][number])]).added

    answers = at_once(work)
    assert len(voices.list_voices(workspace)) == N_ROUNDS
    for number, (one, other) in enumerate(zip(*answers)):
        assert one == (f"Begoña {number}", ("0.wav",)) and other == (f"Begoña {number}", ("1.wav",))
        assert len(voices.get(workspace, f"Begoña {number}").recordings()) == 2


@pytest.mark.slow
def test_jobs_that_two_order_at_once_are_all_there(store):
    answers = at_once(lambda process, number: submit(store, key=f"train:{process} {number}").id)
    assert len({*answers[0], *answers[1]}) == 2 * N_ROUNDS == len(store.list())
    for process, ids in enumerate(answers):
        assert [store.status(one).key for one in ids] == [f"train:{process} {number}" for number in range(N_ROUNDS)]


@pytest.mark.slow
def test_a_job_that_two_order_at_once_is_one(store):
    answers = at_once(lambda process, number: submit(store, key=f"train:{number}").id)
    assert answers[0] == answers[1] and len(store.list()) == N_ROUNDS


def test_two_files_written_under_one_name_are_two(tmp_path):
    contents = [[f"{process} {number}".encode() * 5000 for number in range(N_ROUNDS)] for process in range(2)]
    answers = at_once(lambda process, number: write_new(tmp_path / f"{number}.wav", contents[process][number]).name)
    assert len(list(tmp_path.iterdir())) == 2 * N_ROUNDS
    for process, names in enumerate(answers):
        assert [(tmp_path / name).read_bytes() for name in names] == contents[process]


@pytest.mark.slow
def test_two_that_add_recordings_of_one_name_to_a_voice_add_both(workspace):
    voice = voices.create(workspace, "alto")
    sounds = [[audio.encode(sung(hz=150 + 5 * n + 2 * process)) for n in range(N_ROUNDS)] for process in range(2)]
    answers = at_once(lambda process, number: adding.add(voice, [("song.wav", sounds[process][number])]).added)
    names = [name for said in answers for (name,) in said]
    assert len(set(names)) == len(voice.recordings()) == 2 * N_ROUNDS
    for process, said in enumerate(answers):
        assert [(voice.folder / name).read_bytes() for (name,) in said] == sounds[process]


def test_what_two_bring_back_under_one_name_is_there_twice(tmp_path):
    trashed = [[], []]
    for number in range(N_ROUNDS):
        for process in range(2):
            path = tmp_path / (f"file {number}.txt" if number % 2 else f"folder {number}")
            if number % 2:
                path.write_text(str(process))
            else:
                path.mkdir()
                (path / "inside").write_text(str(process))
            trashed[process].append(trash(path))
    answers = at_once(lambda process, number: str(restore(trashed[process][number])))
    assert len({*answers[0], *answers[1]}) == 2 * N_ROUNDS
    for process, places in enumerate(answers):
        for place in map(Path, places):
            assert (place / "inside" if place.is_dir() else place).read_text() == str(process)


def test_what_two_bring_back_at_once_is_there_once(tmp_path):
    trashed = []
    for number in range(N_ROUNDS):
        (tmp_path / f"file {number}.txt").write_text(str(number))
        trashed.append(trash(tmp_path / f"file {number}.txt"))
    answers = at_once(lambda process, number: restore(trashed[number]).name)
    for said in zip(*answers):
        assert sorted(said)[0] == "WorkspaceError" and sorted(said)[1].startswith("file")
    assert len(list(tmp_path.glob("*.txt"))) == N_ROUNDS and list((tmp_path / ".trash").iterdir()) == []


def test_what_two_delete_at_once_is_deleted_once(tmp_path):
    for number in range(N_ROUNDS):
        (tmp_path / f"{number}").write_text(str(number))
    answers = at_once(lambda process, number: trash(tmp_path / f"{number}").read_text())
    for number, said in enumerate(zip(*answers)):
        assert sorted(said, key=len) == [str(number), "WorkspaceError"]
    assert len(list((tmp_path / ".trash").iterdir())) == N_ROUNDS


class Noon(datetime.datetime):
    """A clock that stands."""

    @classmethod
    def now(cls, zone=None):
        return cls(2026, 1, 1, 12, tzinfo=zone)


def make(kind: str, workspace: Workspace, told: str) -> str:
    """A set, test or take that says something; its id."""
    if kind == "set":
        return SetStore(workspace).create(told, ["a", "b"]).id
    if kind == "test":
        return BlindTests(workspace).begin("abx", [Take(name, Path(name)) for name in "ab"], title=told, n_trials=2).id
    with TakeStore(workspace).building("a title") as (take_id, folder):
        (folder / "result.wav").write_bytes(b"")
        write_take(Take(take_id, folder, name=told), folder)
    return take_id


def read(kind: str, workspace: Workspace, one: str) -> str:
    """What it says."""
    if kind == "take":
        return TakeStore(workspace).get(one).name
    return (SetStore if kind == "set" else BlindTests)(workspace).get(one).title


def test_a_job_that_draws_another_s_number_draws_again_and_the_other_stays(store, monkeypatch):
    drawn = iter(["a" * 32, "a" * 32, "b" * 32])
    monkeypatch.setattr(stores, "uuid", SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=next(drawn))))
    monkeypatch.setattr(stores.time, "localtime", lambda *_: (2026, 1, 1, 12, 0, 0, 3, 1, 0))
    first, second = submit(store, key="train:Aria"), submit(store, key="train:Bruno")
    assert [first.id[-6:], second.id[-6:]] == ["aaaaaa", "bbbbbb"] and len(store.list()) == 2
    assert store.status(first.id).key == "train:Aria"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["set", "test", "take"])
def test_two_that_draw_the_same_numbers_make_two(workspace, monkeypatch, kind):
    """Ids end in random digits; here both processes draw the same ones, each four times over."""
    drawn = iter(range(10**6))
    monkeypatch.setattr(secrets, "token_hex", lambda n_bytes: f"{next(drawn) // 4:0{2 * n_bytes}x}")
    monkeypatch.setattr(datetime, "datetime", Noon)
    answers = at_once(lambda process, number: make(kind, workspace, f"{process} {number}"))
    assert len({*answers[0], *answers[1]}) == 2 * N_ROUNDS
    for process, ids in enumerate(answers):
        assert [read(kind, workspace, one) for one in ids] == [f"{process} {number}" for number in range(N_ROUNDS)]
