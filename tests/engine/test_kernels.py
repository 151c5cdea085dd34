"""The fast parts of a rendering, each beside its formula written down plainly, in double precision."""

import numpy as np
import pytest

from ddsing.engine import render
from ddsing.engine.decoder import Decoder, GruCell, gru
from ddsing.engine.synthesis import HarmonicStream
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
from ddsing.sound.blas import single_threaded

SMALL = ModelConfig(rnn_channels=32, ch=32, layers_per_stack=2, n_harmonics=40, n_noise_bands=17)


def sigmoid(x):
    return np.exp(-np.logaddexp(0.0, -x))


def test_the_recurrent_layer_is_its_formula():
    rng, channels = np.random.default_rng(0), 24
    shapes = {"kernel": (10, 3 * channels), "recurrent_kernel": (channels, 3 * channels), "bias": (2, 3 * channels)}
    weights = {f"cell/{name}": rng.normal(0.0, 0.7, shape).astype(np.float32) for name, shape in shapes.items()}
    x = rng.normal(0.0, 2.0, (50, 10)).astype(np.float32)
    x[7] *= 1000.0  # gates that are wide open or shut
    with single_threaded():
        found, last = gru(x, np.zeros(channels, np.float32), GruCell.of(weights, "cell"))
    kernel, recurrent, bias = (weights[f"cell/{name}"].astype(np.float64) for name in shapes)
    state, expected = np.zeros(channels), []
    for frame in x:
        outer, inner = np.split(frame @ kernel + bias[0], 3), np.split(state @ recurrent + bias[1], 3)
        update, reset = sigmoid(outer[0] + inner[0]), sigmoid(outer[1] + inner[1])
        state = update * state + (1.0 - update) * np.tanh(outer[2] + reset * inner[2])
        expected.append(state)
    np.testing.assert_allclose(found, expected, atol=3e-5)
    assert np.array_equal(found[-1], last)


def test_outputs_are_scaled_as_in_ddsp_however_far_out_they_are():
    decoder = Decoder(SMALL, random_weights(SMALL, seed=0))
    x = np.concatenate([np.linspace(-30.0, 30.0, 601), [-1e4, -104.0, -88.8, 0.0, 88.8, 1e4]]).astype(np.float32)
    expected = SMALL.scale_max_value * sigmoid(x.astype(np.float64)) ** np.log(SMALL.scale_exponent)
    found = decoder._exp_sigmoid(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected + SMALL.scale_threshold, rtol=2e-6)


@pytest.mark.parametrize("f0_hz", [[100.0] * 65, np.linspace(150.0, 4100.0, 65), [9000.0] * 33 + [3000.0] * 32])
def test_harmonics_are_summed_as_far_as_each_sample_has_them_below_8_khz(f0_hz):
    """Harmonics above are silent, whatever their amplitude, and what is added up may differ from frame to frame."""
    rng, n_frames = np.random.default_rng(1), 64
    amplitudes = rng.uniform(0.0, 0.1, (n_frames + 1, SMALL.n_harmonics)).astype(np.float32)
    found = HarmonicStream(SMALL).next(np.asarray(f0_hz), amplitudes)
    ramp = np.arange(64) / 64
    hz = (np.asarray(f0_hz)[:-1, None] + np.diff(f0_hz)[:, None] * ramp).ravel()
    number = np.arange(1, SMALL.n_harmonics + 1)
    waves = np.sin(2.0 * np.pi * np.outer(np.cumsum(hz) / 16_000, number)) * (np.outer(hz, number) < 8000.0)
    rise = (0.5 - 0.5 * np.cos(np.pi * ramp))[:, None]
    edges = amplitudes.astype(np.float64)
    envelope = edges[:-1, None] * (1.0 - rise) + edges[1:, None] * rise
    np.testing.assert_allclose(found, (waves * envelope.reshape(-1, len(number))).sum(axis=1), atol=2e-5)


def test_no_sine_is_computed_of_what_a_high_note_has_no_room_for(monkeypatch):
    """Of each 16 frames, not of the lowest note in the whole block."""
    n_sines, sine = [], np.sin
    monkeypatch.setattr(np, "sin", lambda x, out: n_sines.append(x.size) or sine(x, out=out))
    f0_hz = np.repeat([200.0, 2000.0], [160, 321])
    HarmonicStream(SMALL).next(f0_hz, np.zeros((481, SMALL.n_harmonics), np.float32))
    assert 0 < sum(n_sines) <= 64 * (160 * 40 + 320 * 4)  # 40 and 3 harmonics; the step itself lies in the lower part


def test_the_first_frames_are_decoded_by_themselves_so_that_both_threads_soon_have_something_to_do():
    loaded = render.load(SMALL, random_weights(SMALL, seed=1))
    lengths = []

    class Watched(render.Solo):
        def hear(self, frames):
            lengths.append(frames.stop - frames.start)
            return super().hear(frames)

    curves = np.full(3000, 220.0, np.float32), np.full(3000, -30.0, np.float32)
    for _ in render.blocks(Watched(loaded, *curves, None), n_samples=64 * 3000):
        pass
    assert lengths == [132, 132, 264, 500, 500, 500, 500, 473]


def test_what_goes_past_the_recurrent_layer_is_multiplied_before_it():
    """So that the thread of the recurrent layer, which all others wait for, has less to do."""
    decoder = Decoder(SMALL, random_weights(SMALL, seed=2))
    f0_hz, loudness_db = np.linspace(100.0, 400.0, 80), np.linspace(-60.0, -10.0, 80)
    heard = decoder.hear(f0_hz, loudness_db)
    assert heard.past_recurrent.shape == (80, 32) and heard.projected.shape == (80, 96)
    weights = decoder.weights
    inputs = [decoder._stack(f"decoder/input_stacks/{i}", x) for i, x in enumerate(_columns(f0_hz, loudness_db))]
    both = np.concatenate(inputs, axis=1)
    kernel = weights["decoder/out_stack/layer_with_weights-0/layer_with_weights-0/kernel"]
    np.testing.assert_allclose(heard.past_recurrent, both @ kernel[: both.shape[1]], atol=1e-5)
    np.testing.assert_array_equal(
        decoder.decode(f0_hz, loudness_db, None, decoder.initial_state(), heard=heard)[0]["amps"],
        decoder.decode(f0_hz, loudness_db, None, decoder.initial_state())[0]["amps"],
    )


def _columns(f0_hz, loudness_db):
    midi = 69.0 + 12.0 * np.log2(f0_hz / 440.0)
    return [np.asarray(x, np.float32)[:, None] for x in (loudness_db / SMALL.db_range + 1.0, midi / 127.0)]
