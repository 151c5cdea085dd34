"""``/features``: pitch, confidence and loudness of a recording, 250 times a second.

Finding the pitch is an order, as on the pages: of a worker process where there are any, else of a thread that takes
turns with the pages' work. What is found is kept, so that asking again is quick.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from starlette.responses import Response

from ddsing.constants import FRAME_RATE
from ddsing.errors import DdsingError
from ddsing.jobs import paces
from ddsing.sound import features, recording
from ddsing.sound.recording import Recording
from ddsing.transfer import expected
from ddsing.transfer.job import Source
from ddsing.ui.rest import answers, transfers, uploads
from ddsing.ui.rest.answers import Refusal
from ddsing.ui.rest.resource import Call
from ddsing.ui.shell import allowed, batches, opened, ordered
from ddsing.ui.shell.ordered import Ordered
from ddsing.ui.shell.work import Report, Work
from ddsing.work.order import Order

FIELDS = ("tracker",)
_FIRST_LOOK_S, _LATEST_LOOK_S = 0.05, 0.5


async def find(call: Call) -> Response:
    """Take a recording, wait until its pitch is known, and answer with the curves."""
    form = await uploads.form(call.request, FIELDS, most=1)
    tracker = transfers.tracker(form.fields.get("tracker") or "full")
    heard = await call.run(_heard, form.recordings[0])
    if not await call.run(_known, heard, tracker):
        await _analysed(call, heard, tracker)
    return answers.document(await call.run(_curves, heard, tracker))


def _heard(source: Source) -> Recording:
    allowed.count("uploads")
    allowed.require_bytes("The recording", len(source.content) if isinstance(source.content, bytes) else 0)
    found = recording.read(source.content, name=source.name)
    if found.duration_s > batches.most_s():
        raise Refusal(422, f"The recording is longer than {batches.most_s():g} seconds. Cut it first.")
    return found


def _known(heard: Recording, tracker: str) -> bool:
    return opened.feature_cache().has(heard.key, tracker)


async def _analysed(call: Call, heard: Recording, tracker: str) -> None:
    work = await call.run(_begin, heard, tracker)
    pause_s = _FIRST_LOOK_S
    while await call.run(lambda: work.running):
        await asyncio.sleep(pause_s)
        pause_s = min(_LATEST_LOOK_S, pause_s * 1.5)
    error = await call.run(_ended, work)
    if error is not None and not await call.run(_known, heard, tracker):
        raise error


def _begin(heard: Recording, tracker: str) -> Work | Ordered:
    """The work that finds it; the one that is under way, where a program asks again that waited too short."""
    going = _going(heard, tracker) if ordered.by_workers() else None
    if going is not None:
        return going
    allowed.require_bytes("The analysis", heard.audio.nbytes)
    allowed.count("transfers")
    part = expected.finding_pitch(paces.of(opened.workspace()), tracker, heard.duration_s)
    asked = Order("analyse", "", {"tracker": tracker}, heard, [part])
    if ordered.by_workers():
        return ordered.submit(asked)
    work = Work("", functools.partial(_do, asked), root=opened.workspace().root, tab="", parts=asked.parts)
    work.start()
    return work


def _going(heard: Recording, tracker: str) -> Ordered | None:
    for folder in ordered.folders():
        about = folder.about()
        same = about.get("kind") == "analyse" and about["options"] == {"tracker": tracker}
        if same and about["sound"]["key"] == heard.key and folder.ended() is None:
            return Ordered(folder)
    return None


def _do(asked: Order, report: Report) -> dict[str, Any]:
    from ddsing.ui.shell import caches
    from ddsing.work import kinds
    from ddsing.work.kinds import AtHand

    return kinds.do(opened.workspace(), asked, AtHand(caches.models()), report)


def _ended(work: Work | Ordered) -> BaseException | None:
    if not isinstance(work, Ordered):
        return work.error
    if not work.folder.exists():
        return DdsingError("This was removed before it was done. Ask again.")
    error = work.error
    work.forget()
    return error


def _curves(heard: Recording, tracker: str) -> dict[str, Any]:
    found = features.extract(heard.audio, tracker=tracker, cache=opened.feature_cache())
    return {
        "name": heard.name,
        "duration_s": heard.duration_s,
        "tracker": tracker,
        "frames_per_s": FRAME_RATE,
        "f0_hz": _rounded(found.f0_hz, 3),
        "f0_confidence": _rounded(found.f0_confidence, 4),
        "loudness_db": _rounded(found.loudness_db, 3),
    }


def _rounded(values: Any, digits: int) -> list[float]:
    return [round(one, digits) for one in values.tolist()]
