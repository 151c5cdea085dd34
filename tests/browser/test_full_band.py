"""What lies above 8 kHz is heard in every player of the pages, and not where it is not: at the loudspeaker."""

import numpy as np
import pytest
import soundfile

from ddsing.experiments.comparison import blind, job
from ddsing.experiments.comparison.matrix import Matrix
from ddsing.instrument.library import Library
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import open_workspace
from tests.support import loudspeaker, tiny_workspace, tops
from tests.support.dashboard import Server
from tests.support.looked_at import Job
from tests.support.patience import until

pytestmark = pytest.mark.browser

WIDE, NARROW = tiny_workspace.NAMES
HEARD = 1e-12  # a power density in full scale² per Hz; the top has 1e-7, and what a resampler mirrors is far below
NOW = "() => { const { at } = window.taps.at(-1) ?? {}; window.before = { at, s: at?.currentTime }; }"
# Whether nothing of that moment is left in what an analyser holds.
SINCE = """() => {
  const { at } = window.taps.at(-1) ?? {};
  return Boolean(at) && (at !== window.before?.at || at.currentTime > window.before.s + 0.1 + 8192 / at.sampleRate);
}"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Two takes of a recording at 48 kHz by an instrument with a top, the first without it; and a voice matrix."""
    workspace = open_workspace(tiny_workspace.fill(tmp_path_factory.mktemp("full_band") / "ws"))
    Library(workspace).put_top(WIDE, tops.flat(1e-7, share=0.2))
    source = workspace.examples / "wide.wav"
    soundfile.write(source, tops.wide(12.0, density=1e-8), 48_000)
    for full_band in (False, True):
        take = pipeline.run(workspace, source, WIDE, Settings(full_band=full_band), tracker="tiny")
        TakeStore(workspace).rename(take.id, "wide" if full_band else "narrow")
    job.run(workspace, Matrix((WIDE, NARROW), ("wide.wav",), tracker="tiny", fitted=True).to_json(), Job())
    return workspace


@pytest.fixture(scope="module")
def server(filled, chromium_path):
    started = Server(filled.root)
    started.wait()
    yield started
    started.stop()


@pytest.fixture
def page(tabs, server):
    with tabs.lent(script=loudspeaker.TAP, viewport={"width": 1366, "height": 900}) as tab:
        yield tab


def heard(tab, *, upper: bool) -> None:
    """Wait until a sound with something above 8 kHz is heard, or one without; the sound before does not count."""
    found = []
    tab.evaluate(NOW)

    def is_so() -> bool:
        if not tab.evaluate(SINCE):
            return False
        signal, _ = tab.evaluate("() => window.heard()")
        rate_hz = tab.evaluate("() => window.taps.at(-1).at.sampleRate")
        low = tops.band_density(np.array(signal), 200, 4_000, rate_hz=rate_hz)
        high = tops.band_density(np.array(signal), 10_000, 20_000) if rate_hz == 48_000 else 0.0
        found[:] = rate_hz, low, high
        return max(low, high) > 1e-9 and (high > HEARD) == upper

    until(is_so, again=lambda: tab.wait_for_timeout(100), told=lambda: str(found))


def test_a_take_and_its_recording(page, server):
    page.goto(server.url)
    card = page.locator('[class*="st-key-take-2"]').first
    card.get_by_role("button", name="Play").click()
    card.get_by_label("Loop").check()
    heard(page, upper=True)
    for name, upper in (("Harmonic", True), ("Previous take", False), ("Noise", True), ("Original", True)):
        card.get_by_role("radio", name=name).click()
        heard(page, upper=upper)


def test_takes_at_both_rates_side_by_side(page, server, filled):
    chosen = "&".join(f"take={take.id.replace(' ', '+')}" for take in TakeStore(filled).list()[::-1])
    page.goto(f"{server.url}/experiments?view=takes&{chosen}")
    page.locator(".track").nth(2).wait_for()
    page.get_by_label("Loop").check()
    page.locator(".play:not([disabled])").click()
    for key, upper in (("1", False), ("2", True), ("0", True)):
        page.keyboard.press(key)
        heard(page, upper=upper)


def test_a_voice_matrix(page, server):
    page.goto(f"{server.url}/experiments?view=matrix")
    for name, upper in ((NARROW, False), (WIDE, True)):
        page.get_by_role("button", name=f"{name} sings wide.wav").click()
        heard(page, upper=upper)


def test_a_blind_test(page, server, filled):
    takes = TakeStore(filled).list()
    test = blind.BlindTests(filled).begin("abx", takes, n_trials=5, seed=1)
    page.goto(f"{server.url}/experiments?view=blind&test={test.id}")
    page.locator(".play:not([disabled])").wait_for()
    wide = next(take.id for take in takes if take.name == "wide")
    for slot in "ABX":
        page.keyboard.press(slot.lower())
        heard(page, upper=test.hidden(0, slot)[0] == wide)


def test_the_phrase_of_an_instrument(page, server):
    page.goto(f"{server.url}/instruments")
    card = page.locator(".st-key-card-" + WIDE.replace(" ", "-"))
    card.get_by_role("button", name="Audition").click()
    card.locator('.play[data-playing="true"]').wait_for()
    page.evaluate("() => { for (const one of ddsingPlayers.players.values()) one.mixer.loop = true; }")
    heard(page, upper=True)
