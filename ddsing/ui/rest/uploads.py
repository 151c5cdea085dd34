"""What comes with a request: a form with recordings and fields, of bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message
from streamlit import config

from ddsing import names
from ddsing.transfer.job import MAX_RECORDINGS, Source
from ddsing.ui.rest.answers import Refusal

RECORDING = "recording"
_MB = 1_000_000
_SLACK_BYTES = 1_000_000  # what is sent around the files
_MAX_FIELD_BYTES = 100_000
_MAX_NAME = 200
_NO_FORM = "Send a form, `multipart/form-data`, with the recording in the field `recording`."


@dataclass(frozen=True, eq=False)
class Form:
    """The fields by name, and the recordings."""

    fields: dict[str, str]
    recordings: list[Source]


async def form(request: Request, known: Sequence[str], *, most: int = MAX_RECORDINGS) -> Form:
    """Read a form with 1 to `most` recordings and some of the `known` fields; raises `Refusal`."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refusal(415, _NO_FORM)
    bounded = Request(request.scope, _Bounded(request).receive)
    try:
        async with bounded.form(max_files=most + 1, max_fields=len(known) + 1, max_part_size=_MAX_FIELD_BYTES) as parts:
            fields: dict[str, str] = {}
            recordings = []
            for name, part in parts.multi_items():
                if isinstance(part, str):
                    _add(fields, name, part, known)
                elif name != RECORDING:
                    raise Refusal(400, f"There is no field for a file {name[:60]!r}; recordings go in `recording`.")
                else:
                    recordings.append(Source(_called(part.filename or ""), await part.read()))
    except (HTTPException, MultiPartException, ClientDisconnect, ValueError, KeyError):
        raise Refusal(400, _NO_FORM) from None
    if not 1 <= len(recordings) <= most:
        at_most = "one recording" if most == 1 else f"1 to {most} recordings"
        raise Refusal(400, f"The form has {len(recordings)} recordings in its fields `recording`; send {at_most}.")
    return Form(fields, recordings)


def most_bytes() -> int:
    """The largest request."""
    return int(config.get_option("server.maxUploadSize")) * _MB + _SLACK_BYTES


def _add(fields: dict[str, str], name: str, value: str, known: Sequence[str]) -> None:
    if name not in known:
        raise Refusal(400, f"There is no field {name[:60]!r}; there are {', '.join([RECORDING, *known])}.")
    if name in fields:
        raise Refusal(400, f"The field {name!r} is there twice.")
    fields[name] = value


def _called(filename: str) -> str:
    """What a recording is called: its file's name, without folders."""
    name = names.mended(filename).replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in name if letter.isprintable()).strip()[:_MAX_NAME] or "recording"


class _Bounded:
    """Passes on what comes until it is too much."""

    def __init__(self, request: Request) -> None:
        self._receive, self._came, self._most = request.receive, 0, most_bytes()
        announced = request.headers.get("content-length", "0")
        self._refuse_beyond(int(announced) if announced.isdigit() else 0)

    async def receive(self) -> Message:
        message = await self._receive()
        self._came += len(message.get("body", b""))
        self._refuse_beyond(self._came)
        return message

    def _refuse_beyond(self, n_bytes: int) -> None:
        if n_bytes > self._most:
            most = int(config.get_option("server.maxUploadSize"))
            raise Refusal(413, f"Files can be up to {most} MB.")
