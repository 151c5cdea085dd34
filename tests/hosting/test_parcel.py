"""A person in one file: whole on the other server, or nothing there; and no file does harm."""

import errno
import io
import json
import os
import stat
import time
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ddsing import files
from ddsing.errors import DdsingError, DiskFull
from ddsing.hosting import admission, audit, parcel
from ddsing.hosting.parcel import ParcelError
from ddsing.hosting.site import open_site
from ddsing.workspace import Workspace, open_workspace
from tests.hosting.test_admission import CLAIMS
from tests.hosting.test_config import PROVIDER, read
from tests.hosting.test_probes import job

posix = pytest.mark.skipif(os.name != "posix", reason="files have no modes there")
TEXT = "[login]\neverybody = true\n" + PROVIDER


@pytest.fixture
def sites(tmp_path):
    """Two servers."""
    made = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        made.append(open_site(read(tmp_path / name, TEXT)))
    yield made
    for site in made:
        site.engine.dispose()


def enter(site, subject="ann"):
    found = admission.identity({**CLAIMS, "sub": subject, "name": subject.title(), "iat": time.time()})
    return site.people.enter(found, "member").person


@pytest.fixture
def ann(sites):
    """Somebody with work of every kind, under names of every kind."""
    person = enter(sites[0])
    workspace = open_workspace(sites[0].member_folder(person.workspace))
    for name, content in {
        "audio/Aria/one.wav": b"one" * 1000,
        "audio/Aria/.trash/0123/two.wav": b"two",
        "audio/cancio\u0301n/nin\u0303o.wav": b"",
        "experiments/20261126-120000/take.json": b"{}",
        ".cache/choices.json": b'{"x": 1}',
        ".cache/features/big.npz": b"can be made again",
    }.items():
        path = workspace.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))
    if os.name == "posix":
        (workspace.audio / "Aria" / os.fsdecode(b"canci\xf3n \\ :.wav")).write_bytes(b"an old disk's")
    (workspace.audio / "Empty voice").mkdir()
    (workspace.root / "engine.toml").write_text('kind = "slurm"')
    (workspace.audio / f".{'0' * 32}.tmp").write_bytes(b"of a crash")
    job(workspace, "20261126-120000-prepare-abcdef", "done")
    return person


def tree(root):
    """Everything below a folder: content and time of change of each file."""
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) if path.is_file() else None
        for path in root.rglob("*")
    }


def kept(site, person):
    """What is to arrive."""
    found = tree(site.member_folder(person.workspace))
    left = ("engine.toml", "audio/.000", *(f".cache/{name}" for name in ("features", "instruments")))
    return {name: value for name, value in found.items() if not name.startswith(left)}


def state(site):
    """All of a server: folders, people and log."""
    there = {name for name in tree(site.config.root) if not name.startswith("ddsing.db")}
    return there, site.people.list(), audit.newest(site.engine)


def test_what_leaves_arrives(sites, ann, tmp_path):
    here, there = sites
    enter(there, "bob")
    moved = parcel.write(here, ann, tmp_path / "ann.zip")
    assert moved.left_out == ("engine.toml",) and moved.n_files > 6
    came = parcel.read(there, tmp_path / "ann.zip")
    assert (came.n_files, came.n_bytes) == (moved.n_files, moved.n_bytes)
    arrived = tree(there.member_folder(ann.workspace))
    assert arrived == kept(here, ann)
    assert (there.member_folder(ann.workspace) / "audio" / "Empty voice").is_dir()
    person = next(one for one in there.people.list() if one.subject == "ann")
    assert (person.id, person.workspace, person.role) == (
        came.person.id,
        ann.workspace,
        "member",
    ) and person.id != ann.id
    assert (person.name, person.created_s) == (ann.name, ann.created_s)
    assert audit.newest(there.engine)[0].what == "imported"
    assert enter(there).id == person.id
    assert not (there.config.root / ".importing").exists()


@posix
def test_only_this_account_can_read_it(sites, ann, tmp_path):
    parcel.write(sites[0], ann, tmp_path / "ann.zip")
    assert stat.S_IMODE((tmp_path / "ann.zip").stat().st_mode) == 0o600
    parcel.read(sites[1], tmp_path / "ann.zip")
    for path in sites[1].member_folder(ann.workspace).rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_who_never_opened_a_page_can_be_moved(sites, tmp_path):
    person = enter(sites[0], "new")
    assert parcel.write(sites[0], person, tmp_path / "new.zip").n_files == 0
    parcel.read(sites[1], tmp_path / "new.zip")
    assert open_workspace(sites[1].member_folder(person.workspace)).audio.is_dir()


