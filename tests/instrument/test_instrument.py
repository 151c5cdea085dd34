"""The native format, the zip reader, and the library; safetensors and zipfile are the oracles of what is written."""

import hashlib
import io
import json
import os
import stat
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load as load_safetensors

from ddsing.cli import main
from ddsing.errors import DdsingError, InstrumentError
from ddsing.instrument import Provenance, open_any, read, read_summary, to_bytes, write
from ddsing.instrument.archive import open_archive
from ddsing.instrument.library import Library
from ddsing.workspace import Workspace
from tests.hostile.builders import (
    GOLDEN,
    RawZip,
    native_members,
    notebook_members,
    packed,
    small_config,
    small_instrument,
    small_weights,
)


@pytest.fixture
def library(tmp_path):
    workspace = Workspace(tmp_path)
    for folder in (workspace.instruments, workspace.cache):
        folder.mkdir()
    return Library(workspace)


def with_manifest(**changes) -> bytes:
    members = native_members()
    document = json.loads(members["instrument.json"]) | changes
    return packed(members | {"instrument.json": json.dumps(document).encode()})


def with_weights(data: bytes) -> bytes:
    members = native_members()
    document = json.loads(members["instrument.json"])
    document["members"]["weights.safetensors"]["sha256"] = hashlib.sha256(data).hexdigest()
    return packed(members | {"instrument.json": json.dumps(document).encode(), "weights.safetensors": data})


def test_what_is_written_is_read_back(tmp_path):
    provenance = Provenance("Ann", 40_000, 4.9, "Ann & Co", "CC0-1.0", "two\nlines", "2026-11-24", "ab" * 32, "native")
    instrument = small_instrument(provenance=provenance, gin_text="# nothing\n", warnings=("A sentence.",))
    write(instrument, tmp_path / "x.zip")
    again = read(tmp_path / "x.zip")
    assert (again.name, again.config, again.provenance) == ("small", instrument.config, provenance)
    assert (again.gin_text, again.warnings) == ("# nothing\n", ("A sentence.",))
    assert again.statistics.values == instrument.statistics.values
    np.testing.assert_array_equal(again.statistics.quantiles, instrument.statistics.quantiles)
    for name, shape in instrument.config.weight_shapes().items():
        assert again.weights[name].shape == shape and again.weights[name].dtype == np.float32
        np.testing.assert_array_equal(again.weights[name], instrument.weights[name])
    assert again.digest == instrument.digest
    assert read_summary(tmp_path / "x.zip").provenance == provenance
    assert list(tmp_path.iterdir()) == [tmp_path / "x.zip"]


def test_the_same_instrument_gives_the_same_bytes_that_others_read():
    instrument = small_instrument()
    data = to_bytes(instrument)
    assert data == to_bytes(read(data))
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        document = json.loads(file.read("instrument.json"))
        weights = file.read("weights.safetensors")
    assert document["members"]["weights.safetensors"]["sha256"] == hashlib.sha256(weights).hexdigest()
    theirs = load_safetensors(weights)
    assert sorted(theirs) == sorted(instrument.config.weight_shapes())
    for name, array in theirs.items():
        np.testing.assert_array_equal(array, instrument.weights[name])
    assert not any(word in data for word in (os.uname().nodename.encode(), str(GOLDEN.parent).encode()))


def test_the_digest_is_of_what_sounds():
    instrument = small_instrument()
    assert instrument.replaced(name="other", provenance=Provenance(notes="x")).digest == instrument.digest
    others = [
        instrument.replaced(weights=small_weights(instrument.config, seed=1)),
        instrument.replaced(statistics=None),
        instrument.replaced(config=small_config(noise_initial_bias=-4.0)),
    ]
    assert len({instrument.digest, *(other.digest for other in others)}) == 4


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (with_manifest(format_version=2), "format version 2"),
        (with_manifest(format="other"), "not written by ddsing"),
        (with_manifest(secret=1), "unknown entries"),
        (with_manifest(name="a\x1b[31m"), "printable"),
        (with_manifest(warnings=["x"] * 51), "at most 50"),
        (with_manifest(model=[]), "must be an object"),
        (packed(native_members() | {"weights.safetensors": b"changed"}), "needs about"),
        (packed(native_members() | {"evil.py": b"import os"}), "doesn't belong there"),
        (packed({"instrument.json": native_members()["instrument.json"]}), "don't match its manifest"),
        (packed(native_members() | {"instrument.json": b'{"a": 1, "a": 2}'}), "twice"),
        (packed(native_members() | {"instrument.json": b'{"a": NaN}'}), "not a number"),
        (packed({"readme.txt": b"hello"}), "no instrument.json"),
        (b"PK", "not a zip"),
        (b"", "not a zip"),
    ],
)
def test_broken_instruments_are_refused_in_a_sentence(data, sentence):
    with pytest.raises(InstrumentError, match=sentence):
        open_any(data)


