"""A hosted dashboard in the browser, with real providers: who comes in, who does not, and when it is over."""

import pytest
from sqlalchemy import select, update

from ddsing.hosting import audit, database, tables
from tests.support import hosting
from tests.support.accessible import findings, jumps, missed
from tests.support.dashboard import settled
from tests.support.hosting import fill_in, sign_in, sign_out
from tests.support.patience import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

USER = "_streamlit_user"
TABLES = """
[login]
domains = ["example.org"]
claims = { groups = ["singers"] }
admins = ["boss@example.org"]
[guests]
allowed = true
most = 1
transfer_seconds = 5
"""
ADDRESSES = ("", "datasets", "training", "instruments", "experiments", "experiments?view=curves", "nowhere")


@pytest.fixture(scope="module")
def site(npm, locks, tmp_path_factory):
    """A site that tests share: each signs in people of its own."""
    with hosting.signing_in(npm, tmp_path_factory.mktemp("site"), TABLES) as made:
        yield made


@pytest.fixture
def engine(site):
    opened = database.connect(f"sqlite:///{site.root / 'ddsing.db'}")
    yield opened
    opened.dispose()


def go(tab, address):
    tab.goto(address)
    settled(tab)


def at_the_door(tab):
    tab.get_by_role("button", name="Sign in with university").wait_for()
    settled(tab)


def sidebar(tab):
    return tab.get_by_test_id("stSidebar")


def workspaces(site):
    return {folder.name for folder in (site.root / "people").glob("*/*")}


def test_somebody_signs_in_and_has_a_workspace_of_their_own(visit, site, engine):
    tab, before = visit(), workspaces(site)
    sign_in(tab, site, "ann@example.org")
    tab.get_by_role("heading", name="Timbre transfer").wait_for()
    tab.get_by_role("button", name="Transfer timbre").wait_for()
    sidebar(tab).get_by_text("ann").wait_for()
    assert str(site.root) not in tab.content()
    (made,) = workspaces(site) - before
    with engine.connect() as connection:
        person = connection.execute(select(tables.people).where(tables.people.c.subject == "ann@example.org")).one()
    assert person.workspace == made and person.role == "member" and len(made) == 40
    assert [one.what for one in audit.newest(engine) if one.who == f"person {person.id}"] == ["signed in"]
    tab.reload()
    tab.get_by_role("button", name="Transfer timbre").wait_for()
    assert len([one for one in audit.newest(engine) if one.who == f"person {person.id}"]) == 1


def test_nobody_sees_a_page_before_signing_in(visit, site):
    tab, before = visit(), workspaces(site)
    for address in ADDRESSES:
        go(tab, f"{site.url}/{address}")
        tab.get_by_role("button", name="Sign in with university").wait_for()
        for forbidden in ("Transfer timbre", "Storage", "Device"):
            assert not tab.get_by_text(forbidden).is_visible()
    assert workspaces(site) == before


@pytest.mark.parametrize(
    ("name", "provider"),
    [("eve@evil.example", "university"), ("unverified-eve@example.org", "university"), ("eve", "company")],
)
def test_a_stranger_is_refused(visit, site, engine, name, provider):
    tab, before = visit(), workspaces(site)
    sign_in(tab, site, name, provider=provider)
    tab.get_by_role("heading", name="No access").wait_for()
    for address in ADDRESSES[1:4]:
        go(tab, f"{site.url}/{address}")
        assert tab.get_by_role("heading", name="No access").is_visible()
    assert workspaces(site) == before and audit.newest(engine)[0].what == "refused"
    assert not any("eve" in f"{one.who} {one.about}" for one in audit.newest(engine))
    tab.get_by_role("button", name="Use another account").click()
    tab.get_by_role("button", name="Yes, sign me out").click()
    tab.get_by_role("button", name="Sign in with university").wait_for()


