"""What a training step consists of: each part by itself, with its arithmetic, and the network's share of the limit.

    python -m benchmarks.step_parts [--models small singing] [--repeats 5] [--json]

The network's part is its products, a multiply-add for each weight of a kernel and each frame, three times: forward, for
the gradient of what went in, and for that of the weights. The limit is those at the machine's peak on one thread,
against the processor time of all threads, of which a busy machine changes least; and at the peak of all cores, by the
clock, which needs a quiet machine. Each part is forward and gradient, but for the waves, which have none, and is the
least of several. Their sum is less than a step where a step moves more through memory. `benchmarks.training` measures
the step beside ddsp's.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks import limits
from benchmarks.limits import Limit, Part, Row
from benchmarks.training import MODELS, SEED, batch
from ddsing import hardware
from ddsing.model.config import ModelConfig
from ddsing.model.weights import random_weights

N_PASSES = 3  # forward, and two gradients


@dataclass(frozen=True)
class Took:
    """Seconds of a part, by the clock and of all threads, and its multiply-adds in products of matrices."""

    what: str
    wall_s: float
    processor_s: float
    multiply_adds: float = 0.0

    def rows(self, peaks: dict[int, float]) -> list[Row]:
        """Beside the limit by processor time and by the clock; `peaks` are operations a second by threads."""
        found = []
        for n_threads, took_s, which in ((1, self.processor_s, "processor"), (max(peaks), self.wall_s, "clock")):
            part = Part("products", peaks[n_threads], multiply_adds=self.multiply_adds)
            limit = Limit((part,)) if self.multiply_adds else None
            found.append(Row(f"{self.what}, {which}", took_s, limit=limit))
        return found


def multiply_adds(config: ModelConfig, n_frames: int) -> dict[str, float]:
    """Of the products of one pass over so many frames: ``recurrent kernel``, ``gru`` in all, ``dense``."""
    sizes = {name: math.prod(shape) for name, shape in config.weight_shapes().items() if name.endswith("kernel")}
    recurrent = sum(size for name, size in sizes.items() if name.endswith("recurrent_kernel"))
    gru = sum(size for name, size in sizes.items() if "/rnn/" in name)
    found = {"recurrent kernel": recurrent, "gru": gru, "dense": sum(sizes.values()) - gru}
    return {name: float(n_frames * size) for name, size in found.items()}


def took(what: str, work: Callable[[], object], repeats: int, *, multiply_adds: float = 0.0) -> Took:
    """The least of several, after two that trace and compile."""
    work(), work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter(), time.process_time()
        work()
        seconds.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    wall_s, processor_s = (min(column) for column in zip(*seconds))
    return Took(what, wall_s, processor_s, multiply_adds)


def parts(name: str, repeats: int) -> list[Took]:
    """The step, and its parts."""
    from ddsing.engine.tf import network, reconstruction, runtime, synthesis
    from ddsing.engine.tf.spectral_loss import spectral_loss
    from ddsing.engine.tf.step import Step

    tf, (config, batch_size, n_frames) = runtime.tensorflow(), MODELS[name]
    step = Step(config, random_weights(config, seed=SEED), batch_size=batch_size, window_frames=n_frames, seed=SEED)
    given, weights = batch(SEED, batch_size, n_frames), step._names
    tensors, random = step._tensors(given), np.random.default_rng(SEED)
    prepared = reconstruction.prepare(config, tensors, tf.zeros(given["audio"].shape))
    heard = [prepared["ld_scaled"], prepared["f0_scaled"]]
    width = sum(width for _, width in config.output_splits)

    def drawn(*shape: int):
        return tf.constant(random.standard_normal(shape).astype(np.float32))

    def gradient(function: Callable, *inputs) -> Callable[[], object]:
        """Runs a function forwards, and back from a random gradient of its result, to inputs and weights."""

        @tf.function(autograph=False)
        def run(*inputs):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs = tf.nest.flatten(function(*inputs))
                total = tf.add_n([tf.reduce_sum(output * drawn(*output.shape)) for output in outputs])
            return tape.gradient(total, [*inputs, *weights.values()])

        return lambda: [x.numpy() for x in run(*inputs) if x is not None][:1]

    def without_gru(part: str, x):
        return x[..., : config.rnn_channels]

    outputs, audio = drawn(n_frames, batch_size, width), drawn(*given["audio"].shape)
    amplitudes, magnitudes = synthesis.controls(config, outputs, prepared["f0_hz"])
    learnt = [tf.constant(1e-3 * random.standard_normal(x.shape).astype(np.float32)) for x in step._learning]
    once = multiply_adds(config, batch_size * n_frames)
    products = {what: N_PASSES * amount for what, amount in once.items()}
    work = {
        "step": lambda: step.run(given),
        "network": gradient(lambda *x: network.decode(config, weights, list(x)), *heard),
        "dense": gradient(lambda *x: network.decode(config, weights, list(x), recurrent=without_gru), *heard),
        "gru": gradient(
            lambda x: network._recurrent(weights, "decoder", x, "float32", None),
            drawn(n_frames, batch_size, 2 * config.ch),
        ),
        "controls": gradient(lambda x: synthesis.controls(config, x, prepared["f0_hz"]), outputs),
        "harmonic": gradient(lambda x: synthesis.harmonic(config, prepared["waves"], x), amplitudes),
        "noise": gradient(lambda x: synthesis.noise(config, audio, x), magnitudes),
        "loss": gradient(lambda x: spectral_loss(tensors["audio"], x), audio),
    }
    waves = tf.function(lambda f0_hz: synthesis.waves(config.n_harmonics, f0_hz), autograph=False)
    work["waves"] = lambda: waves(prepared["f0_hz"])[0, 0, 0, 0].numpy()
    adam = tf.function(lambda: step._apply(tf.clip_by_global_norm(learnt, 3.0)[0]), autograph=False)
    work["clipping, Adam"] = lambda: (adam(), step._optimizer.iterations.numpy())
    amounts = {"network": products["dense"] + products["gru"]} | products
    return [took(what, run, repeats, multiply_adds=amounts.get(what, 0.0)) for what, run in work.items()]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="*", choices=tuple(MODELS), default=list(MODELS), help="which (both)")
    parser.add_argument("--repeats", type=int, default=5, help="of which the least counts (5)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the lines")
    args = parser.parse_args()
    peaks = {n_threads: limits.matrix_product_flops(n_threads) for n_threads in (1, hardware.n_cores())}
    rows = {name: [row for part in parts(name, args.repeats) for row in part.rows(peaks)] for name in args.models}
    if args.json:
        print(json.dumps({name: [row.to_json() for row in found] for name, found in rows.items()}, indent=2))
        return
    print("\n".join(f"{name}: {row.text()}" for name, found in rows.items() for row in found))


if __name__ == "__main__":
    main()
