"""Sigmoid and tanh for loops that XLA compiles: on a CPU its own take one number at a time there.

These are of operations that it makes vectors of, within a few roundings of the exact values. What is no number stays
none.
"""

import math

from ddsing.engine.tf import runtime
from ddsing.engine.tf.runtime import Tensor

_LN_2 = (0.693359375, -2.12194440e-4)  # in two parts, of which multiples of the first are exact
_FACTORIALS = [float(math.factorial(n)) for n in range(7, 0, -1)]
_MOST = 80.0  # the exponential of more is no number of 32 bits


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)) of float32 numbers; below -80 as at -80."""
    return 1.0 / (2.0 + _expm1(-x))


def tanh(x: Tensor) -> Tensor:
    """tanh(x) of float32 numbers."""
    grown = _expm1(runtime.tensorflow().clip_by_value(2.0 * x, -_MOST / 2.0, _MOST / 2.0))
    return grown / (grown + 2.0)


def _expm1(x: Tensor) -> Tensor:
    """exp(x) - 1: a power of two by its bits, and a series for what is left of x, at most half of ln 2."""
    tf = runtime.tensorflow()
    x = tf.clip_by_value(x, -_MOST, _MOST)
    whole = tf.round(x / math.log(2.0))
    rest = (x - whole * _LN_2[0]) - whole * _LN_2[1]
    series = 0.0
    for factorial in _FACTORIALS:
        series = (series + 1.0 / factorial) * rest
    scale = tf.bitcast((tf.cast(whole, tf.int32) + 127) * 2**23, tf.float32)
    return scale * series + (scale - 1.0)
