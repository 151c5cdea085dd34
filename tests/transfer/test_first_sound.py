"""Something to hear while a better tracker works: sung from the instant tracker's pitch, gone when its take is made."""

import numpy as np
import pytest

from ddsing.errors import Cancelled
from ddsing.instrument.models import Models
from ddsing.sound.audio import decode, encode
from ddsing.sound.pitch import instant
from ddsing.sound.recording import read
from ddsing.transfer import first_sound, pipeline
from ddsing.transfer.settings import Settings
from ddsing.transfer.takes import TakeStore
from ddsing.work import kinds
from ddsing.work.kinds import AtHand
from ddsing.work.order import Order
from ddsing.workspace import Workspace
from tests.support import tiny_workspace

NAME = "0123abcd"


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tiny_workspace.fill(tmp_path / "ws"))


def transfer(workspace, report=lambda stage, share: None):
    models = Models(1)
    instrument = models.open(workspace, tiny_workspace.NAMES[0])
    options = kinds.transfer_options([instrument], Settings(), "tiny", first=NAME)
    order = Order("transfer", "Transferring", options, read(encode(tiny_workspace.sung(1.0))))
    return kinds.do(workspace, order, AtHand(models), report)


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
