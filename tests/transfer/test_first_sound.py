"""Something to hear while a better tracker works: sung from the instant tracker's pitch, gone when its take is made."""

import os

import numpy as np
import pytest

from ddsing.errors import Cancelled
from ddsing.instrument.models import Models
from ddsing.sound.audio import decode, encode
from ddsing.sound.features import FeatureCache
from ddsing.sound.pitch import instant
from ddsing.sound.recording import read
from ddsing.transfer import first_sound, pipeline
from ddsing.transfer.first_reading import FirstReading
from ddsing.transfer.first_sound import FirstSound
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.work import kinds, order_options
from ddsing.work.kinds import AtHand
from ddsing.work.order import Order
from ddsing.workspace import Workspace
from tests.support import tiny_workspace

NAME = "0123abcd"


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "ws"))


def transfer(workspace, report=lambda stage, share: None, *, sound=None, begun=None):
    models = Models(1)
    instrument = models.open(workspace, tiny_workspace.NAMES[0])
    options = order_options.transfer([instrument], Settings(), "tiny", first=FirstSound(NAME, 1.0, True))
    order = Order("transfer", "Transferring", options, sound or read(encode(tiny_workspace.sung(1.0))))
    return kinds.do(workspace, order, AtHand(models, begun=begun), report)


def left_over(workspace):
    return [entry.name for entry in (workspace.cache / first_sound.FOLDER).iterdir()]


def test_it_is_there_while_the_pitch_is_found_and_sounds_as_the_instant_tracker_s_take(workspace):
    heard = []

    def report(stage, share):
        if stage == "finding the pitch" and share and not heard:
            heard.append(decode(first_sound.path(workspace, NAME)))

    done = transfer(workspace, report)
    (take,) = TakeStore(workspace).list()
    assert take.id == done["take"] and take.tracker == "tiny" and left_over(workspace) == []
    alike = pipeline.run(
        workspace, read(encode(tiny_workspace.sung(1.0))), tiny_workspace.NAMES[0], Settings(), tracker="instant"
    )
    np.testing.assert_array_equal(heard[0], decode(alike.folder / "result.wav"))


def test_it_goes_on_from_what_the_page_has_read_by_the_same_tracker(workspace, monkeypatch):
    sound, looked_at, blocks = read(encode(tiny_workspace.sung(9.0))), [], instant.Source.blocks

    def counting(self, part, progress):
        looked_at.append(part)
        return blocks(self, part, progress)

    monkeypatch.setattr(instant.Source, "blocks", counting)
    cache = FeatureCache(workspace.cache / "features")
    reading = FirstReading(sound.audio, sound.key, cache, tracker="instant", part_frames=1)
    assert reading.advance()
    transfer(workspace, sound=sound, begun=reading)
    assert reading.complete and len(looked_at) > 1
    assert [part.start for part in looked_at] == [0, *(part.stop for part in looked_at[:-1])], "nothing is read twice"


def test_cancelling_while_it_is_sung_leaves_nothing(workspace):
    def stop(stage, share):
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        transfer(workspace, stop)
    assert left_over(workspace) == [] and TakeStore(workspace).list() == []


def test_what_goes_wrong_with_it_does_not_hold_the_transfer_up(workspace, monkeypatch):
    monkeypatch.setattr(instant, "_loaded", lambda: 1 / 0)
    monkeypatch.setattr(instant, "_failed", "")
    done = transfer(workspace)
    assert TakeStore(workspace).get(done["take"]).tracker == "tiny" and left_over(workspace) == []
    assert not first_sound.wanted("full", 60.0), "now that it is known not to work here"


@pytest.mark.parametrize(
    ("tracker", "to_analyse_s", "wanted"),
    [("full", 60.0, True), ("fast", 4.0, True), ("full", 3.0, False), ("full", 0.0, False), ("tiny", 60.0, False)],
)
def test_it_is_made_where_the_pitch_takes_long(tracker, to_analyse_s, wanted):
    assert first_sound.wanted(tracker, to_analyse_s) == wanted


@pytest.mark.slow
def test_what_there_is_of_a_take_is_heard_while_it_is_rendered(workspace):
    """What was read in several goes is the take's own sound, from its beginning, and then nothing is there any more."""
    models, found = Models(1), []
    place = first_sound.path(workspace, NAME)

    def report(stage, share):
        if stage == "render" and place.exists():
            found.append(first_sound.read_on(place, sum(len(part) for part, _ in found)))

    source = read(encode(tiny_workspace.sung(12.0)))
    instrument = models.open(workspace, tiny_workspace.NAMES[0])
    assert first_sound.read_on(place, 0) is None
    take = pipeline.run(workspace, source, instrument, Settings(), tracker="tiny", progress=report, heard_at=place)
    whole = decode(take.folder / "result.wav")
    parts = [part for part, rate_hz in found if rate_hz == 16_000]
    heard = np.concatenate(parts)
    assert sum(map(bool, map(len, parts))) > 2 and 0 < len(parts[0]) < len(whole) / 2
    np.testing.assert_array_equal(heard, whole[: len(heard)])
    rest, _ = first_sound.read_on(place, len(heard))
    np.testing.assert_array_equal(np.concatenate([heard, rest]), whole)
    first_sound.forget(workspace, NAME)
    assert first_sound.read_on(place, 0) is None and (take.folder / "result.wav").is_file()


def test_where_the_disk_has_no_links_the_take_is_made_all_the_same(workspace, monkeypatch):
    def refuse(*paths):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    place = first_sound.path(workspace, NAME)
    source = tiny_workspace.sung(1.0)
    pipeline.run(workspace, source, tiny_workspace.NAMES[0], Settings(), tracker="tiny", heard_at=place)
    assert not place.exists() and len(TakeStore(workspace).list()) == 1


@pytest.mark.parametrize(
    ("singing_s", "tracker", "to_analyse_s", "instant"),
    [(1.0, "tiny", 0.0, None), (1.0, None, 0.0, None), (3.0, "tiny", 60.0, False), (3.0, None, 0.0, False)]
    + [(0.1, "full", 60.0, True), (9.0, "full", 0.0, False)],
)
def test_there_is_one_where_a_take_takes_its_time(singing_s, tracker, to_analyse_s, instant):
    planned = first_sound.planned(60.0, singing_s=singing_s, tracker=tracker, to_analyse_s=to_analyse_s)
    assert (None if planned is None else planned.instant) == instant
    assert planned is None or FirstSound.of(planned.to_json()) == planned


def test_what_is_to_play_at_once_is_heard_before_it_is_there_unless_that_is_in_a_moment():
    assert first_sound.planned(60.0, singing_s=0.5, at_once=True) is not None
    assert first_sound.planned(60.0, singing_s=0.5) is None
    assert first_sound.planned(60.0, singing_s=0.1, at_once=True) is None
    assert FirstSound.of("0123abcd") is None and FirstSound.of(None) is None
