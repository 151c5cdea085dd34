"""What a browser can make up, tried by Bob with everything of Ann's: addresses, and values that no widget offers.

Bob's pages are real ones, in one process, on a workspace that has something to show in each view. Each id, name and
path of Ann's goes into all parameters of pages and views at once, and into all their widgets at once; what a page
then says is, word for word, what it says for something that nobody has.
"""

import json
import shutil

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from ddsing.dataset import voices
from ddsing.experiments.comparison.sets import SetStore
from ddsing.instrument.library import Library
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.ui.experiments import views
from ddsing.ui.shell import visitor, warmup
from ddsing.ui.shell.visitor import Visitor
from ddsing.workspace import Workspace
from tests.hosting.test_isolation import nobody_s, without
from tests.support import one_of_each
from tests.support.controls import controls
from tests.support.one_of_each import asked, by_path, content
from tests.support.pages import finished, open_page

pytestmark = pytest.mark.slow

PAGES = ("timbre_transfer", "datasets", "training", "instruments")
PLACES = [*PAGES, *(f"experiments/{view}" for view in views.VIEWS)]
BESIDES = ("take", "test", "weights", "set", "job", "voice", "instrument", "window", "step", "file", "path", "matched")
MOST = 6  # names for each place
TEXTS = ("selectbox", "multiselect", "text_input", "text_area", "button_group", "select_slider")
COMPUTED = (".cache", ".locks", ".work")  # what pages keep of what was chosen and computed


@pytest.fixture(scope="module")
def places(tiny_models, tmp_path_factory):
    """Ann's workspace, whose names nobody else has, and Bob's, which is like it but for what was made there."""
    root = tmp_path_factory.mktemp("people")
    ann, bob = one_of_each.make(root / "ann"), Workspace(root / "bob")
    shutil.copytree(ann.root, bob.root, copy_function=shutil.copy2, ignore=shutil.ignore_patterns(".trash", ".cache"))
    for folder in (bob.experiments, bob.jobs):
        shutil.rmtree(folder)
    example = next(path for path in bob.examples.iterdir() if path.name == "another.wav")
    instrument = Library(bob).list()[0].name
    for shift in range(2):
        pipeline.run(bob, example, instrument, Settings(octave_shift=shift), tracker="tiny")
    for entry in Library(ann).list():
        if "Anns" not in entry.name:
            Library(ann).rename(entry.name, f"Anns {entry.name}")
    for path in [*ann.examples.iterdir(), *(voices.get(ann, "alto").folder.glob("*.wav"))]:
        path.rename(path.with_name(f"Anns {path.name}"))
    for path in [*ann.audio.glob("bass*"), *ann.audio.glob("Aria_h*")]:
        path.rename(path.with_name(f"Anns {path.name}"))
    return ann, bob


