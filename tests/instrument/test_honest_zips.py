"""Zips of other programs: whatever bsdtar, Info-ZIP, 7-Zip and Python write and read is read here, clutter and all."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddsing.errors import InstrumentError
from ddsing.instrument import open_any, read, read_summary
from ddsing.instrument.archive import open_archive
from ddsing.instrument.convert import convert
from ddsing.instrument.opening import detect
from tests.hostile.builders import native_members, notebook_members, packed, small_instrument
from tests.support.archivers import ARCHIVERS, Habits, info_zip, program, run, written
from tests.support.patience import PATIENCE_S

CLUTTER = {
    "__MACOSX/voice/._instrument.json": b"\0\x05\x16\x07",
    "voice/.DS_Store": b"Bud1",
    "voice/desktop.ini": b"[.ShellClassInfo]",
    "voice/Thumbs.db": b"\xd0\xcf\x11\xe0",
    "voice/Icon\r": b"",
    "voice/.ipynb_checkpoints/instrument.json": b"{}",
    "voice/.ipynb_checkpoints/ckpt-99.index": b"x",
    ".DS_Store": b"Bud1",
}
KINDS = {"native": native_members, "notebook": notebook_members}
needs_archivers = pytest.mark.skipif(sys.platform == "win32", reason="these programs are tried on Linux and macOS")


def folder_of(kind: str, parent: Path) -> Path:
    """An instrument's files in a folder, as somebody has them who unpacked it, beside what systems leave there."""
    folder = parent / "Begoña's voice"
    for name, data in (KINDS[kind]() | {".DS_Store": b"Bud1", "desktop.ini": b"[]", "Thumbs.db": b"\xd0"}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "empty").mkdir()
    return folder


def assert_read(source, kind: str) -> None:
    """It is found to be of its kind, and read as the instrument that it is."""
    assert detect(source) == kind
    if kind == "native":
        assert read(source).digest == small_instrument().digest
        assert read_summary(source).name == "small"
    else:
        assert convert(source, name="x").digest == convert(packed(notebook_members()), name="x").digest


@needs_archivers
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("archiver", ARCHIVERS, ids=lambda archiver: archiver.__name__)
def test_what_an_archiver_writes_is_read(archiver, kind, tmp_path):
    target = tmp_path / "made.zip"
    archiver(folder_of(kind, tmp_path), target)
    with zipfile.ZipFile(target) as file:
        assert file.testzip() is None
    assert_read(target, kind)
    assert_read(target.read_bytes(), kind)


@st.composite
def honest(draw) -> Habits:
    texts = st.binary(max_size=40).filter(lambda text: b"PK" not in text)
    return Habits(
        deflate=draw(st.booleans()),
        sizes=draw(st.sampled_from(["there", "later", "half", "zip64", "zip64 later"])),
        signed=draw(st.booleans()),
        end=draw(st.sampled_from(["short", "zip64", "both"])),
        utf8=draw(st.booleans()),
        system=draw(st.sampled_from([0, 3, 10, 19])),
        extra=draw(st.sampled_from([b"", b"UT\5\0\1abcd", b"\0\0\0\0", b"\xfe\xca\0\0ux\3\0\1\0\0"])),
        comment=draw(texts),
        member_comment=draw(texts),
        before=draw(texts),
        moved=draw(st.booleans()),
        between=draw(texts),
        after=draw(st.sampled_from([b"", b"\n", bytes(300)])),
    )


NAMED = {"plain": "voice/", "deep": "home/ann/voice/", "accented": "Begoñá/voz/", "dotted": "./", "here": ""}


