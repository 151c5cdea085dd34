"""The kinds of work that pages order, and the one function that does each, wherever it is done.

Public: `AtHand`, `KINDS`, `do`, `wav_of`, `read_so_far`.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ddsing.errors import InstrumentError
from ddsing.experiments.comparison import heard, measure
from ddsing.instrument import Instrument
from ddsing.instrument.models import Models
from ddsing.sound import features, pitch
from ddsing.sound.features import FeatureCache
from ddsing.transfer import first_sound, pipeline, stages
from ddsing.transfer.first_reading import FirstReading
from ddsing.transfer.first_sound import FirstSound
from ddsing.transfer.morph import Morph
from ddsing.transfer.settings import Settings
from ddsing.transfer.take import Take, read_edit
from ddsing.transfer.takes import TakeStore
from ddsing.work import counted
from ddsing.work.order import Order
from ddsing.workspace import Workspace

if TYPE_CHECKING:
    from ddsing.sound.recording import Recording

MEASURING = "measuring"
READING = "first reading"
_BEGINNING = "beginning"  # in the cache, in the place of a tracker
Report = Callable[[str, float | None], None]


@dataclass(frozen=True, eq=False)
class AtHand:
    """What the process that does a work has in memory already; without any of it the result is the same.

    Attributes
    ----------
    models : Models
        Opened instruments and loaded networks.
    instruments : Mapping[str, Instrument]
        Opened ones by digest.
    begun : FirstReading or None
        A first reading of the recording, which is read to its end where pitch by its tracker is needed.
    recordings : Mapping[str, Recording]
        Decoded ones by their files' paths.
    takes : TakeStore or None
        Where a take is kept, if not among the workspace's.
    """

    models: Models
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    begun: FirstReading | None = None
    recordings: Mapping[str, Recording] = field(default_factory=dict)
    takes: TakeStore | None = None


def do(workspace: Workspace, order: Order, at_hand: AtHand, report: Report) -> dict[str, Any]:
    """Do what is ordered.

    Parameters
    ----------
    report : callable
        Told the stage in words and the share of it that is done; raises `Cancelled` to stop, and nothing is kept then.

    Returns
    -------
    dict
        What came of it; JSON can hold it. Of a transfer, ``take`` is the new take's id, and ``heard_as`` the name of
        its first sound, if it had one.
    """
    return KINDS[order.kind](workspace, order, at_hand, report)


def wav_of(result: Mapping[str, Any]) -> bytes:
    """The sound in the result of a phrase."""
    return base64.b64decode(result["wav"])


def _transfer(workspace: Workspace, order: Order, at_hand: AtHand, report: Report) -> dict[str, Any]:
    options, morph = order.options, order.options["morph"]
    assert order.sound is not None
    _read_to_the_end(at_hand, options["tracker"], report)
    instruments = [_instrument(workspace, about, at_hand) for about in options["instruments"]]
    run = functools.partial(
        pipeline.run,
        workspace,
        order.sound,
        instruments,
        Settings.from_json(options["settings"]),
        morph=None if morph is None else Morph.from_json(morph),
        source_name=order.sound.name,
        models=at_hand.models,
        z_source=_timbre(options["z_source"], at_hand),
        edit=read_edit(options),
    )
    with first_sound.heard(workspace, options.get("first_sound")) as (first, heard_at):
        if first is not None and first.instant:
            finding = stages.doing("features")  # which takes nearly all of the time, and is just to begin

            def tell(stage: str, done: float | None) -> None:
                report(finding, 0.0)

            def quick(*, tracker: str, store: TakeStore) -> Take:
                _read_to_the_end(at_hand, tracker, tell)
                return run(tracker=tracker, progress=tell, store=store, heard_at=heard_at)

            first_sound.sing(workspace, first.name, quick)
        with counted.transfer():
            take = run(
                tracker=options["tracker"],
                progress=lambda stage, done: report(stages.doing(stage), done),
                store=at_hand.takes,
                heard_at=heard_at,
            )
        heard.remember(workspace.cache, take)  # so that the page need not
    return _made(take, first)


def _timbre(path: str | None, at_hand: AtHand) -> Recording | np.ndarray | None:
    """The other recording that timbre comes from, decoded once for whatever is sung with it."""
    return None if path is None else at_hand.recordings.get(path) or pipeline.decoded(Path(path))


def _made(take: Take, first: FirstSound | None) -> dict[str, Any]:
    """A take's id, and as what it was heard before."""
    return {"take": take.id} | ({} if first is None else {"heard_as": first.name})


