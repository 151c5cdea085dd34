"""Stand-ins for packages that ddsp imports and ddsing never uses.

`ddsp.training` imports note_seq, hypertune, google-cloud-storage and others as soon as it is imported; some thirty
packages would be installed for nothing. While `standing_in()` is active, those of `PACKAGES` that are absent can be
imported, by the thread that activated it. Using anything of them raises `PlaceholderUsed`, which names the package to
install. An installed package is never replaced, and afterwards the absent ones are absent again for everyone else.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

PACKAGES = {
    "crepe": "crepe",
    "google.cloud": "google-cloud-storage",
    "hypertune": "cloudml-hypertune",
    "matplotlib": "matplotlib",
    "note_seq": "note-seq",
    "pydub": "pydub",
    "tensorflow_datasets": "tensorflow-datasets",
}  # importable name: what to install for it


class PlaceholderUsed(ImportError):
    """Something called a part of ddsp that needs a package which ddsing does not install."""


class Placeholder(types.ModuleType):
    """A module whose names can be imported, passed on and subclassed; every use of them raises `PlaceholderUsed`."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> "Placeholder":
        if name.startswith("__"):
            raise AttributeError(name)
        return Placeholder(f"{self.__name__}.{name}")

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        package = PACKAGES[_root(self.__name__) or self.__name__]
        raise PlaceholderUsed(
            f"{self.__name__} was used, but ddsing installs ddsp without {package}: "
            f"nothing in ddsing needs it; pip install {package} for your own use of ddsp.",
            name=self.__name__,
        )

    __call__ = __getitem__ = __iter__ = __len__ = __contains__ = __enter__ = __exit__ = _refuse

    def __bool__(self) -> bool:
        return True  # otherwise `if module:` would ask for the length

    def __mro_entries__(self, bases: tuple) -> tuple[type]:
        return (type(self.__name__.rpartition(".")[2], (), {"__new__": lambda cls, *_, **__: self._refuse()}),)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `PACKAGES` and what is in them; asked last, so an installed package wins."""

    def __init__(self, absent: frozenset[str]):
        self._absent, self._thread = absent, threading.get_ident()

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if threading.get_ident() != self._thread or _root(fullname) not in self._absent:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return Placeholder(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


@contextmanager
def standing_in() -> Iterator[frozenset[str]]:
    """Let this thread import the absent ones of `PACKAGES`; yields which those are."""
    absent = frozenset(name for name in PACKAGES if not _is_installed(name))
    finder = _Finder(absent)
    sys.meta_path.append(finder)
    try:
        yield absent
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name, module in list(sys.modules.items()) if isinstance(module, Placeholder)]:
            del sys.modules[name]
            parent, _, child = name.rpartition(".")
            if parent in sys.modules and isinstance(sys.modules[parent].__dict__.get(child), Placeholder):
                delattr(sys.modules[parent], child)


def _root(name: str) -> str | None:
    """The entry of `PACKAGES` that a dotted name belongs to."""
    return next((package for package in PACKAGES if name == package or name.startswith(package + ".")), None)


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is absent
        return False
