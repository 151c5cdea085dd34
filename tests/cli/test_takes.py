"""``takes``, ``sets``, ``blind``, ``transfer --like`` and ``fit``: all that the pages do with what was rendered."""

import io
import json
import shutil
import zipfile

import numpy as np
import pytest
import soundfile

from ddsing.experiments.comparison.blind import BlindTests
from ddsing.play import daw
from ddsing.sound import audio
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace

pytestmark = pytest.mark.slow

FIRST, SECOND = (f"song → {name}" for name in tiny_workspace.NAMES)


@pytest.fixture
def root(sung, tmp_path):
    """A copy of the workspace with two takes."""
    return shutil.copytree(sung, tmp_path / "w")


def test_takes_are_listed_shown_renamed_and_described(root, command):
    listed = command(root, "takes", "list", "--json")["takes"]
    assert [take["name"] for take in listed] == [SECOND, FIRST]
    assert FIRST in command(root, "takes", "list") and listed[0]["id"] in command(root, "takes", "list")
    shown = command(root, "takes", "show", FIRST, "--json")
    assert shown["id"] == listed[1]["id"] and shown["settings"]["octave_shift"] == 0
    assert "Octave shift +1" in command(root, "takes", "show", SECOND)
    assert command(root, "takes", "rename", FIRST, "plain", "--json")["name"] == "plain"
    command(root, "takes", "edit", "plain", "--note", "too dark", "--tag", "paper", "--tag", "b", "--star")
    take = TakeStore(Workspace(root)).get(shown["id"])
    assert (take.name, take.note, take.tags, take.star) == ("plain", "too dark", ("paper", "b"), True)
    assert "★ plain" in command(root, "takes", "list") and "#paper" in command(root, "takes", "list")
    command(root, "takes", "edit", "plain", "--note", "", "--no-tags", "--no-star")
    take = TakeStore(Workspace(root)).get(shown["id"])
    assert (take.note, take.tags, take.star) == ("", (), False)


def test_a_transfer_gates_and_keeps_and_turns_both_off_again(root, command, tmp_path):
    source = next(Workspace(root).examples.glob("*.wav"))
    out = ("--out", tmp_path / "a.wav", "--json")
    made = command(root, "transfer", source, "--like", FIRST, "--gate-db", 45, "--keep-unvoiced", 0.5, *out)
    assert (made["settings"]["gate_db"], made["settings"]["keep_unvoiced"]) == (-45.0, 0.5)
    again = command(root, "transfer", source, "--like", tmp_path / "a.wav", "--gate-db", "OFF", *out)
    assert (again["settings"]["gate_db"], again["settings"]["keep_unvoiced"]) == (None, 0.5)
    wrong = ("transfer", source, "--like", FIRST, "--out", tmp_path / "b.wav", "--gate-db")
    with pytest.raises(SystemExit):
        command(root, *wrong, "loud")
    assert "from -80 to -10" in command(root, *wrong, "-5", status=2)


def test_takes_are_exported_with_recipe_and_stems(root, command, tmp_path):
    out = tmp_path / "out.flac"
    written = command(
        root, "takes", "export", FIRST, "--out", out, "--stems", "--recipe", tmp_path / "r.json", "--json"
    )
    assert sorted(written["written"]) == sorted(
        map(str, (out, tmp_path / "out_harmonic.wav", tmp_path / "out_noise.wav", tmp_path / "r.json"))
    )
    recipe = audio.read_recipe(out)
    assert recipe["take"] == written["id"] and json.loads((tmp_path / "r.json").read_text())["take"] == written["id"]
    parts = [soundfile.read(tmp_path / f"out_{name}.wav")[0] for name in ("harmonic", "noise")]
    np.testing.assert_allclose(sum(parts), soundfile.read(out)[0], atol=1e-4)


def test_a_take_of_a_recording_is_exported_for_a_daw(root, command, tmp_path):
    written = command(root, "takes", "export", FIRST, "--out", tmp_path / "take.zip", "--json")
    assert written["written"] == [str(tmp_path / "take.zip")]
    with zipfile.ZipFile(tmp_path / "take.zip") as file:
        assert {f"{part}.wav" for part in ("result", "harmonic", "noise", "original")} <= set(file.namelist())
        parts = [soundfile.read(io.BytesIO(file.read(f"{name}.wav")))[0] for name in ("harmonic", "noise", "result")]
    np.testing.assert_allclose(parts[0] + parts[1], parts[2], atol=1e-6)


