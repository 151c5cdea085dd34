"""The benchmark of the pages measures all views of Experiments in one run, and never waits for what does not come.

A page is complete when its figures are drawn, so that no click is measured together with them.
"""

import pytest

from benchmarks import pages

pytestmark = [pytest.mark.browser, pytest.mark.slow]
VIEWS = [name for name, (address, _) in pages.PAGES.items() if address.startswith("experiments")]


@pytest.fixture
def url(tmp_path):
    pages.furnish(tmp_path / "ws", dict.fromkeys(pages.MANY, 12))
    with pages.served(tmp_path / "ws") as served:
        yield served


def test_every_view_is_measured_and_a_press_that_changes_nothing_is_told(browser, url, monkeypatch):
    found = dict(pages.measure(browser, url, 1, VIEWS))
    assert list(found) == VIEWS and all(min(one.values()) > 0 for one in found.values())
    list(pages.measure(browser, url, 1, ["blind"]))  # whose other kind is chosen now, which the workspace keeps
    monkeypatch.setattr(pages, "BEGINS_S", 2.0)
    monkeypatch.setitem(pages.PAGES, "blind", (pages.PAGES["blind"][0], '.st-key-view [aria-checked="true"]'))
    with pytest.raises(pages.Stuck, match="no script ran within 2 s"):
        list(pages.measure(browser, url, 1, ["blind"]))


def test_a_page_is_complete_once_its_figure_is_drawn(browser, url):
    tab = browser.new_page()
    tab.add_init_script(pages.WATCH)
    tab.goto(f"{url}/training")
    pages.complete(tab, 0.0)
    assert tab.locator(".js-plotly-plot .legend").count() == 1
    tab.close()
