"""Scripts of bars, figures and tables are read, and sound is started, before they are needed, while nobody waits."""

import pytest

from ddsing.ui.shell import ahead
from ddsing.workspace import open_workspace
from tests.support import tiny_runs, tiny_workspace
from tests.support.dashboard import Server, settled
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.slow

ASKED = """names => performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname.split('/').pop())
  .filter((one) => names.some((name) => one.startsWith(name + '.'))).map((one) => one.split('.')[0])"""

CONTEXTS = "() => [...ddsingPlayers.contexts].map(([rate, context]) => [rate, context.state])"
PRESSED = "is => Object.defineProperty(navigator, 'userActivation', {value: {hasBeenActive: is}, configurable: true})"

LOOKED_FOR = """() => {
  window.lookedFor = 0;
  navigator.mediaDevices.enumerateDevices = async () => { window.lookedFor += 1; return []; };
}"""


def asked(tab) -> list[str]:
    return tab.evaluate(ASKED, list(ahead.NAMES))


@pytest.fixture
def tab(tabs, tmp_path):
    """A page without figures and tables, of a workspace with a training that is drawn elsewhere.

    At an address of its own: what the browser has from an address, it does not ask for again.
    """
    workspace = open_workspace(tiny_workspace.empty(tmp_path / "ws"))
    tiny_runs.run(workspace, "Aria")
    server = Server(workspace.root)
    try:
        server.wait()
        with tabs.lent(viewport={"width": 1366, "height": 768}) as tab:
            tab.goto(f"{server.url}/instruments")
            settled(tab)
            yield tab
    finally:
        server.stop()


def test_they_are_read_once_the_page_stands_still_and_are_those_that_figures_ask_for(tab):
    tab.wait_for_function(
        f"() => ({ASKED})({list(ahead.NAMES)}).length === {len(ahead.NAMES)}", timeout=1000 * PATIENCE_S
    )
    assert asked(tab) == list(ahead.NAMES)
    tab.get_by_role("link", name="Training").first.click()
    tab.locator(".js-plotly-plot").first.wait_for()
    assert sorted(asked(tab)) == sorted(ahead.NAMES), "none is read again under another address"


def test_sound_is_started_once_somebody_has_pressed_and_sleeps_until_it_is_needed(tab):
    tab.add_init_script(f"({PRESSED})(false); ({LOOKED_FOR})()")
    tab.reload()
    settled(tab)
    tab.wait_for_function(
        f"() => ({ASKED})({list(ahead.NAMES)}).length === {len(ahead.NAMES)}", timeout=1000 * PATIENCE_S
    )
    assert tab.evaluate(CONTEXTS) == [], "no browser would let it, and each would complain"
    assert tab.evaluate("() => window.lookedFor") == 1, "which starts it beside the page"
    tab.evaluate(PRESSED, True)
    tab.wait_for_function(f"() => ({CONTEXTS})().join() === '16000,suspended'", timeout=1000 * PATIENCE_S)
    tab.get_by_role("link", name="Training").first.click()
    settled(tab)
    tab.evaluate("() => ddsingPlayers.open(16000).resume()")
    assert tab.evaluate(CONTEXTS) == [[16_000, "running"]]


def test_what_plays_meanwhile_is_not_put_to_sleep(tab):
    tab.wait_for_function("() => window.ddsingPlayers", timeout=1000 * PATIENCE_S)
    tab.evaluate("async () => { ddsingPlayers.sounds = () => true; await ddsingPlayers.wake(); }")
    assert tab.evaluate(CONTEXTS) == [[16_000, "running"]]


def test_they_wait_while_something_plays(tab):
    tab.wait_for_function("() => window.ddsingPlayers", timeout=1000 * PATIENCE_S)
    tab.evaluate("() => { window.heard = true; window.ddsingPlayers.sounds = () => window.heard; }")
    tab.wait_for_timeout(6_000)  # several looks
    assert asked(tab) == []
    tab.evaluate("() => { window.heard = false; }")
    tab.wait_for_function(
        f"() => ({ASKED})({list(ahead.NAMES)}).length === {len(ahead.NAMES)}", timeout=1000 * PATIENCE_S
    )
    assert asked(tab) == list(ahead.NAMES)
