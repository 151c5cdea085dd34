"""What a visitor of a real site is given: a workspace, a quota, a limiter and the house; and back what had expired."""

import time

import pytest
from sqlalchemy import update

from ddsing.hosting import cookies, tables
from ddsing.hosting.site import open_site
from ddsing.ui.shell import visitor
from tests.hosting.test_admission import CLAIMS
from tests.hosting.test_config import PEOPLE, PROVIDER, read


@pytest.fixture
def site(tmp_path):
    made = open_site(read(tmp_path, "[login]\neverybody = true\n" + PROVIDER + PEOPLE))
    yield made
    made.engine.dispose()


def test_a_member_has_the_limits_of_the_file_and_gets_back_what_had_expired(site):
    claims = {**CLAIMS, "provider": "university", "iat": time.time()}
    ann = visitor._member(site, claims)
    assert (ann.kind, ann.house, ann.limiter) == ("member", site.house, site.limiter)
    assert ann.quota.limits == site.config.limits and ann.quota.person == 1 and ann.quota.transfer_s == 600.0
    ann.folder.mkdir(parents=True)
    (ann.folder / "made.txt").write_text("kept")
    long_ago_s = time.time() - 366 * 24 * 3600.0
    with site.engine.begin() as connection:
        connection.execute(update(tables.people).values(seen_s=long_ago_s))
    site.expire()
    assert not ann.folder.exists()
    again = visitor._member(site, {**claims, "nonce": "another"})
    assert (again.folder / "made.txt").read_text() == "kept" and "It is restored." in again.notice


def test_a_guest_has_shorter_transfers_and_no_jobs(site):
    token, _ = cookies.Signer(site.config.root).new_guest()
    site.guests.come(token)
    guest = visitor._guest(site, token)
    assert (guest.kind, guest.house, guest.limiter) == ("guest", site.house, site.limiter)
    assert guest.quota.transfer_s == 30.0 and guest.quota.person is None
