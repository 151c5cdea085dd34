"""Every page and view as axe-core judges it, light and dark, at three widths; and all of it by keyboard."""

import itertools
import re
import time

import pytest

from ddsing.experiments.comparison import job as comparison_job
from ddsing.experiments.comparison.blind import BlindTests
from ddsing.experiments.comparison.matrix import Matrix
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.store import JobStore
from ddsing.training import job as training_job
from ddsing.transfer.takes import TakeStore
from ddsing.workspace import Workspace
from tests.support import counts, tiny_training, tiny_workspace
from tests.support.accessible import Exempt, findings, jumps, missed
from tests.support.dashboard import Server, new_context, settled
from tests.support.furnished import furnish
from tests.support.idle_jobs import NoLauncher

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCHEMES = ("light", "dark")
WIDE = (1400, 1000)
SIZES = (WIDE, (1366, 768), (390, 844))
LOOKS = tuple(
    itertools.product(SCHEMES, SIZES)
)  # a push meets each scheme, each size, and both ends of the sizes in both
PUSHED = (("light", WIDE), ("light", (390, 844)), ("dark", (1366, 768)), ("dark", (390, 844)))
VIEWS = ("takes", "blind", "matrix", "morph", "voices", "parameters", "latent")
PLACES = [
    "",
    "play",
    "datasets",
    "training",
    "training, running",
    "instruments",
    *(f"experiments?view={v}" for v in VIEWS),
]
PLACES += ["experiments?view=blind&test={test}, a trial"]
EXEMPT = (
    Exempt(
        "color-contrast", "[data-testid='stElementContainer']:has(:disabled, [data-disabled])", "inactive: WCAG 1.4.3"
    ),
    Exempt("scrollable-region-focusable", "[data-testid='stCode'] pre", "Chromium gives it the focus by itself"),
)


class _Foreground:
    """Lets a job's function run here."""

    def report(self, **fields) -> None:
        """Nobody watches."""

    def should_stop(self) -> bool:
        return False


@pytest.fixture(scope="module")
def workspace(tiny_models, locks, shared, tmp_path_factory):
    """Furnished, with a rendered row of the matrix, and a training of the voice alto that is under way."""
    made = furnish(tmp_path_factory.mktemp("accessible") / "ws", shared)
    names = Matrix((*tiny_workspace.NAMES, "Listener"), ("another.wav",), "tiny", fitted=True)
    comparison_job.run(made, comparison_job.order(made, names).options, _Foreground())
    BlindTests(made).begin("abx", TakeStore(made).list()[:2], n_trials=4)
    store = JobStore(made, launcher=NoLauncher())
    job = store.submit(training_job.order("alto", tiny_training.tiny(steps=12)))
    folder = JobFolder(made.jobs / job.id)
    lock = folder.take()
    told = {"state": "running", "started": time.time(), "stage": "training", "step": 5, "steps": 12, "loss": 7.5}
    folder.write_record((folder.record() or {}) | told)
    yield made
    lock.release()


@pytest.fixture(scope="module")
def server(workspace, chromium_path):
    started = Server(workspace.root)
    started.wait()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def tab(browser, server):
    context = new_context(browser, reduced_motion="reduce")
    opened = context.new_page()
    opened.goto(server.url)
    yield opened
    context.close()


@pytest.fixture(scope="module", params=PLACES)
def place(request, tab, server):
    """A page or view, which the tab shows; visited once for all that is looked for there."""
    visit(tab, server, request.param)
    return request.param


def visit(tab, server, place: str) -> None:
    """Open a page or view with all that it can show."""
    address, _, also = place.partition(", ")
    sized(tab, WIDE)
    tab.goto(f"{server.url}/{address.format(test=BlindTests(Workspace(server.workspace)).list()[0].id)}")
    tab.get_by_role("heading", level=1).wait_for()
    still(tab)  # what is drawn after the script has ended is there, too
    if address == "datasets":
        _report(tab)
    elif address == "training":
        _voice(tab, "bass" if not also else "alto", "Step 2" if not also else "5 of 12")
    elif address == "experiments?view=matrix":
        tab.locator(".cell").first.wait_for()
    elif also == "a trial":
        tab.get_by_role("heading", name="Trial 1").wait_for()
    still(tab)
    folded = tab.locator("[data-testid='stMain'] details:not([open]) > summary")
    for _ in range(folded.count()):
        folded.first.click()
        settled(tab)
    still(tab)


def still(tab) -> None:
    """Wait until nothing on the page changes any more: figures are drawn, what fades is gone."""
    settled(tab)
    before = None
    while (now := tab.evaluate("() => document.querySelector('.stApp').innerHTML.length")) != before:
        before = now
        tab.wait_for_timeout(300)


def _report(tab) -> None:
    ask, made = tab.get_by_role("button", name="Make the report"), tab.get_by_text("Clear pitch")
    ask.or_(made).first.wait_for()
    if ask.count():
        ask.click()
    made.wait_for()
    settled(tab)


def _voice(tab, wanted: str, shown: str) -> None:
    box = tab.get_by_role("combobox", name="Voice")
    if box.input_value() != wanted:
        box.click()
        tab.get_by_role("option", name=wanted, exact=True).click()
    tab.get_by_text(shown).first.wait_for()
    settled(tab)


def background(tab) -> str:
    """The page's own colour."""
    return tab.evaluate("() => getComputedStyle(document.querySelector('.stApp')).backgroundColor")


def sized(tab, size: tuple[int, int]) -> None:
    tab.set_viewport_size({"width": size[0], "height": size[1]})


def test_nothing_serious_is_found(place, tab):
    found, backgrounds = {}, set()
    for scheme, size in LOOKS if counts.full() else PUSHED:
        tab.emulate_media(color_scheme=scheme)
        sized(tab, size)
        still(tab)
        found[scheme, size] = findings(tab, EXEMPT)
        assert jumps(tab) == []
        backgrounds.add(background(tab))
    tab.emulate_media(color_scheme="light")
    assert found == dict.fromkeys(found, [])
    assert len(backgrounds) == len(SCHEMES)
    assert tab.title() == f"{tab.get_by_role('heading', level=1).inner_text()} · ddsing"


def test_every_button_is_called_after_what_it_does(place, tab):
    """As screen readers are told: by a name, and not by that of its icon."""
    told = re.findall(r"- button\b.*", tab.locator("body").aria_snapshot())
    assert told and [one for one in told if not re.match(r'- button "[^"]', one) or re.search(r' icon"', one)] == []


def test_the_tab_key_reaches_every_control_and_goes_on(place, tab):
    sized(tab, WIDE)
    still(tab)
    assert missed(tab) == []
