"""Real worker processes: the same take as always, fair by person, cancelled in time, nothing lost when one dies."""

import os
import signal
import sys

import numpy as np
import pytest

from ddsing.errors import InstrumentError
from ddsing.instrument import write
from ddsing.instrument.library import Library
from ddsing.play import melody, reading, sing
from ddsing.play.edit import ScoreEdit, line_digest
from ddsing.play.style import STYLES
from ddsing.transfer import pipeline
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.work import folder, order_options
from ddsing.work.order import Order
from ddsing.workspace import Workspace
from tests.support import scores, tiny_workspace
from tests.support.patience import until
from tests.support.worked import Site, at_work, ended, sounds, sung, takes, transfer

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="needs signals")]
LINE = melody.line(reading.read(scores.melody((60, 0.0, 0.3), (64, 0.3, 0.8)), name="song.mid"))


def same(one, other) -> None:
    """Two takes are the same number by number, and of the same settings."""
    mine, others = sounds(one), sounds(other)
    assert mine.keys() == others.keys()
    for name, values in mine.items():
        np.testing.assert_array_equal(values, others[name], err_msg=name)
    for name in ("key", "settings", "warnings", "fit", "peak", "source", "instrument", "tracker", "morph"):
        assert getattr(one, name) == getattr(other, name), name


@pytest.mark.parametrize("settings", [{}, {"octave_shift": 1, "use_statistics": True, "seed": 7}])
def test_a_take_is_bit_for_bit_that_of_the_command_line(site, settings):
    ann, sound = site.person("ann1"), sung(2.0)
    expected = pipeline.run(
        site.person("bob1"),
        sound,
        tiny_workspace.NAMES[0],
        Settings(**settings),
        source_name=sound.name,
        tracker="tiny",
    )
    one = site.work().submit(ann, sound, **settings)
    assert ended(one).result == {"take": takes(ann)[0].id}
    same(takes(ann)[0], expected)
    assert "decode" in takes(ann)[0].reused and not list(ann.experiments.glob(".*.partial"))


def test_the_number_of_cores_changes_nothing(embedded):
    ann, sound = embedded.person("ann1"), sung(2.0)
    for processes in (1, 4):
        embedded.processes = processes
        one = embedded.work().submit(ann, sound)
        assert ended(one).error == ""
        embedded.rest()
        for path in (ann.cache / "features").glob("*"):
            path.unlink()
    same(*takes(ann))


def test_a_morph_an_analysis_a_report_and_measuring(embedded):
    from ddsing.dataset import report, voices
    from ddsing.experiments.comparison import measure
    from ddsing.instrument.library import Library
    from ddsing.sound import pitch
    from ddsing.sound.features import FeatureCache
    from ddsing.transfer.takes import TakeStore

    ann, bob, sound = embedded.person("ann1"), embedded.person("bob1"), sung()
    library, mixture = Library(ann), Morph(tiny_workspace.NAMES, ("", ""), ((0.0, (0.3, 0.7)),))
    options = order_options.transfer([library.get(name) for name in mixture.names], Settings(), "tiny", mixture)
    queue = embedded.work().queue
    assert ended(queue.submit(ann.root, Order("transfer", "Morphing", options, sound))).error == ""
    expected = pipeline.run(
        bob, sound, mixture.names, Settings(), morph=mixture, source_name=sound.name, tracker="tiny"
    )
    (take,) = takes(ann)
    same(take, expected)
    other = sung(hz=330.0)
    assert ended(queue.submit(ann.root, Order("analyse", "Analysing", {"tracker": "tiny"}, other))).error == ""
    assert FeatureCache(ann.cache / "features").has(other.key, "tiny")
    assert ended(queue.submit(ann.root, Order("report", "Report", {"voice": "alto"}))).error == ""
    quickest = pitch.quickest(load=True)  # as the page orders it
    assert report.known(voices.get(ann, "alto")) == report.report(voices.get(bob, "alto"), tracker=quickest)
    measuring = Order("measure", "Measuring", {"takes": [take.id], "complete": False})
    assert ended(queue.submit(ann.root, measuring)).error == ""
    assert measure.known(TakeStore(ann).get(take.id)) is not None


