"""What of the costly functions is called, and with what: so that a second call with the same is seen.

The functions themselves are called, wherever they were imported.
"""

import functools
import hashlib
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ddsing import files
from ddsing.engine import render
from ddsing.engine.encoder import Encoder
from ddsing.instrument import format as instruments
from ddsing.plots import spectrogram
from ddsing.sound import audio, loudness
from ddsing.sound.pitch import instant
from ddsing.sound.pitch.network import Network

FUNCTIONS = {  # by what they do: those of modules, and methods of classes
    "decode": (audio, "read"),
    "loudness": (loudness, "compute"),
    "pitch by CREPE": (Network, "blocks"),
    "pitch by SwiftF0": (instant.Source, "blocks"),
    "z": (Encoder, "encode_window"),
    "open an instrument": (instruments, "read"),
    "load a model": (render, "load"),
    "spectrogram": (spectrogram, "power_db"),
    "encode": (audio, "encode"),
}
RESAMPLE = "resample"
OF_A_TAKE = ("result.wav", "original.wav", "harmonic.wav", "noise.wav")
MOST = {  # of what may be done again: a take is measured when it is made, and read again to be looked at
    "read a take": 2,
    "spectrogram": 99,  # takes of one recording have one original, but spectrograms of their own: they are counted
}
_KNOWN_BY_NAME = {"Network"}  # of which there is one for each name, with too many weights to look at each time


class Watch:
    """Counts calls by what is done, and by a digest of what it is done with."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        for name, (owner, attribute) in FUNCTIONS.items():
            self._wrap(name, owner, attribute)
        resampler = audio.soxr.ResampleStream
        audio.soxr.ResampleStream = functools.wraps(resampler, updated=())(
            lambda *about, **options: (
                self._noted(RESAMPLE, str(sum(self.done().values()))) or resampler(*about, **options)
            )
        )

    def done(self) -> Counter[str]:
        """How often each was done."""
        found: Counter[str] = Counter()
        for (name, _), count in self.calls.items():
            found[name] += count
        return found

    def twice(self) -> list[str]:
        """What was done again with the same."""
        again = [(name, count, what) for (name, what), count in self.calls.items() if count > MOST.get(name, 1)]
        return sorted(f"{name}: {count} times {what}" for name, count, what in again)

    def _noted(self, name: str, what: str) -> None:
        self.calls[name, what] += 1

    def _wrap(self, name: str, owner: Any, attribute: str) -> None:
        function = getattr(owner, attribute)

        @functools.wraps(function, updated=())
        def counted(*about: Any, **options: Any) -> Any:
            self._noted(*_named(name, about, options))
            return function(*about, **options)

        setattr(owner, attribute, counted)
        for module in [found for key, found in sys.modules.items() if key.startswith("ddsing")]:
            for called, value in list(vars(module).items()):
                if value is function:
                    setattr(module, called, counted)


def _named(name: str, about: tuple, options: dict) -> tuple[str, str]:
    """What is done and with what; of a take's own files it is another thing than of recordings."""
    source, rate_hz = about[0] if about else None, options.get("rate_hz", audio.SAMPLE_RATE)
    if name == "decode" and isinstance(source, Path) and source.name in OF_A_TAKE:
        return "read a take", f"{source.name} {digest((source, options))}"
    if name == "decode":
        return name, f"{source.name if isinstance(source, Path) else 'bytes'} {digest((source, rate_hz))}"
    return name, digest((about, options))


def digest(value: Any) -> str:
    """What tells arguments apart: arrays and files by what is in them, our own objects by their attributes."""
    found = hashlib.sha256()
    _add(found, value)
    return found.hexdigest()[:12]


def _add(found: Any, value: Any) -> None:
    kind = type(value)
    found.update(kind.__name__.encode())
    if isinstance(value, np.ndarray):
        found.update(repr(value.shape).encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Path):
        found.update(repr(files.key(value)).encode())
    elif isinstance(value, bytes):
        found.update(value)
    elif isinstance(value, Mapping):
        for key in sorted(value, key=repr):
            _add(found, (key, value[key]))
    elif isinstance(value, tuple | list):
        for one in value:
            _add(found, one)
    elif kind.__module__.startswith("ddsing") and not callable(value) and kind.__name__ not in _KNOWN_BY_NAME:
        made = {key for key, one in vars(kind).items() if isinstance(one, functools.cached_property)}
        _add(found, {key: one for key, one in getattr(value, "__dict__", {}).items() if key not in made})
    elif isinstance(value, str | int | float | bool | range | np.generic | None):
        found.update(repr(value).encode())