def test_wrong_weights_are_refused():
    good = native_members()["weights.safetensors"]
    flipped = bytearray(good)
    flipped[-1] ^= 1
    with pytest.raises(InstrumentError, match="SHA-256 checksum doesn't match"):
        read(packed(native_members() | {"weights.safetensors": bytes(flipped)}))
    flipped[-4:] = np.float32(np.nan).tobytes()
    with pytest.raises(InstrumentError, match="NaN or infinite"):
        read(with_weights(bytes(flipped)))
    with pytest.raises(InstrumentError, match="has shape"):
        small_instrument().replaced(config=small_config(n_harmonics=6))
    with pytest.raises(InstrumentError, match="lacks"):
        small_instrument().replaced(config=small_config(layers_per_stack=2))
    with pytest.raises(InstrumentError, match="generation"):
        small_instrument().replaced(config=small_config(generation=1))


_LINK = (stat.S_IFLNK | 0o777) << 16


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (RawZip().add("a", b"x").add("a", b"y").done(), "twice"),
        (RawZip().add("a", b"x").add("A", b"y").done(), "twice"),
        (
            RawZip()
            .add("\u00e9", b"x", local={"flags": 0x800}, central={"flags": 0x800})
            .add("e\u0301", b"y", local={"flags": 0x800}, central={"flags": 0x800})
            .done(),
            "twice",
        ),
        (RawZip().add("a", b"x").add("a/b", b"y").done(), "both a file and a folder"),
        (RawZip().add("a", b"x").add("A/", b"").done(), "both a file and a folder"),
        (RawZip().add("a/b", b"x").add("a\\b", b"y").done(), "twice"),
        (RawZip().add("a", b"x", central={"attributes": _LINK}).done(), "link"),
        (RawZip().add("a", b"x", local={"flags": 1}, central={"flags": 1}).done(), "encrypted"),
        (RawZip().add("a", b"x", central={"name": b"b"}).done(), "contradict"),
        (RawZip().add("a", b"x", local={"crc": 1}).done(), "contradict"),
        (RawZip().add("a", b"x", local={"method": 12}, central={"method": 12}).done(), "bzip2"),
        (RawZip().add("a", b"x", local={"method": 9}, central={"method": 9}).done(), "deflate64"),
        (RawZip().add("a", b"x", local={"method": 77}, central={"method": 77}).done(), "method 77"),
        (RawZip().add("a/", b"x").done(), "contents itself"),
        (RawZip().add("a", b"x", local={"size": 2, "flags": 8}, central={"flags": 8}).done(), "contradict"),
        (RawZip().add("a", b"x", central={"size": 2**32 - 1}).done(), "ZIP64 size"),
        (RawZip().add("a", b"x").add("b", b"x", at=0).done(), "contradict|overlap"),
        (RawZip().add("../a", b"x").done(), "outside"),
        (RawZip().add("/a", b"x").done(), "outside"),
        (RawZip().add("C:a", b"x").done(), "outside"),
        (RawZip().add("a\\..\\..\\b", b"x").done(), "outside"),
        (RawZip().add("\\\\server\\b", b"x").done(), "outside"),
        (RawZip().add("a\0b", b"x").done(), "outside"),
        (RawZip().add("a", b"x").done(count=1025), "at most 1,024"),
        (packed({f"{number}": b"" for number in range(65)}), "at most 64"),
        (RawZip().done(), "empty"),
    ],
)
def test_zips_built_to_deceive_are_refused(data, sentence):
    with pytest.raises(InstrumentError, match=sentence):
        open_archive(data)


def test_members_that_lie_about_themselves_are_refused():
    wrong_crc = RawZip().add("a", b"x", local={"crc": 1}, central={"crc": 1}).done()
    longer = {"size": 3}
    lying = RawZip().add("a", b"hello" * 9, deflate=True, local=longer, central=longer).done()
    trailing = RawZip().add("a", b"hello", deflate=True, body=b"\x03\x00rest").done()
    thin = RawZip().add("a", bytes(2**20), deflate=True).done()
    for data in (wrong_crc, lying, trailing, thin):
        with pytest.raises(InstrumentError):
            open_archive(data).read("a")


def test_zips_of_other_programs_are_read(tmp_path):
    class Unseekable(io.RawIOBase):
        """Makes zipfile write the sizes after each member, as streaming programs do."""

        def __init__(self):
            self.data = b""

        def writable(self):
            return True

        def write(self, piece):
            self.data += bytes(piece)
            return len(piece)

    stream = Unseekable()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("folder/", b"")
        for name, data in native_members().items():
            file.writestr(name, data)
    assert read(stream.data).digest == small_instrument().digest


def test_a_folder_a_pipe_and_a_missing_file_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.zip")
    for name in ("", "pipe.zip", "missing.zip"):
        with pytest.raises(InstrumentError):
            read(tmp_path / name)


