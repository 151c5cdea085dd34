"""The REST interface of a real server for one person: what it gives, and how it refuses."""

import http.client
import json
import re
import socket
import threading

import httpx
import numpy as np
import pytest

from ddsing.instrument.library import Library
from ddsing.sound import audio, features
from ddsing.sound.audio import encode
from ddsing.tokens import Tokens
from ddsing.transfer import job, pipeline
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S
from tests.support.programs import Program

pytestmark = pytest.mark.slow

FIRST, SECOND = tiny_workspace.NAMES
SONG = encode(tiny_workspace.sung(1.5))
BLOCK = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "rest.md").read_text("utf-8"), re.DOTALL)


class Here:
    """Lets a job's function run here."""

    def report(self, **fields) -> None:
        """Nobody watches."""

    def should_stop(self) -> bool:
        return False


def test_instruments_are_listed_and_shown(program):
    found = program.get("/instruments").json()["instruments"]
    assert [one["name"] for one in found] == [FIRST, SECOND] and found[0]["licence"] == "CC0-1.0"
    made = tiny_workspace.tiny_instrument(FIRST).statistics
    assert (
        found[0]["pitch_range_midi"] == list(made.pitch_range_midi)
        and found[0]["rate_hz"] == 16_000
        and not found[0]["house"]
    )
    assert program.get(f"/instruments/{SECOND}").json() == found[1]
    assert program.get("/instruments/Third").status_code == 404


def test_a_transfer_is_what_the_library_makes(program, local, tmp_path):
    settings = {"octave_shift": -1, "seed": 7, "z_shift": []}
    answer = program.order(SONG, FIRST, settings=json.dumps(settings))
    assert answer.status_code == 202 and answer.headers["location"] == f"/api/v1/transfers/{answer.json()['id']}"
    done = program.ended(answer.json())
    assert done["state"] == "done" and done["progress"] == 1.0 and done["names"] == ["song.wav"]
    assert [one["id"] for one in program.get("/transfers").json()["transfers"]].count(done["id"]) == 1
    (sung,) = done["recordings"]
    wav = httpx.get(f"{local[0].url}{sung['result_at']}", headers=program.headers)
    assert wav.headers["content-type"] == "audio/wav"
    other = Workspace(tiny_workspace.fill(tmp_path / "other"))
    take = pipeline.run(
        other, audio.decode(SONG), FIRST, Settings(octave_shift=-1, seed=7), source_name="song.wav", tracker="instant"
    )
    expected = TakeStore(other).export(take.id)
    assert np.array_equal(audio.decode(wav.content), audio.decode(expected))
    recipe = program.get(f"/takes/{sung['take']}/recipe.json").json()
    assert recipe == audio.read_recipe(wav.content) and recipe["settings"]["octave_shift"] == -1
    assert recipe | {"take": take.id} == take.recipe()


def test_features_are_those_of_the_library(program, tmp_path):
    answers = [
        program.post("/features", files={"recording": ("a b.wav", SONG)}, data={"tracker": "instant"}) for _ in "12"
    ]
    found = answers[0].json()
    assert answers[1].json() == found and found["name"] == "a b.wav" and found["frames_per_s"] == 250
    expected = features.extract(audio.decode(SONG), tracker="instant")
    for name, tolerance in (("f0_hz", 6e-4), ("f0_confidence", 6e-5), ("loudness_db", 6e-4)):
        np.testing.assert_allclose(found[name], getattr(expected, name), atol=tolerance, rtol=0)


def test_several_recordings_one_of_them_bad_a_preset_and_a_stop(program, local):
    from ddsing.transfer.presets import Preset, Presets

    Presets(local[1]).save(Preset("Low", Settings(octave_shift=-2, seed=3), "instant"))
    files = [
        ("recording", (name, encode(tiny_workspace.sung(1.2, hz=hz)))) for name, hz in (("a.wav", 200), ("b", 300))
    ]
    given = {"instrument": SECOND, "preset": "Low", "settings": '{"seed": 4}'}
    done = program.ended(program.post("/transfers", files=files, data=given).json())
    assert [one["name"] for one in done["recordings"]] == ["a.wav", "b"] and done["state"] == "done"
    recipe = program.get(f"/takes/{done['recordings'][1]['take']}/recipe.json").json()
    assert recipe["tracker"] == "instant" and recipe["settings"]["seed"] == 4
    assert recipe["settings"]["octave_shift"] == -2
    assert program.post(f"/transfers/{done['id']}/stop").json()["state"] == "done"


