"""Tokens with which programs use a workspace, without anybody at a page; only their hashes are kept.

A token is ``ddsing_OWNER_SECRET``: the number of the person whose workspace it opens, 0 on a local dashboard, and 32
random bytes. It is shown once, when it is made. What is kept lies in the workspace, in a hidden file that no export
takes along.

Public: `Token`, `Tokens`, `owner`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ddsing import names
from ddsing.changing import changing
from ddsing.errors import DdsingError
from ddsing.files import read_json, write_json
from ddsing.workspace import Workspace

FILE = ".tokens.json"
MOST = 50
MAX_NAME = 60
DAYS, MAX_DAYS = 90, 366
_SECRET_BYTES = 32
_DAY_S = 24 * 3600.0
_FORM = re.compile(r"ddsing_([0-9]{1,18})_[A-Za-z0-9_-]{43}")


class TokenError(DdsingError):
    """A token that can't be made or found."""


@dataclass(frozen=True)
class Token:
    """What is kept of a token.

    Attributes
    ----------
    name : str
        What its owner calls it.
    made_s, ends_s : float
        From when until when it works, in seconds since 1970.
    hash : str
        SHA-256 of the whole token; as it has 256 random bits, nothing slower is needed.
    """

    name: str
    made_s: float
    ends_s: float
    hash: str

    @property
    def over(self) -> bool:
        """Whether its time has ended."""
        return time.time() >= self.ends_s


Kept = list[Token]  # inside `Tokens`, `list` is its method


class Tokens:
    """The tokens of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._root = workspace.root
        self._path = workspace.root / FILE

    def list(self) -> Kept:
        """All of them, the newest first, those too whose time has ended."""
        document = read_json(self._path)
        found = document.get("tokens") if isinstance(document, dict) else None
        known = [_read(one) for one in found] if isinstance(found, list) else []
        return sorted((one for one in known if one is not None), key=lambda one: one.made_s, reverse=True)

    def make(self, name: str, *, owner: int = 0, days: float = DAYS) -> tuple[Token, str]:
        """Make one; returns what is kept, and the token itself, which can't be seen again."""
        called, now_s = _clean(name), time.time()
        if not 0 < days <= MAX_DAYS:
            raise TokenError(f"A token can work for up to {MAX_DAYS} days, not for {days:g}.")
        text = f"ddsing_{owner}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        made = Token(called, now_s, now_s + days * _DAY_S, _hash(text))
        with changing(self._root):
            known = self.list()
            if any(names.same(one.name, called) for one in known):
                raise TokenError(f"There is a token named {called!r} already. Revoke it first, or choose another name.")
            if len(known) >= MOST:
                raise TokenError(f"There are {MOST} tokens, which is the most. Revoke one first.")
            self._write([*known, made])
        return made, text

    def revoke(self, name: str) -> Token:
        """End one, from now on."""
        with changing(self._root):
            known = self.list()
            gone = next((one for one in known if names.same(one.name, name)), None)
            if gone is None:
                raise TokenError(f"No token is named {name[:MAX_NAME]!r}; see `token list`.")
            self._write([one for one in known if one != gone])
        return gone

    def clear(self) -> int:
        """End all of them; returns how many there were."""
        with changing(self._root):
            known = self.list()
            self._path.unlink(missing_ok=True)
        return len(known)

    def accepts(self, text: str) -> Token | None:
        """The token that a text is, if it works; every hash is compared, in the same time for all."""
        sought = _hash(text)
        found = [one for one in self.list() if hmac.compare_digest(one.hash, sought)]
        return next((one for one in found if not one.over), None)

    def _write(self, tokens: Sequence[Token]) -> None:
        try:
            write_json(self._path, {"tokens": [asdict(one) for one in tokens]})
        except OSError as error:
            raise TokenError(f"The token can't be saved: {error.strerror or error}.") from None


def owner(text: str) -> int | None:
    """The number of the person whose token a text would be; None if it is none."""
    found = _FORM.fullmatch(text)
    return None if found is None else int(found[1])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _clean(name: str) -> str:
    cleaned = unicodedata.normalize("NFC", " ".join(names.mended(name).split()))
    if not cleaned or len(cleaned) > MAX_NAME or not cleaned.isprintable():
        raise TokenError(f"A token's name has 1 to {MAX_NAME} characters on one line, such as 'laptop'.")
    return cleaned


def _read(data: Any) -> Token | None:
    """A token as it was kept; None for what can't be one."""
    try:
        made, ends = float(data["made_s"]), float(data["ends_s"])
        return Token(str(data["name"]), made, ends, str(data["hash"]).encode("ascii").decode())
    except (KeyError, TypeError, ValueError):
        return None
