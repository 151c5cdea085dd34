"""A tab of a hosted dashboard follows an order by its folder: any process may do it, and its own tab sees its end."""

import io
import threading

import numpy as np
import pytest
import soundfile

from ddsing.dataset import voices
from ddsing.engine import render
from ddsing.errors import InstrumentError
from ddsing.hosting import site as sites
from ddsing.hosting import switch
from ddsing.instrument.library import Library
from ddsing.instrument.models import Models
from ddsing.latent import points as latent_points
from ddsing.latent import sound
from ddsing.sound.audio import decode, encode
from ddsing.transfer import first_sound
from ddsing.transfer.takes import TakeStore
from ddsing.ui.player import awaited
from ddsing.ui.shell import short_work, visitor, work
from ddsing.ui.shell.ordered import Ordered
from ddsing.ui.shell.visitor import Visitor
from ddsing.work import folder, kinds
from ddsing.work.folder import End
from ddsing.work.worker import Worker
from ddsing.workspace import Workspace
from tests.support import tiny_runs, tiny_workspace
from tests.support.pages import clean, open_page, said
from tests.support.z_models import some_space, z_instrument

OPEN = "another tab that is open"


@pytest.fixture
def member(monkeypatch, tmp_path, quiet):
    """Whose workspace it is, on a site whose workers have not come yet."""
    (tmp_path / "hosting.toml").write_text("[guests]\nallowed = true\n")
    monkeypatch.setenv(switch.SERVED, str(tmp_path / "hosting.toml"))
    root = tmp_path / "hosted" / "people" / "an" / "ann1"
    root.parent.mkdir(parents=True)
    tiny_workspace.fill(root)
    monkeypatch.setattr(visitor, "current", lambda: Visitor("member", "Ann", "person 1", root))
    monkeypatch.setattr(work, "_connected", lambda tab: tab == OPEN)
    yield Workspace(root)
    sites.close()


def orders(workspace, kind):
    return [one for one in folder.of_workspace(workspace.root) if one.about()["kind"] == kind]


def serve():
    """Do all that is due, as a worker process does."""
    queue = sites.served().work
    Worker(queue)
    while (task := queue.huey.dequeue()) is not None:
        queue.huey.execute(task)


def press(app):
    app.get_by_key("transfer.tracker").set_value("tiny").run()
    app.button(key="transfer.start").click().run()
    clean(app)
    return app


def bars(app):
    return [bar.proto.text for bar in app.get("progress")]


@pytest.mark.slow
def test_an_order_waits_in_line_and_its_take_is_shown(member, monkeypatch):
    app = press(open_page(monkeypatch, member.root))
    assert "transfer.start" not in [button.key for button in app.button]
    assert len(orders(member, "transfer")) == 1 and TakeStore(member).list() == []
    sites.served().work._seen_s = -1.0
    app.run()
    assert any("in line" in text for text in bars(app)), bars(app)
    serve()
    clean(app.run())
    assert "Takes (1)" in said(app) and "is ready" in said(app)
    assert orders(member, "transfer") == [], "it has been seen"


def test_the_fit_is_read_by_a_worker_without_a_press(member, monkeypatch):
    app = open_page(monkeypatch, member.root)
    assert "Analysing the recording" in said(app) and len(orders(member, "first reading")) == 1
    assert bars(app) == [], "no tab has to follow it"
    serve()
    assert "of the singing is inside" in said(app.run())
    clean(app)
    open_page(monkeypatch, member.root)
    assert len(orders(member, "first reading")) <= 1, "it is known, and not ordered again"


def test_a_first_version_is_heard_until_the_take_is_there(member, monkeypatch):
    (member.examples / "long.wav").write_bytes(encode(tiny_workspace.sung(5.0)))
    app = open_page(monkeypatch, member.root)
    app.get_by_key("transfer.example").set_value("long.wav").run()
    app.button(key="transfer.start").click().run()
    clean(app)
    assert "A first version" not in said(app)
    (order,) = orders(member, "transfer")
    place = first_sound.path(member, order.about()["options"]["first_sound"]["name"])
    place.parent.mkdir(parents=True)
    place.write_bytes(encode(tiny_workspace.sung(5.0)))
    clean(app.run())
    assert "sings with the pitch found by the tracker **Instant**; refined when **Best** is done" in said(app)
    app.session_state["pitch.panel"] = True
    assert "is being found with the tracker **Best**" in said(app.run())
    app.get_by_key("transfer.tracker").set_value("tiny").run()
    assert "must be found with the tracker **Draft**" in said(app)
    order.cancel()
    assert "A first version" not in said(app.run()) and "is being found" not in said(app)


