"""``/transfers``: recordings sung by an instrument, as the background job that the page *Many recordings* starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ddsing.constants import TRACKERS
from ddsing.errors import JobError, SettingsError
from ddsing.formats import strict_json
from ddsing.sound import audio
from ddsing.transfer import job as batch
from ddsing.transfer.presets import Presets, refuse_unknown
from ddsing.transfer.settings import Settings
from ddsing.ui.rest import answers, instruments, mixtures, uploads
from ddsing.ui.rest.answers import Refusal
from ddsing.ui.rest.resource import Call
from ddsing.ui.rest.uploads import Form
from ddsing.ui.shell import allowed, batches, jobs, opened, sources

if TYPE_CHECKING:
    from ddsing.jobs.status import JobStatus
    from ddsing.transfer.batch import Outcome

FIELDS = ("instrument", "tracker", "preset", "settings", *mixtures.FIELDS)


async def list_all(call: Call) -> Response:
    """All of them, the newest first."""
    found = await call.run(lambda: [about(call, one) for one in jobs.store().list() if one.kind == batch.KIND])
    return answers.document({"transfers": found})


async def order(call: Call) -> Response:
    """Take recordings, and start; the answer says where it can be followed."""
    form = await uploads.form(call.request, FIELDS)
    started = await call.run(lambda: about(call, _start(form)))
    return answers.document(started, 202, {"location": call.address("transfers", started["id"])})


async def show(call: Call) -> Response:
    """How far one is, and what became of its recordings."""
    return answers.document(await call.run(lambda: about(call, _find(call.path("id")))))


async def stop(call: Call) -> Response:
    """Stop one after its current step; what is done stays."""

    def do() -> dict[str, Any]:
        return about(call, jobs.store().stop(_find(call.path("id")).id))

    return answers.document(await call.run(do), 202)


def _start(form: Form) -> JobStatus:
    given = form.fields.get("instrument")
    if given is None:
        raise Refusal(400, "The form has no field `instrument` with an instrument's name.")
    entry = instruments.find(given)
    settings, tracker = _wanted(form.fields)
    how = mixtures.how(entry, settings, form.fields)
    for one in form.recordings:
        _refuse_unreadable(one.name, audio.probe(one.content).duration_s)
    allowed.count("uploads", len(form.recordings))
    found = batches.submit(form.recordings, lambda: how, tracker=tracker)
    if found.state == "failed":
        raise JobError(found.message)
    return found


def _refuse_unreadable(name: str, duration_s: float) -> None:
    if duration_s > batches.most_s():
        raise Refusal(422, f"{name!r} is longer than the {batches.most_s():g} seconds that can be transferred.")


def _wanted(given: Mapping[str, str]) -> tuple[Settings, str]:
    """The settings and the tracker: those of the preset, if one is named, and what is given overrides it."""
    preset = Presets(opened.workspace()).get(given["preset"]) if "preset" in given else None
    settings = _settings(Settings() if preset is None else preset.settings, given.get("settings", "{}"))
    chosen = given.get("tracker") or ("full" if preset is None else preset.tracker)
    if settings.z_from == "other" and sources.path_of(settings.z_recording) is None:
        raise SettingsError(f"No example is named {settings.z_recording[:80]!r}, from which timbre could come.")
    return settings, tracker(chosen)


def tracker(name: str) -> str:
    """A tracker's name; raises `SettingsError` for another."""
    if name not in TRACKERS:
        raise SettingsError(f"The tracker is {name!r:.60}; it must be {', '.join(TRACKERS)}.")
    return name


def _settings(base: Settings, text: str) -> Settings:
    try:
        given = strict_json.loads(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        raise SettingsError('The settings must be a JSON object, such as {"octave_shift": -1}.') from None
    refuse_unknown("The field `settings`", given, [one.name for one in fields(Settings)])
    try:
        return Settings.from_json(base.to_json() | given)
    except (TypeError, AttributeError, ValueError, OverflowError):
        raise SettingsError("A setting is of the wrong kind; see openapi.json for all of them.") from None


def _find(job_id: str) -> JobStatus:
    try:
        found = jobs.store().status(job_id)
    except JobError:
        raise _none(job_id) from None
    if found.kind != batch.KIND:
        raise _none(job_id)
    return found


def _none(job_id: str) -> Refusal:
    return Refusal(404, f"No transfer has the id {job_id[:80]!r}.")


def about(call: Call, found: JobStatus) -> dict[str, Any]:
    """What is said of one."""
    roots = [opened.workspace().root]
    left = None if found.eta_low_s is None or found.eta_high_s is None else [found.eta_low_s, found.eta_high_s]
    outcomes = batch.outcomes(found)
    return {
        "id": found.id,
        "title": found.title,
        "state": _state(found, outcomes),
        "instrument": str(found.options.get("instrument", "")),
        "names": [str(name) for name in found.options.get("recordings", ())],
        "progress": 1.0 if found.state == "done" else found.fraction,
        "stage": found.stage if found.live else "",
        "seconds_left": left,
        "message": answers.said(found.message, roots),
        "recordings": [_outcome(call, one, roots) for one in outcomes],
    }


def _state(found: JobStatus, outcomes: list[Outcome]) -> str:
    """As the job's, but that nothing was sung is a failure."""
    return "failed" if found.state == "done" and outcomes and all(one.error for one in outcomes) else found.state


def _outcome(call: Call, one: Outcome, roots: list) -> dict[str, Any]:
    return {
        "name": one.name,
        "result": one.result,
        "take": one.take or None,
        "result_at": call.address("takes", one.take, "result.wav") if one.take else None,
        "recipe_at": call.address("takes", one.take, "recipe.json") if one.take else None,
        "duration_s": one.duration_s,
        "inside_share": one.inside_share,
        "error": answers.said(one.error, roots) or None,
        "warnings": [answers.said(text, roots) for text in one.warnings],
    }
