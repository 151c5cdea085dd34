"""The library's list: what was read of a file is not read again, in this process or the next, until it changes."""

import builtins
import json
import os
from collections import Counter

import pytest

from ddsing.instrument import archive, index, library
from ddsing.instrument.library import Library
from ddsing.workspace import Workspace
from tests.hostile.builders import notebook_members, packed
from tests.support import tiny_workspace
from tests.support.z_models import some_space, z_instrument


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    Library(workspace).add(z_instrument(latent=some_space()), name="Listener")
    (workspace.instruments / "old.zip").write_bytes(packed(notebook_members()))
    return workspace


@pytest.fixture
def opened(monkeypatch):
    """How often each zip is opened."""
    count, real = Counter(), archive._opened

    def counted(path):
        count[path.name] += 1
        return real(path)

    monkeypatch.setattr(archive, "_opened", counted)
    return count


def restarted():
    library._summaries.clear()
    library._refusals.clear()


def test_nothing_is_opened_again_until_it_changes(workspace, opened):
    first = Library(workspace).list()
    assert set(opened) >= {"old.zip", "Listener.zip", "First voice.zip"}
    opened.clear()
    assert Library(workspace).list() == first and not opened
    restarted()
    again = Library(workspace).list()
    assert not opened, "the index has them"
    assert [entry.name for entry in again] == [entry.name for entry in first]
    for one, other in zip(again, first):
        assert (one.config, one.provenance, one.warnings, one.bloated, one.changed_s) == (
            *(other.config, other.provenance, other.warnings, other.bloated, other.changed_s),
        )
        for part in ("statistics", "latent"):
            here, there = getattr(one, part), getattr(other, part)
            assert (here and here.to_json()) == (there and there.to_json())
    Library(workspace).edit("Listener", notes="changed")
    restarted()
    opened.clear()
    found = {entry.name: entry for entry in Library(workspace).list()}
    assert set(opened) == {"Listener.zip"} and found["Listener"].provenance.notes == "changed"


@pytest.mark.slow
def test_a_thousand_are_remembered_without_being_read_again(workspace, opened):
    source = workspace.instruments / "First voice.zip"
    for number in range(200):
        os.link(source, workspace.instruments / f"Voice {number}.zip")
    Library(workspace).list()
    opened.clear()
    assert len(Library(workspace).list()) == 204 and not opened


def test_of_a_large_file_only_what_a_list_shows_is_read(workspace, monkeypatch, tmp_path):
    members = notebook_members() | {"more.bin": os.urandom(3_000_000)}
    path = tmp_path / "large.zip"
    path.write_bytes(packed(members))
    read, real = [], archive.Window.__getitem__

    def counted(window, place):
        found = real(window, place)
        read.append(len(found))
        return found

    monkeypatch.setattr(archive.Window, "__getitem__", counted)
    with archive.peek(path) as peeked:
        assert set(peeked.members) == set(archive.open_archive(path).members)
    assert 0 < sum(read) < 100_000


def test_a_damaged_index_means_that_all_is_read_again(workspace):
    first = [entry.name for entry in Library(workspace).list() if not entry.error]
    path = workspace.cache / "instruments" / index.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    wrong = [
        b"\x00\xff\n",
        b"[1]\n",
        lines[0][:-20] + b"\n",
        json.dumps(json.loads(lines[1]) | {"summary": {"name": 7}}).encode() + b"\n",
        json.dumps(json.loads(lines[2]) | {"version": "0.0"}).encode() + b"\n",
        lines[3][:-30],
    ]
    path.write_bytes(b"".join(wrong))
    restarted()
    assert [entry.name for entry in Library(workspace).list() if not entry.error] == first
    restarted()
    assert [entry.name for entry in Library(workspace).list() if not entry.error] == first


@pytest.mark.slow
def test_the_index_does_not_grow_for_ever(workspace):
    for number in range(60):
        Library(workspace).edit("Listener", notes=f"{number}")
        Library(workspace).list()
    path = workspace.cache / "instruments" / index.NAME
    assert len(path.read_bytes().splitlines()) <= 2 * 4 + 20
    restarted()
    assert {entry.name: entry for entry in Library(workspace).list()}["Listener"].provenance.notes == "59"


def test_without_a_cache_to_write_all_is_listed(workspace, monkeypatch):
    def refusing(real):
        def refused(file, *arguments, **options):
            if str(file).endswith(index.NAME):
                raise PermissionError(13, "Permission denied")
            return real(file, *arguments, **options)

        return refused

    monkeypatch.setattr(builtins, "open", refusing(open))
    monkeypatch.setattr(index.os, "open", refusing(os.open))
    assert len(Library(workspace).list()) == 4
