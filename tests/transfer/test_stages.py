"""The clock of a transfer, its words, and the record that a take begins with."""

import time

import numpy as np
import pytest

from ddsing.errors import Cancelled
from ddsing.transfer import stages
from ddsing.transfer.settings import Settings
from ddsing.transfer.stages import STAGES, Stages
from ddsing.transfer.take import Take
from tests.support import tiny_workspace


def test_stages_add_up_their_times_and_pass_progress_on():
    told = []
    under_way = Stages(lambda stage, share: told.append((stage, share)))
    for share in (0.25, 0.75):
        with under_way("model") as progress:
            time.sleep(0.02)
            progress(share)
    under_way.reuse("features")
    assert told == [("model", 0.0), ("model", 0.25), ("model", 0.0), ("model", 0.75)]
    assert list(under_way.seconds) == list(STAGES) and 0.04 <= under_way.seconds["model"] < 1.0
    assert under_way.seconds["render"] == 0.0 and under_way.reused == ("features",)


def test_whoever_listens_may_cancel():
    def cancel(stage, share):
        raise Cancelled

    entered = False
    with pytest.raises(Cancelled), Stages(cancel)("render"):
        entered = True
    assert not entered


def test_stages_have_words_and_unknown_ones_stay_as_they_are():
    assert (stages.doing("features"), stages.noun("features")) == ("finding the pitch", "pitch and loudness")
    assert stages.doing("preparing") == stages.noun("preparing") == "preparing"


def test_a_take_of_a_long_file_name_has_a_name_that_the_page_can_edit(tmp_path):
    instrument = tiny_workspace.tiny_instrument("Aria")
    take = Take.begun(
        "id",
        tmp_path,
        source=f"{'long ' * 40}.wav",
        audio=np.zeros(32_000, np.float32),
        other=None,
        instruments=[instrument],
        morph=None,
        settings=Settings(octave_shift=1),
        tracker="tiny",
        fit=None,
        previous=Take("before", tmp_path, settings=Settings()),
    )
    assert len(take.name) == 120 and take.source == f"{'long ' * 40}.wav"
    assert (take.instrument, take.instrument_digest) == ("Aria", instrument.digest)
    assert (take.changed, take.duration_s, take.timbre_hash) == (("octave_shift",), 2.0, "")