def test_a_claim_and_a_role(visit, site, engine):
    for name in ("carl+singers@elsewhere.example", "boss@example.org"):
        tab = visit()
        sign_in(tab, site, name)
        tab.get_by_role("button", name="Transfer timbre").wait_for()
    sidebar(tab).get_by_text("boss · admin").wait_for()
    with engine.connect() as connection:
        roles = dict(connection.execute(select(tables.people.c.subject, tables.people.c.role)).all())
    assert roles["carl+singers@elsewhere.example"] == "member" and roles["boss@example.org"] == "admin"


def test_signing_out_ends_it_in_all_tabs(visit, site):
    first = visit()
    sign_in(first, site, "two-tabs@example.org")
    second, elsewhere = first.context.new_page(), visit()
    go(second, f"{site.url}/instruments")
    sign_in(elsewhere, site, "two-tabs@example.org")
    for tab in (second, elsewhere):
        tab.get_by_role("button", name="Sign out").wait_for()
    sign_out(first, site)
    at_the_door(first)
    second.get_by_role("link", name="Datasets").click()
    second.get_by_text("You are signed out.").wait_for()
    at_the_door(second)
    assert not second.get_by_text("Storage").is_visible()
    elsewhere.reload()
    elsewhere.get_by_text("You are signed out.").wait_for()
    sign_in(first, site, "two-tabs@example.org")
    first.get_by_role("button", name="Sign out").wait_for()


def test_a_session_ends_though_its_cookie_lives(visit, site, engine):
    tab = visit()
    sign_in(tab, site, "late@example.org")
    tab.get_by_role("button", name="Transfer timbre").wait_for()
    with engine.begin() as connection:
        person = select(tables.people.c.id).where(tables.people.c.subject == "late@example.org").scalar_subquery()
        earlier = {"signed_in_s": tables.sessions.c.signed_in_s - 13 * 3600.0}
        connection.execute(update(tables.sessions).where(tables.sessions.c.person == person).values(earlier))
    tab.get_by_role("link", name="Training").click()
    tab.get_by_text("Your session has ended.").wait_for()
    assert any(cookie["name"] == USER for cookie in tab.context.cookies())
    tab.reload()
    tab.get_by_text("Your session has ended.").wait_for()
    sign_in(tab, site, "late@example.org", again=True)
    tab.get_by_role("button", name="Transfer timbre").wait_for()


def test_a_cookie_that_was_changed_is_nobody_s(visit, site):
    tab = visit()
    sign_in(tab, site, "cookie@example.org")
    tab.get_by_role("button", name="Transfer timbre").wait_for()
    (cookie,) = [one for one in tab.context.cookies() if one["name"] == USER]
    value = cookie["value"]
    for changed in (value[:-2], value[:40] + ("A" if value[40] != "A" else "B") + value[41:], value[::-1], "x", ""):
        tab.context.add_cookies([{**cookie, "value": changed}])
        go(tab, site.url)
        tab.get_by_role("button", name="Sign in with university").wait_for()
    tab.context.add_cookies([cookie])
    go(tab, site.url)
    tab.get_by_role("button", name="Transfer timbre").wait_for()


def test_two_people_in_two_browsers_have_two_workspaces(visit, site):
    tabs = {name: visit() for name in ("dora@example.org", "emil@example.org")}
    for name, tab in tabs.items():
        sign_in(tab, site, name)
        go(tab, f"{site.url}/datasets")
        tab.get_by_role("button", name="Sign out").wait_for()
    dora, emil = tabs.values()
    _create_voice(dora, "Doras voice")
    emil.reload()
    emil.get_by_role("heading", name="Datasets").wait_for()
    settled(emil)
    assert "Doras voice" not in shown(emil)
    dora.reload()
    until(lambda: "Doras voice" in shown(dora))
    with_it = [path for path in (site.root / "people").glob("*/*/audio/*") if path.name == "Doras voice"]
    assert len(with_it) == 1


def _create_voice(tab, name):
    """The first voice of a workspace, whose form is open."""
    tab.get_by_role("textbox", name="Name").fill(name)
    tab.get_by_role("button", name="Create", exact=True).click()
    tab.get_by_role("textbox", name="Name").wait_for(state="hidden")
    until(lambda: name in shown(tab))