def test_a_score_is_sung_with_its_edit(embedded):
    """As `ddsing.play.sing.sing` sings it here, bit for bit."""
    ann, edit = embedded.person("ann1"), ScoreEdit(line_digest(LINE), removed=(0,), pitch=((0.3, 40.0), (0.6, -40.0)))
    asked = {"style_name": "pop", "transpose": -3, "seed": 4, "edit": edit, "warnings": ("Two chords.",)}
    instrument = Library(ann).get(tiny_workspace.NAMES[1])
    options = order_options.score(instrument, None, LINE, STYLES["pop"], **asked)
    one = embedded.work().queue.submit(ann.root, Order("score", "Singing", options))
    assert ended(one).error == ""
    expected = sing.sing(embedded.person("bob1"), LINE, instrument, STYLES["pop"], **asked)
    (take,) = takes(ann)
    same(take, expected)
    assert take.score == expected.score and sing.edit_of(take) == edit and sing.line_of(take) == LINE


def test_an_instrument_and_an_example_of_another_workspace(embedded, tmp_path):
    """As those of the house library are."""
    house, ann, sound = Workspace(tiny_workspace.fill(tmp_path / "house")), embedded.person("ann1"), sung()
    instrument = Library(house).rename(tiny_workspace.NAMES[0], "Of the house")
    example = house.examples / f"{tiny_workspace.EXAMPLE}.wav"
    settings = Settings(z_from="other", z_recording="theirs")
    options = order_options.transfer(
        [Library(house).get(instrument.name)], settings, "tiny", owners=[house], z_source=example
    )
    one = embedded.work().queue.submit(ann.root, Order("transfer", "Transferring", options, sound))
    assert ended(one).error == ""
    (take,) = takes(ann)
    expected = pipeline.run(
        embedded.person("bob1"),
        sound,
        Library(house).get(instrument.name),
        settings,
        source_name=sound.name,
        tracker="tiny",
        z_source=example,
    )
    same(take, expected)


def test_networks_of_the_house_library_are_loaded_once_for_all(embedded, tmp_path):
    """And everybody's own apart, though they be the same ones."""
    house, sound = Workspace(tiny_workspace.fill(tmp_path / "house")), sung(0.5)
    instrument = Library(house).get(tiny_workspace.NAMES[0])
    options = order_options.transfer([instrument], Settings(), "tiny", owners=[house])
    ann, bob, queue = embedded.person("ann1"), embedded.person("bob1"), embedded.work().queue
    for workspace in (ann, bob):
        assert ended(queue.submit(workspace.root, Order("transfer", "Transferring", options, sound))).error == ""
        assert ended(embedded.submit(workspace, sound, seed=7)).error == ""
    loaded = [["model" not in take.reused for take in takes(workspace)[::-1]] for workspace in (ann, bob)]
    assert loaded == [[True, True], [False, True]]


def test_fifty_orders_of_one_person_do_not_delay_another_s_first(site):
    ann, bob, sound = site.person("ann1"), site.person("bob1"), sung(0.5)
    many = [site.submit(ann, sound) for _ in range(50)]
    site.work()
    ended(many[0])
    first = site.submit(bob, sound)
    ended(first)
    done = [one for one in many if one.ended() is not None]
    assert len(done) <= 5, f"{len(done)} of 50 went before it"
    order = sorted([first, *many], key=lambda one: one.status().get("at", np.inf))
    assert order.index(first) <= 5
    for one in many:
        site.queue.cancel(one)


def test_cancel_stops_what_is_at_work_and_what_waits(site):
    ann, long = site.person("ann1"), sung(30.0)
    site.work()
    first, second = site.submit(ann, long), site.submit(ann, long, seed=1)
    at_work(first, "pitch")
    site.queue.cancel(second)
    assert second.ended().cancelled, "at once, since it waits"
    site.queue.cancel(first)
    assert ended(first).cancelled and takes(ann) == [] and not list(ann.experiments.glob(".*.partial"))
    third = site.submit(ann, sung())
    assert ended(third).error == ""


def test_a_worker_that_is_killed_in_the_middle_leaves_one_take(site):
    ann, long = site.person("ann1"), sung(10.0)
    one = site.work().submit(ann, long)
    for stage in ("pitch", "singing"):
        worker = at_work(one, stage)
        os.kill(worker, signal.SIGKILL)
        until(lambda worker=worker: worker not in site.pool.pids)
    assert ended(one).result == {"take": takes(ann)[0].id}
    assert len(takes(ann)) == 1 and not list(ann.experiments.glob(".*.partial"))
    expected = pipeline.run(
        site.person("bob1"), long, tiny_workspace.NAMES[0], Settings(), source_name=long.name, tracker="tiny"
    )
    same(takes(ann)[0], expected)


