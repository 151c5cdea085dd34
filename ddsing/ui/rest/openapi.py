"""What the REST interface is, as an OpenAPI document.

``python -m ddsing.ui.rest.openapi > docs/openapi.json`` writes the copy in the documentation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import ddsing
from ddsing.constants import TRACKERS
from ddsing.jobs.states import STATES
from ddsing.transfer import settings as controls
from ddsing.transfer.batch import RESULTS
from ddsing.transfer.job import MAX_RECORDINGS
from ddsing.transfer.morph import MAX_INSTRUMENTS, MIN_INSTRUMENTS
from ddsing.transfer.settings import RANGES, Settings

Document = dict[str, Any]
_TEXT: Document = {"type": "string"}
_NUMBER: Document = {"type": "number"}
_MAYBE_NUMBER: Document = {"type": ["number", "null"]}
_MAYBE_TEXT: Document = {"type": ["string", "null"]}
_REFUSALS = {
    "400": "The request is not as it should be.",
    "401": "There is no token, or one that does not work.",
    "403": "The account is closed, or one of its limits is reached.",
    "404": "There is nothing of that name or id.",
    "405": "The method is not possible at this address.",
    "409": "It is not possible at the moment; the sentence says why.",
    "413": "The request is larger than the server takes.",
    "415": "The request is no form.",
    "422": "The recording or a setting can't be used.",
    "429": "Too often: `Retry-After` says in how many seconds to try again.",
    "500": "A mistake in ddsing.",
    "503": "The server can't do it at the moment.",
    "507": "The server's disk is full.",
}
_ALWAYS = ("401", "403", "405", "409", "429", "500", "503")
_FORM = ("400", "413", "415", "422", "507")


def document(server: str = "/api/v1") -> Document:
    """The document; `server` is the path at which the interface is."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ddsing",
            "version": ddsing.__version__,
            "summary": "Instruments that sing recordings.",
            "description": "Every error is a JSON object with one sentence, `error`. See docs/rest.md.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "From `ddsing token`."}},
            "schemas": _schemas(),
        },
    }


def _paths() -> Document:
    instrument, transfer, take = (_parameter(*one) for one in _PARAMETERS)
    return {
        "/openapi.json": {
            "get": {**_get("describe", "This document", _json({"type": "object"})), "security": []},
        },
        "/instruments": {"get": _get("listInstruments", "All instruments", _listed("instruments", "Instrument"))},
        "/instruments/{name}": {
            "parameters": [instrument],
            "get": _get("getInstrument", "One instrument", _ref("Instrument"), "404"),
        },
        "/transfers": {
            "get": _get("listTransfers", "All transfers, the newest first", _listed("transfers", "Transfer")),
            "post": _order(),
        },
        "/transfers/{id}": {
            "parameters": [transfer],
            "get": _get("getTransfer", "How far a transfer is, and what came of it", _ref("Transfer"), "404"),
        },
        "/transfers/{id}/stop": {
            "parameters": [transfer],
            "post": _operation(
                "stopTransfer", "Stop a transfer; what is done stays", {"202": _ref("Transfer")}, ("404",)
            ),
        },
        "/takes/{id}/result.wav": {"parameters": [take], "get": _sound()},
        "/takes/{id}/recipe.json": {
            "parameters": [take],
            "get": _get("getRecipe", "How a take was made", _json({"type": "object"}), "404"),
        },
        "/features": {"post": _features()},
    }


_PARAMETERS = (
    ("name", "An instrument's name, as in the list."),
    ("id", "A transfer's id."),
    ("id", "A take's id, from a transfer's `recordings`."),
)


def _parameter(name: str, about: str) -> Document:
    return {"name": name, "in": "path", "required": True, "description": about, "schema": {**_TEXT, "minLength": 1}}


def _order() -> Document:
    known: Document = {
        "recording": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_RECORDINGS,
            "items": {"type": "string", "format": "binary"},
            "description": "A recording; the field may be there several times.",
        },
        "instrument": {**_TEXT, "description": "The name of the instrument that sings."},
        "tracker": {"enum": list(TRACKERS), "description": "How the pitch is found: full is the most exact."},
        "preset": {**_TEXT, "description": "The name of a preset, which gives settings and tracker."},
        "settings": {
            **_TEXT,
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Settings"},
            "description": 'Controls as JSON, such as `{"octave_shift": -1}`; they override the preset\'s.',
        },
        "morph": {
            **_TEXT,
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Morph"},
            "description": 'Sung by a mixture: the shares of other instruments as JSON, such as `{"cello": 0.5}`.',
        },
        "repair_octaves": {
            "enum": ["true", "false"],
            "description": "Whether short stretches that were probably found an octave off are moved first.",
        },
    }
    answer = _ref("Transfer")
    answer["headers"] = {"Location": {"description": "Where the transfer can be followed.", "schema": _TEXT}}
    made = _operation("orderTransfer", "Sing recordings with an instrument", {"202": answer}, (*_FORM, "404"))
    return made | {"requestBody": _form(known, ["recording", "instrument"])}


def _features() -> Document:
    known: Document = {
        "recording": {"type": "string", "format": "binary", "description": "A recording."},
        "tracker": {"enum": list(TRACKERS), "description": "How the pitch is found."},
    }
    made = _operation("findFeatures", "Pitch, confidence and loudness of a recording", {"200": _ref("Features")}, _FORM)
    return made | {"requestBody": _form(known, ["recording"])}


