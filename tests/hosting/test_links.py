"""The addresses of one person's tabs, tried by another: the answer is the one for what is not there.

The server is a real one, and so are its cookies, messages and files; there is only no browser and no provider, which
would not give such addresses away.
"""

import itertools
import re

import pytest

from ddsing.hosting import admission
from tests.support import tabs, tiny_workspace
from tests.support.hosting import Site
from tests.support.tabs import ask, media, tab

pytestmark = pytest.mark.slow

TABLES = """
[login]
everybody = true
[guests]
allowed = true
[login.providers.university]
metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"
client_id = "ddsing"
client_secret = "secret-of-the-client-ddsing"
"""
NONE = "0" * 56
NO_TAB = "11111111-1111-1111-1111-111111111111"
BODY = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.wav"\r\n\r\nRIFF\r\n--x--\r\n'
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDSING_LOCKS", str(tmp_path_factory.mktemp("locks") / "locks"))
        made = Site(tmp_path_factory.mktemp("site"))
        made.write(TABLES)
        try:
            yield made.start()
        finally:
            made.stop()


@pytest.fixture(scope="module")
def ann(site):
    """Who has a workspace with something in it."""
    name = admission.workspace("https://login.example.org", "ann@example.org")
    tiny_workspace.fill(site.root / "people" / name[:2] / name)
    return tabs.member(site, "ann@example.org")


@pytest.fixture(scope="module")
def others(site):
    """Who tries: another member, a guest, and somebody who has not come in; each with a tab of their own open."""
    found = {"member": tabs.member(site, "bob@example.org"), "guest": tabs.guest(site), "stranger": tabs.stranger(site)}
    opened = [tabs.Tab(site, who) for who in found.values()]
    for one in opened:
        one.run()
    yield found
    for one in opened:
        one.close()


def test_sounds_and_downloads_are_their_owner_s(site, ann, others):
    none = ask(site, f"media/{NONE}.wav", others["member"])
    assert none[0] == 404
    tried = 0
    with tab(site, ann) as opened:
        assert tiny_workspace.NAMES[0] in opened.run(), "it is her workspace"
        for page in ("", "datasets", "instruments"):
            found = media(opened.run(page))
            for address in found:
                status, body = ask(site, address, ann)
                assert status == 200 and body
                assert ask(site, address, ann, Range="bytes=0-9")[1] == body[:10]
            everybody_s = {address for who in others.values() for address in media(_shown(site, who, page))}
            hers = [address for address in found if address not in everybody_s]
            for who, address in itertools.product(others.values(), hers):
                for form in (address, address.partition(".")[0], address + "?a=1"):
                    assert ask(site, form, who) == none
                    tried += 1
                assert ask(site, address, who, Range="bytes=0-9") == none
    assert tried >= 9


def _shown(site, who, page):
    with tab(site, who) as opened:
        return opened.run(page)


def test_nothing_can_be_put_into_or_taken_from_another_s_tab(site, ann, others):
    with tab(site, ann) as opened:
        opened.run()
        target = f"_stcore/upload_file/{opened.id}/a-file"
        assert ask(site, target, ann, method="PUT", body=BODY, **FORM)[0] == 204
        for who in others.values():
            none = ask(site, f"_stcore/upload_file/{NO_TAB}/a-file", who, method="PUT", body=BODY, **FORM)
            assert none[0] == 400 and ask(site, target, who, method="PUT", body=BODY, **FORM) == none
            none = ask(site, f"_stcore/upload_file/{NO_TAB}/a-file", who, method="DELETE")
            assert ask(site, target, who, method="DELETE") == none
        assert ask(site, target, ann, method="DELETE")[0] == 204


@pytest.mark.parametrize("owner", ["member", "guest"])
def test_another_s_tab_can_not_be_resumed(site, ann, others, owner):
    hers = ann if owner == "member" else tabs.guest(site)
    first = tabs.Tab(site, hers)
    said = first.run()
    mine = first.id
    for closed in (False, True):
        if closed:
            first.close()
        for who in others.values():
            with tab(site, who, resumes=mine) as taken:
                answer = taken.run()
                assert taken.id not in ("", mine)
                for secret in tiny_workspace.NAMES if owner == "member" else ():
                    assert secret in said and secret not in answer
    with tab(site, hers, resumes=mine) as back:
        back.run()
        assert back.id == mine, "who it belongs to comes back to it"


def test_routes_that_name_files_have_none_of_anybody_s(site, ann, others):
    root = site.root.relative_to(site.folder).as_posix()
    wanted = [
        f"people/{path.relative_to(site.root / 'people').as_posix()}" for path in site.root.glob("people/*/*/*/*.zip")
    ]
    wanted += ["ddsing.db", ".hosting/cookie_secret", f".hosting/run-{site.port}/secrets.toml"]
    ways = ["app/static", "static", "component/ddsing_page", "component", "_stcore/bidi-components", "media", ""]
    up = ["", "../", "../../../../..", "..%2f..%2f..%2f..%2f..", "%2e%2e/%2e%2e/%2e%2e/", "//"]
    tried = 0
    index = ask(site, "", others["member"])[1]
    for way, climb, name in itertools.product(ways, up, wanted):
        for path in (f"{way}/{climb}/{name}", f"{way}/{climb}{site.root}/{name}", f"{way}/{climb}/{root}/{name}"):
            status, body = ask(site, re.sub(r"^/+", "", path).replace(" ", "%20"), others["member"])
            assert status in (400, 403, 404) or body == index, path
            tried += 1
    assert tried >= 200


def test_there_is_no_other_way_in(site, ann, others):
    assert ask(site, "_stcore/agent/interact", ann, method="POST", body=b"{}")[0] >= 400
    for who in others.values():
        for path in ("_stcore/metrics", "_stcore/host-config", "_stcore/agent/openapi.json"):
            body = ask(site, path, who)[1].decode()
            assert "ann" not in body.replace("cannot", "") and str(site.root) not in body