def test_live_jobs_are_waited_for(sites, ann, tmp_path):
    workspace = Workspace(sites[0].member_folder(ann.workspace))
    folder = job(workspace, "20261126-130000-train-abcdef", "running")
    lock = folder.take()
    try:
        with pytest.raises(ParcelError, match="1 live job"):
            parcel.write(sites[0], ann, tmp_path / "ann.zip")
    finally:
        lock.release()
    assert not (tmp_path / "ann.zip").exists()


@posix
def test_a_link_is_not_followed(sites, ann, tmp_path):
    (tmp_path / "secret").write_text("of somebody else")
    (sites[0].member_folder(ann.workspace) / "audio" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ParcelError, match="'audio/link' is a link"):
        parcel.write(sites[0], ann, tmp_path / "ann.zip")


def test_a_file_that_is_there_stays(sites, ann, tmp_path):
    (tmp_path / "ann.zip").write_bytes(b"mine")
    with pytest.raises(ParcelError, match="exists already"):
        parcel.write(sites[0], ann, tmp_path / "ann.zip")
    assert (tmp_path / "ann.zip").read_bytes() == b"mine"
    with pytest.raises(ParcelError, match="can't be written"):
        parcel.write(sites[0], ann, tmp_path / "nowhere" / "ann.zip")


def test_who_is_here_already_loses_nothing(sites, ann, tmp_path):
    here, there = sites
    parcel.write(here, ann, tmp_path / "ann.zip")
    parcel.read(there, tmp_path / "ann.zip")
    (there.member_folder(ann.workspace) / "audio" / "new.wav").write_bytes(b"since then")
    before = state(there)
    with pytest.raises(ParcelError, match="on this server already, as number 1"):
        parcel.read(there, tmp_path / "ann.zip")
    assert state(there) == before


def test_a_folder_that_nobody_owns_stays(sites, ann, tmp_path):
    here, there = sites
    parcel.write(here, ann, tmp_path / "ann.zip")
    there.member_folder(ann.workspace).mkdir(parents=True)
    before = state(there)
    with pytest.raises(ParcelError, match="stays as it is"):
        parcel.read(there, tmp_path / "ann.zip")
    assert state(there) == before


@posix
def test_another_account_than_the_server_s_imports_nothing(sites, ann, tmp_path, monkeypatch):
    parcel.write(sites[0], ann, tmp_path / "ann.zip")
    before, account = state(sites[1]), os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: account + 1)
    with pytest.raises(ParcelError, match="run this as the account that the server has"):
        parcel.read(sites[1], tmp_path / "ann.zip")
    assert state(sites[1]) == before
    monkeypatch.delattr(os, "geteuid")
    assert parcel.read(sites[1], tmp_path / "ann.zip").n_files > 6


def test_without_room_nothing_begins(sites, ann, tmp_path, monkeypatch):
    parcel.write(sites[0], ann, tmp_path / "ann.zip")
    before = state(sites[1])
    monkeypatch.setattr(parcel.shutil, "disk_usage", lambda path: _Usage())
    with pytest.raises(DiskFull, match="are free"):
        parcel.read(sites[1], tmp_path / "ann.zip")
    assert state(sites[1]) == before


class _Usage:
    free = 10


@pytest.mark.parametrize("after", [0, 3])
def test_a_disk_that_fills_up_leaves_nothing(sites, ann, tmp_path, monkeypatch, after):
    parcel.write(sites[0], ann, tmp_path / "ann.zip")
    before, calls = state(sites[1]), []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > after:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(parcel.os, "fsync", full)
    with pytest.raises(ParcelError, match="No space left"):
        parcel.read(sites[1], tmp_path / "ann.zip")
    monkeypatch.undo()
    assert state(sites[1]) == before


