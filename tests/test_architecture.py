"""Imports go down only; streamlit stays in the dashboard, tensorflow in the engine, where it is loaded when needed."""

import ast
import functools
import json
import subprocess
import sys

import pytest

from tests.support.paths import ROOT
from tests.support.patience import PATIENCE_S

PAGES = [ROOT / "app.py", ROOT / "hosted.py", ROOT / "rest.py", *sorted((ROOT / "pages").glob("*.py"))]
LIBRARY = sorted((ROOT / "ddsing").rglob("*.py"))
# From the ground up; each package has its own number, and imports only go down.
ORDER = (
    "ddsing",  # the version
    "ddsing.constants",
    "ddsing.errors",
    "ddsing.units",
    "ddsing.resources",
    "ddsing.names",
    "ddsing.files",
    "ddsing.changing",
    "ddsing.hardware",
    "ddsing.process",
    "ddsing.workspace",
    "ddsing.tokens",
    "ddsing.formats",
    "ddsing.sound",
    "ddsing.storage",
    "ddsing.model",
    "ddsing.engine",
    "ddsing.engine.tf",
    "ddsing.jobs",
    "ddsing.instrument",
    "ddsing.dataset",
    "ddsing.transfer",
    "ddsing.latent",
    "ddsing.training",
    "ddsing.experiments",
    "ddsing.play",
    "ddsing.work",
    "ddsing.api",
    "ddsing.hosting",
    "ddsing.plots",
    "ddsing.cli",
    "ddsing.__main__",
    "ddsing.ui",
    "ddsing.ui.player",
    "ddsing.ui.shell",
    "ddsing.ui.rest",
    "ddsing.ui.entrance",
    "ddsing.ui.transfer",
    "ddsing.ui.play",
    "ddsing.ui.score",
    "ddsing.ui.dataset",
    "ddsing.ui.training",
    "ddsing.ui.instrument",
    "ddsing.ui.experiments",
    "ddsing.ui.admin",
    "pages",
)
FLOOR = {package: number for number, package in enumerate(ORDER)}
HEAVY = ("tensorflow", "tf_keras", "keras", "tensorflow_probability", "ddsp")

# What may be loaded, and takes long: once for all.
LIGHT = ["numpy", "scipy.signal", "scipy.stats", "h5py", "numba", "soundfile", "soxr", "av", "mir_eval", "pyloudnorm"]
LIGHT += ["pandas", "pyarrow", "plotly.graph_objects", "sqlalchemy", "alembic.command", "huey", "limits", "psutil"]
LIGHT += ["prometheus_client", "cryptography.fernet"]

# Import each module in a child of one clean interpreter, in which nothing of ours is there but what the module imports
# itself: below one such module, see `grown`, so that most of the others are there already. Garbage is not collected,
# which would take longer than the imports.
FRESH = """
import gc, importlib, json, os, sys
preload, below = json.loads(sys.stdin.read())
gc.disable()
for name in preload:
    importlib.import_module(name)
def grow(trunk):
    *branches, top = below.get(trunk) or [None]
    for name in branches:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            return bring(name)
        os.waitpid(child, 0)
    if top:
        bring(top)
def bring(name):
    try:
        importlib.import_module(name)
        found = sorted({module.partition(".")[0] for module in sys.modules})
    except BaseException as error:
        found = [f"{type(error).__name__}: {error}"]
    print(json.dumps([name, found]))
    grow(name)
grow("")
sys.stdout.flush()
os._exit(0)
"""


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package(name):
    """The package of a module: the longest name in `ORDER` that it begins with, or the pages."""
    if not name.startswith("ddsing"):
        return "pages"
    parts = name.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    found = next(prefix for prefix in prefixes if prefix in FLOOR)
    assert found != "ddsing" or name == "ddsing", f"{name} has no place in ORDER"
    return found


@functools.cache  # two tests ask for every file
def imports(source, name, is_package=False, *, types_too=False):
    """(imported module, whether at import time) of every import statement; those for type checkers if asked for."""
    found = []

    def visit(node, at_import_time):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING") and not types_too:
            return
        if isinstance(node, ast.Import):
            found.extend((alias.name, at_import_time) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = name.split(".")[: len(name.split(".")) - node.level + is_package] if node.level else []
            module = ".".join([*parent, *([node.module] if node.module else [])])
            found.extend((f"{module}.{alias.name}", at_import_time) for alias in node.names)
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, at_import_time and not inside)

    visit(ast.parse(source), True)
    return found


def trespasses(source, name, modules, is_package=False):
    """Sentences about imports that the layers forbid."""
    said = []
    for imported, at_import_time in imports(source, name, is_package):
        root = imported.partition(".")[0]
        target = imported if imported in modules else imported.rpartition(".")[0]
        if target in modules and FLOOR[package(target)] > FLOOR[package(name)]:
            said.append(f"{name} ({package(name)}) imports {target} ({package(target)})")
        if root in HEAVY and package(name) != "ddsing.engine.tf":
            said.append(f"{name} imports {root}; only ddsing.engine.tf may")
        if root in HEAVY and at_import_time:
            said.append(f"{name} imports {root} when it is imported itself")
        if root == "streamlit" and not package(name).startswith(("ddsing.ui", "pages")):
            said.append(f"{name} imports streamlit; only app.py, pages and ddsing/ui may")
    return said


