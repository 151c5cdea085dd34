"""Another program's file of an instrument, written in a process of its own, so that TensorFlow is not imported here."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ddsing import process
from ddsing.instrument.format import read, write
from ddsing.instrument.instrument import Instrument


def made(
    function: str, instrument: Instrument, *, suffix: str = ".zip", progress: process.Progress | None = None
) -> bytes:
    """The file that a function, named ``module:function``, writes by `rewrite` of an instrument."""
    with tempfile.TemporaryDirectory(prefix="ddsing-export-") as folder:
        source, target = Path(folder) / "instrument.zip", Path(folder) / f"made{suffix}"
        write(instrument, source)
        process.call(function, {"source": str(source), "target": str(target)}, progress=progress)
        return target.read_bytes()


def rewrite(
    request: Mapping,
    progress: process.Progress,
    *,
    load: Callable[[], object],
    doing: str,
    writing: Callable[[Instrument, str], None],
) -> None:
    """What the child does: a native zip, ``source``, is written as another program's file, ``target``."""
    progress("loading TensorFlow", 0.05)
    load()
    progress(doing, 0.7)
    writing(read(request["source"]), request["target"])
    progress(doing, 1.0)
