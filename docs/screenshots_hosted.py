"""Take the screenshots of a hosted dashboard again: `python docs/screenshots_hosted.py [--only NAME]`.

Starts a site with made-up people and jobs, and signs in with cookies that it signs itself, so that no provider is
needed. Needs Chromium and the packages of the tests.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ddsing.hosting import reading
from ddsing.hosting import site as sites
from docs.screenshots import FOLDER, WIDTH, photograph, settled
from tests.support import busy_site, tabs
from tests.support.hosting import Site

TABLES = """
[login]
everybody = true
admins = ["ann@example.org"]
[guests]
allowed = true
[login.providers.university]
label = "Example University"
metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"
client_id = "ddsing"
client_secret = "of these pictures only, and of no use"
"""
SHOTS = {  # file: address, who, height of the window, colour scheme, view
    "hosting/sign-in": ("", "", 620, "light", ""),
    "hosting/guest": ("", "guest", 1000, "light", ""),
    "hosting/admin": ("admin", "ann@example.org", 900, "light", "Overview"),
    "hosting/people": ("admin", "ann@example.org", 900, "dark", "People"),
    "hosting/queue": ("admin", "ann@example.org", 760, "light", "Jobs"),
}
N_PEOPLE, N_JOBS = 120, 14


def cookies(site: Site, who: str) -> list[dict]:
    """What a browser of somebody has."""
    if not who:
        return []
    found = tabs.guest(site) if who == "guest" else tabs.member(site, who)
    return [{"name": name, "value": value, "url": site.url} for name, value in found.items() if name != tabs.XSRF]


def open_page(page: Page, site: Site, address: str, view: str) -> None:
    """Go there, and to a view of the page."""
    page.goto(f"{site.url}/{address}")
    page.get_by_role("heading", level=1).wait_for()
    settled(page)
    if view and view != "Overview":
        page.get_by_role("radio", name=view).click()
    if view:
        page.locator('[data-testid="stDataFrame"] canvas').first.wait_for()
    settled(page)


def main() -> None:
    """Make the site, and photograph all or one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=tuple(SHOTS))
    only = parser.parse_args().only
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    (FOLDER / "hosting").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as held:
        os.environ["DDSING_LOCKS"] = str(Path(folder) / "locks")
        site = Site(Path(folder))
        site.write(TABLES)
        opened = sites.open_site(reading.read(site.file))
        busy_site.add_people(opened, N_PEOPLE)
        held.enter_context(busy_site.jobs_of(opened, N_JOBS))
        held.callback(site.stop)
        site.start()
        browser = held.enter_context(sync_playwright()).chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name in (only,) if only else SHOTS:
            address, who, height, scheme, view = SHOTS[name]
            context = browser.new_context(viewport={"width": WIDTH, "height": height}, color_scheme=scheme)
            context.set_default_timeout(120_000)
            context.add_cookies(cookies(site, who))
            page = context.new_page()
            open_page(page, site, address, view)
            photograph(page, name)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