def test_the_library_imports_renames_edits_deletes_and_undoes(library):
    entry = library.import_file(packed(notebook_members()), "Old/../one")
    assert entry.error == "" and entry.config.generation == 1 and not entry.bloated and "/" not in entry.name
    second = library.import_file(to_bytes(small_instrument()), entry.name)
    assert second.name != entry.name
    renamed = library.rename(second.name, "Élan vital")
    assert renamed.name == "Élan vital"
    with pytest.raises(InstrumentError, match="already"):
        library.rename(renamed.name, entry.name)
    edited = library.edit(renamed.name, notes="two\nlines", author="Ann")
    assert (edited.provenance.notes, edited.provenance.author) == ("two\nlines", "Ann")
    assert library.get(renamed.name).digest == small_instrument().digest
    token = library.delete(renamed.name)
    assert [entry.name for entry in library.list()] == [entry.name]
    assert library.undo(token).name == renamed.name
    assert library.get(renamed.name).provenance.notes == "two\nlines"
    with pytest.raises(InstrumentError, match="No instrument named"):
        library.get("../Élan vital")
    with pytest.raises(DdsingError):
        library.undo("../../etc/passwd")


def test_an_entry_of_what_was_written_is_that_of_the_list(library):
    def told(entry):
        return replace(entry, statistics=None), entry.statistics.to_json()

    added = library.add(small_instrument())
    assert [told(entry) for entry in library.list()] == [told(added)]
    assert added.n_bytes == added.path.stat().st_size and library.find("Nobody") is None
    edited = library.edit(added.name, author="Ann")
    assert told(edited) == told(library.find(added.name)) != told(added)


def test_what_could_not_be_read_again_is_not_written(library):
    talkative = small_instrument().replaced(warnings=("It has this to say.",) * 51)
    with pytest.raises(InstrumentError, match="at most 50 sentences"):
        library.add(talkative)
    assert library.list() == []
    kept = library.add(small_instrument(), name="Kept")
    with pytest.raises(InstrumentError, match="at most 50 sentences"):
        library.replace("Kept", talkative)
    assert [entry.name for entry in library.list()] == [kept.name] and library.get("Kept").warnings == ()


def test_a_2021_zip_in_the_folder_is_converted_once_and_repaired(library, tmp_path, monkeypatch):
    path = tmp_path / "instruments" / "found.zip"
    original = packed(notebook_members(step=5) | notebook_members(step=12, seed=3))
    path.write_bytes(original)
    (entry,) = library.list()
    assert entry.bloated and entry.source_format == "notebook" and entry.provenance.step == 12
    assert "2 checkpoints" in entry.warnings[0]
    from ddsing.instrument import child

    monkeypatch.setattr(child, "convert_in_child", None)
    digest = library.get("found").digest
    repaired = library.repair("found")
    assert not repaired.bloated and repaired.n_bytes < len(original)
    assert library.get("found").digest == digest
    (kept,) = (tmp_path / "instruments" / ".trash").rglob("*.zip")
    assert kept.read_bytes() == original


def test_a_broken_zip_in_the_folder_is_listed_with_its_reason(library, tmp_path):
    (tmp_path / "instruments" / "bad.zip").write_bytes(packed({"ckpt-1.index": b"x"}))
    (tmp_path / "instruments" / "worse.zip").write_bytes(b"not a zip")
    bad, worse = library.list()
    assert "operative_config-0.gin" in bad.error and "not a zip" in worse.error
    assert library.list()[0].error == bad.error
    library.delete("worse")
    assert len(library.list()) == 1


@pytest.mark.slow
def test_the_command_line(tmp_path, capsys):
    def run(*arguments):
        status = main(["--workspace", str(tmp_path / "w"), "--json", "instrument", *map(str, arguments)])
        return status, capsys.readouterr()

    status, output = run("inspect", GOLDEN / "singing_2021.zip")
    document = json.loads(output.out)
    assert status == 0
    assert {"name", "format", "generation", "step", "model", "statistics", "warnings"} <= set(document)
    assert (document["name"], document["format"], document["generation"]) == ("singing_2021", "notebook", 1)
    assert document["step"] == 3 and document["model"]["n_harmonics"] == 40
    assert run("import", GOLDEN / "singing_2021.zip")[0] == 0
    names = [entry["name"] for entry in json.loads(run("list")[1].out)["instruments"]]
    assert "singing_2021" in names
    assert run("export", "singing_2021", "--out", tmp_path / "out.zip")[0] == 0
    assert json.loads(run("inspect", tmp_path / "out.zip")[1].out)["format"] == "native"
    assert run("delete", "singing_2021")[0] == 0
    status, output = run("delete", "singing_2021")
    assert status == 2 and "No instrument named" in output.err and "Traceback" not in output.err
    status, output = run("inspect", tmp_path / "none.zip")
    assert status == 2 and "No file" in output.err
