"""What a run loads and builds in threads: TensorFlow and the model's step at once, ddsp itself beside the first steps.

A step needs no ddsp, only checkpoints do; to import it, to build its model and to have gin describe that takes as long
as everything else before the first step.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ddsing.training import resume
from ddsing.training.recipe import Config

if TYPE_CHECKING:
    from ddsing.engine.tf.compiled_code import CompiledCode
    from ddsing.engine.tf.step import Step


class Building:
    """A model in training that is being built.

    Parameters
    ----------
    build : callable
        Makes the `Step`.
    ahead : bool
        Whether to compile it, too, by a step that is undone: worth it where there is time until it begins.
    describe : (Path, Config) or None
        Of a training that begins: where its model is written to as gin describes it, and the model.
    """

    def __init__(self, build: Callable[[], "Step"], *, ahead: bool, describe: tuple[Path, Config] | None):
        self._kept: CompiledCode | None = None
        self._pool = ThreadPoolExecutor(1, "build")
        self._step = self._pool.submit(self._built, build, ahead)
        self._rest = self._pool.submit(self._load_the_rest, describe)
        self._first_weights: Mapping[str, np.ndarray] | None = None

    def begin_with(self, weights: Mapping[str, np.ndarray]) -> None:
        """Let it begin with other weights than it was built with."""
        self._first_weights = weights

    @property
    def step(self) -> "Step":
        """The model; waits until it is there."""
        step = self._step.result()
        if self._first_weights is not None:
            step.begin_with(self._first_weights)
            self._first_weights = None
        return step

    def worked(self) -> None:
        """Keep what was compiled, now that a step has been taken."""
        if self._kept is not None:
            self._kept.keep()
            self._kept = None

    def finish(self) -> None:
        """Wait until checkpoints can be written, and the model is described."""
        self._rest.result()

    def close(self) -> None:
        """Let the thread go."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _load_the_rest(self, describe: tuple[Path, Config] | None) -> None:
        if describe is not None:
            resume.write_model(*describe)
        self._step.result().prepare_checkpoints()

    def _built(self, build: Callable[[], "Step"], ahead: bool) -> "Step":
        from ddsing.engine.tf import compiled_code

        self._kept = compiled_code.use()
        if self._kept is not None:
            self._kept.check()
        step = build()
        step.trace()
        if ahead:
            step.compile()
            self.worked()
        return step
