"""Trainings, parameters and the latent space in a real browser: drawn ranges, pressed cells, a lasso, and links."""

import contextlib
import io
import re

import numpy as np
import pytest
import soundfile

from ddsing.instrument import Provenance
from ddsing.instrument.library import Library
from ddsing.workspace import Workspace
from tests.support import tiny_runs, tiny_workspace
from tests.support.dashboard import Server, foreign, settled
from tests.support.z_models import z_instrument

pytestmark = pytest.mark.browser

CELLS = [(h, n) for h in (20, 60) for n in (10, 35)]


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium_path):
    workspace = Workspace(tiny_workspace.empty(tmp_path_factory.mktemp("spaces") / "ws"))
    for h, n in CELLS:
        config = tiny_runs.ModelConfig(**tiny_runs.TINY | {"n_harmonics": h, "n_noise_bands": n})
        tiny_runs.run(workspace, f"Aria_h{h}_n{n}", config=config, end=6.0 - h / 50 - n / 100, seed=h // 20 + n // 10)
    (workspace.audio / "Aria").mkdir()
    tiny_runs.vowels(workspace, "alto", n_windows=3)
    Library(workspace).add(z_instrument().replaced(provenance=Provenance(voice="alto")))
    started = Server(workspace.root)
    started.wait()
    yield started
    started.stop()


@pytest.fixture
def visit(tabs, server):
    """Opens the Experiments page at a view, or at a link; nothing outside this computer is asked for."""
    asked, lent = [], contextlib.ExitStack()

    def at(query: str):
        tab = lent.enter_context(tabs.lent(viewport={"width": 1400, "height": 1000}))
        tab.on("request", lambda request: asked.append(request.url) if foreign(request.url, server) else None)
        tab.goto(query if query.startswith("http") else f"{server.url}/experiments?{query}")
        tab.locator(".js-plotly-plot .nsewdrag").first.wait_for()
        settled(tab)
        return tab

    with lent:
        yield at
        assert asked == []


def plot(tab) -> dict:
    """Where the figure's inside is, scrolled into view."""
    inside = tab.locator(".js-plotly-plot .nsewdrag").first
    inside.scroll_into_view_if_needed()
    before = None
    while (box := inside.bounding_box()) != before:  # on a busy machine what is above comes late
        before = box
        tab.wait_for_timeout(400)
    return box


def draw(tab, *points: tuple[float, float]) -> None:
    """Drag over the figure, from point to point in shares of its width and height."""
    box = plot(tab)
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in points]
    tab.mouse.move(*places[0])
    tab.mouse.down()
    for place in places[1:]:
        tab.mouse.move(*place, steps=5)
    tab.mouse.up()
    settled(tab)


def heard(tab, server, within: str):
    """The sound behind the first player in a part of the page."""
    player = tab.locator(f"{within} audio").first
    player.wait_for(state="attached")
    address = player.get_attribute("src")
    content = tab.request.get(address if address.startswith("http") else server.url + address).body()
    return soundfile.read(io.BytesIO(content), dtype="float32")[0]


def test_a_stretch_drawn_over_the_losses_is_shown_and_kept_in_the_link(visit, server):
    tab = visit("view=voices")
    draw(tab, (0.25, 0.3), (0.5, 0.6))
    tab.wait_for_url(re.compile(r"vs_steps=\d+.*vs_steps=\d+"))
    first, last = (int(step) for step in re.findall(r"vs_steps=(\d+)", tab.url))
    assert 60 < first < 95 and 135 < last < 170  # of 300
    drawn = "document.querySelector('.js-plotly-plot')?._fullLayout?.xaxis.range"
    tab.wait_for_function(f"{drawn}[0] > 0")  # the link is there before the figure
    shown = tab.evaluate(drawn)
    assert shown[0] == pytest.approx(first, abs=1) and shown[1] == pytest.approx(last * 1.01, abs=1)
    with tab.expect_download() as started:
        tab.get_by_role("button", name="Export").click()
        tab.get_by_role("button", name="Figure, HTML").click()
    page = started.value.path().read_text()
    assert "plotly.js v" in page and "<script src=" not in page
    again = visit(tab.url)
    assert again.evaluate("document.querySelector('.js-plotly-plot')._fullLayout.xaxis.range") == shown
    again.get_by_role("button", name="All steps").click()
    settled(again)
    assert "vs_steps" not in again.url


def test_a_pressed_cell_is_heard_and_kept_in_the_link(visit, server):
    tab = visit("view=parameters")
    chosen = '[class*="st-key-ps-chosen"]'
    tab.get_by_role("heading", name="Aria_h60_n35").wait_for()  # the best
    best = heard(tab, server, chosen)
    box = plot(tab)
    tab.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"])
    tab.get_by_role("heading", name="Aria_h20_n10").wait_for()
    settled(tab)
    assert "ps_cell=Aria_h20_n10" in tab.url
    pressed = heard(tab, server, chosen)
    preview = server.workspace / "audio" / "Aria_h20_n10_checkpoints" / "previews" / "ckpt-300.flac"
    assert np.array_equal(pressed, soundfile.read(preview, dtype="float32")[0]) and not np.array_equal(pressed, best)
    assert tab.locator("audio").count() == 1 + len(CELLS)
    visit(tab.url).get_by_role("heading", name="Aria_h20_n10").wait_for()


def test_points_in_a_lasso_are_heard_and_set_the_way(visit, server):
    tab = visit("view=latent")
    before = heard(tab, server, '[class*="st-key-ls-way"]')
    draw(tab, (0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98), (0.02, 0.03))
    tab.get_by_text("30 points of 3 windows").wait_for()
    assert len(heard(tab, server, '[class*="st-key-ls-windows"]')) == 64_000
    tab.get_by_role("button", name="The selection is A").click()
    tab.get_by_text("from point 16 to point 30").wait_for()
    settled(tab)
    assert "ls_a=16" in tab.url and not np.array_equal(heard(tab, server, '[class*="st-key-ls-way"]'), before)
    slider = tab.get_by_role("slider").first
    slider.focus()
    for _ in range(5):
        slider.press("ArrowRight")
    tab.get_by_text("The phrase in the chosen timbre").wait_for()
    settled(tab)
    assert np.abs(heard(tab, server, '[class*="st-key-ls-moved"]')).max() > 0
    again = visit(tab.url)
    again.get_by_text("from point 16 to point 30").wait_for()
    again.get_by_text("The phrase in the chosen timbre").wait_for()
