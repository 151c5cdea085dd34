"""Of what parts a transfer consists, and what each is expected to take on this computer."""

import math
from collections.abc import Sequence
from dataclasses import replace

from ddsing.jobs.paces import Paces
from ddsing.jobs.time_left import Part
from ddsing.model.config import ModelConfig
from ddsing.sound import pitch
from ddsing.transfer import stages
from ddsing.transfer.stages import Stages

_PITCH_S = {"full": 1.0, "fast": 0.4, "tiny": 0.1, "instant": 0.03}  # per second of sound on two cores of 2023
_RENDER_S = 0.07
_TELLING_S = 2.0


def finding_pitch(
    known: Paces, tracker: str, sound_s: float, *, stage: str = stages.doing("features"), turn: int = 0
) -> Part:
    """The part in which so many seconds of sound are analysed."""
    return known.part(stage, sound_s, pitch.pace_key(tracker), guess_s=_PITCH_S[tracker], turn=turn)


def parts(
    known: Paces, configs: Sequence[ModelConfig], *, tracker: str, sound_s: float, to_analyse_s: float
) -> list[Part]:
    """Those of a transfer to one or several instruments; its stages are called as `ddsing.transfer.stages` says.

    Parameters
    ----------
    sound_s, to_analyse_s : float
        Seconds of the recording, and of that whose pitch isn't known yet.
    """
    pitch_part = finding_pitch(known, tracker, to_analyse_s)
    return [replace(part, key="") for part in (pitch_part, singing(known, configs, sound_s))]  # `learn` keeps them


def singing(known: Paces, configs: Sequence[ModelConfig], sound_s: float) -> Part:
    """The part in which instruments together sing so many seconds of sound."""
    guess_s = _RENDER_S * len(configs)
    return known.part(stages.doing("render"), sound_s, singing_key(configs), guess_s=guess_s, turn=1)


def learn(known: Paces, configs: Sequence[ModelConfig], took: Stages, *, tracker: str, sound_s: float) -> None:
    """Keep how fast a transfer went; a short one says little."""
    if sound_s < _TELLING_S:
        return
    known.learn(
        {
            key: took.seconds[stage] / sound_s
            for stage, key in (("features", pitch.pace_key(tracker)), ("render", singing_key(configs)))
            if stage not in took.reused
        }
    )


def singing_key(configs: Sequence[ModelConfig]) -> str:
    """What the pace of singing is kept under: how large the models are."""
    sizes = sorted(sum(math.prod(shape) for shape in config.weight_shapes().values()) for config in configs)
    return "transfer/singing/" + "+".join(map(str, sizes))
