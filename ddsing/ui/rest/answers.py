"""What a program is answered: JSON, and where something is wrong, one sentence with the right status.

No answer shows a traceback, or a path of the server.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse, Response

from ddsing.errors import AudioError, Cancelled, DdsingError, DiskFull, FeaturesError, SettingsError
from ddsing.transfer.presets import PresetError

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
SORRY = "Something went wrong in ddsing. The details are in the server's log."
BUSY = "The server can't do this at the moment. Please try again in a minute."
_PATH = re.compile(r"(?<![\w.:/])(?:[A-Za-z]:)?[/\\][^\s'\"“”]*[/\\][^\s'\"“”]*")
_UNAVAILABLE = ("DatabaseError", "QueueError", "SiteError")  # of the hosted server, which is not always loaded


class Refusal(DdsingError):
    """Something that is not done, and the status that says why; `headers` go with it."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


def document(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON document; numbers that are none become null."""
    return JSONResponse(_finite(content), status_code=status, headers={**HEADERS, **(headers or {})})


def refused(error: Exception, roots: Iterable[Path] = ()) -> Response:
    """The answer that an error makes; a mistake in ddsing is for the log.

    Parameters
    ----------
    roots : Iterable of Path
        Folders of the server, which no sentence names.
    """
    status, headers = status_of(error)
    if status == 500:
        logging.getLogger("ddsing").error("A program's request failed", exc_info=error)
        return document({"error": SORRY}, 500)
    if status == 503:
        logging.getLogger("ddsing").error("A program was refused: %s", error)
        return document({"error": BUSY}, 503)
    return document({"error": said(str(error), roots)}, status, headers)


def status_of(error: Exception) -> tuple[int, Mapping[str, str]]:
    """The status of an error, and the headers that belong to it."""
    if isinstance(error, Refusal):
        return error.status, error.headers
    name = type(error).__name__
    if name == "TooOften":
        return 429, {"retry-after": f"{math.ceil(getattr(error, 'wait_s', 1.0))}"}
    if name == "QuotaError":
        return 403, {}
    if name in _UNAVAILABLE:
        return 503, {}
    if isinstance(error, DiskFull):
        return 507, {}
    if isinstance(error, Cancelled):
        return 409, {}
    if isinstance(error, AudioError | FeaturesError | SettingsError | PresetError):
        return 422, {}
    return (409, {}) if isinstance(error, DdsingError) else (500, {})


def said(text: str, roots: Iterable[Path] = ()) -> str:
    """A sentence without the server's folders: what lies in a workspace is named from there, all else by its name."""
    for root in roots:
        text = text.replace(f"{root}/", "").replace(str(root), "the workspace")
    return _PATH.sub(lambda found: re.split(r"[/\\]", found[0].rstrip("/\\"))[-1], text)


def _finite(value: Any) -> Any:
    """The same with null for numbers that JSON has not."""
    if isinstance(value, Mapping):
        return {str(name): _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
