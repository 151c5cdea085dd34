"""ddsp's own model and Keras's optimizer, for the checkpoints of a training that needs neither to take its steps.

So a checkpoint has the names that ddsp's Trainer writes, and either can go on from the other's. ddsp takes longer to
import and to build than everything else before the first step; a twin may be made in a thread beside the steps.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ddsing.constants import HOP_SAMPLES
from ddsing.engine.tf import autoencoder as models
from ddsing.engine.tf import runtime
from ddsing.model.config import ModelConfig

_N_FRAMES = 125  # of the window that its layers are built by; no weight's shape depends on it


class Twin:
    """ddsp's `Autoencoder` of a configuration, and an Adam with a schedule that knows its variables.

    Attributes
    ----------
    model, optimizer : Any
    variables : dict
        The model's variables under the names of `ModelConfig.weight_shapes`.
    """

    def __init__(self, config: ModelConfig, schedule: Any, *, n_frames: int = _N_FRAMES):
        self.model = models.autoencoder(config, n_samples=n_frames * HOP_SAMPLES)
        self.variables = models.variables(self.model, config)
        self.optimizer = runtime.tensorflow().keras.optimizers.Adam(schedule)
        self.optimizer.build(self.model.trainable_variables)

    def take(self, named: Mapping[str, Any], optimizer: Any) -> None:
        """Become what a training's variables and its Adam are now."""
        for name, variable in self.variables.items():
            variable.assign(named[name])
        for slot in ("m", "v"):
            averages = slots(optimizer, learnt(named), named, slot)
            for name, variable in slots(self.optimizer, self.model.trainable_variables, self.variables, slot).items():
                variable.assign(averages[name])
        self.optimizer.iterations.assign(optimizer.iterations)
        self.optimizer._current_learning_rate.assign(optimizer._current_learning_rate)

    def checkpoint(self, **more: Any) -> Any:
        """A `tf.train.Checkpoint` of both, named as ddsp's Trainer names them."""
        return runtime.tensorflow().train.Checkpoint(model=self.model, optimizer=self.optimizer, **more)


def own_variables(config: ModelConfig) -> dict[str, Any]:
    """Variables of zeros under the names of `ModelConfig.weight_shapes`, in the order of `autoencoder.variables`."""
    tf, shapes = runtime.tensorflow(), config.weight_shapes()
    swapped = {"gamma": "beta", "beta": "gamma"}
    parts = [name.rpartition("/") for name in shapes]
    names = [f"{layer}/{swapped.get(kind, kind)}" for layer, _, kind in parts]
    return {name: tf.Variable(tf.zeros(shapes[name])) for name in names}


def learnt(named: Mapping[str, Any]) -> list[Any]:
    """Variables in the order of `trainable_variables` of ddsp's model, which sums of all gradients depend on."""
    return [variable for _, variable in sorted(named.items(), key=lambda item: item[0].startswith("decoder/"))]


def slots(optimizer: Any, learning: Sequence[Any], named: Mapping[str, Any], slot: str) -> dict[str, Any]:
    """The variables of an Adam's averages, ``m`` or ``v``, of the variables that it learns, by the weights' names."""
    averages = optimizer._momentums if slot == "m" else optimizer._velocities
    by_variable = {variable.ref(): average for variable, average in zip(learning, averages)}
    return {name: by_variable[variable.ref()] for name, variable in named.items()}
