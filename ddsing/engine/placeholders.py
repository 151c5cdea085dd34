"""Stand-ins for packages that ddsp imports and ddsing never uses.

`ddsp.training` imports note_seq, hypertune, google-cloud-storage and others as soon as it is imported. Where such a package is
not installed, a placeholder takes its place: importing it works, using anything of it raises `ImportError` with its name.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types

PACKAGES = (
    "crepe",
    "google.cloud.storage",
    "hypertune",
    "matplotlib",
    "mir_eval",
    "note_seq",
    "pydub",
    "tensorflow_datasets",
)


class Placeholder(types.ModuleType):
    """A module that can be imported, and complains when something of it is called."""

    __path__: list[str] = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Placeholder(f"{self.__name__}.{name}")

    def __call__(self, *args, **kwargs):
        raise ImportError(f"{self.__name__} was called, but {self.__name__.split('.')[0]} is not installed with ddsing.")

    def __mro_entries__(self, bases):
        return (object,)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, fullname, path=None, target=None):
        for package in PACKAGES:
            if fullname == package or fullname.startswith(package + ".") or package.startswith(fullname + "."):
                return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec):
        return Placeholder(spec.name)

    def exec_module(self, module):
        pass


def install() -> None:
    """Let the packages that are absent be imported; those that are installed are not touched. Idempotent."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())  # last, so that an installed package wins
