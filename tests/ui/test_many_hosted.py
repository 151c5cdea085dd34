"""Many recordings and presets for people with limits: nothing past them is kept, no folder of the server is read."""

from pathlib import Path

import pytest

from ddsing import storage
from ddsing.hosting.config import Limits, Rates
from ddsing.hosting.quotas import Quota
from ddsing.hosting.rates import Limiter
from ddsing.hosting.site import open_site
from ddsing.jobs import launchers
from ddsing.jobs.store import JobStore
from ddsing.sound.audio import encode
from ddsing.transfer import job
from ddsing.transfer.presets import Presets
from ddsing.transfer.takes import TakeStore
from ddsing.ui.shell import visitor
from ddsing.ui.shell.visitor import Visitor
from ddsing.ui.transfer import many
from ddsing.workspace import Workspace
from tests.hosting.test_config import PEOPLE, read
from tests.support import tiny_workspace
from tests.support.idle_jobs import NoLauncher
from tests.support.pages import clean, open_page, said

SOUND = encode(tiny_workspace.sung(1.2))
FILES = [(f"{number}.wav", SOUND, "audio/wav") for number in range(2)]


class Quiet:
    """As much of a job as its function sees."""

    def report(self, **fields):
        """Told."""

    def should_stop(self):
        return False


@pytest.fixture
def come_in(monkeypatch, tmp_path):
    """Who is at all pages from now on; jobs are ordered and never start."""
    monkeypatch.setattr(launchers, "of", lambda *_: NoLauncher())

    def enter(kind="member", *, house=None, rates=None, spare_bytes=None, **limits):
        root = tmp_path / "ann"
        if not root.exists():
            (tiny_workspace.empty if house else tiny_workspace.fill)(root)
        if spare_bytes is not None:
            limits["workspace_gb"] = (storage.total_bytes(Workspace(root)) + spare_bytes) / 1e9
        quota = Quota(Limits(**limits), Workspace(root), Limits(**limits).transfer_seconds, 1)
        limiter = None if rates is None else Limiter(rates)
        found = Visitor(kind, "Ann", "person 1", root, quota=quota, limiter=limiter, house=house)
        monkeypatch.setattr(visitor, "current", lambda: found)
        return root

    return enter


def order(app):
    app.session_state["many.panel"] = True
    app.run()
    app.file_uploader(key="many.uploader.0").set_value(FILES).run()
    return app.button(key="many.start").click().run()


def nothing_kept(root: Path) -> bool:
    return not JobStore(Workspace(root)).list() and not list((root / ".batches").glob("*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"spare_bytes": 1000}, "The upload needs"),
        ({"spare_bytes": 2 * len(SOUND) + 90_000}, "are left"),  # the takes are the rest
        ({"live_jobs": 0}, "is the most at once"),
        ({"transfer_seconds": 1.3, "rates": Rates(transfers="1 per hour")}, "are 2.4 s long altogether, and 1.3 s can"),
        ({"rates": Rates(transfers="1 per hour")}, None),
    ],
    ids=["uploads", "takes", "jobs", "length", "rates"],
)
def test_what_is_too_much_is_refused_and_nothing_is_kept(come_in, monkeypatch, limits, why):
    root = come_in(**limits)
    app = order(open_page(monkeypatch, root))
    if why is None:  # both are short, so that they count as one transfer, and the next ones are refused
        assert len(JobStore(Workspace(root)).list()) == 1
        JobStore(Workspace(root)).stop(JobStore(Workspace(root)).list()[0].id, force=True)
        app.run()
        monkeypatch.setattr(many.st, "session_state", {"many.round": 0, "transfer.tracker": "tiny"})
        many._start(many.sources.caches.instruments()[0], [job.Source("x.wav", SOUND)])
        assert "1 per hour" in str(many.st.session_state) and len(JobStore(Workspace(root)).list()) == 1
        return
    assert why in app.error[0].value.replace("\\", "") and nothing_kept(root) and not app.exception


@pytest.mark.slow
def test_the_house_s_instruments_sing_and_the_job_names_no_place(come_in, monkeypatch, tmp_path):
    site = open_site(read(tmp_path, PEOPLE))
    tiny_workspace.fill(site.house.folder)
    root = come_in(house=site.house, transfer_seconds=1.0)
    app = open_page(monkeypatch, root)
    assert "A folder" not in app.session_state
    clean(order(app))
    (made,) = JobStore(Workspace(root)).list()
    assert str(tmp_path) not in str(made.options) and made.options["most_s"] == 1.0
    options = {**made.options, "most_s": 5.0, "tracker": "instant"}
    done = job.run(Workspace(root), options, Quiet())
    assert [one["result"] for one in done["recordings"]] == ["sung", "sung"] or done["recordings"][1]["take"]
    assert {take.instrument for take in TakeStore(Workspace(root)).list()} == {made.options["instrument"]}
    site.engine.dispose()


@pytest.mark.slow
def test_guests_have_no_batches_and_a_folder_that_is_asked_for_all_the_same_is_not_read(come_in, monkeypatch):
    root = come_in("guest")
    app = open_page(monkeypatch, root)
    clean(app)
    assert "many.panel" not in app.session_state
    come_in()
    app = open_page(monkeypatch, root)
    app.session_state["many.panel"] = True
    clean(app.run())
    assert many.FOLDER not in app.get_by_key("many.kind").options
    monkeypatch.setattr(many.st, "session_state", {many._PATH: str(root / "examples")})
    many._start_folder(many.sources.caches.instruments()[0], False)
    assert "Upload the recordings instead" in str(many.st.session_state) and nothing_kept(root)


@pytest.mark.slow
def test_a_full_quota_keeps_no_preset(come_in, monkeypatch):
    root = come_in(spare_bytes=100)
    app = open_page(monkeypatch, root)
    app.session_state["preset.panel"] = True
    app.run()
    app.text_input(key="preset.name").set_value("Dark").run()
    app.button(key="preset.save.send").click().run()
    assert "The preset needs" in app.error[0].value and Presets(Workspace(root)).list() == ()
    assert "of your" in said(app)
