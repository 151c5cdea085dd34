"""An inert reader of pickles: it follows the opcodes that a 2021 `dataset_statistics.pkl` uses and calls nothing.

No global is looked up. A name on the allow-list becomes a label; "calling" a label makes a plain record of ours (a
dtype, an array, an opaque thing); any other name, opcode or call refuses the file. Size, opcodes, memo indices and
stack depth are bounded, so that no few bytes can ask for much memory.

Reference: the opcode table in CPython's Lib/pickletools.py (protocols 3 to 5).
"""

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ddsing.errors import InstrumentError

MAX_BYTES = 2**20  # genuine ones have about 20 kB
MAX_OPCODES = 20_000  # genuine ones have about 700
MAX_MEMO = 5_000
MAX_STACK = 5_000

_MARK = object()


class CutShort(InstrumentError):
    """A pickle that ends before its end: nothing in it was refused, there is only too little of it."""


_DTYPE = re.compile(r"[<>=|]?[fiu][248]|[<>=|]?[iu]1")
_NUMPY = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
_RANDOM = {
    "numpy.random": ("__RandomState_ctor",),
    "numpy.random.mtrand": ("__RandomState_ctor", "RandomState"),
    "numpy.random._pickle": ("__randomstate_ctor", "__bit_generator_ctor", "__generator_ctor"),
    "numpy.random._mt19937": ("MT19937",),
    "numpy.random.bit_generator": ("__pyx_unpickle_SeedSequence", "SeedSequence"),
}
_QUANTILE_MODULES = ("ddsp.colab.colab_utils", "ddsp.training.postprocessing")


@dataclass(frozen=True)
class Label:
    """A global's allowed role; nothing stands behind it."""

    role: str


@dataclass(eq=False)
class Record:
    """An object's attributes, of a class named by its role; `state` is set by BUILD."""

    role: str
    state: dict = field(default_factory=dict)


@dataclass(eq=False)
class DType:
    """An array's type by numpy's code, such as ``<f4``."""

    code: str

    def numpy(self) -> np.dtype:
        """The same as numpy has it."""
        return np.dtype(self.code)


@dataclass(eq=False)
class Array:
    """A numpy array or scalar, still packed: unpacking each would let a small file ask for much memory."""

    dtype: DType | None = None
    shape: tuple[int, ...] = ()
    raw: bytes = b""
    order: Literal["C", "F"] = "C"

    def values(self) -> np.ndarray:
        """The numbers, float64; `InstrumentError` where they were never given or are fewer or more than declared."""
        dtype = self.dtype.numpy() if self.dtype else None
        if dtype is None or len(self.raw) != dtype.itemsize * math.prod(self.shape):
            raise _bad("an array in them is cut short")
        return np.frombuffer(self.raw, dtype).reshape(self.shape, order=self.order).astype(np.float64)


def load(data: bytes) -> object:
    """The pickle's value, made of plain Python values and this module's records only.

    Raises
    ------
    InstrumentError
        Where the pickle is too large, damaged, or asks for anything that statistics do not need; `CutShort` where it
        only ends too early.
    """
    if len(data) > MAX_BYTES:
        raise InstrumentError(f"The statistics have {len(data):,} bytes; genuine ones have at most {MAX_BYTES:,}.")
    if not data.strip(b"\0"):
        raise CutShort("The instrument's dataset_statistics.pkl is empty.")
    try:
        return _Reader(data).run()
    except (IndexError, KeyError, TypeError, ValueError, struct.error, OverflowError, RecursionError) as error:
        raise _bad(f"they are damaged ({type(error).__name__})") from None