def _instrument(workspace: Workspace, about: Mapping[str, Any], at_hand: AtHand) -> Instrument:
    """The instrument as it was when the work was ordered."""
    place = workspace if about["workspace"] is None else Workspace(Path(about["workspace"]))
    found = at_hand.instruments.get(about["digest"]) or at_hand.models.open(place, about["name"])
    if found.digest != about["digest"]:
        raise InstrumentError(
            f"The instrument {about['name'][:80]!r} was replaced while this waited. Start it again to use the new one."
        )
    return found


def _analyse(workspace: Workspace, order: Order, at_hand: AtHand, report: Report) -> dict[str, Any]:
    assert order.sound is not None
    _read_to_the_end(at_hand, order.options["tracker"], report)
    tell = functools.partial(report, stages.doing("features"))
    cache = FeatureCache(workspace.cache / "features")
    features.extract(order.sound.audio, tracker=order.options["tracker"], cache=cache, progress=tell)
    return {}


def _read_to_the_end(at_hand: AtHand, tracker: str, report: Report) -> None:
    reading, tell = at_hand.begun, functools.partial(report, stages.doing("features"))
    while reading is not None and reading.tracker == tracker and reading.advance(tell):
        pass


def _read_first(workspace: Workspace, order: Order, at_hand: AtHand, report: Report) -> dict[str, Any]:
    """A first reading; what is known of it is kept after the first minute, and at the end."""
    assert order.sound is not None
    key, cache = order.sound.key, FeatureCache(workspace.cache / "features")
    reading = FirstReading(order.sound.audio, key, cache)
    while reading.advance(functools.partial(report, stages.doing("features"))):
        if reading.track is not None:
            cache.put(key, _BEGINNING, *reading.track)
    with contextlib.suppress(OSError):
        cache.path(key, _BEGINNING).unlink(missing_ok=True)
    return {}


def read_so_far(workspace: Workspace, key: str) -> tuple[tuple[np.ndarray, np.ndarray] | None, bool]:
    """What a first reading has found of a recording: ``f0_hz`` and ``f0_confidence``, and whether that is all of it."""
    cache = FeatureCache(workspace.cache / "features")
    for name in (pitch.quickest(), _BEGINNING):
        found = cache.get(key, name)
        if found is not None:
            return (found["f0_hz"], found["f0_confidence"]), name != _BEGINNING
    return None, False


def _measure(workspace: Workspace, order: Order, at_hand: AtHand, report: Report) -> dict[str, Any]:
    store, cache = TakeStore(workspace), FeatureCache(workspace.cache / "features")
    takes = list(map(store.get, order.options["takes"]))
    ends_s = list(itertools.accumulate((take.duration_s for take in takes), initial=0.0))
    for take, before_s in zip(takes, ends_s):

        def share(done: float, before_s: float = before_s, length_s: float = take.duration_s) -> None:
            report(MEASURING, (before_s + done * length_s) / ends_s[-1])

        measure.measure(take, complete=order.options["complete"], cache=cache, progress=share)
    return {}


