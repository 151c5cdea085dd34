"""40 hostile gin texts and 5,000 mutants of genuine ones, token by token."""

# ruff: noqa: E501

import re

from ddsing.formats.gin_text import read_bindings
from ddsing.model.gin import read_config
from tests.hostile.builders import golden_members

N_MUTANTS = 5_000
_TOKEN = re.compile(r"'[^'\n]*'|[A-Za-z_][A-Za-z0-9_]*|[0-9][0-9.e+-]*|\n|[^\S\n]+|.")
_NASTY = [
    "import os\n", "from os import system\n", "include '/etc/passwd'\n", "include 'canary.gin'\n", "@", "%", "(", ")", "[", "]",
    "{", "}", "\\\n", "'''", '"""', "\x00", "\u2028", "\t", "    ", ":", "=", "@os.system()", "%learning_rate", "%x", "lambda",
    "__import__('os').system('touch canary')", "f'{open(1)}'", "1e999", "-1", "10**9", "9" * 60, "None", "nan", "True",
    "@tf.keras.layers.Lambda()", "b'x'", "0x7fffffff", "é", "/", "..", "import canary\n", "x = %x\n", "'unfinished",
]  # fmt: skip


def genuine() -> list[bytes]:
    return [golden_members(name)["operative_config-0.gin"] for name in ("singing_2021", "singing_z_2021")]


def run(data: bytes):
    return read_config(read_bindings(data))


def prepare(folder) -> None:
    """What an import or an include would find."""
    (folder / "canary_module.py").write_text("open('canary', 'w')\n")
    (folder / "secret.gin").write_text("get_model.model = 'secret words'\n")


def cases(rng, folder, n_mutants):
    for index, text in enumerate(handmade(genuine()[0].decode(), folder)):
        yield f"handmade {index}", text
    sources = [_TOKEN.findall(data.decode()) for data in genuine()]
    for index in range(n_mutants):
        yield f"mutant {index}", mutant(rng, list(rng.choice(sources))).encode("utf-8", "replace")


def mutant(rng, tokens: list[str]) -> str:
    for _ in range(rng.choice((1, 1, 1, 2, 4, 12))):
        place, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        kind = rng.randrange(6)
        if kind == 0:
            del tokens[place]
        elif kind == 1:
            tokens[place] = rng.choice(_NASTY)
        elif kind == 2:
            tokens.insert(place, rng.choice(_NASTY))
        elif kind == 3:
            tokens[place], tokens[other] = tokens[other], tokens[place]
        elif kind == 4:
            tokens[place] = tokens[other]
        else:
            tokens[place:place] = tokens[other : other + rng.randrange(1, 60)]
    return "".join(tokens)


def handmade(text: str, folder) -> list[bytes]:
    laughs = "a0 = 1\n" + "".join(f"a{n} = [%a{n - 1}, %a{n - 1}, %a{n - 1}, %a{n - 1}]\n" for n in range(1, 30))
    additions = [
        "import os", "import canary_module", "from os import path", "import ddsp.canary.a.b.c.d.e", "import gin", "import sys as ddsp",
        f"include '{folder}/secret.gin'", "include 'secret.gin'", "include '/etc/passwd'", "include '../../etc/shadow'",
        "a = %b\nb = %a\nget_model.model = %a", "a = %a\nget_model.model = %a", laughs + "get_model.model = %a29",
        "get_model.model = %undefined", "get_model.model = " + "(" * 2_000 + ")" * 2_000, "x = " + "[" * 500,
        "x = " + "{" * 17 + "}" * 17, "get_model.name = 1", "tf.keras.layers.Lambda.function = @eval", "Lambda.function = 'x'",
        "os.system.command = 'touch canary'", "Autoencoder.call = @os.system()", "RnnFcDecoder.__class__ = 1",
        "Harmonic.n_samples = 1", "x/Harmonic.n_samples = 5", "Harmonic.sample_rate = 44100" , "x = " + "9" * 5_000,
        "x = '" + "a" * 70_000 + "'", "x = '''unfinished", "x = \\", "x = 1 2 3", "= 4", "x =", "@os.system('touch canary')",
        "x = @os.system('touch canary')", "x = f'{__import__(\"os\").system(\"touch canary\")}'", "x = {[]: 1}",
        "FcStack.layers = 100000000", "x:\n  y = 1\n z = 2",
    ]  # fmt: skip
    made = [f"{text}\n{addition}\n".encode() for addition in additions]
    made.append(b"\xff\xfe" + text.encode("utf-16-le"))
    assert len(made) == 40, len(made)
    return made
