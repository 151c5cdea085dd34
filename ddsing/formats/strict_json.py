"""JSON from strangers: what the standard leaves open is closed here.

Duplicate keys, NaN and Infinity, endless nesting and endless digits are refused.
"""

import json
from collections.abc import Mapping
from typing import NoReturn


def loads(data: bytes) -> dict:
    """A JSON object from UTF-8 bytes; raises `ValueError` with a reason that follows "it can't be read: "."""
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply to be a real one") from None
    if not isinstance(document, dict):
        raise ValueError("it must hold one JSON object")
    return document


def dumps(document: Mapping) -> bytes:
    """Deterministic, readable JSON."""
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _unique(pairs: list[tuple[str, object]]) -> dict:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("an entry is in it twice")
    return document


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"it holds {text}, which is not a number")
