"""Opening an instrument of any format: native and ddsp-vst's here, a 2021 zip through the limited child process."""

from pathlib import Path

from ddsing import names
from ddsing.errors import InstrumentError
from ddsing.instrument.archive import peek
from ddsing.instrument.format import is_native, read
from ddsing.instrument.instrument import Instrument
from ddsing.instrument.manifest import MAX_NAME, printable
from ddsing.instrument.vst import reading
from ddsing.instrument.zip_headers import shown


def open_any(source: Path | str | bytes, *, name: str | None = None) -> Instrument:
    """The instrument in a native zip, in one of the 2021 notebooks, or in a file of ddsp-vst's.

    Parameters
    ----------
    source : Path, str or bytes
        The zip's path, or its bytes.
    name : str, optional
        How an instrument is called that has no name of its own, as only native ones have; else as its file.
    """
    found = detect(source)
    if found == "native":
        return read(source)
    from ddsing.instrument.child import convert_in_child

    fallback = "Imported" if isinstance(source, bytes) else names.read(Path(source).stem)
    if found == "vst":
        return reading.read(source, name=clean_name(name or fallback))
    return convert_in_child(source if isinstance(source, bytes) else Path(source), name=clean_name(name or fallback))


def detect(source: Path | str | bytes) -> str:
    """``native``, ``notebook`` or ``vst``; a file that is none of them raises `InstrumentError`."""
    if reading.is_vst(source):
        return "vst"
    with peek(source) as archive:
        if is_native(archive):
            return "native"
        if any(name.rsplit("/", 1)[-1].startswith("ckpt-") for name in archive.members):
            return "notebook"
        inner = next((name for name in archive.members if name.lower().endswith(".zip")), None)
    if inner:
        raise InstrumentError(f"This zip contains another one, {shown(inner)}. Unpack it and import that one.")
    raise InstrumentError(
        "This zip is not an instrument: it has no instrument.json (ddsing) and no ckpt-*.index (2021 notebooks)."
    )


def clean_name(text: str) -> str:
    """A display name from any text: one line of what a name can have, never empty."""
    line = "".join(letter for letter in text if printable(letter) and letter not in "\u2028\u2029")
    return line[:MAX_NAME].strip() or "Imported"
