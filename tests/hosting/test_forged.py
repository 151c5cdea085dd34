"""What a browser can make up, tried by Bob with everything of Ann's: addresses, and values that no widget offers.

Bob's pages are real ones, in one process, on a workspace that has something to show in each view. Ids, names and paths
of Ann's go into all parameters of pages and views at once, and into all their widgets at once; what a page then shows
is, word for word and element by element, what it shows for something that nobody has.
"""

import difflib
import itertools
import json
import shutil
from urllib.parse import quote

import pytest
from google.protobuf import text_format
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from ddsing.dataset import voices
from ddsing.errors import TakeError
from ddsing.experiments.comparison.blind import BlindTests
from ddsing.experiments.comparison.sets import SetStore
from ddsing.files import safe_name
from ddsing.instrument.library import Library
from ddsing.transfer import pipeline
from ddsing.transfer.settings import Settings
from ddsing.ui.experiments import views
from ddsing.ui.shell import visitor, warmup
from ddsing.ui.shell.visitor import Visitor
from ddsing.workspace import Workspace
from tests.hosting.test_isolation import nobody_s, without
from tests.support import counts, one_of_each
from tests.support.controls import controls, drawn_out
from tests.support.one_of_each import asked, by_path, content
from tests.support.pages import finished, open_page
from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.slow

PAGES = ("timbre_transfer", "play", "datasets", "training", "instruments")
PLACES = [*PAGES, *(f"experiments/{view}" for view in views.VIEWS)]
BESIDES = ("take", "test", "weights", "set", "job", "voice", "instrument", "window", "step", "file", "path", "matched")
PUSH, FULL = 4, 20  # names for each place
FEWEST = 200  # attempts by address, and as many by widgets
TEXTS = ("selectbox", "multiselect", "text_input", "text_area", "button_group", "select_slider")
COMPUTED = (".cache", ".locks", ".work")  # what pages keep of what was chosen and computed


