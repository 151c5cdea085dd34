"""Two processes at once change, delete and replace what has a name: a change meets what it read, and none is lost."""

from pathlib import Path

import pytest

from ddsing.dataset import voices
from ddsing.errors import DatasetError, InstrumentError
from ddsing.experiments.comparison.blind import BlindTests
from ddsing.experiments.comparison.sets import SetStore
from ddsing.files import stamp, trashed
from ddsing.instrument import format
from ddsing.instrument.library import Library
from ddsing.transfer.take import Take
from ddsing.transfer.takes import TakeStore, write_take
from ddsing.workspace import Workspace
from tests.hostile.builders import small_instrument
from tests.support.two_processes import N_ROUNDS, at_once

OLD, NEW = (small_instrument(gin_text=f"# {age}\n") for age in ("old", "new"))


@pytest.fixture
def workspace(tmp_path):
    found = Workspace(tmp_path)
    for folder in (found.instruments, found.cache, found.audio, found.experiments):
        folder.mkdir()
    return found


def edited(library: Library, name: str) -> None:
    library.edit(name, notes="edited")


def renamed(library: Library, name: str) -> None:
    library.rename(name, f"{name} renamed")


def repaired(library: Library, name: str) -> None:
    library.repair(name)


@pytest.mark.slow
@pytest.mark.parametrize("change", [edited, renamed, repaired])
def test_an_instrument_that_takes_the_name_of_a_changed_one_is_not_written_over(workspace, change):
    library = Library(workspace)
    for number in range(N_ROUNDS):
        library.add(OLD, name=f"Aria {number} x")

    def work(process, number):
        name, here = f"Aria {number} x", Library(workspace)
        if process == 0:
            return change(here, name)
        here.delete(name)
        return here.add(NEW, name=name).name

    answers = at_once(work)
    deleted = answers[1].count("WorkspaceError") + answers[1].count("InstrumentError")
    there = [library.get(entry.name).gin_text for entry in library.list()]
    assert there.count(NEW.gin_text) == N_ROUNDS - deleted
    gone = [format.read(path).gin_text for path in trashed(workspace.instruments)]
    assert there.count(OLD.gin_text) + gone.count(OLD.gin_text) >= N_ROUNDS


@pytest.mark.slow
def test_two_that_edit_an_instrument_both_have_their_way(workspace):
    library = Library(workspace)
    for number in range(N_ROUNDS):
        library.add(OLD, name=f"Aria {number} x")
    fields = ("notes", "author")
    at_once(lambda process, number: Library(workspace).edit(f"Aria {number} x", **{fields[process]: "here"}).name)
    found = [entry.provenance for entry in library.list()]
    assert [(one.notes, one.author) for one in found] == [("here", "here")] * N_ROUNDS


@pytest.mark.parametrize(
    "change",
    [
        lambda library, seen: library.edit("Aria", seen=seen, notes="edited"),
        lambda library, seen: library.rename("Aria", "Bruno", seen=seen),
        lambda library, seen: library.repair("Aria", seen=seen),
        lambda library, seen: library.delete("Aria", seen=seen),
    ],
)
def test_what_was_meant_for_an_instrument_is_not_done_to_another_of_its_name(workspace, change):
    library = Library(workspace)
    seen = library.add(OLD, name="Aria")
    library.edit("Aria", author="Ann")  # it is still that one
    library.delete("Aria")
    there = library.add(NEW, name="Aria").path.read_bytes()
    with pytest.raises(InstrumentError, match="'Aria' is another instrument now"):
        change(library, seen)
    assert [entry.name for entry in library.list()] == ["Aria"] and library.find("Aria").path.read_bytes() == there
    library.delete("Aria")
    library.undo(
        next(
            token
            for token in map(str, trashed(workspace.instruments))
            if format.read(Path(token)).gin_text == OLD.gin_text
        )
    )
    change(library, seen)


def test_a_recording_that_takes_the_name_of_another_is_not_removed_for_it(workspace):
    voice = voices.create(workspace, "alto")
    song = voice.folder / "song.wav"
    song.write_bytes(b"one")
    seen = stamp(song)
    token = voices.remove(voice, "song.wav")
    song.write_bytes(b"another")
    with pytest.raises(DatasetError, match="'song.wav' is another recording now"):
        voices.remove(voice, "song.wav", seen=seen)
    assert song.read_bytes() == b"another"
    song.unlink()
    voices.restore(voice, token)
    voices.remove(voice, "song.wav", seen=seen)


def take_of(workspace: Workspace) -> str:
    with TakeStore(workspace).building("a title") as (take_id, folder):
        (folder / "result.wav").write_bytes(b"")
        write_take(Take(take_id, folder, name="first"), folder)
    return take_id


def test_two_that_write_to_a_take_both_have_their_way(workspace):
    ids = [take_of(workspace) for _ in range(N_ROUNDS)]

    def work(process, number):
        store = TakeStore(workspace)
        return store.note(ids[number], "noted").id if process else store.rename(ids[number], "renamed").id

    at_once(work)
    assert [(take.name, take.note) for take in TakeStore(workspace).list()] == [("renamed", "noted")] * N_ROUNDS


def test_two_that_change_a_set_both_have_their_way(workspace):
    ids = [SetStore(workspace).create("first", ["a", "b"]).id for _ in range(N_ROUNDS)]
    changes = ({"title": "second"}, {"notes": "noted"})
    at_once(lambda process, number: SetStore(workspace).change(ids[number], **changes[process]).id)
    assert [(one.title, one.notes) for one in SetStore(workspace).list()] == [("second", "noted")] * N_ROUNDS


def test_a_take_that_is_deleted_while_it_is_changed_stays_deleted(workspace):
    ids = [take_of(workspace) for _ in range(N_ROUNDS)]

    def work(process, number):
        store = TakeStore(workspace)
        return store.delete(ids[number]) if process else store.note(ids[number], "noted").id

    answers = at_once(work)
    assert TakeStore(workspace).list_all() == [] and len(trashed(workspace.experiments)) == N_ROUNDS
    assert set(answers[0]) <= {*ids, "TakeError"} and set(map(Path, answers[1])) == set(trashed(workspace.experiments))


@pytest.mark.parametrize("kind", ["set", "test"])
def test_a_set_or_test_that_is_deleted_while_it_is_changed_stays_deleted(workspace, kind):
    if kind == "set":
        make = lambda: SetStore(workspace).create("first", ["a", "b"]).id  # noqa: E731
        store, change = SetStore(workspace), lambda one: SetStore(workspace).change(one, notes="noted").id
    else:
        takes = [Take(name, Path(name)) for name in "ab"]
        make = lambda: BlindTests(workspace).begin("abx", takes, n_trials=2).id  # noqa: E731
        store, change = BlindTests(workspace), lambda one: BlindTests(workspace).answer(one, 0, "A").id
    ids = [make() for _ in range(N_ROUNDS)]
    answers = at_once(lambda process, number: store.delete(ids[number]) if process else change(ids[number]))
    assert store.list() == () and len(trashed(store.folder)) == N_ROUNDS
    assert set(answers[0]) <= {*ids, "TakeError"}


def test_of_two_answers_to_a_trial_one_counts_and_a_stop_keeps_it(workspace):
    takes = [Take(name, Path(name)) for name in "ab"]
    ids = [BlindTests(workspace).begin("abx", takes, n_trials=2).id for _ in range(N_ROUNDS)]

    def work(process, number):
        tests = BlindTests(workspace)
        return tests.stop(ids[number]).id if process else tests.answer(ids[number], 0, "A").id

    at_once(work)
    assert all(test.stopped for test in BlindTests(workspace).list())
