"""The room that is learnt beside a voice: reflections, found from what is heard, and no part of the model."""

import numpy as np
import pytest

from ddsing.engine.tf import runtime
from ddsing.engine.tf.room import Room
from ddsing.engine.tf.spectral_loss import spectral_loss
from ddsing.engine.tf.step import Step
from ddsing.model.config import ModelConfig
from ddsing.model.teaching import Teaching
from ddsing.model.weights import random_weights

pytestmark = pytest.mark.slow
CONFIG = ModelConfig(rnn_channels=8, ch=8, layers_per_stack=1, n_harmonics=6, n_noise_bands=9, noise_window_size=0)


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(0.0, 0.1, shape).astype(np.float32)


def test_it_is_heard_as_numpy_convolves_and_begins_after_the_sound():
    room = Room(30.0)
    dry = noise((2, 4000))
    np.testing.assert_allclose(room.heard(dry).numpy(), dry, atol=1e-6)
    taps = noise(480, 1)
    room.go_on(dict.fromkeys(room.shapes, taps))
    response = room.response().numpy()
    falling = np.where(np.arange(480) < 64, 0.0, 10.0 ** (-3.0 * np.arange(480) / 480))
    np.testing.assert_allclose(response, taps * falling, rtol=1e-4)
    wanted = [x + np.convolve(x.astype(np.float64), response)[:4000] for x in dry]
    np.testing.assert_allclose(room.heard(dry).numpy(), wanted, atol=1e-5)


def test_an_echo_is_found_by_the_spectral_loss():
    tf, room, dry = runtime.tensorflow(), Room(30.0), noise((4, 8000))
    echo = np.zeros(480)
    echo[80] = 0.3
    wet = np.stack([x + np.convolve(x, echo)[:8000] for x in dry]).astype(np.float32)
    adam = tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.ExponentialDecay(0.05, 20, 0.5))

    @tf.function(autograph=False)
    def learn():
        with tf.GradientTape() as tape:
            loss = spectral_loss(wet, room.heard(dry))
        adam.apply_gradients([(tape.gradient(loss, room.taps), room.taps)])
        return loss

    adam.build([room.taps])
    losses = [float(learn()) for _ in range(60)]
    found = room.response().numpy()
    assert losses[-1] < 0.1 * losses[0] and found[80] == pytest.approx(0.3, abs=0.01)
    assert np.abs(np.delete(found, 80)).max() < 0.01


@pytest.mark.parametrize("n_parts", [1, 2])
def test_a_step_learns_it_and_leaves_the_model_s_names_as_they_are(n_parts):
    weights = random_weights(CONFIG, seed=1)

    def step(room_ms):
        teaching = Teaching(room_ms=room_ms)
        return Step(CONFIG, weights, batch_size=2, window_frames=125, seed=3, n_parts=n_parts, teaching=teaching)

    plain, roomy = step(0.0), step(20.0)
    curves = {"f0_hz": np.full((2, 125), 220.0), "loudness_db": np.full((2, 125), -30.0)}
    batch = {"audio": noise((2, 8000))} | {name: x.astype(np.float32) for name, x in curves.items()}
    assert plain.room is None and not roomy.room.taps.numpy().any()
    assert plain.run(batch) == pytest.approx(roomy.run(batch), rel=1e-6), "silent at first"
    assert roomy.room.taps.numpy()[64:].any() and roomy.weights().keys() == weights.keys() == plain.weights().keys()
    assert plain.run(batch) != roomy.run(batch)
