"""One person in one file, to move them from one server to another: their workspace, and who they are.

It is a zip that packs nothing, so that nothing can unpack to more than it is: ``person.json``, then the files of the
workspace below ``workspace/``, then ``times.json`` with the nanosecond at which each was changed, by which a dataset
knows its recordings. What can be computed again is left out.

Writing is whole or not at all. Reading trusts nothing: all headers are checked before a byte is written
(`ddsing.instrument.zip_headers`), names lead nowhere else, nothing is a link, members neither overlap nor have one
name, and a checksum is compared with each. What is read lands in a hidden folder, and is in its place in one step.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import time
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ddsing import __version__, files, names, storage
from ddsing.errors import DdsingError, DiskFull, InstrumentError
from ddsing.hosting import admission
from ddsing.hosting.people import Person
from ddsing.hosting.site import Site
from ddsing.instrument import zip_headers
from ddsing.instrument.archive import Window
from ddsing.instrument.zip_headers import Entry
from ddsing.jobs.store import JobStore
from ddsing.units import format_bytes
from ddsing.workspace import FOLDERS, Workspace

FORMAT, VERSION = "ddsing person", 1
PERSON, TIMES, BELOW = "person.json", "times.json", "workspace/"
TAKEN_ALONG = (*FOLDERS, "presets", "jobs", ".cache")  # of what a workspace holds; no settings, which may name programs
MAX_ENTRIES = 2_000_000
MAX_DEPTH = 40
_MAX_JSON_BYTES = 512 * 2**20
_PIECE_BYTES = 2**20
_IMPORTING = ".importing"


class ParcelError(DdsingError):
    """A person who can't be moved, or a file that is not one."""


@dataclass(frozen=True)
class Moved:
    """What was moved: of whom, how much, and what of the workspace was left behind."""

    person: Person
    n_files: int
    n_bytes: int
    left_out: tuple[str, ...] = ()


# Out


def write(site: Site, person: Person, path: Path) -> Moved:
    """Write a person into a new file, which only this account can read.

    Raises
    ------
    ParcelError
        With a live job, something that is no plain file, or where `path` is taken or can't be written to.
    """
    workspace = Workspace(site.member_folder(person.workspace))
    _refuse_live(person, workspace)
    found = list(_walk(workspace))
    before = os.umask(0o077)
    try:
        with files.atomic(path, new=True) as file:
            n_files, n_bytes = _pack(file, person, workspace, found)
    except FileExistsError:
        raise ParcelError(f"{str(path)!r} exists already, and stays as it is. Choose another name.") from None
    except OSError as error:
        raise ParcelError(f"{str(path)!r} can't be written: {error.strerror or error}.") from None
    finally:
        os.umask(before)
    left_out = sorted(names.read(one.name) for one in _children(workspace.root) if one.name not in TAKEN_ALONG)
    return Moved(person, n_files, n_bytes, tuple(left_out))


def _refuse_live(person: Person, workspace: Workspace) -> None:
    live = JobStore(workspace).live()
    if live:
        number = f"{len(live)} live job{'' if len(live) == 1 else 's'}"
        raise ParcelError(f"{person.called} has {number}: wait for the end, or stop with `jobs stop`, then try again.")


def _walk(workspace: Workspace) -> Iterator[tuple[Path, os.stat_result]]:
    """All folders and files to take along, a folder before what is in it."""
    left = {workspace.cache / name for name in storage.COMPUTED}
    todo = [workspace.root / name for name in reversed(TAKEN_ALONG) if (workspace.root / name).is_dir()]
    while todo:
        path = todo.pop()
        with contextlib.suppress(FileNotFoundError):  # it went away meanwhile
            facts = path.lstat()
            if stat.S_ISDIR(facts.st_mode):
                if path in left:
                    continue
                todo += sorted(_children(path), reverse=True)
            elif not stat.S_ISREG(facts.st_mode):
                place = names.shown(str(path.relative_to(workspace.root)))
                raise ParcelError(f"{place!r} is a link or a device, which can't be exported: remove it first.")
            yield path, facts


def _children(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder) if not files.is_temporary(name)]
    except FileNotFoundError:
        return []


