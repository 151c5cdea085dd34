"""The house library on the pages: everybody has it beside their own, reads it only, and admins change it."""

import pytest

from ddsing.errors import DdsingError
from ddsing.hosting import audit
from ddsing.hosting.site import open_site
from ddsing.sound.audio import encode
from ddsing.transfer.takes import TakeStore
from ddsing.ui.instrument import cards, house_cards
from ddsing.ui.shell import caches, opened, sources, visitor
from ddsing.ui.shell.visitor import Visitor
from ddsing.workspace import Workspace
from tests.hosting.test_config import PEOPLE, read
from tests.support import tiny_workspace
from tests.support.pages import clean, open_page, said, transfer


@pytest.fixture
def site(tmp_path):
    made = open_site(read(tmp_path, PEOPLE))
    tiny_workspace.fill(made.house.folder)
    yield made
    made.engine.dispose()


@pytest.fixture
def come_in(monkeypatch, site, tmp_path):
    """Who is at all pages from now on."""

    def enter(kind="member", name="ann"):
        found = Visitor(kind, name.title(), f"{name}", tmp_path / name, house=site.house)
        monkeypatch.setattr(visitor, "current", lambda: found)
        return tmp_path / name

    return enter


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".cache" not in path.parts}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["member", "guest"])
def test_a_new_workspace_is_empty_and_has_the_house_s(come_in, monkeypatch, kind, site):
    root, before = come_in(kind), content(site.house.folder)
    app = open_page(monkeypatch, root)
    clean(app)
    box = app.selectbox(key="transfer.instrument")
    assert box.options == ["First voice · house", "Second voice · house"]
    assert [one for one in app.selectbox if one.label == "Example"][0].options == [
        f"{tiny_workspace.EXAMPLE}.wav · house"
    ]
    assert not list((root / "instruments").iterdir()) and not list((root / "examples").iterdir())
    assert ("until you leave" in said(app)) == (kind == "guest") != ("after a restart" in said(app))
    transfer(app)
    (take,) = TakeStore(Workspace(root)).list()
    assert take.instrument == "First voice" and content(site.house.folder) == before


def test_names_that_both_have_are_told_apart(come_in, site, tmp_path):
    root = come_in()
    tiny_workspace.fill(root)
    entries = caches.instruments()
    assert [entry.name for entry in entries] == [
        "First voice",
        "Second voice",
        "First voice (house)",
        "Second voice (house)",
    ]
    assert [opened.is_of_house(entry.path) for entry in entries] == [False, False, True, True]
    names = [sources.name_of(path) for path in sources.examples()]
    assert len(set(names)) == 2 and names[1] == f"{names[0]} (house)"
    assert [sources.path_of(name) for name in names] == sources.examples()
    assert caches.instrument(entries[2]).digest == caches.instrument(entries[0]).digest


def test_what_is_computed_of_the_house_s_is_kept_once_and_of_people_s_for_each(come_in, site, monkeypatch):
    come_in(name="ann")
    entry = caches.instruments()[0]
    first = caches.instrument(entry)
    come_in(name="bob")
    assert caches.instrument(caches.instruments()[0]) is first
    for name in ("carl", "dora"):
        tiny_workspace.fill(come_in(name=name))
    mine = caches.instrument(caches.instruments()[0])
    come_in(name="carl")
    assert caches.instrument(caches.instruments()[0]) is not mine


def test_pitch_that_the_house_knows_is_not_found_again(come_in, site, tmp_path):
    come_in(name="ann")
    (path,) = sources.examples()
    sound = caches.recording(path)
    assert caches.analysed(sound.key) == set()
    track = site.house.workspace.cache / "features" / f"{sound.key}-tiny-v1.npz"
    track.parent.mkdir(parents=True, exist_ok=True)
    track.write_bytes(b"a track")
    caches.recording(path)
    assert caches.analysed(sound.key) == {"tiny"}


def test_a_member_copies_and_changes_nothing_of_the_house(come_in, monkeypatch, site):
    root, before = come_in(), content(site.house.folder)
    app = open_page(monkeypatch, root, "instruments")
    clean(app)
    keys = {str(button.key) for button in app.button}
    assert (
        "copy.First voice" in keys and not {"delete.First voice", "publish.First voice", "withdraw.First voice"} & keys
    )
    assert "house" in said(app)
    app.button(key="copy.First voice").click().run()
    clean(app)
    assert [path.name for path in (root / "instruments").glob("*.zip")] == ["First voice.zip"]
    keys = {str(button.key) for button in app.run().button}
    assert "delete.First voice" in keys and "copy.First voice" not in keys
    assert content(site.house.folder) == before


def test_what_a_press_of_an_old_page_asks_for_is_refused(come_in, site):
    come_in()
    entry, before = caches.instruments()[0], content(site.house.folder)
    state = house_cards.st.session_state
    for press in (house_cards._publish, house_cards._withdraw, cards._delete, cards._repair):
        state.pop("errors.later", None)
        press(entry)
        assert state["errors.later"], press
    with pytest.raises(DdsingError, match="Only admins"):
        house_cards._house()
    come_in("guest")
    state.pop("errors.later", None)
    house_cards._copy(entry)
    assert "Guests" in str(state["errors.later"]) and content(site.house.folder) == before


@pytest.mark.slow
def test_an_admin_publishes_and_withdraws(come_in, monkeypatch, site):
    root = come_in("admin")
    tiny_workspace.fill(root)
    (root / "instruments" / "First voice.zip").rename(root / "instruments" / "Mezzo.zip")
    app = open_page(monkeypatch, root, "instruments")
    app.session_state["instruments.chosen"] = ["Mezzo"]
    app.run()
    app.button(key="publish.Mezzo").click().run()
    clean(app)
    assert "Mezzo" in {one.name for one in site.house.instruments()}
    come_in("member", "bob")
    assert "Mezzo" in [entry.name for entry in caches.instruments()]
    root = come_in("admin")
    app.session_state["instruments.chosen"] = ["Mezzo (house)"]
    app.run()
    app.button(key="withdraw.Mezzo (house)").click().run()
    clean(app)
    assert (
        "Mezzo" not in {one.name for one in site.house.instruments()} and (root / "instruments" / "Mezzo.zip").exists()
    )
    assert [(one.who, one.what) for one in reversed(audit.newest(site.engine))] == [
        ("ann", "published"),
        ("ann", "withdrawn"),
    ]


def test_the_tutorial_uses_the_house_s_recording_and_counts_own_instruments_only(come_in, monkeypatch, site):
    mira = site.house.folder / "audio" / "Mira"
    mira.mkdir()
    (mira / "lesson.wav").write_bytes(encode(tiny_workspace.sung(3.0)))
    (site.house.folder / "instruments" / "First voice.zip").rename(site.house.folder / "instruments" / "Mira.zip")
    root = come_in()
    app = open_page(monkeypatch, root, "training")
    app.button(key="tutorial.add").click().run()
    clean(app)
    assert [path.name for path in (root / "audio" / "Mira").glob("*.wav")] == ["lesson.wav"]
    assert "tutorial.prepare" in {str(button.key) for button in app.run().button}
