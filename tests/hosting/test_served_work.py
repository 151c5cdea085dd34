"""``ddsing serve`` with its workers: what was accepted is done whatever is killed; a worker that died is replaced."""

import contextlib
import os
import signal
import sys

import psutil
import pytest

from ddsing.hosting import launch
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.work.queue import Queue
from ddsing.workspace import Workspace
from tests.hosting.test_config import PEOPLE
from tests.support import tiny_workspace
from tests.support.hosting import Site
from tests.support.patience import until
from tests.support.worked import ended, sung, takes, transfer
from tests.work.test_workers import same

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="needs signals")]


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    made.write(PEOPLE + "[work]\nprocesses = 2\n")
    yield made
    made.stop()


def workers(site: Site) -> list[int]:
    found = []
    for one in psutil.Process(site.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended
            found += [one.pid] if "ddsing.work.worker" in one.cmdline() else []
    return found


def person(site: Site, name: str) -> Workspace:
    root = site.root / "people" / name[:2] / name
    root.parent.mkdir(parents=True, exist_ok=True)
    return Workspace(tiny_workspace.fill(root))


def test_what_was_accepted_is_done_after_the_server_was_killed(site):
    ann, bob, long = person(site, "ann1"), person(site, "bob1"), sung(8.0)
    site.start()
    until(lambda: len(workers(site)) == 2)
    queue = Queue(site.root)
    orders = [queue.submit(ann.root, transfer(ann, long, seed=seed)) for seed in range(3)]
    until(lambda: orders[0].status().get("stage"))
    before = workers(site)
    site.process.send_signal(signal.SIGKILL)
    site.process.wait()
    until(lambda: not any(psutil.pid_exists(pid) for pid in before))
    assert len([one for one in orders if one.ended()]) < 3
    site.start()
    assert {ended(one).result["take"] for one in orders} == {take.id for take in takes(ann)} and len(takes(ann)) == 3
    name = tiny_workspace.NAMES[0]
    expected = pipeline.run(bob, long, name, Settings(seed=2), source_name=long.name, tracker="tiny")
    same(next(take for take in takes(ann) if take.settings.seed == 2), expected)


def test_a_worker_that_died_is_replaced_and_the_server_loads_no_network(site):
    ann = person(site, "ann1")
    site.start()
    until(lambda: len(workers(site)) == 2)
    for pid in workers(site):
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: len(workers(site)) == 2 and pid not in workers(site))
    assert ended(Queue(site.root).submit(ann.root, transfer(ann, sung()))).error == ""
    loaded = {mapped.path for mapped in psutil.Process(site.process.pid).memory_maps()}
    assert not [path for path in loaded if "tensorflow" in path]


def test_check_says_how_the_work_is_done(tmp_path):
    (tmp_path / "hosting.toml").write_text(PEOPLE + '[work]\nprocesses = 3\nredis = "redis://:hidden@localhost/1"\n')
    config, found = launch.hosted(tmp_path / "hosting.toml")
    assert found.about["work"] == "3 processes, queue in redis://:***@localhost/1" and "hidden" not in repr(config)
