"""Blocks are decoded ahead of what is synthesised, on other threads: the same result, bounded, and stopped with it."""

import itertools
import threading
from dataclasses import dataclass, replace

import numpy as np
import pytest

from ddsing.engine import render
from ddsing.engine.synthesis import PART_FRAMES, HarmonicStream, NoiseStream
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
    stops: list = None  # of what it hears
    fails_at: int = -1

    def hear(self, frames):
        self.stops.append(frames.stop)
        return super().hear(frames)

    def decode(self, frames, state, heard=None):
        self.seen.append((frames.start, threading.current_thread()))
        if frames.start == self.fails_at:
            raise FeaturesError("This frame can't be sung.")
        return super().decode(frames, state, heard)


def watched(n_frames=BLOCK * N_BLOCKS, **options):
    loaded = render.load(SMALL, random_weights(SMALL, seed=1))
    rng = np.random.default_rng(0)
    f0_hz = (220.0 * 2.0 ** np.cumsum(rng.normal(0.0, 0.01, n_frames))).astype(np.float32)
    loudness_db = rng.uniform(-60.0, -20.0, n_frames).astype(np.float32)
    return Watched(loaded, f0_hz, loudness_db, None, seen=[], stops=[], **options)


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


def test_who_listens_waits_for_no_more_than_what_is_heard_first():
    part = watched()
    sound = render.blocks(part, n_samples=64 * len(part.f0_hz), first_frames=render.FIRST_FRAMES)
    first = next(sound)
    n_frames = len(first.audio) // 64
    assert 0.5 < len(first.audio) / 16_000 < 1.5
    assert n_frames < max(part.stops) <= n_frames + 8, "one frame more, and what the noise looks ahead"
    assert len(part.stops) == len(part.seen) == 2
    next(sound)
    assert max(part.stops) > render.BLOCK_FRAMES, "then it is decoded ahead again"
    sound.close()


@pytest.mark.parametrize("n_frames", [100, 256, 257, 258, 272, 500, 501, 1100])
@pytest.mark.parametrize("window_size", [0, 257])
def test_what_is_heard_first_is_to_the_bit_the_beginning_of_the_whole(n_frames, window_size):
    config = replace(SMALL, noise_window_size=window_size, n_noise_bands=65)
    loaded = render.load(config, random_weights(config, seed=1))
    part = replace(watched(n_frames), renderer=loaded)
    for missing in (0, 3):
        options = {"n_samples": 64 * n_frames - missing, "seed": 3, "keep_controls": True}
        parts = list(render.blocks(part, first_frames=render.FIRST_FRAMES, **options))
        whole = list(render.blocks(part, **options))
        assert len(parts) == len(whole) + (n_frames > render.FIRST_FRAMES)
        for name in ("harmonic", "noise"):
            one, other = (np.concatenate([getattr(block, name) for block in blocks]) for blocks in (parts, whole))
            assert one.shape == (64 * n_frames - missing,)
            np.testing.assert_array_equal(one, other)
        for name in render.CONTROLS:
            one, other = (np.concatenate([block.controls[name] for block in blocks]) for blocks in (parts, whole))
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("ends", [(16,), (16, 32), (1, 2, 3, 4, 5, 250), (249, 250)])
def test_a_block_that_goes_on_is_to_the_bit_one_block(ends):
    """Where the noise's frames end doesn't matter, where the harmonics' do at whole parts."""
    rng = np.random.default_rng(2)
    magnitudes = rng.random((500, SMALL.n_noise_bands), np.float32)
    amplitudes = rng.random((501, SMALL.n_harmonics), np.float32)
    f0_hz = 100.0 + 400.0 * rng.random(501)
    whole, parted = (NoiseStream(SMALL, seed=1) for _ in range(2))
    places = list(itertools.pairwise((0, *ends, 300)))
    expected = [whole.next(magnitudes[:300]), whole.next(magnitudes[300:])]
    found = [parted.next(magnitudes[start:stop], goes_on=stop < 300) for start, stop in places]
    np.testing.assert_array_equal(np.concatenate([*found, parted.next(magnitudes[300:])]), np.concatenate(expected))
    if any(end % PART_FRAMES for end in ends):
        return
    one, several = (HarmonicStream(SMALL) for _ in range(2))
    expected = [one.next(f0_hz[:301], amplitudes[:301]), one.next(f0_hz[300:], amplitudes[300:])]
    found = [several.next(f0_hz[i : j + 1], amplitudes[i : j + 1], goes_on=j < 300) for i, j in places]
    found.append(several.next(f0_hz[300:], amplitudes[300:]))
    np.testing.assert_array_equal(np.concatenate(found), np.concatenate(expected))
