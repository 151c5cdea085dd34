"""Turns are fair by person, nothing accepted is lost, and what stands in the store can't make a worker run anything."""

import errno
import json
import os

import pytest

from ddsing.work import folder, turns
from ddsing.work.folder import OrderFolder
from ddsing.work.queue import Queue, QueueError
from tests.support.worked import Site, sung, transfer


@pytest.fixture
def sound():
    return sung(0.2)


def served(site: Site, *, n: int = 10**9) -> list[str]:
    """Take orders out as workers would, in their order; returns whose they are."""
    found = []

    def note(order: OrderFolder) -> None:
        site.queue.begin(order)
        found.append(order.workspace.name)
        site.queue.end(order, folder.End(result={}))

    site.queue.on_due = note
    while len(found) < n and (task := site.queue.huey.dequeue()) is not None:
        site.queue.huey.execute(task)
    return found


def order(site: Site, name: str, sound, n: int = 1) -> list[OrderFolder]:
    workspace = site.person(name)
    asked = transfer(workspace, sound)
    return [site.queue.submit(workspace.root, asked) for _ in range(n)]


@pytest.mark.slow
def test_fifty_orders_of_one_person_delay_another_s_by_one(site, sound):
    order(site, "ann1", sound, 50)
    order(site, "bob1", sound, 3)
    assert served(site, n=7) == ["ann1", "bob1", "ann1", "bob1", "ann1", "bob1", "ann1"]


def test_somebody_who_comes_later_is_next(site, sound):
    order(site, "ann1", sound, 20)
    served(site, n=10)
    order(site, "bob1", sound)
    assert served(site, n=1) == ["bob1"]


def test_a_backlog_is_served_too_while_others_keep_coming(site, sound):
    order(site, "ann1", sound, 6)
    found = []
    for _ in range(12):
        order(site, "bob1", sound)
        found += served(site, n=2)
    assert found.count("ann1") == 6 and all("ann1" in found[at : at + 3] for at in range(0, 9))


def test_what_was_cancelled_puts_nobody_back(site, sound):
    order(site, "ann1", sound, 2)
    for one in order(site, "bob1", sound, 30):
        site.queue.cancel(one)
        assert one.ended().cancelled
    order(site, "bob1", sound)
    assert served(site) == ["ann1", "bob1", "ann1"]


def test_the_place_in_line_is_told_with_the_time(site, sound):
    first, second = order(site, "ann1", sound, 2)
    (other,) = order(site, "bob1", sound)
    site.queue._seen_s = -1.0
    assert [site.queue.place(one).number for one in (first, other, second)] == [1, 2, 3]
    site.queue.cancel(first)
    site.queue._seen_s = -1.0
    assert site.queue.place(first) is None and site.queue.place(second).number == 2


@pytest.mark.parametrize(
    ("serving", "begun", "waiting", "expected"),
    [(0, None, [], 0), (9, None, [], 9), (9, 9, [], 10), (9, 2, [], 9), (9, 9, [10, 11], 12), (3, None, [0, 1], 3)],
)
def test_turns(serving, begun, waiting, expected):
    assert turns.turn(serving, begun, waiting) == expected


def test_what_is_lost_on_the_way_is_given_out_again(site, sound):
    (one,) = order(site, "ann1", sound)
    assert site.queue.huey.dequeue() is not None  # a worker that was killed at once
    assert site.queue.recover() == 0 and site.queue.recover() == 1
    assert site.queue.recover() == 0 and site.queue.recover() == 0, "it waits"
    assert served(site) == ["ann1"] and one.ended().result == {}
    assert site.queue.recover() == site.queue.recover() == 0


def test_a_store_that_is_lost_is_filled_again_from_the_folders(site, sound):
    order(site, "ann1", sound, 4)
    served(site, n=2)
    site.queue.huey.storage.flush_all()
    assert site.queue.recover() == 0 and site.queue.recover() == 2
    order(site, "bob1", sound)
    assert served(site) == ["ann1", "bob1", "ann1"], "who comes now is not before those who waited"


def test_what_was_written_down_and_never_given_out_is_found_at_the_start(site, sound):
    ann = site.person("ann1")
    site.queue.restore()
    OrderFolder.create(ann.root, transfer(ann, sound), tab="", turn=0)
    assert site.queue.recover() == site.queue.recover() == 0
    again = Queue(site.root, site.redis)
    assert again.restore() == 1 and again.recover() == 0 and again.recover() == 1


def test_an_end_that_nobody_looked_at_is_forgotten_after_a_day(site, sound):
    (old,), (new,) = order(site, "ann1", sound), order(site, "ann1", sound)
    for one in (old, new):
        one.cancel()
    os.utime(old.path, (1.0, 1.0))
    assert site.queue.restore() == 0 and not old.path.exists() and new.path.exists()


def test_an_order_is_given_out_once_however_often_it_is_due(site, sound):
    (one,) = order(site, "ann1", sound)
    site.queue._give_out(one, 1.0)
    with one.held(patience_s=0.0) as mine:
        assert mine
        with one.held(patience_s=0.0) as another:
            assert not another


@pytest.mark.parametrize("owner", ["../elsewhere", "/etc", "people/../../x", "people", "people/ab/.."])
def test_a_message_that_names_another_folder_does_nothing(site, sound, owner):
    order(site, "ann1", sound)
    seen = []
    site.queue.on_due = seen.append
    site.queue._is_due(owner, "../../../x", 1.0)
    site.queue._is_due(owner, "0001-ab", 1.0)
    assert seen == []


def test_the_store_holds_json_only(site, sound):
    order(site, "ann1", sound)
    (data,) = site.queue.huey.storage.enqueued_items()
    assert json.loads(bytes(data))[1].endswith("due")
    for value in site.queue.huey.storage.result_items().values():
        json.loads(bytes(value))


def test_a_full_disk_is_a_sentence_and_leaves_no_order(embedded, sound, monkeypatch):
    ann = embedded.person("ann1")
    asked = transfer(ann, sound)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder.np, "save", full)
    with pytest.raises(QueueError, match="No space left on device"):
        embedded.queue.submit(ann.root, asked)
    assert folder.of_workspace(ann.root) == [] and not list((ann.root / folder.NAME).iterdir())


def test_a_redis_that_is_away_is_a_sentence_and_leaves_no_order(tmp_path, sound):
    site = Site(tmp_path, "redis://127.0.0.1:1/0")
    with pytest.raises(QueueError, match="can't be reached"):
        order(site, "ann1", sound)
    assert folder.of_workspace(site.person("ann1").root) == []


def test_sites_that_share_a_redis_have_queues_of_their_own(tmp_path, redis, sound):
    one, other = Site(tmp_path / "one", redis.url), Site(tmp_path / "other", redis.url)
    order(one, "ann1", sound)
    assert other.queue.huey.dequeue() is None and one.queue.huey.dequeue() is not None
