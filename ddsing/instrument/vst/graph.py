"""A step of ddsp-vst's decoder found in a TensorFlow Lite model: its weights, by the part that each plays.

Which constant is what follows from what it is computed with, not from names: a dense layer belongs to the input that it
hears, in the order in which it comes. Read is what ddsp's converter makes of `VSTStatelessPredictControls`, and what
ddsing writes. Whatever else is in a graph, any other operation, constant or order, is refused by name.

Public: `read`.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ddsing.constants import POWER, SAMPLE_RATE
from ddsing.errors import InstrumentError
from ddsing.formats.tflite import Graph, Model, Operation, Tensor
from ddsing.model.config import ModelConfig

Key = tuple[int, int]  # a tensor: its graph's number, and its own
INPUTS = {"call_f0_scaled:0": "f0", "call_pw_scaled:0": "power", "call_state:0": "state"}
OUTPUTS = tuple(f"StatefulPartitionedCall:{number}" for number in range(4))
_NORMALISED = {"MEAN": 2, "SQUARED_DIFFERENCE": 1, "RSQRT": 1, "LEAKY_RELU": 1}
_LAYER = {*_NORMALISED, "RESHAPE", "ADD", "SUB", "MUL"}
_EPSILON, _SLOPE = 1e-3, 0.2


@dataclass(frozen=True, eq=False)
class _Node:
    """An operation, its tensors by keys; loops are opened up, so that their bodies' operations stand here."""

    name: str
    inputs: Sequence[Key]
    outputs: Sequence[Key]
    slope: float


def read(model: Model) -> tuple[ModelConfig, dict[str, np.ndarray]]:
    """The configuration and the weights of the decoder in a model; `InstrumentError` says what is not as it should be.

    Returns
    -------
    config : ModelConfig
        Of generation `POWER`.
    weights : dict of np.ndarray
        By the names of ``config.weight_shapes()``; neither shapes nor values are checked.
    """
    return _Step(model).read()


