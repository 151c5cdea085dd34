"""What an admin sees of a site and does about it: counted in the background, for admins only, and in the log."""

import contextlib
import dataclasses
import datetime
import json
import threading
import time

import pytest
from sqlalchemy import update

from ddsing import storage
from ddsing.hosting import audit, census, oversight, private, switch
from ddsing.hosting import site as sites
from ddsing.hosting.tables import people
from ddsing.jobs import queue
from ddsing.jobs.store import JobStore
from ddsing.ui.admin import desk
from ddsing.ui.admin import jobs as jobs_view
from ddsing.ui.admin import log as log_view
from ddsing.ui.admin import people as people_view
from ddsing.ui.shell import visitor
from ddsing.ui.shell.visitor import Visitor
from ddsing.workspace import Workspace
from tests.hosting.test_config import PEOPLE
from tests.support import busy_site, idle_jobs
from tests.support.counts import rounds
from tests.support.idle_jobs import NoLauncher
from tests.support.pages import clean, open_page, said


@pytest.fixture
def site(own_locks, monkeypatch, tmp_path):
    """A site with some people, which this process serves."""
    (tmp_path / "hosting.toml").write_text(PEOPLE)
    monkeypatch.setenv(switch.SERVED, str(tmp_path / "hosting.toml"))
    opened = sites.served()
    busy_site.add_people(opened, 8)
    yield opened
    sites.close()


@pytest.fixture
def as_who(monkeypatch, site, quiet):
    """Opens a page as somebody of a role: the first person of the site."""

    def open_as(kind, page="admin"):
        first = oversight.person(site, 1)
        folder = site.member_folder(first.workspace)
        here = Visitor(kind, first.called, first.who, folder)
        monkeypatch.setattr(visitor, "current", lambda: here)
        return open_page(monkeypatch, folder, page)

    return open_as


def look_at(app, view):
    app.button_group(key="admin.view").set_value(view).run()
    return app


def ended(store, kind, *, created_s, began_s, ended_s, device="cpu"):
    """A job that has ended, with its times."""
    job = store.submit(dataclasses.replace(idle_jobs.order(kind, f"Ended {created_s}"), device=device))
    folder = idle_jobs.folder(store, job)
    spec = folder.spec() | {"created": created_s}
    (folder.path / "spec.json").write_text(json.dumps(spec))
    idle_jobs.write(store, job, state="done", started=began_s, ended=ended_s)
    return job


# What is counted


def test_bytes_and_jobs_of_everybody_are_counted(site):
    with busy_site.jobs_of(site, 5):
        found = census.Counter(site).count()
        assert census.read(site.config.root) == found
        everybody = site.people.list()
        assert found.n_bytes == {
            person.id: storage.total_bytes(Workspace(site.member_folder(person.workspace))) for person in everybody
        }
        assert sorted(job.state for job in found.jobs) == ["running", "running", "running", "waiting", "waiting"]
        assert sorted(job.place for job in found.jobs) == [0, 0, 0, 1, 2]
        (first,) = [job for job in found.jobs if job.device == "cpu" and job.started_s]
        assert 0.3 < first.fraction < 0.4 and len(first.left_s) == 2
    assert "Secret" not in (site.config.root / private.FOLDER / census.NAME).read_text()


def test_use_is_counted_by_day(site):
    store = JobStore(Workspace(site.member_folder(oversight.person(site, 2).workspace)), launcher=NoLauncher())
    store.workspace.root.mkdir(parents=True)
    midnight = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    ended(store, "train", created_s=midnight - 1000, began_s=midnight - 900, ended_s=midnight)
    ended(store, "sweep", created_s=midnight - 90_000, began_s=midnight - 86_500, ended_s=midnight - 86_000)
    ended(store, "prepare", created_s=midnight - 500, began_s=midnight - 400, ended_s=midnight - 300, device=None)
    long_ago = midnight - 30 * 86_400
    ended(store, "train", created_s=long_ago, began_s=long_ago, ended_s=long_ago + 86_400)
    days = census.Counter(site).count().days
    assert len(days) == census.DAYS and days[-1].day == datetime.datetime.now(datetime.UTC).date().isoformat()
    assert (days[-2].jobs, days[-2].device_s) == (2, 1300.0) and (days[-3].jobs, days[-3].device_s) == (1, 100.0)
    assert sum(day.jobs for day in days) == 3
    assert days[-1].people == len({one.who for one in audit.newest(site.engine) if one.what == "signed in"})


def test_a_workspace_is_measured_again_only_when_its_owner_was_here(site, monkeypatch):
    measured = []
    monkeypatch.setattr(census.storage, "total_bytes", lambda workspace: measured.append(workspace) or 1)
    counter = census.Counter(site)
    counter.count()
    assert len(measured) == 8
    with site.engine.begin() as connection:
        connection.execute(update(people).values(seen_s=time.time() - 3600.0))
        connection.execute(update(people).where(people.c.id == 3).values(seen_s=time.time()))
    measured.clear()
    counter.count()
    assert len(measured) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"at_s": 1, "n_bytes": {}, "jobs": [{"x": 1}], "days": []}'])
