"""What comparisons keep in memory: a take's sound never changes, so all of it is kept by the take's id; bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ddsing.constants import SAMPLE_RATE
from ddsing.transfer.take import Take
from ddsing.ui.shell import per_workspace

if TYPE_CHECKING:
    from ddsing.jobs.paces import Paces
    from ddsing.jobs.time_left import Part

SOUNDS = 24
CURVES = 32


def sound(take: Take, name: str = "result", *, rate_hz: int = SAMPLE_RATE) -> np.ndarray:
    """A take's sound, float32 [shape=(n_samples,)]; ``result`` or ``original``."""
    return _sound(take.id, name, rate_hz, take)


@per_workspace.data(max_entries=SOUNDS, show_spinner=False)
def _sound(take_id: str, name: str, rate_hz: int, _take: Take) -> np.ndarray:
    from ddsing.experiments.comparison import measure

    return measure.sound(_take, name, rate_hz=rate_hz)


def curves(take: Take, *, original: bool = False):
    """What is drawn of a take, or of the recording that it was made from."""
    return _curves(take.id, original, take)


@per_workspace.data(max_entries=CURVES, show_spinner=False)
def _curves(take_id: str, original: bool, _take: Take):
    from ddsing.experiments.comparison import measure
    from ddsing.plots.comparison import Sung
    from ddsing.sound.features import loudness_of

    arrays = _take.curves()
    suffix = "" if original else "_used"
    sung = measure.sung_frames(arrays["f0_confidence"], arrays["loudness_db" + suffix], generation=_take.generation)
    heard_db = loudness_of(sound(_take, "original" if original else "result"))
    name = _take.source if original else _take.name
    return Sung(name, arrays["f0_hz" + suffix], sung, heard_db, original)


def metrics(takes: list[Take]) -> list:
    """The metrics of each take that was measured; None for the others."""
    from ddsing.experiments.comparison import measure

    return [measure.known(take) for take in takes]


def to_measure(takes: list[Take], *, complete: bool = False) -> list[Take]:
    """Those of the takes that are to be measured; `complete` is for some that an older version measured."""
    return [take for take, kept in zip(takes, metrics(takes)) if kept is None or (complete and not kept.complete)]


def part(known: Paces, sound_s: float) -> Part:
    """The part that measuring is, of so many seconds of sound."""
    from ddsing.experiments.comparison import measure
    from ddsing.work.kinds import MEASURING

    return known.part(MEASURING, sound_s, measure.PACE, guess_s=measure.GUESS_S, turn=0)
