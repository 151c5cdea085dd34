"""The figure of a morph's weights in a browser: drawn without Plotly, told at the pointer, looked at closer, saved.

What it tells is compared with `Morph.weights`, which the sound is made of.
"""

import urllib.parse
from pathlib import Path

import pytest

from ddsing.transfer.morph import Morph
from ddsing.ui.shell import morph_link
from tests.support import tiny_workspace
from tests.support.dashboard import Server, settled

pytestmark = pytest.mark.browser

NAMES = tuple(tiny_workspace.NAMES[:2])
POINTS = ((0.2, (1.0, 0.0)), (0.9, (0.3, 0.7)), (1.4, (0.45, 0.55)))


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium_path):
    started = Server(tiny_workspace.fill(tmp_path_factory.mktemp("shares") / "ws"))
    started.wait()
    yield started
    started.stop()


@pytest.fixture
def figure(tabs, server):
    """The figure on the view Morph, and its tab."""
    with tabs.lent(viewport={"width": 1366, "height": 768}) as tab:
        said = urllib.parse.urlencode({"view": "morph", morph_link.PARAMETER: morph_link.text(POINTS)})
        tab.goto(f"{server.url}/experiments?{said}")
        settled(tab)
        found = tab.locator('[class*="st-key-morph-weights"] .stage')
        found.scroll_into_view_if_needed()
        yield tab, found


def _told(tab, figure, share: float) -> tuple[float, list[int]]:
    """The time in seconds and the shares in % that are told at a part of the figure's width."""
    box = figure.locator("clipPath rect").evaluate(
        "one => { const box = one.ownerSVGElement.getBoundingClientRect(); return [box.x + +one.getAttribute('x'), "
        "+one.getAttribute('width'), box.y + +one.getAttribute('y') + 20]; }"
    )
    tab.mouse.move(box[0] + share * box[1], box[2])
    figure.locator(".readout").wait_for()
    time_s = float(figure.locator(".readout em").inner_text().removesuffix(" s"))
    return time_s, [int(one.removesuffix(" %")) for one in figure.locator(".readout b").all_inner_texts()]


def test_it_tells_the_shares_that_are_sung_and_needs_no_plotly(figure):
    tab, found = figure
    morph = Morph(NAMES, ("", ""), POINTS)
    assert morph.said() in found.locator("svg").get_attribute("aria-label")
    assert found.locator("polygon").count() == 2
    for share in (0.02, 0.3, 0.45, 0.6, 0.99):
        time_s, shares = _told(tab, found, share)
        sung = morph.weights(round(250 * time_s) + 1)[-1]
        assert shares == pytest.approx([100 * one for one in sung], abs=1.5) and sum(shares) == pytest.approx(
            100, abs=1
        )
    assert not tab.locator(".js-plotly-plot").count()


def test_a_stretch_is_looked_at_closer_and_all_of_it_again(figure):
    tab, found = figure
    (first, _), (last, _) = _told(tab, found, 0.0), _told(tab, found, 1.0)
    assert first == 0.0 and found.get_by_role("button", name="Show all").count() == 0
    begin, _ = _told(tab, found, 0.25)
    tab.mouse.down()
    end, _ = _told(tab, found, 0.5)
    tab.mouse.up()
    assert _told(tab, found, 0.0)[0] == pytest.approx(begin, abs=0.02)
    assert _told(tab, found, 1.0)[0] == pytest.approx(end, abs=0.02)
    found.get_by_role("button", name="Show all").click()
    assert (_told(tab, found, 0.0)[0], _told(tab, found, 1.0)[0]) == (first, last)


def test_it_is_saved_as_it_is_seen(figure):
    tab, found = figure
    found.hover()
    with tab.expect_download() as saved:
        found.get_by_role("button", name="Save as SVG").click()
    text = Path(saved.value.path()).read_text("utf-8")
    assert text.startswith("<svg") and all(name in text for name in ("time, s", "share, %"))
    assert text.count("<polygon") == 2 and "color: rgb" in text
