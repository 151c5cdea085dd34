"""Blocks are decoded ahead of what is synthesised, on other threads: the same result, bounded, and stopped with it."""

import threading
from dataclasses import dataclass

import numpy as np
import pytest

from ddsing.engine import render
from ddsing.errors import FeaturesError
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights
from ddsing.sound import blas

SMALL = ModelConfig(rnn_channels=32, ch=32, layers_per_stack=1, n_harmonics=20, n_noise_bands=17)
BLOCK, N_BLOCKS = 50, 30


@dataclass(frozen=True, eq=False)
class Watched(render.Solo):
    """One that notes what it decodes, and by whom; it fails where it is to."""

    seen: list = None
    fails_at: int = -1

    def decode(self, frames, state, heard=None):
        self.seen.append((frames.start, threading.current_thread()))
        if frames.start == self.fails_at:
            raise FeaturesError("This frame can't be sung.")
        return super().decode(frames, state, heard)


def watched(**options):
    loaded = render.load(SMALL, random_weights(SMALL, seed=1))
    rng = np.random.default_rng(0)
    n_frames = BLOCK * N_BLOCKS
    f0_hz = (220.0 * 2.0 ** np.cumsum(rng.normal(0.0, 0.01, n_frames))).astype(np.float32)
    loudness_db = rng.uniform(-60.0, -20.0, n_frames).astype(np.float32)
    return Watched(loaded, f0_hz, loudness_db, None, seen=[], **options)


def blocks(part):
    return render.blocks(part, n_samples=64 * len(part.f0_hz), block_frames=BLOCK, keep_controls=True)


def test_what_is_decoded_ahead_is_what_one_thread_decodes():
    part = watched()
    found = [block.controls for block in blocks(part)]
    state, stacked = part.initial_state(), []
    for start in range(0, len(part.f0_hz), BLOCK):
        decoded, state = render.Solo.decode(part, slice(start, start + BLOCK), state)
        stacked.append(decoded)
    for name in render.CONTROLS:
        expected = np.concatenate([controls[name] for controls in stacked])
        assert np.array_equal(np.concatenate([controls[name] for controls in found]), expected)
    assert [start for start, _ in part.seen] == [*range(0, BLOCK * N_BLOCKS, BLOCK), BLOCK * N_BLOCKS]


def test_who_stops_listening_stops_the_decoding():
    before = threading.active_count()
    part = watched()
    sound = blocks(part)
    next(sound)
    sound.close()
    assert 0 < len(part.seen) <= 5  # of thirty: no more waits than is needed next
    assert threading.active_count() == before
    assert not blas._users, "and BLAS has its threads again"


def test_what_can_t_be_decoded_is_said_where_it_is_listened_to():
    part = watched(fails_at=10 * BLOCK)
    heard = []
    with pytest.raises(FeaturesError, match="can't be sung"):
        heard.extend(blocks(part))
    assert 5 <= len(heard) <= 10
