"""A download that is made when it is asked for is there, whatever runs between the click and the file."""

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from ddsing.ui.shell import downloads
from tests.support.pages import open_page

WAV = "audio/wav"


@pytest.fixture
def storage():
    return MemoryMediaFileStorage("/media")


@pytest.fixture
def manager(storage):
    downloads.keep_within_reach()
    return MediaFileManager(storage)


@pytest.fixture
def passed(monkeypatch):
    """Lets the while pass for which things are held."""
    return lambda: monkeypatch.setattr(downloads, "HELD_S", -1.0)


def drawn(manager, content, *, place="0.1", button="take.wav"):
    """What a run of the page does for a button."""
    return manager.add_deferred(lambda: content, WAV, place, "take.wav", element_id=button)


def begun(manager):
    """What a run of the page does first."""
    manager.clear_session_refs()


def ended(manager):
    """What it does last, for everybody's files."""
    manager.remove_orphaned_files()


def content(storage, url):
    return storage.get_file(url.rpartition("/")[2]).content


def test_a_click_on_what_the_run_before_drew_gets_what_is_there_now(manager, storage):
    seen = drawn(manager, b"before")
    begun(manager)
    drawn(manager, b"now", place="0.2")
    ended(manager)
    assert content(storage, manager.execute_deferred(seen)) == b"now"


def test_each_button_keeps_its_own_name(manager, storage):
    first, second = drawn(manager, b"1", button="1"), drawn(manager, b"2", place="0.2", button="2")
    begun(manager)
    assert drawn(manager, b"1", button="1") == first
    assert drawn(manager, b"2", place="0.2", button="2") == second
    ended(manager)
    assert [content(storage, manager.execute_deferred(one)) for one in (first, second)] == [b"1", b"2"]


def test_a_run_of_another_tab_ends_before_this_one_has_drawn_its_button(manager, storage):
    seen = drawn(manager, b"wav")
    begun(manager)
    ended(manager)
    assert content(storage, manager.execute_deferred(seen)) == b"wav"


def test_what_was_made_waits_for_the_browser(manager, storage):
    url = manager.execute_deferred(drawn(manager, b"wav"))
    for _ in range(3):
        begun(manager)
        ended(manager)
    assert content(storage, url) == b"wav"


def test_it_is_not_held_for_ever(manager, storage, passed):
    seen = drawn(manager, b"wav")
    url = manager.execute_deferred(seen)
    passed()
    begun(manager)
    for _ in range(2):  # Streamlit throws a file away at the second end
        ended(manager)
    with pytest.raises(MediaFileStorageError):
        manager.execute_deferred(seen)
    with pytest.raises(MediaFileStorageError):
        storage.get_file(url.rpartition("/")[2])


def test_a_button_that_can_t_be_pressed_any_more_gives_nothing(manager):
    seen = drawn(manager, b"wav")
    begun(manager)
    manager.remove_deferred("0.1", element_id="take.wav")
    with pytest.raises(MediaFileStorageError):
        manager.execute_deferred(seen)


def test_the_dashboard_sees_to_it(monkeypatch, tmp_path):
    monkeypatch.setattr(MediaFileManager, "add_deferred", downloads._add)
    open_page(monkeypatch, tmp_path)
    assert MediaFileManager.add_deferred is downloads._by_its_name
