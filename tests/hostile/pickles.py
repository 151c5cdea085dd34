"""60 handmade pickles and 5,000 mutants of a genuine one."""

# ruff: noqa: E501

import pickle
import struct

from ddsing.instrument.pickled_statistics import read_statistics
from tests.hostile.builders import golden_members

N_MUTANTS = 5_000
_GLOBALS = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("subprocess", "Popen"), ("subprocess", "check_output"),
    ("builtins", "eval"), ("builtins", "exec"), ("builtins", "compile"), ("builtins", "__import__"), ("builtins", "open"),
    ("builtins", "getattr"), ("__builtin__", "eval"), ("io", "open"), ("importlib", "import_module"), ("runpy", "run_path"),
    ("shutil", "rmtree"), ("socket", "create_connection"), ("webbrowser", "open"), ("ctypes", "CDLL"), ("pickle", "loads"),
    ("marshal", "loads"), ("types", "FunctionType"), ("types", "CodeType"), ("functools", "partial"),
    ("operator", "attrgetter"), ("copyreg", "_reconstructor"), ("_codecs", "encode"), ("pathlib", "Path"),
    ("numpy", "load"), ("numpy", "fromfile"), ("numpy", "ctypeslib"), ("numpy.core.multiarray", "fromfile"),
    ("numpy.testing._private.utils", "runstring"), ("tensorflow", "io"), ("ddsp.training.postprocessing", "np"),
    ("ddsp.training.postprocessing", "QuantileTransformer.__init__"),
]  # fmt: skip


def genuine() -> list[bytes]:
    data = golden_members()["dataset_statistics.pkl"]
    return [data, golden_members("singing_z_2021")["dataset_statistics.pkl"]]


def run(data: bytes):
    return read_statistics(data, generation=1)


def cases(rng, folder, n_mutants):
    yield from ((f"handmade {index}", data) for index, data in enumerate(handmade(folder)))
    sources = genuine()
    snippets = [payload(*names, b"touch canary")[2:-1] for names in _GLOBALS[:12]]
    for index in range(n_mutants):
        yield f"mutant {index}", mutant(rng, rng.choice(sources), snippets)


def mutant(rng, data: bytes, snippets: list[bytes]) -> bytes:
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        # Most of a genuine file is array bytes; three in four changes go to the structure at both of its ends.
        place = rng.randrange(min(1500, len(data))) if rng.random() < 0.75 else rng.randrange(len(data))
        kind = rng.randrange(7)
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[place] = rng.choice(
                b"().01234FGHIJKLMNPQRSTUVX]abcdeghijlopqrstu}\x80\x81\x82\x85\x8a\x8b\x8c\x8d\x8e\x93\x94\x95\x96\x97"
            )
        elif kind == 2:
            del data[place : place + rng.randrange(1, 40)]
        elif kind == 3:
            data[place:place] = rng.randbytes(rng.randrange(1, 12))
        elif kind == 4:
            data[place:place] = data[place : place + rng.randrange(1, 200)]
        elif kind == 5:
            data[place:place] = rng.choice(snippets)
        else:
            data = data[: max(place, 1)]
        data = data or bytearray(b".")
    return bytes(data)


def payload(module: str, name: str, argument: bytes) -> bytes:
    return (
        b"\x80\x03c" + f"{module}\n{name}\n".encode() + b"X" + struct.pack("<I", len(argument)) + argument + b"\x85R."
    )


def handmade(folder) -> list[bytes]:
    canary = f"touch {folder}/canary".encode()
    made = [payload(module, name, canary) for module, name in _GLOBALS]
    inner = pickle.dumps({"mean_pitch": 1.0}, protocol=4)[2:-1]
    transformer = b"\x80\x03cddsp.training.postprocessing\nQuantileTransformer\n)\x81"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    made += [
        b"\x80\x02" + b"(S'" + canary + b"'\nios\nsystem\n.",  # INST
        b"\x80\x02(cos\nsystem\nX\x04\0\0\0true" + b"o.",  # OBJ
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",  # STACK_GLOBAL
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93)}\x92.",  # NEWOBJ_EX
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02Pcanary\n.",  # PERSID
        b"\x80\x02X\x01\0\0\0aQ.",  # BINPERSID
        b"\x80\x03r\xff\xff\xff\x7fN.",  # LONG_BINPUT without a value
        b"\x80\x03Nr\xff\xff\xff\x7f.",  # LONG_BINPUT: two gigabytes of memo in a careless reader
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"a.",  # BINBYTES8
        b"\x80\x03B\xff\xff\xff\x7f.",  # BINBYTES
        b"\x80\x05\x96" + struct.pack("<Q", 2**63 - 1) + b".",  # BYTEARRAY8
        b"\x80\x02\x8b\xff\xff\xff\x7f.",  # LONG4
        b"\x80\x03" + b"(" * 4_000 + b"t" * 4_000 + b".",  # deep tuples
        b"\x80\x03" + b"]" * 100_000 + b".",
        b"\x80\x03" + b"N" * 2_000_000,
        b"\x80\x03]q\x00h\x00a.",  # a list that holds itself
        b"\x80\x03}q\x00X\x01\0\0\0ah\x00s.",
        transformer + b"}X\x08\0\0\0__call__N" + b"sb.",
        transformer + b"(N}X\x01\0\0\0aNst" + b"b.",
        b"\x80\x03cnumpy\ndtype\nX\x01\0\0\0OK\x00K\x01\x87R.",  # object arrays
        b"\x80\x03" + array + b"(K\x01" + b"J\xff\xff\xff\x7f\x85" + b"NNNtb.",
        b"\x80\x03" + array + b"(K\x01(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft" + b"cnumpy\ndtype\nX\x02\0\0\0f8\x85R\x89C\x00tb.",
        b"\x80\x04" + inner,  # no STOP
    ]  # fmt: skip
    assert len(made) == 60, len(made)
    return made