@pytest.fixture(scope="module")
def places(tiny_models, shared, tmp_path_factory):
    """Ann's workspace, whose names nobody else has, and Bob's, which is like it but for what was made there."""
    root = tmp_path_factory.mktemp("people")
    ann, bob = one_of_each.make(root / "ann", shared), Workspace(root / "bob")
    shutil.copytree(ann.root, bob.root, copy_function=shutil.copy2, ignore=shutil.ignore_patterns(".trash", ".cache"))
    for folder in (bob.experiments, bob.jobs, bob.presets):
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
    """What Bob makes up: some of each kind of Ann's things, by name, id, token and path; the kinds in turn."""
    ann, bob = places
    found, his = asked(ann) | {"recording": ["Anns long.wav"]}, {name for names in asked_of(bob) for name in names}
    some = next(ann.instruments.glob("*.zip"))
    made = [[f"../../ann/instruments/{some.name}", "../ann", str(ann.root), "..", f"{bob.root}/../ann/audio"]]
    for kind, names in found.items():
        hers = [name for name in names if name not in his]
        assert hers, kind
        paths = by_path(ann, hers, bob) if "deleted" not in kind else []
        made.append(hers[:2] + paths[:: max(1, len(paths) // 2)][:2])
    in_turn = [name for names in itertools.zip_longest(*made) for name in names if name is not None]
    assert len(made) <= len(PLACES) * PUSH, "each kind has its turn"
    return list(dict.fromkeys(in_turn))


def asked_of(workspace):
    """Names of what is in a workspace of which nothing was deleted."""
    yield [voice.name for voice in voices.trainings(workspace)]
    yield [entry.name for entry in Library(workspace).list()]
    yield [path.name for path in workspace.examples.iterdir()]
    yield [path.name for path in workspace.audio.glob("*/*")]


@pytest.fixture
def bobs(monkeypatch, places):
    """Opens a page as Bob, who has come in as a member, by an address that says so much."""
    _, bob = places
    here = Visitor("member", "Bob", "person 2", bob.root)
    monkeypatch.setattr(visitor, "current", lambda: here)
    monkeypatch.setattr(warmup, "start", lambda: None)
    monkeypatch.setenv("DDSING_WORKSPACE", str(bob.root))

    def open_as_bob(place, **address):
        page, _, view = place.partition("/")
        asked_for = ({"view": view} if view else {}) | address
        if page != PLACES[0]:
            return drawn_out(open_page(monkeypatch, bob.root, page, **asked_for))
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE_S)
        app.query_params.update(asked_for)
        return drawn_out(app.run())

    return open_as_bob


def shown(app):
    """All that was sent to the page, as text."""
    found = []
    for element in app.main:
        proto = getattr(element, "proto", None)
        text = "" if proto is None else text_format.MessageToString(proto, as_utf8=True)
        found.append(f"{element.type}: {text}")
    return "\n".join(found)


def words(app):
    """What a page says: its elements in order, with what they are called, their texts, and what went wrong."""
    said = [f"{one.type}: {getattr(one, 'label', '')}" for one in app.main]
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success", "toast")
    said += [f"{kind}: {one.value}" for kind in kinds for one in app.get(kind)]
    return "\n".join([*said, *(f"exception: {one.value}" for one in app.exception)])


def unsaid(text, value):
    """A text without what only repeats a value that was sent: as it is, as a file's name, in part, and escaped."""
    text = bare(text)
    forms = {bare(value), bare(json.dumps(value)[1:-1]), safe_name(value), quote(value)} if value else set()
    for form in forms:
        text = text.replace(form, "…")
    for form in forms:
        text = without(text, form)
    return text


def bare(text):
    """Without what keeps signs from being markdown, or the end of a text."""
    return text.replace("\\", "").replace("\u2060", "")


def hers(text, value):
    """What there is of Ann's in what a page was sent, besides what Bob himself has sent."""
    return [secret for secret in ("Anns", "/ann/", "what Ann") if secret in unsaid(text, value)]


def parameters(app):
    """The names that an address could have, for whatever is on the page."""
    return sorted({*BESIDES, *controls(app), *dict(app.query_params)} - {"view"})


def test_addresses_that_name_what_is_another_s(places, wanted, bobs):
    names = {}

    def by_address(place, one):
        if place not in names:
            names[place] = parameters(bobs(place))
        return bobs(place, **dict.fromkeys(names[place], one)), len(names[place])

    everything_is_nobody_s(places, wanted, by_address)


def everything_is_nobody_s(places, wanted, look):
    """Look at each place with some of Ann's names, and others of the same form."""
    ann, bob = places
    before = content(ann.root), content(bob.root, but=COMPUTED)
    tried, reached, values = 0, [], itertools.cycle(wanted)
    for place in PLACES:
        for value in itertools.islice(values, counts.rounds(full=FULL, push=PUSH)):
            n, found = attempt(bob, place, value, look)
            tried, reached = tried + n, reached + found
    print(f"{tried} attempts at {len(PLACES)} places, {len(reached)} reached")
    assert reached == []
    assert tried >= FEWEST
    assert (content(ann.root), content(bob.root, but=COMPUTED)) == before


def attempt(bob, place, value, look):
    """How many attempts a look with one of Ann's names is; what was found of hers, or is told about it."""
    for _ in range(2):  # what a page says may change meanwhile, as when a measurement has ended
        said, reached = [], []
        for one in (value, nobody_s(value)):
            (bob.cache / "choices.json").unlink(missing_ok=True)
            app, n = look(place, one)
            said.append(unsaid(words(app), one))
            if found := hers(shown(app), one):
                reached.append((place, value, found))
        if said[0] != said[1] or "exception" in said[0]:
            reached.append((place, value, *difflib.unified_diff(*(text.split("\n") for text in said), n=0)))
        if not reached:
            break
    return n, reached


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


def test_values_that_no_widget_offers(places, wanted, bobs):
    everything_is_nobody_s(places, wanted, lambda place, one: lied(bobs(place), one))


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


@pytest.mark.parametrize("tells", ["what it is", "that there is one"])
def test_a_view_that_looks_for_an_id_in_her_workspace_would_be_noticed(places, bobs, monkeypatch, tells):
    ann, bob = places
    (test,) = BlindTests(ann).list()
    get = BlindTests.get

    def get_hers(self, test_id):
        found = get(BlindTests(ann), test_id)
        if tells == "that there is one":
            raise TakeError(f"The blind test {test_id!r} is not yours.")
        return found

    def by_address(place, one):
        return bobs(place, test=one), 1

    assert attempt(bob, "experiments/blind", test.id, by_address) == (1, [])
    monkeypatch.setattr(BlindTests, "get", get_hers)
    _, reached = attempt(bob, "experiments/blind", test.id, by_address)
    assert reached