class _Step:
    def __init__(self, model: Model):
        self._graphs = model.graphs
        self._same: dict[Key, Key] = {}
        main = model.graphs[0]
        if {main.tensors[index].name for index in main.inputs} != set(INPUTS):
            raise bad(f"its inputs are not {', '.join(INPUTS)}")
        if {main.tensors[index].name for index in main.outputs} != set(OUTPUTS):
            raise bad(f"its outputs are not {', '.join(OUTPUTS)}")
        self._nodes = list(self._opened_up(0, main))
        self._heard: dict[Key, frozenset[str]] = {
            (0, index): frozenset([INPUTS[main.tensors[index].name]]) for index in main.inputs
        }
        for node in self._nodes:
            heard = frozenset().union(*(self._heard.get(key, frozenset()) for key in node.inputs))
            self._heard |= dict.fromkeys(node.outputs, heard)

    def read(self) -> tuple[ModelConfig, dict[str, np.ndarray]]:
        """See the function of this name."""
        layers = self._layers()
        kernel, recurrent = self._dense(layers["gru"]), self._dense(layers["state"])
        if len(kernel[1]) != len(recurrent[1]):
            raise bad("the halves of its recurrent layer have different widths")
        ch = len(self._dense(layers["power"][0])[1])
        weights: dict[str, np.ndarray] = {
            "decoder/rnn/rnn/cell/kernel": kernel[0],
            "decoder/rnn/rnn/cell/recurrent_kernel": recurrent[0],
            "decoder/rnn/rnn/cell/bias": np.stack([kernel[1], recurrent[1]]),
        }
        stacks = {
            "decoder/input_stacks/0": layers["power"],
            "decoder/input_stacks/1": layers["f0"],
            "decoder/out_stack": layers["out"][:-1],
        }
        for prefix, stack in stacks.items():
            for number, node in enumerate(stack):
                weights |= self._layer(f"{prefix}/layer_with_weights-{number}", node)
        last = layers["out"][-1]
        weights["decoder/dense_out/kernel"], weights["decoder/dense_out/bias"] = self._dense(last)
        self._check_order(layers)
        return self._config(last, ch, len(layers["power"]), recurrent[0].shape[0]), weights

    def _opened_up(self, number: int, graph: Graph) -> Iterator[_Node]:
        """The operations in their order; a loop, which is gone through once, is what its body does."""
        for operation in graph.operations:
            keys = [self._key(number, index) for index in operation.inputs if index >= 0]
            if not keys or not operation.outputs:
                raise bad(f"its {operation.name} has no inputs or no outputs")
            if operation.activation:
                raise bad(f"its {operation.name} has another activation fused into it")
            if operation.graphs is None:
                yield _Node(operation.name, keys, [(number, index) for index in operation.outputs], operation.slope)
                continue
            body = self._body(number, operation)
            inner = operation.graphs[1]
            self._same |= {(inner, index): key for index, key in zip(body.inputs, keys)}
            yield from self._opened_up(inner, body)
            self._same |= {
                (number, index): self._key(inner, within) for index, within in zip(operation.outputs, body.outputs)
            }

    def _body(self, number: int, operation: Operation) -> Graph:
        """The body of the one loop, whose condition allows a single turn."""
        assert operation.graphs is not None
        condition, body = (self._graphs[index] for index in operation.graphs)
        ends = {len(operation.inputs), len(operation.outputs), len(body.inputs), len(body.outputs)}
        names = {step.name for step in condition.operations}
        limits = [tensor.value for tensor in condition.tensors if tensor.value is not None]
        if number or self._same or len(ends) > 1 or not names <= {"LESS", "LOGICAL_AND"} or not limits:
            raise bad("it has another loop than that over a single frame")
        if not all(np.array_equal(limit, 1) for limit in limits):
            raise bad("its loop goes over more than one frame")
        return body

    def _key(self, number: int, index: int) -> Key:
        return self._same.get((number, index), (number, index))

    def _tensor(self, key: Key) -> Tensor:
        return self._graphs[key[0]].tensors[key[1]]

    def _constants(self, node: _Node) -> list[np.ndarray]:
        """The constants of numbers among an operation's inputs."""
        found = [self._tensor(key) for key in node.inputs]
        return [tensor.value for tensor in found if tensor.value is not None and tensor.kind == "float32"]

    def _layers(self) -> dict:
        """The dense layers by what they hear, each in its order."""
        by: dict[str, list[_Node]] = {name: [] for name in ("power", "f0", "state", "gru", "out")}
        parts = {frozenset(["f0", "power"]): "gru", frozenset(["f0", "power", "state"]): "out"}
        for node in self._nodes:
            if node.name == "FULLY_CONNECTED":
                heard = self._heard.get(node.inputs[0], frozenset()) if node.inputs else frozenset()
                part = parts.get(heard) or next(iter(heard), "") if len(heard) == 1 or heard in parts else ""
                if part not in by:
                    raise bad("a dense layer of it hears nothing, or another input")
                by[part].append(node)
        depth = len(by["power"])
        if not depth or [len(by[name]) for name in by] != [depth, depth, 1, 1, depth + 1]:
            numbers = ", ".join(f"{len(nodes)} on {name}" for name, nodes in by.items())
            raise bad(f"its dense layers are not those of one step of a decoder: {numbers}")
        return by | {"state": by["state"][0], "gru": by["gru"][0]}

    def _dense(self, node: _Node) -> tuple[np.ndarray, np.ndarray]:
        """A dense layer's kernel [n_in, n_out] and bias [n_out]."""
        values = [self._tensor(key).value for key in node.inputs[1:]]
        if not 1 <= len(values) <= 2 or any(value is None or value.dtype.kind != "f" for value in values):
            raise bad("a dense layer of it has no constant weights")
        kernel = np.asarray(values[0])
        if kernel.ndim != 2:
            raise bad("a dense layer's weights are no matrix")
        if len(values) == 2:
            return kernel.T, np.asarray(values[1]).reshape(-1)
        added = [c for c in self._added(node) if c.size == len(kernel)]
        return kernel.T, added[0].reshape(-1) if added else np.zeros(len(kernel), np.float32)

    def _added(self, node: _Node) -> list[np.ndarray]:
        """What is added to a node's result at once."""
        return [
            c
            for step in self._nodes
            if step.name == "ADD" and node.outputs[0] in step.inputs
            for c in self._constants(step)
        ]

    def _layer(self, name: str, node: _Node) -> dict[str, np.ndarray]:
        """A dense layer with its normalisation, up to its leaky ReLU."""
        kernel, bias = self._dense(node)
        steps = self._up_to_relu(node)
        counts = Counter(step.name for step in steps)
        if {step: counts[step] for step in _NORMALISED} != _NORMALISED or not set(counts) <= _LAYER:
            raise bad("a dense layer is not followed by layer normalisation and a leaky ReLU")
        if not math.isclose(steps[-1].slope, _SLOPE, rel_tol=1e-5):
            raise bad(f"a leaky ReLU of it has the slope {steps[-1].slope:g} instead of {_SLOPE}")
        found: dict[str, list[np.ndarray]] = {"MUL": [], "ADD": [], "SUB": []}
        scalars: list[float] = []
        for step in steps:
            for constant in self._constants(step):
                if constant.size == len(bias) and step.name in found:
                    found[step.name].append(constant.reshape(-1))
                elif constant.size == 1:
                    scalars.append(float(constant.reshape(-1)[0]))
        if len(node.inputs) == 2 and len(found["ADD"]) == 2:  # the bias is added by itself
            found["ADD"].pop(0)
        if [len(found[step]) for step in ("MUL", "ADD", "SUB")] != [1, 1, 0]:
            raise bad("a layer normalisation of it has not one gain and one offset")
        if not any(math.isclose(value, _EPSILON, rel_tol=1e-5) for value in scalars):
            raise bad(f"a layer normalisation of it has not the epsilon {_EPSILON:g}")
        parts = {"0/kernel": kernel, "0/bias": bias, "1/gamma": found["MUL"][0], "1/beta": found["ADD"][0]}
        return {f"{name}/layer_with_weights-{part}": value for part, value in parts.items()}

    def _up_to_relu(self, node: _Node) -> list[_Node]:
        """The operations between a dense layer and its leaky ReLU, and that itself."""
        reached, steps = set(node.outputs), []
        for step in self._nodes[self._nodes.index(node) + 1 :]:
            if reached.isdisjoint(step.inputs):
                continue
            steps.append(step)
            reached.update(step.outputs)
            if step.name in ("LEAKY_RELU", "FULLY_CONNECTED"):
                break
        return steps

    def _check_order(self, layers: Mapping) -> None:
        """Power comes before pitch where they are put together, and the recurrence is a GRU's."""
        joined = [node for node in self._nodes if node.name == "CONCATENATION" and len(self._numbers(node)) > 1]
        for node in joined:
            order = [self._heard.get(key, frozenset()) for key in self._numbers(node)]
            known = [frozenset(["power"]), frozenset(["f0"]), frozenset(["f0", "power", "state"])]
            if order not in (known[:2], known):
                raise bad("its inputs are put together in another order than power, pitch, state")
        gates = Counter(node.name for node in self._nodes if node.name in ("LOGISTIC", "TANH"))
        if gates["TANH"] != 1 or gates["LOGISTIC"] not in (4, 5):
            raise bad("its recurrent layer is not a GRU")
        unknown = [node.name for node in self._nodes if node.name.startswith(("custom", "number"))]
        if unknown:
            raise bad(f"it has an operation that its kind doesn't have: {unknown[0]}")

    def _numbers(self, node: _Node) -> list[Key]:
        """The inputs that are computed from what the model hears."""
        return [key for key in node.inputs if self._heard.get(key) and self._tensor(key).kind == "float32"]

    def _config(self, last: _Node, ch: int, depth: int, rnn_channels: int) -> ModelConfig:
        """Widths from the outputs, and the numbers of the scaling, which all three have in common."""
        main = self._graphs[0]
        widths = {main.tensors[index].name: math.prod(main.tensors[index].shape) for index in main.outputs}
        scales, biases = set(), []
        for node in self._nodes[self._nodes.index(last) :]:
            if node.name == "LOGISTIC":
                scale, bias = self._scale(node)
                scales.add(scale)
                biases.append(bias)
        if len(scales) != 1 or len(biases) != 3 or sum(bias != 0.0 for bias in biases) > 1:
            raise bad("its outputs are not scaled by one exponential sigmoid")
        exponent, most, threshold = scales.pop()
        return ModelConfig(
            generation=POWER,
            rnn_channels=rnn_channels,
            ch=ch,
            layers_per_stack=depth,
            n_harmonics=widths[OUTPUTS[1]],
            n_noise_bands=widths[OUTPUTS[2]],
            noise_initial_bias=sum(biases),
            noise_window_size=0,
            normalize_below_nyquist=self._below_nyquist(),
            amp_resample_method="linear",
            scale_exponent=exponent,
            scale_max_value=most,
            scale_threshold=threshold,
        )

    def _scale(self, node: _Node) -> tuple[tuple[float, float, float], float]:
        """Exponent, maximum and threshold of an exponential sigmoid, and what is added before it."""
        values, at = [], node
        for name in ("POW", "MUL", "ADD"):
            following = [step for step in self._nodes if at.outputs[0] in step.inputs]
            constants = self._constants(following[0]) if len(following) == 1 and following[0].name == name else []
            if len(constants) != 1 or constants[0].size != 1:
                raise bad("its outputs are not scaled by an exponential sigmoid")
            values.append(float(constants[0].reshape(-1)[0]))
            at = following[0]
        before = [step for step in self._nodes if node.inputs[0] in step.outputs and step.name == "ADD"]
        added = self._constants(before[0]) if before else []
        bias = float(added[0].reshape(-1)[0]) if len(added) == 1 and added[0].size == 1 else 0.0
        exponent = math.exp(min(values[0], 50.0))
        return (_short(exponent), _short(values[1]), _short(values[2])), _short(bias)

    def _below_nyquist(self) -> bool:
        masks = [self._constants(node) for node in self._nodes if node.name == "GREATER_EQUAL"]
        if not masks:
            return False
        if len(masks) != 1 or [float(c.reshape(-1)[0]) for c in masks[0] if c.size == 1] != [SAMPLE_RATE / 2]:
            raise bad(f"its harmonics don't end at {SAMPLE_RATE // 2:,} Hz, where those of a model of 16 kHz do")
        return True


def _short(value: float) -> float:
    """A float32 as it was once written, such as 1e-07."""
    return float(f"{value:.6g}") if math.isfinite(value) else value


def bad(what: str) -> InstrumentError:
    """What is said of a file that is no instrument of ddsp-vst's."""
    return InstrumentError(f"The file is not a ddsp-vst instrument that ddsing can play: {what}.")
