"""A TensorFlow Lite model as data: its graphs, tensors and constants. Nothing of it is run.

Read is what the formats of instruments need: operations by name and version, tensors with static shapes, constants of
float32 and int32. What such a model has beside them (custom operations, sparse tensors) is told or refused.

Reference: tensorflow/lite/schema/schema.fbs, version 3.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ddsing.formats import flatbuffer
from ddsing.formats.flatbuffer import FlatbufferError, Table

IDENTIFIER = b"TFL3"
FLOAT32, INT32 = "float32", "int32"
_TYPES = {0: FLOAT32, 2: INT32, 6: "bool"}
_NUMPY = {FLOAT32: "<f4", INT32: "<i4"}
_MOST = {"tensors": 1000, "operators": 1000, "buffers": 4000, "graphs": 6, "kinds": 200, "metadata": 64}
_MAX_ENDS = 32  # inputs or outputs of an operation or a graph
_MAX_RANK = 8
OPERATIONS = {
    0: "ADD", 2: "CONCATENATION", 9: "FULLY_CONNECTED", 14: "LOGISTIC", 18: "MUL", 22: "RESHAPE", 28: "TANH",
    34: "PAD", 36: "GATHER", 40: "MEAN", 41: "SUB", 42: "DIV", 43: "SQUEEZE", 45: "STRIDED_SLICE", 47: "EXP",
    49: "SPLIT", 55: "MAXIMUM", 57: "MINIMUM", 58: "LESS", 59: "NEG", 62: "GREATER_EQUAL", 64: "SELECT", 65: "SLICE",
    70: "EXPAND_DIMS", 71: "EQUAL", 73: "LOG", 74: "SUM", 75: "SQRT", 76: "RSQRT", 78: "POW", 83: "PACK",
    86: "LOGICAL_AND", 92: "SQUARE", 98: "LEAKY_RELU", 99: "SQUARED_DIFFERENCE", 102: "SPLIT_V", 119: "WHILE",
    123: "SELECT_V2",
}  # fmt: skip
_ACTIVATION_FIELD = {"ADD": 0, "SUB": 0, "MUL": 0, "DIV": 0, "FULLY_CONNECTED": 0, "CONCATENATION": 1}
_WHILE, _LEAKY_RELU = 119, 98
_EMPTY = Table(memoryview(b"\4\0\4\0\4\0\0\0"), 4)
_MAX_METADATA_BYTES = 4096


@dataclass(frozen=True)
class Tensor:
    """A tensor of a graph.

    Attributes
    ----------
    shape : tuple[int, ...]
        Static; `dynamic` is whether any of it is left to the run.
    value : np.ndarray or None
        A constant's.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dynamic: bool
    value: np.ndarray | None


@dataclass(frozen=True)
class Operation:
    """An operation: `inputs` and `outputs` are numbers of tensors, -1 for one that is left out.

    `graphs` are the condition's and the body's numbers of a loop, `slope` that of a leaky ReLU, `activation` what is
    fused into it (0 for nothing).
    """

    name: str
    version: int
    inputs: Sequence[int]
    outputs: Sequence[int]
    activation: int = 0
    graphs: tuple[int, int] | None = None
    slope: float = 0.0


@dataclass(frozen=True)
class Graph:
    """A graph of operations in the order in which they would run."""

    tensors: Sequence[Tensor]
    inputs: Sequence[int]
    outputs: Sequence[int]
    operations: Sequence[Operation]


@dataclass(frozen=True)
class Model:
    """What a file holds; `metadata` are texts by their names."""

    graphs: Sequence[Graph]
    kinds: Sequence[tuple[str, int]]
    metadata: Mapping[str, bytes]


