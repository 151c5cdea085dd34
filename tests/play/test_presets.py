"""Presets of the page Play: kept as they were, and files of them read strictly."""

import json
from dataclasses import replace

import pytest

from ddsing.play.presets import PlayPreset, PlayPresets
from ddsing.play.style import STYLES
from ddsing.transfer import presets
from ddsing.transfer.presets import PresetError, Presets
from ddsing.workspace import Workspace

SOME = PlayPreset("Torch", replace(STYLES["pop"], vibrato_cents=85.0), "pop", -4.0, (1.5, -0.5))


def test_it_is_kept_beside_those_of_transfers_and_passed_on(tmp_path):
    one, other = (PlayPresets(Workspace(tmp_path / name)) for name in "ab")
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    one.save(SOME)
    one.set_default("Aria", "Torch")
    assert one.default_of("Aria") == replace(SOME, default_for=("Aria",))
    assert Presets(Workspace(tmp_path / "a")).list() == ()
    file = presets.to_file(one.list(), PlayPreset)
    assert other.take_over(file) == (SOME,)
    assert one.undo(one.delete("Torch")).name == "Torch"
    with pytest.raises(PresetError, match="no file of presets"):
        Presets(Workspace(tmp_path / "a")).take_over(file)


@pytest.mark.parametrize(
    "changes",
    [
        {"breath_db": 1e9},
        {"breath_db": "loud"},
        {"timbre": [0, 0, 0]},
        {"timbre": [float("nan")]},
        {"timbre": 3},
        {"style": {"vibrato_cents": 1e9}},
        {"style": {"unknown": 1}},
        {"style": []},
        {"style_name": "jazz"},
        {"style_name": "voice:" + "a" * 1000},
        {"name": "a\nb\x00"},
        {"tracker": "full"},
    ],
)
def test_what_can_t_be_meant_is_refused_and_nothing_is_kept(tmp_path, changes):
    document = {"format": PlayPreset.FORMAT, "version": 1, "presets": [SOME.to_json(), SOME.to_json() | changes]}
    store = PlayPresets(Workspace(tmp_path))
    with pytest.raises(PresetError):
        store.take_over(json.dumps(document).encode())
    assert store.list() == ()
