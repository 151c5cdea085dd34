"""What a step of a training sees: which windows in which order, cut where audio and features agree, and how loud."""

import numpy as np
import pytest

from ddsing.errors import TrainingError
from ddsing.formats import tfrecord
from ddsing.sound import loudness
from ddsing.training import batches, ranges
from ddsing.training.listening import Listening, recorded_generation
from tests.support import tiny_training


def test_a_step_sees_what_its_number_and_the_seed_say():
    chosen = [batches.places(step, n_records=7, batch_size=3, seed=5) for step in range(1, 15)]
    assert [batches.places(step, n_records=7, batch_size=3, seed=5) for step in (4, 1, 9)] == [
        chosen[3],
        chosen[0],
        chosen[8],
    ]
    flat = sum(chosen, [])
    for epoch in range(6):  # each epoch is all of the records, in an order of its own
        assert sorted(flat[epoch * 7 : (epoch + 1) * 7]) == list(range(7))
    assert len({tuple(flat[epoch * 7 : (epoch + 1) * 7]) for epoch in range(6)}) == 6
    assert chosen != [batches.places(step, n_records=7, batch_size=3, seed=6) for step in range(1, 15)]
    assert len(batches.places(1, n_records=2, batch_size=5, seed=0)) == 5


def test_a_short_window_is_cut_where_audio_and_features_agree(tmp_path):
    frames = np.arange(1000, dtype=np.float32)
    window = {"audio": np.repeat(frames, 64), "f0_hz": frames, "loudness_db": -frames}
    starts = set()
    for place in range(40):
        part = batches.cut(window, 500, seed=1, place=place)
        np.testing.assert_array_equal(part["audio"][::64], part["f0_hz"])
        np.testing.assert_array_equal(part["loudness_db"], -part["f0_hz"])
        assert len(part["f0_hz"]) == 500
        starts.add(int(part["f0_hz"][0]))
    assert len(starts) > 30 and min(starts) < 50 and max(starts) > 450
    with pytest.raises(TrainingError, match="are 4 s long, but the model trains on 8 s"):
        batches.cut(window, 2000, seed=1, place=0)


@pytest.mark.slow
def test_loudness_is_on_the_scale_that_the_model_hears(tmp_path):
    for recorded in (1, 3):
        made = tiny_training.windows(3, generation=recorded)
        tfrecord.write(tmp_path / f"train{recorded}.tfrecord-00000-of-00001", made)
        with tfrecord.open_all(tmp_path, f"train{recorded}") as opened:
            assert recorded_generation(opened) == recorded
            for generation in (1, 3):
                listening = Listening(generation, recorded)
                served = batches.Batches(opened, 2, 250, 0, listening)
                batch = served.get(1)
                served.close()
                assert batch["audio"].shape == (2, 16_000) and batch["loudness_db"].shape == (2, 250)
                whole = listening.window(made[0])
                expected = loudness.compute(made[0]["audio"], generation=generation, padding="same")[:1000]
                np.testing.assert_allclose(whole["loudness_db"], expected, atol=1e-3)
            measured = ranges.measured(opened, Listening(1, recorded))
            assert measured.generation == 1 and 50 < measured.values["mean_pitch"] < 80