def test_a_take_that_was_finished_before_the_worker_was_killed_is_not_made_again(embedded):
    ann, sound = embedded.person("ann1"), sung()
    one = embedded.submit(ann, sound)
    embedded.work()
    ended(one)
    (one.path / "ended.json").unlink()  # killed between the take and the end
    np.save(one.path / "sound.npy", sound.audio)
    (made,) = takes(ann)
    embedded.queue._put(f"live:{one.id}", "people/an/ann1")
    assert ended(one).result == {"take": made.id} and len(takes(ann)) == 1


def test_an_order_that_ends_every_worker_ends_itself(embedded):
    ann = embedded.person("ann1")
    one = embedded.submit(ann, sung())
    for _ in range(folder.MOST_ATTEMPTS):
        one.attempt()
    embedded.work()
    assert "memory ran out" in ended(one).error and takes(ann) == []


def test_an_instrument_that_was_replaced_meanwhile_is_a_sentence(embedded):
    ann, name = embedded.person("ann1"), tiny_workspace.NAMES[0]
    one = embedded.submit(ann, sung())
    path = ann.instruments / f"{name}.zip"
    path.unlink()
    write(tiny_workspace.tiny_instrument(name, seed=9), path)
    embedded.work()
    error = ended(one).raised()
    assert isinstance(error, InstrumentError) and "was replaced" in str(error) and takes(ann) == []


def test_a_workspace_that_goes_away_takes_its_orders_along(embedded):
    import shutil

    ann, bob = embedded.person("ann1"), embedded.person("bob1")
    for _ in range(3):
        embedded.submit(ann, sung())
    shutil.rmtree(ann.root)
    embedded.work()
    assert ended(embedded.submit(bob, sung())).error == ""
    until(lambda: not embedded.queue._live())
    assert not ann.root.exists()


def test_workers_end_with_their_server(embedded):
    import subprocess

    import psutil

    embedded.person("ann1")
    program = (
        "import time; from pathlib import Path; from ddsing.work.pool import Pool; from ddsing.work.queue import Queue;"
        f"pool = Pool(Queue(Path({str(embedded.root)!r})), processes=2).start();"
        "time.sleep(2); print(*pool.pids, flush=True); time.sleep(1000)"
    )
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    workers = [int(pid) for pid in server.stdout.readline().split()]
    assert len(workers) == 2 and all(psutil.pid_exists(pid) for pid in workers)
    server.kill()
    server.wait()
    until(lambda: not any(psutil.pid_exists(pid) for pid in workers))


def test_two_servers_share_the_work_by_redis(tmp_path, redis):
    one, other, seen = Site(tmp_path, redis.url), Site(tmp_path, redis.url), []
    ann, sound = one.person("ann1"), sung(0.5)

    def sing() -> None:
        order = one.submit(ann, sound)
        assert ended(order).error == ""
        seen.append(order.status()["process"])

    try:
        one.work()
        other.work()
        until(lambda: {*one.pool.pids, *other.pool.pids} <= set(seen) and len(set(seen)) == 2, again=sing)
        assert len(takes(ann)) == len(seen)
    finally:
        one.rest()
        other.rest()


def test_orders_outlive_a_redis_that_is_started_again_empty(tmp_path):
    from tests.support.worked import Redis

    server = Redis().start()
    try:
        site = Site(tmp_path, server.url)
        ann = site.person("ann1")
        orders = [site.submit(ann, sung(0.5), seed=seed) for seed in range(3)]
        server.stop()
        server.start()
        site.work()
        for one in orders:
            assert ended(one).error == ""
        assert len(takes(ann)) == 3
    finally:
        site.rest()
        server.stop()


def test_the_queue_does_not_need_transfer_to_be_there(embedded):
    one = embedded.queue.submit(embedded.person("ann1").root, Order("nothing", "Nothing", {}))
    embedded.work()
    error = ended(one).raised()
    assert isinstance(error, RuntimeError) and not isinstance(error, InstrumentError)
    assert ended(embedded.submit(embedded.person("ann1"), sung())).error == ""


def test_transfer_is_an_order_of_data(tmp_path):
    site = Site(tmp_path)
    ann, sound = site.person("ann1"), sung()
    asked = transfer(ann, sound, seed=3)
    back = site.queue.submit(ann.root, asked, tab="tab").order()
    assert (back.kind, back.label, back.options) == (asked.kind, asked.label, asked.options)
    assert back.sound.key == sound.key and back.sound.info == sound.info
    np.testing.assert_array_equal(back.sound.audio, sound.audio)
