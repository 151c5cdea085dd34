"""The page Admin in the browser: what an admin does there works at once, and for all others there is no such page."""

import contextlib
import itertools

import pytest

from ddsing.hosting import audit, reading
from ddsing.hosting import site as sites
from ddsing.jobs import queue
from tests.browser.test_accessibility import SCHEMES, SIZES, background, still
from tests.support import busy_site, hosting
from tests.support.accessible import findings, jumps, missed
from tests.support.dashboard import settled
from tests.support.hosting import sign_in
from tests.support.patience import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TABLES = """
[login]
domains = ["example.org"]
admins = ["boss@example.org"]
[guests]
allowed = true
"""
N_PEOPLE, N_JOBS = 12, 6
VIEWS = ("Overview", "People", "Jobs", "Log")
ROW_PX = 35
VIEWPORT = {"width": 1366, "height": 768}


@pytest.fixture(scope="module")
def running(npm, locks, tmp_path_factory):
    """A site with people and jobs, and the same site opened here."""
    with hosting.signing_in(npm, tmp_path_factory.mktemp("site"), TABLES) as made, contextlib.ExitStack() as held:
        opened = sites.open_site(reading.read(made.file))
        busy_site.add_people(opened, N_PEOPLE)
        folders = held.enter_context(busy_site.jobs_of(opened, N_JOBS))
        yield made, opened, folders


@pytest.fixture(scope="module")
def site(running):
    return running[0]


@pytest.fixture(scope="module")
def boss(tabs, site):
    """A tab of an admin."""
    with tabs.lent(viewport=VIEWPORT) as tab:
        sign_in(tab, site, "boss@example.org")
        yield tab


@pytest.fixture
def admin(boss, site):
    """The admin's tab, on the page."""
    boss.set_viewport_size(VIEWPORT)
    boss.emulate_media(color_scheme="light")
    boss.goto(site.url)
    boss.get_by_role("link", name="Admin").click()
    boss.get_by_role("heading", name="Admin", level=1).wait_for()
    settled(boss)
    return boss


def look_at(tab, view):
    tab.get_by_role("radio", name=view).click()
    settled(tab)


def rows(tab):
    """What the table says, a text for each row; a canvas shows it, and this is what screen readers get."""
    return tab.locator('[data-testid="stDataFrame"] canvas [role="row"]').all_text_contents()[1:]


def tick(tab, text):
    """Tick the row that has a text."""
    until(lambda: any(text in row for row in rows(tab)), told=lambda: rows(tab))
    (number,) = [number for number, row in enumerate(rows(tab)) if text in row]
    canvas = tab.locator('[data-testid="stDataFrame"] canvas').first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    tab.mouse.click(box["x"] + 20, box["y"] + ROW_PX * (number + 1.5))  # another element lies over the canvas
    settled(tab)


def test_an_admin_blocks_somebody_who_is_in_and_lets_them_in_again(admin, visit, site, running):
    carl = visit()
    sign_in(carl, site, "carl@example.org")
    carl.get_by_role("button", name="Transfer timbre").wait_for()
    look_at(admin, "People")
    admin.get_by_text(f"{N_PEOPLE + 2} people.").wait_for()
    admin.get_by_role("textbox", name="Find people").fill("carl@")
    admin.keyboard.press("Enter")
    admin.get_by_text(f"1 of {N_PEOPLE + 2} people.").wait_for()
    tick(admin, "carl@example.org")
    assert admin.locator("a[href^='mailto:']").count() == 0, "an address is text"
    admin.get_by_role("button", name="Block").click()
    admin.get_by_text("is blocked.").wait_for()
    carl.get_by_role("link", name="Training").click()
    carl.get_by_text("An admin has closed your account here.").wait_for()
    until(lambda: carl.get_by_text("Storage").count() == 0)
    admin.get_by_role("button", name="Let in again").click()
    admin.get_by_text("carl can sign in again.").wait_for()
    sign_in(carl, site, "carl@example.org", again=True)
    carl.get_by_role("button", name="Transfer timbre").wait_for()
    assert [one.what for one in audit.newest(running[1].engine, 20) if "block" in one.what] == ["unblocked", "blocked"]


def test_an_admin_puts_a_job_first_and_stops_it(admin, running):
    _, opened, folders = running
    last = folders[-1]
    (owner,) = [one for one in opened.people.list() if opened.member_folder(one.workspace) == last.root]
    assert queue.tickets("cpu")[-1].job == last.path
    look_at(admin, "Jobs")
    tick(admin, owner.called)
    admin.get_by_role("button", name="Put first").click()
    admin.get_by_text("It is the next one on its device.").wait_for()
    until(lambda: [ticket.job for ticket in queue.tickets("cpu")].index(last.path) == 1)
    until(lambda: any(owner.called in row and "waiting1" in row for row in rows(admin)), told=lambda: rows(admin))
    if admin.get_by_role("button", name="Stop job").count() == 0:
        tick(admin, owner.called)
    admin.get_by_role("button", name="Stop job").click()
    admin.get_by_text("The job is being stopped.").wait_for()
    until(last.stop_requested)
    said = [one.what for one in audit.newest(opened.engine, 20)]
    assert said[:2] == ["stopped a job", "put a job first"]
    assert "Secret" not in admin.inner_text("body")


@pytest.mark.parametrize("kind", ["member", "guest"])
def test_for_all_others_its_address_is_any_unknown_one(visit, site, kind):
    tab = visit()
    if kind == "member":
        sign_in(tab, site, "mia@example.org")
    else:
        tab.goto(site.url)
        tab.get_by_role("button", name="Try it as a guest").click()
    tab.get_by_role("button", name="Transfer timbre").wait_for()
    assert tab.get_by_role("link", name="Admin").count() == 0
    shown = []
    for address in ("admin", "nowhere"):
        tab.goto(f"{site.url}/{address}")
        tab.get_by_role("button", name="Transfer timbre").wait_for()
        settled(tab)
        told = tab.get_by_role("dialog").inner_text().replace(address, "")
        headings, links = (tab.get_by_role(role).all_inner_texts() for role in ("heading", "link"))
        shown.append((tab.title(), told, headings, links))
        assert tab.get_by_role("heading", name="Admin").count() == 0
    assert shown[0] == shown[1]


@pytest.mark.parametrize("view", VIEWS)
def test_its_views_are_accessible(admin, view):
    look_at(admin, view)
    admin.locator('[data-testid="stDataFrame"] canvas').first.wait_for()
    backgrounds = set()
    for scheme, (width, height) in itertools.product(SCHEMES, SIZES):
        admin.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        admin.set_viewport_size({"width": width, "height": height})
        still(admin)
        backgrounds.add(background(admin))
        assert findings(admin, ()) == []  # the pointer is over what was chosen
        assert jumps(admin) == []
    assert len(backgrounds) == len(SCHEMES)
    assert missed(admin) == []
