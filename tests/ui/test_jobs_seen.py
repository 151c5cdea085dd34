"""A page on which a job ends while it is drawn shows the same as one that is opened afterwards."""

import re
from types import SimpleNamespace

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import local_script_runner

from ddsing.dataset import prepare, voices
from ddsing.experiments.comparison import job, matrix
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.order import Order
from ddsing.jobs.store import JobStore
from ddsing.ui.shell import voice_picker, warmup
from ddsing.workspace import open_workspace
from tests.support import tiny_runs, tiny_workspace
from tests.support.pages import clean, open_page, said

pytestmark = pytest.mark.slow
VOICE = "Mira"  # which the tutorial on the Training page is about
LOOKS = (1, 2, 3)


class Here:
    """What a job tells its process, which is this one."""

    def report(self, **_):
        pass

    def should_stop(self):
        return False


def running(workspace, kind):
    """A job of the voice that runs, and how it is ended."""
    store = JobStore(workspace, launcher=SimpleNamespace(start=lambda folder: None))
    cells = matrix.Matrix(tuple(tiny_workspace.NAMES), (f"{tiny_workspace.EXAMPLE}.wav",), "tiny")
    order = Order(kind, f"{kind} {VOICE}", {"voice": VOICE, "steps": 60}, key=f"{kind}:{VOICE}", needs_bytes=0)
    order = job.order(workspace, cells) if kind == "matrix" else order
    folder = JobFolder(workspace.jobs / store.submit(order).id)
    lock = folder.take()
    folder.write_record({"state": "running"})

    def end():
        if kind == "prepare":
            prepare.prepare(voices.get(workspace, VOICE), tracker="tiny")
        if kind == "matrix":
            job.run(workspace, cells.to_json(), Here())
        folder.write_record({"state": "stopped"})
        lock.release()

    return end


def shown(app):
    """What is said, without numbers and times, which are measured; and what can be pressed."""
    clean(app)
    return re.sub(r"[\d.,–]+|\b(s|min|h)\b|\s", "", said(app)), sorted(str(button.key) for button in app.button)


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


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("looks", LOOKS)
@pytest.mark.parametrize(
    ("page", "kind"),
    [
        ("training", "train"),
        ("training", "prepare"),
        ("datasets", "prepare"),
        ("experiments", "sweep"),
        ("experiments", "matrix"),
    ],
)
def test_a_job_that_ends_while_the_page_is_drawn(monkeypatch, tmp_path, page, kind, looks, before):
    workspace = open_workspace(tiny_workspace.fill(tmp_path / "ws"))
    (workspace.audio / "alto").rename(workspace.audio / VOICE)
    training = tiny_runs.run(workspace, VOICE, n_steps=20, save_every=20)
    for suffix in (".index", ".data-00000-of-00001"):
        (training / f"ckpt-20{suffix}").touch()
    monkeypatch.setattr(warmup, "start", lambda: None)
    monkeypatch.setattr(warmup, "_status", warmup.Warmup(over=True))  # a page asks while its measurements are to come
    through_the_app(monkeypatch)
    view = {"sweep": {"view": "parameters"}, "matrix": {"view": "matrix"}}.get(kind, {})
    app = open_page(monkeypatch, workspace.root, page, **view)
    if page != "experiments":
        app.session_state[voice_picker.VOICE] = VOICE
    end, found, seen = running(workspace, kind), JobStore._found, []

    def ends(store, *looked):
        seen.append(store)
        if before and len(seen) == looks:
            end()
        jobs = found(store, *looked)
        if not before and len(seen) == looks:
            end()
        return jobs

    monkeypatch.setattr(JobStore, "_found", ends)
    asks = listening(monkeypatch)
    app.run()
    while asks[-1]:  # as a browser does
        app.run()
    once = shown(app)
    assert len(seen) >= looks and once == shown(app.run()) and once[0]