def test_several_takes_are_exported_for_a_daw_at_once(root, command, tmp_path):
    out = tmp_path / "both.zip"
    done = command(root, "takes", "export", FIRST, SECOND, SECOND, "--out", out, "--json")
    takes = [TakeStore(Workspace(root)).get(one) for one in done["ids"]]
    assert [take.name for take in takes] == [FIRST, SECOND] and done["written"] == [str(out)]
    with zipfile.ZipFile(out) as file:
        folders = dict.fromkeys(name.split("/")[0] for name in file.namelist())
        assert list(folders) == [take.name.replace("→", "-") for take in takes]
        for folder, take in zip(folders, takes):
            with zipfile.ZipFile(io.BytesIO(daw.bundle(take))) as alone:
                inside = {f"{folder}/{folder} {name}": alone.read(name) for name in alone.namelist()}
            assert inside == {name: file.read(name) for name in file.namelist() if name.startswith(f"{folder}/")}
    command(root, "takes", "rename", SECOND, FIRST.upper())  # alike for disks that know no case
    again = [take.id for take in takes]
    command(root, "takes", "export", *again, "--out", out)
    with zipfile.ZipFile(out) as file:
        assert len({name.split("/")[0].casefold() for name in file.namelist()}) == 2
    before = out.read_bytes()
    (takes[1].folder / "noise.wav").unlink()
    assert "can't be read" in command(root, "takes", "export", *again, "--out", out, status=2)
    assert out.read_bytes() == before
    for words, said in (
        (("--out", tmp_path / "x.wav"), "several takes are exported for a DAW, to a .zip"),
        (("--out", out, "--stems"), "--stems is for one take"),
        (("--out", out, "--f0", "f.csv"), "--f0 is for one take"),
    ):
        assert said in command(root, "takes", "export", *again, *words, status=2)


def test_what_is_deleted_comes_back_by_name_id_or_token(root, command):
    token = command(root, "takes", "delete", FIRST, "--json")["deleted"][0]["token"]
    assert [take["name"] for take in command(root, "takes", "list", "--json")["takes"]] == [SECOND]
    assert FIRST in command(root, "takes", "restore", "nothing", status=2)
    assert command(root, "takes", "restore", token, "--json")["name"] == FIRST
    deleted = command(root, "takes", "delete", FIRST, SECOND, "--json")["deleted"]
    assert "No takes yet" in command(root, "takes", "list")
    assert command(root, "takes", "restore", SECOND) == f"Restored {SECOND}.\n"
    assert command(root, "takes", "restore", deleted[0]["id"], "--json") == {"id": deleted[0]["id"], "name": FIRST}
    assert "nothing was deleted" in command(root, "takes", "restore", FIRST, status=2)


def test_a_name_that_several_takes_have_is_asked_again(root, command):
    command(root, "takes", "rename", FIRST, SECOND)
    assert "2 takes are named" in command(root, "takes", "delete", SECOND, status=2)
    assert len(command(root, "takes", "list", "--json")["takes"]) == 2


def test_a_damaged_take_is_listed_and_can_be_deleted(root, command):
    take_id = command(root, "takes", "show", FIRST, "--json")["id"]
    (root / "experiments" / take_id / "take.json").write_text("{")
    assert "is damaged" in command(root, "takes", "list")
    assert "is damaged" in command(root, "takes", "show", take_id, status=2)
    command(root, "takes", "delete", take_id)
    assert "is damaged" not in command(root, "takes", "list")


def test_a_transfer_like_an_earlier_take(root, command, tmp_path):
    source = next((root / "examples").glob("*.wav"))
    made = command(root, "transfer", source, "--like", SECOND, "--seed", 7, "--out", tmp_path / "a.wav", "--json")
    assert (made["settings"]["octave_shift"], made["settings"]["seed"]) == (1, 7)
    again = command(root, "transfer", source, "--like", tmp_path / "a.wav", "--out", tmp_path / "b.wav", "--json")
    assert again["settings"] == made["settings"]
    assert (tmp_path / "a.wav").stat().st_size == (tmp_path / "b.wav").stat().st_size
    newest = command(root, "takes", "show", again["take"], "--json")
    assert (newest["instrument"], newest["tracker"]) == (tiny_workspace.NAMES[1], "tiny")
    mine = [source, "--like", SECOND, "--instrument", tiny_workspace.NAMES[0], "--octave-shift", 0]
    changed = command(root, "transfer", *mine, "--out", tmp_path / "c.wav", "--json")
    assert changed["settings"]["octave_shift"] == 0
    assert "needs an instrument" in command(root, "transfer", source, "--out", tmp_path / "d.wav", status=2)
    assert "has no recipe" in command(root, "transfer", source, "--like", source, "--out", "d.wav", status=2)


def test_the_fit_is_read_before_anything_is_rendered(root, command):
    source = next((root / "examples").glob("*.wav"))
    found = command(root, "fit", source, "--instrument", tiny_workspace.NAMES[1], "--json")
    assert found["known"] and found["octave_shift"] == -1 and 0.0 <= found["inside_share"] <= 1.0
    assert "--octave-shift -1" in command(root, "fit", source, "--instrument", tiny_workspace.NAMES[1])
    (root / "quiet.wav").write_bytes(audio.encode(np.zeros(16_000, np.float32)))
    quiet = command(root, "fit", root / "quiet.wav", "--instrument", tiny_workspace.NAMES[1], "--json")
    assert quiet["inside_share"] is None
    assert "No singing found" in command(root, "fit", root / "quiet.wav", "--instrument", tiny_workspace.NAMES[1])
    assert "No instrument" in command(root, "fit", source, "--instrument", "nobody", status=2)


