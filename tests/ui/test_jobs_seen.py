"""A page on which a job ends while it is drawn shows the same as one that is opened afterwards."""

from types import SimpleNamespace

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import local_script_runner

from ddsing.jobs.folder import JobFolder
from ddsing.jobs.order import Order
from ddsing.jobs.store import JobStore
from ddsing.ui.shell import voice_picker, warmup
from ddsing.workspace import open_workspace
from tests.support import tiny_runs, tiny_workspace
from tests.support.pages import clean, open_page, said

VOICE = "Mira"  # which the tutorial on the Training page is about
LOOKS = (1, 2, 3, 4)


def running(workspace, kind):
    """A job of the voice that runs, and how it is ended."""
    store = JobStore(workspace, launcher=SimpleNamespace(start=lambda folder: None))
    order = Order(kind, f"{kind} {VOICE}", {"voice": VOICE, "steps": 60}, key=f"{kind}:{VOICE}", needs_bytes=0)
    folder = JobFolder(workspace.jobs / store.submit(order).id)
    lock = folder.take()
    folder.write_record({"state": "running"})

    def end():
        folder.write_record({"state": "stopped"})
        lock.release()

    return end


def shown(app):
    """What is said, and what can be pressed."""
    clean(app)
    return said(app), sorted(str(button.key) for button in app.button)


def through_the_app(monkeypatch):
    """Pages are run by app.py, as in a browser; else a test runs a page's file alone."""
    made = PagesManager.__init__

    def init(pages, *args, **options):
        made(pages, *args, **options)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", init)


def listening(monkeypatch):
    """Of each run from now on, whether the page asks to be run again by and by."""
    asks, parse = [], local_script_runner.parse_tree_from_messages

    def parsed(messages):
        asks.append(any(message.HasField("auto_rerun") for message in messages))
        return parse(messages)

    monkeypatch.setattr(local_script_runner, "parse_tree_from_messages", parsed)
    return asks


@pytest.mark.parametrize("looks", LOOKS)
@pytest.mark.parametrize(
    ("page", "kind"),
    [("training", "train"), ("training", "prepare"), ("datasets", "prepare"), ("experiments", "sweep")],
)
def test_a_job_that_ends_while_the_page_is_drawn(monkeypatch, tmp_path, page, kind, looks):
    workspace = open_workspace(tiny_workspace.fill(tmp_path / "ws"))
    (workspace.audio / "alto").rename(workspace.audio / VOICE)
    training = tiny_runs.run(workspace, VOICE, n_steps=20, save_every=20)
    for suffix in (".index", ".data-00000-of-00001"):
        (training / f"ckpt-20{suffix}").touch()
    monkeypatch.setattr(warmup, "start", lambda: None)
    monkeypatch.setattr(warmup, "_status", warmup.Warmup(over=True))  # a page asks while its measurements are to come
    through_the_app(monkeypatch)
    app = open_page(monkeypatch, workspace.root, page, **({"view": "parameters"} if page == "experiments" else {}))
    app.session_state[voice_picker.VOICE] = VOICE
    end, found, seen = running(workspace, kind), JobStore._found, []

    def ends_afterwards(store):
        jobs = found(store)
        seen.append(jobs)
        if len(seen) == looks:
            end()
        return jobs

    monkeypatch.setattr(JobStore, "_found", ends_afterwards)
    asks = listening(monkeypatch)
    app.run()
    while asks[-1]:  # as a browser does
        app.run()
    once = shown(app)
    assert len(seen) >= looks and once == shown(app.run()) and once[1]
