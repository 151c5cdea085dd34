"""The built-in phrase, sung by instruments with and without z."""

from dataclasses import replace

import numpy as np

from ddsing.constants import HOP_SAMPLES
from ddsing.engine import phrase, render
from ddsing.model.config import ZConfig
from ddsing.sound.phrase import N_FRAMES
from ddsing.sound.phrase import hum as hummed
from ddsing.sound.phrase import phrase as curves
from tests.support import tiny_workspace


def test_the_phrase_lies_in_the_instrument_s_range_and_listens_to_a_hum_or_to_z():
    instrument = tiny_workspace.tiny_instrument("a")
    config = replace(instrument.config, z=ZConfig(rnn_channels=8, z_dims=4, z_time_steps=63))
    random = np.random.default_rng(2)
    weights = {
        name: random.normal(0.0, 0.3, shape).astype(np.float32) for name, shape in config.weight_shapes().items()
    }
    with_z, known = render.load(config, weights), instrument.statistics
    f0_hz, loudness_db = curves(known.pitch_range_midi, known.loudness_range_db, generation=config.generation)
    assert f0_hz.shape == loudness_db.shape == (N_FRAMES,)

    sung = phrase.sing(with_z, known)
    assert sung.shape == (N_FRAMES * HOP_SAMPLES,) and sung.dtype == np.float32
    hum = hummed(f0_hz, loudness_db)
    own = render.render(with_z, f0_hz, loudness_db, n_samples=len(hum), audio=hum).audio
    np.testing.assert_array_equal(sung, own)
    assert not np.array_equal(phrase.sing(with_z, known, z=np.zeros((N_FRAMES, 4), np.float32)), sung)
    assert not np.array_equal(phrase.sing(with_z, None), sung)  # a usual voice's range is another