def test_sets_are_made_changed_passed_on_dissolved_and_brought_back(root, command, tmp_path):
    made = command(root, "sets", "create", "Pair", FIRST, SECOND, "--notes", "For the paper", "--tag", "a", "--json")
    assert len(made["takes"]) == 2 and "Pair, 2 takes #a" in command(root, "sets", "list")
    assert "For the paper" in command(root, "sets", "show", "Pair")
    changed = command(root, "sets", "edit", "Pair", "--title", "Two", "--star", "--takes", FIRST, "--json")
    assert (changed["title"], changed["star"], len(changed["takes"]), changed["tags"]) == ("Two", True, 1, ["a"])
    command(root, "sets", "export", "Two", "--out", tmp_path / "s.zip")
    with zipfile.ZipFile(io.BytesIO((tmp_path / "s.zip").read_bytes())) as archive:
        assert "For the paper" in archive.read("index.html").decode() and "metrics.csv" in archive.namelist()
    assert "Ungrouped Two" in command(root, "sets", "delete", made["id"])
    assert "No sets yet" in command(root, "sets", "list")
    assert command(root, "sets", "restore", "Two") == "Restored Two.\n"
    assert len(command(root, "takes", "list", "--json")["takes"]) == 2


def test_a_blind_test_is_drawn_and_says_nothing_before_it_is_answered(root, command, tmp_path):
    made = command(
        root, "blind", "create", "abx", FIRST, SECOND, "--trials", 4, "--seed", 1, "--title", "Heard?", "--json"
    )
    assert made["n_trials"] == 4 and made["excerpt_s"] == [0.0, 3.0] and "trials" not in made and "seed" not in made
    assert "Experiments" in command(root, "blind", "show", made["id"]) and "0 of 4" in command(root, "blind", "list")
    store = BlindTests(Workspace(root))
    for trial in range(2):
        store.answer(made["id"], trial, "A")
    assert "said" in command(root, "blind", "show", made["id"], "--json")
    assert "2 trials, stopped before its end" in command(root, "blind", "stop", made["id"])
    shown = command(root, "blind", "show", made["id"], "--csv", tmp_path / "t.csv", "--json")
    assert shown["result"]["n"] == 2 and (tmp_path / "t.csv").read_text().count("\n") == 3
    command(root, "blind", "delete", made["id"])
    assert "No tests yet" in command(root, "blind", "list")
    assert "Heard?" in command(root, "blind", "restore", "Heard?")
    rating = command(root, "blind", "create", "rating", FIRST, "--question", "How warm?", "--repeats", 2, "--json")
    assert (rating["n_trials"], rating["question"]) == (2, "How warm?")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["takes", "show", "nobody"], "No take 'nobody'"),
        (["takes", "rename", "nobody", "x"], "No take 'nobody'"),
        (["takes", "edit", FIRST], "Nothing to change"),
        (["takes", "edit", "nobody", "--star"], "No take 'nobody'"),
        (["takes", "export", FIRST, "--out", "x.mp3"], "must end in .wav or .flac"),
        (["takes", "export", FIRST, "--out", "no/such/folder/x.wav"], "hoose another file"),
        (["takes", "delete", FIRST, "nobody"], "No take 'nobody'"),
        (["transfer", "x.wav", "--like", "nobody", "--out", "x.wav"], "No take 'nobody'"),
        (["sets", "show", "nobody"], "No set 'nobody'"),
        (["sets", "create", "x", "nobody"], "No take 'nobody'"),
        (["sets", "edit", "nobody", "--title", "x"], "No set 'nobody'"),
        (["sets", "delete", "nobody"], "No set 'nobody'"),
        (["sets", "export", "nobody", "--out", "x.zip"], "No set 'nobody'"),
        (["sets", "restore", "nobody"], "nothing was deleted"),
        (["blind", "show", "nobody"], "nobody"),
        (["blind", "stop", "nobody"], "nobody"),
        (["blind", "delete", "nobody"], "nobody"),
        (["blind", "restore", "nobody"], "nothing was deleted"),
        (["blind", "create", "abx", FIRST], "Choose two takes or more"),
        (["blind", "create", "abx", FIRST, SECOND, "--trials", "0"], " 200"),
        (["blind", "create", "rating", FIRST, "--excerpt", "3", "1"], "3 to 1 s"),
        (["compare", "takes", "nobody"], "No take 'nobody'"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_changes_nothing(sung, command, words, sentence):
    before = sorted((path, path.stat().st_mtime_ns) for path in (sung / "experiments").rglob("*.json"))
    assert sentence in command(sung, *words, status=2)
    assert sorted((path, path.stat().st_mtime_ns) for path in (sung / "experiments").rglob("*.json")) == before
