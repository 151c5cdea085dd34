"""The precision that matrix products are computed in, and what float16 needs so that small gradients survive."""

import math
from collections.abc import Callable
from typing import Any

from ddsing.engine.tf import runtime
from ddsing.engine.tf.runtime import Tensor

_FIRST_SCALE = 2.0**15
_MAX_SCALE = 2.0**60
_GROWS_AFTER = 2000  # steps without overflow, as Keras's LossScaleOptimizer
_BFLOAT16_CAPABILITY = (8, 0)  # NVIDIA's Ampere


def dtype(mixed_precision: bool) -> str:
    """The type of matrix products: float32; with `mixed_precision` bfloat16, and on GPUs that lack it float16."""
    if not mixed_precision:
        return "float32"
    config = runtime.tensorflow().config
    capabilities = [
        config.experimental.get_device_details(gpu).get("compute_capability", _BFLOAT16_CAPABILITY)
        for gpu in config.list_physical_devices("GPU")
    ]
    return "bfloat16" if all(capability >= _BFLOAT16_CAPABILITY for capability in capabilities) else "float16"


def product(a: Tensor, b: Tensor, *, dtype: str, **options: Any) -> Tensor:
    """``tf.matmul`` computed in `dtype` and returned in float32."""
    tf = runtime.tensorflow()
    if dtype == "float32":
        return tf.matmul(a, b, **options)
    return tf.cast(tf.matmul(tf.cast(a, dtype), tf.cast(b, dtype), **options), tf.float32)


class LossScale:
    """A factor on the loss: as large as float16 allows, halved when a gradient overflows."""

    def __init__(self) -> None:
        tf = runtime.tensorflow()
        self.value = tf.Variable(_FIRST_SCALE, trainable=False)
        self._n_good = tf.Variable(0, trainable=False)

    def facts(self) -> dict[str, float]:
        """Where it stands, in plain values: the factor, and the steps since it was last changed for an overflow."""
        return {"factor": float(self.value.numpy()), "n_good": int(self._n_good.numpy())}

    def go_on(self, facts: object) -> None:
        """Stand where `facts` said; what is none of them changes nothing."""
        factor, n_good = (facts.get(name) if isinstance(facts, dict) else None for name in ("factor", "n_good"))
        if not isinstance(factor, float | int) or not isinstance(n_good, int):
            return
        if math.isfinite(factor) and 1.0 <= factor <= _MAX_SCALE and 0 <= n_good < 2**31:
            self.value.assign(factor)
            self._n_good.assign(n_good)

    def apply_if_finite(self, norm: Tensor, apply: Callable[[], None]) -> None:
        """Call `apply` if the gradients' `norm` is a number, else leave this step out; adapt the scale."""
        tf = runtime.tensorflow()

        def good() -> Tensor:
            apply()
            n_good = self._n_good.assign_add(1)
            grows = n_good % _GROWS_AFTER == 0
            self.value.assign(tf.where(grows, 2.0 * self.value, self.value))
            return n_good

        def bad() -> Tensor:
            self.value.assign(tf.maximum(self.value / 2.0, 1.0))
            return self._n_good.assign(0)

        tf.cond(tf.math.is_finite(norm), good, bad)
