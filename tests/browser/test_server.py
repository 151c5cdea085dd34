"""TensorFlow never enters the server's process, whatever is done on the pages; asked of the system itself."""

import zipfile
from pathlib import Path

import pytest

from ddsing.instrument import open_any
from ddsing.instrument.library import Library
from ddsing.jobs.store import JobStore
from ddsing.transfer.takes import TakeStore
from ddsing.ui.experiments.views import VIEWS
from ddsing.workspace import open_workspace
from tests.support.dashboard import settled
from tests.support.paths import GOLDEN

Z = "Singer with timbre"
PAGES = ("", "play", "datasets", "training", "instruments", "experiments")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="asks Linux what a process holds"),
]


@pytest.fixture
def full(tmp_path):
    """A workspace with recordings, a dataset, trainings, takes and instruments, one of which listens to timbre."""
    with zipfile.ZipFile(GOLDEN / "workspace_0_1.zip") as file:
        file.extractall(tmp_path / "ws")
    workspace = open_workspace(tmp_path / "ws")
    Library(workspace).import_file(GOLDEN / "singing_z_2021.zip", Z)
    return workspace


def holds_tensorflow(server):
    return "libtensorflow" in Path(f"/proc/{server.process.pid}/maps").read_text()


def test_nothing_that_is_done_on_the_pages_loads_tensorflow(dashboard, full):
    tab, server = dashboard(full, "instruments")
    _download_for_the_notebooks(tab)
    assert not holds_tensorflow(server), "a zip for the notebooks"
    _sing_with_timbre(tab, full)
    assert not holds_tensorflow(server), "a transfer with timbre"
    _export_and_train(tab, server, full)
    assert not holds_tensorflow(server), "an export and a training"
    for address in [*PAGES, *(f"experiments?view={view}" for view in VIEWS)]:
        tab.goto(f"{server.url}/{address}")
        settled(tab)
        assert not holds_tensorflow(server), address


def _download_for_the_notebooks(tab):
    card = tab.locator('[class*="st-key-card-"]').filter(has_text=Z).first
    card.get_by_role("button", name="Download").click()
    tab.get_by_role("button", name="Make the 2021 notebooks' format").click()
    tab.get_by_text("for the notebooks").wait_for()
    offered = tab.get_by_role("button", name="The 2021 notebooks' format", exact=True).last
    tab.locator('[class*="st-key-work-cancel"]').wait_for(state="hidden")
    settled(tab)
    if not offered.is_visible():
        card.get_by_role("button", name="Download").click()
    with tab.expect_download() as started:
        offered.click()
    restored = open_any(Path(started.value.path()), name=Z)
    assert restored.digest == open_any(GOLDEN / "singing_z_2021.zip", name=Z).digest
    tab.keyboard.press("Escape")


def _sing_with_timbre(tab, workspace):
    tab.locator('[class*="st-key-card-"]').filter(has_text=Z).first.get_by_role("button", name="Sing with it").click()
    tab.get_by_role("button", name="Transfer timbre").wait_for()
    tab.get_by_role("radio", name="Draft").click()
    settled(tab)
    before = {take.id for take in TakeStore(workspace).list()}
    tab.get_by_role("button", name="Transfer timbre").click()
    tab.locator('[class*="st-key-work-cancel"]').wait_for()
    tab.locator('[class*="st-key-work-cancel"]').wait_for(state="hidden")
    settled(tab)
    (take,) = [take for take in TakeStore(workspace).list() if take.id not in before]
    assert take.instrument == Z


def _export_and_train(tab, server, workspace):
    tab.goto(f"{server.url}/training")
    tab.get_by_role("button", name="Export the latest").click()
    tab.get_by_text("is in your instruments").first.wait_for()
    settled(tab)
    tab.get_by_role("button", name="Continue to step").click()
    settled(tab)
    assert any(job.kind == "train" for job in JobStore(workspace).live())
