"""``preset`` and ``transfer --preset``: kept at a terminal, passed on, and sung with."""

import pytest

from ddsing.sound import audio
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace

FIRST = tiny_workspace.NAMES[0]


@pytest.fixture
def tiny(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "w"))


@pytest.mark.slow
def test_presets_are_kept_shown_passed_on_and_brought_back(tiny, command, tmp_path):
    root = tiny.root
    assert "No presets yet" in command(root, "preset", "list")
    dark = ("--octave-shift", -1, "--gate-db", 45, "--scale", "D:minor", "--tracker", "instant")
    assert command(root, "preset", "save", "Dark", *dark) == (
        "Dark: tracker instant, octave shift −1, scale D minor, noise gate −45 dB\n"
    )
    made = command(root, "preset", "save", "Darker", "--preset", "Dark", "--octave-shift", -2, "--json")
    assert (made["settings"]["gate_db"], made["settings"]["octave_shift"], made["tracker"]) == (-45.0, -2, "instant")
    assert command(root, "preset", "default", FIRST, "Dark") == f"The default of {FIRST} is Dark.\n"
    command(root, "preset", "rename", "Dark", "Dusk")
    assert command(root, "preset", "default", FIRST, "--json") == {"instrument": FIRST, "preset": "Dusk"}
    assert command(root, "preset", "list").startswith("Darker: ") and "(default of " in command(root, "preset", "list")
    out = tmp_path / "p.json"
    assert command(root, "preset", "export", "--out", out) == f"Written to {out}: Darker, Dusk.\n"
    deleted = command(root, "preset", "delete", "Dusk", "--json")
    assert command(root, "preset", "default", FIRST) == f"{FIRST} has no default preset.\n"
    command(root, "preset", "restore", deleted["token"])
    assert command(root, "preset", "default", FIRST, "--none", "--json")["preset"] is None
    imported = command(root, "preset", "import", out, "--json")["presets"]
    assert [one["name"] for one in imported] == ["Darker", "Dusk"]  # which are there


def test_a_preset_is_sung_with_and_options_override_it(tiny, command, tmp_path):
    root, out = tiny.root, tmp_path / "o.wav"
    source = next(tiny.examples.glob("*.wav"))
    command(
        root, "preset", "save", "Dark", "--octave-shift", -1, "--tracker", "instant", "--seed", 4, "--z-from", "mean"
    )
    words = ("transfer", source, "--instrument", FIRST, "--out", out, "--preset", "Dark")
    made = command(root, *words, "--seed", 5, "--json")
    take = TakeStore(tiny).get(made["take"])
    assert (take.settings.octave_shift, take.settings.seed, take.tracker) == (-1, 5, "instant")
    same = ("--octave-shift", -1, "--tracker", "instant", "--seed", 5)
    again = tmp_path / "again.wav"
    command(root, "transfer", source, "--instrument", FIRST, "--out", again, *same)
    assert (audio.decode(again) == audio.decode(out)).all()
    command(root, *words, "--morph", f"{tiny_workspace.NAMES[1]}=0.5")  # a morph takes no timbre
    command(root, "preset", "save", "Again", "--like", take.id)
    assert command(root, "preset", "show", "Again", "--json")["settings"] == take.settings.to_json()


def test_what_can_t_be_done_is_one_sentence(tiny, command, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_bytes(b"{}")
    command(tiny.root, "preset", "save", "Dark")
    source = next(tiny.examples.glob("*.wav"))
    for words, said in (
        (("preset", "show", "x"), "No preset 'x'; available: 'Dark'"),
        (("preset", "save", "x", "--octave-shift", 9), "from -3 to 3"),
        (("preset", "save", "x", "--transpose", "auto"), "depends on the recording"),
        (("preset", "save", "x", "--z-from", source), "must be recording or mean"),
        (("preset", "save", "x", "--like", "a", "--preset", "Dark"), "Leave one of them out"),
        (("preset", "save", "x" * 81), "1 to 80 characters"),
        (("preset", "default", "nobody"), "No instrument"),
        (("preset", "default", FIRST, "Dark", "--none"), "Leave out the preset's name"),
        (("preset", "import", bad), "no file of presets"),
        (("preset", "import", tmp_path), "can't be read"),
        (("preset", "export", "x", "--out", bad), "No preset"),
        (("preset", "restore", "Dark"), "No preset 'Dark' in the trash"),
        (("transfer", source, "--instrument", FIRST, "--preset", "x", "--out", tmp_path / "o.wav"), "No preset 'x'"),
        (("transfer", source, "--like", "a", "--preset", "Dark", "--out", tmp_path / "o.wav"), "Leave one of them out"),
    ):
        assert said in command(tiny.root, *words, status=2)
    assert bad.read_bytes() == b"{}"
