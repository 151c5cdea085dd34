"""An operative gin text, read as data: parsed by gin's own parser with a delegate that only writes down names.

Nothing is imported, included, looked up or called: gin's registry is never touched. Size, bracket depth, statements
and macros are bounded before and while parsing. `read_bindings` returns plain values; what they mean for a model is in
`ddsing.model.gin`.
"""

import re
import tokenize
import warnings
from dataclasses import dataclass

from gin import config_parser

from ddsing.errors import InstrumentError

MAX_BYTES = 64 * 2**10
MAX_DEPTH = 16
MAX_STATEMENTS = 1_000
MAX_MACRO_STEPS = 1_000
MAX_NUMBER_DIGITS = 40
_IMPORTS = re.compile(r"ddsp(\.[A-Za-z_][A-Za-z0-9_]*){0,4}|gin\.tf|__main__")
_LONG_NUMBER = re.compile(rf"[0-9_]{{{MAX_NUMBER_DIGITS + 1},}}")


@dataclass(frozen=True)
class Reference:
    """``@module.Name`` or ``@module.Name()``: a name in the text, behind which nothing stands."""

    name: str
    called: bool

    @property
    def last(self) -> str:
        """The name without its modules."""
        return self.name.rsplit("/", 1)[-1].rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Macro:
    """A macro that a binding refers to: ``%name``."""

    name: str


class _Recorder(config_parser.ParserDelegate):
    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> Reference:
        return Reference(scoped_configurable_name, bool(evaluate))

    def macro(self, macro_name: str) -> Macro:
        return Macro(macro_name)


def read_bindings(data: bytes, *, last_wins: bool = False) -> dict[tuple[str, str], object]:
    """Values by ``(selector, parameter)``, macros resolved.

    The selector is its last name only, without modules; one that is bound in a scope keeps that: ``scope/selector``.

    Parameters
    ----------
    data : bytes
        The text.
    last_wins : bool
        Whether a value may be set again, as in texts put together from several; an operative one sets each once.

    Raises
    ------
    InstrumentError
        Where the text is too large, is no operative gin text, or imports, includes or nests what none does.
    """
    statements = _statements(_checked(text_of(data)))
    macros: dict[str, object] = {}
    bindings: dict[tuple[str, str], object] = {}
    for statement in statements:
        if isinstance(statement, config_parser.IncludeStatement):
            raise _bad("it includes another file, which an operative configuration never does")
        if isinstance(statement, config_parser.ImportStatement):
            if not _IMPORTS.fullmatch(statement.module):
                raise _bad(f"it imports {ascii(statement.module)[:60]}; a real one imports only ddsp")
            continue
        if isinstance(statement, config_parser.BlockDeclaration):
            continue
        selector, parameter = statement.selector.rsplit(".", 1)[-1], statement.arg_name
        if not parameter or statement.selector == "macro":
            name = selector if not parameter else statement.scope
            if name in macros and not last_wins:
                raise _bad(f"it sets the macro {ascii(name)[:60]} twice")
            macros[name] = statement.value
            continue
        if statement.scope:
            selector = f"{statement.scope}/{selector}"
        if (selector, parameter) in bindings and not last_wins:
            raise _bad(f"it sets {ascii(f'{selector}.{parameter}')[:80]} twice")
        bindings[selector, parameter] = statement.value
    resolver = _Resolver(macros)
    return {key: resolver.resolved(value) for key, value in bindings.items()}


def text_of(data: bytes) -> str:
    """The text, UTF-8, without a byte-order mark and with plain line ends; `InstrumentError` where it is none."""
    if len(data) > MAX_BYTES:
        raise _bad(f"it has {len(data):,} bytes (at most {MAX_BYTES:,} are read)")
    try:
        text = data.decode("utf-8-sig")  # Windows' editors put a mark before it
    except UnicodeDecodeError:
        raise _bad("it is not UTF-8 text") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _checked(text: str) -> str:
    if any(ord(letter) < 32 and letter not in "\n\t" for letter in text):
        raise _bad("it holds control characters")
    depth = 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if depth > MAX_DEPTH:
            raise _bad(f"its brackets are nested deeper than {MAX_DEPTH}")
    if _LONG_NUMBER.search(text):
        raise _bad(f"it holds a number of more than {MAX_NUMBER_DIGITS} digits")
    return text


def _statements(text: str) -> list:
    statements: list = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd literals in a stranger's text
            parser = config_parser.ConfigParser(text, _Recorder())
            while statement := parser.parse_statement():
                statements.append(statement)
                if len(statements) > MAX_STATEMENTS:
                    raise _bad(f"it has more than {MAX_STATEMENTS:,} statements")
    except SyntaxError as error:  # IndentationError included
        place = error.args[1] if len(error.args) > 1 else ()
        line = f" at line {place[1]}" if isinstance(place, tuple) and len(place) > 1 else ""
        raise _bad(f"it can't be parsed{line}") from None
    except (tokenize.TokenError, ValueError, TypeError, StopIteration, RecursionError, IndexError, MemoryError):
        raise _bad("it can't be parsed") from None
    return statements


class _Resolver:
    """Replaces macros by their values, with a budget that neither cycles nor doubling can exceed."""

    def __init__(self, macros: dict[str, object]):
        self._macros = macros
        self._steps = 0

    def resolved(self, value: object, depth: int = 0) -> object:
        if isinstance(value, Macro):
            self._steps += 1
            if self._steps > MAX_MACRO_STEPS or depth > MAX_DEPTH:
                raise _bad("its macros refer to each other endlessly")
            if value.name not in self._macros:
                raise _bad(f"it uses the macro {ascii(value.name)[:60]}, which it does not define")
            return self.resolved(self._macros[value.name], depth + 1)
        if depth > 2 * MAX_DEPTH:
            raise _bad("its values are nested too deeply")
        if isinstance(value, (list, tuple)):
            return tuple(self.resolved(item, depth + 1) for item in value)
        if isinstance(value, dict):
            return {key: self.resolved(item, depth + 1) for key, item in value.items()}
        return value


def _bad(what: str) -> InstrumentError:
    return InstrumentError(f"The instrument's operative_config-0.gin was refused: {what}.")
