"""The options of orders, as pages make them, for each kind of work: what JSON can hold of what it needs to know.

Public: `transfer`, `phrase`, `played`, `score`, `points`, `top`, and `owner`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddsing.workspace import Workspace

if TYPE_CHECKING:
    from ddsing.instrument import Instrument
    from ddsing.play.edit import ScoreEdit
    from ddsing.play.played import Played
    from ddsing.play.score import Line
    from ddsing.play.style import Style
    from ddsing.sound.curve.edit import PitchEdit
    from ddsing.transfer.first_sound import FirstSound
    from ddsing.transfer.morph import Morph
    from ddsing.transfer.settings import Settings
    from ddsing.work.order import Order


def transfer(
    instruments: Sequence[Instrument],
    settings: Settings,
    tracker: str,
    morph: Morph | None = None,
    *,
    owners: Sequence[Workspace | None] = (),
    z_source: Path | None = None,
    edit: PitchEdit | None = None,
    first: FirstSound | None = None,
) -> dict[str, Any]:
    """What a transfer, with one instrument or a mixture, needs to know beside the recording.

    Parameters
    ----------
    owners : Sequence of Workspace or None
        The workspace that each instrument lies in, where that is not the one that orders; empty if all lie in that.
    z_source : Path or None
        The example that timbre comes from, where the settings name one.
    edit : PitchEdit or None
        What is changed in the recording's pitch curve.
    first : FirstSound or None
        What is heard until the take is there.
    """
    return {
        "instruments": [_about(one, owner) for one, owner in zip(instruments, owners or [None] * len(instruments))],
        "z_source": None if z_source is None else str(z_source),
        "settings": settings.to_json(),
        "tracker": tracker,
        "morph": None if morph is None else morph.to_json(),
        "pitch_edit": edit.to_json() if edit else None,
        "first_sound": None if first is None else first.to_json(),
    }


def phrase(instrument: Instrument, owner: Workspace | None, z: Sequence[Sequence[float]] = ()) -> dict[str, Any]:
    """What the built-in phrase needs to know: the instrument, and no z, one, or the first and the last."""
    return {"instruments": [_about(instrument, owner)], "z": list(map(list, z))}


def played(instrument: Instrument, owner: Workspace | None, what: Played) -> dict[str, Any]:
    """What a take of what was played needs to know."""
    return {"instruments": [_about(instrument, owner)], "played": what.to_json()}


def score(
    instrument: Instrument,
    owner: Workspace | None,
    line: Line,
    style: Style,
    *,
    style_name: str,
    transpose: int | None,
    seed: int,
    edit: ScoreEdit | None,
    warnings: Sequence[str] = (),
    first: FirstSound | None = None,
) -> dict[str, Any]:
    """What a take of a score needs to know; all but `owner` and `first` as in `ddsing.play.sing.sing`."""
    return {
        "instruments": [_about(instrument, owner)],
        "line": line.to_json(),
        "style": style.to_json(),
        "style_name": style_name,
        "transpose": transpose,
        "seed": seed,
        "edit": edit.to_json() if edit else None,
        "warnings": list(warnings),
        "first_sound": None if first is None else first.to_json(),
    }


def points(voice: str, instrument: Instrument, owner: Workspace | None) -> dict[str, Any]:
    """What the z of a voice's windows need to know."""
    return {"instruments": [_about(instrument, owner)], "voice": voice}


def top(instrument: Instrument, voice: str) -> dict[str, Any]:
    """What a top needs to know: the visitor's own instrument, and the voice whose recordings it is made from."""
    return {"instruments": [_about(instrument, None)], "voice": voice}


def _about(instrument: Instrument, owner: Workspace | None) -> dict[str, Any]:
    place = None if owner is None else str(owner.root)
    return {"name": instrument.name, "digest": instrument.digest, "workspace": place}


def owner(order: Order) -> Path | None:
    """The workspace in which all instruments of an order lie, if that is not the one that orders."""
    places = {about["workspace"] for about in order.options.get("instruments", ())}
    return Path(places.pop()) if len(places) == 1 and None not in places else None
