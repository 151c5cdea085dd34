"""An instrument's top in its file: written, read, described, refused; and files without one are as they were."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
import soundfile
from safetensors.numpy import load, save

from ddsing.cli import main
from ddsing.errors import InstrumentError
from ddsing.instrument import open_any, read, to_bytes
from ddsing.instrument.library import Library
from ddsing.instrument.models import Models
from ddsing.workspace import Workspace
from tests.hostile.builders import packed, small_instrument
from tests.support import tops

GOOD = small_instrument(top=tops.flat(1e-8, share=0.3))


def members() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(to_bytes(GOOD))) as file:
        return {member: file.read(member) for member in file.namelist()}


def with_top(data: bytes) -> bytes:
    """The instrument with other bytes for its top, and their own hash."""
    found = members() | {"top.safetensors": data}
    document = json.loads(found["instrument.json"])
    document["members"]["top.safetensors"] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    return packed(found | {"instrument.json": json.dumps(document).encode()})


def with_array(name: str, array: np.ndarray) -> bytes:
    return with_top(save(load(members()["top.safetensors"]) | {name: array}))


def with_manifest(**changes) -> bytes:
    document = json.loads(members()["instrument.json"]) | changes
    return packed(members() | {"instrument.json": json.dumps(document).encode()})


def without(name: str) -> bytes:
    document = json.loads(members()["instrument.json"])
    document["members"].pop(name, None)
    found = {key: data for key, data in members().items() if key != name}
    return packed(found | {"instrument.json": json.dumps(document).encode()})


def test_a_top_is_read_back_and_counts_as_sound():
    again = read(to_bytes(GOOD))
    for name, array in GOOD.top.arrays.items():
        np.testing.assert_array_equal(again.top.arrays[name], array)
    assert again.top.minutes == 1.5 and again.digest == GOOD.digest and to_bytes(again) == to_bytes(GOOD)
    others = [small_instrument(), small_instrument(top=tops.flat(1e-9, share=0.3))]
    assert len({GOOD.digest, *(other.digest for other in others)}) == 3


def test_without_a_top_the_file_is_of_version_1_as_before_and_with_one_older_readers_say_why():
    for instrument, version in ((small_instrument(), 1), (GOOD, 2)):
        with zipfile.ZipFile(io.BytesIO(to_bytes(instrument))) as file:
            assert json.loads(file.read("instrument.json"))["format_version"] == version
            assert ("top.safetensors" in file.namelist()) == (version == 2)


ABOUT = {"version": 1, "n_bands": 28, "minutes": 1.5}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (with_array("bias", np.full(28, np.nan, np.float32)), "top bias contains NaN"),
        (with_array("kernel", np.zeros((14, 27), np.float32)), "top kernel is float32 of shape"),
        (with_array("extra", np.zeros(28, np.float32)), "unknown arrays"),
        (with_array("harmonic_share", np.full(28, 1.5, np.float32)), "no sound has"),
        (with_array("most", np.full(28, 1e6, np.float32)), "no sound has"),
        (with_array("least", np.full(28, 1.0, np.float32)), "contradict each other"),
        (with_array("scale", np.zeros(14, np.float32)), "contradict each other"),
        (with_array("bias", np.zeros(100_000, np.float32)), "at most 262.1 kB are read"),
        (with_top(b"\x00" * 16), "no valid header"),
        (packed(members() | {"top.safetensors": b"changed"}), "SHA-256"),
        (with_manifest(top=[]), "must have version"),
        (with_manifest(top=ABOUT | {"version": 9}), "top has version 9"),
        (with_manifest(top=ABOUT | {"n_bands": "many"}), "must hold numbers"),
        (with_manifest(top=ABOUT | {"n_bands": 27}), "its manifest says otherwise"),
        (with_manifest(top=ABOUT | {"minutes": -1}), "how many minutes"),
        (with_manifest(format_version=1), "format version"),
        (with_manifest(format_version=3), "this ddsing reads versions 1 and 2"),
        (without("top.safetensors"), "top doesn.t match its manifest"),
    ],
)
def test_hostile_tops_are_refused_in_a_sentence(data, sentence):
    with pytest.raises(InstrumentError, match=sentence):
        open_any(data)


def test_the_library_gives_and_takes_a_top_and_keeps_the_file_as_it_was(tmp_path):
    workspace = Workspace(tmp_path)
    for folder in (workspace.instruments, workspace.cache):
        folder.mkdir()
    library = Library(workspace)
    library.add(small_instrument(), name="small")
    before = library.get("small").digest
    given = library.put_top("small", GOOD.top)
    assert given.top == ABOUT and library.get("small").top is not None
    assert Library(workspace).find("small").top == ABOUT
    library.put_top("small", None)
    assert library.get("small").digest == before and library.find("small").top is None
    assert len(list((workspace.instruments / ".trash").rglob("*.zip"))) == 2


def test_the_command_line_says_that_there_is_one(tmp_path, capsys):
    path = tmp_path / "wide.zip"
    path.write_bytes(to_bytes(GOOD))
    assert main(["instrument", "inspect", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["top"] == ABOUT
    assert main(["instrument", "inspect", str(path)]) == 0
    assert "sings up to 24 kHz: its top has 28 bands, from 1 min 30 s of recordings" in capsys.readouterr().out


def test_the_audition_is_heard_at_48_khz():
    from tests.support.tiny_workspace import tiny_instrument

    plain = tiny_instrument("one")
    low, high = (
        soundfile.read(io.BytesIO(Models().audition(one))) for one in (plain, plain.replaced(top=tops.flat(1e-7)))
    )
    assert (low[1], high[1]) == (16_000, 48_000) and len(high[0]) == 3 * len(low[0])
    assert 10 * np.log10(tops.band_density(high[0], 12_000, 20_000) / 1e-7) == pytest.approx(0.0, abs=0.5)