def _pack(
    file: IO[bytes], person: Person, workspace: Workspace, found: list[tuple[Path, os.stat_result]]
) -> tuple[int, int]:
    times: dict[str, int] = {}
    n_bytes = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_info(PERSON), json.dumps(_record(person), indent=1))
        for path, facts in found:
            name = BELOW + names.read(path.relative_to(workspace.root).as_posix())
            if stat.S_ISDIR(facts.st_mode):
                archive.writestr(_info(f"{name}/"), b"")
                continue
            with contextlib.suppress(FileNotFoundError), open(path, "rb") as source:  # it went away meanwhile
                info = _info(name)
                info.file_size = facts.st_size
                with archive.open(info, "w", force_zip64=facts.st_size > 2**31) as target:
                    shutil.copyfileobj(source, target, _PIECE_BYTES)
                times[name] = facts.st_mtime_ns
                n_bytes += info.file_size
        archive.writestr(_info(TIMES), json.dumps(times))
    return len(times), n_bytes


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (0o40700 if name.endswith("/") else 0o100600) << 16
    return info


def _record(person: Person) -> dict[str, Any]:
    kept = ("issuer", "subject", "name", "address", "created_s", "seen_s")
    about = {"format": FORMAT, "version": VERSION, "ddsing": __version__, "exported_s": time.time()}
    return about | {name: getattr(person, name) for name in kept}


# In


def read(site: Site, path: Path) -> Moved:
    """Add the person in a file to this server; with any mistake nothing is added, and what is here stays.

    Raises
    ------
    ParcelError
        Where the file is no export, is damaged, or was put together to do harm; where the person or a folder of theirs
        is here already.
    DiskFull
        Without room for it.
    """
    _refuse_other_account(site.config.root)
    with _opened(path) as window:
        members = _members(window, path)
        record = _person_of(window, members, path)
        times = _document(window, members, TIMES, path)
        _refuse_known(site, record)
        inside = {name: one for name, one in members.items() if name.startswith(BELOW)}
        n_bytes = sum(entry.n_bytes for entry in inside.values())
        _require_room(site.config.root, n_bytes)
        with _beside(site.config.root) as folder:
            _unpack(window, inside, times, folder, path)
            person = _added(site, record, folder)
    return Moved(person, sum(not name.endswith("/") for name in inside), n_bytes)


def _refuse_other_account(root: Path) -> None:
    """What another account imports, the server could not write to."""
    if hasattr(os, "geteuid") and root.stat().st_uid != os.geteuid():  # Windows has no such numbers
        raise ParcelError(f"{str(root)!r} belongs to another account: run this as the account that the server has.")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Window]:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise ParcelError(f"{str(path)!r} can't be opened: {error.strerror}.") from None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise ParcelError(f"{str(path)!r} is not a file.")
    with os.fdopen(descriptor, "rb") as file:
        yield Window(file, facts.st_size)


def _members(window: Window, path: Path) -> dict[str, Entry]:
    """All members by their names, folders with a slash at the end; checked, and none of them read yet."""
    found: dict[str, Entry] = {}
    try:
        directory = zip_headers.directory_of(window[:8], window[-zip_headers.MAX_TAIL_BYTES :], len(window))
        if directory.n_entries > MAX_ENTRIES:
            raise _strange(path, "it claims to have too many files")
        for entry in zip_headers.entries(window, directory):
            name = _checked_name(entry, path)
            if name in found:
                raise _strange(path, f"it has {zip_headers.shown(name)} twice")
            found[name] = entry
    except InstrumentError:
        raise _strange(path, "it is not a zip, is cut short or was changed") from None
    end = 0
    for entry in sorted(found.values(), key=lambda one: one.span_start):
        if entry.span_start < end:
            raise _strange(path, "its files overlap")
        end = entry.end
    for name in found:
        if any(f"{parent}" in found for parent in PurePosixPath(name).parents):
            raise _strange(path, f"{zip_headers.shown(name)} is inside a file")
    return found


def _checked_name(entry: Entry, path: Path) -> str:
    """A member's name, if it is one that `write` would give."""
    shown = zip_headers.shown(entry.raw_name)
    mode = stat.S_IFMT(entry.unix_mode)
    if entry.method != zip_headers.STORED:
        raise _strange(path, f"{shown} is packed, which an export never is")
    try:
        name = entry.raw_name.decode("utf-8")
    except UnicodeDecodeError:
        raise _strange(path, "a name in it is not UTF-8") from None
    folder = name.endswith("/")
    if mode not in (0, stat.S_IFDIR if folder else stat.S_IFREG) or (folder and entry.n_bytes):
        raise _strange(path, f"{shown} is a link or a device")
    parts = name.removesuffix("/").split("/")
    long = any(len(os.fsencode(names.on_disk(part))) > files.MAX_NAME_BYTES for part in parts)
    if any(part in ("", ".", "..") or "\0" in part for part in parts) or len(parts) > MAX_DEPTH or long:
        raise _strange(path, f"{shown} is a name that leads elsewhere")
    if name not in (PERSON, TIMES) and not (f"{parts[0]}/" == BELOW and len(parts) > 1 and parts[1] in TAKEN_ALONG):
        raise _strange(path, f"{shown} does not belong into it")
    return name


