"""Imports go down only; streamlit stays in the dashboard, tensorflow in the engine, where it is loaded when needed."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]
LIBRARY = sorted((ROOT / "ddsing").rglob("*.py"))
LAYERS = {"base": 0, "engine": 1, "domain": 2, "jobs": 3, "plots": 4, "cli": 4, "ui": 5, "pages": 6}
# What every layer may use.
BASE = {"", "constants", "errors", "units", "portable", "resources", "model_config", "statistics", "notes"}
HEAVY = ("tensorflow", "tf_keras", "keras", "tensorflow_probability", "ddsp")

# Import each module in a child of one clean interpreter, forked before anything of ours is imported.
FRESH = """
import importlib, json, os, sys
preload, modules = json.loads(sys.argv[1])
for name in preload:
    importlib.import_module(name)
for name in modules:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
            found = sorted({module.partition(".")[0] for module in sys.modules})
        except BaseException as error:
            found = [f"{type(error).__name__}: {error}"]
        print(json.dumps([name, found]))
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
"""


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(name):
    """The layer of a module: its folder's, or for those directly in ddsing, base or domain."""
    parts = name.split(".")
    if parts[0] != "ddsing":
        return "pages"
    part = parts[1] if len(parts) > 1 else ""
    if part in BASE:
        return "base"
    return "cli" if part == "__main__" else part if part in LAYERS else "domain"


def imports(source, name, is_package=False):
    """(imported module, whether at import time) of every import statement; those for type checkers don't count."""
    found = []

    def visit(node, at_import_time):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
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
        if target in modules and LAYERS[layer(target)] > LAYERS[layer(name)]:
            said.append(f"{name} ({layer(name)}) imports {target} ({layer(target)})")
        if root in HEAVY and layer(name) != "engine":
            said.append(f"{name} imports {root}; only the engine may")
        if root in HEAVY and at_import_time:
            said.append(f"{name} imports {root} when it is imported itself")
        if root == "streamlit" and layer(name) not in ("ui", "pages"):
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


@pytest.mark.parametrize(
    ("name", "source", "n_trespasses"),
    [
        ("ddsing.pitch", "import numpy", 0),
        ("ddsing.pitch", "import streamlit", 1),
        ("ddsing.pitch", "def f():\n    from ddsing.engine import runtime", 0),
        ("ddsing.pitch", "def f():\n    import tensorflow", 1),
        ("ddsing.engine.model", "import tensorflow as tf", 1),
        ("ddsing.engine.model", "def f():\n    import tensorflow as tf", 0),
        ("ddsing.engine.model", "from ddsing import features", 1),
        ("ddsing.pitch.network", "from ..ui import sidebar", 1),
        ("ddsing.plots.fit", "from ddsing.ui.sidebar import show", 1),
        ("ddsing.units", "from ddsing import features", 1),
        ("app", "from ddsing.ui import sidebar\nimport streamlit", 0),
        ("app", "import ddsp.core", 2),
    ],
)
def test_the_check_itself(name, source, n_trespasses):
    modules = {"ddsing.engine.runtime", "ddsing.features", "ddsing.ui", "ddsing.ui.sidebar"}
    assert len(trespasses(source, name, modules)) == n_trespasses


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.parametrize(
    ("in_ui", "preload"), [(False, ["numpy", "scipy.signal", "h5py"]), (True, ["streamlit"])], ids=["library", "ui"]
)
def test_each_module_imports_alone_and_loads_nothing_heavy(in_ui, preload):
    names = [module_name(path) for path in LIBRARY if path.name != "__main__.py"]
    names = [name for name in names if (layer(name) == "ui") == in_ui]
    program = [sys.executable, "-c", FRESH, json.dumps([preload, names])]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    loaded = dict(json.loads(line) for line in done.stdout.splitlines())
    assert loaded.keys() == set(names)
    unwanted = {*HEAVY} if in_ui else {*HEAVY, "streamlit"}
    assert {name: found for name, found in loaded.items() if "ddsing" not in found or unwanted & set(found)} == {}
