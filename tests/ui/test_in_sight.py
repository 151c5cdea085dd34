"""What a page reads and draws does not grow with what there is, but with what is in sight; as counts.

How long it takes with hundreds of everything is `benchmarks.pages`' and `benchmarks.reruns`'.
"""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.pages import MANY, PAGES, furnish
from ddsing.ui.transfer.takes import PAGE_SIZE
from tests.support import scripts

pytestmark = pytest.mark.slow

FEW, MORE = 12, 48  # of everything; both are more than any page shows at first
LISTS = ("selectbox", "multiselect", "dataframe")  # which hold the names of all


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """By number and page: what two reruns take, once the page has been there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ddsing.ui.shell.warmup.start", lambda: None)
        patch.setattr("ddsing.files._TICK_NS", 0)  # what was made a moment ago counts as settled
        found = {}
        for number in (FEW, MORE):
            root = tmp_path_factory.mktemp("many") / "ws"
            furnish(root, dict.fromkeys(MANY, number))
            patch.setenv("DDSING_WORKSPACE", str(root))
            with ThreadPoolExecutor(1) as pool:  # a thread without a loop, whatever other tests have left in this one
                found[number] = pool.submit(asyncio.run, _reruns()).result()
        return found


async def _reruns():
    found = {}
    async with scripts.dashboard() as runtime:
        for name, (address, _) in PAGES.items():
            tab = scripts.Tab(runtime)
            await tab.open(*address.partition("?")[::2])
            found[name] = [await tab.rerun() for _ in range(3)][1:]
    return found


@pytest.mark.parametrize("page", PAGES)
def test_a_rerun_reads_and_draws_what_is_in_sight(taken, page):
    few, more = taken[FEW][page][1], taken[MORE][page][1]
    assert few.n_runs == more.n_runs == 1
    assert len(few.sent) > 10 and _kinds(few) == _kinds(more)
    assert _names(few) == _names(more)
    beside = [_bytes_beside_lists(one) for one in (few, more)]
    assert beside[1] <= 1.02 * beside[0]


def test_a_voice_without_a_dataset_is_not_asked_for_one(taken):
    """None has one here, which the names of the folders say."""
    for number in (FEW, MORE):
        assert ".replaces" not in _names(taken[number]["latent"][1])


def test_the_folder_of_all_voices_is_read_once_by_each_part_of_the_page_at_most(taken):
    """Tutorial, choice of the voice, what it is trained on, TensorBoard."""
    most = {"training": 4, "datasets": 2, "curves": 2}
    for page, number in most.items():
        for one in taken[MORE][page]:
            assert _names(one)["audio"] <= number, page


def test_what_a_training_and_its_recordings_are_at_is_looked_at_once(taken):
    """Its form, its curves and its measures ask for it too."""
    for one in taken[MORE]["training"]:
        read = _names(one)
        assert read["train"] == 1 and read["Singer 000_checkpoints"] <= 2  # stamps of its files, and checkpoints' names
        assert read["Singer 000.json"] <= 2, "what is remembered of the recordings above 8 kHz"


@pytest.mark.parametrize("page", PAGES)
def test_a_table_that_is_as_it_was_is_not_sent_again(taken, page):
    before, now = (_large(one) for one in taken[MORE][page])
    assert before == now


def _large(taken):
    """What the browser need not be sent twice, by place."""
    large = {place: one for place, one in taken.sent.items() if one.ByteSize() > 8_000}
    return {place: one.SerializeToString(deterministic=True) for place, one in large.items()}


def _kinds(taken):
    return Counter(element.WhichOneof("type") for element in taken.sent.values())


def _names(taken):
    """The files and folders that were read, by their last name; for the message, in order."""
    return Counter(path.rpartition("/")[2] for path in taken.read)


def _bytes_beside_lists(taken):
    return sum(element.ByteSize() for element in taken.sent.values() if element.WhichOneof("type") not in LISTS)


@pytest.mark.parametrize("page", PAGES)
def test_what_only_brings_styles_and_scripts_is_sent_at_one_place(taken, page):
    sent = [one.html.body for one in taken[MORE][page][1].sent.values() if one.WhichOneof("type") == "html"]
    seen = [body for body in sent if body.startswith('<div role="img" aria-label="Keyboard: ')]
    assert len(sent) - len(seen) == 1
    assert len(seen) == (page == "instruments"), "of which one card is shown"


def test_only_what_has_something_to_draw_asks_for_the_scripts_of_figures(taken):
    """A browser reads and evaluates five megabytes for the first one, which takes it a second."""
    pages = {page for page in PAGES if _kinds(taken[MORE][page][1])["plotly_chart"]}
    assert not pages & {"instruments", "datasets"}


def test_what_is_folded_is_not_drawn(taken):
    """The files of a take, an instrument or the curves, and the fields of its name, lie in popovers."""
    shown = taken[FEW]["transfer"][1].sent.values()
    for page in ("transfer", "instruments", "curves"):
        drawn = {element.WhichOneof("type") for element in taken[FEW][page][1].sent.values()}
        assert not {"download_button", "text_area"} & drawn, page
    assert not {"dataframe", "multiselect"} & {one.WhichOneof("type") for one in taken[FEW]["blind"][1].sent.values()}
    players = [element for element in shown if element.WhichOneof("type") == "bidi_component"]
    assert len(players) >= PAGE_SIZE
