"""Addresses of sounds in the page: kept from run to run without reading the file again, never of other content."""

import types

import pytest
from streamlit import runtime
from streamlit.runtime import media_file_manager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from ddsing.ui.player import players


class Server:
    """Streamlit's own store of what its pages play, and one tab."""

    def __init__(self):
        self.storage = MemoryMediaFileStorage("/media")
        self.manager = MediaFileManager(self.storage)

    def run_again(self):
        """What Streamlit does before a run of the page; `end` is what it does after it."""
        self.manager.clear_session_refs("tab")

    def end(self):
        self.manager.remove_orphaned_files()

    def sound(self, url):
        return self.storage.get_file(url.rpartition("/")[2]).content


@pytest.fixture
def server(monkeypatch):
    made = Server()
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: types.SimpleNamespace(media_file_mgr=made.manager))
    monkeypatch.setattr(media_file_manager, "_get_session_id", lambda: "tab")
    monkeypatch.setattr(players, "get_script_run_ctx", lambda: types.SimpleNamespace(session_id="tab"))
    monkeypatch.setattr(players, "_addresses", {})
    return made


@pytest.fixture
def added(server, monkeypatch):
    """What went to the store, each time."""
    found, add = [], server.manager.add
    monkeypatch.setattr(server.manager, "add", lambda sound, *more: found.append(sound) or add(sound, *more))
    return found


def test_a_file_is_read_once_and_stays_as_long_as_it_is_on_the_page(server, added, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"one")
    url = players.address(path, "take.1")
    for _ in range(3):
        server.run_again()
        assert players.address(path, "take.1") == url
        server.end()
    assert added == [b"one"] and server.sound(url) == b"one"
    server.run_again()
    server.end()
    with pytest.raises(MediaFileStorageError):
        server.sound(url)
    assert players.address(path, "take.1") == url and server.sound(url) == b"one", "it was away, and is read again"


def test_a_file_that_has_changed_has_another_address(server, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"one")
    url = players.address(path, "take.1")
    path.write_bytes(b"another")
    assert players.address(path, "take.1") != url and server.sound(players.address(path, "take.1")) == b"another"


def test_bytes_are_looked_at_once_where_it_is_known_what_they_are(server, added):
    for _ in range(2):
        players.address(b"known", "recording", known="its hash")
        players.address(b"unknown", "preview")
    assert added == [b"known", b"unknown", b"unknown"]
    url = players.address(b"known", "recording", known="its hash")
    assert players.address(b"known", "recording", known="its hash", mime="audio/flac") != url


def test_only_so_many_addresses_are_remembered(server, added, monkeypatch):
    monkeypatch.setattr(players, "MOST_ADDRESSES", 2)
    for name in "abcab":
        players.address(name.encode(), name, known=name)
        assert len(players._addresses) <= 2
    assert added == [b"a", b"b", b"c", b"a", b"b"], "all were forgotten when c came, and when b came again"
