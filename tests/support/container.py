"""Follows a Containerfile without any engine of containers: a bare Debian by debootstrap, and its steps in a chroot.

What is read is what the file uses: RUN, COPY, WORKDIR, ENV, USER, CMD and HEALTHCHECK; FROM has to be Debian 12.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How this computer reaches registries, and nothing else of it.
_PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "PIP_FIND_LINKS")
_CERTIFICATES = "/etc/ssl/of-this-computer.crt"


@dataclass
class Image:
    """What the steps have made."""

    root: Path
    folder: str = "/"
    user: str = "root"
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)

    def inside(self, words: list[str], *, user: str | None = None) -> list[str]:
        """The command line that runs something in it."""
        given = [f"{name}={value}" for name, value in self.environment.items()]
        outer = [f"{name}={os.environ[name]}" for name in _PASSED_ON if name in os.environ]
        if (self.root / _CERTIFICATES.lstrip("/")).exists():
            outer.append(f"PIP_CERT={_CERTIFICATES}")
        who = user or self.user
        change = ["setpriv", f"--reuid={who}", f"--regid={who}", "--clear-groups", "--no-new-privs"]
        run = ["env", "-i", *outer, *given, "sh", "-c", 'cd "$0" && exec "$@"', self.folder, *words]
        return ["chroot", str(self.root), *(change if who != "root" else []), *run]


def steps(path: Path) -> Iterator[tuple[str, str]]:
    """The instructions with what follows them."""
    text = re.sub(r"(?m)^\s*#.*\n", "", path.read_text("utf-8"))
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


@contextlib.contextmanager
def bare_debian(folder: Path) -> Iterator[Path]:
    """A fresh Debian 12 with its devices and processes; unmounted in the end."""
    subprocess.run(["debootstrap", "--variant=minbase", "bookworm", str(folder), MIRROR], check=True)
    with in_use(folder):
        yield folder


@contextlib.contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """A root with devices and processes, and this computer's way to registries."""
    mounted = []
    mounts = {"proc": ["-t", "proc", "proc"], "dev": ["--bind", "/dev"]}
    wheels = os.environ.get("PIP_FIND_LINKS", "")
    if wheels.startswith("/"):
        mounts[wheels.lstrip("/")] = ["--bind", wheels]
    try:
        for name, words in mounts.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", *words, str(folder / name)], check=True)
            mounted.append(folder / name)
        certificates = os.environ.get("PIP_CERT")
        copied = {"/etc/resolv.conf": "/etc/resolv.conf", "/etc/hosts": "/etc/hosts"}
        for source, target in (copied | ({certificates: _CERTIFICATES} if certificates else {})).items():
            if Path(source).exists():
                (folder / target.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, folder / target.lstrip("/"))
        yield
    finally:
        for path in reversed(mounted):
            subprocess.run(["umount", "--lazy", str(path)], check=True)


def build(containerfile: Path, root: Path) -> Image:
    """Follow the steps in a root that is there."""
    image, context = Image(root), containerfile.parent
    for word, rest in steps(containerfile):
        if word == "FROM":
            assert rest.endswith("debian:12-slim"), rest
        elif word == "RUN":
            subprocess.run(image.inside(["sh", "-ec", rest]), check=True)
        elif word == "COPY":
            *sources, target = rest.split()
            place = root / os.path.join(image.folder, target).lstrip("/")
            for source in sources:
                _copy(context / source, place, several=target.endswith("/"))
        elif word == "WORKDIR":
            image.folder = rest
            (root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif word == "ENV":
            image.environment |= dict(one.split("=", 1) for one in rest.split())
        elif word == "USER":
            image.user = rest
        elif word == "VOLUME":
            image.volumes.append(rest)
        elif word == "CMD":
            image.command = json.loads(rest)
        elif word == "HEALTHCHECK":
            image.health = json.loads(rest[rest.index("[") :])
        else:
            assert word == "EXPOSE", word
    return image


def _copy(source: Path, place: Path, *, several: bool) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(source, place, ignore=ignored, dirs_exist_ok=True)
    else:
        target = place / source.name if several else place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