def test_imports_go_down_only():
    modules = {module_name(path) for path in LIBRARY}
    said = [
        sentence
        for path in [*LIBRARY, *PAGES]
        for sentence in trespasses(path.read_text("utf-8"), module_name(path), modules, path.name == "__init__.py")
    ]
    assert said == []


def test_no_file_needs_itself():
    """Neither at import time nor later, nor for its types: a circle of files is one file that was cut in two."""
    modules = {module_name(path) for path in LIBRARY} - {"ddsing"}  # the face, which tells what `ddsing.api` offers
    needs = {
        module_name(path): {
            imported if imported in modules else imported.rpartition(".")[0]
            for imported, _ in imports(
                path.read_text("utf-8"), module_name(path), path.name == "__init__.py", types_too=True
            )
        }
        & modules - {module_name(path)}
        for path in LIBRARY
        if module_name(path) in modules
    }
    assert circles(needs) == []


def needed_at_once(path):
    """The modules of ours that a file itself imports first, in any case, when it is imported."""
    name, is_package = module_name(path), path.name == "__init__.py"
    statements = [
        node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    found = imports("\n".join(map(ast.unparse, statements)), name, is_package)
    modules = {module_name(path) for path in LIBRARY}
    return {one if one in modules else one.rpartition(".")[0] for one, _ in found} & modules - {name}


def grown(names, needs):
    """A tree with all `names` and what they stand on: below each module, those to import where it is there already.

    Each stands on the one of those it needs that brings the most with it, so nothing is there that it does not itself
    import, and it fails here if it fails alone.
    """
    brought = functools.cache(lambda name: {name}.union(*map(brought, needs[name])))
    below, todo = {}, list(names)
    for name in todo:  # which grows meanwhile
        trunk = max(sorted(needs[name]), key=lambda one: len(brought(one)), default="")
        below.setdefault(trunk, []).append(name)
        if trunk and trunk not in todo:
            todo.append(trunk)
    return {trunk: sorted(found) for trunk, found in below.items()}


def circles(needs):
    """The modules that remain when those that need nothing that remains are taken away, again and again."""
    remaining = dict(needs)
    while free := [name for name, others in remaining.items() if not others & remaining.keys()]:
        for name in free:
            del remaining[name]
    while free := [name for name in remaining if not any(name in others for others in remaining.values())]:
        for name in free:
            del remaining[name]
    return sorted(remaining)


def test_the_search_for_circles_itself():
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circles({"top": {"a"}, "a": {"b"}, "b": {"c"}, "c": {"a"}, "ground": set()}) == ["a", "b", "c"]


def test_the_tree_itself():
    needs = {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"a", "b", "e"}, "e": {"b"}}
    assert grown({"c", "d"}, needs) == {"": ["a"], "a": ["b", "c"], "b": ["e"], "e": ["d"]}


@pytest.mark.parametrize(
    ("name", "source", "n_trespasses"),
    [
        ("ddsing.sound.pitch", "import numpy", 0),
        ("ddsing.sound.pitch", "import streamlit", 1),
        ("ddsing.sound.pitch", "def f():\n    from ddsing.engine.tf import runtime", 1),
        ("ddsing.sound.pitch", "def f():\n    import tensorflow", 1),
        ("ddsing.engine.decoder", "def f():\n    import tensorflow", 1),
        ("ddsing.engine.tf.step", "import tensorflow as tf", 1),
        ("ddsing.engine.tf.step", "def f():\n    import tensorflow as tf", 0),
        ("ddsing.engine.tf.step", "from ddsing.sound import features", 0),
        ("ddsing.sound.features", "from ..ui.shell import sidebar", 1),
        ("ddsing.plots.fit", "from ddsing.ui.shell.sidebar import show", 1),
        ("ddsing.units", "from ddsing.sound import features", 1),
        ("ddsing.ui.shell.sidebar", "from ddsing.ui.transfer import takes", 1),
        ("app", "from ddsing.ui.shell import sidebar\nimport streamlit", 0),
        ("app", "import ddsp.core", 2),
    ],
)
def test_the_check_itself(name, source, n_trespasses):
    modules = {"ddsing.engine.tf.runtime", "ddsing.sound.features", "ddsing.ui.transfer.takes"}
    modules |= {"ddsing.ui.shell", "ddsing.ui.shell.sidebar"}
    assert len(trespasses(source, name, modules)) == n_trespasses


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.parametrize(("in_ui", "preload"), [(False, LIGHT), (True, [*LIGHT, "streamlit"])], ids=["library", "ui"])
def test_each_module_imports_alone_and_loads_nothing_heavy(in_ui, preload):
    names = {module_name(path) for path in LIBRARY if path.name != "__main__.py"}
    names = {name for name in names if name.startswith("ddsing.ui") == in_ui}
    below = grown(names, {module_name(path): needed_at_once(path) for path in LIBRARY})
    program, told = [sys.executable, "-c", FRESH], json.dumps([preload, below])
    done = subprocess.run(program, cwd=ROOT, input=told, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    loaded = dict(json.loads(line) for line in done.stdout.splitlines())
    assert loaded.keys() >= names and (in_ui or loaded.keys() == names)
    unwanted = {*HEAVY, "tensorboard"} | (set() if in_ui else {"streamlit"})
    assert {name: found for name, found in loaded.items() if "ddsing" not in found or unwanted & set(found)} == {}