@pytest.fixture(scope="module")
def wanted(places):
    """What Bob makes up: of each kind of Ann's things some, by name, id, token and path; and paths."""
    ann, bob = places
    found, his = asked(ann) | {"recording": ["Anns long.wav"]}, {name for names in asked_of(bob) for name in names}
    made = []
    for kind, names in found.items():
        hers = [name for name in names if name not in his]
        assert hers, kind
        paths = by_path(ann, hers, bob) if "deleted" not in kind else []
        made += hers[:2] + paths[:: max(1, len(paths) // 2)][:2]
    some = next(ann.instruments.glob("*.zip"))
    made += [f"../../ann/instruments/{some.name}", "../ann", str(ann.root), "..", f"{bob.root}/../ann/audio"]
    return sorted(set(made))


def asked_of(workspace):
    """Names of what is in a workspace of which nothing was deleted."""
    yield [voice.name for voice in voices.trainings(workspace)]
    yield [entry.name for entry in Library(workspace).list()]
    yield [path.name for path in workspace.examples.iterdir()]
    yield [path.name for path in workspace.audio.glob("*/*")]


@pytest.fixture
def bobs(monkeypatch, places):
    """Opens a page as Bob, who has come in as a member."""
    _, bob = places
    here = Visitor("member", "Bob", "person 2", bob.root)
    monkeypatch.setattr(visitor, "current", lambda: here)
    monkeypatch.setattr(warmup, "start", lambda: None)

    def open_as_bob(place, **address):
        page, _, view = place.partition("/")
        return open_page(monkeypatch, bob.root, page, **({"view": view} if view else {}), **address)

    return open_as_bob


def shown(app):
    """All that was sent to the page, as text, but for what differs from one run to the next."""
    found = []
    for element in app.main:
        proto = getattr(element, "proto", None)
        found.append(f"{element.type}: {proto if proto is not None else ''}")
    return "\n".join(found)


def words(app):
    """What a page says: its texts, and what went wrong."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success", "toast")
    said = [f"{kind}: {one.value}" for kind in kinds for one in app.get(kind)]
    return "\n".join([*said, *(f"exception: {one.value}" for one in app.exception)])


def hers(text, value):
    """Whether there is something of Ann's in what a page was sent, besides what Bob himself has sent."""
    sent = {value, json.dumps(value)[1:-1]}
    for one in sorted(sent, key=len, reverse=True):
        text = text.replace(one, "")
    return [secret for secret in ("Anns", "/ann/", "what Ann") if secret in text]


def parameters(app):
    """The names that an address could have, for whatever is on the page."""
    return sorted({*BESIDES, *controls(app), *dict(app.query_params)} - {"view"})


@pytest.mark.parametrize("place", PLACES)
def test_addresses_that_name_what_is_another_s(place, places, wanted, bobs):
    names = parameters(bobs(place))

    def by_address(one):
        return bobs(place, **dict.fromkeys(names, one)), len(names)

    assert everything_is_nobody_s(place, places, wanted, by_address) >= 100


def everything_is_nobody_s(place, places, wanted, look):
    """Look at a place with some of Ann's names, and others of the same form; the number of attempts."""
    ann, bob = places
    before = content(ann.root), content(bob.root, but=COMPUTED)
    tried, reached = 0, []
    for value in some_of(wanted, place):
        said = []
        for one in (value, nobody_s(value)):
            (bob.cache / "choices.json").unlink(missing_ok=True)
            app, n = look(one)
            said.append(without(words(app), one))
            if found := hers(shown(app), one):
                reached.append((value, found))
        tried += n
        if said[0] != said[1] or "exception" in said[0]:
            reached.append((value, said))
    assert reached == []
    assert (content(ann.root), content(bob.root, but=COMPUTED)) == before
    print(f"{place}: {tried} attempts, 0 reached")
    return tried


def some_of(wanted, place):
    """Some of the names for a place, others for each place, so that all of them have their turn."""
    first, step = PLACES.index(place), len(wanted) // MOST
    return [wanted[(first + step * number) % len(wanted)] for number in range(MOST)]


def forged(app, ids, value, pressed=()):
    """Run the page with a value that widgets did not offer, as a browser that lies sends it."""
    states = app._tree.get_widget_states()
    there = {state.id: state for state in states.widgets}
    for widget_id, kind in ids.items():
        state = there.get(widget_id) or states.widgets.add(id=widget_id)
        state.Clear()
        state.id = widget_id
        if kind in ("multiselect", "button_group", "select_slider"):
            state.string_array_value.data[:] = [value]
        elif kind == "data_editor":
            cells = dict.fromkeys(("Take", "Note", "★", "Title", "id", "take", "_index"), value)
            state.string_value = json.dumps({"edited_rows": {"0": cells, "99": cells}, "added_rows": [cells]})
        else:
            state.string_value = value
    for widget_id in pressed:
        states.widgets.append(WidgetState(id=widget_id, trigger_value=True))
    return app._tree._runner._run(states)


def targets(app):
    """The widgets that send text, and tables that are edited: their kinds by id."""
    found = {one.id: one.type for one in controls(app).values() if one.type in TEXTS}
    return found | {one.proto.id: "data_editor" for one in app.get("arrow_data_frame") if one.proto.editing_mode}


@pytest.mark.parametrize("place", PLACES)
def test_values_that_no_widget_offers(place, places, wanted, bobs):
    tried = everything_is_nobody_s(place, places, wanted, lambda one: lied(bobs(place), one))
    assert tried or place == "instruments"


def lied(app, value):
    """The page after it was sent a value for all its widgets at once, and how many those are."""
    there = targets(app)
    return forged(app, there, value), len(there)


def test_a_transfer_that_is_ordered_with_another_s_names_makes_nothing_of_hers(places, wanted, bobs):
    ann, bob = places
    before = content(ann.root)
    for value in [one for one in wanted if "instruments" in one or "Anns" in one][:4]:
        app = bobs("timbre_transfer")
        ids = {one.id: one.type for one in app.selectbox}
        app = finished(forged(app, ids, value, pressed=[app.button(key="transfer.start").id]))
        assert hers(shown(app), value) == [] and not app.exception
    assert content(ann.root) == before and not SetStore(bob).list()
    assert not [path for path in bob.root.rglob("*") if "Anns" in path.name]


def test_a_page_with_something_of_hers_would_be_noticed(places, bobs, monkeypatch):
    ann, _ = places
    monkeypatch.setattr(visitor, "current", lambda: Visitor("member", "Bob", "person 2", ann.root))
    assert "Anns" in hers(shown(open_page(monkeypatch, ann.root, "instruments")), "")