def test_a_database_that_fails_at_the_end_leaves_nothing(sites, ann, tmp_path, monkeypatch):
    parcel.write(sites[0], ann, tmp_path / "ann.zip")
    before = state(sites[1])
    monkeypatch.setattr(files, "flush", lambda path: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
    with pytest.raises(DdsingError):
        parcel.read(sites[1], tmp_path / "ann.zip")
    monkeypatch.undo()
    assert state(sites[1])[1:] == before[1:] and not sites[1].member_folder(ann.workspace).exists()


# Files that others have made


def member(name, content=b"x", *, mode=0o100600, packed=False):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    return info, content


def record(**changes):
    about = {"format": parcel.FORMAT, "version": parcel.VERSION, "ddsing": "9", "issuer": "https://x", "subject": "ann"}
    return member(
        "person.json", json.dumps({**about, "created_s": 1.0, "seen_s": 2.0, "name": "Ann", **changes}).encode()
    )


TIMES = member("times.json", b"{}")
WHOLE = [record(), member("workspace/audio/a.wav"), TIMES]


def archive(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for info, content in members:
            made.writestr(info, content)
    return buffer.getvalue()


def test_the_least_that_is_accepted(sites, tmp_path):
    (tmp_path / "x.zip").write_bytes(archive(WHOLE))
    assert parcel.read(sites[1], tmp_path / "x.zip").n_files == 1


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "members",
    [
        *(
            [*WHOLE, member(name)]
            for name in (
                "workspace/audio/../../../../evil",
                "../evil",
                "/workspace/audio/evil",
                "workspace//audio/evil",
                "workspace/./audio/evil",
                "workspace/engine.toml",
                "workspace/.hosting/cookie_secret",
                "workspace/",
                "workspace",
                "evil",
                "workspace\\audio\\evil",
                "workspace/audio/" + "x" * 300,
                "workspace/audio/" + "x/" * 60 + "x",
                "workspace/audio/a.wav/inside",
                "workspace/audio",
            )
        ),
        [*WHOLE, member("workspace/audio/a.wav", b"twice")],
        [*WHOLE, member("workspace/audio/link", b"/etc/passwd", mode=0o120777)],
        [*WHOLE, member("workspace/audio/pipe", b"", mode=0o010600)],
        [*WHOLE, member("workspace/audio/folder/", b"", mode=0o100600)],
        [*WHOLE, member("workspace/audio/bomb", bytes(10**6), packed=True)],
        WHOLE[1:],
        WHOLE[:2],
        [record(format="other"), *WHOLE[1:]],
        [record(version=2), *WHOLE[1:]],
        [record(issuer=""), *WHOLE[1:]],
        [record(subject=7), *WHOLE[1:]],
        [record(subject="x" * 501), *WHOLE[1:]],
        [record(created_s="x"), *WHOLE[1:]],
        [record(seen_s=float("nan")), *WHOLE[1:]],
        [record(seen_s=True), *WHOLE[1:]],
        [member("person.json", b"[" * 100_000), *WHOLE[1:]],
        [member("person.json", b"\xff"), *WHOLE[1:]],
        [],
    ],
)
def test_a_file_that_is_none_is_refused_and_changes_nothing(sites, tmp_path, members):
    (tmp_path / "x.zip").write_bytes(archive(members))
    before = state(sites[1])
    with pytest.raises(ParcelError) as raised:
        parcel.read(sites[1], tmp_path / "x.zip")
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")
    assert state(sites[1]) == before and not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("content", [b"", b"PK", b"hello", b"\x1f\x8b" + bytes(100), bytes(1000)])
def test_what_is_no_zip_gets_a_sentence(sites, tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(ParcelError, match="users export"):
        parcel.read(sites[1], tmp_path / "x.zip")
    for path in (tmp_path / "none.zip", tmp_path):
        with pytest.raises(ParcelError):
            parcel.read(sites[1], path)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.data())
def test_a_file_that_was_cut_or_changed_is_refused_or_the_same(sites, ann, tmp_path, data):
    path = tmp_path / "changed.zip"
    whole = tmp_path / "whole.zip"
    if not whole.exists():
        parcel.write(sites[0], ann, whole)
    content = bytearray(whole.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:place]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    folder = sites[1].member_folder(ann.workspace)
    try:
        parcel.read(sites[1], path)
    except ParcelError:
        assert not folder.exists() and not sites[1].people.list()
        return
    assert tree(folder) == kept(sites[0], ann)
    folder.rename(tmp_path / f"done {time.monotonic_ns()}")
    with sites[1].engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM people")