class _Reader:
    def __init__(self, data: bytes):
        self._data, self._position = data, 0
        self._stack: list = []
        self._memo: dict[int, object] = {}

    def run(self) -> object:
        for _ in range(MAX_OPCODES):
            code = self._take(1)[0]
            if code == 0x2E:  # STOP
                if len(self._stack) != 1 or self._stack[0] is _MARK or self._position != len(self._data):
                    raise _bad("they do not end where they say")
                return self._stack[0]
            action = _ACTIONS.get(code)
            if action is None:
                raise _bad(f"they use pickle opcode 0x{code:02x}, which statistics never need")
            action(self)
            if len(self._stack) > MAX_STACK:
                raise _bad(f"they stack more than {MAX_STACK:,} values")
        raise _bad(f"they have more than {MAX_OPCODES:,} opcodes")

    def _take(self, n_bytes: int) -> bytes:
        piece = self._data[self._position : self._position + n_bytes]
        if n_bytes > MAX_BYTES:
            raise _bad(f"they ask for {n_bytes:,} bytes at once")
        if len(piece) != n_bytes:
            raise CutShort("The instrument's dataset_statistics.pkl is cut short.")
        self._position += n_bytes
        return piece

    def _unsigned(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def _line(self) -> str:
        end = self._data.find(b"\n", self._position, self._position + 256)
        if end < 0:
            if len(self._data) - self._position < 256:
                self._take(256)
            raise _bad("a name in them is too long")
        return self._take(end + 1 - self._position)[:-1].decode("ascii")

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> object:
        value = self._stack.pop()
        if value is _MARK:
            raise _bad("a value is missing")
        return value

    def _pop_to_mark(self) -> list:
        index = len(self._stack) - 1
        while self._stack[index] is not _MARK:
            index -= 1
            if index < 0:
                raise _bad("a mark is missing")
        values = self._stack[index + 1 :]
        del self._stack[index:]
        return values

    def _put(self, index: int) -> None:
        if index >= MAX_MEMO:
            raise _bad(f"they use memo number {index:,} (at most {MAX_MEMO:,})")
        if not self._stack or self._stack[-1] is _MARK:
            raise _bad("a value is missing")
        self._memo[index] = self._stack[-1]

    def _protocol(self) -> None:
        version = self._take(1)[0]
        if not 3 <= version <= 5 or self._position != 2:
            raise _bad(f"they use pickle protocol {version} (3 to 5 are read)")

    def _text(self, width: int) -> None:
        self._push(self._take(self._unsigned(width)).decode("utf-8"))

    def _long(self) -> None:
        n_bytes = self._unsigned(1)
        if n_bytes > 32:
            raise _bad("a whole number in them is too long")
        self._push(int.from_bytes(self._take(n_bytes), "little", signed=True))

    def _tuple(self, size: int) -> None:
        values = [self._pop() for _ in range(size)]
        self._push(tuple(reversed(values)))

    def _set_items(self, pairs: list) -> None:
        target = self._stack[-1]
        if type(target) is not dict or len(pairs) % 2:
            raise _bad("an entry has no dictionary to go to")
        for key, value in zip(pairs[::2], pairs[1::2]):
            if type(key) is not str:
                raise _bad("an entry's name is not text")
            target[key] = value

    def _append(self, values: list) -> None:
        target = self._stack[-1]
        if type(target) is not list:
            raise _bad("an element has no list to go to")
        target.extend(values)

    def _global(self, module: object, name: object) -> None:
        self._push(_label(module, name))

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if type(arguments) is not tuple or type(function) is not Label:
            raise _bad("they call something that is not a function")
        self._push(_called(function.role, arguments))

    def _new(self) -> None:
        arguments, label = self._pop(), self._pop()
        if type(label) is not Label or label.role not in ("quantiles", "random") or type(arguments) is not tuple:
            raise _bad("they make an object that statistics never hold")
        self._push(Record(label.role))

    def _build(self) -> None:
        state = self._pop()
        target = self._stack[-1]
        if type(target) is DType:
            _set_byte_order(target, state)
        elif type(target) is Array:
            _set_array(target, state)
        elif type(target) is Record and target.role == "random":
            pass  # a random generator's state has no use here
        elif type(target) is Record and type(state) is dict:
            target.state = state
        else:
            raise _bad("they give a state to something that has none")


def _label(module: object, name: object) -> Label:
    if type(module) is str and type(name) is str:
        if module in _NUMPY and name in ("dtype", "ndarray", "scalar", "_reconstruct", "_frombuffer"):
            return Label(name)
        if name in _RANDOM.get(module, ()):
            return Label("random")
        if module in _QUANTILE_MODULES and name == "QuantileTransformer":
            return Label("quantiles")
    shown = ascii(f"{module}.{name}")[:80]
    raise _bad(f"they ask for {shown}, which statistics never need and which could run code")


def _called(role: str, arguments: tuple) -> object:
    if role == "random":
        return Record("random")
    if role == "dtype":
        code = arguments[0]
        if type(code) is not str or not _DTYPE.fullmatch(code):
            raise _bad(f"they hold numbers of type {ascii(code)[:40]}")
        return DType(code if code[0] in "<>|=" else "<" + code)
    if role == "scalar":
        dtype, raw = arguments
        return _array(dtype, raw, ())
    if role == "_reconstruct" and arguments and arguments[0] == Label("ndarray"):
        return Array()
    if role == "_frombuffer":
        raw, dtype, shape, order = arguments
        return _array(dtype, raw, shape, order=order)
    raise _bad("they call something outside numpy's own pickle functions")


def _set_byte_order(dtype: DType, state: object) -> None:
    if type(state) is not tuple or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
        raise _bad("a number type in them is damaged")
    if len(state) > 4 and (state[2] is not None or state[3] is not None or state[4] is not None):
        raise _bad("they hold structured arrays")
    dtype.code = state[1] + dtype.code[1:]


def _set_array(array: Array, state: Any) -> None:
    _, shape, dtype, fortran, raw = state
    filled = _array(dtype, raw, shape, order="F" if fortran is True else "C")
    array.dtype, array.shape, array.raw, array.order = filled.dtype, filled.shape, filled.raw, filled.order


def _array(dtype: object, raw: object, shape: object, *, order: object = "C") -> Array:
    if type(dtype) is not DType or type(raw) is not bytes or type(shape) is not tuple or len(shape) > 4:
        raise _bad("an array in them is not made of plain numbers")
    if not all(type(size) is int and 0 <= size <= MAX_BYTES for size in shape):
        raise _bad(f"an array in them has a shape of {ascii(shape)[:40]}")
    return Array(dtype, shape, raw, "F" if order == "F" else "C")


def _bad(what: str) -> InstrumentError:
    return InstrumentError(f"The instrument's dataset_statistics.pkl was refused: {what}.")


_ACTIONS: dict[int, Callable[[_Reader], object]] = {
    0x80: _Reader._protocol,
    0x95: lambda r: r._take(8),  # FRAME
    ord("}"): lambda r: r._push({}),
    ord("]"): lambda r: r._push([]),
    ord(")"): lambda r: r._push(()),
    ord("("): lambda r: r._push(_MARK),
    ord("N"): lambda r: r._push(None),
    0x88: lambda r: r._push(True),
    0x89: lambda r: r._push(False),
    ord("J"): lambda r: r._push(int.from_bytes(r._take(4), "little", signed=True)),
    ord("K"): lambda r: r._push(r._unsigned(1)),
    ord("M"): lambda r: r._push(r._unsigned(2)),
    ord("G"): lambda r: r._push(struct.unpack(">d", r._take(8))[0]),
    0x8A: _Reader._long,
    0x8C: lambda r: r._text(1),
    ord("X"): lambda r: r._text(4),
    ord("C"): lambda r: r._push(r._take(r._unsigned(1))),
    ord("B"): lambda r: r._push(r._take(r._unsigned(4))),
    0x96: lambda r: r._push(r._take(r._unsigned(8))),  # BYTEARRAY8
    0x85: lambda r: r._tuple(1),
    0x86: lambda r: r._tuple(2),
    0x87: lambda r: r._tuple(3),
    ord("t"): lambda r: r._push(tuple(r._pop_to_mark())),
    ord("s"): lambda r: r._set_items([r._pop(), r._pop()][::-1]),
    ord("u"): lambda r: r._set_items(r._pop_to_mark()),
    ord("a"): lambda r: r._append([r._pop()]),
    ord("e"): lambda r: r._append(r._pop_to_mark()),
    ord("q"): lambda r: r._put(r._unsigned(1)),
    ord("r"): lambda r: r._put(r._unsigned(4)),
    0x94: lambda r: r._put(len(r._memo)),
    ord("h"): lambda r: r._push(r._memo[r._unsigned(1)]),
    ord("j"): lambda r: r._push(r._memo[r._unsigned(4)]),
    ord("c"): lambda r: r._global(r._line(), r._line()),
    0x93: lambda r: r._global(*[r._pop(), r._pop()][::-1]),
    ord("R"): _Reader._reduce,
    0x81: _Reader._new,
    ord("b"): _Reader._build,
}
