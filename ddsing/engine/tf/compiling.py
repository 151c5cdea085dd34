"""Element-wise functions compiled by XLA: on a CPU, one pass over memory instead of one per operation."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from ddsing.engine.tf import runtime
from ddsing.engine.tf.runtime import Tensor


def compiled(function: Callable) -> Callable:
    """Compile `function` of tensors, at its first call with arguments of some shape and type; on a GPU, leave it."""

    @cache
    def build() -> Callable:
        return runtime.tensorflow().function(function, jit_compile=True, autograph=False)

    @wraps(function)
    def call(*args: Tensor) -> Any:
        return build()(*args) if compiles() else function(*args)

    return call


def compiles() -> bool:
    """Whether `compiled` functions are compiled."""
    return runtime.device().kind == "cpu" and not runtime.tensorflow().config.functions_run_eagerly()
