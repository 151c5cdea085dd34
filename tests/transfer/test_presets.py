"""Presets: kept whole, in two tabs at once, passed on as JSON, and read strictly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsing.errors import DdsingError
from ddsing.transfer import presets
from ddsing.transfer.presets import Preset, PresetError, Presets
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace
from tests.support.two_processes import N_ROUNDS, at_once

DARK = Settings(octave_shift=-1, gate_db=-45.0, scale="D:minor", z_shift=(0.0, 1.5), tuning_hz=442.0)


@pytest.fixture
def store(tmp_path):
    return Presets(Workspace(tmp_path))


def test_a_preset_has_all_controls_and_its_name_is_its_own(store):
    assert store.list() == () and store.default_of("Aria") is None
    made = store.save(Preset(" Dark  ♪/voice ", DARK, "fast"))
    assert made.name == "Dark ♪/voice" and Presets(Workspace(store.folder.parent)).list() == (made,)
    store.save(Preset("Dark ♪-voice", Settings()))  # whose file would have the same name
    assert len(store.list()) == 2 and store.get("Dark ♪/voice").settings == DARK
    store.save(Preset("Dark ♪/voice", Settings(seed=3), "full"))
    assert len(store.list()) == 2 and store.get("Dark ♪/voice").settings == Settings(seed=3)
    with pytest.raises(PresetError, match="is a preset 'Dark ♪-voice' already"):
        store.rename("Dark ♪/voice", "Dark ♪-voice")
    with pytest.raises(PresetError, match="No preset 'Bright'; available: 'Dark ♪-voice', 'Dark ♪/voice'"):
        store.rename("Bright", "x")
    for name in ("", "  ", "a" * 81, "a\x00b"):
        with pytest.raises(PresetError, match="1 to 80 characters"):
            store.rename("Dark ♪/voice", name)


def test_an_instrument_has_one_default_which_follows_its_preset(store):
    for name in ("one", "two"):
        store.save(Preset(name, DARK))
    store.set_default("Aria", "one")
    store.set_default("Bruno", "one")
    store.set_default("Aria", "two")
    assert store.get("one").default_for == ("Bruno",) and store.default_of("Aria").name == "two"
    store.rename("two", "three")
    store.save(Preset("three", Settings()))
    assert store.default_of("Aria") == Preset("three", Settings(), default_for=("Aria",))
    token = store.delete("three")
    assert store.default_of("Aria") is None
    store.save(Preset("three", DARK))
    assert store.undo(token).name == "three 2" and store.default_of("Aria").name == "three 2"
    store.set_default("Aria", None)
    assert store.default_of("Aria") is None and store.get("one").default_for == ("Bruno",)
    with pytest.raises(PresetError, match="not deleted here"):
        store.undo(str(store.folder.parent / "elsewhere" / "x.json"))


def test_what_is_exported_is_imported_without_writing_over_anything(store, tmp_path):
    made = [store.save(Preset("one", DARK)), store.save(Preset("two", Settings(seed=9), "tiny"))]
    store.set_default("Aria", "one")
    content = presets.to_file(store.list())
    assert "Aria" not in content.decode() and presets.from_file(content) == tuple(made)
    assert [one.name for one in store.take_over(content)] == ["one", "two"]  # they are there
    store.save(Preset("one", Settings()))
    assert [one.name for one in store.take_over(content)] == ["one 2", "two"] and store.get("one 2").settings == DARK
    other = Presets(Workspace(tmp_path / "other"))
    other.folder.parent.mkdir()
    assert other.take_over(content) == tuple(made)
    (other.folder / "damaged.json").write_text('{"format": "ddsing presets", "settings": 3}')
    (other.folder / "notes.json").write_text("nothing")
    assert other.list() == tuple(made)


def a_file(**changes):
    document = json.loads(presets.to_file([Preset("one", DARK)]))
    document["presets"][0] |= changes
    return document


def settings(**changes):
    return a_file(settings=DARK.to_json() | changes)


BAD = {
    "not JSON": (b"RIFF....WAVE", "is not JSON"),
    "no text": (b"\xff\xfe\x00", "is not JSON"),
    "cut": (presets.to_file([Preset("one", DARK)])[:-9], "can't be read"),
    "a list": (b"[]", "one JSON object"),
    "nested": (b'{"a": ' * 100_000, "nested too deeply"),
    "endless": (b'{"a": ' + b"9" * 5000 + b"}", "can't be read"),
    "twice": (b'{"format": "ddsing presets", "format": "x"}', "twice"),
    "another's": (b'{"presets": []}', "no file of presets"),
    "a recipe": (b'{"ddsing": "1", "settings": {}}', "no file of presets"),
    "later": (json.dumps(a_file() | {"version": 2}).encode(), "later version"),
    "none": (json.dumps(a_file() | {"presets": []}).encode(), "must have 1 to"),
    "too many": (json.dumps(a_file() | {"presets": a_file()["presets"] * 201}).encode(), "must have 1 to"),
    "large": (b" " * (presets.MAX_BYTES + 1), "larger than"),
    "no preset": (json.dumps(a_file() | {"presets": [3]}).encode(), "name and settings"),
    "no name": (json.dumps(a_file(name=None)).encode(), "name and settings"),
    "a bad name": (json.dumps(a_file(name="a\u0000")).encode(), "1 to 80"),
    "a bad tracker": (json.dumps(a_file(tracker=["full"])).encode(), "tracker is"),
    "more": (json.dumps(a_file(command="rm")).encode(), "entry 'command'"),
    "an unknown setting": (json.dumps(settings(reverb=1)).encode(), "entry 'reverb'"),
    "out of range": (json.dumps(settings(octave_shift=9)).encode(), "from -3 to 3"),
    "a wrong kind": (json.dumps(settings(seed="x")).encode(), "whole number"),
    "NaN": (json.dumps(settings(autotune=float("nan"))).encode(), "NaN"),
    "a bad scale": (json.dumps(settings(scale=5)).encode(), "preset"),
}


@pytest.mark.parametrize(("content", "said"), BAD.values(), ids=BAD)
def test_a_bad_file_is_one_sentence_and_nothing_of_it_is_kept(store, content, said):
    with pytest.raises(PresetError) as refused:
        store.take_over(content)
    assert said in str(refused.value) and len(str(refused.value)) < 600 and store.list() == ()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*DARK.to_json(), "name", "tracker"]), VALUES, max_size=4))
def test_any_values_make_a_preset_or_a_sentence(found):
    entries = {name: found.pop(name) for name in ("name", "tracker") if name in found}
    document = settings(**found)
    document["presets"][0] |= entries
    try:
        made = presets.from_file(json.dumps(document).encode())
    except DdsingError as error:
        assert isinstance(error, PresetError) and len(str(error)) < 600
    else:
        assert presets.from_file(presets.to_file(made)) == made


@pytest.mark.slow
def test_two_tabs_save_and_rename_at_once_and_none_is_lost(tmp_path):
    workspace = Workspace(tmp_path)

    def work(process, number):
        here = Presets(workspace)
        here.save(Preset(f"{number}", Settings(seed=process)))
        here.save(Preset(f"{number} of {process}", Settings(seed=process)))
        here.set_default(f"Aria {number}", f"{number} of {process}")
        return here.rename(f"{number} of {process}", f"{number} by {process}").name

    answers = at_once(work)
    found = Presets(workspace).list()
    assert len(found) == 3 * N_ROUNDS and {one.name for one in found} >= {*answers[0], *answers[1]}
    assert all(sum(f"Aria {number}" in one.default_for for one in found) == 1 for number in range(N_ROUNDS))
