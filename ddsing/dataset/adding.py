"""Adding recordings to a voice: each once by its sound, whole or not at all, under a name that is free."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ddsing import names
from ddsing.dataset import scan
from ddsing.dataset.voices import Voice
from ddsing.errors import DatasetError, DdsingError
from ddsing.files import safe_name, write_new
from ddsing.sound import folder
from ddsing.units import format_bytes

_SPARE_BYTES = 200e6  # to stay free


@dataclass(frozen=True)
class Added:
    """What became of files that were to be added.

    Attributes
    ----------
    added : tuple[str, ...]
        Names of the new recordings, relative to the voice's folder.
    duplicates : tuple[tuple[str, str], ...]
        (name, name of the recording with the same sound).
    refused : tuple[tuple[str, str], ...]
        (name, the sentence that says why).
    remarks : tuple[tuple[str, str], ...]
        (name, a sentence about what is odd) of new recordings, such as one that is cut short.
    """

    added: tuple[str, ...]
    duplicates: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...]
    remarks: tuple[tuple[str, str], ...] = ()


def add(
    voice: Voice,
    sources: Iterable[Path | tuple[str, bytes]],
    *,
    progress: Callable[[float], None] | None = None,
    room: Callable[[str, int, float], None] | None = None,
) -> Added:
    """Copy recordings into a voice: files, all that is in folders, or (name, content) of uploads.

    Parameters
    ----------
    progress : callable, optional
        Told the fraction done; what it raises passes through, and what is added by then stays.
    room : callable, optional
        Asked before each is copied, with name, bytes and seconds; its `DdsingError` refuses that one.
    """
    found = list(_spread(sources))
    known = {facts.content_hash: facts.name for facts in scan.scan(voice) if facts.content_hash}
    memory = scan.Memory(voice)
    added, duplicates, refused, remarks = [], [], [], []
    for number, (name, content) in enumerate(found):
        if progress:
            progress(number / len(found))
        facts, _ = scan.examine(content, name)
        if facts.error:
            refused.append((name, facts.error))
            continue
        if facts.content_hash in known:
            duplicates.append((name, known[facts.content_hash]))
            continue
        try:
            if room:
                room(name, facts.n_bytes, facts.duration_s)
            path = _copy(voice, name, content)
        except DdsingError as error:
            refused.append((name, str(error)))
            continue
        known[facts.content_hash] = voice.name_of(path)
        memory.put(path, facts)
        added.append(voice.name_of(path))
        remarks += [(voice.name_of(path), remark) for remark in facts.remarks]
    memory.save()
    if progress:
        progress(1.0)
    return Added(tuple(added), tuple(duplicates), tuple(refused), tuple(remarks))


def _spread(sources: Iterable[Path | tuple[str, bytes]]) -> Iterator[tuple[str, Path | bytes]]:
    """(name, file or content) of everything; a folder stands for the recordings in it."""
    for source in sources:
        if not isinstance(source, Path):
            yield source
        elif source.is_dir():
            yield from ((names.read(path.name), path) for path in folder.recordings(source))
        else:
            yield names.read(source.name), source


def _copy(voice: Voice, name: str, content: Path | bytes):
    """Copy a file or write a content under its name, or one like it that is free; there is all of it or nothing."""
    n_bytes = len(content) if isinstance(content, bytes) else content.stat().st_size
    try:
        voice.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(voice.folder).free
        if free < n_bytes + _SPARE_BYTES:
            raise DatasetError(
                f"{name!r} needs {format_bytes(n_bytes)}, but only {format_bytes(free)} are free, and "
                f"{format_bytes(_SPARE_BYTES)} must stay free. Free some space first."
            )
        return write_new(voice.folder / _file_name(name), content)
    except OSError as error:
        raise DatasetError(f"{name!r} can't be copied: {error.strerror or error}.") from None


def _file_name(name: str) -> str:
    name = Path(name.replace("\\", "/")).name
    suffix = Path(name).suffix if len(Path(name).suffix) <= 6 else ""
    return safe_name(name.removesuffix(suffix)) + suffix