def _person_of(window: Window, members: Mapping[str, Entry], path: Path) -> Person:
    document = _document(window, members, PERSON, path)
    if document.get("format") != FORMAT:
        raise _strange(path, "it does not name a person")
    if document.get("version") != VERSION:
        raise ParcelError(f"{str(path)!r} was made by another version of ddsing, {document.get('ddsing')!r:.20}.")
    claims = {"iss": document.get("issuer"), "sub": document.get("subject"), "iat": 1.0}
    known = admission.identity({**claims, "name": document.get("name"), "email": document.get("address")})
    moments = [document.get(name) for name in ("created_s", "seen_s")]
    if known is None or not all(map(_is_moment, moments)):
        raise _strange(path, "it does not name a person")
    workspace = admission.workspace(known.issuer, known.subject)
    about = (known.issuer, known.subject, known.name, known.address, "member", workspace)
    return Person(0, *about, 0, False, *map(float, moments))  # type: ignore[arg-type]


def _is_moment(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11


def _document(window: Window, members: Mapping[str, Entry], name: str, path: Path) -> dict[str, Any]:
    entry = members.get(name)
    if entry is None or entry.n_bytes > _MAX_JSON_BYTES:
        raise _strange(path, f"it has no {name}")
    try:
        document = json.loads(b"".join(_content(window, entry, path)))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _strange(path, f"its {name} can't be read")
    return document


def _content(window: Window, entry: Entry, path: Path) -> Iterator[bytes]:
    """A member's bytes in pieces; the checksum is compared at the end."""
    crc = 0
    for start in range(entry.start, entry.end, _PIECE_BYTES):
        piece = window[start : min(start + _PIECE_BYTES, entry.end)]
        crc = zlib.crc32(piece, crc)
        yield piece
    if crc != entry.crc:
        raise _strange(path, f"{zip_headers.shown(entry.raw_name)} does not match its checksum")


def _refuse_known(site: Site, record: Person) -> None:
    known = next((one for one in site.people.list() if one.workspace == record.workspace), None)
    if known is not None:
        raise ParcelError(
            f"{known.called} is on this server already, as number {known.id}; their work here stays as it is, and "
            "nothing was imported. Import people before they sign in for the first time."
        )
    folder = site.member_folder(record.workspace)
    if os.path.lexists(folder):
        raise ParcelError(f"{str(folder)!r} is there already and stays as it is. Move it elsewhere, then try again.")


def _require_room(root: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(root).free
    if free < n_bytes * 1.05:
        raise DiskFull(f"This needs {format_bytes(n_bytes)}, but only {format_bytes(free)} are free. Free some space.")


@contextlib.contextmanager
def _beside(root: Path) -> Iterator[Path]:
    """A new hidden folder on the disk of the workspaces; what is still there in the end is removed."""
    folder = root / _IMPORTING / uuid.uuid4().hex
    try:
        folder.mkdir(mode=0o700, parents=True)
        yield folder
    except OSError as error:
        raise ParcelError(f"It can't be imported: {error.strerror or error}. Nothing was changed.") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


def _unpack(window: Window, inside: Mapping[str, Entry], times: Mapping[str, Any], folder: Path, path: Path) -> None:
    made = {folder}
    for name, entry in sorted(inside.items()):
        target = folder.joinpath(*map(names.on_disk, name.removeprefix(BELOW).rstrip("/").split("/")))
        parent = target if name.endswith("/") else target.parent
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made.add(parent)
        if parent is target:
            continue
        with open(
            os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb"
        ) as file:
            for piece in _content(window, entry, path):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        changed_ns = times.get(name)
        if isinstance(changed_ns, int) and 0 <= changed_ns < 2**62:
            os.utime(target, ns=(changed_ns, changed_ns))
    for one in made:
        files.flush(one)


def _added(site: Site, record: Person, folder: Path) -> Person:
    """The person, added in one transaction in which the workspace moves into its place; or neither happens."""
    target = site.member_folder(record.workspace)
    placed = False

    def place(person: Person) -> None:
        nonlocal placed
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            files.move_exclusively(folder, target)
        except FileExistsError:
            raise ParcelError(
                f"{str(target)!r} is there already and stays as it is. Move it elsewhere first."
            ) from None
        placed = True
        files.flush(target.parent)

    try:
        return site.people.add(record, place=place)
    except BaseException:
        if placed:
            files.move(target, folder)
        raise


def _strange(path: Path, why: str) -> ParcelError:
    return ParcelError(f"{str(path)!r} is not a whole export of a person: {why}. Export it again with `users export`.")
