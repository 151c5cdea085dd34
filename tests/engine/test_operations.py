"""What rendering computes, counted: no more products, sines, exponentials and transforms than the arithmetic asks for.

Counts are the same on every machine, however busy it is: what computes anything twice, or more than it hears, fails.
"""

import threading
from collections import Counter

import numpy as np
import pytest

from ddsing.engine import render, synthesis
from ddsing.model.config import ModelConfig, ZConfig
from ddsing.model.weights import random_weights

CONFIG = ModelConfig(rnn_channels=24, ch=16, layers_per_stack=2, n_harmonics=30, n_noise_bands=17)
BLOCK, HZ = 40, 300.0  # all 26 harmonics below 8 kHz, and one more, are computed
HOP = 64


class Counted(np.ndarray):
    """An array whose matrix products are counted, and so are those of what comes of them: multiply-adds."""

    multiply_adds = 0
    _adding = threading.Lock()

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        plain = [one.view(np.ndarray) if isinstance(one, Counted) else one for one in inputs]
        options |= (
            {"out": tuple(one.view(np.ndarray) if isinstance(one, Counted) else one for one in out)} if out else {}
        )
        found = getattr(ufunc, method)(*plain, **options)
        if ufunc in (np.matmul, np.vecdot):
            with Counted._adding:
                Counted.multiply_adds += found.size * plain[0].shape[-1]
        return found.view(Counted) if isinstance(found, np.ndarray) else found


@pytest.fixture
def counts(monkeypatch):
    """How many numbers each of NumPy's slow functions gave, and how many transforms there were, by name."""
    found, adding = Counter(), threading.Lock()

    def counted(name, function, amount):
        def counting(*arguments, **options):
            result = function(*arguments, **options)
            with adding:
                found[name] += amount(result)
            return result

        return counting

    for name in ("sin", "exp", "tanh", "logaddexp", "power"):
        monkeypatch.setattr(np, name, counted(name, getattr(np, name), np.size))
    for name in ("rfft", "irfft"):
        monkeypatch.setattr(synthesis.fft, name, counted(name, getattr(synthesis.fft, name), len))
    return found


def sung(config, n_frames, **options):
    """Renders so many frames and returns the multiply-adds of its networks."""
    loaded = render.load(config, random_weights(config, seed=0))
    loaded.decoder.weights = {name: value.view(Counted) for name, value in loaded.decoder.weights.items()}
    cell = loaded.decoder._cell
    for name in ("kernel", "recurrent_rows"):
        object.__setattr__(cell, name, getattr(cell, name).view(Counted))
    Counted.multiply_adds = 0
    curves = np.full(n_frames, HZ, np.float32), np.full(n_frames, -30.0, np.float32)
    n_samples = n_frames * HOP
    blocks = render.render_blocks(loaded, *curves, n_samples=n_samples, block_frames=BLOCK, **options)
    assert sum(len(block.audio) for block in blocks) == n_samples
    return Counted.multiply_adds


def products(config):
    """The multiply-adds of the decoder in a frame: each weight of a matrix once."""
    return sum(int(np.prod(shape)) for name, shape in config.weight_shapes().items() if _multiplies(name))


def _multiplies(name):
    return name.startswith("decoder/") and name.endswith("kernel")


@pytest.mark.parametrize("n_frames", [BLOCK, 5 * BLOCK + 7])
def test_each_frame_is_decoded_once_and_each_weight_multiplied_once(n_frames):
    assert (
        0 < sung(CONFIG, n_frames) <= products(CONFIG) * (n_frames + 1)
    )  # the frame behind the end closes the last one


def test_so_it_is_with_timbre():
    config = ModelConfig(
        rnn_channels=24, ch=16, layers_per_stack=1, n_harmonics=8, n_noise_bands=9, z=ZConfig(16, 4, 125)
    )
    audio = np.zeros(2 * BLOCK * HOP, np.float32)
    assert 0 < sung(config, 2 * BLOCK, audio=audio) <= products(config) * (2 * BLOCK + 1)


@pytest.mark.parametrize("n_frames", [BLOCK, 5 * BLOCK + 7])
def test_sines_are_computed_of_harmonics_that_are_heard_and_exponentials_once_for_each_gate(n_frames, counts):
    sung(CONFIG, n_frames)
    n_used = min(CONFIG.n_harmonics, int(np.ceil(8000.0 / HZ)))
    assert 0 < counts["sin"] <= n_frames * HOP * n_used
    decoded = n_frames + 1
    assert counts["tanh"] <= decoded * CONFIG.rnn_channels
    scaled = 1 + CONFIG.n_harmonics + CONFIG.n_noise_bands
    assert 0 < counts["logaddexp"] + counts["power"] <= decoded * scaled
    assert counts["exp"] <= decoded * (2 * CONFIG.rnn_channels + scaled)


def test_noise_takes_four_transforms_a_frame_and_a_few_at_the_end(counts):
    n_frames = 5 * BLOCK + 7
    sung(CONFIG, n_frames)
    assert 0 < max(counts["rfft"], counts["irfft"]) <= 2 * (n_frames + 2), "silence brings out what still rings"


def test_a_longer_one_costs_its_length_and_blocks_of_another_size_the_same(counts):
    found = []
    for n_frames in (BLOCK, 4 * BLOCK, 16 * BLOCK):
        counts.clear()
        sung(CONFIG, n_frames)
        found.append(sum(counts.values()) / (n_frames + 1))
    assert max(found) / min(found) < 1.03
