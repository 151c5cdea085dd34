"""Of what parts a transfer consists, and what each is expected to take on this computer."""

import math
from collections.abc import Sequence
from dataclasses import replace

from ddsing.constants import SAMPLE_RATE
from ddsing.jobs.paces import Paces
from ddsing.jobs.time_left import Part
from ddsing.model.config import ModelConfig
from ddsing.sound import pitch
from ddsing.transfer import stages
from ddsing.transfer.stages import Stages

_PITCH_S = {"full": 1.0, "fast": 0.4, "tiny": 0.1, "instant": 0.03}  # per second of sound on two cores of 2023
_RENDER_S, _TOP_S = 0.07, 0.05
_TELLING_S = 2.0


def finding_pitch(
    known: Paces, tracker: str, sound_s: float, *, stage: str = stages.doing("features"), turn: int = 0
) -> Part:
    """The part in which so many seconds of sound are analysed."""
    return known.part(stage, sound_s, pitch.pace_key(tracker), guess_s=_PITCH_S[tracker], turn=turn)


def parts(
    known: Paces,
    configs: Sequence[ModelConfig],
    *,
    tracker: str,
    sound_s: float,
    to_analyse_s: float,
    rate_hz: int = SAMPLE_RATE,
) -> list[Part]:
    """Those of a transfer to one or several instruments; its stages are called as `ddsing.transfer.stages` says.

    Parameters
    ----------
    sound_s, to_analyse_s : float
        Seconds of the recording, and of that whose pitch isn't known yet.
    rate_hz : int
        Of the take, see `ddsing.transfer.band.planned_rate_hz`; each rate has a pace of its own.
    """
    pitch_part = finding_pitch(known, tracker, to_analyse_s)
    both = pitch_part, singing(known, configs, sound_s, rate_hz=rate_hz)
    return [replace(part, key="") for part in both]  # `learn` keeps them


def singing(known: Paces, configs: Sequence[ModelConfig], sound_s: float, *, rate_hz: int = SAMPLE_RATE) -> Part:
    """The part in which instruments together sing so many seconds of sound, at a sample rate."""
    guess_s = _RENDER_S * len(configs) + (_TOP_S if rate_hz > SAMPLE_RATE else 0.0)
    return known.part(stages.doing("render"), sound_s, singing_key(configs, rate_hz), guess_s=guess_s, turn=1)


def learn(
    known: Paces, configs: Sequence[ModelConfig], took: Stages, *, tracker: str, sound_s: float, rate_hz: int
) -> None:
    """Keep how fast a transfer went; a short one says little."""
    if sound_s < _TELLING_S:
        return
    known.learn(
        {
            key: took.seconds[stage] / sound_s
            for stage, key in (("features", pitch.pace_key(tracker)), ("render", singing_key(configs, rate_hz)))
            if stage not in took.reused + took.eased
        }
    )


def singing_key(configs: Sequence[ModelConfig], rate_hz: int = SAMPLE_RATE) -> str:
    """What the pace of singing is kept under: how large the models are, and the sample rate where it is not 16 kHz."""
    sizes = sorted(sum(math.prod(shape) for shape in config.weight_shapes().values()) for config in configs)
    at = "" if rate_hz == SAMPLE_RATE else f"/{rate_hz} Hz"
    return "transfer/singing/" + "+".join(map(str, sizes)) + at
