"""Element-wise functions compiled by XLA: one pass over memory instead of one per operation."""

from collections.abc import Callable
from functools import cache, wraps

from ddsing.engine import runtime


def compiled(function: Callable) -> Callable:
    """Compile `function` of tensors at its first call with arguments of some shape and type."""

    @cache
    def build():
        return runtime.tensorflow().function(function, jit_compile=True)

    @wraps(function)
    def call(*args):
        return build()(*args)

    return call
