"""What only the server's own account may read, in a folder of the root: the secret of its cookies, what a run is given.

Files there have mode 600 and their folder 700. The secret is made at the first start and stays: with another one, all
cookies would be worthless and everybody would have to sign in again.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from ddsing.errors import DdsingError
from ddsing.files import write_atomic
from ddsing.hosting.config import Config

FOLDER = ".hosting"
COOKIE_SECRET = "cookie_secret"
_FEWEST_CHARACTERS = 32
_HEX_BYTES = 32


class PrivateError(DdsingError):
    """A private folder or file that can't be used as it is."""


def folder(root: Path) -> Path:
    """The private folder, made if need be; `PrivateError` if it is somebody else's or open to others."""
    path = root / FOLDER
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise PrivateError(f"{str(path)!r} can't be created: {error.strerror}. Choose another `root`.") from None
    _refuse_open(path)
    return path


def cookie_secret(root: Path) -> str:
    """The secret that cookies are signed with, made if there is none; of several servers that start, one makes it."""
    path = folder(root) / COOKIE_SECRET
    with contextlib.suppress(FileExistsError):
        write(path, secrets.token_hex(_HEX_BYTES) + "\n", new=True)
    _refuse_open(path)
    secret = path.read_text("utf-8").strip()
    if len(secret) < _FEWEST_CHARACTERS:
        raise PrivateError(
            f"{str(path)!r} holds fewer than {_FEWEST_CHARACTERS} characters: delete it, and a new secret is made."
        )
    return secret


def write(path: Path, text: str, *, new: bool = False) -> None:
    """Write a file that only this account may read, whole or not at all."""
    before = os.umask(0o077)
    try:
        write_atomic(path, text.encode("utf-8"), new=new)
    finally:
        os.umask(before)


def streamlit_secrets(config: Config) -> str:
    """What Streamlit is told about cookies and providers, as TOML."""
    lines = _table(
        "auth", {"redirect_uri": f"{config.url}/oauth2callback", "cookie_secret": cookie_secret(config.root)}
    )
    for name, provider in config.login.providers.items():
        lines += _table(
            f"auth.{name}",
            {
                "client_id": provider.client_id,
                "client_secret": provider.client_secret,
                "server_metadata_url": provider.metadata_url,
            },
        )
        lines += _table(f"auth.{name}.client_kwargs", {"scope": provider.scope, "prompt": provider.prompt})
    return "\n".join(lines) + "\n"


def _table(name: str, values: Mapping[str, str]) -> list[str]:
    """A table of texts; JSON writes a text as TOML reads it, but for the last control character."""
    quoted = {key: json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f") for key, value in values.items()}
    return [f"[{name}]", *(f"{key} = {text}" for key, text in quoted.items()), ""]


def _refuse_open(path: Path) -> None:
    if not hasattr(os, "geteuid"):  # Windows, where an account's own folders are closed to others
        return
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode) or facts.st_uid != os.geteuid():
        raise PrivateError(f"{str(path)!r} belongs to another account or is a link: remove it, and it is made again.")
    if stat.S_IMODE(facts.st_mode) & 0o077:
        wanted = "700" if path.is_dir() else "600"
        raise PrivateError(f"{str(path)!r} can be read by other accounts: chmod {wanted} it.")
