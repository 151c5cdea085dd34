"""Looking after instruments, recordings and jobs at a terminal: describe, repair, delete, and bring back."""

import pytest
import soundfile

from ddsing.dataset import voices
from ddsing.instrument.library import Library
from ddsing.sound.audio import encode
from ddsing.workspace import Workspace
from tests.hostile.builders import notebook_members, packed
from tests.support import tiny_workspace
from tests.support.idle_jobs import NoLauncher, submit, write
from tests.support.sounds import noise

FIRST, SECOND = tiny_workspace.NAMES


@pytest.fixture
def root(tmp_path):
    return tiny_workspace.fill(tmp_path / "w")


def test_an_instrument_is_heard_renamed_and_described(root, command, tmp_path):
    command(root, "instrument", "audition", FIRST, "--out", tmp_path / "a.wav")
    sound, rate = soundfile.read(tmp_path / "a.wav")
    assert rate == 16_000 and len(sound) > 16_000 and abs(sound).max() > 1e-4
    assert command(root, "instrument", "rename", FIRST, "Third voice", "--json") == {
        "name": "Third voice",
        "before": FIRST,
    }
    said = command(root, "instrument", "edit", "Third voice", "--author", "B. Singer", "--notes", "", "--json")
    assert (said["author"], said["notes"], said["licence"]) == ("B. Singer", "", "CC0-1.0")
    entry = Library(Workspace(root)).find("Third voice")
    assert entry.provenance.author == "B. Singer" and entry.provenance.voice == "an invented voice"
    assert "author: B. Singer" in command(root, "instrument", "edit", "Third voice", "--licence", "")


def test_a_deleted_instrument_comes_back_by_its_name_or_token(root, command):
    token = command(root, "instrument", "delete", FIRST, "--json")["token"]
    assert [one["name"] for one in command(root, "instrument", "list", "--json")["instruments"]] == [SECOND]
    assert command(root, "instrument", "restore", token) == f"Restored {FIRST}.\n"
    said = command(root, "instrument", "delete", FIRST)
    assert "instrument restore" in said
    assert command(root, "instrument", "restore", FIRST, "--json") == {"name": FIRST}


@pytest.mark.slow
def test_a_zip_of_2021_is_repaired_and_the_old_one_kept(root, command):
    path = root / "instruments" / "Old.zip"
    path.write_bytes(packed(notebook_members(step=5) | notebook_members(step=12, seed=3)))
    repaired = command(root, "instrument", "repair", "Old", "--json")
    assert repaired["bytes"] == path.stat().st_size < repaired["bytes_before"]
    assert command(root, "instrument", "restore", "Old") == "Restored Old 2.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["audition", "nobody", "--out", "x.wav"], "No instrument named 'nobody'"),
        (["audition", FIRST, "--out", "no/folder/x.wav"], "hoose another file"),
        (["rename", "nobody", "x"], "No instrument named 'nobody'"),
        (["rename", FIRST, SECOND], "choose another name"),
        (["edit", "nobody", "--notes", "x"], "No instrument named 'nobody'"),
        (["edit", FIRST], "Nothing to change"),
        (["edit", FIRST, "--author", "x" * 301], "author"),
        (["repair", "nobody"], "No instrument named 'nobody'"),
        (["delete", "nobody"], "No instrument named 'nobody'"),
        (["restore", "nobody"], "nothing was deleted"),
    ],
)
def test_what_can_t_be_done_to_an_instrument_is_one_sentence(root, command, words, sentence):
    assert sentence in command(root, "instrument", *words, status=2)
    assert [entry.name for entry in Library(Workspace(root)).list()] == [FIRST, SECOND]


def test_a_voice_is_made_and_its_recordings_removed_and_brought_back(root, command):
    assert command(root, "dataset", "create", "bass", "--json") == {"voice": "bass"}
    folder = root / "audio" / "bass"
    (folder / "old").mkdir()
    for number, name in enumerate(("a.wav", "old/b.wav", "c.wav")):
        (folder / name).write_bytes(encode(noise(1.0, seed=number)))
    removed = command(root, "dataset", "remove", "bass", "a.wav", "old/b.wav", "--json")["removed"]
    voice = voices.get(Workspace(root), "bass")
    assert [one["name"] for one in removed] == ["a.wav", "old/b.wav"]
    assert [voice.name_of(path) for path in voice.recordings()] == ["c.wav"]
    assert command(root, "dataset", "restore", "bass", "b.wav") == "Restored old/b.wav to bass.\n"
    assert command(root, "dataset", "restore", "bass", removed[0]["token"], "--json")["restored"] == "a.wav"
    assert len(voice.recordings()) == 3
    for words, sentence in (
        (["remove", "bass", "c.wav", "none.wav"], "has no recording 'none.wav'; nothing was removed"),
        (["remove", "nobody", "c.wav"], "No voice 'nobody'"),
        (["restore", "bass", "none.wav"], "nothing was deleted"),
        (["restore", "nobody", "c.wav"], "No voice 'nobody'"),
        (["create", "a/b"], "such as"),
    ):
        assert sentence in command(root, "dataset", *words, status=2)
    assert len(voice.recordings()) == 3


def test_names_from_a_mac_are_the_same_names(root, command):
    typed, spelled = "Bego\u00f1a", "Begon\u0303a"
    folder = root / "audio" / spelled
    folder.mkdir()
    (folder / f"{spelled}.wav").write_bytes(encode(noise(1.0)))
    (root / "instruments" / f"{FIRST}.zip").rename(root / "instruments" / f"{spelled}.zip")
    command(root, "dataset", "remove", typed, f"{typed}.wav")
    assert "Restored" in command(root, "dataset", "restore", typed, f"{typed}.wav")
    assert [path.name for path in folder.glob("*.wav")] == [f"{spelled}.wav"]
    command(root, "instrument", "delete", typed)
    command(root, "instrument", "restore", typed)
    assert (root / "instruments" / f"{spelled}.zip").is_file()


def test_a_deleted_job_comes_back(root, command):
    from ddsing.jobs.store import JobStore

    store = JobStore(Workspace(root), launcher=NoLauncher())
    job = submit(store)
    write(store, job, state="done")
    assert f"jobs restore {job.id}" in command(root, "jobs", "delete", job.id)
    assert "No jobs yet" in command(root, "jobs", "list")
    assert command(root, "jobs", "restore", job.id, "--json") == {"id": job.id}
    assert job.id in command(root, "jobs", "list")
    assert "nothing was deleted" in command(root, "jobs", "restore", job.id, status=2)