def test_the_player_is_there_before_the_sound_and_asks_for_it_once(member, monkeypatch):
    (member.examples / "long.wav").write_bytes(encode(tiny_workspace.sung(5.0)))
    asked = []
    monkeypatch.setattr(awaited, "address", lambda name, look, place: asked.append((name, look)) or "/media/it.wav")
    app = open_page(monkeypatch, member.root)
    app.get_by_key("transfer.example").set_value("long.wav").run()
    app.button(key="transfer.start").click().run()
    assert not asked and "A first version" not in said(app), "no worker has begun"
    (order,) = orders(member, "transfer")
    order.tell(stage="starting", fraction=0.0, left_s=None)
    clean(app.run())
    (name, look), *_ = asked
    assert "A first version" in said(app) and look() is None
    place = first_sound.path(member, order.about()["options"]["first_sound"]["name"])
    place.parent.mkdir(parents=True)
    sung = tiny_workspace.sung(5.0)
    place.write_bytes(encode(sung))
    wav, rate_hz = soundfile.read(io.BytesIO(look()), dtype="float32")
    np.testing.assert_array_equal(wav, decode(place)[: len(wav)])
    assert rate_hz == 16_000 and len(wav) == 4 * rate_hz, "long ones would hold up the server"
    clean(app.run())
    assert {one for one, _ in asked} == {name}
    so_far = app.session_state["takes.so_far"]
    assert so_far.parts == [(0, len(wav)), (len(wav), len(sung))] and so_far.sent
    assert look() == look(), "what the tab has joined the rest to stays the first part"


def test_the_player_of_an_order_that_a_worker_takes_in_a_moment_is_drawn_by_the_press_itself(member, monkeypatch):
    (member.examples / "long.wav").write_bytes(encode(tiny_workspace.sung(5.0)))
    app, looked = open_page(monkeypatch, member.root), []
    app.get_by_key("transfer.example").set_value("long.wav").run()

    def waits(order):
        looked.append(order)
        if len(looked) == 3:
            order.folder.tell(stage="starting", fraction=0.0, left_s=None)
        return not order.folder.status()

    monkeypatch.setattr(Ordered, "waits", property(waits))
    app.button(key="transfer.start").click().run()
    clean(app)
    assert "A first version" in said(app) and len(looked) >= 3


@pytest.mark.slow
def test_cancel_ends_what_waits_at_once(member, monkeypatch):
    app = press(open_page(monkeypatch, member.root))
    app.button(key="work.cancel").click().run()
    clean(app.run())
    assert "Nothing was saved" in said(app) or app.button(key="transfer.start")
    serve()
    assert TakeStore(member).list() == [] and orders(member, "transfer") == []


@pytest.mark.slow
def test_a_tab_that_is_loaded_again_finds_its_order(member, monkeypatch):
    press(open_page(monkeypatch, member.root))
    again = open_page(monkeypatch, member.root)
    assert any("Transferring" in text for text in bars(again))
    serve()
    assert "Takes (1)" in said(again.run())
    clean(again)


@pytest.mark.slow
def test_an_end_is_kept_for_the_tab_that_asked(member, monkeypatch):
    press(open_page(monkeypatch, member.root))
    (order,) = orders(member, "transfer")
    monkeypatch.setattr(work, "_connected", lambda tab: True)
    another = open_page(monkeypatch, member.root)
    monkeypatch.setattr("ddsing.ui.shell.ordered.tab", lambda: OPEN)
    another.run()
    order.end(End(error="The disk is full.", error_kind="TakeError"))
    another.run()
    assert order.exists() and not another.error


