"""How far up a take reaches: to 8 kHz, as instruments of 16 kHz sing, or to 24 kHz, where those that sing have a top.

Public: `settled`, `chosen`, `remarks`, `rate_hz`, `planned_rate_hz`, `bytes_per_s`, `sounded`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from ddsing.constants import FULL_BAND_RATE, SAMPLE_RATE
from ddsing.engine import full_band, render
from ddsing.engine.morph import Mixture
from ddsing.engine.render import Block, Renderable, Renderer
from ddsing.instrument import Instrument
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import Take

_CURVES_BYTES_PER_S = 20_000
_SOME = "The result ends at 8 kHz: {names} has no top above it. Give it one on the Instruments page."


class Topped(Protocol):
    """What may have a top: an opened instrument, or the library's entry of one."""

    @property
    def top(self) -> object | None:
        """None where there is none."""
        ...


def settled(settings: Settings, instruments: Sequence[Instrument]) -> Settings:
    """The settings for some instruments: where none has a top, there is nothing to turn off."""
    return settings if any(one.top is not None for one in instruments) else replace(settings, full_band=True)


def chosen(renderers: Sequence[Renderer], settings: Settings) -> list[Renderer]:
    """The renderers with their tops, or all without where one has none or the settings say so."""
    if settings.full_band and all(one.top is not None for one in renderers):
        return list(renderers)
    return [replace(one, top=None) for one in renderers]


def remarks(instruments: Sequence[Instrument], settings: Settings) -> tuple[str, ...]:
    """What is to be said where some of several instruments have a top and others have none."""
    without = [one.name for one in instruments if one.top is None]
    if not settings.full_band or not without or len(without) == len(instruments):
        return ()
    return (_SOME.format(names=" and ".join(without)),)


def rate_hz(mixed: Mixture) -> int:
    """The sample rate of what is rendered."""
    return FULL_BAND_RATE if mixed.full_band else SAMPLE_RATE


def planned_rate_hz(settings: Settings, instruments: Iterable[Topped]) -> int:
    """The sample rate of the take that some instruments will make, before anything is loaded."""
    return FULL_BAND_RATE if settings.full_band and all(one.top is not None for one in instruments) else SAMPLE_RATE


def bytes_per_s(rate_hz: int = FULL_BAND_RATE) -> int:
    """What a take needs of the disk, at most, for each second: four sounds of four bytes a sample, and the curves."""
    return 4 * 4 * rate_hz + _CURVES_BYTES_PER_S


def sounded(
    part: Renderable[Any],
    n_samples: int,
    take: Take,
    *,
    added: Callable[[int, int], np.ndarray] | None = None,
    added_above: Callable[[int, int], np.ndarray] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Iterator[Block]:
    """The rendering block by block, at the sample rate of a take.

    Parameters
    ----------
    n_samples : int
        At 16 kHz.
    added, added_above : callable, optional
        See `ddsing.engine.render.blocks` and `ddsing.engine.full_band.blocks`.
    """
    options: dict[str, Any] = {"n_samples": n_samples, "seed": take.settings.seed, "added": added, "progress": progress}
    if take.rate_hz == FULL_BAND_RATE:
        return full_band.blocks(part, added_above=added_above, **options)
    return render.blocks(part, first_frames=render.FIRST_FRAMES, **options)