@given(
    habits=honest(),
    kind=st.sampled_from(list(KINDS)),
    wrapped=st.sampled_from(list(NAMED)),
    clutter=st.sets(st.sampled_from(list(CLUTTER))),
    backslashes=st.booleans(),
    folders=st.booleans(),
    order=st.randoms(use_true_random=False),
)
@pytest.mark.slow
def test_any_honest_writers_zip_is_read(habits, kind, wrapped, clutter, backslashes, folders, order):
    folder = NAMED[wrapped]
    members = {folder + name: data for name, data in KINDS[kind]().items()} | {name: CLUTTER[name] for name in clutter}
    if folders and folder:
        members |= {folder: b"", f"{folder}empty/": b""}
    names = sorted(members)
    order.shuffle(names)
    made = {name.replace("/", "\\") if backslashes else name: members[name] for name in names}
    data = written(made, habits)
    with zipfile.ZipFile(io.BytesIO(data)) as file:  # what Python reads is what all agree on
        assert file.testzip() is None and len(file.namelist()) == len(members)
    assert_read(data, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_extra_field_that_nothing_needs_is_passed_over(kind):
    """A Unicode name too short to be one: unzip and 7-Zip read such a zip, the zipfile of Python 3.12 does not."""
    assert_read(written(KINDS[kind](), Habits(extra=b"\xfe\xca\0\0up\4\0abcd")), kind)


@needs_archivers
@pytest.mark.parametrize("sizes", ["there", "later", "half", "zip64", "zip64 later"])
@pytest.mark.parametrize("end", ["short", "zip64", "both"])
def test_our_writer_is_an_honest_one(sizes, end, tmp_path):
    """unzip and 7-Zip read what the writer of these tests writes."""
    habits = Habits(sizes=sizes, end=end, comment=b"a comment", extra=b"UT\5\0\1abcd", after=b"\n")
    (tmp_path / "x.zip").write_bytes(written({"voice/": b"", "voice/é.txt": b"hello " * 50}, habits))
    run(program("unzip"), "-tq", "x.zip", cwd=tmp_path)
    run(program("7z", "7zz"), "t", "x.zip", cwd=tmp_path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("force_zip64", [False, True])
def test_what_pythons_zipfile_writes_is_read(compression, streamed, force_zip64):
    class Pipe(io.RawIOBase):
        """Has no place to go back to, so that sizes follow each member."""

        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, piece):
            self.data += piece
            return len(piece)

    target = Pipe() if streamed else io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as file:
        file.comment = "Ann’s voice".encode()
        file.writestr("voice/", b"")
        for name, data in native_members().items():
            with file.open(f"voice/{name}", "w", force_zip64=force_zip64) as member:
                member.write(data)
    assert_read(bytes(target.data) if isinstance(target, Pipe) else target.getvalue(), "native")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_clutter_and_a_folder_around_it_are_looked_past_alike(kind):
    members = {f"voice/{name}": data for name, data in KINDS[kind]().items()} | CLUTTER
    assert_read(packed(members), kind)
    assert open_any(packed(members), name="x").config == open_any(packed(KINDS[kind]()), name="x").config


def test_what_is_no_clutter_is_named():
    wrapped = {f"voice/{name}": data for name, data in native_members().items()}
    for name in ("voice/evil.py", "evil.py", "other/instrument.json"):
        with pytest.raises(InstrumentError, match=r"doesn't belong there|several folders"):
            read(packed(wrapped | {name: b"x", "other/weights.safetensors": b""}))
    with pytest.raises(InstrumentError, match=r"contains another one, 'Ann\.zip'. Unpack it"):
        open_any(packed({"Ann.zip": packed(native_members())}))
    silence = packed(
        {f"voice/{name}": data for name, data in notebook_members().items()} | {"silence.wav": bytes(10**6)},
        deflate=True,
    )
    assert_read(silence, "notebook")  # what is not read may be packed as well as it can be
    many = {f"__MACOSX/._{number}": b"" for number in range(500)}
    assert read(packed(native_members() | many)).digest == small_instrument().digest


@needs_archivers
def test_what_stays_refused_has_its_true_reason(tmp_path):
    def reason(path: Path | bytes) -> str:
        with pytest.raises(InstrumentError) as refused:
            open_any(path)
        assert "\n" not in str(refused.value) and "deceive" not in str(refused.value)
        return str(refused.value)

    folder = folder_of("native", tmp_path)
    target = tmp_path / "encrypted.zip"
    run(program("zip"), "-P", "secret", "-r", target, folder.name, cwd=tmp_path)
    assert "is encrypted; save the instrument without a password" in reason(target)
    for method, name in (("BZip2", "bzip2"), ("LZMA", "LZMA"), ("Deflate64", "deflate64"), ("PPMd", "PPMd")):
        target = tmp_path / f"{name}.zip"
        run(program("7z", "7zz"), "a", "-tzip", f"-mm={method}", target, folder.name, cwd=tmp_path)
        assert f"is packed by {name}; zip it again with the usual method" in reason(target)
    target = tmp_path / "aes.zip"
    run(program("7z", "7zz"), "a", "-tzip", "-psecret", "-mem=AES256", target, folder.name, cwd=tmp_path)
    assert "is encrypted" in reason(target)
    (folder / "link").symlink_to("instrument.json")
    run(program("zip"), "-y", "-r", tmp_path / "linked.zip", folder.name, cwd=tmp_path)
    assert "is a link or a device" in reason(tmp_path / "linked.zip")


@needs_archivers
def test_parts_and_other_archives_are_called_what_they_are(tmp_path):
    def reason(path: Path) -> str:
        with pytest.raises(InstrumentError) as refused:
            open_archive(path)
        return str(refused.value)

    folder = folder_of("notebook", tmp_path)
    (folder / "noise").write_bytes(bytes(range(256)) * 1000)
    run(program("zip"), "-0", "-s", "64k", "-r", tmp_path / "split.zip", folder.name, cwd=tmp_path)
    assert "one of several parts" in reason(tmp_path / "split.zip")
    assert "cut short" in reason(tmp_path / "split.z01")
    info_zip(folder, tmp_path / "whole.zip")
    (tmp_path / "cut.zip").write_bytes((tmp_path / "whole.zip").read_bytes()[:-3000])
    (tmp_path / "headless.zip").write_bytes((tmp_path / "whole.zip").read_bytes()[3000:])
    assert "cut short: its end is missing" in reason(tmp_path / "cut.zip")
    assert "beginning or end is missing" in reason(tmp_path / "headless.zip")
    run(program("7z", "7zz"), "a", tmp_path / "x.7z", folder.name, cwd=tmp_path)
    assert "This is a 7z archive, not a zip" in reason(tmp_path / "x.7z")
    subprocess.run(["tar", "-czf", tmp_path / "x.tgz", folder.name], cwd=tmp_path, timeout=PATIENCE_S, check=True)
    assert "This is a gzip archive, not a zip" in reason(tmp_path / "x.tgz")
