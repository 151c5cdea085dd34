"""Run something with the names taken away that only POSIX systems have, as ddsing's own code sees them.

    python tests/support/without_posix.py -m MODULE ARGUMENTS...
    python tests/support/without_posix.py FILE ARGUMENTS...

Modules of ddsing and of the benchmarks that import `os`, `signal` and the like get them without what, by the types that
come with mypy, Linux has but Windows has not; and `fcntl`, `resource` and so on can't be imported at all. The standard
library and other packages see everything, since they have Windows versions of their own.

Where a function of ours asks for such a name and is told that it is not there, ``WITHOUT_POSIX_MET`` names a file to
which the function is added, as ``path:function``.
"""

import ast
import builtins
import functools
import os
import runpy
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = (str(ROOT / "ddsing") + os.sep, str(ROOT / "benchmarks") + os.sep)
THINNED = ("errno", "mmap", "os", "select", "signal", "socket", "time")
ABSENT = frozenset(
    {"curses", "fcntl", "grp", "nis", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
)


@functools.cache
def lacking(module: str, platform: str = "win32") -> frozenset[str]:
    """The names that a module of the standard library has on Linux but not on another platform."""
    import mypy

    folder = Path(mypy.__file__).parent / "typeshed" / "stdlib"
    stub = next(path for path in (folder / f"{module}.pyi", folder / module / "__init__.pyi") if path.exists())
    tree = ast.parse(stub.read_text("utf-8"))
    return frozenset(_names(tree.body, "linux") - _names(tree.body, platform))


def _names(body, platform):
    found = set()
    for node in body:
        if isinstance(node, ast.If):
            found |= _names(node.body if _holds(node.test, platform) else node.orelse, platform)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _holds(test, platform):
    known = types.SimpleNamespace(platform=platform, version_info=sys.version_info)
    return eval(compile(ast.Expression(test), "stub", "eval"), {"sys": known})


class _Thinned(types.ModuleType):
    """A module without what is lacking."""

    def __init__(self, module):
        super().__init__(module.__name__)
        self.__dict__["_module"] = module

    def __getattr__(self, name):
        if name in lacking(self.__name__):
            _meet(sys._getframe(1))
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self._module, name)

    def __setattr__(self, name, value):
        setattr(self._module, name, value)


def install() -> None:
    """Take the names away, for good, from what is imported from now on."""
    real, thinned = builtins.__import__, {}

    def thinning(name, globals=None, locals=None, fromlist=(), level=0):
        ours = str((globals or {}).get("__file__", "")).startswith(OURS) and level == 0
        top = name.partition(".")[0]
        if ours and top in ABSENT:
            _meet(sys._getframe(1))
            raise ImportError(f"No module named {name!r}", name=name)
        module = real(name, globals, locals, fromlist, level)
        if ours and name in THINNED or ours and not fromlist and top in THINNED:
            return thinned.setdefault(top, _Thinned(module))
        return module

    builtins.__import__ = thinning


def _meet(frame):
    """Note the function that asked, of the outermost if it is within others."""
    path, met = frame.f_code.co_filename, os.environ.get("WITHOUT_POSIX_MET")
    if met and path.startswith(OURS):
        function = frame.f_code.co_qualname.partition(".<locals>")[0]
        function = "<module>" if function.startswith("<") else function
        with open(met, "a", encoding="utf-8") as file:
            file.write(f"{Path(path).relative_to(ROOT).as_posix()}:{function}\n")


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    install()
    if sys.argv[1] == "-m":
        sys.argv[:] = sys.argv[2:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = sys.argv[1:]
        runpy.run_path(sys.argv[0], run_name="__main__")