def test_a_mixture_sings_with_octave_slips_repaired_as_the_library_makes_it(program, tmp_path):
    given = {"morph": json.dumps({SECOND: 0.25}), "repair_octaves": "true", "settings": '{"seed": 8}'}
    done = program.ended(program.order(SONG, FIRST, **given).json())
    assert done["state"] == "done" and done["instrument"] == f"{FIRST} and {SECOND}"
    (sung,) = done["recordings"]
    other = Workspace(tiny_workspace.fill(tmp_path / "other"))
    parts = [Library(other).find(name).path for name in (FIRST, SECOND)]
    called = {"name": done["instrument"], "morph": Morph((FIRST, SECOND), ("", ""), ((0.0, (0.75, 0.25)),))}
    options = {"tracker": "instant", "repair_octaves": True, **called}
    made = job.order(other, parts, [job.Source("song.wav", SONG)], Settings(seed=8), **options)
    job.run(other, made.options, Here())
    (take,) = TakeStore(other).list()
    wav = program.get(f"/takes/{sung['take']}/result.wav").content
    assert np.array_equal(audio.decode(wav), audio.decode(TakeStore(other).export(take.id)))
    recipe = program.get(f"/takes/{sung['take']}/recipe.json").json()
    assert recipe["morph"]["points"] == [[0.0, [0.75, 0.25]]] and recipe | {"take": take.id} == take.recipe()


REFUSED = {  # method, address, form or options, status, what is said
    "no method": ("DELETE", "/instruments", {}, 405, "DELETE"),
    "nothing there": ("GET", "/nothing", {}, 404, "nothing"),
    "outside": ("GET", "/takes/..%2f..%2fetc/recipe.json", {}, 404, "nothing"),
    "hidden": ("GET", "/takes/.trash/recipe.json", {}, 404, "No take"),
    "no text": ("GET", "/takes/%ff%00/recipe.json", {}, 404, ""),
    "no job": ("GET", "/transfers/20260101-000000-train-abcdef", {}, 404, "No transfer"),
    "stop of no job": ("POST", "/transfers/x/stop", {}, 404, "No transfer"),
    "no form": ("POST", "/transfers", {"json": {}}, 415, "multipart"),
    "a broken form": (
        *("POST", "/transfers"),
        {"content": b"--x\r\n", "headers": {"content-type": "multipart/form-data"}},
        *(400, "multipart"),
    ),
    "no recording": ("POST", "/features", {"files": {"other": b"x"}}, 400, "no field"),
    "two for features": (
        *("POST", "/features", {"files": [("recording", ("a", SONG)), ("recording", ("b", SONG))]}),
        *(400, "one recording"),
    ),
    "unknown field": ("POST", "/features", {"files": {"recording": SONG}, "data": {"x": "1"}}, 400, "no field 'x'"),
    "unknown tracker": (
        "POST",
        "/features",
        {"files": {"recording": SONG}, "data": {"tracker": "best"}},
        422,
        "instant",
    ),
    "no sound": ("POST", "/features", {"files": {"recording": b"x" * 100}}, 422, "not a recording"),
    "no instrument": ("POST", "/transfers", {"files": {"recording": SONG}}, 400, "instrument"),
    "unknown instrument": (
        *("POST", "/transfers", {"files": {"recording": SONG}, "data": {"instrument": "../x"}}),
        *(404, "No instrument"),
    ),
}
BAD_SETTINGS = {
    "[]": "JSON object",
    '{"octave_shift": 9}': "-3 to 3",
    '{"octave": 1}': "'octave'",
    '{"seed": 1e999}': "whole number",
    '{"z_shift": 3}': "list of numbers",
    '{"scale": 5}': "",
    '{"z_from": "other", "z_recording": "/etc/passwd"}': "No example",
    "[" * 50_000: "JSON object",
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_t_be_done_is_one_sentence(program, local, case):
    method, address, options, status, told = REFUSED[case]
    refused(program.request(method, address, **options), local, status, told)


@pytest.mark.parametrize("text", BAD_SETTINGS, ids=lambda text: text[:20])
def test_bad_settings_are_one_sentence(program, local, text):
    refused(program.order(SONG, FIRST, settings=text), local, 422, BAD_SETTINGS[text])


BAD_MIXTURES = {
    "[]": (422, "JSON object"),
    "{}": (422, "2 to 4 instruments"),
    '{"nobody": 0.5}': (404, "No instrument"),
    json.dumps({FIRST: 0.5}): (422, "twice"),
    json.dumps({SECOND: 1.5}): (422, "0 to 1"),
    json.dumps({SECOND: "0.5"}): (422, "0 to 1"),
    f'{{"{SECOND}": 1e999}}': (422, "0 to 1"),
    json.dumps({SECOND: 0.6, SECOND.upper(): 0.6}): (422, "add up to 1.2"),
}


@pytest.mark.parametrize("text", BAD_MIXTURES)
def test_bad_mixtures_are_one_sentence(program, local, text):
    refused(program.order(SONG, FIRST, morph=text), local, *BAD_MIXTURES[text])


def test_what_else_goes_not_with_a_mixture_or_is_neither_true_nor_false(program, local):
    mixed = {"morph": json.dumps({SECOND: 0.5}), "settings": '{"z_from": "mean"}'}
    refused(program.order(SONG, FIRST, **mixed), local, 422, "timbre of each recording")
    refused(program.order(SONG, FIRST, repair_octaves="1"), local, 422, "true or false")


def refused(answer, local, status, told):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json" and answer.headers["cache-control"] == "no-store"
    (said,) = answer.json().values()
    assert list(answer.json()) == ["error"] and told in said and len(said) < 500
    assert "Traceback" not in said and str(local[1].root) not in said and str(ROOT) not in said


def test_a_transfer_that_fails_names_no_folder(program, local):
    broken = SONG[:44] + b"\xff\xfe" * 5  # a header, and hardly a sound
    answer = program.order(broken, FIRST, name="../../a/broken.wav", settings="{}")
    if answer.status_code == 202:
        done = program.ended(answer.json())
        assert done["names"] == ["broken.wav"] and str(local[1].root) not in json.dumps(done)
    else:
        refused(answer, local, 422, "")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer ddsing_0_" + "x" * 43},
        {"authorization": b"Bearer \xff\xfe"},
        {"authorization": "Basic ZGRzaW5nOng="},
        {"cookie": "token=x"},
    ],
)
def test_without_a_token_nothing_is_told_or_read(local, headers):
    for method, address in (("GET", "/instruments"), ("GET", "/takes/x/recipe.json"), ("POST", "/transfers")):
        answer = httpx.request(method, f"{local[0].url}/api/v1{address}", headers=headers)
        refused(answer, local, 401, "Bearer TOKEN")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_revoked_token_is_none(local):
    server, workspace = local
    with Program(server.url, Tokens(workspace).make("brief")[1]) as brief:
        assert brief.get("/instruments").status_code == 200
        Tokens(workspace).revoke("brief")
        assert brief.get("/instruments").status_code == 401