def _form(known: Document, required: list[str]) -> Document:
    schema = {"type": "object", "properties": known, "required": required, "additionalProperties": False}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _sound() -> Document:
    wav = {"description": "A 24-bit WAV with the recipe inside.", "content": {"audio/wav": {}}}
    return _operation("getResult", "What was sung", {"200": wav}, ("404",))


def _get(name: str, about: str, answer: Document, *more: str) -> Document:
    return _operation(name, about, {"200": answer}, more)


def _operation(name: str, about: str, good: Mapping[str, Document], refusals: tuple[str, ...]) -> Document:
    bad = {
        status: {"description": _REFUSALS[status], "content": {"application/json": {"schema": _to("Error")}}}
        for status in sorted({*_ALWAYS, *refusals})
    }
    return {"operationId": name, "summary": about, "responses": {**good, **bad}}


def _json(schema: Document) -> Document:
    return {"description": "As asked.", "content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> Document:
    return _json(_to(name))


def _to(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _listed(key: str, name: str) -> Document:
    return _json({"type": "object", "required": [key], "properties": {key: _list(_to(name))}})


def _list(of: Document) -> Document:
    return {"type": "array", "items": of}


def _object(**properties: Document) -> Document:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _schemas() -> Document:
    boolean: Document = {"type": "boolean"}
    pair = {"type": ["array", "null"], "items": _NUMBER, "minItems": 2, "maxItems": 2}
    return {
        "Error": _object(error={**_TEXT, "minLength": 1}),
        "Instrument": _object(
            name=_TEXT,
            house={**boolean, "description": "Whether it is in the library that everybody has."},
            voice=_TEXT,
            pitch_range_midi={**pair, "description": "Where the voice's notes were, as MIDI numbers."},
            rate_hz={"enum": [16_000, 48_000], "description": "Of what it sings."},
            follows_timbre={**boolean, "description": "Whether it listens to the timbre of what it sings."},
            author=_TEXT,
            licence=_TEXT,
            notes=_TEXT,
            warnings=_list(_TEXT),
        ),
        "Transfer": _object(
            id=_TEXT,
            title=_TEXT,
            state={"enum": sorted(STATES)},
            instrument=_TEXT,
            names={**_list(_TEXT), "description": "Of its recordings."},
            progress={"type": ["number", "null"], "minimum": 0, "maximum": 1},
            stage={**_TEXT, "description": "What is done at the moment."},
            seconds_left={**pair, "description": "The shortest and the longest that it will probably still take."},
            message={**_TEXT, "description": "Why it waits, or what went wrong."},
            recordings={**_list(_to("Outcome")), "description": "Those that are done, in their order."},
        ),
        "Outcome": _object(
            name=_TEXT,
            result={"enum": list(RESULTS)},
            take={**_MAYBE_TEXT, "description": "The id of the take."},
            result_at={**_MAYBE_TEXT, "description": "The address of the WAV."},
            recipe_at={**_MAYBE_TEXT, "description": "The address of the recipe."},
            duration_s=_MAYBE_NUMBER,
            inside_share={**_MAYBE_NUMBER, "description": "How much of it is inside the instrument's range."},
            error={**_MAYBE_TEXT, "description": "Why it could not be sung."},
            warnings=_list(_TEXT),
        ),
        "Features": _object(
            name=_TEXT,
            duration_s=_NUMBER,
            tracker={"enum": list(TRACKERS)},
            frames_per_s={"type": "integer"},
            f0_hz=_list(_NUMBER),
            f0_confidence={**_list(_NUMBER), "description": "0 to 1, of each frame's pitch."},
            loudness_db=_list(_NUMBER),
        ),
        "Settings": {"type": "object", "properties": _settings(), "additionalProperties": False},
        "Morph": {
            "type": "object",
            "minProperties": MIN_INSTRUMENTS - 1,
            "maxProperties": MAX_INSTRUMENTS - 1,
            "additionalProperties": {**_NUMBER, "minimum": 0, "maximum": 1},
            "description": "Instruments by name, and their shares; `instrument` has the share that is left.",
        },
    }


def _settings() -> Document:
    """All controls of a transfer, with their ranges and defaults."""
    default, found = Settings().to_json(), {}
    for one in fields(Settings):
        schema = _kind(one.name, default[one.name])
        words = one.metadata.get("words")
        if words is not None:
            schema["description"] = f"The {words.label}" + (f", in {words.unit}." if words.unit else ".")
        found[one.name] = schema | {"default": default[one.name]}
    return found


def _kind(name: str, default: Any) -> Document:
    if name in RANGES:
        low, high = RANGES[name]
        kind = "integer" if isinstance(low, int) else "number"
        return {"type": [kind, "null"] if default is None else kind, "minimum": low, "maximum": high}
    if name == "z_from":
        return {"enum": list(controls.Z_SOURCES)}
    if isinstance(default, list):
        most = controls.MAX_Z_SHIFT
        return {**_list({**_NUMBER, "minimum": -most, "maximum": most}), "maxItems": controls.MAX_Z_SHIFTS}
    kinds = {bool: "boolean", str: "string", float: "number"}
    return {"type": kinds[type(default)]}


if __name__ == "__main__":
    print(json.dumps(document(), indent=1))
