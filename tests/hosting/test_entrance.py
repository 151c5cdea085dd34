"""The entrance without a browser: what somebody sees who has not come in, and when the database is away."""

import pytest

from ddsing.hosting import site, switch
from tests.hosting.test_config import PEOPLE
from tests.support.pages import open_page, said


@pytest.fixture
def hosted(monkeypatch, tmp_path, quiet):
    """Opens a page of a dashboard that is hosted as a file says."""

    def open_hosted(text):
        (tmp_path / "hosting.toml").write_text(text)
        monkeypatch.setenv(switch.SERVED, str(tmp_path / "hosting.toml"))
        return open_page(monkeypatch, tmp_path / "local")

    yield open_hosted
    site.close()


def test_a_stranger_sees_the_ways_in_and_nothing_is_made_for_them(hosted, tmp_path):
    app = hosted(PEOPLE)
    assert [button.label for button in app.button] == ["Try it as a guest"]
    assert "recordings of up to 30 s" in said(app) and "deleted after 4 hours" in said(app)
    assert not app.exception and not (tmp_path / "local").exists()
    assert not [path for name in ("people", "guests") for path in (tmp_path / "hosted" / name).glob("*")]


def test_without_its_database_the_site_says_so_and_lets_nobody_in(hosted, caplog):
    app = hosted('database = "postgresql://ann:hidden@127.0.0.1:9/none"\n' + PEOPLE)
    assert "can't reach its database" in said(app) and not app.button and not app.exception
    assert "127.0.0.1" not in said(app) and "127.0.0.1" in caplog.text and "hidden" not in caplog.text
