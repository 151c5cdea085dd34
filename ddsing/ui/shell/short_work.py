"""Short work of which a page shows nothing before it is done: the built-in phrase, and the z of a voice's windows.

A local dashboard does it in the page's own thread, a hosted one has it done by its workers in their fair order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ddsing.sound import audio
from ddsing.sound import wave as waves
from ddsing.sound.wave import Wave
from ddsing.ui.shell import caches, opened, ordered, per_workspace

if TYPE_CHECKING:
    from ddsing.dataset.voices import Voice
    from ddsing.instrument import Instrument
    from ddsing.instrument.library import Entry
    from ddsing.latent.points import Points

AUDITIONS = 16
_PHRASE_S, _POINTS_S = 2.0, 20.0  # for the time left of those who wait behind it


def audition(entry: Entry) -> bytes:
    """The built-in phrase sung by an instrument, as WAV."""
    with opened.owner_of(entry.path):
        return _audition(caches.stamp(entry.path), entry)


@per_workspace.data(max_entries=AUDITIONS, show_spinner="Singing a phrase")
def _audition(stamp: tuple[str, int, int], _entry: Entry) -> bytes:
    return phrase(_entry, caches.instrument(_entry))


def audition_wave(entry: Entry) -> Wave:
    """How that phrase looks."""
    with opened.owner_of(entry.path):
        return _audition_wave(caches.stamp(entry.path), entry)


@per_workspace.data(max_entries=AUDITIONS, show_spinner=False)
def _audition_wave(stamp: tuple[str, int, int], _entry: Entry) -> Wave:
    return waves.of(audio.decode(audition(_entry)))


def phrase(entry: Entry, instrument: Instrument, z: Sequence[Sequence[float]] = ()) -> bytes:
    """The built-in phrase as WAV: with one z throughout, from one z to another, or with that of a hum."""
    from ddsing.work import kinds, order_options
    from ddsing.work.kinds import AtHand
    from ddsing.work.order import Order

    options = order_options.phrase(instrument, opened.owner(entry.path), z)
    if ordered.by_workers():
        return kinds.wav_of(ordered.done("phrase", options, expected_s=_PHRASE_S))
    at_hand = AtHand(caches.models(), {instrument.digest: instrument})
    return kinds.wav_of(kinds.do(opened.workspace(), Order("phrase", "", options), at_hand, lambda stage, share: None))


def points(entry: Entry, instrument: Instrument, voice: Voice) -> Points:
    """The z of a voice's windows as an instrument hears them."""
    from ddsing.latent import points as latent_points
    from ddsing.work import order_options

    known = latent_points.known(voice, instrument)
    if known is None and ordered.by_workers():
        options = order_options.points(voice.name, instrument, opened.owner(entry.path))
        ordered.done("points", options, expected_s=_POINTS_S)
        known = latent_points.known(voice, instrument)
    if known is None:  # on a hosted dashboard only where the disk takes nothing more
        encoder = caches.models().get(instrument)[0].encoder
        assert encoder is not None
        known = latent_points.points(voice, instrument, encoder)
    return known