def test_what_went_wrong_is_a_sentence(member, monkeypatch):
    app = press(open_page(monkeypatch, member.root))
    (order,) = orders(member, "transfer")
    order.end(End(error="The disk is full.", error_kind="TakeError"))
    app.run()
    assert [error.value for error in app.error] == [r"The disk is full\."] and not order.exists()


@pytest.fixture
def served(member, monkeypatch):
    """A worker that does what is due, as long as the test runs; the kinds of what it has done."""
    done, over, do = [], threading.Event(), kinds.do
    monkeypatch.setattr(
        kinds, "do", lambda workspace, order, *more: done.append(order.kind) or do(workspace, order, *more)
    )

    def work_on():
        while not over.wait(0.05):
            serve()

    sites.served()
    worker = threading.Thread(target=work_on)
    worker.start()
    yield done
    over.set()
    worker.join()


@pytest.mark.slow
def test_a_phrase_is_sung_by_a_worker(member, monkeypatch, served):
    name = tiny_workspace.NAMES[0]
    app = open_page(monkeypatch, member.root, "instruments", instrument=name)
    app.button(key=f"hear.{name}").click().run()
    clean(app)
    assert "phrase" in served and orders(member, "phrase") == []
    instrument = Library(member).get(name)
    assert short_work.audition(Library(member).find(name)) == Models().audition(instrument)


@pytest.mark.parametrize("n_ends", [1, 2])
def test_a_phrase_with_other_timbre_is_that_of_the_library(member, served, n_ends):
    Library(member).add(z_instrument(latent=some_space()))
    entry = Library(member).find("Listener")
    instrument = Library(member).get(entry.name)
    ends = [(0.5, -1.0, 0.25, 0.0), (1.0, 2.0, 0.5, 0.1)][:n_ends]
    expected = sound.sing(render.load(instrument.config, instrument.weights), instrument, *map(np.array, ends))
    assert short_work.phrase(entry, instrument, ends) == expected
    assert served == ["phrase"]


def test_points_of_a_voice_are_measured_by_a_worker(member, served):
    tiny_runs.vowels(member, "tenor", n_windows=2)
    voice = voices.get(member, "tenor")
    entry = Library(member).add(z_instrument(latent=some_space()))
    instrument = Library(member).get(entry.name)
    found = short_work.points(entry, instrument, voice)
    assert latent_points.known(voice, instrument) is not None
    assert short_work.points(entry, instrument, voice).z.shape == found.z.shape == (20, 4)
    assert served == ["points"]


def test_what_is_wrong_with_a_phrase_is_a_sentence(member, served):
    name = tiny_workspace.NAMES[0]
    entry, instrument = Library(member).find(name), Library(member).get(name)
    Library(member).delete(name)
    with pytest.raises(InstrumentError, match="No instrument"):
        short_work.phrase(entry, instrument)
    assert orders(member, "phrase") == []


@pytest.mark.slow
@pytest.mark.parametrize(("left_s", "every_s"), [(0.0, 0.4), (1.0, 0.4), (12.0, 1.2), (600.0, 2.0)])
def test_a_page_asks_less_often_the_longer_it_will_take(member, monkeypatch, left_s, every_s):
    asked, fragment = [], work.st.fragment

    def spy(function=None, *, run_every=None):
        asked.extend([run_every] if function is work._bar else [])
        return fragment(function, run_every=run_every)

    monkeypatch.setattr(work.st, "fragment", spy)
    monkeypatch.setattr(Ordered, "expected_left_s", property(lambda self: left_s))
    press(open_page(monkeypatch, member.root))
    assert set(asked) == {every_s}


def test_what_an_order_will_take_is_what_its_place_or_its_worker_says(member, monkeypatch):
    press(open_page(monkeypatch, member.root))
    (order,) = orders(member, "transfer")
    followed = Ordered(order)
    assert followed.waits and followed.expected_left_s == sites.served().work.place(order).left.middle_s > 0
    order.tell(stage="singing", fraction=0.5, left_s=[4.0, 9.0])
    assert 4.0 < followed.expected_left_s < 9.0