def shown(tab):
    """All text of a page, with what is in its fields."""
    values = "[...document.querySelectorAll('input')].map((one) => one.value + ' ' + one.ariaLabel).join(' ')"
    return f"{tab.inner_text('body')} {tab.evaluate(values)}"


def test_the_same_name_at_two_providers_is_two_people(visit, site, engine):
    before = workspaces(site)
    for provider in ("university", "company"):
        tab = visit()
        sign_in(tab, site, "same@example.org", provider=provider)
        tab.get_by_role("button", name="Transfer timbre").wait_for()
    assert len(workspaces(site) - before) == 2
    with engine.connect() as connection:
        found = connection.execute(select(tables.people).where(tables.people.c.subject == "same@example.org")).all()
    assert len({person.issuer for person in found}) == len(found) == 2


def test_somebody_who_changes_their_mind_at_the_provider_is_told(visit, site):
    tab = visit()
    tab.goto(site.url)
    tab.get_by_role("button", name="Sign in with company").click()
    tab.get_by_role("link", name="Cancel").click()
    tab.get_by_text("You are not signed in").wait_for()
    tab.get_by_role("button", name="Sign in with company").click()
    fill_in(tab, "mind@example.org")
    tab.get_by_role("button", name="Transfer timbre").wait_for()


def test_guests_sing_wait_and_leave_nothing(visit, site):
    first, second = visit(), visit()
    for tab in (first, second):
        go(tab, site.url)
        tab.get_by_role("button", name="Try it as a guest").click()
    first.get_by_role("button", name="Transfer timbre").wait_for()
    second.get_by_text("You are next.").wait_for()
    settled(first)
    assert first.get_by_text("You can transfer").count() == 0
    first.get_by_text("Guests can transfer up to 5.0 s").wait_for()  # the examples are longer
    assert first.get_by_role("link", name="Training").count() == first.get_by_role("link", name="Play").count() == 0
    for address in ("play?instrument=aria", "datasets", "training", "instruments", "experiments"):
        go(first, f"{site.url}/{address}")
        first.get_by_role("heading", name="For members").wait_for()
    (folder,) = (site.root / "guests").iterdir()
    first.get_by_role("button", name="Leave").click()
    first.get_by_text("Sign in with university").wait_for()
    second.get_by_role("button", name="Transfer timbre").wait_for()  # without a press
    until(lambda: not folder.exists())
    second.get_by_role("button", name="Leave").click()
    second.get_by_role("button", name="Try it as a guest").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_entrance_is_accessible(visit, site, scheme):
    tab, refused = (visit(color_scheme=scheme, reduced_motion="reduce") for _ in range(2))
    go(tab, site.url)
    sign_in(refused, site, f"stranger-{scheme}@evil.example")
    refused.get_by_role("heading", name="No access").wait_for()
    for page in (tab, refused):
        for width, height in ((1366, 768), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            settled(page)
            assert findings(page, ()) == [] and jumps(page) == [] and missed(page) == []


def test_below_a_path_all_of_it_works(npm, locks, visit, tmp_path):
    with hosting.signing_in(npm, tmp_path, TABLES, base_path="tools/ddsing") as below:
        tab = visit()
        sign_in(tab, below, "ann@example.org")
        tab.get_by_role("button", name="Transfer timbre").wait_for()
        go(tab, f"{below.url}/training")
        tab.get_by_role("heading", name="Training").wait_for()
        paths = {one["name"]: one["path"] for one in tab.context.cookies() if one["domain"] == "localhost"}
        assert paths[USER] == "/tools/ddsing"
        sign_out(tab, below)
        tab.get_by_role("button", name="Try it as a guest").click()
        tab.get_by_role("button", name="Transfer timbre").wait_for()
        tab.get_by_role("button", name="Leave").click()
        tab.get_by_role("button", name="Try it as a guest").wait_for()
