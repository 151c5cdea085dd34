"""What a program is answered: the right status, and no sentence that names a folder of the server."""

import json
from pathlib import Path

import pytest

from ddsing.errors import AudioError, DdsingError, DiskFull, SettingsError
from ddsing.hosting.database import DatabaseError
from ddsing.hosting.quotas import QuotaError
from ddsing.hosting.rates import TooOften
from ddsing.transfer.presets import PresetError
from ddsing.ui.rest import answers
from ddsing.ui.rest.answers import Refusal
from ddsing.work.queue import QueueError

ROOT = Path("/srv/ddsing/people/ab/abcd")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refusal(404, "x"), 404),
        (AudioError("x"), 422),
        (SettingsError("x"), 422),
        (PresetError("x"), 422),
        (QuotaError("x"), 403),
        (TooOften("x", 2.3), 429),
        (DiskFull("x"), 507),
        (DdsingError("x"), 409),
    ],
)
def test_an_error_is_its_sentence_with_its_status(error, status):
    answer = answers.refused(error)
    assert answer.status_code == status and json.loads(answer.body) == {"error": "x"}
    assert answer.headers.get("retry-after") == ("3" if status == 429 else None)


@pytest.mark.parametrize("kind", [ValueError, OSError, KeyError, RecursionError, DatabaseError, QueueError])
def test_what_is_no_answer_for_programs_is_for_the_log_alone(kind, caplog):
    answer = answers.refused(kind("the secret /srv/ddsing/ddsing.db"))
    assert answer.status_code == (503 if issubclass(kind, DdsingError) else 500)
    assert b"secret" not in answer.body and b"srv" not in answer.body and "secret" in caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{str(ROOT / 'experiments')!r} can't be read.", "'experiments' can't be read."),
        (f"The workspace {str(ROOT)!r} is full.", "The workspace 'the workspace' is full."),
        ("The file '/tmp/x/y.wav' and C:\\Users\\Ann\\z.wav are cut.", "The file 'y.wav' and z.wav are cut."),
        (
            "Use wav, flac or mp3/mp4; 1/2 of https://example.org/a/b.",
            "Use wav, flac or mp3/mp4; 1/2 of https://example.org/a/b.",
        ),
    ],
)
def test_no_sentence_names_a_folder_of_the_server(text, said):
    assert answers.said(text, [ROOT]) == said


def test_numbers_that_json_has_not_are_null():
    answer = answers.document({"a": [1.5, float("nan"), {"b": float("inf")}], "c": (True, None, "x")})
    assert json.loads(answer.body) == {"a": [1.5, None, {"b": None}], "c": [True, None, "x"]}
