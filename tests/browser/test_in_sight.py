"""A figure below the fold is drawn once somebody comes near it; its place is kept free, and so nothing moves."""

import pytest

from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.workspace import Workspace
from tests.support import tiny_workspace
from tests.support.dashboard import runs, settled
from tests.support.patience import PATIENCE_S

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLACE = '[class*="st-key-in-sight-place-compare-overlay"]'
FIGURE = f"{PLACE} .js-plotly-plot"
HEIGHTS = """place => [place, document.querySelector('[data-testid="stMain"]')].map((one) => one.scrollHeight)"""


@pytest.fixture
def tab(dashboard, tmp_path):
    """A take by itself, in a window that its figure is not in."""
    workspace = Workspace(tiny_workspace.fill(tmp_path / "ws"))
    source = next(path for path in workspace.examples.iterdir() if path.suffix == ".wav")
    take = pipeline.run(workspace, source, tiny_workspace.NAMES[0], Settings(), tracker="tiny")
    tab, _ = dashboard(workspace, "datasets")
    tab.set_viewport_size({"width": 1366, "height": 500})
    tab.goto(tab.url.replace("/datasets", f"/experiments?view=takes&take={take.id.replace(' ', '+')}"))
    settled(tab)
    tab.locator(PLACE).wait_for(state="attached")
    return tab


def test_it_comes_when_its_place_does_and_again_after_the_page_was_left(tab):
    tab.wait_for_timeout(1_000)  # many looks
    assert not tab.locator(FIGURE).count()
    before = tab.locator(PLACE).evaluate(HEIGHTS)
    _scrolled_to(tab)
    assert tab.locator(PLACE).evaluate(HEIGHTS) == before
    tab.get_by_role("link", name="Instruments").first.click()
    tab.get_by_role("heading", name="Instruments").wait_for()
    tab.get_by_role("link", name="Experiments").first.click()
    tab.locator(PLACE).wait_for(state="attached")
    settled(tab)
    assert not tab.locator(FIGURE).count()
    _scrolled_to(tab)


def test_nothing_but_its_place_runs(tab):
    with runs(tab) as seen:
        tab.reload()
        settled(tab)
        tab.locator(PLACE).wait_for(state="attached")
        tab.wait_for_timeout(1_000)
        seen.clear()
        _scrolled_to(tab)
        settled(tab)
    assert seen == ["fragment"]


def test_it_stays_over_reruns_and_comes_again_with_its_fold(tab):
    _scrolled_to(tab)
    tab.locator("summary", has_text="Spectrograms").click()
    tab.locator('[class*="st-key-in-sight-place-compare-spectrogram"]').wait_for(state="attached")
    settled(tab)
    assert tab.locator(FIGURE).count() == 1
    fold = tab.locator("summary", has_text="Pitch and loudness")
    fold.click()
    tab.locator(FIGURE).wait_for(state="detached")
    fold.click()
    tab.locator(FIGURE).wait_for(timeout=1000 * PATIENCE_S)


def _scrolled_to(tab) -> None:
    tab.locator(PLACE).scroll_into_view_if_needed()
    tab.locator(f"{FIGURE} .legend").wait_for(timeout=1000 * PATIENCE_S)
