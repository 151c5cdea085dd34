"""How many arguments say their type, package by package; who adds a function says what it takes."""

import ast
from collections import Counter
from functools import cache

import pytest

from tests.support.paths import ROOT

FLOOR = 95  # per cent of a package's arguments that are annotated; it may rise, never fall


def arguments(source):
    """(function, argument, whether it is annotated) of every function and method; lambdas and self don't count."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            taken = node.args
            named = [*taken.posonlyargs, *taken.args, taken.vararg, *taken.kwonlyargs, taken.kwarg]
            for argument in named:
                if argument is not None and argument.arg not in ("self", "cls"):
                    yield node.name, argument.arg, argument.annotation is not None


@cache  # for the first test that asks, not for every process that only collects
def counted():
    """(annotated, all) arguments, by package; single modules of the ground count as one package, ``ddsing``."""
    annotated, everything, missing = Counter(), Counter(), {}
    for path in sorted((ROOT / "ddsing").rglob("*.py")):
        parts = path.relative_to(ROOT).parts
        package = ".".join(parts[:2]) if len(parts) > 2 else "ddsing"
        for function, argument, is_annotated in arguments(path.read_text("utf-8")):
            everything[package] += 1
            annotated[package] += is_annotated
            if not is_annotated:
                missing.setdefault(package, []).append(f"{'/'.join(parts)}: {function}({argument})")
    return annotated, everything, missing


PACKAGES = sorted({".".join(path.relative_to(ROOT).parts[:-1][:2]) for path in (ROOT / "ddsing").rglob("*.py")})


@pytest.mark.parametrize("package", PACKAGES)
def test_the_arguments_of_a_package_say_their_types(package):
    annotated, everything, missing = counted()
    assert 100 * annotated[package] >= FLOOR * everything[package], "\n".join(missing[package])


def test_every_package_is_asked():
    assert counted()[1].keys() <= set(PACKAGES)


def test_the_count_itself():
    source = "class A:\n    def f(self, a, /, b: int, *c: str, d=1, **e): return lambda x: x\nasync def g(h: int): pass"
    found = list(arguments(source))
    assert {name for _, name, is_annotated in found if is_annotated} == {"b", "c", "h"}
    assert {name for _, name, is_annotated in found if not is_annotated} == {"a", "d", "e"}
