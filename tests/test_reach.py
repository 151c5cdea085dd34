"""Nothing that the dashboard's own process runs can reach TensorFlow: `ddsing.process` and jobs are the ways to it.

From every function of the pages, along what each refers to, through the whole library: functions, classes with all that
they can do, and the bodies of the modules that are imported on the way, also inside functions. A function that is named
in a string, as `process.call` takes it, is not referred to.
"""

import ast
from collections import deque

import pytest

from tests.test_architecture import LIBRARY, PAGES, module_name

FORBIDDEN = "ddsing.engine.tf"
BODY = ""  # what a module does when it is imported


class Module:
    """A module's functions and classes, its body, and what its names stand for."""

    def __init__(self, name, source, is_package=False):
        self.name, self.is_package = name, is_package
        tree = ast.parse(source)
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        self.defined = {node.name: [node] for node in tree.body if isinstance(node, kinds)}
        rest = [node for node in tree.body if not isinstance(node, kinds)]
        decorators = [one for node in tree.body if isinstance(node, kinds) for one in node.decorator_list]
        self.defined[BODY] = [*rest, *decorators]
        self.aliases = self.imported(rest)
        for node in rest:  # a name that the body gives: its value belongs to the body
            for target in getattr(node, "targets", [getattr(node, "target", None)]):
                if isinstance(target, ast.Name):
                    self.defined.setdefault(target.id, [node])

    def loaded(self, nodes):
        """The modules that ``import a.b`` under some nodes names."""
        imports = [each for node in nodes for each in executed(node) if isinstance(each, ast.Import)]
        return [alias.name for each in imports for alias in each.names]

    def imported(self, nodes):
        """Local name: (module, name or None) of the imports under some nodes, those for type checkers left out."""
        found = {}
        for node in nodes:
            for each in executed(node):
                if isinstance(each, ast.Import):
                    for alias in each.names:
                        named = alias.name if alias.asname else alias.name.partition(".")[0]
                        found[alias.asname or named] = (named, None)
                elif isinstance(each, ast.ImportFrom):
                    parent = self.name.split(".")[: len(self.name.split(".")) - each.level + self.is_package]
                    module = ".".join([*(parent if each.level else []), *([each.module] if each.module else [])])
                    found |= {alias.asname or alias.name: (module, alias.name) for alias in each.names}
        return found


def executed(node):
    """All nodes under one that can run: neither annotations nor what is for type checkers."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from executed(child)


class Library:
    """All modules, and what refers to what; a place is (module, name)."""

    def __init__(self, modules):
        self.modules = {module.name: module for module in modules}

    def resolved(self, module, name):
        """The places that a name of a module stands for, through what is passed on."""
        if f"{module}.{name}" in self.modules:
            return f"{module}.{name}", None
        found = self.modules.get(module)
        if found is None:
            return None
        if name not in found.defined and name in found.aliases:
            target, imported = found.aliases[name]
            return self.resolved(target, imported) if imported else (target, None)
        return module, name

    def bodies(self, module):
        """The bodies that run when a module is imported: its packages' and its own."""
        parts = module.split(".")
        names = (".".join(parts[:n]) for n in range(1, len(parts) + 1))
        return {(name, BODY) for name in names if name in self.modules}

    def refers(self, place):
        """The places that a place refers to."""
        module = self.modules[place[0]]
        nodes = module.defined.get(place[1], [])
        own = module.imported(nodes)
        aliases, found = module.aliases | own, set()
        for loaded in module.loaded(nodes):
            found |= self.bodies(loaded)
        for target, name in own.values():
            resolved = self.resolved(target, name) if name else (target, None)
            found |= self.bodies(target) | (self.bodies(resolved[0]) if resolved else set())
        for node in (each for one in nodes for each in executed(one)):
            if isinstance(node, ast.Name):
                found |= self.named(module, aliases, [node.id])
            elif isinstance(node, ast.Attribute) and (chain := dotted(node)):
                found |= self.named(module, aliases, chain)
        return found

    def named(self, module, aliases, chain):
        """What ``a`` or ``a.b.c`` stands for, if it is one of ours."""
        first, *rest = chain
        if first in aliases:
            target, name = aliases[first]
            at = self.resolved(target, name) if name else (target, None)
        else:
            at = (module.name, first) if first in module.defined else None
        while at and at[1] is None and rest:
            at = self.resolved(at[0], rest.pop(0))
        return {at} if at and at[1] and at[0] in self.modules else set()

    def ways(self, start):
        """Every place that can be reached, with the place before it."""
        before, waiting = dict.fromkeys(start), deque(start)
        while waiting:
            place = waiting.popleft()
            if place[0].startswith(FORBIDDEN):
                continue
            for following in sorted(self.refers(place)):
                if following not in before:
                    before[following] = place
                    waiting.append(following)
        return before