def parse(data: bytes) -> Model:
    """The model in a file, whatever follows it there; `FlatbufferError` where it breaks the format."""
    top = flatbuffer.root(data, IDENTIFIER)
    if top.number(0, "<I") != 3:
        raise FlatbufferError(f"schema version {top.number(0, '<I')} instead of 3")
    kinds = [_kind(code) for code in top.tables(1, at_most=_MOST["kinds"])]
    buffers = top.tables(4, at_most=_MOST["buffers"])
    graphs = [_graph(graph, kinds, buffers) for graph in top.tables(2, at_most=_MOST["graphs"])]
    if not graphs:
        raise FlatbufferError("no graph")
    for graph in graphs:
        for operation in graph.operations:
            if operation.graphs and not all(0 < number < len(graphs) for number in operation.graphs):
                raise FlatbufferError("a loop without its graphs")
    entries = top.tables(6, at_most=_MOST["metadata"])
    known = {entry.text(0): _bytes(buffers, entry.number(1, "<I"))[:_MAX_METADATA_BYTES].tobytes() for entry in entries}
    return Model(graphs, kinds, known)


def _kind(code: Table) -> tuple[str, int]:
    number = max(code.number(0, "<b"), code.number(3, "<i"))
    version = code.number(2, "<i", 1)
    if number == 32 or code.text(1):
        return f"custom {ascii(code.text(1))[:40]}", version
    return OPERATIONS.get(number, f"number {number}"), version


def _graph(graph: Table, kinds: Sequence[tuple[str, int]], buffers: Sequence[Table]) -> Graph:
    tensors = [_tensor(tensor, buffers) for tensor in graph.tables(0, at_most=_MOST["tensors"])]
    inputs, outputs = (_indices(graph, field, len(tensors)) for field in (1, 2))
    operations = [
        _operation(operation, kinds, len(tensors)) for operation in graph.tables(3, at_most=_MOST["operators"])
    ]
    return Graph(tensors, inputs, outputs, operations)


def _operation(operation: Table, kinds: Sequence[tuple[str, int]], n_tensors: int) -> Operation:
    kind = operation.number(0, "<I")
    if kind >= len(kinds):
        raise FlatbufferError("an operation of no kind")
    name, version = kinds[kind]
    options: Any = operation.table(4) or _EMPTY
    return Operation(
        name,
        version,
        _indices(operation, 1, n_tensors, optional=True),
        _indices(operation, 2, n_tensors),
        activation=options.number(_ACTIVATION_FIELD[name], "<b") if name in _ACTIVATION_FIELD else 0,
        graphs=(options.number(0, "<i"), options.number(1, "<i")) if name == OPERATIONS[_WHILE] else None,
        slope=options.real(0) if name == OPERATIONS[_LEAKY_RELU] else 0.0,
    )


def _indices(table: Table, field: int, n_tensors: int, *, optional: bool = False) -> Sequence[int]:
    found = table.numbers(field, at_most=_MAX_ENDS)
    if not all((-1 if optional else 0) <= index < n_tensors for index in found):
        raise FlatbufferError("a tensor that is not there")
    return found


def _tensor(tensor: Table, buffers: Sequence[Table]) -> Tensor:
    shape, signature = (tensor.numbers(field, at_most=_MAX_RANK) for field in (0, 7))
    kind = _TYPES.get(tensor.number(1, "<b"), f"type {tensor.number(1, '<b')}")
    if any(not 0 <= size < 2**31 for size in shape):
        raise FlatbufferError("a tensor of impossible shape")
    data = _bytes(buffers, tensor.number(2, "<I"))
    value = None
    if data:
        if kind not in _NUMPY or tensor.table(6) is not None or len(data) != 4 * math.prod(shape):
            raise FlatbufferError(f"a constant that is no {' or '.join(_NUMPY)} of its shape")
        value = np.frombuffer(data, _NUMPY[kind]).reshape(shape)
    return Tensor(tensor.text(3), kind, tuple(shape), any(size < 0 for size in signature), value)


def _bytes(buffers: Sequence[Table], number: int) -> memoryview:
    if number >= len(buffers):
        raise FlatbufferError("a buffer that is not there")
    if buffers[number].number(1, "<Q") or buffers[number].number(2, "<Q"):
        raise FlatbufferError("constants outside of the model's tables")
    return buffers[number].bytes(0)
