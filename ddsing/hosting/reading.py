"""From ``hosting.toml`` to a `Config`: every mistake is found at once, each with one sentence that says what works."""

from __future__ import annotations

import dataclasses
import difflib
import os
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ddsing.errors import DdsingError
from ddsing.hosting import checks
from ddsing.hosting.config import Config, Provider
from ddsing.hosting.switch import VARIABLE

NAME = "hosting.toml"
_HIDDEN = ("database", "rates.storage", "work.redis", "metrics.token")  # they are or can have a password
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
    Path: "a folder in quotes",
    tuple: 'a list of texts, such as ["a", "b"]',
    dict: "a table",
}


class ConfigError(DdsingError):
    """A ``hosting.toml`` that can't be used; `mistakes` has a sentence for each."""

    def __init__(self, path: Path, mistakes: list[str]) -> None:
        self.mistakes = tuple(mistakes)
        first = mistakes[0] if len(mistakes) == 1 else f"it has {len(mistakes)} mistakes: {' '.join(mistakes)}"
        super().__init__(f"{str(path)!r} can't be used: {first}")


def find(folder: Path | None = None) -> Path | None:
    """The file that switches hosting on: ``DDSING_HOSTING``, else ``hosting.toml`` in a folder; None without either."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    path = (folder or Path.cwd()) / NAME
    return path.absolute() if path.is_file() else None


def read(path: Path) -> Config:
    """The file as a `Config`; raises `ConfigError` with all its mistakes."""
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ConfigError(path, [f"it can't be read: {error.strerror}."]) from None
    except UnicodeDecodeError:
        raise ConfigError(path, ["it is not a text in UTF-8."]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path, [f"it is not TOML: {str(error)[:1].lower()}{str(error)[1:]}."]) from None
    reader = _Reader(path.parent)
    document.setdefault("root", str(path.parent / "hosted"))
    config = reader.table(Config, document, "")
    mistakes = reader.mistakes if config is None else [*reader.mistakes, *checks.mistakes(config)]
    if mistakes or config is None:
        raise ConfigError(path, mistakes)
    return config


class _Reader:
    """Reads tables into dataclasses; what is wrong is added to `mistakes`, and its default takes its place."""

    def __init__(self, folder: Path) -> None:
        self.mistakes: list[str] = []
        self._folder = folder

    def table(self, kind: type, found: Mapping[str, Any], where: str) -> Any:
        """A dataclass of a table; None if something that has no default is missing."""
        hints = typing.get_type_hints(kind)
        fields = {one.name: one for one in dataclasses.fields(kind)}
        values = {}
        for name, value in found.items():
            if name not in fields:
                self._unknown(f"{where}{name}", name, list(fields))
            else:
                read = self._value(hints[name], value, f"{where}{name}")
                if read is not None:
                    values[name] = read
        needed = [name for name, one in fields.items() if one.default is one.default_factory is dataclasses.MISSING]
        self.mistakes += [f"`{where}{name}` is missing." for name in needed if name not in found]
        if any(name not in values for name in needed):
            return None
        return self._with_secret(kind(**values), where)

    def _unknown(self, full: str, name: str, known: list[str]) -> None:
        close = difflib.get_close_matches(name, known, 1, 0.5)
        prefix = full[: -len(name)]
        hint = f"did you mean `{prefix}{close[0]}`?" if close else f"there are {', '.join(sorted(known))}."
        self.mistakes.append(f"`{full}` is not a setting; {hint}")

    def _value(self, kind: Any, value: Any, name: str) -> Any:
        origin = typing.get_origin(kind) or kind
        if dataclasses.is_dataclass(kind):
            is_table = self._expect(isinstance(value, dict), dict, value, name)
            return self.table(typing.cast(type, kind), value, f"{name}.") if is_table else None
        if origin is tuple:
            return self._texts(value, name)
        if origin is Mapping:
            return self._mapping(typing.get_args(kind)[1], value, name)
        right = {
            bool: isinstance(value, bool),
            int: isinstance(value, int) and not isinstance(value, bool),
            float: isinstance(value, int | float) and not isinstance(value, bool),
            str: isinstance(value, str),
            Path: isinstance(value, str) and value != "",
        }[origin]
        if not self._expect(right, origin, value, name):
            return None
        convert: Callable[[Any], Any] = self._path if origin is Path else origin
        return self._checked(convert(value), name)

    def _path(self, value: str) -> Path:
        return self._folder / Path(value).expanduser()

    def _texts(self, value: Any, name: str) -> tuple[str, ...] | None:
        right = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return self._checked(tuple(value), name) if self._expect(right, tuple, value, name) else None

    def _mapping(self, kind: Any, value: Any, name: str) -> Mapping[str, Any] | None:
        if not self._expect(isinstance(value, dict), dict, value, name):
            return None
        if kind is Any:
            return types.MappingProxyType(value)
        if kind is not Provider:  # claims: one value may be written without its brackets
            value = {key: [one] if isinstance(one, str) else one for key, one in value.items()}
        read = {key: self._value(kind, one, f"{name}.{key}") for key, one in value.items()}
        return types.MappingProxyType({key: one for key, one in read.items() if one is not None})

    def _with_secret(self, made: Any, where: str) -> Any:
        """A provider with the secret that its file holds."""
        if not isinstance(made, Provider):
            return made
        if bool(made.client_secret) == bool(made.client_secret_file):
            self.mistakes.append(
                f"`{where}client_secret` or `{where}client_secret_file` is needed, and only one of them."
            )
        elif made.client_secret_file:
            try:
                secret = self._path(made.client_secret_file).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is not a text"
                self.mistakes.append(f"`{where}client_secret_file` can't be read: {reason}.")
            else:
                made = dataclasses.replace(made, client_secret=secret)
                if not secret:
                    self.mistakes.append(f"`{where}client_secret_file` names an empty file.")
        return made

    def _checked(self, value: Any, name: str) -> Any:
        wrong = checks.wrong(name, value)
        if wrong:
            self.mistakes.append(wrong)
        return None if wrong else value

    def _expect(self, right: bool, kind: type, value: Any, name: str) -> bool:
        if not right:
            shown = "" if "secret" in name or name in _HIDDEN else f" is {_shown(value)} but"
            self.mistakes.append(f"`{name}`{shown} must be {_KINDS[kind]}.")
        return right


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    return f'"{value[:40]}"' if isinstance(value, str) else str(value)[:40]