def _report(workspace: Workspace, order: Order, at_hand: AtHand, report: Report) -> dict[str, Any]:
    """The report on a voice; what it needs is kept in the cache, from where a page reads it."""
    from ddsing.dataset import report as reports
    from ddsing.dataset import voices

    voice = voices.get(workspace, order.options["voice"])
    reports.report(voice, tracker=pitch.quickest(load=True), progress=report)
    return {}


def _phrase(workspace: Workspace, order: Order, at_hand: AtHand, report: Report) -> dict[str, Any]:
    """The phrase as WAV, in base64."""
    from ddsing.latent import sound

    (instrument,) = [_instrument(workspace, about, at_hand) for about in order.options["instruments"]]
    model, z = at_hand.models, list(map(np.array, order.options["z"]))
    wav = sound.sing(model.get(instrument)[0], instrument, *z) if z else model.audition(instrument)
    return {"wav": base64.b64encode(wav).decode("ascii")}


def _played(workspace: Workspace, order: Order, at_hand: AtHand, report: Report) -> dict[str, Any]:
    """A take of what was played on keys."""
    from ddsing.play import played

    (instrument,) = [_instrument(workspace, about, at_hand) for about in order.options["instruments"]]
    with counted.transfer():
        take = played.render(
            workspace,
            played.Played.from_json(order.options["played"]),
            instrument,
            models=at_hand.models,
            progress=lambda stage, done: report(stages.doing(stage), done),
            store=at_hand.takes,
        )
    heard.remember(workspace.cache, take)
    return {"take": take.id}


def _sing(workspace: Workspace, order: Order, at_hand: AtHand, report: Report) -> dict[str, Any]:
    """A take of a score."""
    from ddsing.play import sing
    from ddsing.play.edit import ScoreEdit
    from ddsing.play.score import Line
    from ddsing.play.style import Style

    options = order.options
    (instrument,) = [_instrument(workspace, about, at_hand) for about in options["instruments"]]
    with counted.transfer(), first_sound.heard(workspace, options.get("first_sound")) as (first, heard_at):
        take = sing.sing(
            workspace,
            Line.from_json(options["line"]),
            instrument,
            Style.from_json(options["style"]),
            style_name=options["style_name"],
            transpose=options["transpose"],
            seed=options["seed"],
            edit=None if options["edit"] is None else ScoreEdit.from_json(options["edit"]),
            models=at_hand.models,
            progress=lambda stage, done: report(stages.doing(stage), done),
            store=at_hand.takes,
            warnings=tuple(options["warnings"]),
            heard_at=heard_at,
        )
        heard.remember(workspace.cache, take)
    return _made(take, first)


def _points(workspace: Workspace, order: Order, at_hand: AtHand, report: Report) -> dict[str, Any]:
    """The z of a voice's windows, which are kept in the cache, from where a page reads them."""
    from ddsing.dataset import voices
    from ddsing.latent import points

    (instrument,) = [_instrument(workspace, about, at_hand) for about in order.options["instruments"]]
    encoder = at_hand.models.get(instrument)[0].encoder
    assert encoder is not None
    voice = voices.get(workspace, order.options["voice"])
    points.points(voice, instrument, encoder, progress=functools.partial(report, MEASURING))
    return {}


def _top(workspace: Workspace, order: Order, at_hand: AtHand, report: Report) -> dict[str, Any]:
    """Give an instrument a top from a voice's recordings; ``said`` is what came of it."""
    from ddsing.training import top

    (about,) = order.options["instruments"]
    instrument = _instrument(workspace, about, at_hand)
    given = top.give(workspace, about["name"], voice=order.options["voice"], progress=report, digest=instrument.digest)
    return {"said": top.said(given)}


KINDS: Mapping[str, Callable[[Workspace, Order, AtHand, Report], dict[str, Any]]] = {
    "transfer": _transfer,
    "analyse": _analyse,
    READING: _read_first,
    "measure": _measure,
    "report": _report,
    "phrase": _phrase,
    "played": _played,
    "score": _sing,
    "points": _points,
    "top": _top,
}