def test_a_damaged_count_is_none_and_is_counted_again(site, text):
    private.folder(site.config.root)
    (site.config.root / private.FOLDER / census.NAME).write_text(text)
    assert census.read(site.config.root) is None
    assert census.Counter(site).count() == census.read(site.config.root)


def test_of_several_servers_one_counts(site, monkeypatch):
    counts = []
    monkeypatch.setattr(census.Counter, "_days", lambda *_: counts.append(1) or ())
    threads = [
        threading.Thread(target=census._count_if_old, args=(site, census.Counter(site), 60.0))
        for _ in range(rounds(full=40, push=8))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 1


# What is done


def test_what_an_admin_does_is_in_the_log(site):
    with busy_site.jobs_of(site, 6) as folders:
        waiting = folders[5]
        (owner,) = [one for one in site.people.list() if site.member_folder(one.workspace) == waiting.root]
        oversight.put_first(site, owner.id, waiting.id, by="person 1")
        assert [ticket.job for ticket in queue.tickets("cpu")][1] == waiting.path
        oversight.stop(site, owner.id, waiting.id, by="person 1")
        assert waiting.stop_requested()
        with pytest.raises(oversight.OversightError, match="no longer waits"):
            oversight.put_first(site, _owner(site, folders[0]), folders[0].id, by="person 1")
    oversight.block(site, 5, True, by="person 1")
    lines = [(one.who, one.what, one.about) for one in audit.newest(site.engine, 3)]
    assert lines == [
        ("person 1", "blocked", "person 5"),
        ("person 1", "stopped a job", f"{owner.who}, sweep"),
        ("person 1", "put a job first", f"{owner.who}, sweep"),
    ]
    assert "Secret" not in str(audit.newest(site.engine))


def _owner(site, folder):
    return next(one.id for one in site.people.list() if site.member_folder(one.workspace) == folder.root)


def test_nobody_blocks_themselves_or_nobody(site):
    with pytest.raises(oversight.OversightError, match="can't block yourself"):
        oversight.block(site, 1, True, by="person 1")
    with pytest.raises(oversight.OversightError, match="number 99"):
        oversight.block(site, 99, True, by="person 1")


# The page


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["member", "guest", "local"])
def test_for_all_others_there_is_no_such_page(as_who, kind):
    app = as_who(kind, "timbre_transfer")
    assert "Admin" not in said(app) and not app.exception
    with pytest.raises(ValueError, match="Could not find a navigation page") as unknown:  # as for any other address
        app.switch_page("pages/admin.py")
    assert "Known pages" in str(unknown.value) and str(unknown.value).count("admin.py") == 1
    for ask in (desk.site, desk.people, desk.counted):
        with pytest.raises(desk.NoPage, match="no such page"):
            ask()


@pytest.mark.slow
def test_an_admin_sees_figures_people_jobs_and_the_log(as_who, site):
    with busy_site.jobs_of(site, 5):
        census.Counter(site).count()
        app = as_who("admin")
        clean(app)
        assert {one.label: one.value for one in app.metric}["Jobs running"] == "3"
        assert "2 waiting of" in said(app) and "Secret" not in said(app)
        look_at(app, "people")
        clean(app)
        assert list(app.dataframe[0].value["Number"]) == [person.id for person in site.people.list()]
        app.text_input(key="admin.people.find").set_value("carla").run()
        assert list(app.dataframe[0].value["Name"]) == ["Carla Berger"]
        app.text_input(key="admin.people.find").set_value("nobody at all").run()
        assert "None of the 8 people matches." in said(app)
        look_at(app, "jobs")
        clean(app)
        assert sorted(app.dataframe[0].value["State"]) == ["running", "running", "running", "waiting", "waiting"]
        done = app.dataframe[0].value["Done"].dropna()
        assert len(done) == 3 and list(done) == [round(share, 2) for share in done], "whole per cent"
        assert [jobs_view._whole(place) for place in app.dataframe[0].value["Place"].dropna()] == ["1", "2"]
        look_at(app, "log")
        clean(app)
        assert len(app.dataframe[0].value) == len(audit.newest(site.engine))


def test_an_empty_site_is_no_error(as_who, site):
    with site.engine.begin() as connection:
        connection.execute(people.delete().where(people.c.id > 1))
    app = as_who("admin")
    clean(app)
    assert "Counting for the first time" in said(app)
    census.Counter(site).count()
    for view in ("overview", "people", "jobs", "log"):
        clean(look_at(app, view))
        if view == "jobs":
            assert "Nothing runs or waits." in said(app)


def test_what_a_button_does_asks_again_who_is_there(as_who, site):
    as_who("member", "timbre_transfer")
    for do in (lambda: people_view._block(3, True), lambda: jobs_view._stop([(3, "x")]), lambda: log_view.show()):
        with contextlib.suppress(desk.NoPage):
            do()
    assert not oversight.person(site, 3).blocked
    with pytest.raises(desk.NoPage, match="no such page"):
        desk.people()
