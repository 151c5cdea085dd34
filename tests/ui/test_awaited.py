"""A sound's address that answers once there is something to hear: at once, after a while, or not yet."""

import asyncio

import pytest
from starlette.testclient import TestClient

from ddsing.ui.player import awaited, players


@pytest.fixture
def files(monkeypatch):
    """Addresses of files as the server gives them; what becomes of them."""
    given = []

    def address(sound, place, *, mime="audio/wav", known=None):
        given.append(sound)
        return f"/media/{sound.decode().replace(' ', '')}.wav"

    monkeypatch.setattr(players, "address", address)
    monkeypatch.setattr(awaited, "_sounds", type(awaited._sounds)())
    return given


async def _others(scope, receive, send):
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"another's"})


@pytest.fixture
def browser():
    return TestClient(awaited.Awaited(_others))


def test_what_is_there_is_answered_as_a_wav_that_nobody_keeps(files, browser):
    answer = browser.get(awaited.address("one", lambda: b"RIFF", "spot"))
    assert (answer.status_code, answer.content) == (200, b"RIFF")
    assert answer.headers["content-type"] == "audio/wav" and answer.headers["cache-control"] == "no-store"


def test_it_waits_for_what_is_still_made_and_looks_often_at_first(files, browser, monkeypatch):
    pauses, looks = [], iter([None, None, None, b"RIFF"])

    async def pause(seconds):
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    answer = browser.get(awaited.address("one", lambda: next(looks), "spot"))
    assert answer.content == b"RIFF" and len(pauses) == 3
    assert pauses == sorted(pauses) and pauses[0] < 0.01


def test_who_waits_in_vain_is_told_to_ask_again(files, browser, monkeypatch):
    monkeypatch.setattr(awaited, "WAIT_S", 0.0)
    answer = browser.get(awaited.address("one", lambda: None, "spot"))
    assert (answer.status_code, answer.content) == (204, b"")


def test_all_else_goes_on(files, browser):
    url = awaited.address("one", lambda: b"RIFF", "spot")
    assert browser.get(url.replace("one", "two")).content == b"another's"
    for other in ("/elsewhere/", "/some/media/", "//media/", "/media/media/", "/media//"):
        assert browser.get("http://testserver" + url.replace("/media/", other)).content == b"another's", other
    assert browser.get(f"{url}/").content == b"another's", "a guard before it takes that for another file"
    assert browser.head(url).status_code == 404


def test_a_dashboard_with_a_path_of_its_own(files):
    url = awaited.address("one", lambda: b"RIFF", "spot")
    there = TestClient(awaited.Awaited(_others, base="sing"))
    assert (there.get(url).status_code, there.get(f"/sing{url}").content) == (404, b"RIFF")


def test_only_the_latest_are_known(files, browser, monkeypatch):
    monkeypatch.setattr(awaited, "MOST", 2)
    urls = [awaited.address(name, lambda: b"RIFF", "spot") for name in ("one", "two", "three")]
    assert [browser.get(url).status_code for url in urls] == [404, 200, 200]


def test_without_a_server_there_is_no_address():
    assert awaited.address("one", lambda: b"RIFF", "spot") == ""