def test_what_is_announced_too_large_is_refused_before_it_comes(program, local):
    """The head alone; the 400 MB are never sent."""
    lines = [f"{name}: {value}" for name, value in program.headers.items() if name == "authorization"]
    lines += ["host: localhost", "content-type: multipart/form-data; boundary=x", "content-length: 400000000"]
    with socket.create_connection(("127.0.0.1", local[0].port), timeout=PATIENCE_S) as connection:
        connection.sendall("\r\n".join(["POST /api/v1/features HTTP/1.1", *lines, "", ""]).encode())
        came = http.client.HTTPResponse(connection)
        came.begin()
        refused(httpx.Response(came.status, headers=came.headers.items(), content=came.read()), local, 413, "300 MB")


def test_orders_that_come_at_once_are_one_job_or_some_and_all_are_done(program):
    answers = []

    def ask(seed):
        answers.append(program.order(SONG, FIRST, settings=json.dumps({"seed": seed})))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in (50, 50, 51)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {answer.json()["id"]: program.ended(answer.json()) for answer in answers}
    assert all(one["state"] == "done" and one["recordings"][0]["take"] for one in found.values())
    seeds = {
        program.get(f"/takes/{one['recordings'][0]['take']}/recipe.json").json()["settings"]["seed"]
        for one in found.values()
    }
    assert seeds == {50, 51}


def test_the_pages_are_there_as_ever(local):
    answer = httpx.get(local[0].url)
    assert answer.status_code == 200 and "<html" in answer.text


def test_what_the_page_shows_works(local, monkeypatch, capsys, tmp_path):
    server, workspace = local
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.wav").write_bytes(SONG)
    shown = BLOCK[1]
    for there, here in (("http://localhost:8501", server.url), ('"aria"', repr(FIRST)), ('"full"', '"instant"')):
        shown = shown.replace(there, here)
    monkeypatch.setenv("DDSING_TOKEN", Tokens(workspace).make("page")[1])
    exec(compile(shown, "rest.md", "exec"), {})
    assert audio.decode((tmp_path / "sung.wav").read_bytes()).any() and FIRST in capsys.readouterr().out
