"""How large a file says that it is, where FFmpeg does not pass on that it is cut short.

Public: `declared_bytes`.
"""

from ddsing.sound.kinds import Kind

_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_MOST = 0x7F000000  # and more is written by programs that don't know it


def declared_bytes(kind: Kind, head: bytes) -> int | None:
    """The size of the whole file as its beginning tells it; None if it does not."""
    found = {"AVI": _avi, "CAF": _caf, "WMA": _asf}.get(kind.name, lambda head: None)(head)
    return found if found is not None and 0 < found < _MOST else None


def _avi(head: bytes) -> int:
    return int.from_bytes(head[4:8], "little") + 8


def _asf(head: bytes) -> int | None:
    place = head.find(_ASF_PROPERTIES)
    return None if place < 0 else int.from_bytes(head[place + 40 : place + 48], "little")


def _caf(head: bytes) -> int | None:
    place = 8
    while place + 12 <= len(head):
        size = int.from_bytes(head[place + 4 : place + 12], "big", signed=True)
        if head[place : place + 4] == b"data" or size < 0:
            return place + 12 + size if size > 0 else None
        place += 12 + size
    return None