def dotted(node):
    """``a.b.c`` as a list of names; None where it does not begin with a name."""
    names = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else None


def trespasses(modules, inside):
    """The ways, written out, from modules that `inside` holds for to what is forbidden."""
    library = Library(modules)
    start = [(module.name, name) for module in modules if inside(module.name) for name in module.defined]
    before, said = library.ways(start), []
    for place in before:
        if place[0].startswith(FORBIDDEN) and before[place] is not None:
            way = [place]
            while before[way[0]] is not None:
                way.insert(0, before[way[0]])
            said.append(" > ".join(f"{module}:{name}" for module, name in way))
    return sorted(said)


def read(paths):
    return [Module(module_name(path), path.read_text("utf-8"), path.name == "__init__.py") for path in paths]


@pytest.mark.slow
def test_no_function_of_the_dashboard_reaches_tensorflow():
    pages = {module_name(path) for path in PAGES}
    assert trespasses(read([*LIBRARY, *PAGES]), lambda name: name in pages or name.startswith("ddsing.ui")) == []


@pytest.mark.parametrize(
    ("page", "middle", "n_trespasses"),
    [
        ("def f():\n    from ddsing.engine.tf import export", "", 1),
        ("import ddsing.engine.tf.export", "", 1),
        ("from ddsing import middle\ndef f():\n    middle.g()", "def g():\n    from ddsing.engine.tf import export", 1),
        ("from ddsing.middle import h as g\ndef f():\n    g()", "from ddsing.engine.tf.export import h", 1),
        ("def f():\n    from ddsing.middle import A\n    A().m()",
         "class A:\n    def m(self):\n        return g()\ndef g():\n    from ddsing.engine.tf import export", 1),
        ("from ddsing import middle\nmiddle.TABLE['g']()",
         "def g():\n    import ddsing.engine.tf.export\nTABLE = {'g': g}", 1),
        ("from ddsing import middle\ndef f():\n    middle.other()",
         "def g():\n    from ddsing.engine.tf import export\ndef other(): pass", 0),
        ("from ddsing import process\ndef f():\n    process.call('ddsing.middle:g', {})",
         "def g():\n    from ddsing.engine.tf import export", 0),
        ("if TYPE_CHECKING:\n    from ddsing.engine.tf import export", "", 0),
    ],
)  # fmt: skip
def test_the_search_itself(page, middle, n_trespasses):
    texts = {"ddsing": "", "ddsing.ui": "", "ddsing.ui.page": page, "ddsing.middle": middle, "ddsing.engine": ""}
    texts |= {"ddsing.engine.tf": "", "ddsing.engine.tf.export": "def h(): pass", "ddsing.process": "def call(f, r): 0"}
    packages = ("ddsing", "ddsing.ui", "ddsing.engine", "ddsing.engine.tf")
    modules = [Module(name, text, name in packages) for name, text in texts.items()]
    assert bool(trespasses(modules, lambda name: name.startswith("ddsing.ui"))) == bool(n_trespasses)
