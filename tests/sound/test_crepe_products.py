"""The two ways in which CREPE's network saves products, beside the plain convolutions that they stand for."""

import numpy as np
import pytest

from ddsing.sound import blas
from ddsing.sound.pitch import first_layer
from ddsing.sound.pitch.convolution import Convolution, Scratch
from ddsing.sound.pitch.first_layer import AROUND, FirstLayer
from ddsing.sound.pitch.network import _N_THREADS, BATCH_FRAMES, _batches, _stretch, network


def plain(x, kernel):
    """Keras's ``same`` along the first axis [length, n_frames, n_in], in double precision."""
    left = (len(kernel) - 1) // 2
    padded = np.pad(x.astype(np.float64), [(left, len(kernel) - 1 - left), (0, 0), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=0)
    return np.einsum("pfiw,wio->pfo", windows, kernel.astype(np.float64))


@pytest.mark.parametrize("length", [128, 64, 32, 16, 8])
def test_the_transformed_convolution_is_the_plain_one(length):
    rng = np.random.default_rng(length)
    x = rng.normal(0, 1, (length, 3, 5)).astype(np.float32)
    kernel = rng.normal(0, 1, (64, 5, 7)).astype(np.float32)
    found = Convolution(kernel, length)(x, Scratch())
    assert found.shape == (length, 3, 7) and found.dtype == np.float32
    expected = plain(x, kernel)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize("hop_samples", [32, 64, 160])
def test_the_shared_first_layer_is_that_of_each_frame_by_itself(hop_samples):
    rng = np.random.default_rng(hop_samples)
    n_frames, n_out = 4, 16
    stretch = rng.normal(0, 1, (n_frames - 1) * hop_samples + 1024 + 2 * AROUND).astype(np.float32)
    stretch[900:1300] *= 1e-3  # what is soft between what is loud
    stretch += np.linspace(-0.3, 3.0, len(stretch), dtype=np.float32)  # the last frame's mean is above its deviation
    kernel, bias = (rng.normal(0, 1, shape).astype(np.float32) for shape in ((512, n_out), n_out))
    nothing = np.zeros((64, n_out, n_out), np.float32)
    nothing[31] = np.eye(n_out)  # a convolution that gives what it is given
    layer, after, scratch = FirstLayer(kernel, bias), Convolution(nothing, 128), Scratch()
    spectrum, scale = layer(stretch, hop_samples, after, scratch)
    found = after.product(spectrum, scratch) * scale[:, None]
    frames = np.lib.stride_tricks.sliding_window_view(stretch[AROUND:-AROUND].astype(np.float64), 1024)[::hop_samples]
    normal = (frames - frames.mean(axis=1, keepdims=True)) / frames.std(axis=1, keepdims=True)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(normal, [(0, 0), (254, 254)]), 512, axis=1)[:, ::4]
    values = np.maximum(windows @ kernel + bias, 0.0)
    expected = np.maximum(values[:, 0::2], values[:, 1::2]).transpose(1, 0, 2)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_the_first_layer_is_rectified_step_by_step_while_the_second_cache_holds_it(monkeypatch):
    passes, rectify = [], first_layer.rectify
    monkeypatch.setattr(first_layer, "rectify", lambda x: passes.append(x.nbytes) or rectify(x))
    n_frames = 24
    stretch = np.zeros((n_frames - 1) * 64 + 1024 + 2 * AROUND, np.float32)
    crepe = network("full")
    crepe._activation(stretch, 64, Scratch())
    assert set(passes) == {n_frames * 256 * 4}
    assert sum(passes) == n_frames * 128 * 1024 * 4  # each number once


def test_a_frame_takes_a_twentieth_of_the_plain_network_s_products(monkeypatch):
    crepe, counted, matmul = network("tiny"), [], np.matmul

    def counting(a, b, out):
        counted.append(a.shape[-1] * out.size)
        return matmul(a, b, out=out)

    monkeypatch.setattr(np, "matmul", counting)
    n_frames = BATCH_FRAMES * _N_THREADS  # a whole batch for each thread
    assert sum(len(block) for block in crepe.blocks(np.zeros(64 * (n_frames - 1), np.float32), 64)) == n_frames
    classifier = 360 * 4 * 64
    assert sum(counted) / n_frames + classifier == crepe.n_multiply_adds(64)
    plain_layers = [(256, 512, 1, 1024), (128, 64, 1024, 128), (64, 64, 128, 128), (32, 64, 128, 128)]
    plain_layers += [(16, 64, 128, 256), (8, 64, 256, 512), (1, 1, 2048, 360)]
    whole = sum(map(np.prod, plain_layers))
    assert round(whole / 1e6) == 1410 and network("full").n_multiply_adds(64) < whole / 20


@pytest.mark.parametrize("hop_samples", [64, 160])
def test_parts_that_begin_at_multiples_of_24_are_the_whole_to_the_last_bit(hop_samples):
    rng = np.random.default_rng(2)
    audio = rng.normal(0, 0.1, 150 * hop_samples).astype(np.float32)
    audio[3000:6000] = 0.5 + 1e-3 * audio[3000:6000]  # some frames are normalised by themselves
    crepe = network("tiny")
    whole = np.concatenate(list(crepe.blocks(audio, hop_samples)))
    for cuts in ([0, 24, 151], [0, 96, 120, 151], [0, 48, 49 + 23, 151]):
        ranges = [range(*pair) for pair in zip(cuts, cuts[1:])]
        parts = [block for part in ranges for block in crepe.blocks(audio, hop_samples, frames=part)]
        assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("capacity", ["full", "tiny"])
def test_a_frame_is_the_same_to_the_last_bit_in_batches_of_any_size(capacity):
    audio = np.random.default_rng(5).normal(0, 0.1, 64 * 96).astype(np.float32)
    crepe, scratch = network(capacity), Scratch()

    def batch(first, n_frames):
        with blas.single_threaded():
            return crepe._activation(_stretch(audio, 64 * first, 64, n_frames), 64, scratch)

    whole = batch(0, 96)
    assert np.array_equal(np.concatenate([batch(0, 72), batch(72, 24)]), whole)
    assert np.array_equal(np.concatenate([batch(0, 24), batch(24, 72)]), whole)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
@pytest.mark.parametrize("n_frames", [0, 1, 24, 25, 96, 97, 192, 233, 1001, 7488])
def test_batches_are_as_large_as_can_be_and_end_together(n_frames, n_threads):
    frames = range(24, 24 + n_frames)
    found = _batches(frames, n_threads)
    assert [frame for batch in found for frame in batch] == list(frames)
    assert all(batch.start % 24 == 0 and 0 < len(batch) <= BATCH_FRAMES for batch in found)
    steps = [-(-len(batch) // 24) for batch in found]
    rounds = [steps[first : first + n_threads] for first in range(0, len(steps), n_threads)]
    assert len(rounds) == -(-n_frames // (BATCH_FRAMES * n_threads))
    assert sum(map(max, rounds)) == -(-n_frames // (24 * n_threads))  # no thread waits for more than a step


def test_a_thread_s_arrays_of_the_largest_batch_are_no_more_than_110_megabytes():
    scratch, sizes = Scratch(), (96, 24)
    for n_frames in sizes:
        network("full")._activation(np.zeros(64 * (n_frames - 1) + 1024 + 2 * AROUND, np.float32), 64, scratch)
    assert sum(array.nbytes for array in scratch._kept.values()) < 110e6
